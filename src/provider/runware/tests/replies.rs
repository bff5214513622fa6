//! Each fixture, and any bytes at all, as a reply.

use proptest::prelude::*;

use super::support::{committed, fixture, other, task, told};
use crate::domain::class::{Class, Trouble};
use crate::domain::money::Micros;
use crate::domain::secret::ApiKey;
use crate::provider::runware::account::Account;
use crate::provider::runware::api::Answer;
use crate::provider::runware::json::Fields;
use crate::provider::runware::scrub::Scrub;
use crate::provider::runware::{read, reply};
use crate::provider::{Address, Away, CallError, Known, Report, RetryAfter, Submitted};

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: None,
        body: body.as_bytes().to_vec(),
        place: None,
    }
}

fn scrub() -> Scrub {
    Scrub::new(ApiKey::new("canary-key").expect("a key"))
}

async fn submitted(status: u16, waited: bool, body: &[u8]) -> Submitted {
    let answer = Answer {
        status,
        retry_after: Some(RetryAfter(std::time::Duration::from_secs(7))),
        body: body.to_vec(),
        place: None,
    };
    let reply = reply::read(&answer.body);
    read::submitted(committed(1).await, waited, reply, &answer, &scrub())
}

fn asked(status: u16, body: &str) -> Result<Known, CallError> {
    let answer = answer(status, body);
    let reply = reply::read(&answer.body);
    let mut answers = read::asked(&[task()], reply, &answer, &scrub())?;
    let (asked_about, known) = answers.known.remove(0);
    assert_eq!(asked_about, task());
    Ok(known)
}

fn detailed(status: u16, body: &str) -> Result<Known, CallError> {
    let answer = answer(status, body);
    read::detailed(task(), reply::read(&answer.body), &answer, &scrub())
}

fn in_words(known: Result<Known, CallError>) -> String {
    match known {
        Ok(Known::Nothing) => "nothing".to_owned(),
        Ok(Known::Task(report)) => told(&Submitted::Accepted(report)),
        Err(error) => format!("{} {}", error.trouble.class.word(), error.trouble.code),
    }
}

/// Fixture, status, whether the send waited, and what became of it.
const SENDS: &[(&str, u16, bool, &str)] = &[
    ("acknowledged", 200, false, "accepted 0"),
    ("acknowledged", 500, false, "accepted 0"),
    ("sync-done", 200, true, "accepted 1"),
    ("sync-done-object", 200, true, "accepted 1"),
    (
        "partly-done",
        400,
        true,
        "accepted 2 upstream timeoutProvider",
    ),
    ("base64", 200, true, "accepted 1"),
    ("data-uri", 200, true, "accepted 1"),
    ("foreign-task", 200, false, "unknown not-understood"),
    ("foreign-refusal", 400, false, "unknown not-understood"),
    ("other-task-type", 200, false, "unknown not-understood"),
    ("empty-data", 200, false, "unknown not-understood"),
    ("no-envelope", 200, false, "unknown not-understood"),
    ("invalid-width", 400, false, "refused request invalidWidth"),
    ("invalid-width", 500, false, "unknown invalidWidth"),
    (
        "unsupported-dimensions",
        400,
        false,
        "refused request unsupportedDimensions",
    ),
    (
        "single-error",
        400,
        false,
        "refused request invalidPositivePrompt",
    ),
    ("conflict", 400, false, "conflict true"),
    (
        "invalid-api-key",
        401,
        false,
        "refused account invalidApiKey",
    ),
    (
        "insufficient-credits",
        402,
        false,
        "refused account insufficientCredits",
    ),
    (
        "provider-credits",
        402,
        false,
        "turned away transient providerInsufficientCredits 7 s",
    ),
    (
        "provider-credits",
        500,
        false,
        "unknown providerInsufficientCredits",
    ),
    (
        "invalid-request",
        400,
        false,
        "refused request invalidRequest",
    ),
    (
        "rate-limited",
        429,
        false,
        "turned away transient rateLimitExceeded 7 s",
    ),
    (
        "rate-limited",
        503,
        true,
        "turned away transient rateLimitExceeded 7 s",
    ),
    ("rate-limited", 500, false, "unknown rateLimitExceeded"),
    ("rate-limited", 200, false, "unknown rateLimitExceeded"),
    ("timeout-provider", 504, false, "unknown timeoutProvider"),
    (
        "timeout-provider",
        400,
        true,
        "accepted 0 upstream timeoutProvider",
    ),
    (
        "moderated",
        400,
        false,
        "refused safety providerContentPolicyViolation",
    ),
    (
        "moderated",
        400,
        true,
        "accepted 0 safety providerContentPolicyViolation",
    ),
    (
        "moderated-by-maker",
        400,
        false,
        "accepted 0 safety providerBadRequest",
    ),
    (
        "maker-failed",
        400,
        false,
        "accepted 0 upstream providerError",
    ),
    (
        "reference-failed",
        400,
        false,
        "refused reference failedToTransferImage",
    ),
    ("unknown-code", 400, false, "unknown somethingNew"),
    ("error-text", 400, false, "unknown no-code"),
    ("error-text", 403, false, "refused account no-code"),
    ("not-found", 404, false, "unknown taskNotFound"),
];

