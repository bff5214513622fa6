//! Settings that hold one value each, whichever text gives them: TOML, a cell, `--set`.

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::domain::secret::SecretUrl;
use crate::manifest::keys;
use crate::manifest::keys::layer::CREATIVE;
use crate::manifest::keys::technical::TECHNICAL;
use crate::manifest::ratio;
use crate::manifest::settings::{
    AspectRatio, Delivery, Format, Layer, Output, PromptSyntax, RefLimit, RefStyle,
    ReferenceTransfer, Resolution, Safety, Technical,
};
use crate::manifest::shown::{any_of, nearest, shown};

/// A value as it was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    /// Quoted text of TOML.
    Text(&'a str),
    /// A whole number of TOML, in decimal digits.
    Whole(&'a str),
    /// A cell or an argument, which may be read as either.
    Loose(&'a str),
    /// Something else of TOML, described for a reader.
    Other(&'static str),
}

/// A key, the value given to it, and where the value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    /// The key as it is documented.
    pub(super) key: &'a str,
    /// The value.
    pub(super) given: Given<'a>,
    /// Where the value stands.
    pub(super) place: Option<Place>,
}

/// The allowed `outputQuality`, per runware.ai/docs/models/klingai-image-o1.
pub(super) const QUALITY: (u32, u32) = (20, 99);

/// The largest `numberResults`, per runware.ai/docs/models/klingai-image-o1.
pub(super) const MOST_RESULTS: u32 = 20;

/// The least `ttl` in seconds, per runware.ai/docs/models/klingai-image-o1.
pub(super) const LEAST_TTL: u32 = 60;

/// The most takes of a shot and variant: take numbers have three digits in file names.
pub(super) const MOST_TAKES: u32 = 999;

impl Setting<'_> {
    /// Sets one of [`CREATIVE`]; tells whether the key is one of them.
    pub(super) fn creative(&self, layer: &mut Layer, complaints: &mut Vec<Diagnostic>) -> bool {
        match self.key {
            key if !keys::has(CREATIVE, key) => return false,
            "preset" => layer.preset = self.name(complaints),
            "prompt" => layer.prompt = self.text(complaints),
            "prompt_syntax" => {
                let (words, parse) = (PromptSyntax::WORDS, PromptSyntax::parse);
                layer.prompt_syntax = self.choice(words, parse, complaints);
            }
            "location" => layer.location = self.name_or_none(complaints),
            "look" => layer.look = self.name_or_none(complaints),
            _ => return false,
        }
        true
    }

    /// Sets one of [`TECHNICAL`]; tells whether the key is one of them.
    pub(super) fn technical(&self, to: &mut Technical, complaints: &mut Vec<Diagnostic>) -> bool {
        let all = complaints;
        match self.key {
            key if !keys::has(TECHNICAL, key) => return false,
            "model" => to.model = self.name(all),
            "resolution" => {
                to.resolution = self.choice(Resolution::WORDS, Resolution::parse, all);
            }
            "aspect_ratio" => to.aspect_ratio = self.ratio(all),
            "size" => to.size = self.size(all),
            "format" => to.format = self.choice(Format::WORDS, Format::parse, all),
            "quality" => to.quality = self.whole(QUALITY.0, QUALITY.1, all),
            "takes" => to.takes = self.whole(1, MOST_TAKES, all),
            "results_per_task" => to.results_per_task = self.whole(1, MOST_RESULTS, all),
            "delivery" => to.delivery = self.choice(Delivery::WORDS, Delivery::parse, all),
            "output" => to.output = self.choice(Output::WORDS, Output::parse, all),
            "references" => {
                let (words, parse) = (ReferenceTransfer::WORDS, ReferenceTransfer::parse);
                to.reference_transfer = self.choice(words, parse, all);
            }
            "safety" => to.safety = self.choice(Safety::WORDS, Safety::parse, all),
            "ttl" => to.ttl = self.whole(LEAST_TTL, u32::MAX, all),
            "ref_style" => to.ref_style = self.choice(RefStyle::WORDS, RefStyle::parse, all),
            "ref_limit" => to.ref_limit = self.choice(RefLimit::WORDS, RefLimit::parse, all),
            "webhook_url" => to.webhook_url = self.secret(all),
            "upload_endpoint" => to.upload_endpoint = self.secret(all),
            _ => return false,
        }
        true
    }

    /// Reads text.
    pub(super) fn text(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
        let text = self.raw("text in quotes", complaints)?;
        Some(self.placed(text.to_owned()))
    }

    /// Reads text that is not empty.
    pub(super) fn name(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
        let text = self.text(complaints)?;
        if text.value.trim().is_empty() {
            let complaint = self.complain("bad-value", format!("`{}` is empty", self.key));
            complaints.push(complaint.help("write a value or leave it out"));
            return None;
        }
        Some(text)
    }

    /// Reads a name; empty text and `-` both mean explicitly none.
    fn name_or_none(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
        let text = self.text(complaints)?;
        Some(text.map(|name| if name == "-" { String::new() } else { name }))
    }

    /// Reads a whole number within bounds, both allowed.
    pub(super) fn whole(
        &self,
        least: u32,
        most: u32,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Placed<u32>> {
        let expected = if most == u32::MAX {
            format!("a whole number from {least}")
        } else {
            format!("a whole number from {least} to {most}")
        };
        let (Given::Whole(digits) | Given::Loose(digits)) = self.given else {
            let number = match self.given {
                Given::Text(text) if text.parse::<u32>().is_ok() => {
                    format!("write `{} = {text}`, without quotes", self.key)
                }
                _ => "write digits alone, without quotes and without a point".to_owned(),
            };
            complaints.push(self.wrong_type(&expected).help(number));
            return None;
        };
        match digits.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => Some(self.placed(number)),
            read => {
                let number = read.is_ok() || digits.parse::<i128>().is_ok();
                let is_less = read.is_ok_and(|number| number < least) || digits.starts_with('-');
                let (code, is, help) = if number && is_less {
                    (
                        "out-of-range",
                        "too small",
                        format!("write {least} or more"),
                    )
                } else if number {
                    ("out-of-range", "too large", format!("write {most} or less"))
                } else {
                    ("bad-value", "not a whole number", digits_alone(digits))
                };
                let message = format!("`{}` is {}, which is {is}", self.key, shown(digits));
                complaints.push(self.complain(code, message).expected(expected).help(help));
                None
            }
        }
    }

    /// Reads one of several words.
    pub(super) fn choice<T>(
        &self,
        words: &[&'static str],
        parse: impl Fn(&str) -> Option<T>,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Placed<T>> {
        let word = self.raw(&any_of(words), complaints)?;
        if let Some(value) = parse(word) {
            return Some(self.placed(value));
        }
        let message = format!("`{}` cannot be {}", self.key, shown(word));
        let mut complaint = self.complain("bad-value", message).expected(any_of(words));
        complaint = complaint.help(match meant(word, words) {
            Some(near) => format!("write `{near}`"),
            None => "write one of these".to_owned(),
        });
        complaints.push(complaint);
        None
    }

    /// Reads an aspect ratio; one that a spreadsheet took for a time of day is told apart.
    fn ratio(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<AspectRatio>> {
        let read = self.choice(AspectRatio::WORDS, AspectRatio::parse, complaints);
        if read.is_none()
            && let Given::Text(word) | Given::Loose(word) = self.given
            && let Some(complaint) = complaints.last_mut()
        {
            complaint.help = Some(ratio::help(word));
        }
        read
    }

    /// Reads a width and height such as `1360x768`.
    fn size(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<(u32, u32)>> {
        const EXPECTED: &str = "width x height in pixels, such as `1360x768`";
        let text = self.raw(EXPECTED, complaints)?;
        let pair = text
            .split_once(['x', 'X', '×'])
            .and_then(|(width, height)| {
                let width: u32 = width.trim().parse().ok()?;
                let height: u32 = height.trim().parse().ok()?;
                (width > 0 && height > 0).then_some((width, height))
            });
        if pair.is_none() {
            let message = format!("`{}` cannot be {}", self.key, shown(text));
            let help = match AspectRatio::parse(text.trim()) {
                Some(_) => format!("write `aspect_ratio = \"{}\"`", text.trim()),
                None => "write two numbers with an `x` between them".to_owned(),
            };
            let complaint = self.complain("bad-value", message).expected(EXPECTED);
            complaints.push(complaint.help(help));
        }
        pair.map(|pair| self.placed(pair))
    }

    /// Reads an address that must never be shown.
    fn secret(&self, complaints: &mut Vec<Diagnostic>) -> Option<Placed<SecretUrl>> {
        const EXPECTED: &str = "an address that begins with `https://`";
        const WHOLE: &str = "write the whole address, from `https://` on";
        let (Given::Text(text) | Given::Loose(text)) = self.given else {
            complaints.push(self.wrong_type(EXPECTED).help(WHOLE));
            return None;
        };
        if text.starts_with("https://") || is_plain_loopback(text) {
            return Some(self.placed(SecretUrl::new(text.to_owned())));
        }
        let message = format!("`{}` is not an https address", self.key);
        let complaint = self.complain("bad-value", message).expected(EXPECTED);
        complaints.push(complaint.help(WHOLE));
        None
    }

    fn raw(&self, expected: &str, complaints: &mut Vec<Diagnostic>) -> Option<&str> {
        if let Given::Text(text) | Given::Loose(text) = self.given {
            return Some(text);
        }
        let help = match self.given {
            Given::Whole(digits) => format!("write `{} = \"{digits}\"`", self.key),
            _ => format!("write `{} = \"…\"`", self.key),
        };
        complaints.push(self.wrong_type(expected).help(help));
        None
    }

    fn wrong_type(&self, expected: &str) -> Diagnostic {
        let found = match self.given {
            Given::Text(_) | Given::Loose(_) => "text",
            Given::Whole(_) => "a number",
            Given::Other(kind) => kind,
        };
        self.complain("wrong-type", format!("`{}` is {found}", self.key))
            .expected(expected)
    }

    pub(super) fn complain(&self, code: &'static str, message: String) -> Diagnostic {
        Diagnostic::error(code, message).at(self.place)
    }

    const fn placed<T>(&self, value: T) -> Placed<T> {
        Placed {
            value,
            place: self.place,
        }
    }
}

/// Words that other programs use, each with the one that is meant.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("4k", "2k"),
    ("8k", "2k"),
    ("asynchronous", "async"),
    ("file", "url"),
    ("false", "none"),
    ("full hd", "2k"),
    ("hd", "1k"),
    ("no", "none"),
    ("off", "none"),
    ("on", "fast"),
    ("synchronous", "sync"),
    ("uhd", "2k"),
];

/// Finds the word that is meant.
fn meant<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let plain = word.trim().to_lowercase();
    let other = OTHER_WORDS.iter().filter(|(other, _)| *other == plain);
    let other = other.filter_map(|(_, word)| words.iter().copied().find(|own| own == word));
    other.chain(nearest(word, words.iter().copied())).next()
}

/// Says how a number is written that was not read.
fn digits_alone(text: &str) -> String {
    let digits = text
        .trim_start()
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    match &text.trim_start()[..digits] {
        "" => "write digits alone, such as `2`".to_owned(),
        number => format!("write `{number}`"),
    }
}

/// Tells whether an address is plain http on this very machine.
pub(super) fn is_plain_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}
