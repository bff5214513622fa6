//! More references than the model takes: which characters send their sheet instead.

use std::collections::BTreeSet;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::digest::Sha256;
use crate::expand::bible::{Kind, Member};
use crate::expand::layers::Settings;
use crate::expand::numbered::Given;
use crate::expand::reference::Held;
use crate::manifest::model::Shot;
use crate::manifest::settings::RefLimit;

/// What was left out of a request so that the model takes it.
#[derive(Clone, Debug)]
pub struct Compacted<'a> {
    /// The characters that send their sheet alone.
    pub characters: Vec<&'a str>,
    /// What of theirs does not go along.
    pub left_out: Vec<Given<'a>>,
    /// How many references there were before.
    pub before: usize,
    /// How many are left.
    pub after: usize,
}

/// The references of a shot, and which characters send their sheet for face and body.
pub(crate) struct Fitting<'c, 'a> {
    members: &'c [&'a Member<'a>],
    own: &'c [Held<'a>],
    most: usize,
    /// For each member, whether its sheet stands for face and body.
    sheets: Vec<bool>,
    before: usize,
    after: usize,
}

impl<'c, 'a> Fitting<'c, 'a> {
    /// Chooses as few characters as need be: none while the model takes all.
    ///
    /// Where one sheet alone would do, that of the character listed last among those goes; else
    /// that which saves most, of equal ones the one listed last. So the first of the cast keep face
    /// and body the longest.
    pub(crate) fn new(members: &'c [&'a Member<'a>], own: &'c [Held<'a>], most: usize) -> Self {
        let mut fitting = Self {
            members,
            own,
            most,
            sheets: vec![false; members.len()],
            before: 0,
            after: 0,
        };
        let written = members.iter().map(|member| member.references.len());
        if written.sum::<usize>() + own.len() <= most {
            return fitting;
        }
        fitting.before = fitting.count();
        fitting.after = fitting.before;
        while fitting.after > most {
            let Some(next) = fitting.next() else { break };
            fitting.sheets[next] = true;
            fitting.after = fitting.count();
        }
        fitting
    }

    /// Tells whether the model takes everything as it stands.
    const fn is_within(&self) -> bool {
        self.before <= self.most
    }

    /// Gives the references of a member that go along; all of them without `compact`.
    pub(crate) fn kept(&self, member: usize, compact: bool) -> impl Iterator<Item = &'a Held<'a>> {
        let of = self.members[member];
        let covered = (compact && self.sheets[member]).then_some(&of.sheet_covers);
        let all = of.references.iter().enumerate();
        all.filter(move |(at, _)| !covered.is_some_and(|covered| covered.contains(at)))
            .map(|(_, held)| held)
    }

    /// Counts the images that would go along, equal ones once.
    fn count(&self) -> usize {
        let members = (0..self.members.len()).flat_map(|member| self.kept(member, true));
        let known = members
            .chain(self.own)
            .filter_map(|held| held.image.as_ref().ok());
        known
            .map(|known| known.digest)
            .collect::<BTreeSet<Sha256>>()
            .len()
    }

    /// Finds the character whose sheet goes next.
    fn next(&mut self) -> Option<usize> {
        let need = self.after - self.most;
        let mut saving = Vec::new();
        for at in 0..self.members.len() {
            let saved = self.saved_by(at);
            if saved > 0 {
                saving.push((at, saved));
            }
        }
        let enough = saving.iter().rev().find(|(_, saved)| *saved >= need);
        enough
            .or_else(|| saving.iter().max_by_key(|(at, saved)| (*saved, *at)))
            .map(|(at, _)| *at)
    }

    /// Counts what a member's sheet would save beyond those that go already.
    fn saved_by(&mut self, at: usize) -> usize {
        let member = self.members[at];
        let is_open = member.kind == Kind::Character && !self.sheets[at];
        if !is_open || member.sheet_covers.is_empty() {
            return 0;
        }
        let before = self.count();
        self.sheets[at] = true;
        let saved = before.saturating_sub(self.count());
        self.sheets[at] = false;
        saved
    }

    /// Gives what was left out, if anything was.
    pub(crate) fn compacted(&self, limit: RefLimit) -> Option<Compacted<'a>> {
        if self.is_within() || self.after > self.most || limit == RefLimit::Error {
            return None;
        }
        let mut left_out = Vec::new();
        let mut characters = Vec::new();
        let members = self.members.iter().zip(&self.sheets);
        for (&member, _) in members.filter(|(_, sheet)| **sheet) {
            characters.push(member.key.as_str());
            let covered = member.sheet_covers.iter();
            let covered = covered.filter_map(|at| member.references.get(*at));
            left_out.extend(covered.map(|held| Given::new(Some(member), held)));
        }
        Some(Compacted {
            characters,
            left_out,
            before: self.before,
            after: self.after,
        })
    }

