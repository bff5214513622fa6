//! A compiled prompt: references numbered, told once in a first line, marked where they are named.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, Sources};
use crate::domain::digest::Sha256;
use crate::expand::bible::{Bible, Kind, Member, role};
use crate::expand::facts::ReferenceFacts;
use crate::expand::layers::{Settings, Sourced, Stack, ValueSource};
use crate::expand::lint::lint;
use crate::expand::profile::ModelProfile;
use crate::expand::prompt::{Body, Expander, Listed, narrow};
use crate::expand::reference::Held;
use crate::expand::request::SentReference;
use crate::manifest::model::Shot;
use crate::manifest::settings::{PromptSyntax, RefStyle};

/// A prompt ready to be sent, with its references.
#[derive(Clone, Debug)]
pub struct Compiled<'a> {
    /// The template it was made from.
    pub template: Sourced<'a, String>,
    /// The text.
    pub prompt: Arc<str>,
    /// Its length in Unicode characters, which is what the model's limit counts.
    pub chars: usize,
    /// The references in the order of their numbers.
    pub references: Vec<SentReference>,
    /// The characters as listed.
    pub characters: Vec<String>,
    /// What deserves a look but stops nothing.
    pub warnings: Vec<Diagnostic>,
}

/// What prompts are compiled from, the same for every shot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Material<'e, 'm> {
    pub(crate) bible: &'e Bible<'m>,
    pub(crate) facts: &'m ReferenceFacts,
    pub(crate) sources: &'m Sources,
    /// The first shot's place, if no layer of any shot has a prompt.
    pub(crate) unprompted: Option<Place>,
}

/// Compiles the prompt of one shot and variant.
///
/// # Errors
/// Gives every complaint about what the shot lists, its references and its prompt.
pub(crate) fn compile<'a, 'm: 'a>(
    shot: &'m Shot,
    stack: &Stack<'a>,
    settings: &Settings<'a>,
    material: Material<'_, 'm>,
) -> Result<Compiled<'a>, Vec<Diagnostic>> {
    let mut complaints = Vec::new();
    let members = listed(stack, material.bible, &mut complaints);
    let own: Vec<Held<'_>> = stack
        .references()
        .iter()
        .map(|reference| Held::new(reference, material.facts, material.sources))
        .collect();
    let style = *settings.ref_style.value;
    let mut references = References::new(style);
    let marked: Vec<Listed<'_, 'm>> = members
        .iter()
        .map(|&member| Listed {
            member,
            marker: references.take(
                Some(member),
                &member.references,
                settings.model,
                &mut complaints,
            ),
        })
        .collect();
    references.take(None, &own, settings.model, &mut complaints);
    references.check_count(shot, settings.model, &mut complaints);
    let Some(template) = stack.pick(|layer| layer.prompt.as_ref()) else {
        complaints.push(no_prompt(shot, material.unprompted));
        return Err(complaints);
    };
    let body = match *settings.prompt_syntax.value {
        PromptSyntax::Plain => Ok(Body {
            text: template.value.clone(),
            markers: 0,
            look_told: false,
        }),
        PromptSyntax::Template => Expander::new(stack, material.bible, &marked, material.sources)
            .run(template.value, template.place),
    };
    let body = match body {
        Ok(body) if complaints.is_empty() => body,
        Ok(_) => return Err(complaints),
        Err(more) => {
            complaints.extend(more);
            return Err(complaints);
        }
    };
    let prompt = assemble(&body, &marked, &references);
    let checked = Checked {
        prompt: &prompt,
        body: &body,
        template,
        shot,
    };
    let (chars, mut warnings) = checked.check(&references, settings.model, material.sources)?;
    let (size, model) = (settings.size, settings.model);
    warnings.extend(lint(
        &body.text,
        size,
        model,
        template.place,
        material.sources,
    ));
    Ok(Compiled {
        template,
        prompt: prompt.into(),
        chars,
        references: references.sent,
        characters: members
            .iter()
            .filter(|member| member.kind == Kind::Character)
            .map(|member| member.key.clone())
            .collect(),
        warnings,
    })
}

