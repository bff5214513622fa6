//! `approve`, `retake`, `hold`, `omit`: what people decide, recorded at any time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::cli::args;
use crate::cli::books::{self, now};
use crate::cli::commands::print;
use crate::cli::deciding::{self, tell_tail};
use crate::cli::exit::Exit;
use crate::cli::show::{Show, Stopped, load, refuse, show_id};
use crate::cli::streams::Streams;
use crate::cli::targets::{Ground, Target};
use crate::cli::words;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::ShotId;
use crate::journal::decisions::{self, DecisionsError};
use crate::journal::writer::Clock;
use crate::ledger::decision::{Act, Decision, Decisions, Kind, Record, SetAside, Stamped};
use crate::ledger::known::{self, KnownTake};
use crate::manifest::model::Status;
use crate::report::decided::{by, spell_take};
use crate::report::escape::shown;
use crate::report::json;

/// Records a decision on shots or takes.
///
/// # Errors
/// Ends with an exit code after saying what is wrong; nothing is recorded then.
pub fn decide(kind: Kind, args: &args::Decide, streams: &Streams) -> Result<Exit, Stopped> {
    let (manifest, shots) = words::of_decision(args);
    let show = load(&manifest, streams)?;
    let ledger = books::read(&show.output, streams)?;
    let from_manifest = ledger.show_id_from_manifest;
    let _same = show_id(&show, ledger.show.as_ref(), from_manifest, streams)?;
    let known = known::takes(&ledger);
    let ground = Ground::of(&show, &known, kind == Kind::Approve && !args.undo);
    let found = ground.find(shots);
    let targets = found.map_err(|complaints| refuse_all(&show, &complaints, streams))?;
    let word = Word {
        kind,
        args,
        by: user(),
        columns: columns(&show),
        known: &known,
    };
    let clock: Clock = Arc::new(now);
    let mut undone = HashMap::new();
    let appended = decisions::append(&show.output, &clock, |so_far| {
        if args.undo {
            undone = word.undone(so_far, &targets);
        }
        word.on(so_far, &targets)
    });
    let appended = appended.map_err(|stop| match stop {
        Stop::Complaints(complaints) => refuse_all(&show, &complaints, streams),
        Stop::File(error) => deciding::stopped(&error, streams),
    })?;
    if let Some(tail) = &appended.cut {
        tell_tail(
            tail,
            "it was cut off; what stands before it is whole",
            streams,
        );
    }
    let running = books::at_work(&show.output, streams)?;
    if running.is_some() {
        streams.say(
            "note: a run is at work and goes by what was decided before it began; this takes \
             effect with the next run\n",
        );
    }
    let text = if streams.json {
        json::decided::spell(&appended.records, running.is_some())
    } else {
        let told = appended
            .records
            .iter()
            .map(|record| word.tell(record, &undone));
        told.collect()
    };
    print(streams, &text)
}

fn refuse_all(show: &Show, complaints: &[Diagnostic], streams: &Streams) -> Stopped {
    let _invalid = refuse(&show.manifest.sources, complaints, streams);
    Exit::Usage
}

/// Gives the name of who decides, where the system tells one.
fn user() -> Option<String> {
    let names = ["USER", "LOGNAME", "USERNAME"].into_iter();
    let mut told = names.filter_map(std::env::var_os);
    let told = told.find(|name| !name.is_empty())?;
    Some(told.to_string_lossy().into_owned())
}

fn columns(show: &Show) -> HashMap<ShotId, Status> {
    let shots = show.manifest.shots.iter();
    shots
        .map(|shot| (shot.id.value.clone(), shot.status))
        .collect()
}

/// Why nothing is recorded.
enum Stop {
    Complaints(Vec<Diagnostic>),
    File(DecisionsError),
}

impl From<DecisionsError> for Stop {
    fn from(error: DecisionsError) -> Self {
        Self::File(error)
    }
}

/// What somebody says, and what is known while they say it.
struct Word<'a> {
    kind: Kind,
    args: &'a args::Decide,
    by: Option<String>,
    columns: HashMap<ShotId, Status>,
    known: &'a BTreeMap<ShotId, Vec<KnownTake>>,
}

