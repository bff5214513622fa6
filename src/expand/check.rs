//! The check of a whole manifest: every complaint once, and no two takes in one file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher as _};

use crate::domain::diagnostic::{Diagnostic, Place, Severity};
use crate::domain::id::{ShotId, TakeNo, Variant};
use crate::expand::expansion::{Expanded, Expansion};
use crate::expand::profile::KLING_IMAGE_O1;
use crate::expand::wanted::{FileName, NamePart, Wanted};
use crate::manifest::model::{Shot, Status};

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Every complaint once, in the order of their places.
    pub complaints: Vec<Diagnostic>,
    /// The shots, by their index, that are to be bought and cannot be as they stand, each with the
    /// index of its first error among the complaints.
    pub invalid: BTreeMap<usize, usize>,
    /// The shots that cannot be bought as they stand, but are not to be either by their status.
    ///
    /// What is wrong with them is a warning, and nothing at all for a shot that is omitted.
    pub idle: BTreeSet<usize>,
}

impl Checked {
    /// Tells whether a shot, by its index, cannot be bought as it stands, to be bought or not.
    #[must_use]
    pub fn is_left_out(&self, shot: usize) -> bool {
        self.invalid.contains_key(&shot) || self.idle.contains(&shot)
    }

    /// Tells whether anything stops a purchase.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.complaints.iter().any(Diagnostic::is_error)
    }
}

impl Expansion<'_> {
    /// Checks everything.
    #[must_use]
    pub fn check(&self) -> Checked {
        self.walk(|_, _| {})
    }

    /// Checks everything and passes every shot's variants on, in the manifest's order.
    ///
    /// A shot with an error passes none. That two takes share a name is known only at the end, so
    /// what was passed on counts for nothing if the check then has errors.
    pub fn walk(&self, mut visit: impl FnMut(usize, Vec<Wanted>)) -> Checked {
        let mut complaints = Complaints::default();
        self.shared(&mut complaints);
        let (mut invalid, mut idle) = (BTreeMap::new(), BTreeSet::new());
        let mut names = Names::default();
        for (at, shot) in self.shots().iter().enumerate() {
            let Expanded {
                wanted,
                complaints: found,
            } = self.expand(&shot);
            let is_broken = found.iter().any(Diagnostic::is_error);
            let status = self.status_of(&shot);
            let runs = matches!(status, Status::Todo | Status::Retake);
            if status != Status::Omit {
                for complaint in found {
                    let is_error = complaint.is_error();
                    let slot = complaints.add(complaint, runs);
                    if runs && is_error {
                        invalid.entry(at).or_insert(slot);
                    }
                }
            }
            if is_broken {
                if !runs {
                    idle.insert(at);
                }
                continue;
            }
            for wanted in &wanted {
                names.add(at, wanted);
            }
            visit(at, wanted);
        }
        for (first, second, name) in self.clashes(names) {
            let shots = [first, second].map(|owner| self.shots().get(index(owner)));
            let [Some(one), Some(other)] = shots else {
                continue;
            };
            let slot = complaints.add(clash(&one, &other, &name), true);
            for owner in [first, second] {
                invalid.entry(index(owner)).or_insert(slot);
            }
        }
        let (complaints, places) = complaints.finish();
        for slot in invalid.values_mut() {
            *slot = places[*slot];
        }
        Checked {
            complaints,
            invalid,
            idle,
        }
    }

    /// Complains of what is broken whether or not a shot uses it.
    fn shared(&self, complaints: &mut Complaints) {
        let mut add = |complaint: &Diagnostic| {
            complaints.add(complaint.clone(), true);
        };
        self.presets.complaints().for_each(&mut add);
        self.bible
            .complaints(&KLING_IMAGE_O1)
            .iter()
            .for_each(&mut add);
        if let Err(flaws) = &self.names {
            flaws.iter().for_each(&mut add);
        }
    }

    /// Finds takes that share a name. Numbers that agree are followed up by the names themselves.
    fn clashes(&self, mut names: Names) -> Vec<(Owner, Owner, String)> {
        if names.unsettled {
            names = self.every_take();
        }
        names.seen.sort_unstable();
        let mut clashes = Vec::new();
        for pair in names.seen.windows(2) {
            let (one, other) = (&pair[0], &pair[1]);
            if one.0 != other.0 || (one.1 == other.1 && one.2 == other.2) {
                continue;
            }
            let owners = [(one.1, one.2), (other.1, other.2)];
            let [Some(one), Some(other)] = owners.map(|owner| self.again(owner)) else {
                continue;
            };
            if let Some(name) = common(&one, &other) {
                clashes.push((owners[0], owners[1], name));
            }
        }
        clashes
    }

    fn again(&self, owner: Owner) -> Option<Wanted> {
        self.one(index(owner), owner.1).ok().flatten()
    }

    /// Writes every name out, for templates whose numbers could run into other text.
    fn every_take(&self) -> Names {
        let mut names = Names::default();
        for at in 0..self.shots().len() {
            for wanted in self.wanted(at).unwrap_or_default() {
                for take in 1..=wanted.takes {
                    let name = folded(&wanted.name, TakeNo(take));
                    names.seen.push((digest(&name), short(at), wanted.variant));
                }
            }
        }
        names
    }
}