/// Looks up what the shot lists, in the order its references are sent, each entry once.
fn listed<'e, 'm>(
    stack: &Stack<'_>,
    bible: &'e Bible<'m>,
    complaints: &mut Vec<Diagnostic>,
) -> Vec<&'e Member<'m>> {
    let placed = |name: &Placed<String>| (name.value.clone(), name.place);
    let sourced = |name: Sourced<'_, String>| (name.value.clone(), name.place);
    let names = [
        (
            Kind::Character,
            stack.characters().iter().map(placed).collect::<Vec<_>>(),
        ),
        (
            Kind::Location,
            stack.location().map(sourced).into_iter().collect(),
        ),
        (Kind::Prop, stack.props().iter().map(placed).collect()),
        (Kind::Look, stack.look().map(sourced).into_iter().collect()),
    ];
    let mut members: Vec<&'e Member<'m>> = Vec::new();
    for (kind, names) in names {
        for (name, place) in names {
            match bible.find(kind, &name, place) {
                Ok(member) if members.iter().any(|known| std::ptr::eq(*known, member)) => {}
                Ok(member) => {
                    if kind == Kind::Character && member.references.is_empty() {
                        complaints.push(without_reference(member, place));
                    }
                    members.push(member);
                }
                Err(complaint) => complaints.push(complaint),
            }
        }
    }
    members
}

fn without_reference(member: &Member<'_>, place: Option<Place>) -> Diagnostic {
    let key = &member.key;
    Diagnostic::error(
        "cast-without-reference",
        format!("`{key}` is cast but has no reference"),
    )
    .at(member.place)
    .expected("at least one picture of each character that is cast")
    .related(place, "cast here")
    .help(format!(
        "add `references = [\"…\"]` to [characters.{}]",
        member.base()
    ))
}

/// Complains of a shot without a prompt, at `unprompted` if it is told once for all shots.
fn no_prompt(shot: &Shot, unprompted: Option<Place>) -> Diagnostic {
    Diagnostic::error("no-prompt", "the shot has no prompt")
        .at(unprompted.unwrap_or(shot.place))
        .of_shot(&shot.id.value)
        .expected("`prompt` in the shot, its sequence or [defaults]")
        .help("write a prompt, or set the shot's status to `omit`")
}

/// The references of a request as they are numbered.
struct References<'e> {
    style: RefStyle,
    sent: Vec<SentReference>,
    digests: Vec<Sha256>,
    /// For each reference, what it is told to show: `face of Mira`.
    told: Vec<Vec<String>>,
    /// How many each entry brought along, for a complaint about their number.
    counts: Vec<(&'e str, usize)>,
}

