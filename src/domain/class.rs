//! What kind of trouble an answer of the provider is.

/// The class of an error, which alone decides what is done about it.
///
/// The provider room reads it off the API's codes; plan and runner act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The service is busy or briefly broken; the same task is sent again after a while.
    Transient,
    /// Key, rights or balance: no task can be bought until a person acts.
    Account,
    /// The request itself was refused; sending it again unchanged is pointless.
    Request,
    /// A safety check refused the prompt, a reference or the picture.
    Safety,
    /// A reference could not be read by the provider.
    Reference,
    /// The task was accepted and then ended without an image.
    Upstream,
    /// Nothing that is understood; the money may be gone.
    Unknown,
}

impl Class {
    /// Gives the word used in the run log and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Account => "account",
            Self::Request => "request",
            Self::Safety => "safety",
            Self::Reference => "reference",
            Self::Upstream => "upstream",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word back; a word of a later version is [`Class::Unknown`].
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        const ALL: [Class; 6] = [
            Class::Transient,
            Class::Account,
            Class::Request,
            Class::Safety,
            Class::Reference,
            Class::Upstream,
        ];
        ALL.into_iter()
            .find(|class| class.word() == word)
            .unwrap_or(Self::Unknown)
    }
}

/// Trouble as the provider told it: a class, its own code and its own words.
///
/// The message is the provider's text and hostile where it is shown; it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble it is.
    pub class: Class,
    /// The API's code, or a word of ours where it gave none.
    pub code: String,
    /// The API's message, shortened to what a person can read.
    pub message: String,
}
