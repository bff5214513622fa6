//! Tables of keys and sizes for `docs/manifest.md`, in Markdown.

use std::fmt::Write as _;

use crate::expand::profile::KLING_IMAGE_O1;
use crate::guide::unset::{Holds, holds};
use crate::manifest::keys::bible::{ENTRY, REFERENCE_KEYS, WARDROBE_KEY};
use crate::manifest::keys::layer::{CONTENT, CREATIVE};
use crate::manifest::keys::shots::{EXCLUDE, SHOT_KEYS};
use crate::manifest::keys::show::{BUDGET_KEYS, RUN_KEYS, SHOW_KEYS};
use crate::manifest::keys::technical::{EXTENDS, TECHNICAL};
use crate::manifest::keys::{Form, Key, ROOT};
use crate::manifest::settings::{AspectRatio, Resolution};

/// The sections of the docs with the keys that each tells of.
#[must_use]
pub fn sections() -> Vec<(&'static str, Vec<&'static Key>)> {
    let of = |groups: &[&'static [Key]]| groups.iter().copied().flatten().collect();
    vec![
        ("manifest", ROOT.keys().collect()),
        ("show", of(&[SHOW_KEYS])),
        ("budget", of(&[BUDGET_KEYS])),
        ("run", of(&[RUN_KEYS])),
        ("technical", of(&[EXTENDS, TECHNICAL])),
        ("layer", of(&[CREATIVE, CONTENT])),
        ("entry", of(&[ENTRY, WARDROBE_KEY])),
        ("reference", of(&[REFERENCE_KEYS])),
        ("shot", of(&[SHOT_KEYS, EXCLUDE])),
    ]
}

/// Gives the table of some keys.
#[must_use]
pub fn keys(keys: &[&Key]) -> String {
    let mut table = "| key | takes | default | for | example | in the request |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for key in keys {
        let default = match holds(key.unset) {
            Holds::Nothing => "none".to_owned(),
            Holds::Told(words) => words.to_owned(),
            Holds::Toml(value) => format!("`{value}`"),
        };
        let becomes = if key.becomes.is_empty() {
            "nothing"
        } else {
            key.becomes
        };
        let cells = [
            format!("`{}`", key.name),
            takes(key),
            default,
            key.about.to_owned(),
            format!("`{} = {}`", key.name, key.example),
            becomes.to_owned(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _infallible = writeln!(table, "| {} |", cells.join(" | "));
    }
    table
}

/// Gives the model's table of sizes.
#[must_use]
pub fn sizes() -> String {
    let tiers = [Resolution::OneK, Resolution::TwoK];
    let mut table = format!(
        "| ratio | {} |\n|---|---|---|\n",
        tiers.map(Resolution::word).join(" | ")
    );
    for ratio in AspectRatio::WORDS
        .iter()
        .filter_map(|word| AspectRatio::parse(word))
    {
        let cells = tiers.map(|tier| {
            let size = KLING_IMAGE_O1.size_of(tier, ratio);
            size.map(|size| format!("{}x{}", size.width, size.height))
        });
        if let [Some(one), Some(two)] = cells {
            let _infallible = writeln!(table, "| {} | {one} | {two} |", ratio.word());
        }
    }
    table
}

fn takes(key: &Key) -> String {
    let unit = if key.unit.is_empty() {
        String::new()
    } else {
        format!("; {}", key.unit)
    };
    format!("{}{unit}", form(key.form))
}

fn form(form: Form) -> String {
    let told = match form {
        Form::Version => "the number 1",
        Form::Text => "text",
        Form::Line => "text, not empty",
        Form::Short(most) => return format!("text on one line, at most {most} bytes"),
        Form::NameOrNone => "the name of an entry",
        Form::Folder => "a path below the manifest's folder",
        Form::Words(words) | Form::WordsOrEmpty(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            return words.join(", ");
        }
        Form::Model => return format!("`\"{}\"`", KLING_IMAGE_O1.id),
        Form::Size => "`\"WIDTHxHEIGHT\"`, a row of the table of sizes",
        Form::Whole(least, u32::MAX) => return format!("whole number, {least} or more"),
        Form::Whole(least, most) => return format!("whole number, {least} to {most}"),
        Form::Money => "decimal text, to six places",
        Form::Secret => "text, `https://…`",
        Form::Scalar => "text or a number",
        Form::Axis => "a list of texts and numbers",
        Form::Lines => "a list of texts",
        Form::LineOrLines => "a text or a list of texts",
        Form::Images => "a list of images, each a text or a table; or one text",
        Form::Image => "an image, a text or a table",
        Form::ImageFile => "a path",
        Form::ImageUrl => "an https address",
        Form::ImageUuid => "a UUID",
        Form::ImageData => "`data:image/…;base64,…`",
        Form::Table(_) => "a table",
        Form::Tables(_) => "a list of tables",
    };
    told.to_owned()
}
