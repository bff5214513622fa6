//! A reply taken apart: what it gives in `data` and what it complains of in `errors`.
//!
//! The shapes are those of runware.ai/docs/platform/errors and task-polling, and the variants that
//! the vendor's clients put up with.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::TaskId;
use crate::provider::runware::classify::{Verdict, verdict};
use crate::provider::runware::json::{self, Entry, Fields, List, text_of};
use crate::provider::runware::scrub::Scrub;

/// The task type of every generation.
pub(super) const GENERATION: &str = "imageInference";

/// A reply that could be read.
#[derive(Debug, Default)]
pub(super) struct Reply<'a> {
    /// What it gives; none when it has no `data` at all.
    pub(super) given: Option<Vec<Fields<'a>>>,
    /// What it complains of, failed entries of `data` not included.
    pub(super) faults: Vec<Fault<'a>>,
}

/// An error in a reply.
#[derive(Clone, Debug)]
pub(super) struct Fault<'a> {
    /// Whom it is about.
    pub(super) about: About,
    /// The kind of task it is about.
    pub(super) task_type: Option<Cow<'a, str>>,
    /// Whether it says that the task ended.
    pub(super) ended: bool,
    code: Cow<'a, str>,
    words: String,
}

/// Whom an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The whole request, as a bad key or bad JSON.
    Request,
    /// A task.
    Task(TaskId),
    /// Something else: an id that is none of ours.
    Other,
}

/// Reads a reply; the trouble says why it could not be understood.
pub(super) fn read(body: &[u8]) -> Result<Reply<'_>, &'static str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("the reply is empty");
    }
    if json::is_too_deep(body) {
        return Err("the reply is nested too deep");
    }
    let envelope: &RawValue = serde_json::from_slice(body).map_err(|_| "the reply is not JSON")?;
    read_envelope(envelope).ok_or("the reply has no shape that is known")
}

/// Reads the envelope `{"data":…,"errors":…}`; a bare list counts as its `data`.
pub(super) fn read_envelope(envelope: &RawValue) -> Option<Reply<'_>> {
    if envelope.get().starts_with('[') {
        return Some(Reply {
            given: Some(fields_of(List::read(Some(envelope))?)),
            faults: Vec::new(),
        });
    }
    let envelope = Fields::read(envelope)?;
    let given = match envelope.raw("data") {
        None => None,
        raw => Some(fields_of(List::read(raw)?)),
    };
    let mut faults = Vec::new();
    for name in ["errors", "error"] {
        let told = List::read(envelope.raw(name))?;
        faults.extend(told.0.into_iter().filter_map(Fault::of_entry));
    }
    // A bare error, without an envelope.
    if given.is_none() && faults.is_empty() && envelope.raw("code").is_some() {
        faults.push(Fault::of(&envelope));
    }
    Some(Reply { given, faults })
}

