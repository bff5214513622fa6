//! `SHOT[@take]` as people write it: ids, globs and takes, found among what is known.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use glob::Pattern;

use crate::cli::show::Show;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::{ShotId, TakeNo, Variant};
use crate::ledger::decision::TakeAt;
use crate::ledger::known::KnownTake;
use crate::manifest::shown::nearest;
use crate::plan::select::glob_has;
use crate::report::decided::spell_take;

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The shot.
    pub shot: ShotId,
    /// One take of it; none for the whole shot.
    pub take: Option<TakeAt>,
}

/// Where targets are looked for.
pub struct Ground<'a> {
    /// The shots of the manifest, in its order.
    listed: Vec<ShotId>,
    /// The same, to look up.
    is_listed: HashSet<ShotId>,
    /// Shots of the manifest that cannot be read.
    unread: HashSet<ShotId>,
    /// The takes of every shot that the run log knows.
    known: &'a BTreeMap<ShotId, Vec<KnownTake>>,
    /// Whether a take must have a picture.
    wants_picture: bool,
}

impl<'a> Ground<'a> {
    /// Gathers what is known.
    #[must_use]
    pub fn of(
        show: &Show,
        known: &'a BTreeMap<ShotId, Vec<KnownTake>>,
        wants_picture: bool,
    ) -> Self {
        let shots = show.manifest.shots.iter();
        let listed: Vec<ShotId> = shots.map(|shot| shot.id.value.clone()).collect();
        let left_out = show.left_out.iter();
        Self {
            is_listed: listed.iter().cloned().collect(),
            listed,
            unread: left_out.filter_map(|left| left.shot.clone()).collect(),
            known,
            wants_picture,
        }
    }

    /// Finds what words name, each target once.
    ///
    /// # Errors
    /// Gives a complaint for every word that names nothing.
    pub fn find(&self, words: &[String]) -> Result<Vec<Target>, Vec<Diagnostic>> {
        let (mut targets, mut complaints) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for word in words {
            match self.find_one(word) {
                Ok(found) => {
                    targets.extend(
                        found
                            .into_iter()
                            .filter(|target| seen.insert(target.clone())),
                    );
                }
                Err(complaint) => complaints.extend(complaint),
            }
        }
        if complaints.is_empty() {
            Ok(targets)
        } else {
            Err(complaints)
        }
    }

    fn find_one(&self, word: &str) -> Result<Vec<Target>, Vec<Diagnostic>> {
        let whole = |shot| Target { shot, take: None };
        if self.is_known(word) {
            return Ok(vec![whole(ShotId::new(word))]);
        }
        let Some((shot, take)) = word.rsplit_once('@') else {
            let shots = self.shots(word).map_err(|complaint| vec![complaint])?;
            return Ok(shots.into_iter().map(whole).collect());
        };
        let shots = self.shots(shot).map_err(|complaint| vec![complaint])?;
        let Some((variant, number)) = parse_take(take) else {
            return Err(vec![no_take(word, take)]);
        };
        let mut targets = Vec::new();
        let mut complaints = Vec::new();
        for shot in shots {
            match self.take(&shot, variant, number) {
                Ok(take) => targets.push(Target {
                    shot,
                    take: Some(take),
                }),
                Err(complaint) => complaints.push(complaint),
            }
        }
        if complaints.is_empty() {
            Ok(targets)
        } else {
            Err(complaints)
        }
    }

    fn is_known(&self, id: &str) -> bool {
        let id = ShotId::new(id);
        self.is_listed.contains(&id) || self.known.contains_key(&id)
    }

    /// Finds shots by id or glob; a glob finds those that are gone from the manifest only where it
    /// finds no other.
    fn shots(&self, word: &str) -> Result<Vec<ShotId>, Diagnostic> {
        if self.is_known(word) {
            return Ok(vec![ShotId::new(word)]);
        }
        if self.unread.contains(&ShotId::new(word)) {
            let message = format!("shot `{word}` cannot be read, so its status is not known");
            return Err(Diagnostic::error("shot-not-sound", message)
                .help("mend it first: `reshoot check` says what is wrong with it"));
        }
        if word.contains(['*', '?', '[']) {
            let glob = Pattern::new(word).map_err(|error| {
                let message = format!("`{word}` cannot be read as a pattern: {}", error.msg);
                Diagnostic::error("bad-glob", message).help(
                    "write `*` for any letters and `[0-9]` for one of several; close each `[`",
                )
            })?;
            let found = |ids: &mut dyn Iterator<Item = &ShotId>| -> Vec<ShotId> {
                let matching = ids.filter(|id| glob_has(&glob, id.as_str()));
                matching.cloned().collect()
            };
            for ids in [
                found(&mut self.listed.iter()),
                found(&mut self.known.keys()),
            ] {
                if !ids.is_empty() {
                    return Ok(ids);
                }
            }
        }
        Err(self.no_shot(word))
    }

