//! The open questions of the API, each with the readings the server can play.
//!
//! A switch's default is the reading held most likely. A client has to survive every one of them.

use std::time::Duration;

use super::money::Usd;

/// Declares an enum of readings, the first being the default, with their spelling in files.
macro_rules! readings {
    ($($(#[$doc:meta])* $name:ident { $first:ident = $first_text:literal $(, $other:ident = $text:literal)* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub(super) enum $name { #[default] $first, $($other),* }

            impl Reading for $name {
                fn read(text: &str) -> Result<Self, String> {
                    match text {
                        $first_text => Ok(Self::$first),
                        $($text => Ok(Self::$other),)*
                        _ => Err(concat!("`", $first_text, "`" $(, " or `", $text, "`")*).to_owned()),
                    }
                }
            }
        )*
    };
}

/// Reads one setting; the error says what would be right.
trait Reading: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

readings! {
    /// How a working task looks to `getResponse`.
    PollRunning { Processing = "processing", Empty = "empty" }
    /// How an unknown task looks to `getResponse` and `getTaskDetails`.
    Unknown { Empty = "empty", NotFound = "taskNotFound" }
    /// Where `getResponse` puts a failed task.
    PollError { Errors = "errors", Data = "data" }
    /// What happens to several `getResponse` elements in one request.
    PollBatch { Yes = "yes", FirstOnly = "first-only", Silent = "silent" }
    /// How `getTaskDetails` shows a working task.
    DetailsRunning { AsUnknown = "as-unknown", Request = "request" }
    /// Which spelling of `1k` and `2k` is taken.
    ResolutionCase { Any = "any", Lower = "lower", Upper = "upper" }
    /// Whether keys that only newer types know are taken.
    NewKeys { Accept = "accept", Refuse = "refuse" }
    /// What size `resolution` with references gives.
    ResolutionSize { Table = "table", ExactRatio = "exact-ratio" }
    /// When results carry `cost`.
    Cost { WhenAsked = "when-asked", Always = "always", Never = "never", Zero = "zero" }
    /// How moderation shows.
    Moderated { PolicyViolation = "providerContentPolicyViolation", BadRequest = "providerBadRequest" }
    /// When moderation, or a reference check, strikes.
    Strikes { AtSubmit = "at-submit", AfterAccept = "after-accept" }
    /// The shape of a balance.
    BalanceShape { Object = "object", Number = "number" }
    /// The shape of `data` in an upload's reply.
    UploadData { Array = "array", Object = "object" }
    /// Whether `taskType` `imageUpload` is still known.
    ImageUpload { Accept = "accept", Refuse = "refuse" }
    /// Whether a made image's UUID works as a reference.
    GeneratedUuid { Refuse = "refuse", Accept = "accept" }
    /// The body of a webhook call.
    WebhookBody { Wrapped = "wrapped", Flat = "flat" }
    /// Which UUID versions are taken.
    UuidVersion { V4Only = "v4-only", Any = "any" }
    /// Whether the dry-run header is obeyed.
    DryRun { Honour = "honour", Unsupported = "unsupported" }
    /// The shape of a refusal.
    ErrorShape {
        DataAndErrors = "data-and-errors",
        ErrorsOnly = "errors-only",
        SingleError = "single-error",
        Html = "html",
        Empty = "empty",
    }
    /// Whether the limits on references are enforced.
    ReferenceLimits { Enforce = "enforce", Lax = "lax" }
    /// What is checked first.
    CheckOrder { Documented = "documented", CreditFirst = "credit-first" }
    /// What `forgets-task` forgets.
    Forgets { QueueAndArchive = "queue-and-archive", Queue = "queue", Everything = "everything" }
    /// When the results of one task end.
    ResultsEnd { Together = "together", OneByOne = "one-by-one", FailuresFirst = "failures-first" }
    /// Whether a fault's reply hides an accepted task.
    Accepts { Either = "either", Yes = "yes", No = "no" }
}

/// How long a taken task UUID stays taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConflictMemory {
    ForEver,
    InFlightOnly,
    For(Duration),
}

/// How a refusal for load says when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryAfter {
    None,
    Seconds(u64),
    Date(u64),
}

