//! The faults file.
//!
//! ```toml
//! seed = 7                        # of every draw; 0 if left out
//! by = "order"                    # draws by the task's number; or by its "uuid"
//!
//! [faults]                        # rates, 0 to 1
//! drop-after-accept = 0.05
//! late = 0.1
//!
//! [switches]                      # readings of open questions, and figures
//! late-by = "30s"
//! poll-running = "empty"
//!
//! [[at]]                          # one numbered task, from 1 in the order tasks come in
//! task = 17
//! fault = "drop-before-accept"
//! times = 2                       # its first two submits, polls or fetches; 1 if left out
//!
//! [references]
//! dead = ["https://example.com/gone.png"]
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::faults::{By, Fault, Faults, FaultsError, Scripted};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    by: Option<String>,
    #[serde(default)]
    faults: BTreeMap<String, toml::Value>,
    #[serde(default)]
    switches: BTreeMap<String, toml::Value>,
    #[serde(default)]
    at: Vec<At>,
    #[serde(default)]
    references: References,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    task: u64,
    fault: String,
    times: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct References {
    #[serde(default)]
    dead: Vec<String>,
}

/// Reads the text of a faults file; the path serves messages only.
pub(super) fn read(path: &Path, source: &str) -> Result<Faults, FaultsError> {
    let file: File = toml::from_str(source).map_err(|error| FaultsError::NotToml {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let wrong = |table: &str, message: String| FaultsError::Wrong {
        place: format!("{}, {table}", path.display()),
        message,
    };
    let mut faults = Faults {
        seed: file.seed,
        ..Faults::default()
    };
    if let Some(by) = file.by {
        faults.by = By::read(&by).map_err(|message| wrong("`by`", message))?;
    }
    for (name, value) in file.faults {
        let rate = number(&value).ok_or_else(|| {
            wrong(
                "[faults]",
                format!("`{name}` is not a rate between 0 and 1"),
            )
        })?;
        faults
            .set_rate(&name, rate)
            .map_err(|message| wrong("[faults]", message))?;
    }
    for (name, value) in file.switches {
        faults
            .set_switch(&name, &text(&value))
            .map_err(|message| wrong("[switches]", message))?;
    }
    for at in file.at {
        faults
            .script
            .push(scripted(&at).map_err(|message| wrong("[[at]]", message))?);
    }
    faults.dead_references = file.references.dead;
    Ok(faults)
}

fn scripted(at: &At) -> Result<Scripted, String> {
    if at.task == 0 {
        return Err("tasks are counted from 1".to_owned());
    }
    let fault = Fault::read(&at.fault)?;
    Ok(Scripted {
        task: at.task,
        fault,
        times: at.times.unwrap_or(1),
    })
}

fn number(value: &toml::Value) -> Option<f64> {
    let whole = || {
        value
            .as_integer()
            .and_then(|whole| i32::try_from(whole).ok())
            .map(f64::from)
    };
    value.as_float().or_else(whole)
}

/// Gives a switch's value as text, so that `2`, `"2"` and `true` are all at home in a file.
fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::faults::{Fault, Faults, Target};
    use crate::rehearsal::id::Id;
    use crate::rehearsal::switches::PollRunning;

    const FILE: &str = r#"
seed = 7
by = "uuid"
[faults]
drop-after-accept = 0.25
late = 1
[switches]
poll-running = "empty"
poll-error-http = 400
poll-sync = false
price-2k = "0.056"
queue-depth = 8
[[at]]
task = 17
fault = "rate-limit"
times = 2
[references]
dead = ["https://example.com/gone.png"]
"#;

    #[test]
    fn reads_a_whole_file() {
        let faults = Faults::from_toml(FILE).unwrap();
        assert_eq!(faults.seed, 7);
        assert_eq!(faults.switches.poll_running, PollRunning::Empty);
        assert_eq!(faults.switches.poll_error_http, 400);
        assert!(!faults.switches.poll_sync);
        assert_eq!(faults.switches.queue_depth, Some(8));
        let at = |number, attempt| Target {
            number,
            task: Id::random(),
            attempt,
            index: 0,
        };
        assert!(faults.strikes(Fault::RateLimit, at(17, 1)));
        assert!(!faults.strikes(Fault::RateLimit, at(17, 2)));
        assert!(!faults.strikes(Fault::RateLimit, at(16, 0)));
        assert!(faults.strikes(Fault::Late, at(3, 0)));
    }

    #[test]
    fn a_list_mixes_rates_and_switches() {
        let faults = Faults::from_list("late=0.5, moderated=1,moderated=providerBadRequest,seed=3");
        let faults = faults.unwrap();
        assert_eq!(faults.seed, 3);
        assert!((faults.rates[&Fault::Late] - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn says_what_is_wrong() {
        for (source, part) in [
            ("[faults]\nlatte = 0.1", "did you mean `late`?"),
            ("[faults]\nlate = 1.5", "between 0 and 1"),
            ("[faults]\nlate = \"often\"", "not a rate"),
            (
                "[switches]\npoll-sync = \"perhaps\"",
                "has to be `yes` or `no`",
            ),
            (
                "[switches]\npoll-snyc = \"no\"",
                "did you mean `poll-sync`?",
            ),
            ("[[at]]\ntask = 0\nfault = \"late\"", "counted from 1"),
            (
                "[[at]]\ntask = 1\nfault = \"lame\"",
                "there is no fault `lame`",
            ),
            ("sed = 1", "unknown field `sed`"),
            ("seed = ", "TOML"),
        ] {
            let message = Faults::from_toml(source).unwrap_err().to_string();
            assert!(message.contains(part), "{source}: {message}");
        }
        let message = Faults::parse("late").unwrap_err().to_string();
        assert!(
            message.contains("cannot read the faults file late"),
            "{message}"
        );
        let message = Faults::parse("late=often").unwrap_err().to_string();
        assert!(message.contains("`late=often`"), "{message}");
    }

    #[test]
    fn draws_repeat_and_follow_their_rate() {
        let faults = Faults::from_list("late=0.2,seed=11").unwrap();
        let target = |number| Target {
            number,
            task: Id::random(),
            attempt: 0,
            index: 0,
        };
        let strikes = |number| faults.strikes(Fault::Late, target(number));
        let struck: Vec<bool> = (1..=1000).map(strikes).collect();
        assert_eq!(struck, (1..=1000).map(strikes).collect::<Vec<_>>());
        let count = struck.iter().filter(|struck| **struck).count();
        assert!((150..250).contains(&count), "{count}");
    }
}
