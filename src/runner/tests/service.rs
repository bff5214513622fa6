//! The provider as one life of the program sees it: requests and replies are lost, late, doubled
//! and stale on the way.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, TaskId};
use crate::expand::request::Request;
use crate::ledger::port::CommittedIntent;
use crate::manifest::settings::{Delivery, Output};
use crate::provider::{
    Address, Away, CallError, FetchError, ImageStream, Known, Provider, ReferenceFile, Report,
    RetryAfter, Submitted,
};
use crate::runner::tests::books::{Parcel, Word, lives, trouble};
use crate::runner::tests::cupboard::picture;
use crate::runner::tests::promises;
use crate::runner::tests::sights::Sight;
use crate::runner::tests::universe::{State, Universe};

/// How long a request that is waited for keeps its connection, in milliseconds.
const SYNC_LIMIT: u64 = 30_000;

/// The provider, at the end of a line.
pub(super) struct Line(pub(super) Arc<Universe>);

/// What becomes of a request on its way.
enum Way {
    /// It never left.
    NeverSent,
    /// Nothing is heard of it for so long.
    Silence(u64),
    /// It arrives after so long, as this number.
    Through(u64, u64),
}

impl State {
    fn send(&mut self, parcel: Parcel) -> Way {
        let sends = self.weather.sends.clone();
        if self.dice.chance(sends.never_sent) {
            return Way::NeverSent;
        }
        if self.dice.chance(sends.lose_request) {
            return Way::Silence(self.dice.within(1..9_000));
        }
        let now = self.clock.now();
        if self.dice.chance(sends.late_request) {
            self.see(Sight::LateRequest);
            let arrives = now + self.dice.within(5_000..300_000);
            self.books.post(Parcel { arrives, ..parcel });
            return Way::Silence(5_000);
        }
        let takes = self.dice.within(0..40);
        let arrives = now + takes;
        Way::Through(takes, self.books.post(Parcel { arrives, ..parcel }))
    }

    fn retry_after(&mut self) -> Option<RetryAfter> {
        let asked = self.dice.chance(300);
        asked.then(|| RetryAfter(Duration::from_secs(self.dice.below(20))))
    }

    fn question_fails(&mut self) -> Option<CallError> {
        let odds = self.weather.questions.fail;
        if !self.dice.chance(odds) {
            return None;
        }
        let class = self.dice.pick(&[Class::Unknown, Class::Transient]);
        Some(CallError {
            trouble: trouble(class, "no-answer"),
            retry_after: self.retry_after(),
            names_no_task: false,
        })
    }

    /// Says how things stand, or how they stood a moment ago, in any order.
    fn tell_of(&mut self, task: TaskId) -> Known {
        let now = self.clock.now();
        let odds = self.weather.questions.stale;
        let at = if self.dice.chance(odds) {
            now.saturating_sub(self.dice.below(3_000))
        } else {
            now
        };
        let mut known = self.books.queue(task, at, now, &self.weather);
        if let Known::Task(report) = &mut known {
            self.dice.shuffle(&mut report.images);
        }
        known
    }
}

impl Line {
    fn parcel(&self, intent: &CommittedIntent, request: &Request, ids: &[ImageId]) -> Parcel {
        let mut state = self.0.state();
        let (task, results) = (intent.task(), intent.results());
        state.deliver();
        promises::on_send(&mut state, task, results);
        let known = state.log.ledger.task(task);
        let picture = known.map(|task| (task.shot.clone(), task.key));
        Parcel {
            arrives: 0,
            task,
            sequence: known.and_then(|task| task.sequence.as_deref().map(str::to_owned)),
            reserved: known.map_or(0, |task| task.price.get()),
            picture: picture.unwrap_or_else(promises::nothing),
            results,
            sync: request.delivery == Delivery::Sync,
            inline: request.output != Output::Url,
            references: ids.to_vec(),
        }
    }

    /// Waits, on an open connection, until a task is done.
    async fn wait_for(&self, task: TaskId) -> Option<Report> {
        let mut waited = 0;
        while waited < SYNC_LIMIT {
            self.0.sleep(500).await;
            waited += 500;
            let state = self.0.state();
            let now = state.clock.now();
            let sold = state.books.sold.get(&task)?;
            let report = sold.report(now, now, &state.weather);
            if !report.working {
                return Some(report);
            }
        }
        None
    }

    fn loses_reply(&self) -> bool {
        let mut state = self.0.state();
        let odds = state.weather.sends.lose_reply;
        state.dice.chance(odds)
    }
}

fn lost() -> Trouble {
    trouble(Class::Unknown, "connection-lost")
}

impl Provider for Line {
    type Stream = Bytes;

