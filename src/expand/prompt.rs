//! The body of a prompt: its template with every name put in.

use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::expand::bible::{Bible, Kind, Member};
use crate::expand::layers::{Sourced, Stack};
use crate::expand::origin::{From, Origin, Written};
use crate::expand::template::{Flaw, Piece, Pieces};
use crate::manifest::shown::{nearest, shown, some_of};

/// How deep vars may stand within vars.
const DEEPEST: usize = 16;

/// The bytes at which expansion gives up: many times what any model takes.
const LONGEST: usize = 256 * 1024;

/// Names that stand for what the shot lists.
const WORDS: [&str; 4] = ["characters", "location", "look", "props"];

/// An entry that a shot lists.
#[derive(Clone, Debug)]
pub(crate) struct Listed<'b, 'm> {
    pub(crate) member: &'b Member<'m>,
    /// How the prompt marks it; none when no reference of it goes along.
    pub(crate) marker: Option<Marker>,
}

/// The mark of a reference as it stands after a name.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    /// The reference, by its index.
    pub(crate) reference: usize,
    pub(crate) text: String,
}

/// Expands a template for one shot and variant.
pub(crate) struct Expander<'e, 'a> {
    stack: &'e Stack<'a>,
    bible: &'e Bible<'a>,
    listed: &'e [Listed<'a, 'a>],
    sources: &'e Sources,
    out: Written<'a>,
    /// The vars being expanded, outermost first.
    open: Vec<&'a str>,
    look_told: bool,
    /// How often each listed entry was named.
    mentions: Vec<usize>,
    complaints: Vec<Diagnostic>,
}

/// An expanded template.
pub(crate) struct Body<'a> {
    pub(crate) written: Written<'a>,
    /// Whether the look's text is in it.
    pub(crate) look_told: bool,
    /// How often each listed entry is named.
    pub(crate) mentions: Vec<usize>,
}

impl<'e, 'a> Expander<'e, 'a> {
    pub(crate) fn new(
        stack: &'e Stack<'a>,
        bible: &'e Bible<'a>,
        listed: &'e [Listed<'a, 'a>],
        sources: &'e Sources,
    ) -> Self {
        Self {
            stack,
            bible,
            listed,
            sources,
            out: Written::default(),
            open: Vec::new(),
            look_told: false,
            mentions: vec![0; listed.len()],
            complaints: Vec::new(),
        }
    }

