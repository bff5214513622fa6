//! Layers of settings, the last one winning, and where each value came from.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::domain::secret::SecretUrl;
use crate::expand::bible::Kind;
use crate::expand::presets::{BUILT_IN, Chain, Presets};
use crate::expand::profile::{self, MODELS, ModelProfile};
use crate::expand::request::AskedSize;
use crate::expand::size;
use crate::manifest::model::Reference;
use crate::manifest::settings::{
    Delivery, Format, Layer, Output, PromptSyntax, RefLimit, RefStyle, ReferenceTransfer, Safety,
    Technical,
};
use crate::manifest::shown::{nearest, one_of, shown};

/// The layer a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueSource<'a> {
    /// Nobody wrote it.
    BuiltIn,
    /// A preset; perhaps one that the shot's preset extends.
    Preset(&'a str),
    /// `[defaults]`.
    Defaults,
    /// `[sequences.NAME]`.
    Sequence(&'a str),
    /// The shot.
    Shot,
    /// The shot's matrix.
    Variant,
    /// `--set`.
    Set,
}

impl std::fmt::Display for ValueSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::Defaults => f.write_str("[defaults]"),
            Self::Sequence(name) => write!(f, "[sequences.\"{name}\"]"),
            Self::Shot => f.write_str("shot"),
            Self::Variant => f.write_str("matrix"),
            Self::Set => f.write_str("--set"),
        }
    }
}

/// A value with the layer and the place it came from.
#[derive(Debug)]
pub struct Sourced<'a, T: ?Sized> {
    /// The value.
    pub value: &'a T,
    /// Where it was written.
    pub place: Option<Place>,
    /// The layer.
    pub source: ValueSource<'a>,
}

impl<T: ?Sized> Clone for Sourced<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Sourced<'_, T> {}

/// The layers of one shot and variant, the weakest first.
#[derive(Debug)]
pub struct Stack<'a>(Vec<(ValueSource<'a>, &'a Layer)>);

/// The layers a stack is made of, presets aside.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// `[defaults]`.
    pub defaults: &'a Layer,
    /// `[sequences.NAME]` of the shot's sequence.
    pub sequence: Option<(&'a str, &'a Layer)>,
    /// The shot.
    pub shot: &'a Layer,
    /// What the variant sets.
    pub variant: Option<&'a Layer>,
    /// `--set`.
    pub set: &'a Layer,
}

impl<'a> Stack<'a> {
    /// Lays the layers upon each other; the preset named by the strongest of them goes below.
    ///
    /// The second value complains of a preset that is not known or whose chain does not end; the
    /// stack then lacks it, and is good for finding more complaints alone.
    #[must_use]
    pub fn new(layers: &Layers<'a>, presets: &Presets<'a>) -> (Self, Option<Diagnostic>) {
        let mut upper = vec![(ValueSource::Defaults, layers.defaults)];
        upper.extend(
            layers
                .sequence
                .map(|(name, layer)| (ValueSource::Sequence(name), layer)),
        );
        upper.push((ValueSource::Shot, layers.shot));
        upper.extend(layers.variant.map(|layer| (ValueSource::Variant, layer)));
        upper.push((ValueSource::Set, layers.set));
        let built_in: &'a Layer = &BUILT_IN;
        let named = upper
            .iter()
            .rev()
            .find_map(|(_, layer)| layer.preset.as_ref());
        let none = Vec::new();
        let chain = named.or(built_in.preset.as_ref());
        let chain = chain.map_or(Ok(&none), |name| presets.chain(name));
        let (chain, complaint): (&Chain<'a>, _) = match chain {
            Ok(chain) => (chain, None),
            Err(complaint) => (&none, Some(complaint)),
        };
        let mut stack = Vec::with_capacity(1 + chain.len() + upper.len());
        stack.push((ValueSource::BuiltIn, built_in));
        stack.extend(
            chain
                .iter()
                .map(|&(name, layer)| (ValueSource::Preset(name), layer)),
        );
        stack.append(&mut upper);
        (Self(stack), complaint)
    }

    /// Gives the value of the strongest layer that has one.
    pub fn pick<T>(
        &self,
        field: impl Fn(&'a Layer) -> Option<&'a Placed<T>>,
    ) -> Option<Sourced<'a, T>> {
        self.0.iter().rev().find_map(|&(source, layer)| {
            field(layer).map(|placed| Sourced {
                value: &placed.value,
                place: placed.place,
                source,
            })
        })
    }

