//! File names from the show's name template.
//!
//! A name is built from parts that were made safe one by one, so that no value, however hostile,
//! leads out of the images folder.

use std::borrow::Cow;

use crate::domain::diagnostic::{Diagnostic, Placed, Sources};
use crate::domain::digest::Sha256;
use crate::expand::prompt::narrow;
use crate::expand::template::is_name;
use crate::expand::wanted::{FileName, NamePart};
use crate::manifest::shown::{nearest, shown, some_of};

/// The template of a show that names none.
pub const DEFAULT: &str = "{episode}/{sequence}/{shot}/\
    {show}_{episode}_{sequence}_{shot}_{preset}<_{variant:02}>_v{take:03}.{ext}";

/// The most bytes of one part of a path, with room for what is put behind the name of an image
/// while it is written and for its sidecar; file systems take 255.
const LONGEST_PART: usize = 240;

/// The most bytes of a whole name, so that with an output folder before it the path can be opened.
const LONGEST_NAME: usize = 1024;

/// Fields that are always known.
const FIELDS: [&str; 8] = [
    "show", "episode", "sequence", "shot", "preset", "variant", "take", "ext",
];

/// A name template, read and checked.
#[derive(Clone, Debug)]
pub struct NameTemplate {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Safe text without a slash.
    Text(String),
    Slash,
    Field {
        name: String,
        width: usize,
    },
    /// `<…>`: dropped when a field in it is empty.
    Optional(Vec<Piece>),
}

/// What stands where a field is.
enum Filled<'v> {
    Text(Cow<'v, str>),
    Take(usize),
    Extension,
}

impl NameTemplate {
    /// Reads a template; `is_var` tells whether some shot has a value of that name.
    ///
    /// # Errors
    /// Complains of broken braces, of fields that are not known, of a path that leads out of the
    /// images folder, and of a template without `{take}` or an end of `.{ext}`.
    pub fn parse(
        template: &Placed<String>,
        sources: &Sources,
        is_var: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Diagnostic>> {
        let text = &template.value;
        let mut parser = Parser {
            rest: text,
            is_var: &is_var,
            flaws: Vec::new(),
        };
        let pieces = parser.pieces(false);
        let mut flaws = parser.flaws;
        if flaws.is_empty() {
            flaws.extend(check(text, &pieces));
        }
        if flaws.is_empty() {
            return Ok(Self { pieces });
        }
        let complain = |flaw: Flaw| {
            Diagnostic::error("name-template", flaw.message)
                .at(narrow(template.place, &flaw.needle, sources))
                .expected(flaw.expected)
                .help(flaw.help)
        };
        Err(flaws.into_iter().map(complain).collect())
    }

    /// Gives the fields of the template, take and extension aside, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        let mut open: Vec<&Piece> = self.pieces.iter().rev().collect();
        while let Some(piece) = open.pop() {
            match piece {
                Piece::Optional(pieces) => open.extend(pieces.iter().rev()),
                Piece::Field { name, .. } if !["take", "ext"].contains(&name.as_str()) => {
                    if !fields.contains(&name.as_str()) {
                        fields.push(name);
                    }
                }
                Piece::Field { .. } | Piece::Text(_) | Piece::Slash => {}
            }
        }
        fields
    }

    /// Fills the template in; `value` gives a field's text, take and extension aside.
    ///
    /// # Errors
    /// Says what is wrong with the name that would come of it.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Cow<'v, str>) -> Result<FileName, String> {
        let mut builder = Builder::default();
        fill(&self.pieces, &value, &mut builder);
        builder.finish()
    }
}

fn check(text: &str, pieces: &[Piece]) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let has_field =
        |pieces: &[Piece], field: &str| pieces.iter().any(|piece| is_field(piece, field));
    if !has_field(pieces, "take") {
        flaws.push(Flaw {
            message: "`{take}` is missing, so that takes would share a file name".to_owned(),
            needle: String::new(),
            expected: "`{take:03}` outside of `<…>`".to_owned(),
            help: "put `_v{take:03}` before `.{ext}`".to_owned(),
        });
    }
    let ends_well = match pieces {
        [.., Piece::Text(dot), ext] => dot.ends_with('.') && is_field(ext, "ext"),
        _ => false,
    };
    let extensions = pieces.iter().filter(|piece| is_field(piece, "ext")).count();
    if !ends_well || extensions != 1 {
        flaws.push(Flaw {
            message: "file names have to end in `.{ext}`".to_owned(),
            needle: String::new(),
            expected: "an extension, which is read off the picture's bytes".to_owned(),
            help: "end the template in `.{ext}` and use `{ext}` nowhere else".to_owned(),
        });
    }
    if text.contains('\\') {
        flaws.push(Flaw {
            message: "`\\` cannot stand in file names".to_owned(),
            needle: "\\".to_owned(),
            expected: "folders that are joined by `/`".to_owned(),
            help: "write `/`".to_owned(),
        });
    }
    let outside = text.starts_with('/') || text.split('/').any(|part| part == ".." || part == ".");
    if outside {
        flaws.push(Flaw {
            message: "these file names lead out of the images folder".to_owned(),
            needle: if text.contains("..") { ".." } else { "" }.to_owned(),
            expected: "a path below it, its parts joined by `/`".to_owned(),
            help: "take `..` and a `/` at the start out; `output` moves the folder".to_owned(),
        });
    }
    flaws
}

