//! The fields of an intent, which also tells what its takes are made of.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, RunId, ShotId, TaskId, Variant};
use crate::expand::wanted::KeyParts;
use crate::ledger::json::word::{Money, TakeNumbers, Word};
use crate::ledger::record::{Intent, Made, MadeOf};

#[derive(Serialize, Deserialize)]
pub(super) struct IntentLine<'a> {
    #[serde(borrow)]
    run: Cow<'a, str>,
    task: Word<TaskId>,
    #[serde(borrow)]
    shot: Cow<'a, str>,
    variant: u32,
    takes: TakeNumbers,
    key: Word<Sha256>,
    attempt: u32,
    reserved_usd_micros: Money,
    #[serde(default, skip_serializing_if = "is_zero")]
    resend: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parts: PartsLine<'a>,
    #[serde(borrow)]
    made: MadeLine<'a>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference to what it may skip"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference to what it may skip"
)]
const fn is_not_set(flag: &bool) -> bool {
    !*flag
}

impl<'a> From<&'a Intent> for IntentLine<'a> {
    fn from(r: &'a Intent) -> Self {
        Self {
            run: r.run.as_str().into(),
            task: Word(r.task),
            shot: r.shot.as_str().into(),
            variant: r.variant.0,
            takes: TakeNumbers(r.takes),
            key: Word(r.key.0),
            attempt: r.attempt.0,
            reserved_usd_micros: r.reserved.into(),
            resend: r.resend,
            reason: r.reason.as_deref().map(Cow::Borrowed),
            parts: (&r.parts).into(),
            made: (&r.made).into(),
        }
    }
}

impl From<IntentLine<'_>> for Intent {
    fn from(line: IntentLine<'_>) -> Self {
        Self {
            run: RunId::new(&line.run),
            task: line.task.0,
            shot: ShotId::new(&line.shot),
            variant: Variant(line.variant),
            takes: line.takes.0,
            key: Key(line.key.0),
            parts: line.parts.into(),
            attempt: Attempt(line.attempt),
            reserved: line.reserved_usd_micros.into(),
            resend: line.resend,
            reason: line.reason.map(Cow::into_owned),
            made: line.made.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct PartsLine<'a> {
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    #[serde(borrow)]
    references: Cow<'a, str>,
    #[serde(borrow)]
    settings: Cow<'a, str>,
}

impl<'a> From<&'a KeyParts> for PartsLine<'a> {
    fn from(parts: &'a KeyParts) -> Self {
        Self {
            prompt: parts.prompt.as_str().into(),
            references: parts.references.as_str().into(),
            settings: parts.settings.as_str().into(),
        }
    }
}

impl From<PartsLine<'_>> for KeyParts {
    fn from(line: PartsLine<'_>) -> Self {
        Self {
            prompt: line.prompt.into_owned(),
            references: line.references.into_owned(),
            settings: line.settings.into_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MadeLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    values: Cow<'a, [(String, String)]>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    preset: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    template: Cow<'a, str>,
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Cow<'a, str>>,
    #[serde(borrow)]
    format: Cow<'a, str>,
    quality: u32,
    #[serde(borrow)]
    safety: Cow<'a, str>,
    #[serde(borrow)]
    delivery: Cow<'a, str>,
    #[serde(borrow)]
    output: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "is_not_set")]
    webhook: bool,
    #[serde(default, skip_serializing_if = "is_not_set")]
    upload: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    references: Vec<MadeOfLine<'a>>,
}

impl<'a> From<&'a Made> for MadeLine<'a> {
    fn from(made: &'a Made) -> Self {
        Self {
            sequence: made.sequence.as_deref().map(Cow::Borrowed),
            values: made.values.as_slice().into(),
            name: made.name.as_str().into(),
            preset: made.preset.as_str().into(),
            model: made.model.as_str().into(),
            template: made.template.as_str().into(),
            prompt: made.prompt.as_str().into(),
            size: made.size,
            resolution: made.resolution.as_deref().map(Cow::Borrowed),
            format: made.format.as_str().into(),
            quality: made.quality,
            safety: made.safety.as_str().into(),
            delivery: made.delivery.as_str().into(),
            output: made.output.as_str().into(),
            ttl: made.ttl,
            webhook: made.webhook,
            upload: made.upload,
            references: made.references.iter().map(MadeOfLine::from).collect(),
        }
    }
}

impl From<MadeLine<'_>> for Made {
    fn from(line: MadeLine<'_>) -> Self {
        Self {
            sequence: line.sequence.map(Cow::into_owned),
            values: line.values.into_owned(),
            name: line.name.into_owned(),
            preset: line.preset.into_owned(),
            model: line.model.into_owned(),
            template: line.template.into_owned(),
            prompt: line.prompt.into_owned(),
            size: line.size,
            resolution: line.resolution.map(Cow::into_owned),
            format: line.format.into_owned(),
            quality: line.quality,
            safety: line.safety.into_owned(),
            delivery: line.delivery.into_owned(),
            output: line.output.into_owned(),
            ttl: line.ttl,
            webhook: line.webhook,
            upload: line.upload,
            references: line.references.into_iter().map(MadeOf::from).collect(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MadeOfLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Cow<'a, str>>,
    sha256: Word<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "use")]
    scope: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<Cow<'a, str>>,
    #[serde(borrow)]
    marker: Cow<'a, str>,
}

impl<'a> From<&'a MadeOf> for MadeOfLine<'a> {
    fn from(of: &'a MadeOf) -> Self {
        Self {
            source: of.source.as_deref().map(Cow::Borrowed),
            sha256: Word(of.sha256),
            role: of.role.as_deref().map(Cow::Borrowed),
            scope: of.scope.as_deref().map(Cow::Borrowed),
            entry: of.entry.as_deref().map(Cow::Borrowed),
            marker: of.marker.as_str().into(),
        }
    }
}

impl From<MadeOfLine<'_>> for MadeOf {
    fn from(line: MadeOfLine<'_>) -> Self {
        Self {
            source: line.source.map(Cow::into_owned),
            sha256: line.sha256.0,
            role: line.role.map(Cow::into_owned),
            scope: line.scope.map(Cow::into_owned),
            entry: line.entry.map(Cow::into_owned),
            marker: line.marker.into_owned(),
        }
    }
}
