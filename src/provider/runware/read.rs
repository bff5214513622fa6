//! What a reply means for the tasks it was asked about.

use crate::domain::class::{Class, Trouble};
use crate::domain::id::TaskId;
use crate::ledger::port::CommittedIntent;
use crate::provider::runware::api::Answer;
use crate::provider::runware::classify::Verdict;
use crate::provider::runware::image::keep_each_once;
use crate::provider::runware::json::Fields;
use crate::provider::runware::reply::{self, Fault, Reply, says_failed};
use crate::provider::runware::scrub::Scrub;
use crate::provider::runware::told::{State, Told, is_not_known};
use crate::provider::runware::trouble::{call_error, not_understood, unreadable};
use crate::provider::{Away, CallError, Known, Report, Submitted};

/// Reads the reply to a send.
///
/// `waited` says that the send waited for the images, so that an error may have come after the
/// task was accepted.
pub(super) fn submitted(
    intent: CommittedIntent,
    waited: bool,
    reply: Result<Reply<'_>, &'static str>,
    answer: &Answer,
    scrub: &Scrub,
) -> Submitted {
    let reply = match reply {
        Ok(reply) => reply,
        Err(why) => return Submitted::Unknown(intent.open(), not_understood(answer, why)),
    };
    let task = intent.task();
    let told = Told::of(&reply, task);
    if told.knows() {
        return Submitted::Accepted(told.report(scrub));
    }
    let mut faults: Vec<&Fault<'_>> = told.all_faults().collect();
    if faults.is_empty() {
        faults.extend(reply.faults_of_request());
    }
    if let Some(fault) = decisive(&faults, answer.status) {
        return answered(intent, waited, fault, answer, scrub);
    }
    let trouble = not_understood(answer, "the reply says nothing of the task");
    Submitted::Unknown(intent.open(), trouble)
}

/// Finds the error that says most: one that forbids to take the task for refused goes first.
fn decisive<'f, 'a>(faults: &[&'f Fault<'a>], status: u16) -> Option<&'f Fault<'a>> {
    let weight = |fault: &Fault<'_>| match fault.verdict(status) {
        Verdict::Conflict => 0,
        Verdict::Unknown | Verdict::NotKnown => 1,
        Verdict::Upstream | Verdict::Maker(_) => 2,
        Verdict::UpstreamAccount | Verdict::Transient => 3,
        Verdict::Account | Verdict::Safety | Verdict::Request | Verdict::Reference => 4,
    };
    faults.iter().copied().min_by_key(|fault| weight(fault))
}

/// Reads an error that answers a send.
fn answered(
    intent: CommittedIntent,
    waited: bool,
    fault: &Fault<'_>,
    answer: &Answer,
    scrub: &Scrub,
) -> Submitted {
    let verdict = fault.verdict(answer.status);
    let trouble = fault.trouble(verdict.class(), scrub);
    let turned_away = match verdict {
        Verdict::Transient => matches!(answer.status, 429 | 503),
        Verdict::UpstreamAccount => !matches!(answer.status, 408 | 500..=502 | 504..=599),
        _ => false,
    };
    match verdict {
        Verdict::Conflict => Submitted::Conflict(intent.open()),
        _ if turned_away => {
            let away = if answer.status == 429 {
                Away::Busy(answer.retry_after)
            } else {
                Away::answered(&trouble, answer.retry_after)
            };
            Submitted::TurnedAway(intent, trouble, away)
        }
        // The maker of the model was asked, or the images were waited for: the task was accepted,
        // and whether that is billed is not told.
        Verdict::Upstream | Verdict::Maker(_) => ended(trouble),
        Verdict::Safety if waited => ended(trouble),
        Verdict::Account | Verdict::Safety | Verdict::Request | Verdict::Reference => {
            Submitted::Refused(trouble)
        }
        Verdict::Transient | Verdict::UpstreamAccount | Verdict::NotKnown | Verdict::Unknown => {
            let class = Class::Unknown;
            Submitted::Unknown(intent.open(), Trouble { class, ..trouble })
        }
    }
}

fn ended(trouble: Trouble) -> Submitted {
    Submitted::Accepted(Report {
        images: Vec::new(),
        failures: vec![trouble],
        working: false,
    })
}

/// What a reply says of the tasks that were asked about.
#[derive(Debug)]
pub(super) struct Answers {
    /// The state of each task.
    pub(super) known: Vec<(TaskId, Known)>,
    /// The tasks the reply speaks of, by their place among those asked about.
    pub(super) spoken_of: Vec<usize>,
}