impl<'e> References<'e> {
    const fn new(style: RefStyle) -> Self {
        Self {
            style,
            sent: Vec::new(),
            digests: Vec::new(),
            told: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// Numbers the references of an entry, or of the shot itself; gives the first one's marker.
    fn take(
        &mut self,
        member: Option<&'e Member<'_>>,
        held: &[Held<'_>],
        model: &ModelProfile,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<String> {
        let before = self.sent.len();
        let mut first = None;
        for held in held {
            match held.fit(model) {
                Ok(known) => {
                    let at = match self.digests.iter().position(|d| *d == known.digest) {
                        Some(at) => at,
                        None => self.add(member, held, known.image.clone(), known.digest),
                    };
                    let telling = telling(member, held);
                    if !self.told[at].contains(&telling) {
                        self.told[at].push(telling);
                    }
                    first.get_or_insert(at);
                }
                Err(complaint) => complaints.push(complaint),
            }
        }
        let name = member.map_or("the shot's own", |member| member.key.as_str());
        self.counts.push((name, self.sent.len() - before));
        first.map(|at| after_a_name(self.style, &self.sent[at].marker))
    }

    fn add(
        &mut self,
        member: Option<&Member<'_>>,
        held: &Held<'_>,
        image: crate::expand::request::SentImage,
        digest: Sha256,
    ) -> usize {
        self.digests.push(digest);
        self.told.push(Vec::new());
        self.sent.push(SentReference {
            image,
            role: role(held.reference).map(str::to_owned),
            scope: scope(held).map(str::to_owned),
            entry: member.map(|member| member.key.clone()),
            marker: marker(self.style, self.sent.len() + 1),
        });
        self.sent.len() - 1
    }

    fn check_count(&self, shot: &Shot, model: &ModelProfile, complaints: &mut Vec<Diagnostic>) {
        let (found, most) = (self.sent.len(), model.references);
        if found <= most {
            return;
        }
        let counts = self.counts.iter().filter(|(_, count)| *count > 0);
        let from: Vec<String> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        complaints.push(
            Diagnostic::error(
                "too-many-references",
                format!("the shot has {found} references"),
            )
            .at(shot.place)
            .of_shot(&shot.id.value)
            .expected(format!("at most {most} ({}): {found}/{most}", model.name))
            .expected(format!("they come from: {}", from.join(", ")))
            .help(format!(
                "take {} out, or cast fewer characters",
                found - most
            )),
        );
    }

    /// Writes the first line.
    fn line(&self) -> String {
        let mut line = "References: ".to_owned();
        for (at, (sent, told)) in self.sent.iter().zip(&self.told).enumerate() {
            let sep = if at == 0 { "" } else { "; " };
            let _infallible = write!(line, "{sep}{} {}", sent.marker, told.join(" and "));
        }
        line.push('.');
        line
    }
}

fn scope<'h>(held: &'h Held<'_>) -> Option<&'h str> {
    let scope = held.reference.scope.as_ref()?;
    Some(scope.value.trim()).filter(|scope| !scope.is_empty())
}

/// Says what a reference shows, such as `face of Mira` or `layout (composition only)`.
fn telling(member: Option<&Member<'_>>, held: &Held<'_>) -> String {
    let mut told = match (role(held.reference), member) {
        (Some(role), Some(member)) => format!("{role} of {}", member.shown),
        (Some(role), None) => role.to_owned(),
        (None, Some(member)) => member.shown.to_owned(),
        (None, None) => "reference".to_owned(),
    };
    if let Some(scope) = scope(held) {
        let _infallible = write!(told, " ({scope})");
    }
    told
}

/// Spells a reference's marker as it stands after a name.
fn after_a_name(style: RefStyle, marker: &str) -> String {
    match style {
        RefStyle::Words => format!("({marker})"),
        RefStyle::Kling | RefStyle::At => marker.to_owned(),
    }
}

/// Spells the name a prompt gives a reference.
///
/// The first is from Kling's API page, the second from Kling's user guide; numbers begin at 1.
fn marker(style: RefStyle, number: usize) -> String {
    match style {
        RefStyle::Kling => format!("<<<image_{number}>>>"),
        RefStyle::Words => format!("Image {number}"),
        RefStyle::At => format!("@image_{number}"),
    }
}

/// Puts the first line, who is who, the body and the look together.
fn assemble(body: &Body, listed: &[Listed<'_, '_>], references: &References<'_>) -> String {
    let mut prompt = String::new();
    if !references.sent.is_empty() {
        prompt.push_str(&references.line());
        prompt.push('\n');
    }
    for member in listed.iter().map(|listed| listed.member) {
        let identity = member.identity();
        if member.kind != Kind::Look && !identity.is_empty() {
            let _infallible = writeln!(prompt, "{}: {identity}", member.shown);
        }
    }
    prompt.push_str(body.text.trim());
    let look = listed
        .iter()
        .map(|l| l.member)
        .find(|member| member.kind == Kind::Look);
    if let Some(look) = look.filter(|look| !body.look_told && !look.texts.is_empty()) {
        if !prompt.is_empty() && !prompt.ends_with('\n') {
            prompt.push_str(if prompt.ends_with(['.', '!', '?', ';']) {
                " "
            } else {
                ". "
            });
        }
        prompt.push_str(look.texts.join(" ").trim());
    }
    prompt.truncate(prompt.trim_end().len());
    prompt
}

/// A prompt under its last checks.
struct Checked<'c, 'a> {
    prompt: &'c str,
    body: &'c Body,
    template: Sourced<'a, String>,
    shot: &'c Shot,
}

impl Checked<'_, '_> {
    fn check(
        &self,
        references: &References<'_>,
        model: &ModelProfile,
        sources: &Sources,
    ) -> Result<(usize, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut complaints = Vec::new();
        let chars = self.prompt.chars().count();
        complaints.extend(self.length(chars, model));
        let count = references.sent.len();
        let typed = typed_markers(self.prompt, references.style);
        let place = |text: &str| narrow(self.template.place, text, sources);
        for marker in typed
            .iter()
            .filter(|marker| !(1..=count).contains(&marker.number))
        {
            let Marker { text, number, .. } = marker;
            let message =
                format!("`{text}` is typed in the prompt, but no reference has number {number}");
            complaints.push(
                Diagnostic::error("marker-without-reference", message)
                    .at(place(text))
                    .of_shot(&self.shot.id.value)
                    .expected(format!(
                        "{count}/{} references in this shot",
                        model.references
                    ))
                    .help("name a character or add a reference; markers are put in for you"),
            );
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let ours = if references.style == RefStyle::Words {
            0
        } else {
            self.body.markers + count
        };
        let warning = typed.last().filter(|_| typed.len() > ours).map(|marker| {
            Diagnostic::warning("typed-marker", "a marker is typed in the prompt")
                .at(place(marker.text))
                .of_shot(&self.shot.id.value)
                .expected("names in braces; numbers change when references are added")
                .help("name the entry, such as `{mira}`, and its marker is put in")
        });
        Ok((chars, warning.into_iter().collect()))
    }

    /// Gives the place to mend: the shot's own prompt, or the shot that puts itself into a shared one.
    fn place(&self) -> Place {
        match self.template.source {
            ValueSource::Shot | ValueSource::Variant => {
                self.template.place.unwrap_or(self.shot.place)
            }
            _ => self.shot.place,
        }
    }

    fn length(&self, chars: usize, model: &ModelProfile) -> Option<Diagnostic> {
        let (least, most) = model.prompt_chars;
        let help = if chars < least {
            "write what is to be seen, or set the shot's status to `omit`".to_owned()
        } else if chars > most {
            let own = self.body.text.trim().chars().count();
            format!(
                "shorten it by {}; {own} of its characters are the shot's own text, {} are references and the bible's",
                chars - most,
                chars.saturating_sub(own),
            )
        } else {
            return None;
        };
        let plural = if chars == 1 { "" } else { "s" };
        let message = format!("the prompt has {chars} character{plural} after expansion");
        Some(
            Diagnostic::error("prompt-length", message)
                .at(self.place())
                .of_shot(&self.shot.id.value)
                .expected(format!(
                    "{least} to {most} ({}): {chars}/{most}",
                    model.name
                ))
                .help(help),
        )
    }
}

/// A marker found in a prompt, whoever put it in.
struct Marker<'p> {
    number: usize,
    text: &'p str,
}

/// Finds markers that the model could take for one: Kling's own, and those of the style in use.
///
/// `Image 1` is left alone: people write that of a series too.
fn typed_markers(prompt: &str, style: RefStyle) -> Vec<Marker<'_>> {
    let mut found = spelled(prompt, "<<<image_", ">>>");
    if style == RefStyle::At {
        found.extend(spelled(prompt, "@image_", ""));
    }
    found
}

fn spelled<'p>(prompt: &'p str, start: &str, end: &str) -> Vec<Marker<'p>> {
    let marker = |at: usize| {
        let rest = &prompt[at + start.len()..];
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number = rest[..digits].parse().ok()?;
        rest[digits..].starts_with(end).then(|| Marker {
            number,
            text: &prompt[at..at + start.len() + digits + end.len()],
        })
    };
    prompt
        .match_indices(start)
        .filter_map(|(at, _)| marker(at))
        .collect()
}
