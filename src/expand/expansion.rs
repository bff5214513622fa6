//! The expansion of a manifest, shot by shot and only when asked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::id::{ShotId, Variant};
use crate::expand::bible::Bible;
use crate::expand::compile::{Compiled, Material, compile};
use crate::expand::facts::ReferenceFacts;
use crate::expand::key;
use crate::expand::layers::{Layers, Settings, Sourced, Stack, ValueSource};
use crate::expand::links;
use crate::expand::naming::NameTemplate;
use crate::expand::numbers::{Numbers, assign};
use crate::expand::presets::Presets;
use crate::expand::request::Request;
use crate::expand::variants::{Cell, cells};
use crate::expand::wanted::{FileName, Wanted};
use crate::manifest::model::{Manifest, Shot, Status};
use crate::manifest::settings::{Layer, Output};
use crate::manifest::shots::Shots;

/// A manifest with what its shots share worked out.
///
/// Shots are expanded when asked for, so that a long list needs no memory for its prompts; the
/// same shot always expands to the same.
#[derive(Debug)]
pub struct Expansion<'m> {
    pub(crate) manifest: &'m Manifest,
    pub(crate) presets: Presets<'m>,
    pub(crate) bible: Bible<'m>,
    pub(crate) names: Result<NameTemplate, Vec<Diagnostic>>,
    facts: &'m ReferenceFacts,
    /// What is true of shots whose status column does not have the last word.
    overruled: HashMap<ShotId, Status>,
    unprompted: Option<Place>,
    numbers: RwLock<Option<Arc<Numbers>>>,
}

/// All that is known of one shot and variant.
#[derive(Debug)]
pub struct Known<'k> {
    /// The layers.
    pub stack: &'k Stack<'k>,
    /// The technical settings.
    pub settings: &'k Settings<'k>,
    /// The prompt and its references.
    pub compiled: &'k Compiled<'k>,
    /// The fields of the name template with their values, take and extension aside.
    pub fields: Vec<(&'k str, String)>,
}

/// What one shot expands to.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// Its variants; none that broke a rule.
    pub(crate) wanted: Vec<Wanted>,
    /// Errors and warnings.
    pub(crate) complaints: Vec<Diagnostic>,
}

impl<'m> Expansion<'m> {
    /// Works out what shots share.
    #[must_use]
    pub fn new(manifest: &'m Manifest, facts: &'m ReferenceFacts) -> Self {
        let shared = [&manifest.defaults, &manifest.set].into_iter();
        let shared = shared.chain(manifest.sequences.values());
        let any = |of_layer: &dyn Fn(&Layer) -> bool, axis: &str| {
            shared.clone().any(of_layer)
                || manifest
                    .shots
                    .iter()
                    .any(|shot| of_layer(&shot.layer) || shot.variants.has(axis))
        };
        let has_var = |name: &str| any(&|layer| layer.vars.contains_key(name), name);
        let names = NameTemplate::parse(&manifest.show.name, &manifest.sources, has_var);
        let prompted = any(&|layer| layer.prompt.is_some(), "prompt");
        let first = manifest.shots.first().map(|shot| shot.place);
        Self {
            manifest,
            presets: Presets::new(&manifest.presets),
            bible: Bible::new(manifest, facts),
            names,
            facts,
            overruled: HashMap::new(),
            unprompted: first.filter(|_| !prompted),
            numbers: RwLock::default(),
        }
    }

