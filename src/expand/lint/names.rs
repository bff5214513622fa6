//! Names that are typed as plain text, spelled otherwise, or of somebody who is not cast.

use std::ops::Range;

use crate::domain::diagnostic::Diagnostic;
use crate::expand::bible::{Kind, Member};
use crate::expand::lint::Page;
use crate::manifest::settings::PromptSyntax;
use crate::manifest::shown::shown;

/// The shortest name that is looked for, in characters.
const SHORTEST: usize = 3;

/// The shortest name of which misspellings are looked for, in characters.
const SHORTEST_MISSPELT: usize = 4;

/// Ordinary words, which with a capital at the start of a sentence are no names.
const ORDINARY: &[&str] = &[
    "all", "and", "any", "are", "art", "back", "been", "both", "but", "can", "close", "cold",
    "come", "dark", "dawn", "dear", "down", "each", "even", "ever", "every", "far", "few", "for",
    "four", "from", "full", "give", "going", "gone", "good", "grey", "half", "hard", "have",
    "hear", "her", "here", "high", "his", "hold", "home", "hope", "how", "its", "just", "keep",
    "last", "late", "left", "less", "like", "line", "long", "look", "low", "make", "mark", "many",
    "may", "mid", "mist", "more", "most", "much", "near", "nine", "none", "not", "now", "off",
    "old", "once", "one", "only", "open", "our", "out", "over", "own", "past", "rain", "rest",
    "rise", "rose", "same", "see", "she", "show", "side", "some", "soon", "stay", "still", "sun",
    "ten", "than", "that", "the", "their", "them", "then", "there", "these", "they", "thin",
    "this", "those", "three", "time", "two", "under", "until", "very", "wait", "walk", "wall",
    "warm", "was", "well", "were", "what", "when", "where", "which", "while", "who", "whom",
    "whose", "why", "wide", "will", "wind", "with", "word", "yet", "you", "your",
];

/// A word that stands in a prompt or var as it was typed.
#[derive(Clone, Debug)]
struct Word<'t> {
    range: Range<usize>,
    text: &'t str,
    /// All before it.
    before: &'t str,
}

impl Word<'_> {
    fn has_capital(&self) -> bool {
        self.text.starts_with(char::is_uppercase)
    }

    /// Tells whether it may be an ordinary word, of which a capital says nothing here.
    fn is_ordinary(&self) -> bool {
        ORDINARY.contains(&self.text.to_lowercase().as_str()) && starts_sentence(self.before)
    }
}

impl Page<'_, '_> {
    /// Warns of names that were typed where a name in braces was meant.
    pub(super) fn names(&self, warnings: &mut Vec<Diagnostic>) {
        let words = self.words();
        let has_braces = *self.settings.prompt_syntax.value == PromptSyntax::Template;
        for (listed, mentions) in self.listed.iter().zip(self.mentions) {
            let member = listed.member;
            if member.kind == Kind::Look {
                continue;
            }
            if *mentions == 0 {
                if listed.marker.is_some() && has_braces {
                    warnings.extend(self.typed_plainly(member, &words));
                }
            } else if member.kind == Kind::Character {
                let otherwise = |word: &Word<'_>| differs_in_case(word.text, member.shown);
                let found = words.iter().find(|word| otherwise(word));
                warnings.extend(found.map(|word| self.spelled_otherwise(member, word)));
            }
            if member.kind == Kind::Character {
                let found = words.iter().find(|word| self.is_misspelt(member, word));
                warnings.extend(found.map(|word| self.spelled_otherwise(member, word)));
            }
        }
        self.strangers(&words, warnings);
    }

