//! A compiled prompt: references numbered, told once in a first line, marked where they are named.

use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, Sources};
use crate::expand::bible::{Bible, Kind, Member};
use crate::expand::compact::{Compacted, Fitting};
use crate::expand::facts::ReferenceFacts;
use crate::expand::layers::{Settings, Sourced, Stack};
use crate::expand::lint::Page;
use crate::expand::numbered::{Given, References};
use crate::expand::origin::{From, Origin, Segment, Written};
use crate::expand::prompt::{Body, Expander, Listed};
use crate::expand::reference::Held;
use crate::expand::request::SentReference;
use crate::expand::unchecked::Unchecked;
use crate::manifest::model::Shot;
use crate::manifest::settings::PromptSyntax;

/// A prompt ready to be sent, with its references.
#[derive(Clone, Debug)]
pub struct Compiled<'a> {
    /// The template it was made from.
    pub template: Sourced<'a, String>,
    /// The text.
    pub prompt: Arc<str>,
    /// The pieces of the text, in order; together they are all of it.
    pub segments: Vec<Segment<'a>>,
    /// Its length in Unicode characters, which is what the model's limit counts.
    pub chars: usize,
    /// The references in the order of their numbers.
    pub references: Vec<SentReference>,
    /// For each of them, who brought it along; several where their contents are equal.
    pub given: Vec<Vec<Given<'a>>>,
    /// What was left out so that the model takes the rest.
    pub compacted: Option<Compacted<'a>>,
    /// What the shot lists, each with how often the prompt names it.
    pub listed: Vec<(&'a Member<'a>, usize)>,
    /// What deserves a look but stops nothing.
    pub warnings: Vec<Diagnostic>,
}

impl Compiled<'_> {
    /// Gives the characters as listed.
    #[must_use]
    pub fn characters(&self) -> Vec<String> {
        let members = self.listed.iter().map(|(member, _)| member);
        members
            .filter(|member| member.kind == Kind::Character)
            .map(|member| member.key.clone())
            .collect()
    }
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
pub(crate) fn compile<'a>(
    shot: &'a Shot,
    stack: &Stack<'a>,
    settings: &Settings<'a>,
    material: Material<'a, 'a>,
) -> Result<Compiled<'a>, Vec<Diagnostic>> {
    let mut complaints = Vec::new();
    let members = listed(stack, material.bible, &mut complaints);
    let own: Vec<Held<'a>> = stack
        .references()
        .iter()
        .map(|reference| Held::new(reference, material.facts))
        .collect();
    let fitting = Fitting::new(&members, &own, settings.model.references);
    let limit = *settings.ref_limit.value;
    let compacted = fitting.compacted(limit);
    let (marked, references) = number(
        &members,
        &own,
        &fitting,
        compacted.is_some(),
        settings,
        &mut complaints,
    );
    let told = fitting.complaint(limit, shot, settings);
    let (more, notes): (Vec<_>, Vec<_>) = told.into_iter().partition(Diagnostic::is_error);
    complaints.extend(more);
    let Some(template) = stack.pick(|layer| layer.prompt.as_ref()) else {
        complaints.push(no_prompt(shot, material.unprompted));
        return Err(complaints);
    };
    let body = match expand(template, stack, settings, &marked, material) {
        Ok(body) if complaints.is_empty() => body,
        Ok(_) => return Err(complaints),
        Err(more) => {
            complaints.extend(more);
            return Err(complaints);
        }
    };
    let prompt = assemble(&body, &marked, &references);
    let unchecked = Unchecked {
        prompt: &prompt,
        body: &body,
        template,
        shot,
        syntax: *settings.prompt_syntax.value,
    };
    let (chars, mut warnings) = unchecked.check(&references, settings.model, material.sources)?;
    let page = Page {
        prompt: &prompt,
        listed: &marked,
        mentions: &body.mentions,
        bible: material.bible,
        settings,
        sources: material.sources,
    };
    warnings.extend(page.lint());
    warnings.extend(notes);
    let listed = members.into_iter().zip(body.mentions);
    Ok(Compiled {
        template,
        prompt: prompt.text.into(),
        segments: prompt.segments,
        chars,
        references: references.sent,
        given: references.given,
        compacted,
        listed: listed.collect(),
        warnings,
    })
}