impl Word<'_> {
    fn on(&self, so_far: &Decisions, targets: &[Target]) -> Result<Vec<Record>, Stop> {
        let (mut records, mut complaints) = (Vec::new(), Vec::new());
        for target in targets {
            match self.act(so_far, target) {
                Ok(act) => records.push(Record::Decision(Box::new(Decision {
                    act,
                    shot: target.shot.clone(),
                    take: target.take,
                    note: self.args.note.clone().filter(|note| !note.is_empty()),
                    by: self.by.clone(),
                    column: self.column(&target.shot),
                }))),
                Err(complaint) => complaints.push(complaint),
            }
        }
        // A glob may reach further than what was decided; then the rest is left alone.
        if complaints.is_empty() || (!records.is_empty() && self.args.undo) {
            Ok(records)
        } else {
            Err(Stop::Complaints(complaints))
        }
    }

    fn column(&self, shot: &ShotId) -> Option<String> {
        let column = self.columns.get(shot);
        column.map(|status| status.word().to_owned())
    }

    fn act(&self, so_far: &Decisions, target: &Target) -> Result<Act, Diagnostic> {
        if self.args.undo {
            let last = so_far.last(self.kind, &target.shot, target.take);
            let last = last.ok_or_else(|| self.nothing_to_undo(so_far, target))?;
            return Ok(Act::Undo(last.seq, self.kind));
        }
        Ok(match self.kind {
            Kind::Approve => Act::Approve,
            Kind::Hold => Act::Hold,
            Kind::Omit => Act::Omit,
            Kind::Retake => Act::Retake(self.sets_aside(so_far, target)),
        })
    }

    /// Gives the takes that a retake sets aside: those of the shot, or the one, that still count.
    fn sets_aside(&self, so_far: &Decisions, target: &Target) -> Vec<SetAside> {
        let already = so_far.aside(&target.shot);
        let known = self.known.get(&target.shot);
        let takes = known.into_iter().flatten().map(|known| known.take);
        let meant = takes.filter(|take| target.take.is_none_or(|at| at == take.at));
        meant
            .filter(|take| !already.has(take.task, take.index))
            .collect()
    }

    fn nothing_to_undo(&self, so_far: &Decisions, target: &Target) -> Diagnostic {
        let (kind, named) = (self.kind.word(), spell_target(target));
        let message = format!("nobody decided `{kind}` on {named}, or it was taken back");
        let complaint = Diagnostic::error("nothing-to-undo", message).of_shot(&target.shot);
        let mut others = so_far.on(&target.shot).iter().rev();
        match others.find(|made| made.kind == self.kind) {
            Some(other) => {
                let other = spell_target(&Target {
                    shot: target.shot.clone(),
                    take: other.take,
                });
                complaint.help(format!("write `{other}`, on which it was decided"))
            }
            None => complaint.help("look in `reshoot status` for what was decided"),
        }
    }

    /// Remembers in words what is taken back, by its number.
    fn undone(&self, so_far: &Decisions, targets: &[Target]) -> HashMap<u64, String> {
        let last = targets
            .iter()
            .filter_map(|target| so_far.last(self.kind, &target.shot, target.take));
        last.map(|made| (made.seq, by(made))).collect()
    }

    /// Says what was recorded, in a line.
    fn tell(&self, stamped: &Stamped, undone: &HashMap<u64, String>) -> String {
        let Record::Decision(decision) = &stamped.record else {
            return String::new();
        };
        let named = spell_target(&Target {
            shot: decision.shot.clone(),
            take: decision.take,
        });
        let is_take = decision.take.is_some();
        let words = match &decision.act {
            Act::Approve if is_take => "approved, and this is the chosen take".to_owned(),
            Act::Approve => "approved".to_owned(),
            Act::Hold if is_take => {
                "this take is on hold; what is bought stays the same".to_owned()
            }
            Act::Hold => "on hold".to_owned(),
            Act::Omit if is_take => {
                "this take is omitted; what is bought stays the same".to_owned()
            }
            Act::Omit => "omitted".to_owned(),
            Act::Retake(takes) => retake(takes),
            Act::Undo(seq, kind) => {
                let what = undone.get(seq).map(String::as_str).unwrap_or_default();
                format!("{} taken back ({what})", kind.word())
            }
        };
        let gone = if self.columns.contains_key(&decision.shot) {
            ""
        } else {
            " (the shot is not in the manifest now)"
        };
        format!("{}: {words}{gone}\n", shown(&named))
    }
}

fn retake(takes: &[SetAside]) -> String {
    const NAMED: usize = 12;
    let mut spelled: Vec<String> = takes.iter().map(|take| spell_take(take.at)).collect();
    spelled.dedup();
    let more = spelled.len().saturating_sub(NAMED);
    spelled.truncate(NAMED);
    match (spelled.as_slice(), more) {
        ([], _) => "retake; no take counts, so none is set aside".to_owned(),
        (named, 0) => format!("retake; set aside: {}", named.join(", ")),
        (named, more) => format!("retake; set aside: {} and {more} more", named.join(", ")),
    }
}

fn spell_target(target: &Target) -> String {
    match target.take {
        None => target.shot.to_string(),
        Some(at) => format!("{}@{}", target.shot, spell_take(at)),
    }
}
