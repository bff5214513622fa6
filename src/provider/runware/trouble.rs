//! Saying why a call came to nothing.

use crate::domain::class::{Class, Trouble};
use crate::provider::CallError;
use crate::provider::runware::api::Answer;
use crate::provider::runware::reply::Fault;
use crate::provider::runware::scrub::Scrub;

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
pub(super) fn call_error(
    fault: &Fault<'_>,
    tasks: usize,
    answer: &Answer,
    scrub: &Scrub,
) -> CallError {
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

pub(super) fn not_understood(answer: &Answer, why: &str) -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "not-understood".to_owned(),
        message: format!("{why} (HTTP {})", answer.status),
    }
}
