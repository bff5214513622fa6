//! Asking about tasks: many in one request, each as often as its age deserves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::domain::class::Trouble;
use crate::domain::id::TaskId;
use crate::plan::step::pace;
use crate::provider::{CallError, Known, Provider, RetryAfter};

/// How long a task is left alone before the first question while no task has ended yet.
const FIRST_QUESTION: Duration = Duration::from_millis(500);
/// The shortest time between two requests: one at a time, or many.
const BETWEEN_SINGLE: Duration = Duration::from_millis(50);
const BETWEEN_BATCHES: Duration = Duration::from_millis(5);
/// The most requests in flight.
const REQUESTS: usize = 4;

/// Asks the provider about every task that somebody waits for.
pub(super) struct Poller {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

struct Waiting {
    tasks: HashMap<TaskId, Asking>,
    /// The most tasks that one request may ask about.
    most: usize,
    /// How many one request asks about just now.
    batch: usize,
    /// The shortest time a task took so far.
    shortest: Option<Duration>,
    /// How many requests failed in a row.
    failures: u32,
    not_before: Option<Instant>,
}

struct Asking {
    born: Instant,
    next: Instant,
    /// In a request that is under way.
    asked: bool,
    answers: mpsc::UnboundedSender<Result<Known, Trouble>>,
}

/// A place in the poller; given up when dropped.
pub(super) struct Question {
    task: TaskId,
    poller: Arc<Poller>,
    answers: mpsc::UnboundedReceiver<Result<Known, Trouble>>,
}

impl Question {
    /// Gives the provider's next answer about the task, or why it could not be asked.
    pub(super) async fn answer(&mut self) -> Result<Known, Trouble> {
        match self.answers.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.poller.waiting().tasks.remove(&self.task);
    }
}

impl Poller {
    pub(super) fn new(batch: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                tasks: HashMap::new(),
                most: batch.max(1),
                batch: batch.max(1),
                shortest: None,
                failures: 0,
                not_before: None,
            }),
            changed: Notify::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to ask about a task that was sent at an instant; `at_once` asks without waiting.
    pub(super) fn follow(self: &Arc<Self>, task: TaskId, born: Instant, at_once: bool) -> Question {
        let (sender, answers) = mpsc::unbounded_channel();
        {
            let mut waiting = self.waiting();
            let now = Instant::now();
            let expected = waiting.shortest.map_or(FIRST_QUESTION, |s| s.mul_f64(0.95));
            let next = if at_once {
                now
            } else {
                (born + expected).max(now)
            };
            waiting.tasks.insert(
                task,
                Asking {
                    born,
                    next,
                    asked: false,
                    answers: sender,
                },
            );
        }
        self.changed.notify_one();
        Question {
            task,
            poller: Arc::clone(self),
            answers,
        }
    }

    /// Learns how long a task took from its send to its result.
    ///
    /// What is there at the first question may have been there for long: the next task is asked
    /// about sooner.
    pub(super) fn learn(&self, took: Duration, at_first: bool) {
        let took = if at_first { took / 2 } else { took };
        let mut waiting = self.waiting();
        waiting.shortest = Some(waiting.shortest.map_or(took, |shortest| shortest.min(took)));
    }

    /// Asks for as long as it is polled.
    pub(super) async fn serve<P: Provider>(&self, provider: &P) -> std::convert::Infallible {
        let mut requests = FuturesUnordered::new();
        loop {
            let turn = if requests.len() < REQUESTS {
                self.due()
            } else {
                Turn::Idle
            };
            match turn {
                Turn::Ask(tasks) => requests.push(async move {
                    let answer = provider.ask(&tasks).await;
                    (tasks, answer)
                }),
                Turn::At(instant) => tokio::select! {
                    biased;
                    Some((tasks, answer)) = requests.next() => self.deliver(&tasks, answer),
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(instant) => {}
                },
                Turn::Idle => tokio::select! {
                    biased;
                    Some((tasks, answer)) = requests.next() => self.deliver(&tasks, answer),
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    /// Says what to do now: ask about the tasks that are due, or wait.
    fn due(&self) -> Turn {
        let mut waiting = self.waiting();
        let now = Instant::now();
        let earliest = waiting
            .tasks
            .values()
            .filter(|task| !task.asked)
            .map(|task| task.next)
            .min();
        let Some(earliest) = earliest else {
            return Turn::Idle;
        };
        let at = waiting
            .not_before
            .map_or(earliest, |not_before| earliest.max(not_before));
        if at > now {
            return Turn::At(at);
        }
        let mut due: Vec<(Instant, TaskId)> = waiting
            .tasks
            .iter()
            .filter(|(_, task)| !task.asked && task.next <= now + pace(now - task.born) / 2)
            .map(|(id, task)| (task.next, *id))
            .collect();
        due.sort_unstable();
        due.truncate(waiting.batch);
        let ids: Vec<TaskId> = due.into_iter().map(|(_, id)| id).collect();
        for id in &ids {
            if let Some(task) = waiting.tasks.get_mut(id) {
                task.asked = true;
            }
        }
        let between = if waiting.batch == 1 {
            BETWEEN_SINGLE
        } else {
            BETWEEN_BATCHES
        };
        waiting.not_before = Some(now + between);
        Turn::Ask(ids)
    }

    fn deliver(&self, asked: &[TaskId], answer: Result<Vec<(TaskId, Known)>, CallError>) {
        let mut waiting = self.waiting();
        let now = Instant::now();
        for id in asked {
            if let Some(task) = waiting.tasks.get_mut(id) {
                task.asked = false;
                task.next = now + pace(now - task.born);
            }
        }
        match answer {
            Ok(answers) => {
                waiting.failures = 0;
                waiting.batch = (waiting.batch * 2).min(waiting.most);
                for (id, known) in answers {
                    if let Some(task) = waiting.tasks.get(&id) {
                        // A task whose waiter just left needs no answer.
                        let _gone = task.answers.send(Ok(known));
                    }
                }
            }
            Err(error) => {
                if waiting.fail(now, &error) {
                    for id in asked {
                        if let Some(task) = waiting.tasks.get(id) {
                            let _gone = task.answers.send(Err(error.trouble.clone()));
                        }
                    }
                }
            }
        }
    }
}

impl Waiting {
    /// A question that failed says nothing of the tasks: it is put again, later and later.
    ///
    /// Tells whether those who wait should hear of it: not where only the batch was too large.
    fn fail(&mut self, now: Instant, error: &CallError) -> bool {
        const LONGEST: Duration = Duration::from_secs(30);
        if error.names_no_task && self.most > 1 {
            (self.most, self.batch) = (1, 1);
            return false;
        }
        // One task with an answer that cannot be read must not silence all those asked about with
        // it for long.
        self.batch = (self.batch / 2).max(1);
        let own = Duration::from_millis(200 << self.failures.min(8)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let asked = error
            .retry_after
            .map_or(Duration::ZERO, |RetryAfter(asked)| asked);
        self.not_before = Some(now + own.max(asked.min(Duration::from_secs(300))));
        true
    }
}

enum Turn {
    Ask(Vec<TaskId>),
    At(Instant),
    Idle,
}
