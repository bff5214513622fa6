//! Presets: the built-in ones, and the chains that `extends` makes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::expand::profile::KLING_IMAGE_O1;
use crate::manifest::model::Preset;
use crate::manifest::settings::{
    AspectRatio, Delivery, Format, Layer, Output, PromptSyntax, RefLimit, RefStyle,
    ReferenceTransfer, Resolution, Safety, Technical,
};
use crate::manifest::shown::{nearest, one_of, shown};

/// The preset of a show that names none: the smallest square.
pub const DEFAULT: &str = "1k-1x1";

/// Seconds the provider is asked to keep a picture: a week, so that a run that stops on a Friday
/// still finds its pictures on a Monday.
const TTL_S: u32 = 7 * 24 * 60 * 60;

/// What holds where no layer says anything.
///
/// Format, quality and the content check are the defaults of runware.ai/docs/models/klingai-image-o1
/// spelled out; `async` and `url` are what the vendor advises for work of more than a minute.
pub static BUILT_IN: LazyLock<Layer> = LazyLock::new(|| Layer {
    preset: Some(Placed::built_in(DEFAULT.to_owned())),
    prompt_syntax: Some(Placed::built_in(PromptSyntax::Template)),
    technical: Technical {
        model: Some(Placed::built_in(KLING_IMAGE_O1.id.to_owned())),
        resolution: Some(Placed::built_in(Resolution::OneK)),
        aspect_ratio: Some(Placed::built_in(AspectRatio::R1x1)),
        format: Some(Placed::built_in(Format::Jpg)),
        quality: Some(Placed::built_in(95)),
        takes: Some(Placed::built_in(1)),
        results_per_task: Some(Placed::built_in(1)),
        delivery: Some(Placed::built_in(Delivery::Async)),
        output: Some(Placed::built_in(Output::Url)),
        reference_transfer: Some(Placed::built_in(ReferenceTransfer::Upload)),
        safety: Some(Placed::built_in(Safety::Off)),
        ttl: Some(Placed::built_in(TTL_S)),
        ref_style: Some(Placed::built_in(RefStyle::Kling)),
        ref_limit: Some(Placed::built_in(RefLimit::Error)),
        ..Technical::default()
    },
    ..Layer::default()
});

/// The presets that need no writing: one for each row of the model's table, such as `2k-16x9`, and
/// `1k-reference` and `2k-reference`, which take the first reference's ratio.
pub static PRESETS: LazyLock<BTreeMap<String, Preset>> = LazyLock::new(|| {
    let rows = KLING_IMAGE_O1.sizes.iter().map(|s| (s.resolution, s.ratio));
    let like = [Resolution::OneK, Resolution::TwoK].map(|tier| (tier, AspectRatio::Reference));
    rows.chain(like)
        .map(|(resolution, ratio)| {
            let name = format!("{}-{}", resolution.word(), ratio.word().replace(':', "x"));
            let technical = Technical {
                resolution: Some(Placed::built_in(resolution)),
                aspect_ratio: Some(Placed::built_in(ratio)),
                ..Technical::default()
            };
            let layer = Layer {
                technical,
                ..Layer::default()
            };
            let preset = Preset {
                place: None,
                extends: None,
                layer,
            };
            (name, preset)
        })
        .collect()
});

/// Every preset of a manifest, with the layers its chain gives.
#[derive(Debug)]
pub struct Presets<'m> {
    chains: BTreeMap<&'m str, Result<Chain<'m>, Diagnostic>>,
}

/// A preset's layers by name, the one it is built upon first.
pub type Chain<'m> = Vec<(&'m str, &'m Layer)>;

impl<'m> Presets<'m> {
    /// Follows every chain of the manifest's presets and the built-in ones.
    #[must_use]
    pub fn new(written: &'m BTreeMap<String, Preset>) -> Self {
        let names = written.keys().chain(PRESETS.keys());
        let chains = names
            .map(|name| (name.as_str(), follow(written, name)))
            .collect();
        Self { chains }
    }

    /// Gives the layers of a preset.
    ///
    /// # Errors
    /// Complains of a name that is not known or of a chain that does not end.
    pub fn chain(&self, name: &Placed<String>) -> Result<&Chain<'m>, Diagnostic> {
        match self.chains.get(name.value.as_str()) {
            Some(chain) => chain.as_ref().map_err(Clone::clone),
            None => Err(unknown(name, self.chains.keys().copied())),
        }
    }

    /// Gives the complaints about chains, whether or not a shot uses them.
    pub fn complaints(&self) -> impl Iterator<Item = &Diagnostic> {
        self.chains
            .values()
            .filter_map(|chain| chain.as_ref().err())
    }
}

fn find<'m>(written: &'m BTreeMap<String, Preset>, name: &str) -> Option<(&'m str, &'m Preset)> {
    written
        .get_key_value(name)
        .or_else(|| PRESETS.get_key_value(name))
        .map(|(name, preset)| (name.as_str(), preset))
}

