//! What may be bought: the most images a manifest ever asked for, and what people asked for again.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{ImageId, Key, ShotId, TaskId, Variant};
use crate::expand::wanted::Wanted;
use crate::ledger::decision::SetAside;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{End, Fate};
use crate::manifest::model::Status;
use crate::runner::tests::cupboard::Cupboard;

/// A request, as far as it makes a picture, whatever number its variant has.
pub(super) type Picture = (ShotId, Key);

/// How many images may be bought of each picture.
#[derive(Default)]
pub(super) struct Allowed {
    wanted: BTreeMap<Picture, u64>,
    /// What the status column asked for as a retake, beside what there was.
    retakes: BTreeMap<Picture, u64>,
    /// What `--rebuy missing` and retakes allowed besides, once for each image.
    again: BTreeMap<Picture, BTreeSet<(TaskId, u32)>>,
    /// Which image each take became, for ever.
    pub(super) takes: BTreeMap<(ShotId, Variant, u32), ImageId>,
    /// Intents that passed a cap when they became durable, and which.
    pub(super) over: BTreeMap<TaskId, String>,
    /// Whether somebody deleted the run log.
    pub(super) log_was_lost: bool,
}

impl Allowed {
    pub(super) fn want(&mut self, wanted: &Wanted) {
        let picture = (wanted.shot.clone(), wanted.key);
        let asked = if wanted.status == Status::Retake {
            &mut self.retakes
        } else {
            &mut self.wanted
        };
        let most = asked.entry(picture).or_default();
        *most = (*most).max(u64::from(wanted.takes));
    }

    /// A person asks for what is unsure, lost or missing to be bought again.
    pub(super) fn rebuy(&mut self, ledger: &Ledger, images: &Cupboard) {
        for (id, task) in ledger.tasks() {
            let picture = (task.shot.clone(), task.key);
            let again = self.again.entry(picture).or_default();
            for image in &task.images {
                let gone = match &image.fate {
                    Fate::Saved(on_disk) => !images.is_whole(&on_disk.path, on_disk.bytes),
                    Fate::Lost(_) => true,
                    Fate::Produced(_) => false,
                };
                if gone {
                    again.insert((id, image.index));
                }
            }
            if matches!(task.end, Some(End::Unsure(_))) {
                let made = task.takes.count - task.missing();
                again.extend((made..task.takes.count).map(|index| (id, index)));
            }
        }
    }

    /// A person sets takes aside: each may be bought once more.
    pub(super) fn retake(&mut self, ledger: &Ledger, takes: &[SetAside]) {
        for take in takes {
            let Some(task) = ledger.task(take.task) else {
                continue;
            };
            let picture = (task.shot.clone(), task.key);
            let again = self.again.entry(picture).or_default();
            again.insert((take.task, take.index));
        }
    }

    /// Gives how many images may be bought of a picture.
    pub(super) fn most(&self, picture: &Picture) -> u64 {
        let of = |asked: &BTreeMap<Picture, u64>| asked.get(picture).copied().unwrap_or(0);
        let wanted = of(&self.wanted) + of(&self.retakes);
        let again = self.again.get(picture).map_or(0, BTreeSet::len);
        wanted + again as u64
    }
}