    /// Gives the words that people typed into the prompt and its vars and that may be names: those
    /// with a capital, and keys of listed characters.
    fn words(&self) -> Vec<Word<'_>> {
        let text = &self.prompt.text;
        let keys = self.listed.iter().map(|listed| listed.member);
        let keys = keys.filter(|member| member.kind == Kind::Character);
        let keys: Vec<&str> = keys.map(Member::base).collect();
        let mut words = Vec::new();
        let mut begins = 0;
        for segment in &self.prompt.segments {
            if segment.from.origin.is_body() {
                collect(text, begins..segment.end, &keys, &mut words);
            }
            begins = segment.end;
        }
        words
    }

    /// Finds where a person typed exactly this, as whole words.
    fn typed(&self, name: &str) -> Option<Range<usize>> {
        let text = &self.prompt.text;
        let mut found = text.match_indices(name).map(|(at, _)| at..at + name.len());
        found.find(|range| {
            let before = text[..range.start].chars().next_back();
            let after = text[range.end..].chars().next();
            let goes_on = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let segment = self.prompt.segment(range.start);
            let is_body = segment.is_some_and(|(_, segment)| segment.from.origin.is_body());
            is_body && !goes_on(before) && !goes_on(after)
        })
    }

    fn typed_plainly(&self, member: &Member<'_>, words: &[Word<'_>]) -> Option<Diagnostic> {
        if member.shown.chars().count() < SHORTEST {
            return None;
        }
        let is_proper = member.shown.chars().any(char::is_uppercase);
        let exact = || self.typed(member.shown);
        let range = if member.kind == Kind::Character {
            let same = |word: &&Word<'_>| {
                let is_name = word.has_capital() && differs_in_case(word.text, member.shown);
                (is_name || word.text == member.base()) && !word.is_ordinary()
            };
            exact().or_else(|| words.iter().find(same).map(|word| word.range.clone()))?
        } else {
            exact().filter(|_| is_proper)?
        };
        let typed = &self.prompt.text[range.clone()];
        let key = &member.key;
        Some(
            Diagnostic::warning(
                "plain-name",
                format!(
                    "{} is typed as plain text, so no marker stands after it",
                    shown(typed)
                ),
            )
            .at(self.place(&range))
            .expected(format!(
                "`{{{key}}}`, which puts the name and the marker of its picture"
            ))
            .help(format!("write `{{{key}}}`")),
        )
    }

    fn spelled_otherwise(&self, member: &Member<'_>, word: &Word<'_>) -> Diagnostic {
        let (name, key) = (member.shown, &member.key);
        Diagnostic::warning(
            "name-spelled-otherwise",
            format!(
                "{} is typed, but `{key}` is called `{name}`",
                shown(word.text)
            ),
        )
        .at(self.place(&word.range))
        .expected("one spelling of a name; of two a model makes two people")
        .help(match *self.settings.prompt_syntax.value {
            PromptSyntax::Template => format!("write `{{{key}}}`, or `{name}`"),
            PromptSyntax::Plain => format!("write `{name}`"),
        })
    }

    /// Tells whether a word is a name but for one letter, and no other name.
    fn is_misspelt(&self, member: &Member<'_>, word: &Word<'_>) -> bool {
        let name = member.shown;
        let first = |text: &str| text.chars().next().map(|c| c.to_lowercase().to_string());
        word.has_capital()
            && name.starts_with(char::is_uppercase)
            && word.text.len().abs_diff(name.len()) <= 2
            && first(word.text) == first(name)
            && name.chars().count() >= SHORTEST_MISSPELT
            && word.text.strip_suffix('s') != Some(name)
            && !word.text.eq_ignore_ascii_case(name)
            && !word.is_ordinary()
            && strsim::osa_distance(&word.text.to_lowercase(), &name.to_lowercase()) == 1
            && !self.bible.iter().any(|other| {
                let mut parts = other.shown.split(' ');
                parts.any(|part| part.eq_ignore_ascii_case(word.text))
            })
    }

    /// Warns of characters that are named and not cast.
    fn strangers(&self, words: &[Word<'_>], warnings: &mut Vec<Diagnostic>) {
        let mut words = words.iter().filter(|word| word.has_capital()).peekable();
        if words.peek().is_none() {
            return;
        }
        let mut named: Vec<&str> = Vec::new();
        for member in self.bible.iter() {
            let name = member.shown;
            let is_name = member.kind == Kind::Character && name.starts_with(char::is_uppercase);
            if !is_name || name.chars().count() < SHORTEST || named.contains(&name) {
                continue;
            }
            let first = name.split(|c: char| !c.is_alphanumeric()).next();
            let is_there = |word: &Word<'_>| Some(word.text) == first && !word.is_ordinary();
            if !words.clone().any(is_there) || self.is_listed(member) {
                continue;
            }
            named.push(name);
            if let Some(range) = self.typed(name) {
                let syntax = *self.settings.prompt_syntax.value;
                warnings.push(not_cast(member, syntax).at(self.place(&range)));
            }
        }
    }

    /// Tells whether the shot lists a character, in whichever dress, or something called after it.
    fn is_listed(&self, stranger: &Member<'_>) -> bool {
        self.listed.iter().any(|listed| {
            let member = listed.member;
            let same = member.kind == stranger.kind && member.base() == stranger.base();
            same || member.shown.contains(stranger.shown)
        })
    }

    /// Warns of two that the shot lists and that its prompt calls alike.
    pub(super) fn namesakes(&self, warnings: &mut Vec<Diagnostic>) {
        for (at, second) in self.listed.iter().enumerate() {
            let second = second.member;
            let mut before = self.listed[..at].iter().map(|listed| listed.member);
            let Some(first) = before.find(|first| first.shown == second.shown) else {
                continue;
            };
            if second.kind == Kind::Look || first.kind == Kind::Look {
                continue;
            }
            let message = format!(
                "`{}` and `{}` are both called {} in the prompt",
                first.key,
                second.key,
                shown(second.shown)
            );
            warnings.push(
                Diagnostic::warning("same-name", message)
                    .at(second.place)
                    .expected("names that tell them apart, when both are in one picture")
                    .help(format!("give `{}` a `name` of its own", second.key))
                    .related(Some(first.place), format!("`{}` is here", first.key)),
            );
        }
    }
}

fn not_cast(member: &Member<'_>, syntax: PromptSyntax) -> Diagnostic {
    let (name, key) = (shown(member.shown), member.base());
    Diagnostic::warning(
        "named-not-cast",
        format!("{name} is typed, but `{key}` is not cast in this shot"),
    )
    .expected("whoever is seen among the shot's characters, so that its picture goes along")
    .help(match syntax {
        PromptSyntax::Template => {
            format!("add `{key}` to the shot's characters and write `{{{key}}}`")
        }
        PromptSyntax::Plain => format!("add `{key}` to the shot's characters"),
    })
    .related(Some(member.place), format!("`{}` is here", member.key))
}

fn differs_in_case(word: &str, name: &str) -> bool {
    word != name && word.eq_ignore_ascii_case(name) && word.starts_with(char::is_uppercase)
}

/// Collects the words that may be names.
fn collect<'t>(text: &'t str, range: Range<usize>, keys: &[&str], words: &mut Vec<Word<'t>>) {
    let mut at = range.start;
    for part in text[range].split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        if word.starts_with(char::is_uppercase) || keys.contains(&word) {
            words.push(Word {
                range: at..at + word.len(),
                text: word,
                before: &text[..at],
            });
        }
        at += part.len();
    }
}

fn starts_sentence(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '"', '\'', '“', '‘', '(', '«']);
    before.is_empty() || before.ends_with(['.', '!', '?', ':', ';', '…', '—', '–', '\n', '\r'])
}