/// Complains of two takes in one file; the shots are the same where two variants of one clash.
fn clash(one: &Shot, other: &Shot, name: &str) -> Diagnostic {
    let is_one_shot = one.id.value == other.id.value;
    let place = |shot: &Shot| shot.id.place.unwrap_or(shot.place);
    let message = if is_one_shot {
        format!("two variants of the shot would share the file name `{name}`")
    } else {
        format!(
            "shots `{}` and `{}` would share the file name `{name}`",
            one.id.value, other.id.value
        )
    };
    let complaint = Diagnostic::error("name-clash", message)
        .at(place(other))
        .of_shot(&other.id.value)
        .expected("names that differ in letters, digits, `.`, `_` or `-`, whatever their case");
    if is_one_shot {
        return complaint.help("put `<_{variant:02}>` into `name` under `[show]`");
    }
    complaint
        .related(Some(place(one)), format!("shot `{}` is here", one.id.value))
        .help("change one of the ids, or put more of them into `name` under `[show]`")
}

/// A shot's index and a variant of it.
type Owner = (u32, Variant);

/// Shortens a shot's index: a text is refused long before its rows leave 32 bits.
fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn index(owner: Owner) -> usize {
    usize::try_from(owner.0).unwrap_or(usize::MAX)
}

/// File names met so far, each shortened to a number, with whom they belong to.
#[derive(Default)]
struct Names {
    seen: Vec<(u64, u32, Variant)>,
    /// Some name's take number stands where it could run into other digits or text.
    unsettled: bool,
}

impl Names {
    fn add(&mut self, shot: usize, wanted: &Wanted) {
        self.unsettled |= !is_settled(&wanted.name);
        let mut hasher = DefaultHasher::new();
        for part in wanted.name.parts() {
            if let NamePart::Text(text) = part {
                text.bytes()
                    .for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
            }
        }
        self.seen
            .push((hasher.finish(), short(shot), wanted.variant));
    }
}

/// Tells whether two names of this form can only be equal take by take.
///
/// So they are when the number follows something other than a digit and only the extension
/// follows it.
fn is_settled(name: &FileName) -> bool {
    match name.parts() {
        [
            NamePart::Text(before),
            NamePart::Take(_),
            NamePart::Text(dot),
            NamePart::Extension,
        ] => dot == "." && !before.ends_with(|c: char| c.is_ascii_digit()),
        [NamePart::Take(_), NamePart::Text(dot), NamePart::Extension] => dot == ".",
        _ => false,
    }
}

