//! Rules that hold whichever text gives a value.

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::manifest::shown::shown;

/// Checks the name of a bible entry or var, which prompts must be able to write in braces.
pub(super) fn check_name(name: &str) -> Result<(), (String, String)> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    let better: String = name
        .trim()
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    let help = if better.is_empty() {
        "write a name of letters, digits, `_` and `-`".to_owned()
    } else {
        format!("write `{better}`: letters, digits, `_` and `-` are allowed")
    };
    let message = if name.is_empty() {
        "a name that prompts use cannot be empty".to_owned()
    } else {
        format!("{} cannot be a name that prompts use", shown(name))
    };
    Err((message, help))
}

/// Complains about a value that stands twice in one list of a matrix.
pub(super) fn twice(axis: &str, value: &Placed<String>) -> Diagnostic {
    let message = format!("`{}` stands twice in `{axis}`", value.value);
    let complaint = Diagnostic::error("value-twice", message).at(value.place);
    complaint.help("take one of the two out; `takes` asks for several images of one variant")
}