fn is_field(piece: &Piece, field: &str) -> bool {
    matches!(piece, Piece::Field { name, .. } if name == field)
}

struct Flaw {
    message: String,
    needle: String,
    expected: String,
    help: String,
}

struct Parser<'t, 'v> {
    rest: &'t str,
    is_var: &'v dyn Fn(&str) -> bool,
    flaws: Vec<Flaw>,
}

impl Parser<'_, '_> {
    fn pieces(&mut self, optional: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(next) = self.rest.chars().next() {
            let before = self.rest;
            self.rest = &before[next.len_utf8()..];
            match next {
                '>' if optional => return pieces,
                '{' => pieces.extend(self.field(before)),
                '<' if !optional => pieces.push(Piece::Optional(self.pieces(true))),
                '/' => pieces.push(Piece::Slash),
                '}' | '<' | '>' => self.flaw(
                    format!("`{next}` stands alone"),
                    next.to_string(),
                    "`{field}`, and `<…>` around what may be left out",
                    "take it out, or write its partner",
                ),
                next if is_safe(next) => match pieces.last_mut() {
                    Some(Piece::Text(text)) => text.push(next),
                    _ => pieces.push(Piece::Text(next.to_string())),
                },
                _ => {}
            }
        }
        if optional {
            self.flaw(
                "a `<` has no `>`".to_owned(),
                "<".to_owned(),
                "`<…>` around what may be left out",
                "write the `>`",
            );
        }
        pieces
    }

    fn field(&mut self, from: &str) -> Option<Piece> {
        let closed = self.rest.find(['{', '}']);
        let Some(end) = closed.filter(|end| self.rest[*end..].starts_with('}')) else {
            self.rest = "";
            self.flaw(
                "a `{` has no `}`".to_owned(),
                from.to_owned(),
                "`{field}`",
                "write the `}`",
            );
            return None;
        };
        let inside = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        let (name, width) = inside.split_once(':').unwrap_or((inside, "1"));
        let numeric = matches!(name, "take" | "variant");
        if !is_name(name) || !(FIELDS.contains(&name) || (self.is_var)(name)) {
            let near = nearest(name, FIELDS);
            self.flaw(
                format!("no part of a file name is called {}", shown(name)),
                inside.to_owned(),
                format!("one of {}, or a var", some_of(FIELDS)),
                near.map_or("take it out".to_owned(), |near| {
                    format!("write `{{{near}}}`")
                }),
            );
            return None;
        }
        match width.parse().ok().filter(|width| (1..=9).contains(width)) {
            Some(width) if numeric || !inside.contains(':') => Some(Piece::Field {
                name: name.to_owned(),
                width,
            }),
            _ => {
                self.flaw(
                    format!("{} cannot be filled in", shown(&format!("{{{inside}}}"))),
                    inside.to_owned(),
                    "a width of 1 to 9 digits after `take` or `variant`, such as `{take:03}`",
                    format!("write `{{{name}}}`"),
                );
                None
            }
        }
    }

    fn flaw(
        &mut self,
        message: String,
        needle: String,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.flaws.push(Flaw {
            message,
            needle,
            expected: expected.into(),
            help: help.into(),
        });
    }
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Makes a value safe: what is neither a letter or digit of ASCII nor `.`, `_` or `-` goes.
///
/// Where a letter of another script goes, a few digits of the value's digest stand for it, so that
/// two such values do not become one.
fn safe(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.chars().all(is_safe) {
        return value;
    }
    let mut kept: String = value.chars().filter(|c| is_safe(*c)).collect();
    if value.chars().any(|c| !c.is_ascii() && c.is_alphanumeric()) {
        if !kept.is_empty() {
            kept.push('-');
        }
        kept.push_str(&Sha256::of(value.as_bytes()).short()[..6]);
    }
    kept.into()
}

fn fill<'v>(pieces: &[Piece], value: &dyn Fn(&str) -> Cow<'v, str>, builder: &mut Builder) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => builder.literal(text),
            Piece::Slash => builder.next_part(),
            Piece::Field { name, width } => builder.field(filled(name, *width, value)),
            Piece::Optional(inside) => {
                let empty = inside.iter().any(|piece| {
                    let Piece::Field { name, width } = piece else {
                        return false;
                    };
                    matches!(filled(name, *width, value), Filled::Text(text) if text.is_empty())
                });
                if !empty {
                    fill(inside, value, builder);
                }
            }
        }
    }
}

