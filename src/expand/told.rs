//! Where each value of a shot came from, and what it overrides, told for a person.

use crate::domain::diagnostic::{Place, Placed};
use crate::expand::layers::{Settings, Stack, ValueSource};
use crate::expand::request::AskedSize;
use crate::manifest::settings::{Layer, Technical};

/// A value with its name and where it came from.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The key of the manifest; `vars.NAME` for a var.
    pub name: String,
    /// The value as the manifest would spell it; never a secret.
    pub value: String,
    /// The layer.
    pub source: ValueSource<'a>,
    /// Where it was written.
    pub place: Option<Place>,
    /// What weaker layers say, the strongest first.
    pub overridden: Vec<Weaker<'a>>,
}

/// What a layer says that a stronger one overrides.
#[derive(Clone, Debug)]
pub struct Weaker<'a> {
    /// The value; with its key before it where that is another.
    pub value: String,
    /// The layer.
    pub source: ValueSource<'a>,
    /// Where it was written.
    pub place: Option<Place>,
}

impl<'a> Settings<'a> {
    /// Tells the technical settings, in the order the manifest documents them; `stack` is what they
    /// were worked out from.
    #[must_use]
    pub fn told(&self, stack: &Stack<'a>) -> Vec<Told<'a>> {
        let of = |name: &str, field: fn(&Technical) -> Option<&Placed<u32>>| {
            row(stack, name, |l| field(&l.technical), ToString::to_string)
        };
        macro_rules! word {
            ($name:literal, $field:ident) => {
                row(
                    stack,
                    $name,
                    |l| l.technical.$field.as_ref(),
                    |v| v.word().to_owned(),
                )
            };
        }
        let mut told = Vec::new();
        told.extend(row(stack, "preset", |l| l.preset.as_ref(), Clone::clone));
        let model = |layer: &'a Layer| layer.technical.model.as_ref();
        told.extend(row(stack, "model", model, Clone::clone));
        told.extend(self.told_size(stack));
        told.extend(word!("format", format));
        told.extend(of("quality", |t| t.quality.as_ref()));
        told.extend(of("takes", |t| t.takes.as_ref()));
        told.extend(of("results_per_task", |t| t.results_per_task.as_ref()));
        told.extend(word!("delivery", delivery));
        told.extend(word!("output", output));
        told.extend(word!("references", reference_transfer));
        told.extend(word!("safety", safety));
        told.extend(of("ttl", |t| t.ttl.as_ref()));
        told.extend(word!("ref_style", ref_style));
        told.extend(word!("ref_limit", ref_limit));
        let syntax = |layer: &'a Layer| layer.prompt_syntax.as_ref();
        told.extend(row(stack, "prompt_syntax", syntax, |s| s.word().to_owned()));
        let hidden = |_: &_| "(not shown)".to_owned();
        let webhook = |layer: &'a Layer| layer.technical.webhook_url.as_ref();
        told.extend(row(stack, "webhook_url", webhook, hidden));
        let upload = |layer: &'a Layer| layer.technical.upload_endpoint.as_ref();
        told.extend(row(stack, "upload_endpoint", upload, hidden));
        told
    }

    /// Tells the size, and the tier and ratio it was made of.
    fn told_size(&self, stack: &Stack<'a>) -> Vec<Told<'a>> {
        let value = match self.size {
            AskedSize::Exact(width, height) => format!("{width}x{height}"),
            AskedSize::LikeReference(resolution) => {
                format!("{} in the first reference's ratio", resolution.word())
            }
        };
        let (source, place) = self.size_from;
        let mut size = Told {
            name: "size".to_owned(),
            value,
            source,
            place,
            overridden: Vec::new(),
        };
        let mut halves: Vec<Told<'a>> = Vec::new();
        let mut exact = false;
        for ask in asks(stack).into_iter().rev() {
            let held = halves.iter().position(|half| half.name == ask.name);
            if let Some(held) = held {
                halves[held].overridden.push(ask.weaker(false));
            } else if exact || (ask.name == "size" && halves.len() == 2) {
                size.overridden.push(ask.weaker(true));
            } else if ask.name == "size" {
                exact = true;
                halves.extend(halves.first().map(|half| rest_of(&ask, half)));
            } else {
                halves.push(ask);
            }
        }
        let mut told = vec![size];
        halves.sort_by_key(|half| half.name != "resolution");
        told.append(&mut halves);
        told
    }
}

/// Tells the half of a size that a stronger layer leaves standing.
fn rest_of<'a>(size: &Told<'a>, other: &Told<'a>) -> Told<'a> {
    let is_tier = other.name != "resolution";
    Told {
        name: if is_tier {
            "resolution"
        } else {
            "aspect_ratio"
        }
        .to_owned(),
        value: format!("that of {}", size.value),
        ..size.clone()
    }
}

/// Gives everything that layers say of the size, the weakest first.
fn asks<'a>(stack: &Stack<'a>) -> Vec<Told<'a>> {
    let mut asks = Vec::new();
    for (source, layer) in stack.layers() {
        let mut add = |name: &str, value: Option<(String, Option<Place>)>| {
            asks.extend(value.map(|(value, place)| Told {
                name: name.to_owned(),
                value,
                source,
                place,
                overridden: Vec::new(),
            }));
        };
        let technical = &layer.technical;
        let tier = technical.resolution.as_ref();
        add(
            "resolution",
            tier.map(|r| (r.value.word().to_owned(), r.place)),
        );
        let ratio = technical.aspect_ratio.as_ref();
        add(
            "aspect_ratio",
            ratio.map(|r| (r.value.word().to_owned(), r.place)),
        );
        let size = technical.size.as_ref();
        add(
            "size",
            size.map(|s| (format!("{}x{}", s.value.0, s.value.1), s.place)),
        );
    }
    asks
}

