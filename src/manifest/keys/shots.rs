//! The keys of `[[shots]]`, its matrix and zip, and `[columns]`.

use crate::manifest::keys::layer::{CONTENT, CREATIVE};
use crate::manifest::keys::technical::TECHNICAL;
use crate::manifest::keys::{Form, Key, Named, Needs, Table, Unset};
use crate::manifest::model::Status;

/// `[[shots]]`.
pub static SHOT: Table = Table {
    id: "shot",
    header: "[[shots]]",
    about: "A shot: one wanted picture, or several when it is varied.",
    groups: &[SHOT_KEYS, CREATIVE, CONTENT, TECHNICAL],
    others: None,
    needs: Needs::Nothing,
};

/// The keys of a shot beside those of a layer.
pub const SHOT_KEYS: &[Key] = &[
    Key {
        name: "id",
        form: Form::Line,
        unit: "",
        unset: Unset::Told(
            "episode, sequence and name, joined by `/`; `0010`, `0020`, … if no shot \
                            of the list has either",
        ),
        about: "What the shot is known by for ever, as `EPISODE/SEQUENCE/NAME`, `SEQUENCE/NAME` or \
                `NAME`. Rows may move, ids may not change.",
        example: r#""104/TCC/0010""#,
        becomes: "a part of what `taskUUID` is derived from",
    },
    Key {
        name: "episode",
        form: Form::Line,
        unit: "",
        unset: Unset::Told("the part of `id` before the first of two `/`"),
        about: "The episode.",
        example: r#""104""#,
        becomes: "",
    },
    Key {
        name: "sequence",
        form: Form::Line,
        unit: "",
        unset: Unset::Told("the part of `id` before the name"),
        about: "The sequence, whose layer is `[sequences.\"EPISODE/SEQUENCE\"]`.",
        example: r#""TCC""#,
        becomes: "",
    },
    Key {
        name: "name",
        form: Form::Line,
        unit: "",
        unset: Unset::Told("the last part of `id`"),
        about: "The name of the shot within its sequence, if there is no `id`.",
        example: r#""0010""#,
        becomes: "",
    },
    Key {
        name: "status",
        form: Form::WordsOrEmpty(Status::WORDS),
        unit: "",
        unset: Unset::Value(r#""todo""#),
        about: "Whether a run may buy it: `todo` runs; `retake` runs and buys a fresh set of takes, \
                once; `approved`, `hold`, `omit` and `wfa` (waiting for approval) do not run. A \
                later `reshoot approve`, `retake`, `hold` or `omit` wins over it.",
        example: r#""approved""#,
        becomes: "",
    },
    Key {
        name: "note",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "A remark, kept for reports.",
        example: r#""two takes in 2k""#,
        becomes: "",
    },
    Key {
        name: "matrix",
        form: Form::Table(&MATRIX),
        unit: "",
        unset: Unset::Nothing,
        about: MATRIX.about,
        example: r#"{ angle = ["low angle", "eye level"], look = ["overcast", "dusk"] }"#,
        becomes: "one request and more for each combination",
    },
    Key {
        name: "zip",
        form: Form::Table(&ZIP),
        unit: "",
        unset: Unset::Nothing,
        about: ZIP.about,
        example: r#"{ place = ["the water", "the office"], look = ["overcast", "dusk"] }"#,
        becomes: "one request and more for each row",
    },
];

/// `exclude`.
pub const EXCLUDE: &[Key] = &[Key {
    name: "exclude",
    form: Form::Tables(&EXCLUSION),
    unit: "",
    unset: Unset::Nothing,
    about: "Combinations left out: a variant goes if it has every value of one of these tables. The \
            numbers of the others stay.",
    example: r#"[{ look = "dusk", angle = "low angle" }]"#,
    becomes: "",
}];

/// `[shots.matrix]`.
pub static MATRIX: Table = Table {
    id: "matrix",
    header: "[shots.matrix]",
    about: "Lists of values under the name of a var or setting; every combination is a variant.",
    groups: &[EXCLUDE],
    others: Some((Named::Freely, Form::Axis)),
    needs: Needs::Nothing,
};

/// `[shots.zip]`.
pub static ZIP: Table = Table {
    id: "zip",
    header: "[shots.zip]",
    about: "Lists of equal length that go in step: their first values are a variant, their second \
            values the next.",
    groups: &[EXCLUDE],
    others: Some((Named::Freely, Form::Axis)),
    needs: Needs::Nothing,
};

/// An entry of `exclude`.
pub static EXCLUSION: Table = Table {
    id: "exclusion",
    header: "exclude",
    about: "Values of which a variant must have all to be left out.",
    groups: &[],
    others: Some((Named::Freely, Form::Scalar)),
    needs: Needs::Something,
};

/// `[columns]`.
pub static COLUMNS: Table = Table {
    id: "columns",
    header: "[columns]",
    about: "What a studio's own column headers mean: a known column, a var, or `matrix: NAME`. A line \
            may be written either way round.",
    groups: &[],
    others: Some((Named::Freely, Form::Line)),
    needs: Needs::Nothing,
};

/// `[statuses]`.
pub static STATUSES: Table = Table {
    id: "statuses",
    header: "[statuses]",
    about: "What a studio's own words in the status column of its lists mean, such as a tracker's `wtg`.",
    groups: &[],
    others: Some((Named::Freely, Form::Words(Status::WORDS))),
    needs: Needs::Nothing,
};
