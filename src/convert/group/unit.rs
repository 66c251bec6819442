//! The characters of a text model's name as the patterns see them (docs/conversion.md, section 13).

use std::ops::Range;

use crate::python::characters::{is_decimal, is_letter_or_number};

/// `\d`: a decimal digit of any script (D).
pub(super) fn is_digit(c: char) -> bool {
    is_decimal(c)
}

/// `\w`: a letter or number of any script, or `_` (W).
pub(super) fn is_word(c: char) -> bool {
    c == '_' || is_letter_or_number(c)
}

/// `(?i)[a-z]` (I).
pub(super) fn is_letter(c: char) -> bool {
    fold(c).is_ascii_lowercase()
}

/// `(?i)[a-z0-9]`.
pub(super) fn is_letter_or_digit(c: char) -> bool {
    fold(c).is_ascii_alphanumeric()
}

/// The lower-case ASCII letter that a letter equals when case is ignored; any other character is itself.
pub(super) fn fold(c: char) -> char {
    match c {
        ascii if ascii.is_ascii() => ascii.to_ascii_lowercase(),
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other,
    }
}

/// All maximal runs of a class, leftmost first.
pub(super) fn runs(
    name: &[char],
    class: impl Fn(char) -> bool + Copy,
) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next + name.get(next..)?.iter().position(|c| class(*c))?;
        next = run_end(name, start, class);
        Some(start..next)
    })
}

/// Where the run of a class that goes on at `from` ends.
pub(super) fn run_end(name: &[char], from: usize, class: impl Fn(char) -> bool) -> usize {
    let rest = name.get(from..).unwrap_or_default();
    from + rest.iter().position(|c| !class(*c)).unwrap_or(rest.len())
}
