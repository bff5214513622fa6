//! Every key of a manifest, told once: its form, its default, what it is for and what it becomes.
//!
//! The reader takes no key that is not here, the JSON Schema for editors and the tables of
//! `docs/manifest.md` are made of it, and tests read every example. Ranges, words and defaults
//! come from the types that hold the values.

pub mod bible;
pub mod layer;
pub mod shots;
pub mod show;
pub mod technical;

use crate::manifest::model::RunSettings;
use crate::manifest::settings::Layer;

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// How it is written.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// What its value counts, such as `seconds`; empty where it counts nothing.
    pub unit: &'static str,
    /// What holds while nobody writes it.
    pub unset: Unset,
    /// What it is for, in one or two sentences.
    pub about: &'static str,
    /// A value as TOML spells it.
    pub example: &'static str,
    /// What of the request is made of it, in Markdown; empty where nothing is.
    pub becomes: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The version of the grammar, a number.
    Version,
    /// Any text.
    Text,
    /// Text that is not empty.
    Line,
    /// A line of at most so many bytes.
    Short(usize),
    /// A name; empty text and `-` are explicitly none.
    NameOrNone,
    /// A folder below that of the manifest.
    Folder,
    /// One of several words.
    Words(&'static [&'static str]),
    /// One of several words, or empty text for the first of them.
    WordsOrEmpty(&'static [&'static str]),
    /// A model that is known.
    Model,
    /// Width and height that are a row of the model's table.
    Size,
    /// A whole number within bounds, both allowed; `u32::MAX` is no bound.
    Whole(u32, u32),
    /// US dollars as decimal text.
    Money,
    /// An https address that is kept secret.
    Secret,
    /// Text, a number, or true or false, taken as text.
    Scalar,
    /// A list of such values, at least one, none of them twice.
    Axis,
    /// A list of texts.
    Lines,
    /// A text, or a list of them.
    LineOrLines,
    /// A list of images, each a text or a table; or a text alone.
    Images,
    /// One image, a text or a table.
    Image,
    /// The path of an image, relative to the file that names it.
    ImageFile,
    /// The address of an image.
    ImageUrl,
    /// The UUID of an image.
    ImageUuid,
    /// An image as a data URI.
    ImageData,
    /// A table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
}

/// What holds while nobody writes a key.
#[derive(Clone, Copy, Debug)]
pub enum Unset {
    /// Nothing.
    Nothing,
    /// A value as TOML spells it.
    Value(&'static str),
    /// This text.
    Text(&'static str),
    /// Something that words tell better.
    Told(&'static str),
    /// What the built-in layer sets, as TOML spells it.
    OfLayer(fn(&Layer) -> Option<String>),
    /// What `[run]` sets when it is left out.
    OfRun(fn(&RunSettings) -> u32),
}

/// A table of a manifest.
#[derive(Debug)]
pub struct Table {
    /// A name by which it is told from every other table.
    pub id: &'static str,
    /// How it is headed, such as `[presets.NAME]`.
    pub header: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The keys it knows, in the order documented; where two groups know one, the first has it.
    pub groups: &'static [&'static [Key]],
    /// What it takes under keys that people make up.
    pub others: Option<(Named, Form)>,
    /// What it cannot do without.
    pub needs: Needs,
}

/// What a table cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It may be empty.
    Nothing,
    /// One key or more.
    Something,
    /// Exactly one of these keys.
    OneOf(&'static [&'static str]),
}

/// How people may call what they make up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By any text.
    Freely,
    /// By letters, digits, `_` and `-`, so that prompts can name it.
    ForPrompts,
    /// By these and `.`, so that cells and file names can hold it.
    ForFiles,
}

