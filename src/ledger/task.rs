//! One task's life: what has been learnt of it, and which steps may follow.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::class::Trouble;
use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, ImageId, Key, ShotId, TakeNo, Takes, Variant};
use crate::domain::money::Micros;
use crate::ledger::record::{Ended, Intent, Lost, Produced, RETAKE, Saved};

/// A task as the log knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The takes it buys.
    pub takes: Takes,
    /// The key of these takes.
    pub key: Key,
    /// The attempt its id was derived for.
    pub attempt: Attempt,
    /// The sequence its money counts in.
    pub sequence: Option<Arc<str>>,
    /// What one of its images is expected to cost at the most.
    pub price: Micros,
    /// When it was last about to be sent, as the log was stamped.
    pub sent_at: Option<Timestamp>,
    /// How often it was sent again under its id.
    pub resends: u32,
    /// Whether it was bought because people asked for a retake.
    pub is_retake: bool,
    /// Whether that may be so: older logs do not tell why a task was bought.
    pub may_be_retake: bool,
    /// Whether the provider is known to have it.
    pub accepted: bool,
    /// Its images, by index.
    pub images: Vec<Image>,
    /// How it ended, if not by all its images.
    pub end: Option<End>,
    /// The intent itself, while an image of it may still have to be described.
    pub intent: Option<Arc<Intent>>,
    /// The accounting period of runs that its money counts in.
    pub(super) period: u32,
    /// The signed plan that its money counts under, by its place among the accounts.
    pub(super) plan: Option<u32>,
    /// Model and size, to remember the dearest price under.
    pub(super) price_key: Arc<str>,
}

/// How a task ended without all of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Refused at submit, unpaid.
    Refused(Trouble),
    /// Ended after it was accepted, or given up on; the flag says whether it may be billed.
    Failed(Trouble, bool),
    /// Nobody can tell whether it was bought.
    Unsure(Trouble),
}

impl End {
    /// Gives the trouble it ended in.
    #[must_use]
    pub const fn trouble(&self) -> &Trouble {
        match self {
            Self::Refused(trouble) | Self::Failed(trouble, _) | Self::Unsure(trouble) => trouble,
        }
    }
}

/// One image of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its number within the task.
    pub index: u32,
    /// The provider's name of it.
    pub image: ImageId,
    /// What it is booked at.
    pub cost: Micros,
    /// Whether that price was assumed.
    pub cost_assumed: bool,
    /// The seed it was drawn from.
    pub seed: Option<u64>,
    /// What the content check said.
    pub nsfw: Option<bool>,
    /// Where it is.
    pub fate: Fate,
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// At the provider, under this address where one was told.
    Produced(Option<String>),
    /// On disk.
    Saved(Box<OnDisk>),
    /// Paid for and not to be had any more.
    Lost(Trouble),
}

/// An image on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// The take it became.
    pub take: TakeNo,
    /// Its path below the output folder.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What a task weighs: money that is gone and money that may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// The price of images that were made.
    pub spent: Micros,
    /// The most that is still to be expected.
    pub reserved: Micros,
}

impl Task {
    pub(super) fn begin(intent: &Arc<Intent>, at: Option<Timestamp>, period: u32) -> Self {
        let count = u64::from(intent.takes.count.max(1));
        let size = match (intent.made.size, &intent.made.resolution) {
            (Some((width, height)), _) => format!("{width}x{height}"),
            (None, Some(resolution)) => resolution.clone(),
            (None, None) => String::new(),
        };
        Self {
            shot: intent.shot.clone(),
            variant: intent.variant,
            takes: intent.takes,
            key: intent.key,
            attempt: intent.attempt,
            sequence: intent.made.sequence.as_deref().map(Arc::from),
            price: Micros::new(intent.reserved.get().div_ceil(count)),
            sent_at: at,
            resends: intent.resend,
            is_retake: intent.reason.as_deref() == Some(RETAKE),
            may_be_retake: intent
                .reason
                .as_deref()
                .is_none_or(|reason| reason == RETAKE),
            accepted: false,
            images: Vec::new(),
            end: None,
            intent: Some(Arc::clone(intent)),
            period,
            plan: None,
            price_key: price_key(&intent.made.model, &size),
        }
    }

