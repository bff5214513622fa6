//! The keys of the bible: entries, wardrobe, references.

use crate::manifest::keys::{Form, Key, Named, Needs, Table, Unset};

/// The keys of an entry.
pub const ENTRY: &[Key] = &[
    Key {
        name: "name",
        form: Form::Line,
        unit: "",
        unset: Unset::Told("the entry's key"),
        about: "How prompts call it.",
        example: r#""Mira""#,
        becomes: "the words that stand for `{key}` in `positivePrompt`",
    },
    Key {
        name: "text",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "What identifies it; told once in each prompt that lists it.",
        example: r#""woman of 30, black bob with a straight fringe""#,
        becomes: "a line above the prompt in `positivePrompt`; of a look, the text itself",
    },
    Key {
        name: "keep",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "Features that must never change, told after `text`.",
        example: r#""brown eyes; silver hoop earrings""#,
        becomes: "`Keep …` on the same line of `positivePrompt`",
    },
    Key {
        name: "references",
        form: Form::Images,
        unit: "",
        unset: Unset::Told("none; a character that is cast needs one"),
        about: "Its pictures. Face, body and sheet go first, others as written; equal pictures are \
                sent once.",
        example: r#"[{ file = "mira/face.png", role = "face" }, "mira/back.png"]"#,
        becomes: "`inputs.referenceImages`, told in the first line of `positivePrompt`",
    },
    Key {
        name: "sheet",
        form: Form::Image,
        unit: "",
        unset: Unset::Nothing,
        about: "A picture of it from all sides: short for a reference with the role `sheet`. With \
                `ref_limit = \"compact\"` it can stand for face and body.",
        example: r#""mira/sheet.png""#,
        becomes: "an entry of `inputs.referenceImages`, after face and body",
    },
];

/// `wardrobe`, which characters have beside the keys of an entry.
pub const WARDROBE_KEY: &[Key] = &[Key {
    name: "wardrobe",
    form: Form::Table(&WARDROBE),
    unit: "",
    unset: Unset::Nothing,
    about: WARDROBE.about,
    example: r#"{ rain = { text = "yellow raincoat" } }"#,
    becomes: "",
}];

/// `[characters]`.
pub static CHARACTERS: Table = Table {
    id: "characters",
    header: "[characters.NAME]",
    about: "The cast. A shot lists who is in it under `characters`; its prompt names them in braces.",
    groups: &[],
    others: Some((Named::ForPrompts, Form::Table(&CHARACTER))),
    needs: Needs::Nothing,
};

/// `[characters.NAME]`.
pub static CHARACTER: Table = Table {
    id: "character",
    header: "[characters.NAME]",
    about: "A character with what identifies it in words and pictures.",
    groups: &[ENTRY, WARDROBE_KEY],
    others: None,
    needs: Needs::Nothing,
};

/// `[characters.NAME.wardrobe]`.
pub static WARDROBE: Table = Table {
    id: "wardrobe",
    header: "[characters.NAME.wardrobe.STATE]",
    about: "States of a character, which shots list as `name.state`: each adds its text, and its \
            pictures take the place of those of the same role.",
    groups: &[],
    others: Some((Named::ForPrompts, Form::Table(&ENTRY_TABLE))),
    needs: Needs::Nothing,
};

/// An entry that has no wardrobe.
pub static ENTRY_TABLE: Table = Table {
    id: "entry",
    header: "[locations.NAME]",
    about: "An entry of the bible with what identifies it in words and pictures.",
    groups: &[ENTRY],
    others: None,
    needs: Needs::Nothing,
};

const fn entries(id: &'static str, header: &'static str, about: &'static str) -> Table {
    Table {
        id,
        header,
        about,
        groups: &[],
        others: Some((Named::ForPrompts, Form::Table(&ENTRY_TABLE))),
        needs: Needs::Nothing,
    }
}

/// `[locations]`.
pub static LOCATIONS: Table = entries(
    "locations",
    "[locations.NAME]",
    "Places. A shot names the one it is set in under `location`.",
);

/// `[props]`.
pub static PROPS: Table = entries(
    "props",
    "[props.NAME]",
    "Things. A shot lists those in it under `props`.",
);

/// `[looks]`.
pub static LOOKS: Table = entries(
    "looks",
    "[looks.NAME]",
    "Light and mood. A shot names its own under `look`; the text ends its prompt, or stands where \
     the prompt says `{look}`.",
);

/// A reference written as a table.
pub static REFERENCE: Table = Table {
    id: "reference",
    header: "{ file = … }",
    about: "A reference picture with what it is for.",
    groups: &[REFERENCE_KEYS],
    others: None,
    needs: Needs::OneOf(&["file", "url", "uuid", "data"]),
};

/// The keys of a reference written as a table.
pub const REFERENCE_KEYS: &[Key] = &[
    Key {
        name: "file",
        form: Form::ImageFile,
        unit: "",
        unset: Unset::Told("one of `file`, `url`, `uuid` and `data` is needed"),
        about: "A JPEG, PNG or WebP below the show's folder. The path is relative to the file that \
                names it.",
        example: r#""mira/face.png""#,
        becomes: "an entry of `inputs.referenceImages`: the UUID of its upload, or its bytes",
    },
    Key {
        name: "url",
        form: Form::ImageUrl,
        unit: "",
        unset: Unset::Told("see `file`"),
        about: "The https address of a picture, without user name or password.",
        example: r#""https://example.com/plate.png""#,
        becomes: "an entry of `inputs.referenceImages`, as it is",
    },
    Key {
        name: "uuid",
        form: Form::ImageUuid,
        unit: "",
        unset: Unset::Told("see `file`"),
        about: "The UUID of an image the provider has.",
        example: r#""7f6c1c6e-0000-4000-8000-000000000000""#,
        becomes: "an entry of `inputs.referenceImages`, as it is",
    },
    Key {
        name: "data",
        form: Form::ImageData,
        unit: "",
        unset: Unset::Told("see `file`"),
        about: "A picture as a data URI in base64.",
        example: r#""data:image/png;base64,iVBORw0KGgo=""#,
        becomes: "an entry of `inputs.referenceImages`, as it is",
    },
    Key {
        name: "role",
        form: Form::Line,
        unit: "",
        unset: Unset::Nothing,
        about: "What the picture shows of its entry: `face`, `body`, `sheet`, `place`, `layout` or any \
                word of yours. Face, body and sheet are sent in this order; a wardrobe state replaces \
                by role.",
        example: r#""face""#,
        becomes: "a word of the first line of `positivePrompt`",
    },
    Key {
        name: "use",
        form: Form::Line,
        unit: "",
        unset: Unset::Nothing,
        about: "What of the picture is to be used.",
        example: r#""composition only""#,
        becomes: "words in brackets on the first line of `positivePrompt`",
    },
];