fn filled<'v>(name: &str, width: usize, value: &dyn Fn(&str) -> Cow<'v, str>) -> Filled<'v> {
    match name {
        "take" => Filled::Take(width),
        "ext" => Filled::Extension,
        "variant" => {
            let number = safe(value(name));
            Filled::Text(if number.is_empty() {
                number
            } else {
                format!("{number:0>width$}").into()
            })
        }
        _ => Filled::Text(safe(value(name))),
    }
}

/// Puts a name together part by part.
#[derive(Default)]
struct Builder {
    parts: Vec<Vec<NamePart>>,
    part: Vec<NamePart>,
    /// The last thing put in was literal text.
    after_literal: bool,
    /// A field came to nothing and had no joint before it to take along.
    swallow: bool,
}

impl Builder {
    fn literal(&mut self, text: &str) {
        let swallow = std::mem::take(&mut self.swallow);
        let text = if swallow {
            text.strip_prefix(['_', '-']).unwrap_or(text)
        } else {
            text
        };
        self.text(text);
        self.after_literal = true;
    }

    fn text(&mut self, text: &str) {
        match self.part.last_mut() {
            _ if text.is_empty() => {}
            Some(NamePart::Text(last)) => last.push_str(text),
            _ => self.part.push(NamePart::Text(text.to_owned())),
        }
    }

    fn field(&mut self, filled: Filled<'_>) {
        match filled {
            Filled::Text(text) if text.is_empty() => return self.nothing(),
            Filled::Text(text) => self.text(&text),
            Filled::Take(width) => self.part.push(NamePart::Take(width)),
            Filled::Extension => self.part.push(NamePart::Extension),
        }
        self.after_literal = false;
        self.swallow = false;
    }

    /// Takes away the joint that an empty field leaves hanging: the one before it, else after it.
    fn nothing(&mut self) {
        match self.part.last_mut() {
            Some(NamePart::Text(last)) if self.after_literal && last.ends_with(['_', '-']) => {
                last.pop();
            }
            _ => self.swallow = true,
        }
    }

    fn next_part(&mut self) {
        let mut part = std::mem::take(&mut self.part);
        self.after_literal = false;
        self.swallow = false;
        if let Some(NamePart::Text(first)) = part.first_mut() {
            let unfit = first.len() - first.trim_start_matches(['.', '-']).len();
            first.drain(..unfit);
        }
        if let Some(NamePart::Text(last)) = part.last_mut() {
            last.truncate(last.trim_end_matches('.').len());
        }
        part.retain(|piece| !matches!(piece, NamePart::Text(text) if text.is_empty()));
        if is_reserved(&part) {
            part.insert(0, NamePart::Text("_".to_owned()));
        }
        if !part.is_empty() {
            self.parts.push(part);
        }
    }

    fn finish(mut self) -> Result<FileName, String> {
        self.next_part();
        let mut whole = 0;
        for part in &self.parts {
            let bytes = part.iter().map(longest).sum::<usize>();
            whole += bytes + 1;
            if bytes > LONGEST_PART {
                return Err(format!(
                    "a part of the shot's file name would have {bytes} bytes, {LONGEST_PART} at most"
                ));
            }
        }
        if whole > LONGEST_NAME {
            return Err(format!(
                "the shot's file name would have {whole} bytes, {LONGEST_NAME} at most"
            ));
        }
        let mut pieces: Vec<NamePart> = Vec::new();
        for part in self.parts {
            let slash = (!pieces.is_empty()).then(|| NamePart::Text("/".to_owned()));
            for piece in slash.into_iter().chain(part) {
                match (pieces.last_mut(), piece) {
                    (Some(NamePart::Text(last)), NamePart::Text(text)) => last.push_str(&text),
                    (_, piece) => pieces.push(piece),
                }
            }
        }
        Ok(FileName::new(pieces))
    }
}

fn longest(piece: &NamePart) -> usize {
    match piece {
        NamePart::Text(text) => text.len(),
        NamePart::Take(width) => (*width).max(4),
        NamePart::Extension => "webp".len(),
    }
}

/// Tells whether Windows keeps a name for a device, whatever extension follows.
fn is_reserved(part: &[NamePart]) -> bool {
    let Some(NamePart::Text(text)) = part.first() else {
        return false;
    };
    let stem = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
    let whole = part.len() == 1 || stem.len() < text.len();
    let is_port = |name: &str| name.starts_with("com") || name.starts_with("lpt");
    if whole {
        matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
            || (stem.len() == 4 && is_port(&stem) && stem.as_bytes()[3].is_ascii_digit())
    } else {
        is_port(&stem) && stem.len() <= 4
    }
}
