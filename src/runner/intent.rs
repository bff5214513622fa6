//! What is written down of a purchase before it is sent.

use crate::expand::request::{AskedSize, SentImage, SentReference};
use crate::expand::wanted::Wanted;
use crate::ledger::port::RunLog;
use crate::ledger::record::{Intent, Made, MadeOf};
use crate::manifest::settings::Resolution;
use crate::plan::build::Purchase;
use crate::provider::Provider;
use crate::runner::pace::queueing::Kind;
use crate::runner::world::World;
use crate::store::ImageStore;

/// Writes down what a purchase is about to send.
pub(super) fn intent<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    purchase: &Purchase,
    wanted: &Wanted,
    resend: u32,
) -> Intent {
    Intent {
        run: world.settings.run.clone(),
        task: purchase.task,
        shot: purchase.shot.clone(),
        variant: purchase.variant,
        takes: purchase.takes,
        key: purchase.key,
        parts: wanted.parts.clone(),
        attempt: purchase.attempt,
        reserved: crate::plan::build::price(&world.ledger(), wanted)
            .times(u64::from(purchase.takes.count))
            .max(purchase.price),
        resend,
        reason: Some(purchase.reason.word().to_owned()),
        made: made(wanted),
    }
}

pub(super) fn made(wanted: &Wanted) -> Made {
    let request = &wanted.request;
    let (size, resolution) = match request.size {
        AskedSize::Exact(width, height) => (Some((width, height)), None),
        AskedSize::LikeReference(tier) => (None, Some(tier.word().to_owned())),
    };
    Made {
        sequence: wanted.sequence.clone(),
        values: wanted.values.clone(),
        name: wanted.name.pattern(),
        preset: wanted.preset.clone(),
        model: request.model.id.to_owned(),
        template: wanted.template.to_string(),
        prompt: request.prompt.to_string(),
        size,
        resolution,
        format: request.format.word().to_owned(),
        quality: request.quality,
        safety: request.safety.word().to_owned(),
        delivery: request.delivery.word().to_owned(),
        output: request.output.word().to_owned(),
        ttl: request.ttl,
        webhook: request.webhook_url.is_some(),
        upload: request.upload_endpoint.is_some(),
        references: request.references.iter().map(made_of).collect(),
    }
}

fn made_of(reference: &SentReference) -> MadeOf {
    let source = match &reference.image {
        SentImage::File { shown, .. } => Some(shown.clone()),
        // A query may hold a signature.
        SentImage::Url(url) => url.split(['?', '#']).next().map(str::to_owned),
        SentImage::Uuid(uuid) => Some(uuid.clone()),
        SentImage::DataUri { .. } => None,
    };
    MadeOf {
        source,
        sha256: reference.image.digest(),
        role: reference.role.clone(),
        scope: reference.scope.clone(),
        entry: reference.entry.clone(),
        marker: reference.marker.clone(),
    }
}

/// Says what a task's time can be held against.
pub(super) fn kind(wanted: &Wanted, intent: &Intent) -> Kind {
    let pixels = match wanted.request.size {
        AskedSize::Exact(width, height) => u64::from(width) * u64::from(height),
        AskedSize::LikeReference(tier) => u64::from(tier == Resolution::TwoK),
    };
    Kind {
        model: wanted.request.model.id,
        pixels,
        results: intent.takes.count,
    }
}
