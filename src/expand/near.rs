//! The known name that a person may have meant.

/// Finds the known name nearest to a word, if any is near enough to be a slip of the pen.
///
/// Case counts for nothing; one letter in three may differ, at least one, at most three.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&word, &name.to_lowercase()),
                name,
            )
        })
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Lists names for a person, each in backquotes, the first few of many.
#[must_use]
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 8;
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names
        .by_ref()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.count() {
        0 => {}
        more => shown.push(format!("{more} more")),
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_a_stranger_is_not() {
        let known = ["mira", "otto", "pier"];
        assert_eq!(nearest("mria", known), Some("mira"));
        assert_eq!(nearest("Mira", known), Some("mira"));
        assert_eq!(nearest("peer", known), Some("pier"));
        assert_eq!(nearest("harbour", known), None);
    }

    #[test]
    fn many_names_are_cut_short() {
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let shown = listed(names.iter().map(String::as_str));
        assert!(shown.ends_with("`7`, 2 more"), "{shown}");
    }
}
