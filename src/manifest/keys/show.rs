//! The keys of `[show]`, `[budget]` and `[run]`.

use crate::manifest::keys::{Form, Key, Needs, Table, Unset};
use crate::manifest::read::{DEFAULT_NAME, DEFAULT_OUTPUT};

/// `[show]`.
pub static SHOW: Table = Table {
    id: "show",
    header: "[show]",
    about: "What the show is called, where its shot lists are and where its files go.",
    groups: &[SHOW_KEYS],
    others: None,
    needs: Needs::Nothing,
};

/// The longest `show.id` in bytes.
pub(in crate::manifest) const LONGEST_ID: usize = 128;

/// The longest `show.code` in bytes: it goes into file names.
pub(in crate::manifest) const LONGEST_CODE: usize = 64;

/// The keys of `[show]`.
pub const SHOW_KEYS: &[Key] = &[
    Key {
        name: "id",
        form: Form::Short(LONGEST_ID),
        unit: "",
        unset: Unset::Told("a random one, kept in the run log"),
        about: "The show's identity, written by `init`; the ids of tasks are derived from it, so that \
                purchases are found again even if the run log is lost. Never change or copy it.",
        example: r#""7f6c1c6e-5d0a-4c56-9b0e-2f3a1f6f0d11""#,
        becomes: "a part of what `taskUUID` is derived from",
    },
    Key {
        name: "code",
        form: Form::Short(LONGEST_CODE),
        unit: "",
        unset: Unset::Told("the manifest's file name without its ending"),
        about: "A short name of the show for file names, `{show}` in templates.",
        example: r#""AGM""#,
        becomes: "",
    },
    Key {
        name: "title",
        form: Form::Text,
        unit: "",
        unset: Unset::Nothing,
        about: "The show's title, for people.",
        example: r#""A Grey Morning""#,
        becomes: "",
    },
    Key {
        name: "shots",
        form: Form::LineOrLines,
        unit: "",
        unset: Unset::Nothing,
        about: "Shot lists, CSV or TOML, in the order they are bought. Paths are relative to the file \
                that names them.",
        example: r#"["shots/ep104.csv"]"#,
        becomes: "",
    },
    Key {
        name: "output",
        form: Form::Folder,
        unit: "",
        unset: Unset::Text(DEFAULT_OUTPUT),
        about: "The folder of pictures and run log, below that of the manifest; `--out` names any \
                other. A rehearsal writes beside it, under the same name with `-rehearsal`.",
        example: r#""out""#,
        becomes: "",
    },
    Key {
        name: "name",
        form: Form::Line,
        unit: "",
        unset: Unset::Text(DEFAULT_NAME),
        about: "The template of file names below `images/`; it has `{take}` and ends in `.{ext}`.",
        example: r#""{sequence}/{shot}_v{take:03}.{ext}""#,
        becomes: "",
    },
];

/// `[budget]`.
pub static BUDGET: Table = Table {
    id: "budget",
    header: "[budget]",
    about: "Caps in US dollars, each optional. What is spent and what is reserved for tasks in flight \
            never passes one.",
    groups: &[BUDGET_KEYS],
    others: None,
    needs: Needs::Nothing,
};

const fn cap(name: &'static str, about: &'static str, example: &'static str) -> Key {
    Key {
        name,
        form: Form::Money,
        unit: "US dollars",
        unset: Unset::Told("no cap"),
        about,
        example,
        becomes: "",
    }
}

/// The keys of `[budget]`.
pub const BUDGET_KEYS: &[Key] = &[
    cap(
        "run",
        "The most one run may spend; `--max-cost` may lower it.",
        r#""25.00""#,
    ),
    cap(
        "show",
        "The most the whole show may spend, over all its runs.",
        r#""900.00""#,
    ),
    cap(
        "sequence",
        "The most each sequence may spend, over all runs.",
        r#""120.00""#,
    ),
    cap(
        "shot",
        "The most each shot may spend, over all runs.",
        r#""1.20""#,
    ),
];

/// `[run]`.
pub static RUN: Table = Table {
    id: "run",
    header: "[run]",
    about: "How a run goes about its work; flags win over it.",
    groups: &[RUN_KEYS],
    others: None,
    needs: Needs::Nothing,
};

/// The keys of `[run]`.
pub const RUN_KEYS: &[Key] = &[
    Key {
        name: "jobs",
        form: Form::Whole(1, 1024),
        unit: "tasks",
        unset: Unset::OfRun(|run| run.jobs),
        about: "The most tasks in flight; how many there are adapts below it. `-j` wins.",
        example: "8",
        becomes: "",
    },
    Key {
        name: "rate_per_minute",
        form: Form::Whole(0, 100_000),
        unit: "tasks a minute",
        unset: Unset::OfRun(|run| run.rate_per_minute),
        about: "The most tasks sent in a minute; 0 is no bound. `--rate` wins.",
        example: "30",
        becomes: "",
    },
    Key {
        name: "retries",
        form: Form::Whole(0, 100),
        unit: "tries",
        unset: Unset::OfRun(|run| run.retries),
        about: "How often a transient error is answered by another try; waiting is no try.",
        example: "2",
        becomes: "",
    },
    Key {
        name: "quiet_s",
        form: Form::Whole(1, 86_400),
        unit: "seconds",
        unset: Unset::OfRun(|run| run.quiet_s),
        about: "How long after it was sent a task that nobody knows is sent again, under the same id.",
        example: "90",
        becomes: "",
    },
    Key {
        name: "patience_s",
        form: Form::Whole(1, 86_400),
        unit: "seconds",
        unset: Unset::OfRun(|run| run.patience_s),
        about: "How long a task that the provider took is waited for before it is told as unsure.",
        example: "1800",
        becomes: "",
    },
    Key {
        name: "poll_batch",
        form: Form::Whole(1, 1000),
        unit: "tasks",
        unset: Unset::OfRun(|run| run.poll_batch),
        about: "The most tasks asked about in one request; 1 where the API takes no more.",
        example: "1",
        becomes: "elements of one `getResponse` request",
    },
];
