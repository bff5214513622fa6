//! The provider's side: requests on their way, tasks it took, what it billed, what it remembers.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, TaskId};
use crate::domain::money::Micros;
use crate::provider::{Address, Known, Report, ResultImage};
use crate::runner::tests::allowed::Picture;
use crate::runner::tests::cupboard::picture;
use crate::runner::tests::dice::Dice;
use crate::runner::tests::promises;
use crate::runner::tests::sights::Sight;
use crate::runner::tests::universe::State;
use crate::runner::tests::weather::{FOR_EVER, Weather};

/// The provider's books.
#[derive(Default)]
pub(super) struct Books {
    pub(super) sold: BTreeMap<TaskId, Sold>,
    refused: BTreeSet<TaskId>,
    /// Requests on their way, by their numbers.
    wire: BTreeMap<u64, Parcel>,
    /// What was said to requests that arrived.
    words: BTreeMap<u64, Word>,
    next_parcel: u64,
    next_image: u64,
    pub(super) uploads: BTreeSet<ImageId>,
    next_upload: u64,
}

/// A request on its way.
pub(super) struct Parcel {
    pub(super) arrives: u64,
    pub(super) task: TaskId,
    pub(super) picture: Picture,
    pub(super) sequence: Option<String>,
    pub(super) results: u32,
    /// What the client reserved for each image.
    pub(super) reserved: u64,
    pub(super) sync: bool,
    pub(super) inline: bool,
    pub(super) references: Vec<ImageId>,
}

/// What the provider says to a request.
#[derive(Clone, Debug)]
pub(super) enum Word {
    Taken,
    Conflict,
    Refused(Trouble),
    Busy(Trouble),
    /// An error that tells nothing.
    Gateway,
}

/// A task the provider took.
pub(super) struct Sold {
    pub(super) picture: Picture,
    pub(super) sequence: Option<String>,
    pub(super) reserved: u64,
    pub(super) results: Vec<Made>,
    sync: bool,
    inline: bool,
}

/// A result and when it is there.
pub(super) struct Made {
    at: u64,
    pub(super) what: What,
    /// What it is billed at.
    pub(super) charge: u64,
    /// What the reply says it costs.
    pub(super) told: Option<u64>,
}

/// What a result is.
pub(super) enum What {
    Image(ImageId),
    Failure(Trouble),
    /// It never comes, and nothing is said of it.
    Nothing,
}

pub(super) fn trouble(class: Class, code: &str) -> Trouble {
    Trouble {
        class,
        code: code.to_owned(),
        message: code.to_owned(),
    }
}

impl Sold {
    /// Gives when its last result is there.
    fn ends(&self) -> u64 {
        self.results.iter().map(|made| made.at).max().unwrap_or(0)
    }

    pub(super) fn images(&self) -> impl Iterator<Item = (&ImageId, &Made)> {
        self.results.iter().filter_map(|made| match &made.what {
            What::Image(image) => Some((image, made)),
            What::Failure(_) | What::Nothing => None,
        })
    }

    pub(super) fn charged(&self) -> u64 {
        self.results.iter().map(|made| made.charge).sum()
    }

    /// Says how things stand at a time.
    pub(super) fn report(&self, at: u64, now: u64, weather: &Weather) -> Report {
        let mut report = Report::default();
        for made in &self.results {
            match &made.what {
                What::Nothing if made.at <= at => {}
                _ if made.at > at => report.working = true,
                What::Nothing => {}
                What::Failure(trouble) => report.failures.push(trouble.clone()),
                What::Image(image) => report.images.push(ResultImage {
                    image: image.clone(),
                    address: self.address(image, made.at, now, weather),
                    seed: Some(1),
                    nsfw: None,
                    cost: made.told.map(Micros::new),
                }),
            }
        }
        report
    }

    fn address(&self, image: &ImageId, made_at: u64, now: u64, weather: &Weather) -> Address {
        if self.inline {
            return Address::Here(picture(image.as_str()).into());
        }
        let from = if weather.images.fresh { now } else { made_at };
        let until = from.saturating_add(weather.images.life);
        Address::Url(format!("https://im.example/{image}/{until}"))
    }
}

