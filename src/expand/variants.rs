//! The variants of a shot: the cells of its matrix.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::domain::id::Variant;
use crate::manifest::model::{Shot, Variants};
use crate::manifest::settings::{AspectRatio, Format, Layer, Resolution};
use crate::manifest::shown::{any_of, nearest, one_of, shown};

/// The most variants of one shot; beyond it a list was surely pasted into the wrong place.
const MOST: usize = 10_000;

/// One variant: its number, its values, and what they set.
#[derive(Debug)]
pub(crate) struct Cell<'m> {
    pub(crate) variant: Variant,
    /// The values in the order written.
    pub(crate) values: Vec<(&'m str, &'m Placed<String>)>,
    /// What they set; none for a shot without variants.
    pub(crate) layer: Option<Layer>,
}

type Axis<'m> = (&'m Placed<String>, &'m [Placed<String>]);

/// Gives the variants of a shot.
///
/// A cell's number is at first its place in the whole product, the last list going round fastest, so that
/// leaving cells out renumbers none. A shot without lists is the single variant 0.
///
/// # Errors
/// Complains of lists that are empty, doubled, of unequal length in a `zip` or too many, of
/// `exclude` naming what is not in a list, and of values their setting cannot take.
pub(crate) fn cells(shot: &Shot) -> Result<Vec<Cell<'_>>, Vec<Diagnostic>> {
    if shot.variants.is_empty() {
        let only = Cell {
            variant: Variant(0),
            values: Vec::new(),
            layer: None,
        };
        return Ok(vec![only]);
    }
    let mut complaints = check_lists(shot);
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let mut cells = Vec::new();
    for (at, values) in product(&shot.variants).into_iter().enumerate() {
        if excluded(&shot.variants, &values) {
            continue;
        }
        let mut layer = Layer::default();
        for (axis, value) in &values {
            if let Err(complaint) = put(&mut layer, axis, value) {
                complaints.push(complaint.of_shot(&shot.id.value));
            }
        }
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        cells.push(Cell {
            variant: Variant(number),
            values,
            layer: Some(layer),
        });
    }
    if cells.is_empty() && complaints.is_empty() {
        let complaint = Diagnostic::error("no-variants", "`exclude` leaves no variant of the shot");
        complaints.push(
            complaint
                .at(shot.place)
                .of_shot(&shot.id.value)
                .help("take one of the exclusions out"),
        );
    }
    if complaints.is_empty() {
        Ok(cells)
    } else {
        Err(complaints)
    }
}

fn axes(variants: &Variants) -> impl Iterator<Item = Axis<'_>> {
    let lists = variants.matrix.iter().chain(&variants.zip);
    lists.map(|(name, values)| (name, values.as_slice()))
}

fn check_lists(shot: &Shot) -> Vec<Diagnostic> {
    let mut complaints = Vec::new();
    let mut seen: BTreeMap<&str, &Placed<String>> = BTreeMap::new();
    let mut add = |complaint: Diagnostic| complaints.push(complaint.of_shot(&shot.id.value));
    for (name, values) in axes(&shot.variants) {
        let axis = &name.value;
        if let Some(first) = seen.insert(axis, name) {
            let message = format!("`{axis}` is varied twice");
            add(Diagnostic::error("variant-list", message)
                .at(name.place)
                .related(first.place, "the first is here")
                .help("join the two lists"));
        }
        if values.is_empty() {
            let message = format!("`{axis}` is varied over an empty list");
            add(Diagnostic::error("variant-list", message)
                .at(name.place)
                .expected("one value or more")
                .help("give it values, or take the list out"));
        }
        for (at, value) in values.iter().enumerate() {
            if values[..at]
                .iter()
                .any(|earlier| earlier.value == value.value)
            {
                let message = format!(
                    "{} stands twice in the list of `{axis}`",
                    shown(&value.value)
                );
                add(Diagnostic::error("variant-list", message)
                    .at(value.place)
                    .help("take one out; for more pictures of the same, set `takes`"));
            }
        }
    }
    let zip = &shot.variants.zip;
    if let Some(((first, one), (other, two))) = zip.first().and_then(|first| {
        Some((
            first,
            zip.iter().find(|list| list.1.len() != first.1.len())?,
        ))
    }) {
        let message = format!(
            "the lists of `zip` differ in length: `{}` has {}, `{}` has {}",
            first.value,
            one.len(),
            other.value,
            two.len()
        );
        add(Diagnostic::error("variant-list", message)
            .at(other.place)
            .expected("lists of equal length, which go in step")
            .help("even the lists out, or use `matrix` for every combination"));
    }
    let sizes = shot.variants.matrix.iter().map(|(_, values)| values.len());
    let rows = zip.first().map_or(1, |(_, values)| values.len());
    let all = sizes.fold(rows, usize::saturating_mul);
    if all > MOST {
        add(
            Diagnostic::error("variant-list", format!("the shot has {all} variants"))
                .at(shot.place)
                .expected(format!("at most {MOST}"))
                .help("shorten the lists, or make several shots"),
        );
    }
    check_excludes(shot, &seen, &mut add);
    complaints
}

