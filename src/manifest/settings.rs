//! Settings that layers give: preset, defaults, sequence, shot, `--set`; the last one wins.

use std::collections::BTreeMap;

use crate::domain::diagnostic::Placed;
use crate::domain::secret::SecretUrl;
use crate::manifest::model::Reference;

/// What one layer sets; a field left out is inherited.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// `preset`.
    pub preset: Option<Placed<String>>,
    /// `prompt`, a template.
    pub prompt: Option<Placed<String>>,
    /// `prompt_syntax`.
    pub prompt_syntax: Option<Placed<PromptSyntax>>,
    /// `vars`, and what a shot adds to them: `action` is a var like any other.
    pub vars: BTreeMap<String, Placed<String>>,
    /// `characters`: each `name` or `name.wardrobe`; an empty list is explicitly none.
    pub characters: Option<Vec<Placed<String>>>,
    /// `location`; an empty name is explicitly none.
    pub location: Option<Placed<String>>,
    /// `props`; an empty list is explicitly none.
    pub props: Option<Vec<Placed<String>>>,
    /// `look`; an empty name is explicitly none.
    pub look: Option<Placed<String>>,
    /// `references` of the shot itself; an empty list is explicitly none.
    pub references: Option<Vec<Reference>>,
    /// The technical settings.
    pub technical: Technical,
}

/// The technical settings, those a preset may hold.
#[derive(Clone, Debug, Default)]
pub struct Technical {
    /// `model`, such as `klingai:kling-image@o1`.
    pub model: Option<Placed<String>>,
    /// `resolution`.
    pub resolution: Option<Placed<Resolution>>,
    /// `aspect_ratio`.
    pub aspect_ratio: Option<Placed<AspectRatio>>,
    /// `size`, width and height in pixels; wins over the two above in the same or a later layer.
    pub size: Option<Placed<(u32, u32)>>,
    /// `format`.
    pub format: Option<Placed<Format>>,
    /// `quality`, 20..=99 per the model's page.
    pub quality: Option<Placed<u32>>,
    /// `takes`, images wanted for each shot and variant, from 1 to 999.
    pub takes: Option<Placed<u32>>,
    /// `results_per_task`, 1..=20, the API's `numberResults` per the model's page.
    pub results_per_task: Option<Placed<u32>>,
    /// `delivery`.
    pub delivery: Option<Placed<Delivery>>,
    /// `output`.
    pub output: Option<Placed<Output>>,
    /// `references` of a preset: how reference files reach the provider.
    pub reference_transfer: Option<Placed<ReferenceTransfer>>,
    /// `safety`.
    pub safety: Option<Placed<Safety>>,
    /// `ttl` in seconds, from 60 per the model's page; only with `output = "url"`.
    pub ttl: Option<Placed<u32>>,
    /// `ref_style`.
    pub ref_style: Option<Placed<RefStyle>>,
    /// `ref_limit`.
    pub ref_limit: Option<Placed<RefLimit>>,
    /// `webhook_url`, templated.
    pub webhook_url: Option<Placed<SecretUrl>>,
    /// `upload_endpoint`, templated.
    pub upload_endpoint: Option<Placed<SecretUrl>>,
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every spelling, in the order documented.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Reads the manifest's spelling.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// Gives the manifest's spelling.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

choice! {
    /// How braces in a prompt are read.
    PromptSyntax {
        /// `{name}` is a bible entry or a var.
        Template = "template",
        /// Every character stands for itself.
        Plain = "plain",
    }
}
choice! {
    /// The tier of picture sizes, as the model's page spells it.
    Resolution {
        /// About one megapixel.
        OneK = "1k",
        /// About four megapixels.
        TwoK = "2k",
    }
}
choice! {
    /// A row of the model's table of sizes, or the ratio of the first reference.
    AspectRatio {
        /// Square.
        R1x1 = "1:1",
        /// Landscape 3:2.
        R3x2 = "3:2",
        /// Portrait 2:3.
        R2x3 = "2:3",
        /// Landscape 4:3.
        R4x3 = "4:3",
        /// Portrait 3:4.
        R3x4 = "3:4",
        /// Portrait 9:16.
        R9x16 = "9:16",
        /// Landscape 16:9.
        R16x9 = "16:9",
        /// Ultra-wide 21:9.
        R21x9 = "21:9",
        /// Only the tier is sent; the picture takes the first reference's ratio.
        Reference = "reference",
    }
}
choice! {
    /// The format of the picture.
    Format {
        /// JPEG: smaller, no alpha.
        Jpg = "jpg",
        /// PNG: lossless.
        Png = "png",
        /// WebP.
        Webp = "webp",
    }
}
choice! {
    /// How a result is delivered.
    Delivery {
        /// Acknowledged at once, then asked about.
        Async = "async",
        /// In the reply to the request itself.
        Sync = "sync",
    }
}
choice! {
    /// The form in which a picture comes back.
    Output {
        /// An address to fetch it from.
        Url = "url",
        /// Base64 text in the reply.
        Base64 = "base64",
        /// A data URI in the reply.
        DataUri = "data-uri",
    }
}
choice! {
    /// How reference files reach the provider.
    ReferenceTransfer {
        /// Uploaded once per content; the image's UUID is sent.
        Upload = "upload",
        /// Sent inside every request as a data URI.
        Inline = "inline",
    }
}
choice! {
    /// The content check.
    Safety {
        /// No check.
        Off = "none",
        /// One check.
        Fast = "fast",
    }
}
choice! {
    /// How a reference is named in a prompt.
    RefStyle {
        /// `<<<image_1>>>`, Kling's API page.
        Kling = "kling",
        /// `Image 1`, Kling's user guide.
        Words = "words",
        /// `@image_1`.
        At = "at",
    }
}
choice! {
    /// What becomes of a shot that has more references than its model takes.
    RefLimit {
        /// It is an error.
        Error = "error",
        /// Characters that have a sheet send it instead of face and body, as few as need be.
        Compact = "compact",
    }
}
