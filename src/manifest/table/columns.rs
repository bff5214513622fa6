//! What the columns of a shot list mean.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, column_name};
use crate::manifest::rules::check_name;
use crate::manifest::shown::{count, nearest, shown, some_of};
use crate::manifest::table::aliases::{Known, creative, is_known, plain_header};
use crate::manifest::table::mapping::{Mapping, Said};

/// What a column means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Column {
    /// A column of the contract.
    Known(Known),
    /// A var of this name.
    Var(Arc<str>),
    /// A var of this name by its header alone, and kept for reports under that.
    Creative(Arc<str>, Arc<str>),
    /// An axis of the matrix of this name.
    Matrix(Arc<str>),
    /// Kept for reports, under its header.
    Kept(Arc<str>),
    /// Kept for reports, under its letter.
    Unnamed(Arc<str>),
}

/// Why a column means what it means; of two that mean the same, the later of these wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Nothing is known about it.
    Unknown,
    /// `[columns]` says that it means nothing.
    Silenced,
    /// Another column names the shots.
    Replaced,
    /// Its header is one that shot lists use for a var.
    Creative,
    /// Its header is another word for a column of the contract.
    Alias,
    /// Its header is the documented one.
    Documented,
    /// `[columns]` says so.
    Mapped,
}

/// The columns of a list.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// What each means.
    pub(super) meanings: Vec<Column>,
    /// Why it means that.
    pub(super) reasons: Vec<Why>,
}

/// Says what every column means; with an error among the complaints the list cannot be read.
pub(super) fn columns(
    headers: &[(String, Place)],
    mapping: &mut Mapping,
    complaints: &mut Vec<Diagnostic>,
) -> Columns {
    let plain = plain_headers(headers);
    let all: BTreeSet<&str> = plain.iter().map(String::as_str).collect();
    let trackers_id = trackers_id(&plain, mapping);
    let mut columns = Columns::default();
    let mut first: HashMap<Column, usize> = HashMap::new();
    for (at, (header, place)) in headers.iter().enumerate() {
        let (column, why) = match mapping.find(&plain[at], &all) {
            Some(Said::Means(target)) => (target_of(&target, complaints), Why::Mapped),
            Some(Said::Nothing) => (silenced(header, at), Why::Silenced),
            None if trackers_id == Some(at) => {
                complaints.push(tracker_note(header, *place));
                (kept(header, at), Why::Replaced)
            }
            None => meaning(header, &plain[at], *place, complaints)
                .unwrap_or_else(|| (kept(header, at), Why::Unknown)),
        };
        columns.add(column, why, at, headers, &mut first, complaints);
    }
    columns.drop_names(headers);
    complaints.extend(creative_note(&columns, headers));
    complaints.extend(kept_warning(&columns, headers));
    columns.keep_creative(headers);
    columns
}

/// Gives every header plain; a column without one is known by its letter.
fn plain_headers(headers: &[(String, Place)]) -> Vec<String> {
    let named = |(at, (header, _)): (usize, &(String, Place))| {
        let plain = plain_header(header);
        if plain.is_empty() {
            plain_header(&by_letter(at))
        } else {
            plain
        }
    };
    headers.iter().enumerate().map(named).collect()
}

/// Finds the column `Id` of a tracker's export, which numbers rows of its database: beside
/// `Shot Code` it is no id of ours.
fn trackers_id(plain: &[String], mapping: &Mapping) -> Option<usize> {
    let id = plain.iter().position(|plain| plain == "id")?;
    let has_code = plain.iter().any(|plain| plain == "shotcode");
    let is_free = !mapping.speaks_of("id") && !mapping.speaks_of("shotcode");
    (has_code && is_free).then_some(id)
}

fn tracker_note(header: &str, place: Place) -> Diagnostic {
    let message = format!(
        "the shots are named by `Shot Code`; {} is taken for the tracker's own number and kept for reports",
        shown(header)
    );
    Diagnostic::note("tracker-id", message).at(place).help(
        "if it is the id that is meant, write `\"Id\" = \"id\"` under `[columns]` of the manifest, or \
         of a `show.toml` beside the list",
    )
}