    /// Takes over the numbers that variants had before; to be done before anything is expanded.
    ///
    /// Only the first call counts, so that nothing is renumbered while a run goes on.
    pub fn remember(&self, numbers: impl FnOnce() -> Numbers) {
        let mut known = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| Arc::new(numbers()));
    }

    /// Takes over other numbers, once more is known than the log told; to be done before a run.
    pub fn learn(&self, numbers: Numbers) {
        let mut known = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(numbers));
    }

    fn known_numbers(&self) -> Option<Arc<Numbers>> {
        let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
        numbers.clone()
    }

    /// Gives the variants of a shot under the numbers they had before.
    fn cells<'s>(&self, shot: &'s Shot) -> Result<Vec<Cell<'s>>, Vec<Diagnostic>> {
        let mut cells = cells(shot)?;
        let numbers = self.known_numbers();
        let known = numbers.as_ref().map(|numbers| numbers.of(&shot.id.value));
        if let Some(known) = known.filter(|known| !known.is_empty()) {
            assign(&mut cells, known, |cell| {
                let (wanted, _) = self.variant(shot, cell).ok()?;
                Some(wanted.key)
            });
        }
        Ok(cells)
    }

    /// Gives the shots in the manifest's order; their index is what [`Self::wanted`] takes.
    #[must_use]
    pub const fn shots(&self) -> &'m Shots {
        &self.manifest.shots
    }

    /// Lets decisions have the last word over the status column of some shots.
    pub fn overrule(&mut self, statuses: HashMap<ShotId, Status>) {
        self.overruled = statuses;
    }

    /// Gives a shot's status: what was decided, or else what the column says.
    pub(crate) fn status_of(&self, shot: &Shot) -> Status {
        let decided = self.overruled.get(&shot.id.value);
        decided.copied().unwrap_or(shot.status)
    }

    /// Expands one shot.
    ///
    /// # Errors
    /// Gives every complaint about the shot, those about something it shares with others too.
    pub fn wanted(&self, shot: usize) -> Result<Vec<Wanted>, Vec<Diagnostic>> {
        let expanded = self.manifest.shots.get(shot).map(|shot| self.expand(&shot));
        let Expanded { wanted, complaints } = expanded.unwrap_or_default();
        if complaints.iter().any(Diagnostic::is_error) {
            Err(complaints)
        } else {
            Ok(wanted)
        }
    }

    /// Expands one variant of one shot, such as when its task is sent.
    ///
    /// # Errors
    /// Gives every complaint about the shot; no variant of a shot that has one is bought.
    pub fn one(&self, shot: usize, variant: Variant) -> Result<Option<Wanted>, Vec<Diagnostic>> {
        let wanted = self.wanted(shot)?;
        Ok(wanted.into_iter().find(|wanted| wanted.variant == variant))
    }

    /// Calls `tell` with all that is known of one variant.
    ///
    /// # Errors
    /// Gives every complaint about the variant; nothing if there is no such shot or variant.
    pub fn explain<T>(
        &self,
        shot: usize,
        variant: Variant,
        tell: impl FnOnce(&Known<'_>) -> T,
    ) -> Result<Option<T>, Vec<Diagnostic>> {
        let Some(shot) = self.manifest.shots.get(shot) else {
            return Ok(None);
        };
        let shot: &Shot = &shot;
        let cells = self.cells(shot)?;
        let Some(cell) = cells.iter().find(|cell| cell.variant == variant) else {
            return Ok(None);
        };
        let (stack, complaint) = self.stack(shot, cell.layer.as_ref());
        let (settings, mut complaints) = Settings::resolve(&stack);
        complaints.extend(complaint);
        let place = Spot {
            manifest: self.manifest,
            shot,
            cell,
            stack: &stack,
            settings: &settings,
        };
        match compile(shot, &stack, &settings, self.material()) {
            Ok(compiled) if complaints.is_empty() => {
                let fields = self.names.as_ref().map(NameTemplate::fields);
                let fields = fields.unwrap_or_default().into_iter();
                Ok(Some(tell(&Known {
                    stack: &stack,
                    settings: &settings,
                    compiled: &compiled,
                    fields: fields
                        .map(|name| (name, place.field(name).into_owned()))
                        .collect(),
                })))
            }
            compiled => {
                complaints.extend(compiled.err().unwrap_or_default());
                Err(complaints)
            }
        }
    }

    /// Expands a shot; what is shared and broken is complained of at its own place.
    pub(crate) fn expand(&self, shot: &Shot) -> Expanded {
        let mut expanded = Expanded::default();
        match self.cells(shot) {
            Err(complaints) => expanded.complaints = complaints,
            Ok(cells) => {
                for cell in &cells {
                    match self.variant(shot, cell) {
                        Ok((mut wanted, warnings)) => {
                            wanted.status = self.status_of(shot);
                            expanded.wanted.push(wanted);
                            expanded.complaints.extend(warnings);
                        }
                        Err(complaints) => expanded.complaints.extend(complaints),
                    }
                }
            }
        }
        for complaint in &mut expanded.complaints {
            complaint.shot.get_or_insert_with(|| shot.id.value.clone());
        }
        expanded
    }

    fn material(&self) -> Material<'_, 'm> {
        Material {
            bible: &self.bible,
            facts: self.facts,
            sources: &self.manifest.sources,
            unprompted: self.unprompted,
        }
    }

    fn stack<'a>(
        &'a self,
        shot: &'a Shot,
        variant: Option<&'a Layer>,
    ) -> (Stack<'a>, Option<Diagnostic>) {
        let sequence = shot.full_sequence();
        let written = sequence.and_then(|name| self.manifest.sequences.get_key_value(&name));
        let layers = Layers {
            defaults: &self.manifest.defaults,
            sequence: written.map(|(name, layer)| (name.as_str(), layer)),
            shot: &shot.layer,
            variant,
            set: &self.manifest.set,
        };
        Stack::new(&layers, &self.presets)
    }

    fn variant(
        &self,
        shot: &Shot,
        cell: &Cell<'_>,
    ) -> Result<(Wanted, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (stack, complaint) = self.stack(shot, cell.layer.as_ref());
        let mut complaints = Vec::from_iter(complaint);
        let (settings, more) = Settings::resolve(&stack);
        complaints.extend(more);
        let place = Spot {
            manifest: self.manifest,
            shot,
            cell,
            stack: &stack,
            settings: &settings,
        };
        let mut keep = |more: Vec<Diagnostic>| complaints.extend(more);
        let compiled = compile(shot, &stack, &settings, self.material());
        let compiled = compiled.map_err(&mut keep).ok();
        let name = place.name(&self.names).map_err(&mut keep).ok();
        let request = compiled.as_ref().map(|compiled| place.request(compiled));
        let request = request.and_then(|request| request.map_err(&mut keep).ok());
        let (Some(compiled), Some(name), Some(request)) = (compiled, name, request) else {
            return Err(complaints);
        };
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let warnings = compiled.warnings.clone();
        Ok((place.wanted(&compiled, request, name), warnings))
    }
}