impl<'a> Told<'a> {
    fn weaker(self, with_key: bool) -> Weaker<'a> {
        Weaker {
            value: if with_key {
                format!("{} = {}", self.name, self.value)
            } else {
                self.value
            },
            source: self.source,
            place: self.place,
        }
    }
}

impl<'a> Stack<'a> {
    /// Tells what the shot lists, its prompt and its vars, in the order the manifest documents them.
    #[must_use]
    pub fn told(&self) -> Vec<Told<'a>> {
        let mut told = Vec::new();
        told.extend(self.told_list("characters", |layer| layer.characters.as_deref()));
        let or_none = |name: &String| if name.is_empty() { "none" } else { name }.to_owned();
        told.extend(row(self, "location", |l| l.location.as_ref(), or_none));
        told.extend(self.told_list("props", |layer| layer.props.as_deref()));
        told.extend(row(self, "look", |l| l.look.as_ref(), or_none));
        told.extend(row(self, "prompt", |l| l.prompt.as_ref(), Clone::clone));
        for name in self.vars().into_keys() {
            let var = |layer: &'a Layer| layer.vars.get(name);
            told.extend(row(self, &format!("vars.{name}"), var, Clone::clone));
        }
        told
    }

    fn told_list(
        &self,
        name: &str,
        field: impl Fn(&'a Layer) -> Option<&'a [Placed<String>]>,
    ) -> Option<Told<'a>> {
        let spell = |list: &[Placed<String>]| {
            let names: Vec<&str> = list.iter().map(|name| name.value.as_str()).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join("; ")
            }
        };
        let lists = self.layers().rev();
        let said = lists.filter_map(|(source, layer)| {
            let list = field(layer)?;
            let place = list.first().and_then(|first| first.place);
            Some((spell(list), source, place))
        });
        strongest(name, said)
    }
}

/// Tells one setting: what the strongest layer says, and what it overrides.
fn row<'a, T: 'a>(
    stack: &Stack<'a>,
    name: &str,
    field: impl Fn(&'a Layer) -> Option<&'a Placed<T>>,
    spell: impl Fn(&T) -> String,
) -> Option<Told<'a>> {
    let layers = stack.layers().rev();
    let said = layers.filter_map(|(source, layer)| {
        let placed = field(layer)?;
        Some((spell(&placed.value), source, placed.place))
    });
    strongest(name, said)
}

fn strongest<'a>(
    name: &str,
    mut said: impl Iterator<Item = (String, ValueSource<'a>, Option<Place>)>,
) -> Option<Told<'a>> {
    let (value, source, place) = said.next()?;
    let weaker = |(value, source, place)| Weaker {
        value,
        source,
        place,
    };
    Some(Told {
        name: name.to_owned(),
        value,
        source,
        place,
        overridden: said.map(weaker).collect(),
    })
}
