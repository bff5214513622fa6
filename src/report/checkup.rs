//! What a run log's examination found, for people: where it is damaged, what of it is sound, what
//! would not be known without the rest, and what to do.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::domain::id::TaskId;
use crate::domain::money::Micros;
use crate::journal::doctor::{Checkup, Damage, Looks, State};
use crate::ledger::fold::Ledger;
use crate::ledger::record::{FORMAT, Record, Stamped};
use crate::ledger::task::Fate;
use crate::report::escape::shown;
use crate::report::standing::Standing;
use crate::report::style::{Paint, Style, count};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What the examination found.
    pub checkup: &'a Checkup,
    /// What the good part means.
    pub ledger: &'a Ledger,
    /// What can still be read after the damage.
    pub beyond: &'a Beyond,
    /// The file that the good part was copied to.
    pub copied: Option<&'a str>,
}

/// What readable lines after the damage tell of that the good part does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Tasks.
    pub tasks: u64,
    /// Images that were made.
    pub images: u64,
    /// What they cost.
    pub spent: Micros,
    /// Images that were saved.
    pub saved: u64,
    begun: HashSet<TaskId>,
    made: HashSet<(TaskId, u32)>,
    kept: HashSet<(TaskId, u32)>,
}

impl Beyond {
    /// Takes in a record from after the damage, next to the ledger of the good part.
    pub fn take_in(&mut self, ledger: &Ledger, stamped: &Stamped) {
        let image = |task, index| {
            let images = ledger.task(task).map(|task| task.images.as_slice());
            let mut images = images.unwrap_or_default().iter();
            images.find(|image| image.index == index)
        };
        match &stamped.record {
            Record::Intent(intent) if ledger.task(intent.task).is_none() => {
                self.tasks += u64::from(self.begun.insert(intent.task));
            }
            Record::Produced(made)
                if image(made.task, made.index).is_none()
                    && self.made.insert((made.task, made.index)) =>
            {
                self.images += 1;
                self.spent = self.spent.plus(made.cost);
            }
            Record::Saved(saved) => {
                let known = image(saved.task, saved.index);
                if !known.is_some_and(|image| matches!(image.fate, Fate::Saved(_))) {
                    self.saved += u64::from(self.kept.insert((saved.task, saved.index)));
                }
            }
            _ => {}
        }
    }

    /// Tells whether there is nothing that the good part does not know.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.tasks == 0 && self.images == 0 && self.saved == 0
    }
}

/// Tells a person what was found.
#[must_use]
pub fn text(view: &View<'_>, style: Style) -> String {
    let mut out = String::new();
    let checkup = view.checkup;
    let path = shown(&checkup.path);
    let _written = match &checkup.state {
        State::Whole => {
            let word = style.paint(Paint::Good, "whole");
            writeln!(out, "{path}: {word}")
        }
        State::Torn(tail) => {
            let word = style.paint(Paint::Doubtful, "torn at its end");
            writeln!(
                out,
                "{path}: {word}: {tail}, or a run at work is writing them\n  \
                 The next run cuts them off by itself; nothing was done on their word."
            )
        }
        State::Newer(format) => {
            let word = style.paint(Paint::Bad, "newer");
            writeln!(
                out,
                "{path}: {word}: it has format {format}, and this version reads up to {FORMAT}; \
                 use the version that wrote it, or a later one"
            )
        }
        State::Damaged(damage) => {
            tell_damage(&path, damage, style, &mut out);
            Ok(())
        }
    };
    if !matches!(checkup.state, State::Newer(_)) {
        tell_good(view, style, &mut out);
    }
    if let State::Damaged(damage) = &checkup.state {
        tell_beyond(view.beyond, damage, style, &mut out);
        tell_way_out(view, style, &mut out);
    } else if let Some(copy) = view.copied {
        let _written = writeln!(out, "Its good part was copied to {}", shown(copy));
    }
    out
}

fn tell_damage(path: &str, damage: &Damage, style: Style, out: &mut String) {
    let word = style.paint(Paint::Bad, "damaged");
    let (line, byte, expected) = (damage.line, damage.byte, damage.expected);
    let _written = writeln!(
        out,
        "{path}:{line}: {word} at line {line}, which begins at byte {byte}\n  \
         expected  record {expected}, its checksum continued from the line before\n  \
         found     {}\n  \
         refused   {}",
        looks(damage.looks),
        shown(&damage.why)
    );
}

