//! The characters of a text model's name as the patterns see them (docs/conversion.md, section 13).
//!
//! 1. Nearly all names are ASCII, and their characters bytes; only other names are taken apart into `char`s. Both answer
//!    the same for the same character.

use std::ops::Range;

use crate::python::characters::{is_decimal, is_letter_or_number};

/// A character of a name.
pub(super) trait Character: Copy + PartialEq {
    /// `\d`: a decimal digit of any script (D).
    fn is_digit(self) -> bool;

    /// `\w`: a letter or number of any script, or `_` (W).
    fn is_word(self) -> bool;

    /// `[A-Za-z0-9]`.
    fn is_ascii_letter_or_digit(self) -> bool;

    /// The lower-case ASCII letter that a letter equals when case is ignored; any other ASCII character is itself, and
    /// one beyond that is no ASCII character.
    fn fold(self) -> u8;

    /// `(?i)[a-z]` (I).
    fn is_letter(self) -> bool {
        self.fold().is_ascii_lowercase()
    }

    /// `(?i)[a-z0-9]`.
    fn is_letter_or_digit(self) -> bool {
        self.fold().is_ascii_alphanumeric()
    }

    /// What groups neither begin nor end with.
    fn is_separator(self) -> bool {
        matches!(self.fold(), b'-' | b'_' | b' ' | b'.')
    }
}

impl Character for u8 {
    fn is_digit(self) -> bool {
        self.is_ascii_digit()
    }

    fn is_word(self) -> bool {
        self.is_ascii_alphanumeric() || self == b'_'
    }

    fn is_ascii_letter_or_digit(self) -> bool {
        self.is_ascii_alphanumeric()
    }

    fn fold(self) -> u8 {
        self.to_ascii_lowercase()
    }
}

impl Character for char {
    fn is_digit(self) -> bool {
        is_decimal(self)
    }

    fn is_word(self) -> bool {
        self == '_' || is_letter_or_number(self)
    }

    fn is_ascii_letter_or_digit(self) -> bool {
        self.is_ascii_alphanumeric()
    }

    fn fold(self) -> u8 {
        match self {
            '\u{130}' | '\u{131}' => b'i',
            '\u{17f}' => b's',
            '\u{212a}' => b'k',
            other if other.is_ascii() => (other as u8).to_ascii_lowercase(),
            _ => u8::MAX,
        }
    }
}

/// All maximal runs of a class, leftmost first.
pub(super) fn runs<C: Character>(
    name: &[C],
    class: impl Fn(C) -> bool + Copy,
) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next + name.get(next..)?.iter().position(|c| class(*c))?;
        next = run_end(name, start, class);
        Some(start..next)
    })
}

/// Where the run of a class that goes on at `from` ends.
pub(super) fn run_end<C: Character>(name: &[C], from: usize, class: impl Fn(C) -> bool) -> usize {
    let rest = name.get(from..).unwrap_or_default();
    from + rest.iter().position(|c| !class(*c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(c: impl Character) -> (u8, [bool; 3]) {
        (
            c.fold(),
            [c.is_digit(), c.is_word(), c.is_ascii_letter_or_digit()],
        )
    }

    #[test]
    fn invariant_1_a_byte_answers_as_its_character_does() {
        for byte in 0..128_u8 {
            assert_eq!(answers(byte), answers(char::from(byte)), "{byte}");
        }
    }
}
