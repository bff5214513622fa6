//! Checks an image task as the real service does, first failure first, and reads it into an order.
//!
//! Limits, sizes and names are those of the model's page (klingai-image-o1); the order of the checks
//! is the server's own. What needs the references' content is checked in between, elsewhere: hence
//! two steps.

use serde_json::{Map, Value, json};

use super::envelope::Refusal;
use super::record::{Delivery, Format, Output};
use super::switches::{NewKeys, ResolutionCase, Switches};

pub(super) const MODEL: &str = "klingai:kling-image@o1";
const PROMPT_CHARACTERS: (u64, u64) = (3, 2500);
const RESULTS: (u64, u64) = (1, 20);
const QUALITY: (u64, u64) = (20, 99);
const DEFAULT_QUALITY: u8 = 95;
const SHORTEST_TTL_S: u64 = 60;
/// Not on the model's page; told by other sellers of the model.
pub(super) const MOST_REFERENCES: usize = 10;

/// The 1K sizes.
pub(super) const SIZES_1K: [(u32, u32); 8] = [
    (1024, 1024),
    (1248, 832),
    (832, 1248),
    (1168, 880),
    (880, 1168),
    (768, 1360),
    (1360, 768),
    (1552, 656),
];

/// The 2K sizes: each is twice its 1K one.
pub(super) fn sizes_2k() -> impl Iterator<Item = (u32, u32)> {
    SIZES_1K
        .iter()
        .map(|(width, height)| (width * 2, height * 2))
}

const KEYS: [&str; 18] = [
    "taskType",
    "taskUUID",
    "model",
    "positivePrompt",
    "width",
    "height",
    "resolution",
    "inputs",
    "numberResults",
    "outputType",
    "outputFormat",
    "outputQuality",
    "deliveryMethod",
    "includeCost",
    "ttl",
    "webhookURL",
    "uploadEndpoint",
    "safety",
];
/// Known to newer types of the vendor, not to the page.
const NEWER_KEYS: [&str; 2] = ["routing", "advancedFeatures"];

/// How large the picture is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Given(u32, u32),
    /// Follows the first reference, at 1K or at 2K.
    AsReference {
        at_2k: bool,
    },
}

/// A task whose shape, prompt and size are good; its references are still to be looked at.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) task: &'a Map<String, Value>,
    pub(super) size: Size,
    pub(super) references: Vec<&'a str>,
}

/// A task that asks for nothing impossible.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) size: Size,
    pub(super) results: u8,
    pub(super) output: Output,
    pub(super) format: Format,
    pub(super) quality: u8,
    pub(super) delivery: Delivery,
    pub(super) include_cost: bool,
    pub(super) checks_content: bool,
    pub(super) ttl_s: Option<u64>,
    pub(super) webhook: Option<String>,
    pub(super) upload_endpoint: Option<String>,
}

/// Checks everything up to the references' content.
pub(super) fn draft<'a>(
    task: &'a Map<String, Value>,
    switches: &Switches,
) -> Result<Draft<'a>, Refusal> {
    check_model(task)?;
    check_keys(task, switches)?;
    check_types(task)?;
    check_prompt(task)?;
    let given = given_size(task)?;
    let at_2k = tier(task, switches)?;
    let named = task
        .get("inputs")
        .and_then(|inputs| inputs.get("referenceImages"));
    let without_references = named.is_none_or(|named| named.as_array().is_some_and(Vec::is_empty));
    if given.is_none() && without_references {
        let message = "Give width and height, or reference images";
        return Err(Refusal::new(400, "missingWidth", message).about(json!(["width", "height"])));
    }
    let references = named.map_or(Ok(Vec::new()), references)?;
    let size = match given {
        Some((width, height)) => Size::Given(width, height),
        None => Size::AsReference {
            at_2k: at_2k.unwrap_or(false),
        },
    };
    Ok(Draft {
        task,
        size,
        references,
    })
}

/// Checks what is left once the references are known to be good.
pub(super) fn order(draft: &Draft<'_>) -> Result<Order, Refusal> {
    let task = draft.task;
    let output = choice(
        task.get("outputType"),
        "outputType",
        &[
            ("URL", Output::Url),
            ("base64Data", Output::Base64),
            ("dataURI", Output::DataUri),
        ],
    )?;
    let formats = [
        ("JPG", Format::Jpg),
        ("PNG", Format::Png),
        ("WEBP", Format::Webp),
    ];
    let format = choice(task.get("outputFormat"), "outputFormat", &formats)?;
    let methods = [("sync", Delivery::Sync), ("async", Delivery::Async)];
    let delivery = choice(task.get("deliveryMethod"), "deliveryMethod", &methods)?;
    let checks_content = safety(task)?;
    let results = ranged(task, "numberResults", RESULTS)?.unwrap_or(1);
    let quality = ranged(task, "outputQuality", QUALITY)?.unwrap_or(DEFAULT_QUALITY);
    let ttl_s = task.get("ttl").and_then(whole);
    if ttl_s.is_some_and(|ttl| ttl < i128::from(SHORTEST_TTL_S)) {
        let message = format!("ttl has to be at least {SHORTEST_TTL_S} seconds");
        let refusal = Refusal::new(400, "invalidTtl", message).about("ttl");
        return Err(refusal.with("type", "integer").with("min", SHORTEST_TTL_S));
    }
    Ok(Order {
        size: draft.size,
        results,
        output,
        format,
        quality,
        delivery,
        include_cost: task
            .get("includeCost")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        checks_content,
        ttl_s: ttl_s.map(|ttl| u64::try_from(ttl).unwrap_or(u64::MAX)),
        webhook: address(task, "webhookURL")?,
        upload_endpoint: address(task, "uploadEndpoint")?,
    })
}

