//! What a reply means for the tasks it was asked about.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, TaskId};
use crate::ledger::port::CommittedIntent;
use crate::provider::runware::api::Answer;
use crate::provider::runware::classify::Verdict;
use crate::provider::runware::json::Fields;
use crate::provider::runware::reply::{self, Fault, GENERATION, Reply, says_failed};
use crate::provider::runware::scrub::Scrub;
use crate::provider::{Address, CallError, Known, Report, ResultImage, Submitted};

/// The longest id of an image that is taken as it is; the vendor's are UUIDs.
const LONGEST_ID: usize = 64;

/// The longest address of an image that is kept, in bytes.
const LONGEST_URL: usize = 8192;

/// Base64 as it comes, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

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
        _ if turned_away => Submitted::TurnedAway(intent, trouble, answer.retry_after),
        // The maker of the model was asked, or the images were waited for: the task was accepted,
        // and whether that is billed is not told.
        Verdict::Upstream | Verdict::Maker(_) => ended(trouble),
        Verdict::Safety if waited => ended(trouble),
        Verdict::Account | Verdict::Safety | Verdict::Request | Verdict::Reference => {
            Submitted::Refused(trouble)
        }
        Verdict::Transient | Verdict::UpstreamAccount | Verdict::NotKnown | Verdict::Unknown => {
            Submitted::Unknown(intent.open(), trouble)
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

/// What a reply says of one task.
struct Told<'r, 'a> {
    given: Vec<&'r Fields<'a>>,
    /// Entries of `data` that failed.
    ends: Vec<Fault<'a>>,
    /// Entries of `errors`.
    faults: Vec<&'r Fault<'a>>,
}

enum State<'f, 'a> {
    Known,
    NotKnown,
    Silent,
    Trouble(&'f Fault<'a>),
}

impl<'r, 'a> Told<'r, 'a> {
    fn of(reply: &'r Reply<'a>, task: TaskId) -> Self {
        let (failed, given): (Vec<_>, Vec<_>) = reply
            .given_to(task, GENERATION)
            .partition(|fields| says_failed(fields));
        Self {
            given,
            ends: failed.into_iter().map(Fault::of).collect(),
            faults: reply.faults_of(task).collect(),
        }
    }

    /// Gathers what an archived reply to a task says: what names no task is about it too.
    fn archived(reply: &'r Reply<'a>, task: TaskId) -> Self {
        let mut told = Self::of(reply, task);
        for fields in reply.given_to_none(GENERATION) {
            if says_failed(fields) {
                told.ends.push(Fault::of(fields));
            } else {
                told.given.push(fields);
            }
        }
        told.faults.extend(reply.faults_of_request());
        told
    }

    /// Gives the errors about the task, wherever they stand.
    fn all_faults(&self) -> impl Iterator<Item = &Fault<'a>> {
        self.ends.iter().chain(self.faults.iter().copied())
    }

    /// Tells whether the reply names the task at all.
    fn speaks(&self) -> bool {
        self.knows() || self.all_faults().next().is_some()
    }

    /// Tells whether `data` has the task in any other way than as failed.
    fn knows(&self) -> bool {
        !self.given.is_empty()
    }

    fn state(&self, status: u16) -> State<'_, 'a> {
        if self.knows() {
            return State::Known;
        }
        let mut meant = self.all_faults().filter(|fault| !is_not_known(fault));
        match meant.next() {
            Some(fault) if is_end(fault, status) || meant.any(|f| is_end(f, status)) => {
                State::Known
            }
            Some(fault) => State::Trouble(fault),
            None if self.speaks() => State::NotKnown,
            None => State::Silent,
        }
    }

    /// Gathers images and failures.
    fn report(&self, scrub: &Scrub) -> Report {
        let mut images: Vec<_> = self.given.iter().filter_map(|f| image(f)).collect();
        let working = images.len() < self.given.len();
        keep_each_once(&mut images);
        let ended = |fault: &Fault<'_>| {
            let verdict = fault.verdict(200);
            let meant = !matches!(verdict, Verdict::NotKnown | Verdict::Conflict);
            meant.then(|| fault.trouble(verdict.class_after_acceptance(), scrub))
        };
        let mut failures: Vec<_> = self.ends.iter().filter_map(ended).collect();
        let told_twice = failures.clone();
        let others = self.faults.iter().copied().filter_map(ended);
        failures.extend(others.filter(|trouble| !told_twice.contains(trouble)));
        Report {
            images,
            failures,
            working,
        }
    }
}

