//! What a model allows and costs, as data.

use crate::domain::money::Micros;
use crate::manifest::settings::{AspectRatio, Resolution};

/// The limits, sizes and price of one model.
///
/// Every number here names its origin; none stands anywhere else in the code.
#[derive(Debug)]
pub struct ModelProfile {
    /// The API's `model` value.
    pub id: &'static str,
    /// The model's name for people.
    pub name: &'static str,
    /// Every size that may be sent as `width` and `height`.
    pub sizes: &'static [Size],
    /// The fewest and most characters of a prompt, both allowed.
    pub prompt_chars: (usize, usize),
    /// The most references in one request.
    pub references: usize,
    /// The shortest side of a reference in pixels.
    pub reference_min_side: u32,
    /// The most oblong reference, as long side to short side in hundredths.
    pub reference_max_ratio_hundredths: u32,
    /// The largest reference file in bytes.
    pub reference_max_bytes: u64,
    /// The allowed `outputQuality`, both ends included.
    pub quality: (u32, u32),
    /// The allowed `numberResults`, both ends included.
    pub results_per_task: (u32, u32),
    /// The shortest `ttl` in seconds.
    pub ttl_min_s: u32,
    /// The price of one image.
    pub price: Micros,
    /// Whether that price is a reading of the price list rather than a row of it.
    pub price_is_assumed: bool,
    /// Host names that serve this model's images besides the API's own host; a leading dot stands
    /// for any name below it.
    pub image_hosts: &'static [&'static str],
}

/// One row of a model's table of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The tier.
    pub resolution: Resolution,
    /// The ratio.
    pub ratio: AspectRatio,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

const fn size(resolution: Resolution, ratio: AspectRatio, width: u32, height: u32) -> Size {
    Size {
        resolution,
        ratio,
        width,
        height,
    }
}

/// Kling IMAGE O1.
///
/// Sizes, prompt length, quality, results and ttl are from runware.ai/docs/models/klingai-image-o1.
/// The reference limits are not on that page; they are what Kling's own page and other front ends
/// of this model state (10 images, 300 px, 1:2.5 to 2.5:1, 10 MB). The price is listed there for
/// 1080x1080 only, which is not a size of its table; it is taken for every size and called assumed.
pub const KLING_IMAGE_O1: ModelProfile = {
    use AspectRatio as R;
    use Resolution::{OneK, TwoK};
    ModelProfile {
        id: "klingai:kling-image@o1",
        name: "Kling IMAGE O1",
        sizes: &[
            size(OneK, R::R1x1, 1024, 1024),
            size(OneK, R::R3x2, 1248, 832),
            size(OneK, R::R2x3, 832, 1248),
            size(OneK, R::R4x3, 1168, 880),
            size(OneK, R::R3x4, 880, 1168),
            size(OneK, R::R9x16, 768, 1360),
            size(OneK, R::R16x9, 1360, 768),
            size(OneK, R::R21x9, 1552, 656),
            size(TwoK, R::R1x1, 2048, 2048),
            size(TwoK, R::R3x2, 2496, 1664),
            size(TwoK, R::R2x3, 1664, 2496),
            size(TwoK, R::R4x3, 2336, 1760),
            size(TwoK, R::R3x4, 1760, 2336),
            size(TwoK, R::R9x16, 1536, 2720),
            size(TwoK, R::R16x9, 2720, 1536),
            size(TwoK, R::R21x9, 3104, 1312),
        ],
        prompt_chars: (3, 2500),
        references: 10,
        reference_min_side: 300,
        reference_max_ratio_hundredths: 250,
        reference_max_bytes: 10 * 1024 * 1024,
        quality: (20, 99),
        results_per_task: (1, 20),
        ttl_min_s: 60,
        price: Micros::new(28_000),
        price_is_assumed: true,
        image_hosts: &["im.runware.ai", "assets.runware.ai"],
    }
};

/// Every model that is known.
pub const MODELS: &[&ModelProfile] = &[&KLING_IMAGE_O1];

/// Finds a model by the API's `model` value.
#[must_use]
pub fn find(id: &str) -> Option<&'static ModelProfile> {
    MODELS.iter().copied().find(|model| model.id == id)
}

impl ModelProfile {
    /// Gives the size of a tier and ratio; none for the ratio of a reference.
    #[must_use]
    pub fn size_of(&self, resolution: Resolution, ratio: AspectRatio) -> Option<Size> {
        self.sizes
            .iter()
            .copied()
            .find(|s| s.resolution == resolution && s.ratio == ratio)
    }

    /// Finds the row of a width and height.
    #[must_use]
    pub fn row(&self, width: u32, height: u32) -> Option<Size> {
        self.sizes
            .iter()
            .copied()
            .find(|s| s.width == width && s.height == height)
    }
}
