//! The size of a picture, from `size` or from `resolution` and `aspect_ratio`.

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::expand::layers::{Stack, ValueSource};
use crate::expand::profile::{ModelProfile, Size};
use crate::expand::request::AskedSize;
use crate::manifest::settings::{AspectRatio, Resolution};

/// What the layers so far ask for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    resolution: Resolution,
    ratio: AspectRatio,
    exact: Option<(u32, u32)>,
    source: ValueSource<'a>,
    place: Option<Place>,
}

/// Works the size out, layer by layer.
///
/// A layer's `size` replaces all below it; a later `resolution` or `aspect_ratio` keeps the other
/// half of the row that stood there before.
///
/// # Errors
/// Complains of a size that is not a row of the model's table.
pub(crate) fn resolve<'a>(
    stack: &Stack<'a>,
    model: &ModelProfile,
) -> Result<(AskedSize, ValueSource<'a>, Option<Place>), Diagnostic> {
    let mut asked = Asked {
        resolution: Resolution::OneK,
        ratio: AspectRatio::R1x1,
        exact: None,
        source: ValueSource::BuiltIn,
        place: None,
    };
    for (source, layer) in stack.layers() {
        let technical = &layer.technical;
        let (resolution, ratio) = (&technical.resolution, &technical.aspect_ratio);
        if let Some(placed) = resolution.as_ref() {
            asked = Asked {
                resolution: placed.value,
                exact: None,
                source,
                place: placed.place,
                ..asked
            };
        }
        if let Some(placed) = ratio.as_ref() {
            asked = Asked {
                ratio: placed.value,
                exact: None,
                source,
                place: placed.place,
                ..asked
            };
        }
        if let Some(placed) = &technical.size {
            asked = Asked {
                exact: Some(placed.value),
                source,
                place: placed.place,
                ..asked
            };
            if let Some(row) = model.row(placed.value.0, placed.value.1) {
                asked = Asked {
                    resolution: row.resolution,
                    ratio: row.ratio,
                    ..asked
                };
            }
        }
    }
    Ok((settle(asked, model)?, asked.source, asked.place))
}

fn settle(asked: Asked<'_>, model: &ModelProfile) -> Result<AskedSize, Diagnostic> {
    if let Some((width, height)) = asked.exact {
        return match model.row(width, height) {
            Some(_) => Ok(AskedSize::Exact(width, height)),
            None => Err(not_in_table(width, height, asked.place, model)),
        };
    }
    if asked.ratio == AspectRatio::Reference {
        return Ok(AskedSize::LikeReference(asked.resolution));
    }
    let row = model
        .size_of(asked.resolution, asked.ratio)
        .ok_or_else(|| {
            let (tier, ratio) = (asked.resolution.word(), asked.ratio.word());
            let message = format!("{} has no size for {tier} in {ratio}", model.name);
            with_table(
                Diagnostic::error("size-not-allowed", message).at(asked.place),
                model,
            )
        })?;
    Ok(AskedSize::Exact(row.width, row.height))
}

fn not_in_table(width: u32, height: u32, place: Option<Place>, model: &ModelProfile) -> Diagnostic {
    let message = format!("{width}x{height} is not a size of {}", model.name);
    let complaint = with_table(
        Diagnostic::error("size-not-allowed", message).at(place),
        model,
    );
    match nearest(width, height, model) {
        Some(near) => complaint.help(format!(
            "write `size = \"{}x{}\"`, the nearest there is",
            near.width, near.height
        )),
        None => complaint,
    }
}

fn with_table(complaint: Diagnostic, model: &ModelProfile) -> Diagnostic {
    let row = |tier: Resolution| {
        let of_tier = model.sizes.iter().filter(|size| size.resolution == tier);
        of_tier
            .map(|size| format!("{}x{} ({})", size.width, size.height, size.ratio.word()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    [Resolution::OneK, Resolution::TwoK]
        .into_iter()
        .map(|tier| (tier, row(tier)))
        .filter(|(_, sizes)| !sizes.is_empty())
        .fold(complaint, |complaint, (tier, sizes)| {
            complaint.expected(format!("{}: {sizes}", tier.word()))
        })
}

/// Finds the row nearest in ratio, and among those nearest in area.
fn nearest(width: u32, height: u32, model: &ModelProfile) -> Option<Size> {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    model.sizes.iter().copied().min_by_key(|size| {
        let (w, h) = (u64::from(size.width), u64::from(size.height));
        let oblong = (width * h).max(height * w) * 100 / (width * h).min(height * w);
        (oblong, (width * height).abs_diff(w * h))
    })
}
