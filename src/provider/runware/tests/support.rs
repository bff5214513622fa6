//! What the tests of this room have in common.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, RunId, ShotId, TakeNo, Takes, TaskId, Variant};
use crate::domain::money::Micros;
use crate::domain::secret::ApiKey;
use crate::expand::profile::KLING_IMAGE_O1;
use crate::expand::request::{AskedSize, Request, SentImage, SentReference};
use crate::expand::wanted::KeyParts;
use crate::ledger::port::{CommittedIntent, LogError, RunLog, commit};
use crate::ledger::record::{Intent, Made, Record, Stamped};
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Safety};
use crate::provider::Submitted;
use crate::provider::runware::client::{Client, ClientSettings, Timeouts};

pub(super) const KEY: &str = "canary-key-0123456789";

/// The task that all tests are about.
pub(super) fn task() -> TaskId {
    TaskId::parse("a770f077-f413-47de-9dac-be0b26a35da6").expect("a UUID")
}

/// A task that is none of ours.
pub(super) fn other() -> TaskId {
    TaskId::parse("b770f077-f413-47de-9dac-be0b26a35da6").expect("a UUID")
}

/// Gives a reply from its file, for our task.
pub(super) fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/runware");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).expect("a fixture");
    text.replace("$TASK", &task().to_string())
        .replace("$OTHER", &other().to_string())
}

struct Log;

impl RunLog for Log {
    async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        Ok(Stamped {
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            record,
        })
    }
}

/// Gives the proof to send our task with.
pub(super) async fn committed(results: u32) -> CommittedIntent {
    let intent = Intent {
        run: RunId::new("run"),
        task: task(),
        shot: ShotId::new("0010"),
        variant: Variant(0),
        takes: Takes {
            first: TakeNo(1),
            count: results,
        },
        key: Key(Sha256::of(b"key")),
        parts: KeyParts {
            prompt: String::new(),
            references: String::new(),
            settings: String::new(),
        },
        attempt: Attempt(0),
        reserved: Micros::new(28_000),
        resend: 0,
        reason: None,
        made: Made {
            name: "s_v{take:3}.{ext}".to_owned(),
            sequence: None,
            values: Vec::new(),
            preset: "board".to_owned(),
            model: KLING_IMAGE_O1.id.to_owned(),
            template: String::new(),
            prompt: String::new(),
            size: None,
            resolution: None,
            format: "jpg".to_owned(),
            quality: 95,
            safety: "none".to_owned(),
            delivery: "async".to_owned(),
            output: "url".to_owned(),
            ttl: None,
            webhook: false,
            upload: false,
            references: Vec::new(),
        },
    };
    commit(&Log, intent).await.expect("a log that takes all").0
}

pub(super) fn request() -> Request {
    Request {
        model: &KLING_IMAGE_O1,
        prompt: Arc::from("a pier at dusk"),
        size: AskedSize::Exact(1360, 768),
        format: Format::Jpg,
        quality: 95,
        safety: Safety::Off,
        references: Vec::new(),
        transfer: ReferenceTransfer::Upload,
        delivery: Delivery::Async,
        output: Output::Url,
        ttl: None,
        webhook_url: None,
        upload_endpoint: None,
    }
}

pub(super) fn reference(image: SentImage) -> SentReference {
    SentReference {
        image,
        role: None,
        scope: None,
        entry: None,
        marker: "<<<image_1>>>".to_owned(),
    }
}

/// Gives a client whose patience is short.
pub(super) fn client(endpoint: &str) -> Client {
    let short = Duration::from_millis(1500);
    let settings = ClientSettings {
        timeouts: Timeouts {
            connect: short / 2,
            submit: short,
            submit_sync: short,
            ask: short,
            stall: short,
            download: Duration::from_secs(20),
        },
        ..ClientSettings::new(endpoint, ApiKey::new(KEY).expect("a key"))
    };
    Client::new(settings).expect("a client")
}

/// Puts what became of a send into a line.
pub(super) fn told(submitted: &Submitted) -> String {
    match submitted {
        Submitted::Accepted(report) => {
            let failures: Vec<_> = report
                .failures
                .iter()
                .map(|trouble| format!(" {} {}", trouble.class.word(), trouble.code))
                .collect();
            format!("accepted {}{}", report.images.len(), failures.concat())
        }
        Submitted::Conflict(open) => format!("conflict {}", open.task() == task()),
        Submitted::Refused(trouble) => {
            format!("refused {} {}", trouble.class.word(), trouble.code)
        }
        Submitted::TurnedAway(_, trouble, away) => {
            let asked = away.asked();
            let seconds = asked.map_or(String::new(), |asked| format!(" {} s", asked.0.as_secs()));
            format!(
                "turned away {} {}{seconds}",
                trouble.class.word(),
                trouble.code
            )
        }
        Submitted::Unknown(_, trouble) => format!("unknown {}", trouble.code),
    }
}
