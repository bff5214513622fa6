//! Long lines of a complaint, broken where they may be.

/// Lays a text out behind a head, broken at spaces to a width; what stands between backticks is
/// there to be copied and stays whole. The last line ends too.
pub(super) fn wrap(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    let mut laid = head.to_owned();
    let mut columns = indent;
    for (at, word) in words(text).enumerate() {
        let wide = word.chars().count();
        if at > 0 && columns + 1 + wide > width {
            laid.push('\n');
            laid.extend(std::iter::repeat_n(' ', indent));
            columns = indent;
        } else if at > 0 {
            laid.push(' ');
            columns += 1;
        }
        laid.push_str(word);
        columns += wide;
    }
    laid.push('\n');
    laid
}

/// Splits a text at the spaces that are not between backticks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_but_not_within_what_is_copied() {
        let laid = wrap("help: ", "write `a = \"b c d\"` or leave it", 20);
        assert_eq!(
            laid,
            "help: write\n      `a = \"b c d\"`\n      or leave it\n"
        );
        assert_eq!(wrap(" = ", "", 20), " = \n");
        assert_eq!(wrap(" = ", "an `open one", 8), " = an\n   `open one\n");
    }
}