/// Says what seems to have happened.
#[must_use]
pub fn looks(looks: Looks) -> String {
    match looks {
        Looks::OneBit { byte, found, was } => format!(
            "one wrong bit: byte {byte} of the file is 0x{found:02x}{} and was written as \
             0x{was:02x}{}",
            letter(found),
            letter(was)
        ),
        Looks::Changed => "the line that belongs here, with some of its bytes changed".to_owned(),
        Looks::Lost { records } => {
            format!(
                "a later line: {} before it lost",
                are(records, "record", "is", "are")
            )
        }
        Looks::Again { seq } => {
            format!("record {seq} once more: a line was doubled, or put where it does not belong")
        }
        Looks::Moved => {
            "a later line: the one that belongs here stands further down, they were moved"
                .to_owned()
        }
        Looks::Blank => {
            "NUL bytes in place of what was written, and later lines say that it was on \
                         disk before them"
                .to_owned()
        }
        Looks::NoRecord => "no record at all".to_owned(),
        Looks::Contradicts => {
            "a record that is sound by itself and contradicts those before it".to_owned()
        }
    }
}

fn are(number: u64, noun: &str, one: &str, many: &str) -> String {
    let verb = if number == 1 { one } else { many };
    format!("{} {verb}", count(number, noun))
}

fn letter(byte: u8) -> String {
    if byte.is_ascii_graphic() {
        format!(" `{}`", char::from(byte))
    } else {
        String::new()
    }
}

fn tell_good(view: &View<'_>, style: Style, out: &mut String) {
    let good = &view.checkup.good;
    let name = match view.checkup.state {
        State::Damaged(_) => "Good part",
        _ => "Records  ",
    };
    let name = style.paint(Paint::Heading, name);
    let last = good.last_at.map_or_else(String::new, |at| {
        format!(", the last of {}", at.strftime("%Y-%m-%d %H:%M:%SZ"))
    });
    let _written = writeln!(
        out,
        "{name}  {}, {}{last}",
        count(good.records, "record"),
        count(good.bytes, "byte"),
    );
    let standing = Standing::of(view.ledger);
    let money = view.ledger.accounts.show;
    let _written = writeln!(
        out,
        "           {} saved, {} paid for and not fetched, {} under way; {} spent, {} reserved; {}",
        count(standing.saved, "take"),
        standing.unfetched,
        standing.open,
        money.spent,
        money.reserved,
        count(view.ledger.runs.len() as u64, "run"),
    );
    if view.ledger.has_gap {
        let _written = writeln!(
            out,
            "           It is the good part of a log that was damaged once: every run asks the \
             provider before it buys."
        );
    }
}

fn tell_beyond(beyond: &Beyond, damage: &Damage, style: Style, out: &mut String) {
    let name = style.paint(Paint::Heading, "Unknown  ");
    let _written = writeln!(
        out,
        "{name}  {} from there on, {} of them readable though nothing vouches for them",
        count(damage.lines, "line"),
        damage.readable
    );
    let what = if beyond.is_nothing() {
        "they tell of no task and no money that the good part does not know".to_owned()
    } else {
        format!(
            "without them nobody knows of {} with {} made for {}, and of {} saved",
            count(beyond.tasks, "task"),
            count(beyond.images, "image"),
            beyond.spent,
            count(beyond.saved, "take"),
        )
    };
    let _written = writeln!(out, "           {what}");
    if let Looks::Lost { records } = damage.looks {
        let _written = writeln!(
            out,
            "           nor what stood in {} lost",
            are(records, "record", "that is", "that are")
        );
    }
}

fn tell_way_out(view: &View<'_>, style: Style, out: &mut String) {
    let name = style.paint(Paint::Heading, "What to do");
    let _written = writeln!(
        out,
        "{name}\n  Nothing was changed, and nothing is bought on this log. Best is a sound copy of \
         this file from a backup, put back in its place."
    );
    if view.checkup.good.records == 0 {
        let _written = writeln!(
            out,
            "  No record of it is sound. Moved away, a new log asks the provider about every task \
             before it buys, as long as the manifest has its `show.id`."
        );
        return;
    }
    let copy = match view.copied {
        Some(copy) => format!("The good part was copied to {}.", shown(copy)),
        None => "`reshoot doctor -o FILE` copies the good part to a new file.".to_owned(),
    };
    let _written = writeln!(
        out,
        "  {copy} Put in the place of the damaged log, which is to be moved away and kept, the next \
         runs ask the provider about every task before they buy it: what the provider still knows \
         is found again and not paid twice. What it has forgotten would be bought again."
    );
}