impl Books {
    /// Puts a request on its way and gives its number.
    pub(super) fn post(&mut self, parcel: Parcel) -> u64 {
        self.next_parcel += 1;
        self.wire.insert(self.next_parcel, parcel);
        self.next_parcel
    }

    pub(super) fn nothing_is_on_its_way(&self) -> bool {
        self.wire.is_empty()
    }

    /// Gives what was said to a request that has arrived.
    pub(super) fn word(&mut self, parcel: u64) -> Option<Word> {
        self.words.remove(&parcel)
    }

    pub(super) fn upload(&mut self) -> ImageId {
        self.next_upload += 1;
        let id = ImageId::new(&format!("u{}", self.next_upload));
        self.uploads.insert(id.clone());
        id
    }

    /// Gives what the queue says of a task, as things stood at a time that may be past.
    pub(super) fn queue(&self, task: TaskId, at: u64, now: u64, weather: &Weather) -> Known {
        let memory = &weather.memory;
        let Some(sold) = self.sold.get(&task) else {
            return Known::Nothing;
        };
        let ends = sold.ends();
        let forgotten = now > ends.saturating_add(memory.queue);
        let unseen =
            (sold.sync && !memory.knows_sync) || (at < ends && weather.questions.running_unknown);
        if forgotten || unseen {
            return Known::Nothing;
        }
        Known::Task(sold.report(at, now, weather))
    }

    /// Gives what the archive says of a task.
    pub(super) fn archive(&self, task: TaskId, now: u64, weather: &Weather) -> Known {
        let memory = &weather.memory;
        let Some(sold) = self.sold.get(&task) else {
            return Known::Nothing;
        };
        let ends = sold.ends();
        if now > ends.saturating_add(memory.archive) {
            return Known::Nothing;
        }
        if now < ends.saturating_add(memory.archive_lag) {
            return if memory.archive_running {
                Known::Task(Report::default())
            } else {
                Known::Nothing
            };
        }
        Known::Task(sold.report(now, now, weather))
    }

    /// Tells whether asking would lead to an image.
    pub(super) fn can_give(
        &self,
        task: TaskId,
        image: &ImageId,
        now: u64,
        weather: &Weather,
    ) -> bool {
        let alive = |known: Known| {
            let Known::Task(report) = known else {
                return false;
            };
            let mut images = report.images.iter();
            images.any(|found| found.image == *image && lives(&found.address, now))
        };
        alive(self.queue(task, now, now, weather)) || alive(self.archive(task, now, weather))
    }

    fn is_taken(&self, task: TaskId, now: u64, weather: &Weather) -> bool {
        let memory = &weather.memory;
        let sold = self.sold.get(&task);
        sold.is_some_and(|sold| now <= sold.ends().saturating_add(memory.conflict))
            || (memory.refused_takes_id && self.refused.contains(&task))
    }

    /// Gives what was sold of a picture, images that are still being made included.
    pub(super) fn images_of(&self, picture: &Picture) -> u64 {
        let sold = self.sold.values().filter(|sold| sold.picture == *picture);
        sold.map(|sold| sold.images().count() as u64).sum()
    }
}

/// Tells whether an image can be fetched from where it is said to be.
pub(super) fn lives(address: &Address, now: u64) -> bool {
    match address {
        Address::Url(url) => expiry(url).is_some_and(|until| now < until),
        Address::Here(_) => true,
        Address::Nowhere => false,
    }
}

fn expiry(url: &str) -> Option<u64> {
    url.rsplit('/').next()?.parse().ok()
}

impl State {
    /// Lets every request arrive whose time has come.
    pub(super) fn deliver(&mut self) {
        let now = self.clock.now();
        let due = self.books.wire.iter().filter(|(_, p)| p.arrives <= now);
        let mut due: Vec<_> = due.map(|(number, p)| (p.arrives, *number)).collect();
        due.sort_unstable();
        for (arrived, number) in due {
            if let Some(parcel) = self.books.wire.remove(&number) {
                let task = parcel.task;
                let word = self.answer(parcel, arrived);
                self.tell(|| format!("{task} came to the provider at {arrived} ms: {word:?}"));
                self.books.words.insert(number, word);
            }
        }
    }

