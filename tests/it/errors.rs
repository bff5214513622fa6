//! The table of error classes, through the whole program: what the run does, and how it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::hostile::{Answer, Asked, Hostile, Service};
use crate::support::{Said, Show, side_by_side};

/// What a run does about an error that meets the second of three shots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Sends the same id again after a while, without asking: it was not looked at.
    BacksOff,
    /// Asks, waits out the quiet time, asks again, and sends the same id.
    Settles,
    /// Buys it under a new id: the first one ended.
    TriesAnew,
    /// Ends the shot as refused, unpaid, with this class.
    Refuses(&'static str),
    /// Ends the shot as failed, its price reserved, with this class.
    Fails(&'static str),
    /// Takes it as bought before, and waits for it.
    Waits,
    /// Sends nothing more and leaves with 4.
    Leaves,
    /// Goes on asking.
    AsksOn,
}
use Does::{AsksOn, BacksOff, Fails, Leaves, Refuses, Settles, TriesAnew, Waits};

/// An error: status, code, what it says, and what has to come of it.
type Row = (u16, &'static str, &'static str, Does);

/// Errors in answer to a send.
const AT_SUBMIT: &[Row] = &[
    (400, "providerInsufficientCredits", "", BacksOff),
    (402, "thirdPartyCreditsExhausted", "", BacksOff),
    (401, "providerInvalidApiKey", "", BacksOff),
    (403, "providerAuthenticationFailed", "", BacksOff),
    (401, "invalidApiKey", "", Leaves),
    (401, "missingApiKey", "", Leaves),
    (402, "insufficientCredits", "", Leaves),
    (400, "quotaExceeded", "", Leaves),
    (400, "lowBalance", "", Leaves),
    (400, "failedAuthentication", "", Leaves),
    (400, "badCredentials", "", Leaves),
    (400, "unauthorized", "", Leaves),
    (403, "forbidden", "", Leaves),
    (400, "permissionDenied", "", Leaves),
    (400, "insufficientPermissions", "", Leaves),
    (400, "authExpired", "", Leaves),
    (400, "tokenExpired", "", Leaves),
    (400, "paymentRequired", "", Leaves),
    (400, "accountSuspended", "", Leaves),
    (400, "organizationDisabled", "", Leaves),
    (400, "workspaceSuspended", "", Leaves),
    (401, "", "", Leaves),
    (402, "", "", Leaves),
    (403, "", "", Leaves),
    (400, "conflictTaskUUID", "", Waits),
    (409, "conflictTaskUUID", "", Waits),
    (429, "rateLimitExceeded", "", BacksOff),
    (429, "providerRateLimitExceeded", "", BacksOff),
    (429, "", "", BacksOff),
    (503, "serviceUnavailable", "", BacksOff),
    (503, "noAvailableServer", "", BacksOff),
    (503, "modelUnavailable", "", BacksOff),
    (503, "modelNotReady", "", BacksOff),
    (500, "internalServerError", "", Settles),
    (400, "serviceUnavailable", "", Settles),
    (504, "timeoutProvider", "", Settles),
    (502, "", "", Settles),
    (408, "", "", Settles),
    (400, "contentPolicyViolation", "", Refuses("safety")),
    (400, "providerContentPolicyViolation", "", Refuses("safety")),
    (400, "sensitiveContentDetected", "", Refuses("safety")),
    (400, "unsafeContentDetected", "", Refuses("safety")),
    (400, "nsfwContentDetected", "", Refuses("safety")),
    (400, "promptBlocked", "", Refuses("safety")),
    (400, "imageBlocked", "", Refuses("safety")),
    (400, "moderationFailed", "", Refuses("safety")),
    (400, "unsupportedParameter", "", Refuses("request")),
    (400, "unsupportedDimensions", "", Refuses("request")),
    (400, "invalidWidth", "", Refuses("request")),
    (400, "invalidTaskUUID", "", Refuses("request")),
    (400, "missingModel", "", Refuses("request")),
    (400, "duplicateTask", "", Refuses("request")),
    (400, "maxResultsExceeded", "", Refuses("request")),
    (400, "valueTooLarge", "", Refuses("request")),
    (400, "arrayTooLong", "", Refuses("request")),
    (400, "incompatibleParameters", "", Refuses("request")),
    (400, "unknownModel", "", Refuses("request")),
    (400, "modelDisabled", "", Refuses("request")),
    (400, "failedToTransferImage", "", TriesAnew),
    (400, "downloadFailed", "", TriesAnew),
    (400, "providerBadRequest", "upstream hiccup", TriesAnew),
    (400, "providerError", "", TriesAnew),
    (
        400,
        "providerBadRequest",
        "rejected: sensitive",
        Fails("safety"),
    ),
    (400, "providerError", "against our policy", Fails("safety")),
    (400, "timeoutProvider", "", TriesAnew),
    (400, "taskTimeout", "", TriesAnew),
    (400, "inferenceError", "", TriesAnew),
    (400, "processingFailed", "", TriesAnew),
    (400, "taskFailed", "", TriesAnew),
    (404, "taskNotFound", "", Settles),
    (404, "taskFailedOrNotFound", "", Settles),
    (400, "taskExpired", "", Settles),
    (400, "mediaNotFound", "", Settles),
    (400, "", "", Settles),
    (400, "somethingNew", "", Settles),
    (404, "notFound", "", Settles),
    (200, "somethingNew", "", Settles),
];

/// Errors that end a task after its acceptance, as a poll tells them.
const IN_POLLS: &[Row] = &[
    (200, "providerInsufficientCredits", "", TriesAnew),
    (200, "insufficientCredits", "", Leaves),
    (200, "providerRateLimitExceeded", "", TriesAnew),
    (200, "internalServerError", "", TriesAnew),
    (200, "providerContentPolicyViolation", "", Fails("safety")),
    (200, "invalidReferenceImages", "", Fails("request")),
    (200, "failedToTransferImage", "", TriesAnew),
    (200, "providerBadRequest", "rejected: risk", Fails("safety")),
    (200, "providerError", "", TriesAnew),
    (200, "timeoutProvider", "", TriesAnew),
    (400, "timeoutProvider", "", TriesAnew),
    (200, "inferenceError", "", TriesAnew),
    (200, "somethingNew", "", Waits),
    (200, "", "queue hiccup", Waits),
    (404, "taskNotFound", "", AsksOn),
    (200, "taskExpired", "", AsksOn),
];

/// Errors of a poll itself, which say nothing of any task.
const OF_POLLS: &[Row] = &[
    (429, "rateLimitExceeded", "", AsksOn),
    (500, "internalServerError", "", AsksOn),
    (503, "", "", AsksOn),
    (504, "timeoutProvider", "", AsksOn),
    (400, "invalidRequest", "", AsksOn),
    (401, "invalidApiKey", "", Leaves),
    (403, "forbidden", "", Leaves),
];

/// Where an error stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    AtSubmit,
    InPolls,
    OfPolls,
}

