//! The shots of a manifest, in the order written.
//!
//! A list may have a million rows. Of a row only its place is kept, twelve bytes; what it says is
//! read again from the list's text when it is asked for, which costs about a microsecond.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::domain::id::ShotId;
use crate::manifest::model::Shot;
use crate::manifest::table::{List, RowAt};

/// Shots in the order written; those of lists are read when they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Shots {
    parts: Vec<Part>,
    count: usize,
    /// The ids of the shots that have variants.
    varied: Vec<ShotId>,
}

#[derive(Clone, Debug)]
enum Part {
    /// Shots as they were read.
    Written(Vec<Shot>),
    /// Rows of a list.
    Rows(List, Vec<RowAt>),
}

impl Shots {
    /// Gives their number.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives the shot at an index, from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Cow<'_, Shot>> {
        let mut index = index;
        for part in &self.parts {
            if index < part.len() {
                return part.get(index);
            }
            index -= part.len();
        }
        None
    }

    /// Gives the first shot.
    #[must_use]
    pub fn first(&self) -> Option<Cow<'_, Shot>> {
        self.get(0)
    }

    /// Gives every shot, in order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Shot>> + Clone {
        let of = |part| (0..Part::len(part)).filter_map(move |at| part.get(at));
        self.parts.iter().flat_map(of)
    }

    /// Gives the ids of the shots that have variants, perhaps of some that are left out.
    #[must_use]
    pub fn varied(&self) -> &[ShotId] {
        &self.varied
    }

    /// Adds a shot at the end.
    pub fn push(&mut self, shot: Shot) {
        self.count += 1;
        if !shot.variants.is_empty() {
            self.varied.push(shot.id.value.clone());
        }
        match self.parts.last_mut() {
            Some(Part::Written(shots)) => shots.push(shot),
            _ => self.parts.push(Part::Written(vec![shot])),
        }
    }

    /// Gives the last shot, for tests that change one; the shots of lists cannot be changed.
    #[cfg(test)]
    pub(crate) fn last_mut(&mut self) -> Option<&mut Shot> {
        let last = self.count.checked_sub(1)?;
        self.get_mut(last)
    }

    /// Gives a shot that does not come from a list, for tests that change one.
    #[cfg(test)]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Shot> {
        match self.parts.as_mut_slice() {
            [Part::Written(shots)] => shots.get_mut(index),
            _ => None,
        }
    }

    /// Leaves only the first shots, as many as are asked for.
    pub fn truncate(&mut self, count: usize) {
        self.take_out(count..self.count);
    }

    /// Takes out the shots at some indices.
    pub(super) fn take_out(&mut self, gone: impl IntoIterator<Item = usize>) {
        let gone: BTreeSet<usize> = gone.into_iter().collect();
        if gone.is_empty() {
            return;
        }
        let mut at = 0;
        let mut stays = || {
            at += 1;
            !gone.contains(&(at - 1))
        };
        for part in &mut self.parts {
            match part {
                Part::Written(shots) => shots.retain(|_| stays()),
                Part::Rows(_, rows) => rows.retain(|_| stays()),
            }
        }
        self.parts.retain(|part| part.len() > 0);
        self.count = self.parts.iter().map(Part::len).sum();
    }

    /// Begins the rows of a list.
    pub(super) fn begin(&mut self, list: List) {
        self.parts.push(Part::Rows(list, Vec::new()));
    }

    /// Adds the row of a sound shot to the list that was begun last.
    pub(super) fn note(&mut self, row: RowAt, shot: &Shot) {
        if let Some(Part::Rows(_, rows)) = self.parts.last_mut() {
            rows.push(row);
            self.count += 1;
            if !shot.variants.is_empty() {
                self.varied.push(shot.id.value.clone());
            }
        }
        // What is read again must be what was read, in every list of every test.
        #[cfg(test)]
        assert_eq!(
            format!("{:?}", self.get(self.count - 1)),
            format!("{:?}", Some(shot))
        );
    }
}

impl From<Vec<Shot>> for Shots {
    fn from(shots: Vec<Shot>) -> Self {
        let mut all = Self::default();
        all.extend(shots);
        all
    }
}

impl Extend<Shot> for Shots {
    fn extend<I: IntoIterator<Item = Shot>>(&mut self, shots: I) {
        shots.into_iter().for_each(|shot| self.push(shot));
    }
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Written(shots) => shots.len(),
            Self::Rows(_, rows) => rows.len(),
        }
    }

    fn get(&self, index: usize) -> Option<Cow<'_, Shot>> {
        match self {
            Self::Written(shots) => shots.get(index).map(Cow::Borrowed),
            Self::Rows(list, rows) => list.shot(*rows.get(index)?).map(Cow::Owned),
        }
    }
}
