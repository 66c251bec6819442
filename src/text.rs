//! Text from outside, made fit for a terminal, a log line and a status line.
//!
//! 1. The result is one line, sends no control character, and reads in the order in which it stands: C0 and C1 controls,
//!    the separators of lines and paragraphs, and the marks that turn the direction of text are escaped.
//! 2. Everything else stays as it is, backslashes too: the result is for eyes, not for a parser.
//! 3. What quotes a value for a log line ([`quoted`]) also escapes quotes and backslashes, so that its end is certain.

use std::borrow::Cow;

/// The text with its dangerous characters escaped.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_dangerous) {
        Cow::Owned(escape(text, is_dangerous))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text in double quotes, with everything escaped that is dangerous or would end them.
#[must_use]
pub fn quoted(text: &str) -> String {
    let inner = escape(text, |c| is_dangerous(c) || matches!(c, '"' | '\\'));
    format!("\"{inner}\"")
}

/// The text, escaped, and cut after at most `most` characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let shown = escaped(text);
    match shown.char_indices().nth(most) {
        Some((end, _)) => {
            let kept = shown.get(..end).unwrap_or_default();
            Cow::Owned(format!("{}…", kept.trim_end()))
        }
        None => shown,
    }
}

/// The text, escaped, on at most `most` characters: what is longer is cut in the middle.
#[must_use]
pub fn cut_in_the_middle(text: &str, most: usize) -> Cow<'_, str> {
    let shown = escaped(text);
    let length = shown.chars().count();
    if length <= most {
        return shown;
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let start: String = shown.chars().take(head).collect();
    let end: String = shown.chars().skip(length - tail).collect();
    Cow::Owned(format!("{start}…{end}"))
}

fn escape(text: &str, wanted: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if wanted(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a terminal would obey it, a reader would take it for the end of the line, or it turns what stands around it.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants_1_and_2_dangerous_characters_are_escaped_and_nothing_else() {
        for (text, expected) in [
            ("plain", "plain"),
            ("größer 模型 🐎 \\n", "größer 模型 🐎 \\n"),
            ("a\nREADY=1", "a\\nREADY=1"),
            ("\r\n\t", "\\r\\n\\t"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\0\u{7f}", "\\u{0}\\u{7f}"),
            ("nosj.\u{202e}json", "nosj.\\u{202e}json"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("e\u{301} \u{200d}", "e\u{301} \u{200d}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn invariant_3_a_quoted_value_ends_where_its_quotes_end() {
        for (text, expected) in [
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("say \"no\" \\", "\"say \\\"no\\\" \\\\\""),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (text, most, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "longe…"),
            ("two words", 4, "two…"),
            ("ααα", 2, "αα…"),
            ("a\nb", 4, "a\\nb"),
        ] {
            assert_eq!(shortened(text, most), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_in_the_middle() {
        for (text, most, expected) in [
            ("short", 5, "short"),
            ("abcdefgh", 5, "ab…gh"),
            ("abcdefgh", 6, "abc…gh"),
            ("abcdefgh", 1, "…"),
            ("abcdefgh", 0, "…"),
            ("αβγδε", 4, "αβ…ε"),
            ("a\nb\nc", 6, "a\\n…nc"),
        ] {
            assert_eq!(cut_in_the_middle(text, most), expected, "{most}");
        }
    }
}