    fn answer(&mut self, parcel: Parcel, now: u64) -> Word {
        let sends = self.weather.sends.clone();
        if self.dice.chance(sends.busy) {
            return Word::Busy(trouble(Class::Transient, "rateLimitExceeded"));
        }
        if self.dice.chance(sends.gateway) && self.dice.chance(500) {
            return Word::Gateway;
        }
        if self.books.is_taken(parcel.task, now, &self.weather) {
            self.see(Sight::Conflict);
            return Word::Conflict;
        }
        if self.dice.chance(sends.forget_upload) && !parcel.references.is_empty() {
            self.see(Sight::UploadForgotten);
            for reference in &parcel.references {
                self.books.uploads.remove(reference);
            }
        }
        if let Some(why) = self.refusal(&parcel) {
            self.see(Sight::Refused);
            self.books.refused.insert(parcel.task);
            return Word::Refused(why);
        }
        self.take(parcel, now);
        if self.dice.chance(sends.gateway) {
            Word::Gateway
        } else {
            Word::Taken
        }
    }

    fn refusal(&mut self, parcel: &Parcel) -> Option<Trouble> {
        let sends = &self.weather.sends;
        let (refuse, moderate, no_credit) = (sends.refuse, sends.moderate, sends.no_credit);
        let mut references = parcel.references.iter();
        if self.dice.chance(no_credit) {
            Some(trouble(Class::Account, "insufficientCredits"))
        } else if references.any(|id| !self.books.uploads.contains(id)) {
            Some(trouble(Class::Reference, "failedToTransferImage"))
        } else if self.dice.chance(refuse) {
            Some(trouble(Class::Request, "invalidPositivePrompt"))
        } else if self.dice.chance(moderate) {
            Some(trouble(Class::Safety, "contentPolicyViolation"))
        } else {
            None
        }
    }

    fn take(&mut self, parcel: Parcel, now: u64) {
        let (weather, dice, books) = (&self.weather, &mut self.dice, &mut self.books);
        let mut done = now + dice.within(50..900);
        if dice.chance(weather.ends.slow) {
            done += dice.within(1_000..40_000);
        }
        if dice.chance(weather.ends.stuck) {
            done = FOR_EVER;
        }
        let mut results = Vec::new();
        for _ in 0..parcel.results {
            let what = what(dice, weather, parcel.references.is_empty(), || {
                books.next_image += 1;
                ImageId::new(&format!("i{}", books.next_image))
            });
            let billed = match what {
                What::Image(_) => done < FOR_EVER,
                What::Failure(_) => weather.money.bill_failed && done < FOR_EVER,
                What::Nothing => false,
            };
            let price = weather.money.price;
            results.push(Made {
                at: done,
                what,
                charge: if billed { price } else { 0 },
                told: told(dice, weather, price),
            });
            done += dice.within(0..300);
        }
        let sold = Sold {
            picture: parcel.picture,
            sequence: parcel.sequence,
            reserved: parcel.reserved,
            results,
            sync: parcel.sync,
            inline: parcel.inline,
        };
        self.see(Sight::Taken);
        promises::on_sale(self, parcel.task, sold);
    }
}

fn what(
    dice: &mut Dice,
    weather: &Weather,
    no_references: bool,
    image: impl FnOnce() -> ImageId,
) -> What {
    let ends = &weather.ends;
    if dice.chance(ends.fail) {
        What::Failure(trouble(Class::Upstream, "timeoutProvider"))
    } else if dice.chance(ends.moderate) {
        What::Failure(trouble(Class::Safety, "providerContentPolicyViolation"))
    } else if !no_references && dice.chance(ends.reference) {
        What::Failure(trouble(Class::Reference, "failedToTransferImage"))
    } else if dice.chance(ends.short) {
        What::Nothing
    } else {
        What::Image(image())
    }
}

fn told(dice: &mut Dice, weather: &Weather, price: u64) -> Option<u64> {
    if dice.chance(weather.money.missing) {
        None
    } else if dice.chance(weather.money.zero) {
        Some(0)
    } else {
        Some(price)
    }
}
