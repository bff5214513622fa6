//! Where each value of a shot came from, told for a person.

use crate::domain::diagnostic::{Place, Placed};
use crate::expand::layers::{Settings, Sourced, Stack, ValueSource};
use crate::expand::request::AskedSize;
use crate::manifest::settings::Layer;

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
}

impl<'a> Settings<'a> {
    /// Tells the technical settings, in the order the manifest documents them.
    #[must_use]
    pub fn told(&self) -> Vec<Told<'a>> {
        let mut told = vec![
            tell("preset", self.preset, Clone::clone),
            tell("model", self.model_name, Clone::clone),
            self.told_size(),
            tell("format", self.format, |format| format.word().to_owned()),
            tell("quality", self.quality, ToString::to_string),
            tell("takes", self.takes, ToString::to_string),
            tell(
                "results_per_task",
                self.results_per_task,
                ToString::to_string,
            ),
            tell("delivery", self.delivery, |delivery| {
                delivery.word().to_owned()
            }),
            tell("output", self.output, |output| output.word().to_owned()),
            tell("references", self.reference_transfer, |way| {
                way.word().to_owned()
            }),
            tell("safety", self.safety, |safety| safety.word().to_owned()),
            tell("ttl", self.ttl, ToString::to_string),
            tell("ref_style", self.ref_style, |style| style.word().to_owned()),
            tell("prompt_syntax", self.prompt_syntax, |syntax| {
                syntax.word().to_owned()
            }),
        ];
        let hidden = |_: &_| "(not shown)".to_owned();
        told.extend(self.webhook_url.map(|url| tell("webhook_url", url, hidden)));
        told.extend(
            self.upload_endpoint
                .map(|url| tell("upload_endpoint", url, hidden)),
        );
        told
    }

    fn told_size(&self) -> Told<'a> {
        let value = match self.size {
            AskedSize::Exact(width, height) => format!("{width}x{height}"),
            AskedSize::LikeReference(resolution) => {
                format!("{} in the first reference's ratio", resolution.word())
            }
        };
        let (source, place) = self.size_from;
        Told {
            name: "size".to_owned(),
            value,
            source,
            place,
        }
    }
}

impl<'a> Stack<'a> {
    /// Tells what the shot lists and its vars, in the order the manifest documents them.
    #[must_use]
    pub fn told(&self) -> Vec<Told<'a>> {
        let mut told = Vec::new();
        told.extend(self.told_list("characters", |layer| layer.characters.as_deref()));
        told.extend(
            self.location()
                .map(|name| tell("location", name, Clone::clone)),
        );
        told.extend(self.told_list("props", |layer| layer.props.as_deref()));
        told.extend(self.look().map(|name| tell("look", name, Clone::clone)));
        let vars = self.vars().into_iter();
        told.extend(vars.map(|(name, var)| tell(&format!("vars.{name}"), var, Clone::clone)));
        told
    }

    fn told_list(
        &self,
        name: &str,
        field: impl Fn(&'a Layer) -> Option<&'a [Placed<String>]>,
    ) -> Option<Told<'a>> {
        let (source, list) = self.list(field)?;
        let names: Vec<&str> = list.iter().map(|name| name.value.as_str()).collect();
        let value = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join("; ")
        };
        let place = list.first().and_then(|first| first.place);
        Some(Told {
            name: name.to_owned(),
            value,
            source,
            place,
        })
    }
}

fn tell<'a, T>(name: &str, value: Sourced<'a, T>, spell: impl Fn(&T) -> String) -> Told<'a> {
    Told {
        name: name.to_owned(),
        value: spell(value.value),
        source: value.source,
        place: value.place,
    }
}
