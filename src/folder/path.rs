//! Paths below a folder.

/// Gives the parts of a path below a folder, or nothing when it could lead out of it.
///
/// An empty path has no parts.
#[must_use]
pub fn parts(path: &str) -> Option<impl Iterator<Item = &str>> {
    let mut split = path.split('/');
    if path.is_empty() {
        let _empty = split.next();
    } else if !split.clone().all(is_part) {
        return None;
    }
    Some(split)
}

/// Tells whether a text names an entry of a folder: neither empty, nor `.` or `..`, nor with `/`.
#[must_use]
pub fn is_part(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// Splits a path into the folder (empty for none) and the name of the file in it.
///
/// The folder of a path that could lead out has no [`parts`].
#[must_use]
pub fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        None => ("", path),
        Some(("", name)) => ("/", name),
        Some(split) => split,
    }
}
