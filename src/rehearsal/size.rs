//! The size of a picture that takes its ratio from a reference.

use super::order::{SIZES_1K, Size, sizes_2k};
use super::record::Reference;
use super::switches::ResolutionSize;

const SIDE_1K: u64 = 1024;
const SIDE_2K: u64 = 2048;
/// What an exact ratio is rounded to.
const STEP: u64 = 8;

/// Gives the pixels a task is answered with.
pub(super) fn settle(size: Size, references: &[Reference], how: ResolutionSize) -> (u32, u32) {
    let at_2k = match size {
        Size::Given(width, height) => return (width, height),
        Size::AsReference { at_2k } => at_2k,
    };
    let ratio = references
        .first()
        .map_or((1, 1), |first| (first.width, first.height));
    match how {
        ResolutionSize::Table if at_2k => nearest(sizes_2k(), ratio),
        ResolutionSize::Table => nearest(SIZES_1K.into_iter(), ratio),
        ResolutionSize::ExactRatio => exact(ratio, if at_2k { SIDE_2K } else { SIDE_1K }),
    }
}

fn nearest(sizes: impl Iterator<Item = (u32, u32)>, ratio: (u32, u32)) -> (u32, u32) {
    let log = |(width, height): (u32, u32)| (f64::from(width) / f64::from(height)).ln();
    let wanted = log(ratio);
    let off = |size: &(u32, u32)| (log(*size) - wanted).abs();
    sizes
        .min_by(|a, b| off(a).total_cmp(&off(b)))
        .unwrap_or(SIZES_1K[0])
}

fn exact((width, height): (u32, u32), side: u64) -> (u32, u32) {
    let area = side * side;
    let wide = (area * u64::from(width) / u64::from(height.max(1))).isqrt();
    let wide = (wide / STEP).max(1) * STEP;
    let high = (area / wide / STEP).max(1) * STEP;
    let fit = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
    (fit(wide), fit(high))
}

#[cfg(test)]
mod tests {
    use super::{Reference, ResolutionSize, Size, settle};

    #[test]
    fn follows_the_first_reference() {
        let of = |width, height| Reference {
            sha256: None,
            upload: None,
            label: String::new(),
            width,
            height,
        };
        let references = [of(1250, 1000), of(300, 700)];
        let size = |at_2k, how| settle(Size::AsReference { at_2k }, &references, how);
        assert_eq!(size(false, ResolutionSize::Table), (1168, 880));
        assert_eq!(size(true, ResolutionSize::Table), (2336, 1760));
        assert_eq!(size(false, ResolutionSize::ExactRatio), (1144, 912));
        let given = settle(Size::Given(768, 1360), &references, ResolutionSize::Table);
        assert_eq!(given, (768, 1360));
    }
}