/// One variant of one shot, with all that is known of it.
struct Spot<'s, 'm> {
    manifest: &'m Manifest,
    shot: &'m Shot,
    cell: &'s Cell<'s>,
    stack: &'s Stack<'s>,
    settings: &'s Settings<'s>,
}

impl Spot<'_, '_> {
    /// Gives a field of names and addresses, empty where the shot has none.
    fn field(&self, name: &str) -> Cow<'_, str> {
        let shot = self.shot;
        let own = match name {
            "show" => Some(&self.manifest.show.code.value),
            "episode" => shot.episode.as_ref(),
            "sequence" => shot.sequence.as_ref(),
            "shot" => Some(&shot.name),
            "preset" => Some(self.settings.preset.value),
            "variant" if self.cell.variant.0 == 0 => None,
            "variant" => return self.cell.variant.0.to_string().into(),
            "look" => self.stack.look().map(|look| look.value),
            "location" => self.stack.location().map(|location| location.value),
            _ => {
                let varied = self.cell.values.iter().find(|(axis, _)| *axis == name);
                let varied = varied.map(|(_, value)| &value.value);
                varied.or_else(|| self.stack.var(name).map(|var| var.value))
            }
        };
        own.map_or(Cow::Borrowed(""), |text| text.as_str().into())
    }

    fn name(
        &self,
        names: &Result<NameTemplate, Vec<Diagnostic>>,
    ) -> Result<FileName, Vec<Diagnostic>> {
        let template = names.as_ref().map_err(Clone::clone)?;
        template.fill(|field| self.field(field)).map_err(|message| {
            let complaint = Diagnostic::error("file-name", message)
                .at(self.shot.id.place.or(Some(self.shot.place)))
                .of_shot(&self.shot.id.value)
                .expected("names of files that every disk can hold")
                .help("shorten the shot's id, or `name` under `[show]`");
            vec![complaint]
        })
    }

    fn link(
        &self,
        setting: &str,
        url: Option<Sourced<'_, crate::domain::secret::SecretUrl>>,
    ) -> Result<Option<crate::domain::secret::SecretUrl>, Vec<Diagnostic>> {
        let place = url.as_ref().and_then(|url| url.place);
        url.map(|url| links::fill(setting, url.value, |field| self.field(field)))
            .transpose()
            .map_err(|complaint| vec![complaint.at(place)])
    }

    /// Gives the place to mend a size that does not fit the shot.
    fn place_of_size(&self) -> Place {
        match self.settings.size_from {
            (ValueSource::Set, Some(place)) => place,
            _ => self.shot.place,
        }
    }

    fn request(&self, compiled: &Compiled<'_>) -> Result<Request, Vec<Diagnostic>> {
        let settings = self.settings;
        let like = matches!(
            settings.size,
            crate::expand::request::AskedSize::LikeReference(_)
        );
        if like && compiled.references.is_empty() {
            let message = "the picture takes a reference's ratio, but the shot has no reference";
            let complaint = Diagnostic::error("no-reference-for-ratio", message)
                .at(self.place_of_size())
                .of_shot(&self.shot.id.value)
                .expected("a reference, or an `aspect_ratio` such as `16:9`")
                .help("add a reference, or write `aspect_ratio = \"16:9\"`");
            return Err(vec![complaint]);
        }
        let webhook_url = self.link("webhook_url", settings.webhook_url)?;
        let upload_endpoint = self.link("upload_endpoint", settings.upload_endpoint)?;
        let output = *settings.output.value;
        Ok(Request {
            model: settings.model,
            prompt: Arc::clone(&compiled.prompt),
            size: settings.size,
            format: *settings.format.value,
            quality: *settings.quality.value,
            safety: *settings.safety.value,
            references: compiled.references.clone(),
            transfer: *settings.reference_transfer.value,
            delivery: *settings.delivery.value,
            output,
            ttl: (output == Output::Url).then_some(*settings.ttl.value),
            webhook_url,
            upload_endpoint,
        })
    }

    fn wanted(&self, compiled: &Compiled<'_>, request: Request, name: FileName) -> Wanted {
        let (shot, settings) = (self.shot, self.settings);
        let values = self.cell.values.iter();
        Wanted {
            shot: shot.id.value.clone(),
            episode: shot.episode.clone(),
            sequence: shot.full_sequence(),
            variant: self.cell.variant,
            values: values
                .map(|(axis, value)| ((*axis).to_owned(), value.value.clone()))
                .collect(),
            place: shot.place,
            status: shot.status,
            takes: *settings.takes.value,
            results_per_task: *settings.results_per_task.value,
            preset: settings.preset.value.clone(),
            characters: compiled.characters(),
            template: compiled.template.value.as_str().into(),
            key: key::of(&request),
            parts: key::parts(&request),
            request,
            name,
            kept: shot.kept.clone(),
        }
    }
}