/// Follows `extends` from a preset down to the one that extends nothing.
///
/// A preset named like a built-in one may extend it: its name then leads out of the manifest.
fn follow<'m>(
    written: &'m BTreeMap<String, Preset>,
    name: &'m str,
) -> Result<Chain<'m>, Diagnostic> {
    let mut met: Vec<(&'m str, &'m Preset)> = find(written, name).into_iter().collect();
    while let Some(&(name, preset)) = met.last() {
        let Some(base) = &preset.extends else { break };
        let own_base = (base.value == name).then(|| built_in(name)).flatten();
        let Some((next, found)) = own_base.or_else(|| find(written, &base.value)) else {
            let known = written.keys().chain(PRESETS.keys()).map(String::as_str);
            return Err(unknown(base, known));
        };
        if let Some(first) = met
            .iter()
            .position(|(_, seen)| std::ptr::eq::<Preset>(*seen, found))
        {
            return Err(cycle(&mut met[first..]));
        }
        met.push((next, found));
    }
    met.reverse();
    Ok(met
        .into_iter()
        .map(|(name, preset)| (name, &preset.layer))
        .collect())
}

fn built_in(name: &str) -> Option<(&'static str, &'static Preset)> {
    let (name, preset) = PRESETS.get_key_value(name)?;
    Some((name, preset))
}

fn unknown<'a>(name: &Placed<String>, known: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let word = &name.value;
    let complaint = Diagnostic::error(
        "unknown-preset",
        format!("no preset is called {}", shown(word)),
    )
    .at(name.place);
    if let Some(near) = nearest(word, known.clone()) {
        return complaint
            .expected(format!("a preset such as `{near}`"))
            .help(format!("write `{near}`{}", add(word, ", or add ")));
    }
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable_by_key(|name| (PRESETS.contains_key(*name), *name));
    known.dedup();
    complaint
        .expected(one_of(known))
        .help(format!("name a preset there is{}", add(word, ", or add ")))
}

/// Says which heading to add; nothing for a name that a heading cannot hold.
fn add(name: &str, before: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.chars().all(fits) {
        format!("{before}`[presets.{name}]` to the manifest")
    } else {
        String::new()
    }
}

/// Complains of a circle once, from whichever of its presets it was found.
fn cycle(round: &mut [(&str, &Preset)]) -> Diagnostic {
    let first = (0..round.len()).min_by_key(|&at| round[at].0).unwrap_or(0);
    round.rotate_left(first);
    let mut names: Vec<&str> = round.iter().map(|(name, _)| *name).collect();
    names.extend(names.first().copied());
    let back = round.last().and_then(|(_, preset)| preset.extends.as_ref());
    Diagnostic::error(
        "preset-cycle",
        format!("presets extend in a circle: {}", names.join(" -> ")),
    )
    .at(back.and_then(|base| base.place))
    .expected("a chain of `extends` that ends at a preset without one")
    .help("take one `extends` out of the circle")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(extends: Option<&str>) -> Preset {
        Preset {
            place: None,
            extends: extends.map(|name| Placed::built_in(name.to_owned())),
            layer: Layer::default(),
        }
    }

    fn names(presets: &Presets<'_>, name: &str) -> Result<Vec<String>, &'static str> {
        let chain = presets.chain(&Placed::built_in(name.to_owned()));
        chain
            .map(|chain| chain.iter().map(|(name, _)| (*name).to_owned()).collect())
            .map_err(|complaint| complaint.code)
    }

    #[test]
    fn chains_are_followed_and_circles_found_once() {
        let written = BTreeMap::from([
            ("final".to_owned(), preset(Some("board"))),
            ("board".to_owned(), preset(Some("1k-16x9"))),
            ("1k-1x1".to_owned(), preset(Some("1k-1x1"))),
            ("a".to_owned(), preset(Some("b"))),
            ("b".to_owned(), preset(Some("a"))),
            ("c".to_owned(), preset(Some("b"))),
            ("d".to_owned(), preset(Some("nowhere"))),
        ]);
        let presets = Presets::new(&written);
        let chain = ["1k-16x9", "board", "final"].map(str::to_owned).to_vec();
        assert_eq!(names(&presets, "final"), Ok(chain));
        assert_eq!(names(&presets, "1k-1x1").map(|chain| chain.len()), Ok(2));
        assert_eq!(names(&presets, "c"), Err("preset-cycle"));
        assert_eq!(names(&presets, "d"), Err("unknown-preset"));
        assert_eq!(names(&presets, "e"), Err("unknown-preset"));
        let mut told: Vec<&str> = presets.complaints().map(|c| c.message.as_str()).collect();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn every_row_of_the_table_has_a_preset() {
        assert_eq!(PRESETS.len(), KLING_IMAGE_O1.sizes.len() + 2);
        assert!(PRESETS.contains_key(DEFAULT));
        assert!(PRESETS.contains_key("2k-21x9"));
    }
}