fn check_excludes(
    shot: &Shot,
    names: &BTreeMap<&str, &Placed<String>>,
    add: &mut impl FnMut(Diagnostic),
) {
    for (axis, value) in shot.variants.exclude.iter().flatten() {
        let Some((_, values)) = axes(&shot.variants).find(|(name, _)| name.value == *axis) else {
            let message = format!("`exclude` names {}, which is not varied", shown(axis));
            let near = nearest(axis, names.keys().copied());
            add(Diagnostic::error("variant-exclude", message)
                .at(value.place)
                .expected(one_of(names.keys().copied()))
                .help(near.map_or("take it out".to_owned(), |near| format!("write `{near}`"))));
            continue;
        };
        if !values.iter().any(|known| known.value == value.value) {
            let found = &value.value;
            let known = values.iter().map(|value| value.value.as_str());
            let near = nearest(found, known.clone());
            add(Diagnostic::error(
                "variant-exclude",
                format!("{} is not a value of `{axis}`", shown(found)),
            )
            .at(value.place)
            .expected(one_of(known))
            .help(near.map_or("take it out".to_owned(), |near| format!("write `{near}`"))));
        }
    }
}

/// Makes the product of the matrix and the rows of the zip, in order.
fn product(variants: &Variants) -> Vec<Vec<(&str, &Placed<String>)>> {
    let mut rows: Vec<Vec<(&str, &Placed<String>)>> = vec![Vec::new()];
    for (name, values) in &variants.matrix {
        rows = rows
            .into_iter()
            .flat_map(|row| {
                values.iter().map(move |value| {
                    let mut row = row.clone();
                    row.push((name.value.as_str(), value));
                    row
                })
            })
            .collect();
    }
    let steps = variants.zip.first().map_or(0, |(_, values)| values.len());
    if steps == 0 {
        return rows;
    }
    let step = |at: usize| {
        variants
            .zip
            .iter()
            .map(move |(name, values)| (name.value.as_str(), &values[at]))
    };
    rows.into_iter()
        .flat_map(|row| (0..steps).map(move |at| row.iter().copied().chain(step(at)).collect()))
        .collect()
}

fn excluded(variants: &Variants, values: &[(&str, &Placed<String>)]) -> bool {
    let holds = |axis: &str, wanted: &Placed<String>| {
        values
            .iter()
            .any(|(name, value)| *name == axis && value.value == wanted.value)
    };
    let mut rules = variants.exclude.iter().filter(|rule| !rule.is_empty());
    rules.any(|rule| rule.iter().all(|(axis, wanted)| holds(axis, wanted)))
}

/// Puts one value where it belongs: a setting of that name, else a var.
fn put(layer: &mut Layer, axis: &str, value: &Placed<String>) -> Result<(), Diagnostic> {
    let list = || {
        let names = value
            .value
            .split(';')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names
            .map(|name| Placed {
                value: name.to_owned(),
                place: value.place,
            })
            .collect()
    };
    let technical = &mut layer.technical;
    match axis {
        "preset" => layer.preset = Some(value.clone()),
        "prompt" => layer.prompt = Some(value.clone()),
        "look" => layer.look = Some(value.clone()),
        "location" => layer.location = Some(value.clone()),
        "characters" => layer.characters = Some(list()),
        "props" => layer.props = Some(list()),
        "aspect_ratio" => {
            technical.aspect_ratio =
                Some(choice(axis, value, AspectRatio::parse, AspectRatio::WORDS)?);
        }
        "resolution" => {
            technical.resolution = Some(choice(axis, value, Resolution::parse, Resolution::WORDS)?);
        }
        "format" => technical.format = Some(choice(axis, value, Format::parse, Format::WORDS)?),
        _ => {
            layer.vars.insert(axis.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn choice<T>(
    axis: &str,
    value: &Placed<String>,
    parse: fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Placed<T>, Diagnostic> {
    let word = &value.value;
    let parsed = parse(word).map(|parsed| Placed {
        value: parsed,
        place: value.place,
    });
    parsed.ok_or_else(|| {
        let near = nearest(word, words.iter().copied());
        Diagnostic::error(
            "unknown-value",
            format!("`{axis}` cannot be {}", shown(word)),
        )
        .at(value.place)
        .expected(any_of(words))
        .help(near.map_or("choose one of these".to_owned(), |near| {
            format!("write `{near}`")
        }))
    })
}
