//! The faults that strike a task at its submit, and the ones that decide how it will end.

use super::api::Ending;
use super::app::App;
use super::envelope::Refusal;
use super::faults::{Fault, Target};
use super::id::draw;
use super::record::Fate;
use super::results::moderated;
use super::switches::{Accepts, Moderated, Strikes, Switches};

/// What a fault says instead of the service.
pub(super) enum Answer {
    Refusal(Refusal),
    /// The whole request ends so.
    Ending(Ending),
}

/// Lets those strike that come before any look at the balance.
pub(super) fn before_money(app: &App, submit: Target) -> Result<(), Answer> {
    if app.faults.strikes(Fault::DropBeforeAccept, submit) {
        return Err(Answer::Ending(Ending::Reset));
    }
    if app.faults.strikes(Fault::NoCredit, submit) {
        let message = "The balance does not cover this task";
        return Err(Answer::Refusal(Refusal::new(
            402,
            "insufficientCredits",
            message,
        )));
    }
    Ok(())
}

/// Lets those strike that turn a task away at the last moment.
pub(super) fn before_acceptance(app: &App, submit: Target) -> Result<(), Answer> {
    let (faults, switches) = (&app.faults, app.switches());
    let untaken = |fault, accepts| {
        faults.strikes(fault, submit) && !is_taken_anyway(app, fault, accepts, submit)
    };
    if faults.strikes(Fault::RateLimit, submit) {
        return Err(Answer::Refusal(too_many()));
    }
    if untaken(Fault::ServerError, switches.server_error_accepts) {
        return Err(Answer::Refusal(server_error(switches)));
    }
    if untaken(Fault::HtmlError, switches.html_error_accepts) {
        return Err(Answer::Ending(Ending::Page(502)));
    }
    if untaken(Fault::BrokenJson, switches.broken_json_accepts) {
        return Err(Answer::Ending(Ending::CutJson));
    }
    let at_submit = switches.moderated_strikes == Strikes::AtSubmit;
    if at_submit
        && faults.strikes(
            Fault::Moderated,
            Target {
                attempt: 0,
                ..submit
            },
        )
    {
        return Err(Answer::Refusal(moderated(switches.moderated)));
    }
    Ok(())
}

/// Lets those strike that hide a task that was taken.
pub(super) fn after_acceptance(app: &App, submit: Target) -> Option<Answer> {
    let (faults, switches) = (&app.faults, app.switches());
    let taken = |fault, accepts| {
        faults.strikes(fault, submit) && is_taken_anyway(app, fault, accepts, submit)
    };
    let ending = if faults.strikes(Fault::DropAfterAccept, submit) {
        Ending::Reset
    } else if faults.strikes(Fault::Silence, submit) {
        Ending::Silence
    } else if taken(Fault::ServerError, switches.server_error_accepts) {
        return Some(Answer::Refusal(server_error(switches)));
    } else if taken(Fault::HtmlError, switches.html_error_accepts) {
        Ending::Page(502)
    } else if taken(Fault::BrokenJson, switches.broken_json_accepts) {
        Ending::CutJson
    } else {
        return None;
    };
    Some(Answer::Ending(ending))
}

/// Decides how a task will end; `lost` is the place of a reference that could not be had.
pub(super) fn fate(app: &App, lost: Option<usize>, results: u8, once: Target) -> Fate {
    let strikes = |fault| app.faults.strikes(fault, once);
    if let Some(place) = lost {
        return Fate::ReferenceLost { place };
    }
    if strikes(Fault::Moderated) {
        return match app.switches().moderated {
            Moderated::PolicyViolation => Fate::Moderated,
            Moderated::BadRequest => Fate::BadRequest,
        };
    }
    if strikes(Fault::Failed) {
        return Fate::TimedOut;
    }
    if results > 1 && strikes(Fault::PartialResults) {
        let drawn = draw(&[b"partial", &once.number.to_le_bytes()]) % u64::from(results - 1);
        return Fate::Partly {
            made: 1 + u8::try_from(drawn).unwrap_or(0),
        };
    }
    Fate::Made
}

pub(super) fn too_many() -> Refusal {
    Refusal::new(429, "rateLimitExceeded", "Too many tasks, try later")
}

fn is_taken_anyway(app: &App, fault: Fault, accepts: Accepts, submit: Target) -> bool {
    match accepts {
        Accepts::Yes => true,
        Accepts::No => false,
        Accepts::Either => app.faults.coin(fault, submit),
    }
}

fn server_error(switches: &Switches) -> Refusal {
    let status = switches.server_error_status;
    let code = match status {
        503 => "serviceUnavailable",
        504 => "timeoutProvider",
        _ => "internalServerError",
    };
    Refusal::new(status, code, "Something went wrong on the server")
}
