//! A compiled prompt: references numbered, told once in a first line, marked where they are named.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, Sources};
use crate::expand::bible::{Bible, Kind, Member};
use crate::expand::facts::ReferenceFacts;
use crate::expand::layers::{Settings, Sourced, Stack};
use crate::expand::lint::lint;
use crate::expand::numbered::References;
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
    shot: &'a Shot,
    stack: &Stack<'a>,
    settings: &Settings<'a>,
    material: Material<'_, 'm>,
) -> Result<Compiled<'a>, Vec<Diagnostic>> {
    let mut complaints = Vec::new();
    let members = listed(stack, material.bible, &mut complaints);
    let own: Vec<Held<'_>> = stack
        .references()
        .iter()
        .map(|reference| Held::new(reference, material.facts))
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
    };
    let (chars, mut warnings) = unchecked.check(&references, settings.model, material.sources)?;
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

/// Puts into a template what its names stand for, unless it is plain text.
fn expand<'a>(
    template: Sourced<'a, String>,
    stack: &Stack<'a>,
    settings: &Settings<'a>,
    listed: &[Listed<'_, '_>],
    material: Material<'_, '_>,
) -> Result<Body, Vec<Diagnostic>> {
    match *settings.prompt_syntax.value {
        PromptSyntax::Plain => Ok(Body {
            text: template.value.clone(),
            markers: 0,
            look_told: false,
        }),
        PromptSyntax::Template => Expander::new(stack, material.bible, listed, material.sources)
            .run(template.value, template.place),
    }
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
