//! The technical settings, and presets, which are made of them.

use crate::manifest::keys::{Form, Key, Named, Needs, Table, Unset};
use crate::manifest::setting::{LEAST_TTL, MOST_RESULTS, MOST_TAKES, QUALITY};
use crate::manifest::settings::{
    AspectRatio, Delivery, Format, Output, RefLimit, RefStyle, ReferenceTransfer, Resolution,
    Safety,
};

/// The default that the built-in layer has for a technical setting.
macro_rules! built_in {
    ($field:ident, $spell:expr) => {
        Unset::OfLayer(|layer| {
            let placed = layer.technical.$field.as_ref()?;
            Some($spell(&placed.value))
        })
    };
}

/// The same for one that is a word.
macro_rules! word {
    ($field:ident, $of:ty) => {
        built_in!($field, |value: &$of| format!("\"{}\"", value.word()))
    };
}

/// The keys of technical settings, as a preset spells them.
pub const TECHNICAL: &[Key] = &[
    Key {
        name: "model",
        form: Form::Model,
        unit: "",
        unset: built_in!(model, |model: &String| format!("\"{model}\"")),
        about: "The model that makes the picture. Its sizes, limits and price come with it.",
        example: r#""klingai:kling-image@o1""#,
        becomes: "`model`",
    },
    Key {
        name: "resolution",
        form: Form::Words(Resolution::WORDS),
        unit: "",
        unset: word!(resolution, Resolution),
        about: "The tier of picture sizes: 1k is about one megapixel, 2k about four.",
        example: r#""2k""#,
        becomes: "`width` and `height` with the ratio's row; `resolution` alone with \
                  `aspect_ratio = \"reference\"`",
    },
    Key {
        name: "aspect_ratio",
        form: Form::Words(AspectRatio::WORDS),
        unit: "",
        unset: word!(aspect_ratio, AspectRatio),
        about: "A row of the model's table of sizes, or \"reference\" for the ratio of the first \
                reference.",
        example: r#""16:9""#,
        becomes: "`width` and `height`; with \"reference\" neither is sent",
    },
    Key {
        name: "size",
        form: Form::Size,
        unit: "pixels",
        unset: Unset::Nothing,
        about: "Width x height instead of the two above, a row of the model's table. The later layer \
                wins; in the same layer `size` does.",
        example: r#""1360x768""#,
        becomes: "`width` and `height`",
    },
    Key {
        name: "format",
        form: Form::Words(Format::WORDS),
        unit: "",
        unset: word!(format, Format),
        about: "The format of the file: jpg is small, png lossless, webp between. It is never \
                converted after delivery.",
        example: r#""png""#,
        becomes: "`outputFormat`: `JPG`, `PNG` or `WEBP`",
    },
    Key {
        name: "quality",
        form: Form::Whole(QUALITY.0, QUALITY.1),
        unit: "",
        unset: built_in!(quality, u32::to_string),
        about: "The quality of compression; higher is a bigger file. Of no effect for png.",
        example: "85",
        becomes: "`outputQuality`",
    },
    Key {
        name: "takes",
        form: Form::Whole(1, MOST_TAKES),
        unit: "images",
        unset: built_in!(takes, u32::to_string),
        about: "The images wanted of each shot and variant. More takes buy only what is missing.",
        example: "2",
        becomes: "as many results, over one task or several",
    },
    Key {
        name: "results_per_task",
        form: Form::Whole(1, MOST_RESULTS),
        unit: "images",
        unset: built_in!(results_per_task, u32::to_string),
        about: "The most takes one task buys. 1 keeps every mishap at one image.",
        example: "4",
        becomes: "`numberResults`",
    },
    Key {
        name: "delivery",
        form: Form::Words(Delivery::WORDS),
        unit: "",
        unset: word!(delivery, Delivery),
        about: "async is acknowledged at once and then asked about; sync keeps the connection open \
                until the picture is there.",
        example: r#""async""#,
        becomes: "`deliveryMethod`",
    },
    Key {
        name: "output",
        form: Form::Words(Output::WORDS),
        unit: "",
        unset: word!(output, Output),
        about: "The form in which a picture comes back: an address to fetch it from, or its bytes in \
                the reply.",
        example: r#""url""#,
        becomes: "`outputType`: `URL`, `base64Data` or `dataURI`",
    },
    Key {
        name: "references",
        form: Form::Words(ReferenceTransfer::WORDS),
        unit: "",
        unset: word!(reference_transfer, ReferenceTransfer),
        about: "How reference files reach the provider: uploaded once for all shots, or inside every \
                request. Addresses and UUIDs are sent as they are.",
        example: r#""inline""#,
        becomes: "the form of each entry of `inputs.referenceImages`: a UUID or a data URI",
    },
    Key {
        name: "safety",
        form: Form::Words(Safety::WORDS),
        unit: "",
        unset: word!(safety, Safety),
        about: "The provider's check of content, which flags a picture and may cost extra.",
        example: r#""fast""#,
        becomes: "`safety` with `mode`; nothing for \"none\"",
    },
    Key {
        name: "ttl",
        form: Form::Whole(LEAST_TTL, u32::MAX),
        unit: "seconds",
        unset: built_in!(ttl, u32::to_string),
        about: "How long the provider keeps the picture. A run fetches it at once; this is for one \
                that was cut off.",
        example: "86400",
        becomes: "`ttl`; only with `output = \"url\"`",
    },
    Key {
        name: "ref_style",
        form: Form::Words(RefStyle::WORDS),
        unit: "",
        unset: word!(ref_style, RefStyle),
        about: "How prompts name a reference: `<<<image_1>>>`, `Image 1` or `@image_1`.",
        example: r#""words""#,
        becomes: "the markers in `positivePrompt`",
    },
    Key {
        name: "ref_limit",
        form: Form::Words(RefLimit::WORDS),
        unit: "",
        unset: word!(ref_limit, RefLimit),
        about: "What becomes of a shot with more references than the model takes: error, or compact, \
                with which as few characters as need be send their `sheet` instead of face and body, \
                those listed last first; a note names them.",
        example: r#""compact""#,
        becomes: "fewer entries of `inputs.referenceImages`",
    },
    Key {
        name: "webhook_url",
        form: Form::Secret,
        unit: "",
        unset: Unset::Nothing,
        about: "An https address the provider tells the end of a task; `{show}`, `{episode}`, \
                `{sequence}`, `{shot}`, `{preset}` and `{variant}` are filled in. A secret: it is \
                never shown.",
        example: r#""https://hooks.example.com/reshoot?shot={shot}""#,
        becomes: "`webhookURL`",
    },
    Key {
        name: "upload_endpoint",
        form: Form::Secret,
        unit: "",
        unset: Unset::Nothing,
        about: "An https address the provider puts the finished file to, with the same fields. A \
                secret: it is never shown.",
        example: r#""https://store.example.com/{shot}?signature=abc""#,
        becomes: "`uploadEndpoint`",
    },
];

/// `extends`, which presets have beside the technical settings.
pub const EXTENDS: &[Key] = &[Key {
    name: "extends",
    form: Form::Line,
    unit: "",
    unset: Unset::Nothing,
    about: "Another preset, or a built-in one such as `2k-16x9`, whose settings this one begins with.",
    example: r#""1k-16x9""#,
    becomes: "",
}];

/// `[presets]`.
pub static PRESETS: Table = Table {
    id: "presets",
    header: "[presets.NAME]",
    about: "Technical settings under a name, which `preset` chooses. Presets named after the rows of \
            the model's table, such as `1k-1x1` and `2k-16x9`, are built in.",
    groups: &[],
    others: Some((Named::ForFiles, Form::Table(&PRESET))),
    needs: Needs::Nothing,
};

/// `[presets.NAME]`.
pub static PRESET: Table = Table {
    id: "preset",
    header: "[presets.NAME]",
    about: "Technical settings under a name.",
    groups: &[EXTENDS, TECHNICAL],
    others: None,
    needs: Needs::Nothing,
};