    async fn upload(&self, _reference: &ReferenceFile) -> Result<ImageId, CallError> {
        self.0.step().await;
        let sent = {
            let mut state = self.0.state();
            let odds = state.weather.sends.fail_upload;
            if state.dice.chance(odds) {
                let class = state.dice.pick(&[Class::Unknown, Class::Transient]);
                Err(CallError {
                    trouble: trouble(class, "upload"),
                    retry_after: state.retry_after(),
                    names_no_task: false,
                })
            } else {
                Ok(state.books.upload())
            }
        };
        self.0.step().await;
        sent
    }

    async fn submit(
        &self,
        intent: CommittedIntent,
        request: &Request,
        references: &[Option<ImageId>],
    ) -> Submitted {
        self.0.step().await;
        let ids: Vec<ImageId> = references.iter().flatten().cloned().collect();
        let parcel = self.parcel(&intent, request, &ids);
        let (task, sync) = (parcel.task, parcel.sync);
        let way = self.0.state().send(parcel);
        let number = match way {
            Way::NeverSent => {
                self.0.state().see(Sight::TurnedAway);
                let why = trouble(Class::Transient, "no-connection");
                return Submitted::TurnedAway(intent, why, Away::Unreached);
            }
            Way::Silence(wait) => {
                self.0.sleep(wait).await;
                self.0.step().await;
                return Submitted::Unknown(intent.open(), lost());
            }
            Way::Through(takes, number) => {
                self.0.sleep(takes).await;
                number
            }
        };
        self.0.step().await;
        let word = {
            let mut state = self.0.state();
            state.deliver();
            state.books.word(number)
        };
        self.0.step().await;
        let Some(word) = word.filter(|_| !self.loses_reply()) else {
            return Submitted::Unknown(intent.open(), lost());
        };
        match word {
            Word::Gateway => Submitted::Unknown(intent.open(), lost()),
            Word::Conflict => Submitted::Conflict(intent.open()),
            Word::Refused(why) => Submitted::Refused(why),
            Word::Busy(why) => {
                let mut state = self.0.state();
                state.see(Sight::TurnedAway);
                let asked = state.retry_after();
                let away = if state.dice.chance(500) {
                    Away::Busy(asked)
                } else {
                    Away::Unavailable(asked)
                };
                Submitted::TurnedAway(intent, why, away)
            }
            Word::Taken if sync => match self.wait_for(task).await {
                Some(report) => Submitted::Accepted(report),
                None => Submitted::Unknown(intent.open(), lost()),
            },
            Word::Taken => Submitted::Accepted(Report {
                working: true,
                ..Report::default()
            }),
        }
    }

    async fn ask(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, Known)>, CallError> {
        self.0.step().await;
        let answer = {
            let mut state = self.0.state();
            state.deliver();
            if let Some(error) = state.question_fails() {
                Err(error)
            } else if tasks.len() > 1 && state.weather.questions.one_only {
                Err(CallError {
                    trouble: trouble(Class::Request, "arrayTooLong"),
                    retry_after: None,
                    names_no_task: true,
                })
            } else {
                let mut answers = Vec::with_capacity(tasks.len());
                for task in tasks {
                    let known = state.tell_of(*task);
                    let odds = state.weather.questions.twice;
                    if state.dice.chance(odds) {
                        answers.push((*task, known.clone()));
                    }
                    answers.push((*task, known));
                }
                state.dice.shuffle(&mut answers);
                Ok(answers)
            }
        };
        self.0.step().await;
        answer
    }

    async fn details(&self, task: TaskId) -> Result<Known, CallError> {
        self.0.step().await;
        let mut state = self.0.state();
        state.deliver();
        if let Some(error) = state.question_fails() {
            return Err(error);
        }
        let now = state.clock.now();
        Ok(state.books.archive(task, now, &state.weather))
    }

    async fn fetch(&self, image: &Address) -> Result<Bytes, FetchError> {
        self.0.step().await;
        let mut state = self.0.state();
        let now = state.clock.now();
        if !lives(image, now) {
            return Err(FetchError::Gone);
        }
        let mut bytes = match image {
            Address::Url(url) => picture(url.split('/').nth(3).unwrap_or_default()),
            Address::Here(bytes) => bytes.to_vec(),
            Address::Nowhere => Vec::new(),
        };
        let weather = state.weather.images.clone();
        if state.dice.chance(weather.cut) && !weather.inline {
            bytes.truncate(state.dice.index(bytes.len()));
        }
        let half = bytes.split_off(bytes.len() / 2);
        Ok(Bytes {
            universe: Arc::clone(&self.0),
            pieces: vec![half, bytes],
            breaks: state.dice.chance(weather.broken),
        })
    }
}

/// An image on its way, in two pieces.
pub(super) struct Bytes {
    universe: Arc<Universe>,
    /// The last piece first.
    pieces: Vec<Vec<u8>>,
    breaks: bool,
}

impl ImageStream for Bytes {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        self.universe.step().await;
        if self.breaks && self.pieces.len() == 1 {
            return Err(FetchError::Broken("the connection was lost".to_owned()));
        }
        Ok(self.pieces.pop())
    }
}