fn error(row: &Row, stands: Stands, task: &str) -> Answer {
    let (status, code, words, _) = *row;
    let mut error = json!({ "message": if words.is_empty() { "no luck today" } else { words } });
    if !code.is_empty() {
        error["code"] = json!(code);
    }
    if stands == Stands::InPolls {
        error["status"] = json!("error");
    }
    if stands != Stands::OfPolls {
        error["taskUUID"] = json!(task);
        error["taskType"] = json!("imageInference");
    }
    Answer::Json(status, json!({ "errors": [error] }))
}

/// Answers the second task's first send, or first question about it, with an error.
fn strikes(asked: &Asked, service: &Service, row: &Row, stands: Stands) -> Option<Answer> {
    let kind = match stands {
        Stands::AtSubmit => "imageInference",
        Stands::InPolls | Stands::OfPolls => "getResponse",
    };
    let task = asked.tasks.first().filter(|_| asked.kind == kind)?;
    let seen = service.seen.lock().expect("the list").clone();
    // A new log asks about its ids before it sends anything: that is not what is struck.
    let about_it = |other: &Asked| other.tasks.contains(task);
    let sent = |other: &&Asked| other.kind == "imageInference" && about_it(other);
    let since_sent = seen
        .iter()
        .position(|other| sent(&other))
        .unwrap_or(seen.len());
    let times = seen[since_sent..]
        .iter()
        .filter(|other| other.kind == kind && other.tasks.contains(task))
        .count();
    // What ends a task is told each time; whatever else passes.
    let passes = stands != Stands::InPolls || row.3 == AsksOn;
    (service.number(asked) == 2 && (times == 1 || !passes)).then(|| error(row, stands, task))
}