/// Holds every switch.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
#[derive(Clone, Debug)]
pub(super) struct Switches {
    pub(super) body_limit: u64,
    pub(super) uuid: UuidVersion,
    pub(super) new_keys: NewKeys,
    pub(super) resolution_case: ResolutionCase,
    pub(super) resolution_size: ResolutionSize,
    pub(super) reference_limits: ReferenceLimits,
    pub(super) reference_check: Strikes,
    pub(super) generated_uuid: GeneratedUuid,
    pub(super) check_order: CheckOrder,
    pub(super) error_shape: ErrorShape,
    pub(super) dry_run: DryRun,
    pub(super) cost: Cost,
    pub(super) price_1k: Usd,
    pub(super) price_2k: Usd,
    pub(super) bill_failed: bool,
    pub(super) balance: BalanceShape,
    pub(super) sync_limit: Duration,
    pub(super) poll_error: PollError,
    pub(super) poll_error_http: u16,
    pub(super) poll_unknown: Unknown,
    pub(super) poll_running: PollRunning,
    pub(super) poll_keeps: Option<Duration>,
    pub(super) poll_sync: bool,
    pub(super) poll_batch: PollBatch,
    pub(super) partial_http: u16,
    pub(super) results_end: ResultsEnd,
    pub(super) details_unknown: Unknown,
    pub(super) details_running: DetailsRunning,
    pub(super) details_keeps: Option<Duration>,
    pub(super) details_lag: Duration,
    pub(super) conflict_memory: ConflictMemory,
    pub(super) refused_takes_uuid: bool,
    pub(super) forgets: Forgets,
    pub(super) moderated: Moderated,
    pub(super) moderated_strikes: Strikes,
    pub(super) upload_data: UploadData,
    pub(super) upload_life: Option<Duration>,
    pub(super) image_upload: ImageUpload,
    pub(super) url_life: Option<Duration>,
    pub(super) expired_status: u16,
    pub(super) fresh_url: bool,
    pub(super) download_pause: Duration,
    pub(super) webhook_body: WebhookBody,
    pub(super) queue_depth: Option<u64>,
    pub(super) workers: Option<u64>,
    pub(super) retry_after: RetryAfter,
    pub(super) late_by: Duration,
    pub(super) server_error_status: u16,
    pub(super) server_error_accepts: Accepts,
    pub(super) html_error_accepts: Accepts,
    pub(super) broken_json_accepts: Accepts,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Switches {
    fn default() -> Self {
        Self {
            body_limit: 64 << 20,
            uuid: UuidVersion::default(),
            new_keys: NewKeys::default(),
            resolution_case: ResolutionCase::default(),
            resolution_size: ResolutionSize::default(),
            reference_limits: ReferenceLimits::default(),
            reference_check: Strikes::AtSubmit,
            generated_uuid: GeneratedUuid::default(),
            check_order: CheckOrder::default(),
            error_shape: ErrorShape::default(),
            dry_run: DryRun::default(),
            cost: Cost::default(),
            price_1k: Usd::from_micros(28_000),
            price_2k: Usd::from_micros(28_000),
            bill_failed: false,
            balance: BalanceShape::default(),
            sync_limit: Duration::from_secs(120),
            poll_error: PollError::default(),
            poll_error_http: 200,
            poll_unknown: Unknown::default(),
            poll_running: PollRunning::default(),
            poll_keeps: Some(Duration::from_secs(60 * 60)),
            poll_sync: true,
            poll_batch: PollBatch::default(),
            partial_http: 200,
            results_end: ResultsEnd::default(),
            details_unknown: Unknown::default(),
            details_running: DetailsRunning::default(),
            details_keeps: None,
            details_lag: Duration::ZERO,
            conflict_memory: ConflictMemory::ForEver,
            refused_takes_uuid: false,
            forgets: Forgets::default(),
            moderated: Moderated::default(),
            moderated_strikes: Strikes::AfterAccept,
            upload_data: UploadData::default(),
            upload_life: Some(30 * DAY),
            image_upload: ImageUpload::default(),
            url_life: Some(7 * DAY),
            expired_status: 404,
            fresh_url: true,
            download_pause: Duration::ZERO,
            webhook_body: WebhookBody::default(),
            queue_depth: None,
            workers: None,
            retry_after: RetryAfter::None,
            late_by: Duration::from_secs(5),
            server_error_status: 500,
            server_error_accepts: Accepts::No,
            html_error_accepts: Accepts::Either,
            broken_json_accepts: Accepts::Yes,
        }
    }
}

/// Says why a switch was not set.
#[derive(Debug)]
pub(super) enum NotSet {
    NoSuchSwitch,
    /// Carries what would be right.
    BadValue(String),
}

impl Switches {
    /// Every switch's name, for messages.
    pub(super) const NAMES: &'static [&'static str] = &[
        "balance",
        "bill-failed",
        "body-limit",
        "broken-json-accepts",
        "check-order",
        "conflict-memory",
        "cost",
        "details-keeps",
        "details-lag",
        "details-running",
        "details-unknown",
        "download-pause",
        "dry-run",
        "error-shape",
        "expired-status",
        "forgets",
        "fresh-url",
        "generated-uuid-as-reference",
        "html-error-accepts",
        "image-upload",
        "late-by",
        "moderated",
        "moderated-strikes",
        "new-keys",
        "partial-http",
        "poll-batch",
        "poll-error",
        "poll-error-http",
        "poll-keeps",
        "poll-running",
        "poll-sync",
        "poll-unknown",
        "price-1k",
        "price-2k",
        "queue-depth",
        "reference-check",
        "reference-limits",
        "refused-takes-uuid",
        "resolution-case",
        "resolution-size",
        "results-end",
        "retry-after",
        "server-error-accepts",
        "server-error-status",
        "sync-limit",
        "upload-data",
        "upload-life",
        "url-life",
        "uuid",
        "webhook-body",
        "workers",
    ];