/// Numbers the references: those of what the shot lists, then the shot's own.
fn number<'a>(
    members: &[&'a Member<'a>],
    own: &[Held<'a>],
    fitting: &Fitting<'_, 'a>,
    compact: bool,
    settings: &Settings<'a>,
    complaints: &mut Vec<Diagnostic>,
) -> (Vec<Listed<'a, 'a>>, References<'a>) {
    let model = settings.model;
    let mut references = References::new(*settings.ref_style.value);
    let mut marked = Vec::with_capacity(members.len());
    for (at, &member) in members.iter().enumerate() {
        let held = fitting.kept(at, compact);
        let marker = references.take(Some(member), held, model, complaints);
        marked.push(Listed { member, marker });
    }
    references.take(None, own.iter(), model, complaints);
    (marked, references)
}

/// Puts into a template what its names stand for, unless it is plain text.
fn expand<'a>(
    template: Sourced<'a, String>,
    stack: &Stack<'a>,
    settings: &Settings<'a>,
    listed: &[Listed<'a, 'a>],
    material: Material<'a, 'a>,
) -> Result<Body<'a>, Vec<Diagnostic>> {
    match *settings.prompt_syntax.value {
        PromptSyntax::Plain => {
            let mut written = Written::default();
            let origin = Origin::Template(template.source);
            written.push(template.value, From::start(origin, template.place));
            Ok(Body {
                written,
                look_told: false,
                mentions: vec![0; listed.len()],
            })
        }
        PromptSyntax::Template => {
            Expander::new(stack, material.bible, listed, material.sources).run(template)
        }
    }
}

/// Looks up what the shot lists, in the order its references are sent, each entry once.
fn listed<'a>(
    stack: &Stack<'_>,
    bible: &'a Bible<'a>,
    complaints: &mut Vec<Diagnostic>,
) -> Vec<&'a Member<'a>> {
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
    let mut members: Vec<&'a Member<'a>> = Vec::new();
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
        "add a picture under `[characters.{base}]`: `references = [\"{base}/face.png\"]`",
        base = member.base()
    ))
}

/// Complains of a shot without a prompt, at `unprompted` if it is told once for all shots.
fn no_prompt(shot: &Shot, unprompted: Option<Place>) -> Diagnostic {
    Diagnostic::error("no-prompt", "the shot has no prompt")
        .at(unprompted.unwrap_or(shot.place))
        .of_shot(&shot.id.value)
        .expected("`prompt` in the shot, its sequence or `[defaults]`")
        .help("write a prompt, or set the shot's status to `omit`")
}

/// Puts the first line, who is who, the body and the look together.
fn assemble<'a>(
    body: &Body<'a>,
    listed: &[Listed<'a, 'a>],
    references: &References<'a>,
) -> Written<'a> {
    let mut prompt = Written::roomy();
    if !references.sent.is_empty() {
        references.write_line(&mut prompt);
        prompt.own("\n");
    }
    for member in listed.iter().map(|listed| listed.member) {
        if member.kind != Kind::Look && member.has_identity() {
            prompt.push(member.shown, member.name());
            prompt.own(": ");
            member.write_identity(&mut prompt);
            prompt.own("\n");
        }
    }
    prompt.append_trimmed(&body.written);
    let look = listed
        .iter()
        .map(|l| l.member)
        .find(|member| member.kind == Kind::Look);
    if let Some(look) = look.filter(|look| !body.look_told && !look.texts.is_empty()) {
        let before = &prompt.text;
        if !before.is_empty() && !before.ends_with('\n') {
            let ended = before.ends_with(['.', '!', '?', ';']);
            prompt.own(if ended { " " } else { ". " });
        }
        prompt.append_trimmed(&look.words());
    }
    prompt.trim_end();
    prompt
}