impl Columns {
    /// Has reports tell what creative columns said, as the list wrote them.
    fn keep_creative(&mut self, headers: &[(String, Place)]) {
        for (column, (header, _)) in self.meanings.iter_mut().zip(headers) {
            // Whether the header alone says so or `[columns]` too.
            if let Column::Var(name) = &*column
                && creative(&plain_header(header)) == Some(&**name)
            {
                *column = Column::Creative(Arc::clone(name), header.as_str().into());
            }
        }
    }

    /// Adds a column and decides between two that mean the same.
    fn add(
        &mut self,
        column: Column,
        why: Why,
        at: usize,
        headers: &[(String, Place)],
        first: &mut HashMap<Column, usize>,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let is_kept = matches!(column, Column::Kept(_) | Column::Unnamed(_));
        let former = if is_kept {
            None
        } else {
            first.get(&column).copied()
        };
        let Some(former) = former else {
            if !is_kept {
                first.insert(column.clone(), at);
            }
            self.meanings.push(column);
            self.reasons.push(why);
            return;
        };
        let was = self.reasons[former];
        if why == was && why > Why::Creative {
            // Nobody can tell which is meant, so that both go on meaning it.
            complaints.push(alike(&headers[former], &headers[at]));
            self.meanings.push(column);
            self.reasons.push(why);
        } else if why > was {
            first.insert(column.clone(), at);
            self.meanings[former] = kept(&headers[former].0, former);
            self.reasons[former] = Why::Unknown;
            self.meanings.push(column);
            self.reasons.push(why);
        } else {
            self.meanings.push(kept(&headers[at].0, at));
            self.reasons.push(Why::Unknown);
        }
    }

    /// With an id of its own a shot needs no name, so that this one is only told in reports.
    fn drop_names(&mut self, headers: &[(String, Place)]) {
        if !self.meanings.contains(&Column::Known(Known::Id)) {
            return;
        }
        for (at, column) in self.meanings.iter_mut().enumerate() {
            if *column == Column::Known(Known::Name) {
                *column = kept(&headers[at].0, at);
                self.reasons[at] = Why::Replaced;
            }
        }
    }

    /// Tells whether nothing is known about any column.
    pub(super) fn are_unknown(&self) -> bool {
        let mut all = self.meanings.iter();
        all.all(|column| matches!(column, Column::Kept(_) | Column::Unnamed(_)))
    }
}

fn alike(former: &(String, Place), other: &(String, Place)) -> Diagnostic {
    let message = format!(
        "the columns {} and {} mean the same",
        shown(&former.0),
        shown(&other.0)
    );
    let help = if former.0 == other.0 {
        "rename one of the two".to_owned()
    } else {
        format!(
            "rename one of the two, or leave it out under `[columns]`: `\"{}\" = \"-\"`",
            other.0
        )
    };
    Diagnostic::error("duplicate-column", message)
        .at(other.1)
        .help(help)
        .related(Some(former.1), "the other one")
}

/// Gives the meaning of a header that nobody mapped.
fn meaning(
    header: &str,
    plain: &str,
    place: Place,
    complaints: &mut Vec<Diagnostic>,
) -> Option<(Column, Why)> {
    for (prefix, make) in [
        ("var:", Column::Var as fn(Arc<str>) -> Column),
        ("matrix:", Column::Matrix),
    ] {
        if plain.starts_with(prefix) {
            let name = header.split_once(':').map_or("", |(_, name)| name.trim());
            named(name, Some(place), complaints);
            return Some((make(name.into()), Why::Documented));
        }
    }
    if let Some(known) = Known::find(plain) {
        let is_documented = plain_header(known.name()) == plain;
        let why = if is_documented {
            Why::Documented
        } else {
            Why::Alias
        };
        return Some((Column::Known(known), why));
    }
    let var = creative(plain)?;
    Some((Column::Var(var.into()), Why::Creative))
}

