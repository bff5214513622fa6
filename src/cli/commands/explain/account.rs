//! All that is told of one shot and variant, spelled for a person.

use crate::cli::show::Show;
use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::domain::lines::Lines;
use crate::domain::money::Micros;
use crate::expand::bible::Kind;
use crate::expand::compile::Compiled;
use crate::expand::expansion::Known;
use crate::expand::numbered::Given;
use crate::expand::origin::{Origin, pinpoint};
use crate::expand::request::{SentImage, SentReference};
use crate::expand::told::Told;
use crate::expand::wanted::Wanted;
use crate::manifest::shown;

/// The account of one shot and variant.
pub(super) struct Account {
    pub(super) chars: usize,
    pub(super) pieces: Vec<Piece>,
    pub(super) references: Vec<Sent>,
    pub(super) compacted: Option<LeftOut>,
    /// What the shot lists, and how often the prompt names it.
    pub(super) listed: Vec<(Kind, String, usize)>,
    pub(super) settings: Vec<Setting>,
    pub(super) fields: Vec<(String, String)>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// A piece of the prompt.
pub(super) struct Piece {
    pub(super) text: String,
    /// `compiler`, `marker`, `template`, `var` or `entry`.
    pub(super) kind: &'static str,
    /// Who says it: the reference of a marker, the name of a var, the entry.
    pub(super) name: Option<String>,
    /// What of an entry it is.
    pub(super) part: Option<&'static str>,
    /// The layer of a template or var.
    pub(super) source: Option<String>,
    pub(super) place: Option<String>,
}

/// A reference that goes along.
pub(super) struct Sent {
    pub(super) marker: String,
    pub(super) image: String,
    pub(super) sha256: String,
    pub(super) measures: Option<(u64, u32, u32)>,
    pub(super) why: String,
    /// Who brought it along, the first one first.
    pub(super) given: Vec<Brought>,
}

/// Who brought a reference along.
pub(super) struct Brought {
    pub(super) entry: Option<String>,
    pub(super) role: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) place: Option<String>,
}

/// What does not go along so that the model takes the rest.
pub(super) struct LeftOut {
    pub(super) characters: Vec<String>,
    pub(super) references: Vec<Brought>,
    pub(super) before: usize,
    pub(super) after: usize,
}

/// A setting with where it came from.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: String,
    pub(super) place: Option<String>,
    pub(super) overridden: Vec<Said>,
}

/// What a weaker layer says.
pub(super) struct Said {
    pub(super) value: String,
    pub(super) source: String,
    pub(super) place: Option<String>,
}

/// Gives the account of a variant.
pub(super) fn of(show: &Show, index: usize, wanted: &Wanted) -> Option<Account> {
    let told = show
        .expansion
        .explain(index, wanted.variant, |known| account(show, known));
    told.ok().flatten()
}

fn account(show: &Show, known: &Known<'_>) -> Account {
    let compiled = known.compiled;
    let brought = |given: &Given<'_>| brought(show, given);
    let references = compiled.references.iter().zip(&compiled.given);
    let listed = compiled.listed.iter();
    Account {
        chars: compiled.chars,
        pieces: pieces(show, compiled),
        references: references
            .map(|(sent, given)| reference(sent, given, compiled, &brought))
            .collect(),
        compacted: compiled.compacted.as_ref().map(|left| LeftOut {
            characters: left.characters.iter().map(ToString::to_string).collect(),
            references: left.left_out.iter().map(brought).collect(),
            before: left.before,
            after: left.after,
        }),
        listed: listed
            .map(|(member, times)| (member.kind, member.key.clone(), *times))
            .collect(),
        settings: settings(show, known),
        fields: known
            .fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        warnings: compiled.warnings.clone(),
    }
}

fn pieces(show: &Show, compiled: &Compiled<'_>) -> Vec<Piece> {
    let mut begins = 0;
    let mut pieces = Vec::with_capacity(compiled.segments.len());
    for segment in &compiled.segments {
        let text = compiled.prompt[begins..segment.end].to_owned();
        begins = segment.end;
        let at = pinpoint(&segment.from, &text, &show.manifest.sources);
        let (kind, name, part, source) = match segment.from.origin {
            Origin::Compiler => ("compiler", None, None, None),
            Origin::Marker(at) => ("marker", Some((at + 1).to_string()), None, None),
            Origin::Template(source) => ("template", None, None, Some(source.to_string())),
            Origin::Var(name, source) => {
                ("var", Some(name.to_owned()), None, Some(source.to_string()))
            }
            Origin::Entry(key, part) => ("entry", key.map(str::to_owned), Some(part.word()), None),
        };
        pieces.push(Piece {
            text,
            kind,
            name,
            part,
            source,
            place: at.map(|at| spelled(show, at)),
        });
    }
    pieces
}