#[tokio::test]
async fn every_reply_to_a_send() {
    for &(name, status, waited, expected) in SENDS {
        let outcome = submitted(status, waited, fixture(name).as_bytes()).await;
        assert_eq!(told(&outcome), expected, "{name} {status} {waited}");
    }
}

#[tokio::test]
async fn what_is_no_json_is_unknown() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let half = &fixture("sync-done")[..200];
    for body in [
        "",
        "  ",
        "<html>502</html>",
        "null",
        "7",
        "\"x\"",
        half,
        &deep,
        "{\"data\":",
    ] {
        for status in [200, 400, 401, 429, 502, 503, 504] {
            let outcome = submitted(status, true, body.as_bytes()).await;
            assert_eq!(told(&outcome), "unknown not-understood", "{status} {body}");
        }
    }
}

#[test]
fn every_reply_to_a_question() {
    let cases = [
        ("processing", 200, "accepted 0"),
        ("acknowledged", 200, "accepted 0"),
        ("partly-done", 200, "accepted 2 upstream timeoutProvider"),
        ("sync-done", 200, "accepted 1"),
        ("sync-done", 429, "accepted 1"),
        (
            "timeout-provider",
            200,
            "accepted 0 upstream timeoutProvider",
        ),
        (
            "timeout-provider",
            400,
            "accepted 0 upstream timeoutProvider",
        ),
        ("failed-in-data", 200, "accepted 0 upstream inferenceError"),
        ("failed-in-data", 400, "accepted 0 upstream inferenceError"),
        (
            "moderated",
            400,
            "accepted 0 safety providerContentPolicyViolation",
        ),
        (
            "moderated-by-maker",
            200,
            "accepted 0 safety providerBadRequest",
        ),
        (
            "reference-failed",
            400,
            "accepted 0 reference failedToTransferImage",
        ),
        ("not-found", 404, "nothing"),
        ("not-found-unnamed", 404, "nothing"),
        ("empty-data", 200, "nothing"),
        ("foreign-task", 200, "transient not-understood"),
        ("foreign-refusal", 400, "transient not-understood"),
        ("other-task-type", 200, "transient not-understood"),
        ("empty-data", 503, "transient not-understood"),
        ("no-envelope", 200, "transient not-understood"),
        ("rate-limited", 429, "transient rateLimitExceeded"),
        ("invalid-api-key", 401, "account invalidApiKey"),
        ("invalid-request", 400, "request invalidRequest"),
        ("error-text", 500, "transient no-code"),
        ("conflict", 400, "unknown conflictTaskUUID"),
    ];
    for (name, status, expected) in cases {
        let known = asked(status, &fixture(name));
        assert_eq!(in_words(known), expected, "{name} {status}");
    }
    assert_eq!(in_words(asked(502, "<html>")), "transient not-understood");
}