fn fields_of(list: List<'_>) -> Vec<Fields<'_>> {
    let fields = |entry| match entry {
        Entry::Fields(fields) => Some(fields),
        Entry::Words(_) | Entry::Other => None,
    };
    list.0.into_iter().filter_map(fields).collect()
}

impl<'a> Reply<'a> {
    /// Gives what `data` holds for a task of a kind; an entry may leave its kind out.
    pub(super) fn given_to(
        &self,
        task: TaskId,
        kind: &'static str,
    ) -> impl Iterator<Item = &Fields<'a>> {
        self.given_about(About::Task(task), kind)
    }

    /// Gives what `data` holds of a kind without saying for which task.
    pub(super) fn given_to_none(&self, kind: &'static str) -> impl Iterator<Item = &Fields<'a>> {
        self.given_about(About::Request, kind)
    }

    fn given_about(&self, whom: About, kind: &'static str) -> impl Iterator<Item = &Fields<'a>> {
        let given = self.given.as_deref().unwrap_or_default();
        given.iter().filter(move |fields| {
            about(fields) == whom && fields.text("taskType").is_none_or(|told| told == kind)
        })
    }

    /// Gives the errors about a task.
    pub(super) fn faults_of(&self, task: TaskId) -> impl Iterator<Item = &Fault<'a>> {
        self.faults
            .iter()
            .filter(move |fault| fault.about == About::Task(task))
    }

    /// Gives the errors about the whole request.
    pub(super) fn faults_of_request(&self) -> impl Iterator<Item = &Fault<'a>> {
        self.faults
            .iter()
            .filter(|fault| fault.about == About::Request)
    }

    /// Tells whether anything at all is about a task.
    pub(super) fn names(&self, task: TaskId) -> bool {
        let given = self.given.as_deref().unwrap_or_default();
        given
            .iter()
            .any(|fields| about(fields) == About::Task(task))
            || self.faults_of(task).next().is_some()
    }

    /// Counts what is about none of these tasks.
    pub(super) fn foreign(&self, tasks: &[TaskId]) -> u64 {
        let foreign = |whom: About| match whom {
            About::Request => false,
            About::Task(task) => !tasks.contains(&task),
            About::Other => true,
        };
        let given = self.given.as_deref().unwrap_or_default();
        let given = given.iter().filter(|fields| foreign(about(fields)));
        let faults = self.faults.iter().filter(|fault| foreign(fault.about));
        (given.count() + faults.count())
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

fn about(fields: &Fields<'_>) -> About {
    match fields.text("taskUUID") {
        None => About::Request,
        Some(text) => TaskId::parse(&text).map_or(About::Other, About::Task),
    }
}

/// Tells whether an entry of `data` says that its task, or one of its images, failed.
pub(super) fn says_failed(fields: &Fields<'_>) -> bool {
    let error = fields.raw("error").map(RawValue::get);
    error.is_some_and(|text| {
        text.starts_with(['{', '[']) || (text.len() > 2 && text.starts_with('"'))
    }) || fields.text("status").is_some_and(|word| is_failure(&word))
}

fn is_failure(word: &str) -> bool {
    ["error", "failed", "failure"]
        .iter()
        .any(|failure| word.eq_ignore_ascii_case(failure))
}

impl<'a> Fault<'a> {
    fn of_entry(entry: Entry<'a>) -> Option<Self> {
        match entry {
            Entry::Fields(fields) => Some(Self::of(&fields)),
            Entry::Words(words) => Some(Self {
                about: About::Request,
                task_type: None,
                ended: false,
                code: Cow::Borrowed(""),
                words: words.into_owned(),
            }),
            Entry::Other => None,
        }
    }

    /// Reads an error object, or a failed entry of `data` with the error inside it.
    pub(super) fn of(fields: &Fields<'a>) -> Self {
        let inner = fields.raw("error");
        let nested = inner.and_then(Fields::read).unwrap_or_default();
        let text = |name| nested.text(name).or_else(|| fields.text(name));
        let whom = match about(fields) {
            About::Request => about(&nested),
            known => known,
        };
        let mut words = text("message")
            .or_else(|| inner.and_then(text_of))
            .unwrap_or_default()
            .into_owned();
        for source in [&nested, fields] {
            add_details(&mut words, source);
        }
        Self {
            about: whom,
            task_type: text("taskType"),
            ended: says_failed(fields) || says_failed(&nested),
            code: text("code").unwrap_or_default(),
            words,
        }
    }

    /// Gives what it means; `http` is the status of its reply, or 200 where that says nothing.
    pub(super) fn verdict(&self, http: u16) -> Verdict {
        verdict(&self.code, http, &self.words)
    }

    /// Tells whether it complains of the kind of task.
    pub(super) fn refuses_task_type(&self) -> bool {
        self.code.to_ascii_lowercase().contains("tasktype")
    }

    /// Puts it into words for people.
    pub(super) fn trouble(&self, class: Class, scrub: &Scrub) -> Trouble {
        let code = scrub.code(&self.code);
        Trouble {
            class,
            code: if code.is_empty() {
                "no-code".to_owned()
            } else {
                code
            },
            message: if self.words.is_empty() {
                "the API gives no reason".to_owned()
            } else {
                scrub.message(&self.words)
            },
        }
    }
}

/// Adds which parameter is meant, what it may be, and the words of the model's maker.
fn add_details(words: &mut String, fields: &Fields<'_>) {
    const NAMES: [(&str, &str); 4] = [
        ("parameter", "parameter"),
        ("allowedValues", "allowed"),
        ("min", "at least"),
        ("max", "at most"),
    ];
    let mut details = Vec::new();
    for (name, label) in NAMES {
        if let Some(raw) = fields.raw(name) {
            details.push(format!("{label} {}", plain(raw)));
        }
    }
    if !details.is_empty() {
        words.push_str(" (");
        words.push_str(&details.join(", "));
        words.push(')');
    }
    if let Some(raw) = fields.raw("responseContent") {
        words.push_str("; the model's maker says: ");
        words.push_str(&plain(raw));
    }
}

fn plain(raw: &RawValue) -> Cow<'_, str> {
    text_of(raw).unwrap_or(Cow::Borrowed(raw.get()))
}