fn show() -> Show {
    Show::of(3, "patience_s = 2\njobs = 1\nretries = 2")
}

fn run(show: &Show, server: &Hostile) -> Said {
    let said = show.reshoot(&["run", "--yes", "--endpoint", &server.endpoint]);
    assert!(!said.err.contains("panicked"), "{said:?}");
    said
}

fn ids_of_the_struck(show: &Show) -> BTreeSet<String> {
    let intents = show.of_kind("intent");
    let of_shot = intents.iter().filter(|record| record["shot"] == "0002");
    let ids = of_shot.filter_map(|record| record["task"].as_str());
    ids.map(str::to_owned).collect()
}

fn meets(row: &Row, stands: Stands) {
    let show = show();
    let (own, there) = (*row, stands);
    let server = Hostile::start(move |asked, service| {
        strikes(asked, service, &own, there).unwrap_or(Answer::Usual)
    });
    let said = run(&show, &server);
    let name = format!("{stands:?} {row:?}\n{said:?}");
    let ids = ids_of_the_struck(&show);
    let first = server.of_kind("imageInference")[1].tasks[0].clone();
    let all = server.of_kind("imageInference");
    let sends: Vec<&Asked> = all.iter().filter(|a| a.tasks.contains(&first)).collect();
    let takes = show.status()["takes"].clone();
    let problem = show.status()["problems"][0].clone();
    let (exit, saved, fresh_ids) = match row.3 {
        BacksOff | Settles => {
            assert_eq!(sends.len(), 2, "{name}");
            let (from, to) = (sends[0].at, sends[1].at);
            let asks = server.of_kind("getTaskDetails");
            let asked = asks.iter().filter(|a| a.at > from && a.at < to).count();
            // Asked at once, and again when the quiet time is over.
            assert_eq!(asked >= 2, row.3 == Settles, "{name}");
            let quiet = to - from >= Duration::from_secs(1);
            assert!(quiet || row.3 == BacksOff, "{name}");
            (0, 3, 1)
        }
        TriesAnew => (0, 3, 2),
        AsksOn => (0, 3, 1),
        Refuses(class) | Fails(class) => {
            let kind = if matches!(row.3, Refuses(_)) {
                "refused"
            } else {
                "failed"
            };
            assert_eq!(
                [&problem["kind"], &problem["why"]["class"]],
                [kind, class],
                "{name}"
            );
            let told = problem["why"]["code"].as_str();
            assert_eq!(told, Some(row.1).filter(|code| !code.is_empty()), "{name}");
            (5, 2, 1)
        }
        Waits => {
            // Nothing is ever seen of it here: in doubt, and never bought anew.
            assert_eq!(problem["kind"], "unsure", "{name}");
            (5, 2, 1)
        }
        Leaves => {
            assert_eq!(takes["pending"], 2, "{name}\n{takes}");
            (4, 1, 1)
        }
    };
    assert_eq!(said.code, Some(exit), "{name}");
    assert_eq!(takes["saved"], saved, "{name}\n{takes}");
    assert_eq!(ids.len(), fresh_ids, "{name}");
    after(row, stands, &show, &server, &name);
}