    fn no_shot(&self, word: &str) -> Diagnostic {
        let message = format!("no shot is called `{word}`");
        let complaint = Diagnostic::error("unknown-shot", message);
        let ids = || self.listed.iter().chain(self.known.keys());
        let near = nearest(word, ids().map(ShotId::as_str));
        complaint.help(match near {
            _ if ids().next().is_none() => "write shots into the manifest first".to_owned(),
            Some(near) => format!("write `{near}`"),
            None if word.contains('*') => {
                "write another pattern: `*` stops at `/`, `**` does not".to_owned()
            }
            None => "name a shot there is: `reshoot plan -v` lists them".to_owned(),
        })
    }

    /// Finds a take of a shot by its number, and its variant where that is told.
    fn take(
        &self,
        shot: &ShotId,
        variant: Option<Variant>,
        number: TakeNo,
    ) -> Result<TakeAt, Diagnostic> {
        let known = self.known.get(shot).map(Vec::as_slice).unwrap_or_default();
        let fits = known.iter().filter(|known| {
            let at = known.take.at;
            at.take == number && variant.is_none_or(|variant| variant == at.variant)
        });
        let fits: Vec<&KnownTake> = fits.collect();
        let found: BTreeSet<TakeAt> = fits.iter().map(|known| known.take.at).collect();
        let told = variant
            .map(|variant| format!("{variant}_"))
            .unwrap_or_default();
        let (Some(at), Some(last)) = (found.first(), found.last()) else {
            let message = format!("shot `{shot}` has no take {told}{number} in the run log");
            let complaint = Diagnostic::error("unknown-take", message).of_shot(shot);
            return Err(nearest_take(complaint, shot, known, number));
        };
        if at != last {
            let message = format!("shot `{shot}` has several variants with a take {number}");
            let all = found
                .iter()
                .map(|at| format!("`{shot}@{}`", spell_take(*at)));
            let all = all.collect::<Vec<_>>().join(" or ");
            let complaint = Diagnostic::error("which-variant", message).of_shot(shot);
            return Err(complaint.help(format!("write {all}")));
        }
        if self.wants_picture && !fits.iter().any(|known| known.has_picture) {
            let message = format!("there is no picture of take {told}{number} of shot `{shot}`");
            let complaint = Diagnostic::error("no-picture", message).of_shot(shot);
            return Err(complaint.help("approve a take that has one: `reshoot report` lists them"));
        }
        Ok(*at)
    }
}

fn nearest_take(
    complaint: Diagnostic,
    shot: &ShotId,
    known: &[KnownTake],
    number: TakeNo,
) -> Diagnostic {
    let takes = known.iter().map(|known| known.take.at);
    match takes.min_by_key(|at| (at.take.0.abs_diff(number.0), *at)) {
        Some(near) => complaint.help(format!(
            "write `{shot}@{}`, the nearest there is",
            spell_take(near)
        )),
        None => complaint.help("run the show first: nothing was bought for it yet"),
    }
}

fn no_take(word: &str, take: &str) -> Diagnostic {
    Diagnostic::error("bad-take", format!("`{take}` in `{word}` is not a take"))
        .expected("`@v003`, `@3` or, of a variant, `@02_v003`")
        .help(format!(
            "write the take's number, such as `{}@v003`",
            word.split('@').next().unwrap_or(word)
        ))
}

/// Reads a take as file names spell it, or as a bare number.
fn parse_take(text: &str) -> Option<(Option<Variant>, TakeNo)> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (variant, take) = match text.split_once('_') {
        Some((variant, take)) => (Some(Variant(number(variant)?)), take),
        None => (None, text),
    };
    let take = number(take.strip_prefix(['v', 'V']).unwrap_or(take))?;
    (take > 0).then_some((variant, TakeNo(take)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_are_spelled_in_several_ways() {
        let take = |text| parse_take(text).map(|(variant, take)| (variant.map(|v| v.0), take.0));
        for text in ["v003", "3", "003", "V3"] {
            assert_eq!(take(text), Some((None, 3)), "{text}");
        }
        assert_eq!(take("02_v003"), Some((Some(2), 3)));
        assert_eq!(take("2_3"), Some((Some(2), 3)));
        for text in [
            "",
            "v",
            "0",
            "v000",
            "-1",
            "+1",
            "x3",
            "_v003",
            "1_2_3",
            "99999999999",
        ] {
            assert_eq!(take(text), None, "{text}");
        }
    }
}