fn reference(
    sent: &SentReference,
    given: &[Given<'_>],
    compiled: &Compiled<'_>,
    brought: &impl Fn(&Given<'_>) -> Brought,
) -> Sent {
    let measures = given.first().and_then(|given| given.measures);
    Sent {
        marker: sent.marker.clone(),
        image: match &sent.image {
            SentImage::File { shown, .. } => shown.clone(),
            SentImage::Url(url) => shown::shown(url).trim_matches('`').to_owned(),
            SentImage::Uuid(uuid) => format!("image {uuid}"),
            SentImage::DataUri { .. } => "a data URI".to_owned(),
        },
        sha256: sent.image.digest().to_string(),
        measures: measures.map(|m| (m.bytes, m.width, m.height)),
        why: given.first().map_or_else(String::new, |g| why(g, compiled)),
        given: given.iter().map(brought).collect(),
    }
}

/// Says why a reference stands where it does.
fn why(given: &Given<'_>, compiled: &Compiled<'_>) -> String {
    let Some(entry) = given.entry else {
        return "the shot's own come last, as written".to_owned();
    };
    let of_kind = compiled.listed.iter().map(|(member, _)| member);
    let of_kind: Vec<_> = of_kind.filter(|member| member.kind == entry.kind).collect();
    let at = of_kind.iter().position(|member| member.key == entry.key);
    let nth = at.map_or(1, |at| at + 1);
    let role = match given.role() {
        Some("face" | "body" | "sheet") => "face, body, sheet",
        _ => "after face, body and sheet, as written",
    };
    match entry.kind {
        Kind::Character => format!("character {nth} of {} as listed; {role}", of_kind.len()),
        Kind::Location => "the location, after the characters".to_owned(),
        Kind::Prop => format!(
            "prop {nth} of {} as listed, after the location",
            of_kind.len()
        ),
        Kind::Look => "the look, after the props".to_owned(),
    }
}

fn brought(show: &Show, given: &Given<'_>) -> Brought {
    Brought {
        entry: given.entry.map(|entry| entry.key.clone()),
        role: given.role().map(str::to_owned),
        scope: given.scope().map(str::to_owned),
        place: given.place().map(|at| spelled(show, at)),
    }
}

fn settings(show: &Show, known: &Known<'_>) -> Vec<Setting> {
    let told = known.settings.told(known.stack).into_iter();
    let told = told.chain(known.stack.told());
    let mut settings: Vec<Setting> = told.map(|told| setting(show, told)).collect();
    let name = &show.manifest.show.name;
    settings.push(of_show(show, "show.name", name.value.clone(), name.place));
    let budget = &show.manifest.budget;
    let caps: [(&str, &Option<Placed<Micros>>); 4] = [
        ("budget.run", &budget.run),
        ("budget.show", &budget.show),
        ("budget.sequence", &budget.sequence),
        ("budget.shot", &budget.shot),
    ];
    settings.extend(caps.into_iter().map(|(name, cap)| {
        let (value, place) = match cap {
            Some(cap) => (cap.value.to_string(), cap.place),
            None => ("none".to_owned(), None),
        };
        of_show(show, name, value, place)
    }));
    settings
}

fn of_show(show: &Show, name: &str, value: String, place: Option<Place>) -> Setting {
    let table = name.split('.').next().unwrap_or_default();
    let source = if place.is_some() {
        format!("[{table}]")
    } else {
        "built in".to_owned()
    };
    Setting {
        name: name.to_owned(),
        value,
        source,
        place: place.map(|at| spelled(show, at)),
        overridden: Vec::new(),
    }
}

fn setting(show: &Show, told: Told<'_>) -> Setting {
    let said = told.overridden.into_iter().map(|weaker| Said {
        value: weaker.value,
        source: weaker.source.to_string(),
        place: weaker.place.map(|at| spelled(show, at)),
    });
    Setting {
        overridden: said.collect(),
        name: told.name,
        value: told.value,
        source: told.source.to_string(),
        place: told.place.map(|at| spelled(show, at)),
    }
}

/// Spells a place as file, line and column.
pub(super) fn spelled(show: &Show, place: Place) -> String {
    let Some(source) = show.manifest.sources.get(place.file) else {
        return String::new();
    };
    let at = usize::try_from(place.start).unwrap_or(usize::MAX);
    let (line, column) = Lines::of(&source.text).position(&source.text, at);
    format!("{}:{line}:{column}", source.path)
}