    /// Gives the list of the strongest layer that has one, perhaps an empty one.
    pub(crate) fn list<T>(
        &self,
        field: impl Fn(&'a Layer) -> Option<&'a [T]>,
    ) -> Option<(ValueSource<'a>, &'a [T])> {
        self.0
            .iter()
            .rev()
            .find_map(|&(source, layer)| field(layer).map(|list| (source, list)))
    }

    /// Gives the characters as listed.
    #[must_use]
    pub fn characters(&self) -> &'a [Placed<String>] {
        self.list(|layer| layer.characters.as_deref())
            .map_or(&[], |(_, list)| list)
    }

    /// Gives the props as listed.
    #[must_use]
    pub fn props(&self) -> &'a [Placed<String>] {
        self.list(|layer| layer.props.as_deref())
            .map_or(&[], |(_, list)| list)
    }

    /// Gives the shot's own references.
    #[must_use]
    pub fn references(&self) -> &'a [Reference] {
        self.list(|layer| layer.references.as_deref())
            .map_or(&[], |(_, list)| list)
    }

    /// Gives the location, unless it is none.
    #[must_use]
    pub fn location(&self) -> Option<Sourced<'a, String>> {
        self.pick(|layer| layer.location.as_ref())
            .filter(|name| !name.value.is_empty())
    }

    /// Gives the look, unless it is none.
    #[must_use]
    pub fn look(&self) -> Option<Sourced<'a, String>> {
        self.pick(|layer| layer.look.as_ref())
            .filter(|name| !name.value.is_empty())
    }

    /// Tells whether the shot lists a name, known or not.
    pub(crate) fn lists(&self, name: &str) -> bool {
        let lists = self.characters().iter().chain(self.props());
        let single = [self.location(), self.look()].into_iter().flatten();
        lists
            .map(|listed| &listed.value)
            .chain(single.map(|one| one.value))
            .any(|own| own == name)
    }

    /// Gives the names that the shot lists of a kind, known or not.
    pub(crate) fn listed(&self, kind: Kind) -> impl Iterator<Item = &'a str> {
        let (list, one) = match kind {
            Kind::Character => (self.characters(), None),
            Kind::Prop => (self.props(), None),
            Kind::Location => (&[][..], self.location()),
            Kind::Look => (&[][..], self.look()),
        };
        let list = list.iter().map(|name| name.value.as_str());
        list.chain(one.map(|name| name.value.as_str()))
    }

    /// Gives the value of a var.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<Sourced<'a, String>> {
        self.pick(|layer| layer.vars.get(name))
    }

    /// Gives every var that has a value, by name.
    #[must_use]
    pub fn vars(&self) -> BTreeMap<&'a str, Sourced<'a, String>> {
        let mut vars = BTreeMap::new();
        for &(source, layer) in &self.0 {
            vars.extend(layer.vars.iter().map(|(name, placed)| {
                let Placed { value, place } = placed;
                (
                    name.as_str(),
                    Sourced {
                        value,
                        place: *place,
                        source,
                    },
                )
            }));
        }
        vars
    }

    /// Gives the layers, the weakest first.
    pub(crate) fn layers(&self) -> impl DoubleEndedIterator<Item = (ValueSource<'a>, &'a Layer)> {
        self.0.iter().copied()
    }
}

/// Every technical setting of one shot and variant, worked out against its model.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The model.
    pub model: &'static ModelProfile,
    /// The model as it was named.
    pub model_name: Sourced<'a, String>,
    /// The preset that was named.
    pub preset: Sourced<'a, String>,
    /// How braces in prompts are read.
    pub prompt_syntax: Sourced<'a, PromptSyntax>,
    /// The size asked for.
    pub size: AskedSize,
    /// The layer and the place that had the last word on the size.
    pub size_from: (ValueSource<'a>, Option<Place>),
    /// The format.
    pub format: Sourced<'a, Format>,
    /// The compression quality.
    pub quality: Sourced<'a, u32>,
    /// The takes wanted.
    pub takes: Sourced<'a, u32>,
    /// The most takes one task buys.
    pub results_per_task: Sourced<'a, u32>,
    /// How results are delivered.
    pub delivery: Sourced<'a, Delivery>,
    /// The form in which pictures come back.
    pub output: Sourced<'a, Output>,
    /// How reference files reach the provider.
    pub reference_transfer: Sourced<'a, ReferenceTransfer>,
    /// The content check.
    pub safety: Sourced<'a, Safety>,
    /// How long the provider keeps the picture.
    pub ttl: Sourced<'a, u32>,
    /// How references are named in prompts.
    pub ref_style: Sourced<'a, RefStyle>,
    /// What becomes of a shot with more references than the model takes.
    pub ref_limit: Sourced<'a, RefLimit>,
    /// Where the provider announces the end of a task, still a template.
    pub webhook_url: Option<Sourced<'a, SecretUrl>>,
    /// Where the provider puts the finished file, still a template.
    pub upload_endpoint: Option<Sourced<'a, SecretUrl>>,
}