impl Table {
    /// Gives every key it knows.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        let groups = self.groups;
        let all = || groups.iter().copied().flatten();
        all()
            .enumerate()
            .filter(move |(at, key)| !all().take(*at).any(|former| former.name == key.name))
            .map(|(_, key)| key)
    }

    /// Gives the names of its keys.
    pub(in crate::manifest) fn names(&self) -> Vec<&'static str> {
        self.keys().map(|key| key.name).collect()
    }

    /// Tells whether it knows a key.
    pub(in crate::manifest) fn has(&self, name: &str) -> bool {
        self.groups.iter().any(|group| has(group, name))
    }
}

/// Tells whether a group of keys has one of this name.
pub(in crate::manifest) fn has(group: &[Key], name: &str) -> bool {
    group.iter().any(|key| key.name == name)
}

/// Gives the names of a group of keys.
pub(in crate::manifest) fn names(group: &[Key]) -> Vec<&'static str> {
    group.iter().map(|key| key.name).collect()
}

/// Gives the bounds of a key that takes a whole number; none if it takes something else.
pub(in crate::manifest) fn bounds(group: &[Key], name: &str) -> Option<(u32, u32)> {
    let key = group.iter().find(|key| key.name == name)?;
    match key.form {
        Form::Whole(least, most) => Some((least, most)),
        _ => None,
    }
}

/// The manifest itself.
pub static ROOT: Table = Table {
    id: "manifest",
    header: "the top of the file",
    about: "A show: what is wanted, of whom, made how, and for how much at the most.",
    groups: &[ROOT_KEYS],
    others: None,
    needs: Needs::Nothing,
};

const fn table(name: &'static str, table: &'static Table, example: &'static str) -> Key {
    Key {
        name,
        form: Form::Table(table),
        unit: "",
        unset: Unset::Nothing,
        about: table.about,
        example,
        becomes: "",
    }
}

const ROOT_KEYS: &[Key] = &[
    Key {
        name: "manifest",
        form: Form::Version,
        unit: "",
        unset: Unset::Value("1"),
        about: "The version of the manifest's grammar. A newer one than this program knows is refused.",
        example: "1",
        becomes: "",
    },
    Key {
        name: "include",
        form: Form::Lines,
        unit: "",
        unset: Unset::Nothing,
        about: "More TOML files of the same grammar, such as the bible; their tables are merged by \
                name, and a name that is defined twice is an error. Paths are relative to this file.",
        example: r#"["bible/cast.toml"]"#,
        becomes: "",
    },
    table("show", &show::SHOW, r#"{ code = "AGM" }"#),
    table("budget", &show::BUDGET, r#"{ run = "25.00" }"#),
    table("run", &show::RUN, "{ jobs = 4 }"),
    table("defaults", &layer::DEFAULTS, r#"{ preset = "board" }"#),
    table(
        "presets",
        &technical::PRESETS,
        r#"{ board = { resolution = "1k" } }"#,
    ),
    table(
        "sequences",
        &layer::SEQUENCES,
        r#"{ "104/TCC" = { look = "dusk" } }"#,
    ),
    table(
        "characters",
        &bible::CHARACTERS,
        r#"{ mira = { references = ["mira/face.png"] } }"#,
    ),
    table(
        "locations",
        &bible::LOCATIONS,
        r#"{ pier = { text = "wooden fishing pier" } }"#,
    ),
    table(
        "props",
        &bible::PROPS,
        r#"{ lantern = { text = "green storm lantern" } }"#,
    ),
    table(
        "looks",
        &bible::LOOKS,
        r#"{ dusk = { text = "Blue hour, long shadows." } }"#,
    ),
    table("columns", &shots::COLUMNS, r#"{ "Framing" = "shot_size" }"#),
    table(
        "statuses",
        &shots::STATUSES,
        r#"{ wtg = "todo", ip = "hold" }"#,
    ),
    Key {
        name: "shots",
        form: Form::Tables(&shots::SHOT),
        unit: "",
        unset: Unset::Nothing,
        about: "Shots written in the manifest itself, before those of the lists in `[show]`.",
        example: r#"[{ id = "104/TCC/0010", prompt = "A red lighthouse in rain" }]"#,
        becomes: "",
    },
];