/// Says how many results a task asks for before anything of it is checked.
pub(super) fn hoped_for_results(task: &Map<String, Value>) -> u8 {
    ranged(task, "numberResults", RESULTS)
        .ok()
        .flatten()
        .unwrap_or(1)
}

fn check_model(task: &Map<String, Value>) -> Result<(), Refusal> {
    let refuse = |code, message: &str| Err(Refusal::new(400, code, message).about("model"));
    match task.get("model") {
        None => refuse("missingModel", "model is required"),
        Some(Value::String(model)) if model == MODEL => Ok(()),
        Some(Value::String(_)) => refuse("invalidModel", "There is no such model"),
        Some(_) => Err(wrong_type("model", "string")),
    }
}

fn check_keys(task: &Map<String, Value>, switches: &Switches) -> Result<(), Refusal> {
    let newer = switches.new_keys == NewKeys::Accept;
    let known = |key: &str| KEYS.contains(&key) || newer && NEWER_KEYS.contains(&key);
    only(task, "", known)?;
    if let Some(inputs) = task.get("inputs").and_then(Value::as_object) {
        only(inputs, "inputs.", |key| key == "referenceImages")?;
    }
    if let Some(safety) = task.get("safety").and_then(Value::as_object) {
        only(safety, "safety.", |key| {
            matches!(key, "checkContent" | "mode")
        })?;
    }
    Ok(())
}

fn only(
    object: &Map<String, Value>,
    prefix: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let Some(stranger) = object.keys().find(|key| !known(key)) else {
        return Ok(());
    };
    let path = format!("{prefix}{stranger}");
    let message = format!("{path} is not supported by this model");
    Err(Refusal::new(400, "unsupportedParameter", message).about(path))
}

fn check_types(task: &Map<String, Value>) -> Result<(), Refusal> {
    let fits = |path: &str, value: Option<&Value>, kind, fits: fn(&Value) -> bool| {
        if value.is_none_or(fits) {
            Ok(())
        } else {
            Err(wrong_type(path, kind))
        }
    };
    for key in [
        "positivePrompt",
        "resolution",
        "webhookURL",
        "uploadEndpoint",
    ] {
        fits(key, task.get(key), "string", Value::is_string)?;
    }
    for key in ["width", "height", "numberResults", "outputQuality", "ttl"] {
        fits(key, task.get(key), "integer", |value| {
            whole(value).is_some()
        })?;
    }
    fits(
        "includeCost",
        task.get("includeCost"),
        "boolean",
        Value::is_boolean,
    )?;
    for key in ["inputs", "safety", "routing", "advancedFeatures"] {
        fits(key, task.get(key), "object", Value::is_object)?;
    }
    let checks = task
        .get("safety")
        .and_then(|safety| safety.get("checkContent"));
    fits("safety.checkContent", checks, "boolean", Value::is_boolean)
}

fn check_prompt(task: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(prompt) = task.get("positivePrompt").and_then(Value::as_str) else {
        let message = "positivePrompt is required";
        return Err(Refusal::new(400, "missingPositivePrompt", message).about("positivePrompt"));
    };
    let (min, max) = PROMPT_CHARACTERS;
    let characters = u64::try_from(prompt.chars().count()).unwrap_or(u64::MAX);
    if (min..=max).contains(&characters) {
        return Ok(());
    }
    let message = format!("positivePrompt has {characters} characters, not {min} to {max}");
    let refusal = Refusal::new(400, "invalidPositivePrompt", message).about("positivePrompt");
    Err(refusal.with("type", "string").between(min, max))
}

fn given_size(task: &Map<String, Value>) -> Result<Option<(u32, u32)>, Refusal> {
    let side = |key| task.get(key).and_then(whole);
    let (width, height) = match (side("width"), side("height")) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(missing("missingHeight", "height")),
        (None, Some(_)) => return Err(missing("missingWidth", "width")),
        (Some(width), Some(height)) => (width, height),
    };
    let mut sizes = SIZES_1K.into_iter().chain(sizes_2k());
    let found = sizes.find(|size| (i128::from(size.0), i128::from(size.1)) == (width, height));
    if found.is_some() {
        return Ok(found);
    }
    let pairs = SIZES_1K.into_iter().chain(sizes_2k());
    let allowed: Vec<String> = pairs
        .map(|(width, height)| format!("{width}x{height}"))
        .collect();
    let message = format!("{width}x{height} is not a size of this model");
    let refusal = Refusal::new(400, "unsupportedDimensions", message);
    Err(refusal
        .about(json!(["width", "height"]))
        .with("allowedValues", json!(allowed)))
}