    /// Expands a template.
    ///
    /// # Errors
    /// Complains of every flaw of the template and of every name that has no value here.
    pub(crate) fn run(
        mut self,
        template: Sourced<'a, String>,
    ) -> Result<Body<'a>, Vec<Diagnostic>> {
        let origin = Origin::Template(template.source);
        self.expand(template.value, From::start(origin, template.place));
        if !self.complaints.is_empty() {
            return Err(self.complaints);
        }
        Ok(Body {
            written: self.out,
            look_told: self.look_told,
            mentions: self.mentions,
        })
    }

    fn expand(&mut self, template: &'a str, from: From<'a>) {
        let place = from.place;
        let mut after_nothing = false;
        let mut pieces = Pieces::of(template);
        loop {
            let at = pieces.at();
            let Some(piece) = pieces.next() else { return };
            match piece {
                Ok(Piece::Text(text)) => {
                    let out = &self.out.text;
                    let doubled = after_nothing && (out.is_empty() || out.ends_with(' '));
                    let blank = usize::from(doubled && text.starts_with(' '));
                    let at = at + blank;
                    self.out.push(&text[blank..], From { at, ..from });
                    after_nothing = false;
                }
                Ok(Piece::Name(name)) => {
                    let before = self.out.text.len();
                    self.name(name, place);
                    after_nothing = self.out.text.len() == before;
                }
                Err(flaw) => self.complaints.push(self.flawed(flaw, place)),
            }
            if self.out.text.len() > LONGEST {
                self.out = Written::default();
                let message = "the prompt grows past all bounds when its vars are put in";
                let complaint = Diagnostic::error("prompt-length", message)
                    .at(place)
                    .help("look for a var that is used many times within another");
                self.complaints.push(complaint);
            }
            if self.complaints.iter().any(|c| c.code == "prompt-length") {
                return;
            }
        }
    }

    fn name(&mut self, name: &'a str, place: Option<Place>) {
        let var = self.stack.var(name);
        let mut entries = self.bible.of_key(name).peekable();
        match (var, entries.peek()) {
            (Some(var), None) => self.var(name, var, place),
            (Some(var), Some(entry)) => {
                let kind = format!("a {}", entry.kind.word());
                let complaint = ambiguous(name, "a var", &kind, self.spot(name, place))
                    .related(var.place, "the var is here")
                    .related(Some(entry.place), "the entry is here");
                self.complaints.push(complaint);
            }
            (None, None) if WORDS.contains(&name) => self.word(name),
            (None, _) => match self.listed_as(name) {
                Ok(Some(at)) => self.mention(at),
                // The list that names what nobody knows is complained about already.
                Ok(None) if entries.peek().is_none() && self.stack.lists(name) => {}
                // So is a list that all but names this entry.
                Ok(None) if entries.peek().is_some_and(|entry| self.misspells(entry)) => {}
                Ok(None) => self.complaints.push(self.stranger(name, place)),
                Err(complaint) => self.complaints.push(complaint.at(self.spot(name, place))),
            },
        }
    }

    fn var(&mut self, name: &'a str, var: Sourced<'a, String>, from: Option<Place>) {
        if self.open.contains(&name) || self.open.len() >= DEEPEST {
            let round = self.open.join("` -> `");
            let message = format!("var `{name}` stands within itself: `{round}` -> `{name}`");
            let complaint = Diagnostic::error("var-cycle", message)
                .at(self.spot(name, from))
                .expected(format!("vars that end in text, at most {DEEPEST} deep"))
                .help(format!("take `{{{name}}}` out of one of them"));
            self.complaints.push(complaint);
            return;
        }
        self.open.push(name);
        let origin = Origin::Var(name, var.source);
        self.expand(var.value, From::start(origin, var.place));
        self.open.pop();
    }

    /// Puts in what the shot lists under one of the [`WORDS`].
    fn word(&mut self, word: &str) {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| word.starts_with(kind.word()));
        let mut first = true;
        for at in 0..self.listed.len() {
            if Some(self.listed[at].member.kind) == kind {
                if !first {
                    self.out.own(", ");
                }
                first = false;
                self.mention(at);
            }
        }
    }

    /// Puts an entry's name and marker in; for a look its text, the first time.
    fn mention(&mut self, at: usize) {
        let Listed { member, marker } = &self.listed[at];
        self.mentions[at] += 1;
        let told = member.kind == Kind::Look && !self.look_told && !member.texts.is_empty();
        if told {
            self.out.append_trimmed(&member.words());
            self.look_told = true;
        } else {
            self.out.push(member.shown, member.name());
        }
        if let Some(marker) = marker {
            self.out.own(" ");
            let origin = Origin::Marker(marker.reference);
            self.out.push(&marker.text, From::start(origin, None));
        }
    }

    /// Finds what a name stands for among what the shot lists.
    ///
    /// `mira` stands for `mira.rain` too while no other state of hers is listed.
    fn listed_as(&self, name: &str) -> Result<Option<usize>, Diagnostic> {
        let all = || self.listed.iter().enumerate();
        let exact: Vec<usize> = all()
            .filter(|(_, l)| l.member.key == name)
            .map(|(at, _)| at)
            .collect();
        let found = if exact.is_empty() {
            all()
                .filter(|(_, l)| l.member.base() == name)
                .map(|(at, _)| at)
                .collect()
        } else {
            exact
        };
        match *found.as_slice() {
            [] => Ok(None),
            [at] => Ok(Some(at)),
            [one, other, ..] => {
                let (one, other) = (self.listed[one].member, self.listed[other].member);
                let told = |member: &Member<'_>| format!("{} `{}`", member.kind.word(), member.key);
                let complaint = ambiguous(name, &told(one), &told(other), None);
                Err(if one.key == other.key {
                    complaint
                } else {
                    let (one, other) = (&one.key, &other.key);
                    complaint.help(format!("write `{{{one}}}` or `{{{other}}}`"))
                })
            }
        }
    }

    /// Tells whether the shot lists a name nobody knows that is nearly this entry's.
    fn misspells(&self, entry: &Member<'_>) -> bool {
        let listed = self.stack.listed(entry.kind);
        let mut strangers = listed.filter(|name| self.bible.get(entry.kind, name).is_none());
        strangers.any(|name| {
            let base = name.split('.').next().unwrap_or(name);
            nearest(base, [entry.base(), entry.shown]).is_some()
        })
    }

    /// Complains of a name that means nothing in this shot.
    fn stranger(&self, name: &str, place: Option<Place>) -> Diagnostic {
        let spot = self.spot(name, place);
        if let Some(entry) = self.bible.of_key(name).next() {
            return not_listed(entry, self.listed).at(spot);
        }
        let vars = self.stack.vars();
        let entries = self.bible.iter().map(|member| member.key.as_str());
        let known = vars.keys().copied().chain(entries).chain(WORDS);
        let here = vars
            .keys()
            .copied()
            .chain(self.listed.iter().map(|l| l.member.key.as_str()));
        let complaint = Diagnostic::error(
            "unknown-name",
            format!("nothing is called {} in this shot", shown(name)),
        )
        .at(spot)
        .expected(format!(
            "a name that is known in this shot: {}",
            names(here)
        ));
        match nearest(name, known) {
            Some(near) => complaint.help(format!("write `{{{near}}}`")),
            None if name == "description" && vars.contains_key("action") => {
                complaint.help("write `{action}`: what stands under `description` is called so")
            }
            None => complaint.help(format!(
                "give the shot a value, `vars = {{ {name} = \"…\" }}`, or write `{{{{{name}}}}}` for \
                 braces in the text"
            )),
        }
    }

    fn flawed(&self, flaw: Flaw<'_>, place: Option<Place>) -> Diagnostic {
        let named = match flaw {
            Flaw::NotAName(inside) => format!("{{{inside}}}"),
            Flaw::Unclosed(_) | Flaw::Unopened => String::new(),
        };
        let (message, needle) = match flaw {
            // The brace itself is at fault, not all that follows it.
            Flaw::Unclosed(rest) => ("a `{` has no `}`".to_owned(), &rest[..1]),
            Flaw::Unopened => ("a `}` has no `{` before it".to_owned(), "}"),
            Flaw::NotAName(_) => (format!("{} holds no name", shown(&named)), named.as_str()),
        };
        Diagnostic::error("prompt-braces", message)
            .at(narrow(place, needle, self.sources))
            .expected("`{name}`, or `{{` and `}}` for braces in the text")
            .help("write a name in the braces, or double them: `{{` and `}}` stand for themselves")
    }

    fn spot(&self, name: &str, place: Option<Place>) -> Option<Place> {
        narrow(place, &format!("{{{name}}}"), self.sources)
    }
}