/// Reads the reply to a question about tasks.
///
/// # Errors
/// Gives the trouble when there is any task of which the reply says neither what it is nor, by
/// leaving it out, that it is not known.
pub(super) fn asked(
    tasks: &[TaskId],
    reply: Result<Reply<'_>, &'static str>,
    answer: &Answer,
    scrub: &Scrub,
) -> Result<Answers, CallError> {
    let reply = reply.map_err(|why| unreadable(answer, why))?;
    let mut known = Vec::with_capacity(tasks.len());
    let mut spoken_of = Vec::new();
    for (place, &task) in tasks.iter().enumerate() {
        let told = Told::of(&reply, task);
        let state = match told.state(answer.status) {
            State::Known => Known::Task(told.report(scrub)),
            State::Silent if reply.names(task) => {
                return Err(unreadable(
                    answer,
                    "the reply takes the task for another kind",
                ));
            }
            State::NotKnown | State::Silent => Known::Nothing,
            State::Trouble(fault) => {
                return Err(call_error(fault, tasks.len(), answer, scrub));
            }
        };
        if told.speaks() {
            spoken_of.push(place);
        }
        known.push((task, state));
    }
    if spoken_of.len() < tasks.len() {
        silence_is_meant(&reply, tasks, spoken_of.len(), answer, scrub)?;
    }
    Ok(Answers { known, spoken_of })
}

/// Checks that a reply which leaves a task out means that the task is not known.
///
/// It does not if it complains of anything else, or comes with a status that is no answer, or
/// speaks of tasks nobody asked about instead.
fn silence_is_meant(
    reply: &Reply<'_>,
    tasks: &[TaskId],
    spoken_of: usize,
    answer: &Answer,
    scrub: &Scrub,
) -> Result<(), CallError> {
    let mut faults = reply.faults_of_request().peekable();
    if let Some(&fault) = faults.peek() {
        // Where several were asked about and one of them is not known, nobody knows which.
        return if tasks.len() == 1 && faults.all(is_not_known) {
            Ok(())
        } else {
            Err(call_error(fault, tasks.len(), answer, scrub))
        };
    }
    let answers = reply.given.is_some() && reply.foreign(tasks) == 0;
    if (answers || spoken_of > 0) && matches!(answer.status, 200..=299 | 400 | 404) {
        Ok(())
    } else {
        Err(unreadable(answer, "the reply does not answer the question"))
    }
}

/// The task type of a question to the archive, and of what it answers.
const ARCHIVE: &str = "getTaskDetails";

/// Reads the archive's reply about a task.
///
/// # Errors
/// Gives the trouble when the reply does not answer the question.
pub(super) fn detailed(
    task: TaskId,
    reply: Result<Reply<'_>, &'static str>,
    answer: &Answer,
    scrub: &Scrub,
) -> Result<Known, CallError> {
    let reply = reply.map_err(|why| unreadable(answer, why))?;
    if reply.given_to(task, ARCHIVE).next().is_none() {
        let answers = asked(&[task], Ok(reply), answer, scrub)?;
        let known = answers.known.into_iter().next();
        return Ok(known.map_or(Known::Nothing, |(_, known)| known));
    }
    let mut report = Report::default();
    let mut denied = false;
    for fields in reply.given_to(task, ARCHIVE) {
        let Some(response) = fields.raw("response").and_then(reply::read_envelope) else {
            continue;
        };
        let told = Told::archived(&response, task);
        denied |= told.all_faults().any(is_not_known);
        let more = told.report(scrub);
        report.images.extend(more.images);
        report.failures.extend(more.failures);
        report.working |= more.working;
    }
    keep_each_once(&mut report.images);
    let empty = report.images.is_empty() && report.failures.is_empty();
    Ok(if empty && denied {
        Known::Nothing
    } else {
        Known::Task(report)
    })
}

/// Reads the reply to a call that is no task of ours, and gives its entry.
///
/// # Errors
/// Gives the trouble the reply tells of, or that it tells nothing.
pub(super) fn served<'r, 'a>(
    reply: &'r Reply<'a>,
    call: TaskId,
    kind: &'static str,
    answer: &Answer,
    scrub: &Scrub,
) -> Result<&'r Fields<'a>, CallError> {
    if let Some(fields) = reply.given_to(call, kind).find(|f| !says_failed(f)) {
        return Ok(fields);
    }
    let failed: Vec<_> = reply.given_to(call, kind).map(Fault::of).collect();
    let told = reply.faults_of(call).chain(reply.faults_of_request());
    match failed.iter().chain(told).next() {
        Some(fault) => Err(call_error(fault, 1, answer, scrub)),
        None => Err(unreadable(answer, "the reply does not answer the call")),
    }
}

/// Reads the reply to a sign of life.
///
/// # Errors
/// Gives the trouble the reply tells of, or that it is none.
pub(super) fn pong(reply: &Reply<'_>, answer: &Answer, scrub: &Scrub) -> Result<(), CallError> {
    if let Some(fault) = reply.faults.first() {
        return Err(call_error(fault, 1, answer, scrub));
    }
    let given = reply.given.as_deref().unwrap_or_default();
    if given
        .iter()
        .any(|fields| fields.truth("pong") == Some(true))
    {
        Ok(())
    } else {
        Err(unreadable(answer, "the reply does not answer the ping"))
    }
}