    /// Sets one switch from its spelling in a file.
    ///
    /// # Errors
    ///
    /// Says whether it was the name or the value that is not known.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), NotSet> {
        let known = self
            .set_reading(name, value)
            .or_else(|| self.set_figure(name, value));
        known.ok_or(NotSet::NoSuchSwitch)?.map_err(NotSet::BadValue)
    }

    fn set_reading(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        Some(match name {
            "uuid" => put(&mut self.uuid, value),
            "new-keys" => put(&mut self.new_keys, value),
            "resolution-case" => put(&mut self.resolution_case, value),
            "resolution-size" => put(&mut self.resolution_size, value),
            "reference-limits" => put(&mut self.reference_limits, value),
            "reference-check" => put(&mut self.reference_check, value),
            "generated-uuid-as-reference" => put(&mut self.generated_uuid, value),
            "check-order" => put(&mut self.check_order, value),
            "error-shape" => put(&mut self.error_shape, value),
            "dry-run" => put(&mut self.dry_run, value),
            "cost" => put(&mut self.cost, value),
            "balance" => put(&mut self.balance, value),
            "poll-error" => put(&mut self.poll_error, value),
            "poll-unknown" => put(&mut self.poll_unknown, value),
            "poll-running" => put(&mut self.poll_running, value),
            "poll-batch" => put(&mut self.poll_batch, value),
            "results-end" => put(&mut self.results_end, value),
            "details-unknown" => put(&mut self.details_unknown, value),
            "details-running" => put(&mut self.details_running, value),
            "forgets" => put(&mut self.forgets, value),
            "moderated" => put(&mut self.moderated, value),
            "moderated-strikes" => put(&mut self.moderated_strikes, value),
            "upload-data" => put(&mut self.upload_data, value),
            "image-upload" => put(&mut self.image_upload, value),
            "webhook-body" => put(&mut self.webhook_body, value),
            "server-error-accepts" => put(&mut self.server_error_accepts, value),
            "html-error-accepts" => put(&mut self.html_error_accepts, value),
            "broken-json-accepts" => put(&mut self.broken_json_accepts, value),
            "conflict-memory" => put(&mut self.conflict_memory, value),
            "retry-after" => put(&mut self.retry_after, value),
            _ => return None,
        })
    }

    fn set_figure(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        Some(match name {
            "body-limit" => put(&mut self.body_limit, value),
            "price-1k" => put(&mut self.price_1k, value),
            "price-2k" | "2k-price" => put(&mut self.price_2k, value),
            "bill-failed" => put(&mut self.bill_failed, value),
            "sync-limit" => put(&mut self.sync_limit, value),
            "poll-error-http" => put(&mut self.poll_error_http, value),
            "poll-keeps" => put(&mut self.poll_keeps, value),
            "poll-sync" => put(&mut self.poll_sync, value),
            "partial-http" => put(&mut self.partial_http, value),
            "details-keeps" => put(&mut self.details_keeps, value),
            "details-lag" => put(&mut self.details_lag, value),
            "refused-takes-uuid" => put(&mut self.refused_takes_uuid, value),
            "upload-life" => put(&mut self.upload_life, value),
            "url-life" => put(&mut self.url_life, value),
            "expired-status" => put(&mut self.expired_status, value),
            "fresh-url" => put(&mut self.fresh_url, value),
            "download-pause" => put(&mut self.download_pause, value),
            "queue-depth" => put(&mut self.queue_depth, value),
            "workers" => put(&mut self.workers, value),
            "late-by" => put(&mut self.late_by, value),
            "server-error-status" => put(&mut self.server_error_status, value),
            _ => return None,
        })
    }
}

