//! How a sidecar is spelled.

use serde::Serialize;

use crate::ledger::record::{Made, MadeOf};
use crate::report::json::{FORMAT, text};
use crate::report::sidecar::{DIGITAL_SOURCE_TYPE, Sidecar};

/// Spells a sidecar; it ends with a newline.
pub(in crate::report) fn spell(sidecar: &Sidecar<'_>) -> String {
    text(&SidecarJson::of(sidecar))
}

#[derive(Serialize)]
struct SidecarJson<'a> {
    format: u32,
    shot: &'a str,
    sequence: Option<&'a str>,
    variant: u32,
    values: Values<'a>,
    take: u32,
    task: String,
    index: u32,
    image: &'a str,
    key: String,
    attempt: u32,
    model: &'a str,
    preset: PresetJson<'a>,
    prompt: PromptJson<'a>,
    references: Vec<ReferenceJson<'a>>,
    request: RequestJson<'a>,
    seed: Option<u64>,
    nsfw: Option<bool>,
    cost_usd_micros: u64,
    cost_assumed: bool,
    file: FileJson<'a>,
    times: TimesJson,
    run: &'a str,
    manifest_sha256: Option<String>,
    tool: Option<&'a str>,
    digital_source_type: &'static str,
}

impl<'a> SidecarJson<'a> {
    fn of(sidecar: &Sidecar<'a>) -> Self {
        let (bought, image) = (&sidecar.trail.bought, &sidecar.image.produced);
        let made = &*bought.made;
        Self {
            format: FORMAT,
            shot: bought.shot.as_str(),
            sequence: made.sequence.as_deref(),
            variant: bought.variant.0,
            values: Values(&made.values),
            take: sidecar.saved.take.0,
            task: bought.task.to_string(),
            index: image.index,
            image: image.image.as_str(),
            key: bought.key.to_string(),
            attempt: bought.attempt.0,
            model: &made.model,
            preset: PresetJson::of(made, bought.takes.count),
            prompt: PromptJson {
                template: &made.template,
                compiled: &made.prompt,
            },
            references: references(made),
            request: RequestJson::of(made, bought.takes.count),
            seed: image.seed,
            nsfw: image.nsfw,
            cost_usd_micros: image.cost.get(),
            cost_assumed: image.cost_assumed,
            file: FileJson {
                path: &sidecar.saved.path,
                sha256: sidecar.saved.sha256.to_string(),
                bytes: sidecar.saved.bytes,
                width: sidecar.saved.width,
                height: sidecar.saved.height,
            },
            times: TimesJson::of(sidecar),
            run: bought.run.as_str(),
            manifest_sha256: sidecar.run.map(|run| run.manifest.to_string()),
            tool: sidecar.run.map(|run| run.tool.as_str()),
            digital_source_type: DIGITAL_SOURCE_TYPE,
        }
    }
}

/// A variant's values, in the order written.
pub(super) struct Values<'a>(pub(super) &'a [(String, String)]);

impl Serialize for Values<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The preset as it was resolved.
#[derive(Serialize)]
struct PresetJson<'a> {
    name: &'a str,
    model: &'a str,
    width: Option<u32>,
    height: Option<u32>,
    resolution: Option<&'a str>,
    format: &'a str,
    quality: u32,
    safety: &'a str,
    delivery: &'a str,
    output: &'a str,
    ttl: Option<u32>,
    webhook: bool,
    upload: bool,
    results_per_task: u32,
}

impl<'a> PresetJson<'a> {
    fn of(made: &'a Made, results: u32) -> Self {
        Self {
            name: &made.preset,
            model: &made.model,
            width: made.size.map(|(width, _)| width),
            height: made.size.map(|(_, height)| height),
            resolution: made.resolution.as_deref(),
            format: &made.format,
            quality: made.quality,
            safety: &made.safety,
            delivery: &made.delivery,
            output: &made.output,
            ttl: made.ttl,
            webhook: made.webhook,
            upload: made.upload,
            results_per_task: results,
        }
    }
}

#[derive(Serialize)]
struct PromptJson<'a> {
    template: &'a str,
    compiled: &'a str,
}

/// A reference that a take is made of.
#[derive(Serialize)]
pub(super) struct ReferenceJson<'a> {
    marker: &'a str,
    path: Option<&'a str>,
    sha256: String,
    role: Option<&'a str>,
    #[serde(rename = "use")]
    scope: Option<&'a str>,
    entry: Option<&'a str>,
}

pub(super) fn references(made: &Made) -> Vec<ReferenceJson<'_>> {
    made.references.iter().map(reference_json).collect()
}

fn reference_json(reference: &MadeOf) -> ReferenceJson<'_> {
    ReferenceJson {
        marker: &reference.marker,
        path: reference.source.as_deref(),
        sha256: reference.sha256.to_string(),
        role: reference.role.as_deref(),
        scope: reference.scope.as_deref(),
        entry: reference.entry.as_deref(),
    }
}

/// What was asked of the model, in the manifest's words: what the log keeps of the request.
///
/// References stand as digests of their bytes, in the order they were sent.
#[derive(Serialize)]
struct RequestJson<'a> {
    model: &'a str,
    prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'a str>,
    references: Vec<String>,
    results: u32,
    format: &'a str,
    quality: u32,
    safety: &'a str,
    delivery: &'a str,
    output: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
}

impl<'a> RequestJson<'a> {
    fn of(made: &'a Made, results: u32) -> Self {
        let digests = made.references.iter();
        Self {
            model: &made.model,
            prompt: &made.prompt,
            width: made.size.map(|(width, _)| width),
            height: made.size.map(|(_, height)| height),
            resolution: made.resolution.as_deref(),
            references: digests.map(|r| format!("sha256:{}", r.sha256)).collect(),
            results,
            format: &made.format,
            quality: made.quality,
            safety: &made.safety,
            delivery: &made.delivery,
            output: &made.output,
            ttl: made.ttl,
        }
    }
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    sha256: String,
    bytes: u64,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct TimesJson {
    intended: String,
    sent: String,
    accepted: Option<String>,
    produced: String,
    saved: Option<String>,
}

impl TimesJson {
    fn of(sidecar: &Sidecar<'_>) -> Self {
        let (times, image) = (&sidecar.trail.times, sidecar.image);
        Self {
            intended: times.intended.to_string(),
            sent: times.sent.to_string(),
            accepted: times.accepted.map(|at| at.to_string()),
            produced: image.produced_at.to_string(),
            saved: image.saved_at.map(|at| at.to_string()),
        }
    }
}