impl<'a> Settings<'a> {
    /// Works the settings out and checks them against the model's profile.
    ///
    /// Complains of a model that is not known, of a size that is not in its table and of numbers
    /// that are out of its range, each once; with a complaint the settings are good for finding
    /// more alone.
    #[must_use]
    pub fn resolve(stack: &Stack<'a>) -> (Self, Vec<Diagnostic>) {
        let mut complaints = Vec::new();
        let model = model(stack).unwrap_or_else(|complaint| {
            complaints.push(complaint);
            &profile::KLING_IMAGE_O1
        });
        let size = size::resolve(stack, model);
        let (size, source, place) = size.unwrap_or_else(|complaint| {
            let place = complaint.place;
            complaints.push(complaint);
            (AskedSize::Exact(0, 0), ValueSource::BuiltIn, place)
        });
        let settings = Self {
            model,
            model_name: technical(stack, |t| t.model.as_ref()),
            preset: set(stack, |layer| layer.preset.as_ref()),
            prompt_syntax: set(stack, |layer| layer.prompt_syntax.as_ref()),
            size,
            size_from: (source, place),
            format: technical(stack, |t| t.format.as_ref()),
            quality: technical(stack, |t| t.quality.as_ref()),
            takes: technical(stack, |t| t.takes.as_ref()),
            results_per_task: technical(stack, |t| t.results_per_task.as_ref()),
            delivery: technical(stack, |t| t.delivery.as_ref()),
            output: technical(stack, |t| t.output.as_ref()),
            reference_transfer: technical(stack, |t| t.reference_transfer.as_ref()),
            safety: technical(stack, |t| t.safety.as_ref()),
            ttl: technical(stack, |t| t.ttl.as_ref()),
            ref_style: technical(stack, |t| t.ref_style.as_ref()),
            ref_limit: technical(stack, |t| t.ref_limit.as_ref()),
            webhook_url: stack.pick(|layer| layer.technical.webhook_url.as_ref()),
            upload_endpoint: stack.pick(|layer| layer.technical.upload_endpoint.as_ref()),
        };
        settings.check_ranges(&mut complaints);
        (settings, complaints)
    }

    fn check_ranges(&self, complaints: &mut Vec<Diagnostic>) {
        let (model, any) = (self.model, u32::MAX);
        let mut check =
            |name: &str, found: Sourced<'_, u32>, (least, most): (u32, u32), unit: &str| {
                if (least..=most).contains(found.value) {
                    return;
                }
                let (value, model) = (found.value, model.name);
                let range = if most == any {
                    format!("{least}{unit} or more")
                } else {
                    format!("{least} to {most}{unit}")
                };
                complaints.push(
                    Diagnostic::error("out-of-range", format!("`{name}` is {value}"))
                        .at(found.place)
                        .expected(format!("{range} ({model})"))
                        .help(format!("set `{name}` to {}", (*value).clamp(least, most))),
                );
            };
        check("quality", self.quality, model.quality, "");
        check(
            "results_per_task",
            self.results_per_task,
            model.results_per_task,
            "",
        );
        check("takes", self.takes, (1, 999), "");
        if *self.output.value == Output::Url {
            check("ttl", self.ttl, (model.ttl_min_s, any), " seconds");
        }
    }
}

/// Picks a setting that the built-in layer always has.
fn set<'a, T>(
    stack: &Stack<'a>,
    field: impl Fn(&'a Layer) -> Option<&'a Placed<T>>,
) -> Sourced<'a, T> {
    #[expect(
        clippy::expect_used,
        reason = "the built-in layer sets each of these fields"
    )]
    stack.pick(field).expect("a built-in value")
}

fn technical<'a, T>(
    stack: &Stack<'a>,
    field: impl Fn(&'a Technical) -> Option<&'a Placed<T>>,
) -> Sourced<'a, T> {
    set(stack, |layer| field(&layer.technical))
}

fn model(stack: &Stack<'_>) -> Result<&'static ModelProfile, Diagnostic> {
    let named = technical(stack, |t| t.model.as_ref());
    profile::find(named.value).ok_or_else(|| {
        let (word, ids) = (named.value, MODELS.iter().map(|model| model.id));
        let near = nearest(word, ids.clone()).unwrap_or(profile::KLING_IMAGE_O1.id);
        Diagnostic::error(
            "unknown-model",
            format!("no model is called {}", shown(word)),
        )
        .at(named.place)
        .expected(one_of(ids))
        .help(format!("write `{near}`"))
    })
}