/// Gives the meaning that a line of `[columns]` asks for.
fn target_of(target: &Placed<String>, complaints: &mut Vec<Diagnostic>) -> Column {
    let plain = plain_header(&target.value);
    if let Some(known) = Known::find(&plain) {
        return Column::Known(known);
    }
    let (name, axis) = match target.value.split_once(':') {
        Some((_, name)) if plain.starts_with("var:") => (name.trim(), false),
        Some((_, name)) if plain.starts_with("matrix:") => (name.trim(), true),
        _ => (target.value.trim(), false),
    };
    named(name, target.place, complaints);
    let known = Known::ALL.iter().map(|known| known.name());
    if let Some(near) = nearest(name, known)
        && plain == plain_header(name)
        && creative(&plain).is_none()
    {
        let message = format!("{} becomes a var of that name", shown(name));
        let warning = Diagnostic::warning("near-column", message).at(target.place);
        complaints.push(warning.help(format!(
            "write `{near}` if that is meant, else `var: {name}`"
        )));
    }
    if axis {
        Column::Matrix(name.into())
    } else {
        Column::Var(name.into())
    }
}

fn named(name: &str, place: Option<Place>, complaints: &mut Vec<Diagnostic>) {
    if let Err((message, help)) = check_name(name) {
        complaints.push(Diagnostic::error("bad-name", message).at(place).help(help));
    }
}

fn kept(header: &str, at: usize) -> Column {
    if header.is_empty() {
        Column::Unnamed(by_letter(at).into())
    } else {
        Column::Kept(header.into())
    }
}

/// A column that means nothing on purpose: no header of it is missed.
fn silenced(header: &str, at: usize) -> Column {
    let name = if header.is_empty() {
        by_letter(at)
    } else {
        header.to_owned()
    };
    Column::Kept(name.into())
}

/// Names a column without a header.
pub(super) fn by_letter(at: usize) -> String {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    format!("column {}", column_name(at))
}

/// Tells once which columns became vars by their header alone.
fn creative_note(columns: &Columns, headers: &[(String, Place)]) -> Option<Diagnostic> {
    let mut place = None;
    let mut told = Vec::new();
    let all = columns.meanings.iter().zip(&columns.reasons).zip(headers);
    for ((column, why), (header, at)) in all {
        if let (Column::Var(name), Why::Creative) = (column, why) {
            place.get_or_insert(*at);
            told.push(format!("{} is `{{{name}}}`", shown(header)));
        }
    }
    let message = format!("prompts can use these columns: {}", told.join(", "));
    Some(
        Diagnostic::note("creative-columns", message)
            .at(place?)
            .help("map a header to `-` under `[columns]` to keep it for reports alone"),
    )
}

fn kept_warning(columns: &Columns, headers: &[(String, Place)]) -> Option<Diagnostic> {
    let all = columns.meanings.iter().zip(&columns.reasons).zip(headers);
    let unknown = all.filter_map(|((column, why), (header, place))| {
        let is_unknown = *why == Why::Unknown && matches!(column, Column::Kept(_));
        is_unknown.then_some((header.as_str(), *place))
    });
    let unknown: Vec<(&str, Place)> = unknown.collect();
    let (_, place) = unknown.first()?;
    let mut seen = BTreeSet::new();
    let names = unknown.iter().map(|(header, _)| *header);
    let names: Vec<&str> = names.filter(|header| seen.insert(*header)).collect();
    let message = format!(
        "{} kept for reports and not used in prompts: {}",
        count(unknown.len(), "column").replace("column", "other column"),
        some_of(names.iter().copied())
    );
    let warning = Diagnostic::warning("unknown-columns", message).at(*place);
    let known = || Known::ALL.iter().map(|known| known.name());
    // A header whose meaning another column took over is not misspelt.
    let unknown = names.iter().filter(|header| !is_known(header));
    let near = unknown.clone().filter_map(|header| {
        let near = nearest(header, known())?;
        Some(format!("`{near}` if that is what {} means", shown(header)))
    });
    let near: Vec<String> = near.collect();
    Some(match (near.as_slice(), unknown.clone().next()) {
        ([_, ..], _) => warning.help(format!("write {}", near.join(", "))),
        ([], None) => warning
            .help("rename it, or map it to `-` under `[columns]`: another column takes its place"),
        ([], Some(first)) => warning.help(format!(
            "to use one in prompts, map it under `[columns]` of the manifest, or of a `show.toml` \
             beside the list: `\"{}\" = \"{}\"`; `check --columns` prints such lines",
            first,
            suggestion(first)
        )),
    })
}

/// Makes the name of a var out of a header.
fn suggestion(header: &str) -> String {
    let name: String = header
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    let name = name.trim_matches('_');
    if name.is_empty() { "name" } else { name }.to_owned()
}