    /// Complains of what the model does not take, or gives a note of what was left out.
    pub(crate) fn complaint(
        &self,
        limit: RefLimit,
        shot: &Shot,
        settings: &Settings<'_>,
    ) -> Option<Diagnostic> {
        if self.is_within() {
            return None;
        }
        if let Some(compacted) = self.compacted(limit) {
            let place = settings.ref_limit.place.unwrap_or(shot.place);
            let id = &shot.id.value;
            let help = format!("`reshoot explain {id}` shows what is sent, and what is not");
            return Some(compacted.note(self.most).at(place).of_shot(id).help(help));
        }
        let (found, most) = (self.before, self.most);
        let name = settings.model.name;
        let complaint = Diagnostic::error(
            "too-many-references",
            format!("the shot has {found} references"),
        )
        .at(shot.place)
        .of_shot(&shot.id.value)
        .expected(format!("at most {most} ({name}): {found}/{most}"))
        .fact(format!("they come from: {}", self.origins()));
        Some(match limit {
            RefLimit::Error => complaint.help(self.help()),
            RefLimit::Compact => self.still_too_many(complaint),
        })
    }

    /// Says how many references each entry brings along.
    fn origins(&self) -> String {
        let mut met = BTreeSet::new();
        let mut count = |held: &mut dyn Iterator<Item = &Held<'a>>| {
            held.filter_map(|held| held.image.as_ref().ok())
                .filter(|known| met.insert(known.digest))
                .count()
        };
        let mut counts = Vec::new();
        for member in self.members {
            counts.push((member.key.as_str(), count(&mut member.references.iter())));
        }
        counts.push(("the shot's own", count(&mut self.own.iter())));
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        let words: Vec<String> = counts.map(|(name, n)| format!("{name} {n}")).collect();
        words.join(", ")
    }

    /// Says what to do, and which sheets would save how many.
    fn help(&self) -> String {
        let (before, after, most) = (self.before, self.after, self.most);
        let fewer = format!("take {} out, or cast fewer characters", before - most);
        let mut alone = Self::new(self.members, self.own, usize::MAX);
        let mut saving = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            match alone.saved_by(at) {
                0 => {}
                saved => saving.push(format!("{saved} for `{}`", member.key)),
            }
        }
        if saving.is_empty() {
            return fewer;
        }
        let left = after.saturating_sub(most);
        let still = if left > 0 {
            format!(", still {left} too many")
        } else {
            String::new()
        };
        format!(
            "{fewer}; or set `ref_limit = \"compact\"`: a sheet instead of face and body saves {} \
             ({before} -> {after}/{most}{still})",
            saving.join(", "),
        )
    }

    /// Says that not even the sheets help.
    fn still_too_many(&self, complaint: Diagnostic) -> Diagnostic {
        let (before, after, most) = (self.before, self.after, self.most);
        let named = |of: &dyn Fn(usize) -> bool| {
            let members = self.members.iter().enumerate();
            let members = members.filter(|(at, m)| m.kind == Kind::Character && of(*at));
            let names = members.map(|(_, member)| format!("`{}`", member.key));
            names.collect::<Vec<_>>().join(", ")
        };
        let has_sheet = |at: usize| {
            let mut held = self.members[at].references.iter();
            held.any(|held| crate::expand::bible::role(held.reference) == Some("sheet"))
        };
        let sheets = named(&|at| self.sheets[at]);
        let without = named(&|at| !has_sheet(at));
        let complaint = if sheets.is_empty() {
            complaint.fact("no sheet could stand for face and body")
        } else {
            complaint.fact(format!(
                "with the sheet of {sheets} instead of face and body: {before} -> {after}/{most}"
            ))
        };
        let fewer = format!("take {} out, or cast fewer characters", after - most);
        if without.is_empty() {
            complaint.help(fewer)
        } else {
            complaint
                .fact(format!("without a sheet: {without}"))
                .help(format!("{fewer}; a `sheet` stands for face and body"))
        }
    }
}

impl Compacted<'_> {
    /// Says who sends a sheet, and what that makes of the count.
    fn note(&self, most: usize) -> Diagnostic {
        let names: Vec<String> = self.characters.iter().map(|c| format!("`{c}`")).collect();
        let (who, send) = match names.split_last() {
            Some((last, [])) => (last.clone(), "sends its sheet"),
            Some((last, rest)) => (
                format!("{} and {last}", rest.join(", ")),
                "send their sheets",
            ),
            None => (String::new(), "sends its sheet"),
        };
        let (before, after) = (self.before, self.after);
        Diagnostic::note(
            "references-compacted",
            format!("{who} {send} instead of face and body: {before} -> {after}/{most} references"),
        )
    }
}