    /// Tells whether images may still be made, as far as the log knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.is_none() && self.missing() > 0
    }

    /// Tells whether it may have been paid for though nobody can tell.
    ///
    /// A task that was sent again and never answered is in doubt too, until it is settled: its
    /// first send may have bought it.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        match &self.end {
            Some(End::Unsure(_)) => true,
            Some(_) => false,
            None => self.is_open() && !self.accepted && self.resends > 0,
        }
    }

    /// Gives the model's name at the API.
    #[must_use]
    pub fn model(&self) -> &str {
        let named = self.price_key.rsplit_once(' ');
        named.map_or(&*self.price_key, |(model, _size)| model)
    }

    /// Tells whether an image was paid for that is not on disk and not given up.
    #[must_use]
    pub fn has_unsaved(&self) -> bool {
        self.images
            .iter()
            .any(|image| matches!(image.fate, Fate::Produced(_)))
    }

    /// Gives how many images were asked for and have not been made.
    #[must_use]
    pub fn missing(&self) -> u32 {
        let made = u32::try_from(self.images.len()).unwrap_or(u32::MAX);
        self.takes.count.saturating_sub(made)
    }

    /// Gives what the task weighs against caps.
    #[must_use]
    pub fn weight(&self) -> Weight {
        let spent = self.images.iter().map(|image| image.cost).sum();
        let may_be_billed = match &self.end {
            None | Some(End::Unsure(_)) => true,
            Some(End::Failed(_, may_be_billed)) => *may_be_billed,
            Some(End::Refused(_)) => false,
        };
        let open = if may_be_billed {
            u64::from(self.missing())
        } else {
            0
        };
        Weight {
            spent,
            reserved: self.price.times(open),
        }
    }

    pub(super) fn send_again(
        &mut self,
        intent: &Arc<Intent>,
        at: Option<Timestamp>,
        period: u32,
    ) -> Result<(), &'static str> {
        let same = self.shot == intent.shot
            && self.variant == intent.variant
            && self.takes == intent.takes
            && self.key == intent.key;
        if !same {
            return Err("an intent uses the id of a task that buys something else");
        }
        if intent.resend == 0 {
            return Err("a task id is used a second time without being called a resend");
        }
        if self.missing() == 0 {
            return Err("a task that made all its images is sent again");
        }
        self.resends = intent.resend;
        self.sent_at = at.or(self.sent_at);
        self.end = None;
        self.period = period;
        self.intent = Some(Arc::clone(intent));
        Ok(())
    }

    pub(super) fn accept(&mut self) {
        self.accepted = true;
        if matches!(self.end, Some(End::Unsure(_) | End::Refused(_))) {
            self.end = None;
        }
    }

    pub(super) fn produce(&mut self, produced: &Produced) -> Result<(), &'static str> {
        let next = u32::try_from(self.images.len()).unwrap_or(u32::MAX);
        if let Some(known) = self
            .images
            .iter_mut()
            .find(|image| image.index == produced.index)
        {
            if known.image != produced.image {
                return Err("an image's number is given to another image");
            }
            if !matches!(known.fate, Fate::Saved(_)) {
                known.fate = Fate::Produced(produced.url.clone());
            }
            return Ok(());
        }
        if produced.index != next {
            return Err("an image's number leaves a gap");
        }
        if self
            .images
            .iter()
            .any(|image| image.image == produced.image)
        {
            return Err("one image is counted twice");
        }
        self.images.push(Image {
            index: produced.index,
            image: produced.image.clone(),
            cost: produced.cost,
            cost_assumed: produced.cost_assumed,
            seed: produced.seed,
            nsfw: produced.nsfw,
            fate: Fate::Produced(produced.url.clone()),
        });
        self.accepted = true;
        if self.missing() == 0 || matches!(self.end, Some(End::Unsure(_) | End::Refused(_))) {
            self.end = None;
        }
        Ok(())
    }

    pub(super) fn save(&mut self, saved: &Saved) -> Result<(), &'static str> {
        let image = self.image_mut(saved.index)?;
        if let Fate::Saved(before) = &image.fate
            && before.take != saved.take
        {
            return Err("an image is saved as another take than before");
        }
        image.fate = Fate::Saved(Box::new(OnDisk {
            take: saved.take,
            path: saved.path.clone(),
            sha256: saved.sha256,
            bytes: saved.bytes,
        }));
        self.forget_what_is_settled();
        Ok(())
    }

    pub(super) fn lose(&mut self, lost: &Lost) -> Result<(), &'static str> {
        let image = self.image_mut(lost.index)?;
        image.fate = Fate::Lost(lost.trouble.clone());
        self.forget_what_is_settled();
        Ok(())
    }

    pub(super) fn refuse(&mut self, ended: &Ended) -> Result<(), &'static str> {
        if !self.images.is_empty() {
            return Err("a task that made an image is called refused");
        }
        self.end = Some(End::Refused(ended.trouble.clone()));
        self.intent = None;
        Ok(())
    }

    pub(super) fn fail(&mut self, ended: &Ended) -> Result<(), &'static str> {
        if self.missing() == 0 {
            return Err("a task that made all its images is called failed");
        }
        self.end = Some(End::Failed(ended.trouble.clone(), ended.may_be_billed));
        self.forget_what_is_settled();
        Ok(())
    }

    pub(super) fn doubt(&mut self, ended: &Ended) -> Result<(), &'static str> {
        if self.missing() == 0 {
            return Err("a task that made all its images is called unsure");
        }
        self.end = Some(End::Unsure(ended.trouble.clone()));
        Ok(())
    }

    fn image_mut(&mut self, index: u32) -> Result<&mut Image, &'static str> {
        let found = self.images.iter_mut().find(|image| image.index == index);
        found.ok_or("an image is spoken of that was never produced")
    }

    /// Lets go of the intent once no image of it is still to come.
    fn forget_what_is_settled(&mut self) {
        if !self.is_open() && !self.has_unsaved() && !matches!(self.end, Some(End::Unsure(_))) {
            self.intent = None;
        }
    }
}

/// Gives the name under which the dearest price of a model and size is remembered.
#[must_use]
pub fn price_key(model: &str, size: &str) -> Arc<str> {
    format!("{model} {size}").into()
}

impl Image {
    /// Gives the record that told of the image, as far as it is remembered.
    #[must_use]
    pub fn as_produced(&self, task: crate::domain::id::TaskId) -> Produced {
        Produced {
            task,
            index: self.index,
            image: self.image.clone(),
            url: match &self.fate {
                Fate::Produced(url) => url.clone(),
                Fate::Saved(_) | Fate::Lost(_) => None,
            },
            seed: self.seed,
            nsfw: self.nsfw,
            cost: self.cost,
            cost_assumed: self.cost_assumed,
        }
    }
}