/// The same command again: the account being right again, everything pending is bought; what a
/// person has to decide about is left alone.
fn after(row: &Row, stands: Stands, show: &Show, server: &Hostile, name: &str) {
    let bought = server.bought();
    let said = run(show, server);
    let takes = &show.status()["takes"];
    match row.3 {
        Leaves if stands != Stands::InPolls => {
            assert_eq!(said.code, Some(0), "{name}\n{said:?}");
            assert_eq!(takes["saved"], 3, "{name}");
            assert_eq!(server.bought(), 3, "{name}");
        }
        Leaves => assert_eq!(takes["saved"], 3, "{name}\n{said:?}"),
        _ => assert_eq!(server.bought(), bought, "{name}\n{said:?}"),
    }
}

#[test]
fn every_line_of_the_class_table_at_submit() {
    side_by_side(AT_SUBMIT, |row| meets(row, Stands::AtSubmit));
}

#[test]
fn every_line_of_the_class_table_in_a_poll() {
    side_by_side(IN_POLLS, |row| meets(row, Stands::InPolls));
}

#[test]
fn an_error_of_the_poll_itself_says_nothing_of_the_task() {
    side_by_side(OF_POLLS, |row| meets(row, Stands::OfPolls));
}

/// Replies that are no answer at all: whatever they mean, the task is asked about first.
#[test]
fn a_reply_that_is_not_understood_is_settled() {
    let replies: [(u16, &'static str, &[u8]); 8] = [
        (
            200,
            "Content-Type: text/html\r\n",
            b"<html>Bad gateway</html>",
        ),
        (
            502,
            "Content-Type: text/html\r\n",
            b"<html>Bad gateway</html>",
        ),
        (200, "", b""),
        (204, "", b""),
        (200, "", b"{\"data\":[{\"taskType\":\"imageInf"),
        (200, "", b"{\"data\":[]}"),
        (400, "", b"{\"errors\":[]}"),
        (
            429,
            "Content-Type: text/html\r\n",
            b"<html>Slow down</html>",
        ),
    ];
    side_by_side(&replies, |(status, more, body)| {
        let (status, more, body) = (*status, *more, body.to_vec());
        let (show, name) = (
            show(),
            format!("{status} {}", String::from_utf8_lossy(&body)),
        );
        let server = Hostile::start(move |asked, service| {
            let second = asked.kind == "imageInference" && service.number(asked) == 2;
            if second && service.nth(asked) == 2 {
                // It may have been taken all the same.
                if status != 204 {
                    service.take(&asked.tasks[0]);
                }
                return Answer::Body(status, more, body.clone());
            }
            Answer::Usual
        });
        let said = run(&show, &server);
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
        assert_eq!(server.bought(), 3, "{name}");
        assert_eq!(ids_of_the_struck(&show).len(), 1, "{name}");
        assert_eq!(show.saved(), 3, "{name}");
    });
}

/// With work in flight a refused key ends all sending at once, and what is in flight is kept.
#[test]
fn an_account_in_trouble_drains_and_leaves_with_4() {
    let show = Show::of(12, "jobs = 4");
    let server = Hostile::start(|asked, service| {
        let number = service.number(asked);
        if asked.kind == "imageInference" && number == 4 {
            let error: Value = json!({ "code": "insufficientCredits", "message": "top up",
                "taskUUID": asked.tasks[0], "taskType": "imageInference" });
            return Answer::Json(402, json!({ "data": [], "errors": [error] }));
        }
        if asked.kind == "GET" {
            return Answer::After(Duration::from_millis(300));
        }
        Answer::Usual
    });
    let said = run(&show, &server);
    said.exits(4).says("insufficientCredits");
    assert_eq!(show.saved(), server.bought(), "what was bought is kept");
    assert!(
        server.of_kind("imageInference").len() <= 8,
        "it went on sending"
    );
    assert_eq!(show.status()["takes"]["unsure"], 0);
}
