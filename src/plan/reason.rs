//! Why a take is bought, or is not.

use crate::ledger::record::RETAKE;

/// Why a task buys takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing was ever bought for the shot and variant.
    New,
    /// The compiled prompt (or the model) is not what the last takes were made from.
    PromptChanged,
    /// The references are not those the last takes were made from.
    ReferenceChanged,
    /// Size, format, quality or safety changed.
    SettingsChanged,
    /// A person asked for it again.
    Retake,
    /// More takes are wanted than there are.
    MoreTakes,
    /// It was tried before and ended without an image.
    FailedBefore,
}

impl Reason {
    /// Every reason, in the order of the plan's summary.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::PromptChanged,
        Self::ReferenceChanged,
        Self::SettingsChanged,
        Self::Retake,
        Self::MoreTakes,
        Self::FailedBefore,
    ];

    /// Gives the word that is printed and recorded.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::PromptChanged => "prompt-changed",
            Self::ReferenceChanged => "reference-changed",
            Self::SettingsChanged => "settings-changed",
            Self::Retake => RETAKE,
            Self::MoreTakes => "more-takes",
            Self::FailedBefore => "failed-before",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// Why takes of a shot and variant are not bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// They are on disk.
    Have,
    /// They are paid for, or may be, and are being settled.
    Open,
    /// Nobody can tell whether they were bought; a person decides.
    Unsure,
    /// They were paid for and cannot be had any more; a person decides.
    Lost,
    /// They were bought and their files are gone (or changed in size).
    MissingFile,
    /// The same request was refused before.
    RefusedBefore,
    /// The shot is approved, though its takes are not made from what is now written.
    ApprovedButStale,
    /// The shot is on hold or waits for approval.
    Held,
    /// The shot is omitted.
    Omitted,
    /// The selection flags leave the shot out.
    NotSelected,
}

impl Kept {
    /// Every reason, in the order of the plan's summary.
    pub const ALL: [Self; 10] = [
        Self::Have,
        Self::Open,
        Self::Unsure,
        Self::Lost,
        Self::MissingFile,
        Self::RefusedBefore,
        Self::ApprovedButStale,
        Self::Held,
        Self::Omitted,
        Self::NotSelected,
    ];

    /// Gives the word that is printed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Have => "have",
            Self::Open => "open",
            Self::Unsure => "unsure",
            Self::Lost => "lost",
            Self::MissingFile => "missing-file",
            Self::RefusedBefore => "refused-before",
            Self::ApprovedButStale => "approved-but-stale",
            Self::Held => "held",
            Self::Omitted => "omitted",
            Self::NotSelected => "not-selected",
        }
    }
}