#[test]
fn every_reply_of_the_archive() {
    let cases = [
        ("details-done", 200, "accepted 1"),
        ("details-failed", 200, "accepted 0 upstream timeoutProvider"),
        ("details-running", 200, "accepted 0"),
        ("empty-data", 200, "nothing"),
        ("not-found", 404, "nothing"),
        ("not-found-unnamed", 404, "nothing"),
        ("rate-limited", 429, "transient rateLimitExceeded"),
        ("no-envelope", 200, "transient not-understood"),
    ];
    for (name, status, expected) in cases {
        let known = detailed(status, &fixture(name));
        assert_eq!(in_words(known), expected, "{name} {status}");
    }
}

#[test]
fn an_end_that_is_not_understood_is_not_retried_blindly() {
    let body = fixture("unknown-code").replace("\"message\"", "\"status\":\"error\",\"message\"");
    assert_eq!(
        in_words(asked(200, &body)),
        "accepted 0 unknown somethingNew"
    );
}

async fn images_of(name: &str) -> Report {
    match submitted(200, true, fixture(name).as_bytes()).await {
        Submitted::Accepted(report) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_result_is_read_whole() {
    let report = images_of("sync-done").await;
    let image = &report.images[0];
    assert_eq!(image.image.as_str(), "11111111-aaaa-4aaa-8aaa-111111111111");
    assert_eq!(image.seed, Some(2_127_685_823));
    assert_eq!(image.nsfw, Some(false));
    assert_eq!(image.cost, Some(Micros::new(28_000)));
    assert!(matches!(&image.address, Address::Url(url) if url.starts_with("https://im.")));

    let report = images_of("sync-done-object").await;
    assert_eq!(report.images[0].seed, Some(u64::MAX));
    assert_eq!(report.images[0].cost, Some(Micros::new(28_000)));
    for name in ["base64", "data-uri"] {
        let report = images_of(name).await;
        assert!(matches!(&report.images[0].address, Address::Here(b) if **b == *b"hello"));
    }
}

#[tokio::test]
async fn a_result_without_a_form_or_a_name_is_still_a_result() {
    let task = task();
    let bare =
        format!(r#"{{"data":[{{"taskUUID":"{task}","imageUUID":"i","status":"success"}}]}}"#);
    let Ok(Known::Task(report)) = asked(200, &bare) else {
        panic!("not known");
    };
    assert_eq!(report.images[0].address, Address::Nowhere);
    assert_eq!(report.images[0].cost, None);
    let unnamed = format!(r#"{{"data":[{{"taskUUID":"{task}","imageURL":"https://x/a"}}]}}"#);
    let Ok(Known::Task(first)) = asked(200, &unnamed) else {
        panic!("not known");
    };
    assert_eq!(asked(200, &unnamed), Ok(Known::Task(first.clone())));
    assert!(first.images[0].image.as_str().starts_with("unnamed-"));
}

#[tokio::test]
async fn the_error_that_says_least_counts() {
    let task = task();
    let errors = |codes: &[&str]| {
        let errors: Vec<_> = codes
            .iter()
            .map(|code| format!(r#"{{"code":"{code}","taskUUID":"{task}"}}"#))
            .collect();
        format!(r#"{{"errors":[{},{{"code":"odd"}}]}}"#, errors.join(","))
    };
    for (codes, expected) in [
        (vec!["invalidWidth"], "refused request invalidWidth"),
        (vec!["invalidWidth", "conflictTaskUUID"], "conflict true"),
        (vec!["invalidWidth", "odd"], "unknown odd"),
        (
            vec!["invalidWidth", "taskFailed"],
            "accepted 0 upstream taskFailed",
        ),
        (vec![], "unknown odd"),
    ] {
        let body = errors(&codes).replace("[,", "[");
        let outcome = submitted(400, false, body.as_bytes()).await;
        assert_eq!(told(&outcome), expected, "{body}");
    }
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let answer = answer(400, &fixture("unsupported-dimensions"));
    let reply = reply::read(&answer.body).expect("JSON");
    let trouble = reply.faults[0].trouble(Class::Request, &scrub());
    assert_eq!(
        trouble.message,
        "Unsupported dimensions. (parameter [\"width\",\"height\"], allowed \
         [\"1024x1024\",\"1248x832\"])"
    );
}

#[test]
fn several_tasks_are_told_apart() {
    let both = [task(), other()];
    let ask = |status, body: &str| {
        let answer = answer(status, body);
        read::asked(&both, reply::read(&answer.body), &answer, &scrub())
    };
    let answers = ask(200, &fixture("partly-done")).expect("answers");
    assert_eq!(answers.spoken_of, [0, 1]);
    assert!(matches!(&answers.known[1].1, Known::Task(report) if report.images.len() == 1));

    let answers = ask(200, &fixture("empty-data")).expect("answers");
    assert_eq!(answers.known[1], (other(), Known::Nothing));
    let answers = ask(404, &fixture("not-found")).expect("answers");
    assert_eq!(answers.known[0], (task(), Known::Nothing));

    // One of the two is not known, but which?
    for name in ["not-found-unnamed", "invalid-request"] {
        let error = ask(400, &fixture(name)).expect_err("no answer");
        assert!(error.names_no_task, "{name}");
    }
    let error = ask(429, &fixture("rate-limited")).expect_err("no answer");
    assert!(!error.names_no_task);
}

#[test]
fn the_balance_is_a_number_or_an_object() {
    let account = |name: &str| {
        let body = fixture(name);
        let reply = reply::read(body.as_bytes()).expect("JSON");
        let given: Vec<Fields<'_>> = reply.given.expect("data");
        Account::of(&given[0])
    };
    let object = account("account-object");
    assert_eq!(object.organization.as_deref(), Some("A Studio"));
    assert_eq!(object.balance, Some(Micros::new(12_500_000)));
    assert_eq!(object.free, Some(Micros::new(1_000_000)));
    assert_eq!(object.currency.as_deref(), Some("USD"));
    assert_eq!(account("account-number").balance, Some(Micros::ZERO));
}

fn json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("data"),
        Just("errors"),
        Just("error"),
        Just("taskUUID"),
        Just("taskType"),
        Just("code"),
        Just("message"),
        Just("status"),
        Just("imageUUID"),
        Just("imageURL"),
        Just("response"),
        Just("cost"),
        Just("seed"),
    ];
    let text = prop_oneof![
        Just(task().to_string()),
        Just(other().to_string()),
        Just("imageInference".to_owned()),
        Just("error".to_owned()),
        Just("conflictTaskUUID".to_owned()),
        Just("x".to_owned()),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1e999".to_owned()),
        text.prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

fn survives(status: u16, body: &[u8]) -> Submitted {
    let text = String::from_utf8_lossy(body);
    drop(asked(status, &text));
    drop(detailed(status, &text));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let sent = submitted(status, status.is_multiple_of(2), body);
    runtime.expect("a runtime").block_on(sent)
}

proptest! {
    #[test]
    fn any_bytes_are_answered(status in 100u16..600, body in any::<Vec<u8>>()) {
        let outcome = survives(status, &body);
        prop_assert!(matches!(outcome, Submitted::Unknown(..)), "{outcome:?}");
    }

    // None of the codes that can come up here is a definite refusal, so none may come out of it
    // but by a status that speaks of the account.
    #[test]
    fn any_shape_is_answered(status in 100u16..600, body in json()) {
        let outcome = survives(status, body.as_bytes());
        let refused = matches!(outcome, Submitted::Refused(_));
        prop_assert!(!refused || matches!(status, 401..=403), "{outcome:?} {body}");
    }

    #[test]
    fn a_cut_reply_is_unknown(at in 0usize..400) {
        let whole = fixture("sync-done");
        let cut = whole.trim_end().as_bytes();
        let cut = &cut[..at.min(cut.len() - 1)];
        prop_assert!(matches!(survives(200, cut), Submitted::Unknown(..)));
    }
}

#[test]
fn a_call_is_turned_away_as_busy_only_by_that_word() {
    let error = |code: &str| CallError {
        trouble: Trouble {
            class: Class::Transient,
            code: code.to_owned(),
            message: String::new(),
        },
        retry_after: Some(RetryAfter(std::time::Duration::from_secs(7))),
        names_no_task: false,
    };
    let asked = error("").retry_after;
    for code in ["rateLimitExceeded", "providerRateLimitExceeded"] {
        assert_eq!(error(code).away(), Away::Busy(asked));
    }
    assert_eq!(error("serviceUnavailable").away(), Away::Unavailable(asked));
}