/// Tells whether an error about a task in a poll reply means that the task, or one of its images,
/// ended, rather than that the question about it failed.
fn is_end(fault: &Fault<'_>, status: u16) -> bool {
    let verdict = fault.verdict(200);
    if matches!(verdict, Verdict::Conflict) {
        return false;
    }
    if fault.ended {
        return true;
    }
    let about_generation = fault.task_type.as_deref() == Some(GENERATION);
    let only_of_a_task = matches!(
        verdict,
        Verdict::Safety | Verdict::Reference | Verdict::Maker(_) | Verdict::Upstream
    );
    matches!(status, 200..=299 | 400) && (about_generation || only_of_a_task)
}

fn is_not_known(fault: &Fault<'_>) -> bool {
    fault.verdict(200) == Verdict::NotKnown
}

fn keep_each_once(images: &mut Vec<ResultImage>) {
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(image.image.clone()));
}

/// Reads a finished image; nothing while it is still being made.
fn image(fields: &Fields<'_>) -> Option<ResultImage> {
    let address = address(fields);
    let finished = fields
        .text("status")
        .is_none_or(|word| word.eq_ignore_ascii_case("success"));
    let image = match (fields.text("imageUUID"), &address) {
        (Some(id), Address::Nowhere) if finished => named(&id),
        (None | Some(_), Address::Nowhere) => return None,
        (Some(id), _) => named(&id),
        // It was paid for, so it gets a name even if the reply gives none; always the same one.
        (None, Address::Url(url)) => unnamed(url.as_bytes()),
        (None, Address::Here(bytes)) => unnamed(bytes),
    };
    Some(ResultImage {
        image,
        address,
        seed: fields.whole("seed"),
        nsfw: fields.truth("NSFWContent"),
        cost: fields.money("cost"),
    })
}

/// Takes an id as it is, unless it is of no shape that an id has.
fn named(id: &str) -> ImageId {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    if id.len() <= LONGEST_ID && id.bytes().all(plain) {
        ImageId::new(id)
    } else {
        unnamed(id.as_bytes())
    }
}

fn unnamed(form: &[u8]) -> ImageId {
    ImageId::new(&format!("unnamed-{}", Sha256::of(form).short()))
}

fn address(fields: &Fields<'_>) -> Address {
    let inline = ["imageBase64Data", "imageDataURI"];
    let decoded = |name| fields.text(name).and_then(|text| decode(&text));
    if let Some(bytes) = inline.into_iter().find_map(decoded) {
        return Address::Here(bytes);
    }
    match fields.text("imageURL") {
        Some(url) if url.len() <= LONGEST_URL => Address::Url(url.into_owned()),
        _ => Address::Nowhere,
    }
}

/// Decodes Base64 text, with or without `data:…;base64,` before it.
fn decode(text: &str) -> Option<Arc<[u8]>> {
    let text = match text.split_once(',') {
        Some((head, rest)) if head.starts_with("data:") => rest,
        _ => text,
    };
    BASE64.decode(text).ok().map(Arc::from)
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

/// Says that the API takes no upload in any way that is known.
pub(super) fn no_upload() -> CallError {
    CallError {
        trouble: Trouble {
            class: Class::Request,
            code: "no-upload".to_owned(),
            message: "the API takes no uploads, neither as imageUpload nor as mediaStorage; set \
                      `references = \"inline\"` in the preset"
                .to_owned(),
        },
        retry_after: None,
        names_no_task: false,
    }
}

/// Says that of several tasks asked about only the first was answered, and that no reply has ever
/// shown that the API answers more than one.
pub(super) fn only_the_first(answer: &Answer) -> CallError {
    let mut error = unreadable(answer, "the reply speaks of the first task only");
    error.names_no_task = true;
    error
}

/// Says that a call failed, by an error in its reply.
fn call_error(fault: &Fault<'_>, tasks: usize, answer: &Answer, scrub: &Scrub) -> CallError {
    let class = fault.verdict(answer.status).class();
    let about_the_call = !matches!(class, Class::Transient | Class::Account);
    CallError {
        trouble: fault.trouble(class, scrub),
        retry_after: answer.retry_after,
        names_no_task: tasks > 1 && about_the_call,
    }
}

/// Says that a call failed, by a reply that cannot be read.
pub(super) fn unreadable(answer: &Answer, why: &str) -> CallError {
    let mut trouble = not_understood(answer, why);
    trouble.class = match answer.status {
        401 | 402 => Class::Account,
        // A call that buys nothing may simply be made again.
        _ => Class::Transient,
    };
    CallError {
        trouble,
        retry_after: answer.retry_after,
        names_no_task: false,
    }
}

fn not_understood(answer: &Answer, why: &str) -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "not-understood".to_owned(),
        message: format!("{why} (HTTP {})", answer.status),
    }
}