/// Reads `resolution`: none, 1K (`false`) or 2K (`true`).
fn tier(task: &Map<String, Value>, switches: &Switches) -> Result<Option<bool>, Refusal> {
    let Some(resolution) = task.get("resolution").and_then(Value::as_str) else {
        return Ok(None);
    };
    if task.contains_key("width") || task.contains_key("height") {
        let message = "resolution cannot be used with width and height";
        let refusal = Refusal::new(400, "incompatibleParameters", message);
        return Err(refusal.about(json!(["resolution", "width", "height"])));
    }
    let (lower, upper) = match switches.resolution_case {
        ResolutionCase::Any => (true, true),
        ResolutionCase::Lower => (true, false),
        ResolutionCase::Upper => (false, true),
    };
    match resolution {
        "1k" if lower => Ok(Some(false)),
        "2k" if lower => Ok(Some(true)),
        "1K" if upper => Ok(Some(false)),
        "2K" if upper => Ok(Some(true)),
        _ => {
            let allowed = if lower { ["1k", "2k"] } else { ["1K", "2K"] };
            let message = format!("resolution has to be {} or {}", allowed[0], allowed[1]);
            let refusal = Refusal::new(400, "invalidResolution", message).about("resolution");
            Err(refusal.allowing(&allowed))
        }
    }
}

fn references(named: &Value) -> Result<Vec<&str>, Refusal> {
    let strings = named
        .as_array()
        .and_then(|array| array.iter().map(Value::as_str).collect());
    let refuse = |message: String| {
        let refusal = Refusal::new(400, "invalidReferenceImages", message).about("referenceImages");
        refusal
            .with("type", "string[]")
            .with("max", MOST_REFERENCES)
    };
    let strings: Vec<&str> =
        strings.ok_or_else(|| refuse("referenceImages is an array of strings".to_owned()))?;
    if strings.len() > MOST_REFERENCES {
        let message = format!(
            "{} reference images, at most {MOST_REFERENCES}",
            strings.len()
        );
        return Err(refuse(message));
    }
    Ok(strings)
}

fn safety(task: &Map<String, Value>) -> Result<bool, Refusal> {
    let Some(safety) = task.get("safety") else {
        return Ok(false);
    };
    let asked = safety
        .get("checkContent")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let Some(mode) = safety.get("mode") else {
        return Ok(asked);
    };
    choice(
        Some(mode),
        "safety.mode",
        &[("none", false), ("fast", true)],
    )
}

fn choice<T: Copy>(
    value: Option<&Value>,
    path: &str,
    choices: &[(&'static str, T)],
) -> Result<T, Refusal> {
    let chosen = match value {
        None => choices.first(),
        Some(value) => choices
            .iter()
            .find(|(name, _)| value.as_str() == Some(name)),
    };
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    chosen.map(|(_, choice)| *choice).ok_or_else(|| {
        let message = format!("{path} has to be one of {}", names.join(", "));
        Refusal::new(400, invalid(path), message)
            .about(path)
            .allowing(&names)
    })
}

fn ranged(
    task: &Map<String, Value>,
    key: &str,
    (min, max): (u64, u64),
) -> Result<Option<u8>, Refusal> {
    let Some(number) = task.get(key).and_then(whole) else {
        return Ok(None);
    };
    let fits = |number: &u8| (min..=max).contains(&u64::from(*number));
    let number = u8::try_from(number).ok().filter(fits);
    number.map(Some).ok_or_else(|| {
        let message = format!("{key} has to lie between {min} and {max}");
        let refusal = Refusal::new(400, invalid(key), message).about(key);
        refusal.with("type", "integer").between(min, max)
    })
}

fn address(task: &Map<String, Value>, key: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = task.get(key).and_then(Value::as_str) else {
        return Ok(None);
    };
    let url = reqwest::Url::parse(text).ok();
    let web = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if web.is_some() {
        return Ok(Some(text.to_owned()));
    }
    let message = format!("{key} has to be an absolute http or https address");
    Err(Refusal::new(400, invalid(key), message).about(key))
}

/// Reads a whole number; `2.0` is one, as for any JSON reader that knows but one kind of number.
fn whole(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    let text = number.to_string();
    let digits = text.strip_suffix(".0").unwrap_or(&text);
    digits.parse().ok()
}

fn missing(code: &str, key: &str) -> Refusal {
    Refusal::new(400, code, format!("{key} is required beside its partner")).about(key)
}

fn wrong_type(path: &str, kind: &str) -> Refusal {
    let message = format!("{path} has to be of type {kind}");
    Refusal::new(400, invalid(path), message)
        .about(path)
        .with("type", kind)
}

/// Gives the code for a bad parameter: `ttl` makes `invalidTtl`, `safety.mode` `invalidSafetyMode`.
fn invalid(path: &str) -> String {
    let words = path.split('.').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    format!("invalid{}", words.collect::<String>())
}
