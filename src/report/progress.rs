//! Shows a run while it goes on: bars on a terminal, else a line a minute and one at the end.
//!
//! Trouble, waiting and stopping are told at once, one line each. Everything goes through the one
//! writer that is handed in.

mod screen;
pub mod tally;
pub mod words;

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::report::escape::shown;
use crate::report::progress::screen::Screen;
use crate::report::progress::tally::{Goal, Tally};
use crate::report::style::Style;
use crate::runner::event::Event;

/// How long a plain line stands before the next one.
const LINE: Duration = Duration::from_secs(60);
/// How often bars are drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long a reason for waiting is not told again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a run is shown; the caller knows flags and terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Gives the columns of the terminal; none where there is none, and no bars are drawn.
    ///
    /// Bars fill whole lines and let the terminal wrap them, so that it has to be the true number.
    pub columns: Option<fn() -> u16>,
    /// Whether words are coloured.
    pub color: bool,
    /// 0 as usual; 1 no progress, only what goes wrong or needs a look; 2 only what goes wrong.
    pub quiet: u8,
    /// 1 tells of each image saved and each wait, 2 of each task sent and accepted.
    pub verbose: u8,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Progress,
    Detail,
    Trace,
}

impl Manner {
    fn tells(self, level: Level) -> bool {
        let most = match (self.quiet, self.verbose) {
            (0, 0) => Level::Progress,
            (0, 1) => Level::Detail,
            (0, _) => Level::Trace,
            (1, _) => Level::Warning,
            _ => Level::Error,
        };
        level <= most
    }
}

/// Shows a run until the runner has dropped its end of the channel; gives the counts.
///
/// A writer that fails is no reason to stop.
pub async fn watch(
    mut events: UnboundedReceiver<Event>,
    goal: Goal,
    manner: Manner,
    out: Box<dyn Write + Send>,
) -> Tally {
    let mut watcher = Watcher::new(goal, manner, out);
    let pace = if watcher.bar.is_some() { FRAME } else { LINE };
    let mut ticks = interval_at(Instant::now() + pace, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => watcher.hear(&event),
                None => break,
            },
            _ = ticks.tick() => watcher.draw(),
        }
    }
    watcher.end()
}

struct Watcher {
    goal: Goal,
    tally: Tally,
    manner: Manner,
    screen: Screen,
    bar: Option<ProgressBar>,
    began: Instant,
    /// When each reason for waiting was last told.
    waits: HashMap<String, Instant>,
    told_settling: bool,
    told_assumed: bool,
}

impl Watcher {
    fn new(goal: Goal, manner: Manner, out: Box<dyn Write + Send>) -> Self {
        let screen = Screen::new(out, manner.columns);
        let shows = manner.tells(Level::Progress) && manner.columns.is_some();
        Self {
            bar: shows.then(|| bar(&screen, goal)),
            goal,
            tally: Tally::default(),
            manner,
            screen,
            began: Instant::now(),
            waits: HashMap::new(),
            told_settling: false,
            told_assumed: false,
        }
    }

    fn hear(&mut self, event: &Event) {
        self.tally.count(event);
        match event {
            Event::Trouble(problem) => self.tell(Level::Error, &words::trouble(problem)),
            Event::Draining { why, in_flight } => {
                self.tell(Level::Error, &words::draining(why, *in_flight));
            }
            Event::Waiting {
                task,
                wait,
                trouble,
            } => {
                let level = self.wait_level(&trouble.code);
                self.tell(level, &words::waiting(*task, *wait, trouble));
            }
            Event::Asking {
                task,
                most,
                trouble,
            } => {
                let level = self.wait_level(&trouble.code);
                self.tell(level, &words::asking(*task, *most, trouble));
            }
            Event::Settling(task) => {
                if !std::mem::replace(&mut self.told_settling, true) {
                    self.tell(Level::Progress, &words::settling(self.goal.settling));
                }
                self.tell(Level::Detail, &words::settling_one(*task));
            }
            Event::Produced(produced) if produced.cost_assumed => {
                if !std::mem::replace(&mut self.told_assumed, true) {
                    self.tell(Level::Warning, &words::assumed(produced));
                }
            }
            Event::Saved(image) => {
                for line in words::remarks(image) {
                    self.tell(Level::Warning, &line);
                }
                self.tell(Level::Detail, &words::saved(image));
            }
            Event::Pause(pause) => {
                let (level, line) = words::pause(pause);
                self.tell(level, &line);
            }
            Event::Sent(intent) => self.tell(Level::Trace, &words::sent(intent)),
            Event::Accepted(task) => self.tell(Level::Trace, &words::accepted(*task)),
            Event::Produced(_) | Event::Money { .. } | Event::InFlight(_) | Event::Limit { .. } => {
            }
        }
    }

    /// Tells a reason for waiting once a minute; every wait only on request.
    fn wait_level(&mut self, code: &str) -> Level {
        let now = Instant::now();
        let last = self.waits.get(code);
        if last.is_some_and(|last| now.duration_since(*last) < PATIENCE) {
            return Level::Detail;
        }
        self.waits.insert(code.to_owned(), now);
        Level::Progress
    }

    /// Writes a line at once, above the bars where there are any.
    fn tell(&self, level: Level, line: &words::Line) {
        if !self.manner.tells(level) {
            return;
        }
        let style = Style {
            color: self.manner.color,
            width: None,
        };
        let head = style.paint(line.paint, &shown(&line.head));
        let text = format!("{head}: {}", shown(&line.rest));
        match &self.bar {
            Some(bar) => bar.suspend(|| self.screen.line(&text)),
            None => self.screen.line(&text),
        }
    }

    fn draw(&self) {
        let elapsed = self.began.elapsed();
        if let Some(bar) = &self.bar {
            let takes = self.goal.takes.max(self.tally.ended());
            bar.update(|state| {
                state.set_len(takes);
                state.set_pos(self.tally.ended());
            });
            bar.set_message(words::progress(self.goal, &self.tally, elapsed));
        } else if self.manner.tells(Level::Progress) {
            self.line(elapsed);
        }
    }

    fn line(&self, elapsed: Duration) {
        let clock = words::clock(elapsed);
        let done = words::done(self.goal, &self.tally);
        let rest = words::progress(self.goal, &self.tally, elapsed);
        self.screen.line(&format!("[{clock}] {done}; {rest}"));
    }

    fn end(self) -> Tally {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        } else if self.manner.tells(Level::Progress) {
            self.line(self.began.elapsed());
        }
        self.tally
    }
}

fn bar(screen: &Screen, goal: Goal) -> ProgressBar {
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let bar = ProgressBar::with_draw_target(Some(goal.takes), target);
    match ProgressStyle::with_template("[{elapsed_precise}] {wide_bar} {pos}/{len}\n{wide_msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // Only a template that is no template is refused.
        Err(_) => bar,
    }
}