/// Spells a name without case and extension: the extension is known only from the bytes.
fn folded(name: &FileName, take: TakeNo) -> String {
    let mut folded = name.path(take, "");
    folded.make_ascii_lowercase();
    folded
}

/// Shortens a name to a number; names that get the same one are compared themselves.
fn digest(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// Gives the first name that takes of both would share.
fn common(one: &Wanted, other: &Wanted) -> Option<String> {
    let names: BTreeSet<String> = (1..=one.takes)
        .map(|take| folded(&one.name, TakeNo(take)))
        .collect();
    (1..=other.takes)
        .map(TakeNo)
        .find(|take| names.contains(&folded(&other.name, *take)))
        .map(|take| other.name.path(take, other.request.format.word()))
}

/// Complaints, each kept once however many shots run into it.
#[derive(Default)]
struct Complaints {
    kept: Vec<(Diagnostic, Others)>,
    met: HashMap<(&'static str, Option<Place>, String), usize>,
}

/// The shots that ran into a complaint after the first.
#[derive(Default)]
struct Others {
    /// Whether it was found apart from any shot, so that it belongs to none.
    is_shared: bool,
    count: usize,
    last: Option<ShotId>,
}

impl Complaints {
    /// Adds a complaint and gives where it is kept; one about a shot that does not run stops
    /// nothing.
    fn add(&mut self, mut complaint: Diagnostic, stops: bool) -> usize {
        if !stops && complaint.is_error() {
            complaint.severity = Severity::Warning;
        }
        let key = (complaint.code, complaint.place, complaint.message.clone());
        let Some(&at) = self.met.get(&key) else {
            let at = self.kept.len();
            self.met.insert(key, at);
            let others = Others {
                is_shared: complaint.shot.is_none(),
                ..Others::default()
            };
            self.kept.push((complaint, others));
            return at;
        };
        let (first, others) = &mut self.kept[at];
        first.severity = first.severity.min(complaint.severity);
        let Some(shot) = complaint.shot.filter(|_| !others.is_shared) else {
            return at;
        };
        if first.shot.is_none() {
            first.shot = Some(shot);
        } else if first.shot.as_ref() != Some(&shot) && others.last.as_ref() != Some(&shot) {
            others.count += 1;
            others.last = Some(shot);
        }
        at
    }

    /// Gives the complaints in the order of their places, and for each that was added where it
    /// stands in it.
    fn finish(self) -> (Vec<Diagnostic>, Vec<usize>) {
        let told = |(complaint, others): (Diagnostic, Others)| match others.count {
            0 => complaint,
            1 => complaint.fact("the same in 1 more shot"),
            more => complaint.fact(format!("the same in {more} more shots")),
        };
        let mut complaints: Vec<(usize, Diagnostic)> =
            self.kept.into_iter().map(told).enumerate().collect();
        complaints.sort_by_key(|(_, complaint)| (complaint.place.is_none(), complaint.place));
        let mut places = vec![0; complaints.len()];
        let mut kept: Vec<Diagnostic> = Vec::new();
        let mut alike = HashMap::new();
        for (added, complaint) in complaints {
            let key = (complaint.code, complaint.message.clone());
            let met: &mut Alike = alike.entry(key).or_default();
            places[added] = met.last;
            if complaint.is_error() || met.kept < MOST_ALIKE {
                places[added] = kept.len();
                (met.kept, met.last) = (met.kept + 1, kept.len());
                kept.push(complaint);
            } else {
                met.untold += 1;
            }
        }
        for met in alike.values().filter(|met| met.untold > 0) {
            let at = if met.untold == 1 { "place" } else { "places" };
            let told = format!("the same at {} more {at}", met.untold);
            kept[met.last].facts.push(told);
        }
        (kept, places)
    }
}

/// The most places at which the same warning is told, each of them.
const MOST_ALIKE: usize = 10;

/// Complaints of the same words at several places.
#[derive(Default)]
struct Alike {
    kept: usize,
    /// Where the last one that is told stands.
    last: usize,
    untold: usize,
}