fn put<T: Reading>(slot: &mut T, value: &str) -> Result<(), String> {
    *slot = T::read(value)?;
    Ok(())
}

impl Reading for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "yes" | "true" => Ok(true),
            "no" | "false" => Ok(false),
            _ => Err("`yes` or `no`".to_owned()),
        }
    }
}

impl Reading for Duration {
    fn read(text: &str) -> Result<Self, String> {
        span(text).ok_or_else(|| "a time such as `500ms`, `90s`, `15m`, `1h` or `7d`".to_owned())
    }
}

impl Reading for Option<Duration> {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "for-ever" => Ok(None),
            _ => Duration::read(text)
                .map(Some)
                .map_err(|hint| format!("`for-ever` or {hint}")),
        }
    }
}

impl Reading for Option<u64> {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(None),
            _ => text
                .parse()
                .map(Some)
                .map_err(|_| "`none` or a whole number".to_owned()),
        }
    }
}

impl Reading for u64 {
    fn read(text: &str) -> Result<Self, String> {
        let (digits, unit) = match text.strip_suffix("MiB") {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        };
        let number = digits
            .trim()
            .parse::<Self>()
            .ok()
            .and_then(|n| n.checked_mul(unit));
        number.ok_or_else(|| "a number of bytes, or one with `MiB`".to_owned())
    }
}

impl Reading for u16 {
    fn read(text: &str) -> Result<Self, String> {
        let status = text
            .parse()
            .ok()
            .filter(|status| (200..=599).contains(status));
        status.ok_or_else(|| "an HTTP status, 200 to 599".to_owned())
    }
}

impl Reading for Usd {
    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "dollars such as `0.028`".to_owned())
    }
}

impl Reading for ConflictMemory {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "for-ever" => Ok(Self::ForEver),
            "in-flight-only" => Ok(Self::InFlightOnly),
            _ => Duration::read(text)
                .map(Self::For)
                .map_err(|hint| format!("`for-ever`, `in-flight-only` or {hint}")),
        }
    }
}

impl Reading for RetryAfter {
    fn read(text: &str) -> Result<Self, String> {
        let seconds = |digits: &str| digits.trim().parse().ok();
        let read = match text.strip_prefix("date") {
            Some(rest) => seconds(rest).map(Self::Date),
            None if text == "none" => Some(Self::None),
            None => seconds(text).map(Self::Seconds),
        };
        read.ok_or_else(|| "`none`, seconds such as `3`, or `date 3`".to_owned())
    }
}

/// Reads a span of time; a bare number counts seconds.
pub(super) fn span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().ok()?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NotSet, PollRunning, Switches, span};

    #[test]
    fn every_name_is_a_switch() {
        for name in Switches::NAMES {
            let answer = Switches::default().set(name, "certainly not a value");
            assert!(matches!(answer, Err(NotSet::BadValue(_))), "{name}");
        }
    }

    #[test]
    fn names_and_values_are_told_apart() {
        let mut switches = Switches::default();
        assert!(matches!(
            switches.set("poll-runing", "empty"),
            Err(NotSet::NoSuchSwitch)
        ));
        assert!(matches!(
            switches.set("poll-running", "emptyish"),
            Err(NotSet::BadValue(_))
        ));
        switches.set("poll-running", "empty").unwrap();
        assert_eq!(switches.poll_running, PollRunning::Empty);
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(span("2"), Some(Duration::from_secs(2)));
        assert_eq!(span("7d"), Some(Duration::from_secs(604_800)));
        assert_eq!(span("7 weeks"), None);
        assert_eq!(span(""), None);
    }
}