/// Lists names for a reader.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "there is none".to_owned()
    } else {
        some_of(names)
    }
}

fn ambiguous(name: &str, one: &str, other: &str, spot: Option<Place>) -> Diagnostic {
    Diagnostic::error(
        "ambiguous-name",
        format!("`{name}` is both {one} and {other}"),
    )
    .at(spot)
    .expected("one meaning for a name in braces")
    .help("rename one of the two")
}

fn not_listed(entry: &Member<'_>, listed: &[Listed<'_, '_>]) -> Diagnostic {
    let (key, word) = (&entry.key, entry.kind.word());
    let same = listed
        .iter()
        .map(|l| l.member)
        .filter(|member| member.kind == entry.kind);
    let same: Vec<String> = same.map(|member| format!("`{}`", member.key)).collect();
    let (code, message, field) = match entry.kind {
        Kind::Character => (
            "not-cast",
            format!("`{key}` is not cast in this shot"),
            "characters",
        ),
        Kind::Prop => (
            "not-listed",
            format!("`{key}` is not among this shot's props"),
            "props",
        ),
        _ => (
            "not-listed",
            format!("`{key}` is not this shot's {word}"),
            word,
        ),
    };
    let there = if same.is_empty() {
        "none".to_owned()
    } else {
        same.join(", ")
    };
    let list = match entry.kind {
        Kind::Character | Kind::Prop => format!("add `{key}` to the shot's {field}"),
        Kind::Location | Kind::Look => format!("make `{key}` the shot's {field}"),
    };
    Diagnostic::error(code, message)
        .expected(format!("what the shot lists as {field}: {there}"))
        .related(Some(entry.place), format!("{word} `{key}` is here"))
        .help(format!("{list}, or take it out of the prompt"))
}

/// Points at a needle within a place, if the source has it there letter for letter.
pub(crate) fn narrow(place: Option<Place>, needle: &str, sources: &Sources) -> Option<Place> {
    let place = place?;
    let found = || {
        let text = &sources.get(place.file)?.text;
        let (start, end) = (
            usize::try_from(place.start).ok()?,
            usize::try_from(place.end).ok()?,
        );
        let offset = u32::try_from(text.get(start..end)?.find(needle)?).ok()?;
        let start = place.start.checked_add(offset)?;
        let end = start.checked_add(u32::try_from(needle.len()).ok()?)?;
        Some(Place {
            start,
            end,
            ..place
        })
    };
    Some(found().unwrap_or(place))
}
