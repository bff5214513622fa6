//! Words of messages: values as they are quoted, names that come near.

/// The longest quotation of a value, in characters.
const LONGEST: usize = 60;

/// Quotes a value between backticks, shortened, without the secret part of an address.
#[must_use]
pub fn shown(value: &str) -> String {
    let mut masked = mask(value);
    if masked.chars().count() > LONGEST {
        masked = masked.chars().take(LONGEST - 1).collect();
        masked.push('…');
    }
    format!("`{masked}`")
}

/// Cuts what an address must not show: credentials, query, inline image.
fn mask(value: &str) -> String {
    if value.starts_with("data:") {
        let head = value.find(',').map_or(value.len(), |comma| comma + 1);
        return format!("{}…", &value[..head]);
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let cut = tail.find(['?', '#']).map_or(tail.len(), |at| at + 1);
    let dots = if cut < tail.len() { "…" } else { "" };
    format!("{scheme}://{host}{}{dots}", &tail[..cut])
}

/// Finds the known word nearest to one that is not known, if any is near enough to be meant.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&word, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= k.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Lists words for a reader: `a`, `b` or `c`.
#[must_use]
pub fn any_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Lists words of which there may be many for a reader: the first few, and how many more.
#[must_use]
pub fn some_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    const SHOWN: usize = 8;
    let mut words = words.into_iter();
    let mut listed: Vec<String> = words.by_ref().take(SHOWN).map(shown).collect();
    match words.count() {
        0 => {}
        more => listed.push(format!("{more} more")),
    }
    listed.join(", ")
}

/// Says which words are known for a reader: the only one, or one of several.
#[must_use]
pub fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.as_slice() {
        [only] => shown(only),
        _ => format!("one of {}", some_of(words)),
    }
}

/// Counts things for a reader: `1 row`, `2 rows`.
#[must_use]
pub fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_cut() {
        assert_eq!(
            shown("https://a.b/c.png?sig=canary"),
            "`https://a.b/c.png?…`"
        );
        assert_eq!(shown("https://me:canary@a.b/c"), "`https://a.b/c`");
        assert_eq!(
            shown("data:image/png;base64,canary"),
            "`data:image/png;base64,…`"
        );
        assert_eq!(shown("boards/0090.png"), "`boards/0090.png`");
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["prompt", "preset", "takes"];
        assert_eq!(nearest("promt", known), Some("prompt"));
        assert_eq!(nearest("Takse", known), Some("takes"));
        assert_eq!(nearest("negative", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn many_words_are_cut_short() {
        let words: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let listed = some_of(words.iter().map(String::as_str));
        assert!(listed.ends_with("`7`, 2 more"), "{listed}");
    }

    #[test]
    fn words_are_listed_for_a_reader() {
        assert_eq!(any_of(&["a"]), "`a`");
        assert_eq!(any_of(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
    }
}
