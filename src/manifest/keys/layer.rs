//! The keys of `[defaults]`, sequences and shots.

use crate::manifest::keys::technical::TECHNICAL;
use crate::manifest::keys::{Form, Key, Named, Needs, Table, Unset};
use crate::manifest::settings::PromptSyntax;

/// The keys of a layer that hold one value and are no preset's business.
pub const CREATIVE: &[Key] = &[
    Key {
        name: "preset",
        form: Form::Line,
        unit: "",
        unset: Unset::OfLayer(|layer| Some(format!("\"{}\"", layer.preset.as_ref()?.value))),
        about: "The preset whose technical settings lie below all layers.",
        example: r#""board""#,
        becomes: "",
    },
    Key {
        name: "prompt",
        form: Form::Text,
        unit: "",
        unset: Unset::Told("every shot needs one, from whichever layer"),
        about: "What the picture shows, with `{name}` for entries of the bible and vars.",
        example: r#""{shot_size}, {angle}. {action} {look}""#,
        becomes: "`positivePrompt`",
    },
    Key {
        name: "prompt_syntax",
        form: Form::Words(PromptSyntax::WORDS),
        unit: "",
        unset: Unset::OfLayer(|layer| {
            let syntax = layer.prompt_syntax.as_ref()?.value;
            Some(format!("\"{}\"", syntax.word()))
        }),
        about: "Whether braces in prompts are names; with \"plain\" every character stands for itself.",
        example: r#""plain""#,
        becomes: "",
    },
    Key {
        name: "location",
        form: Form::NameOrNone,
        unit: "",
        unset: Unset::Nothing,
        about: "The place, an entry of `[locations]`; \"-\" or \"\" is explicitly none.",
        example: r#""pier""#,
        becomes: "its text in `positivePrompt`, its pictures in `inputs.referenceImages`",
    },
    Key {
        name: "look",
        form: Form::NameOrNone,
        unit: "",
        unset: Unset::Nothing,
        about: "The light and mood, an entry of `[looks]`; \"-\" or \"\" is explicitly none.",
        example: r#""dusk""#,
        becomes: "its text in `positivePrompt`, its pictures in `inputs.referenceImages`",
    },
];

/// The other keys of a layer.
pub const CONTENT: &[Key] = &[
    Key {
        name: "vars",
        form: Form::Table(&VARS),
        unit: "",
        unset: Unset::Nothing,
        about: VARS.about,
        example: r#"{ shot_size = "medium shot", lens = 35 }"#,
        becomes: "the text that stands for `{name}` in `positivePrompt`",
    },
    Key {
        name: "characters",
        form: Form::Lines,
        unit: "",
        unset: Unset::Nothing,
        about: "Who is in the picture, in the order their pictures are numbered: entries of \
                `[characters]`, `name.state` for a wardrobe state. `[]` is explicitly nobody.",
        example: r#"["mira.rain", "otto"]"#,
        becomes: "their texts in `positivePrompt`, their pictures in `inputs.referenceImages`",
    },
    Key {
        name: "props",
        form: Form::Lines,
        unit: "",
        unset: Unset::Nothing,
        about: "The things in the picture, entries of `[props]`. `[]` is explicitly none.",
        example: r#"["lantern"]"#,
        becomes: "their texts in `positivePrompt`, their pictures in `inputs.referenceImages`",
    },
    Key {
        name: "set",
        form: Form::Table(&SET),
        unit: "",
        unset: Unset::Nothing,
        about: SET.about,
        example: r#"{ preset = "final", aspect_ratio = "21:9" }"#,
        becomes: "",
    },
    Key {
        name: "action",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "What happens in the picture: the var `action`, which prompts name as `{action}`.",
        example: r#""{mira.rain} waves; {otto} turns away.""#,
        becomes: "the text that stands for `{action}` in `positivePrompt`",
    },
    Key {
        name: "description",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "Another word for `action`.",
        example: r#""A ferry leaves.""#,
        becomes: "the text that stands for `{action}` in `positivePrompt`",
    },
    Key {
        name: "references",
        form: Form::Images,
        unit: "",
        unset: Unset::Nothing,
        about: "Pictures of the shot's own, such as a layout: a path, an https address, the UUID of an \
                image or a table. They follow those of the bible. `[]` is explicitly none.",
        example: r#"[{ file = "boards/0090.png", role = "layout", use = "composition only" }]"#,
        becomes: "`inputs.referenceImages`, told in the first line of `positivePrompt`",
    },
];

/// `vars`.
pub static VARS: Table = Table {
    id: "vars",
    header: "vars",
    about: "Words of your own for prompts: `{name}` there is the value here. Vars of several layers \
            are merged, each name for itself.",
    groups: &[],
    others: Some((Named::ForPrompts, Form::Scalar)),
    needs: Needs::Nothing,
};

/// `preset` alone, for tables that take it beside technical settings.
const PRESET_OF_SET: &[Key] = {
    let (preset, _) = CREATIVE.split_at(1);
    preset
};

/// `set = { … }`.
pub static SET: Table = Table {
    id: "set",
    header: "set",
    about: "A preset and technical settings, as one value. The same as writing them beside it, except \
            for `references`, which in here says how reference files are sent.",
    groups: &[PRESET_OF_SET, TECHNICAL],
    others: None,
    needs: Needs::Nothing,
};

/// `[defaults]`.
pub static DEFAULTS: Table = Table {
    id: "defaults",
    header: "[defaults]",
    about: "What holds for every shot that says nothing else.",
    groups: LAYER,
    others: None,
    needs: Needs::Nothing,
};

/// The groups of keys that every layer has.
pub const LAYER: &[&[Key]] = &[CREATIVE, CONTENT, TECHNICAL];

/// `[sequences]`.
pub static SEQUENCES: Table = Table {
    id: "sequences",
    header: "[sequences.\"EP/SEQ\"]",
    about: "What holds for the shots of one sequence, which is named as `EPISODE/SEQUENCE`, or as \
            `SEQUENCE` without episodes.",
    groups: &[],
    others: Some((Named::Freely, Form::Table(&SEQUENCE))),
    needs: Needs::Nothing,
};

/// `[sequences."EP/SEQ"]`.
pub static SEQUENCE: Table = Table {
    id: "sequence",
    header: "[sequences.\"EP/SEQ\"]",
    about: "What holds for the shots of this sequence.",
    groups: LAYER,
    others: None,
    needs: Needs::Nothing,
};
