//! Character classes of the reference (docs/conversion.md, sections 3 and 13), whose Unicode data is that of
//! version 15.1.
//!
//! Every function answers for ASCII without a table; only other characters reach the ICU data, by [`category_of`], so
//! that what is left is small enough to be compiled into the loops that ask for each character of a name.

use std::borrow::Cow;

use icu_properties::{GeneralCategory, GeneralCategoryGroup, maps};

/// White space as Rust and pydantic see it. Python's `strip` knows four separators more: [`is_python_space`].
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// White space as Python's `str.strip` sees it.
pub(crate) fn is_python_space(c: char) -> bool {
    is_space(c) || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `str.strip()`.
#[inline]
pub(crate) fn python_trim(text: &str) -> &str {
    // Most cells begin and end with a printing ASCII character, or are empty.
    let visible = |byte: Option<&u8>| matches!(byte, Some(b'!'..=b'~'));
    let bytes = text.as_bytes();
    if bytes.is_empty() || (visible(bytes.first()) && visible(bytes.last())) {
        text
    } else {
        text.trim_matches(is_python_space)
    }
}

/// The general category of a character, from the tables.
#[cold]
fn category_of(c: char) -> GeneralCategory {
    maps::general_category().get(c)
}

/// General category Nd.
#[inline]
pub(crate) fn is_decimal(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        category_of(c) == GeneralCategory::DecimalNumber
    }
}

/// General categories L* and N*.
#[inline]
pub(crate) fn is_letter_or_number(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let category = category_of(c);
    GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Number.contains(category)
}

/// The value of a decimal digit of any script.
///
/// Digits come in ascending tens without gaps, so the distance to the start of the block gives the value.
pub(crate) fn decimal_value(c: char) -> Option<u8> {
    if !is_decimal(c) {
        return None;
    }
    let block = (0..u32::from(c))
        .rev()
        .take_while(|&code| char::from_u32(code).is_some_and(is_decimal))
        .count();
    u8::try_from(block % 10).ok()
}

/// Replaces decimal digits of other scripts by ASCII digits, as Python's `float` does.
pub(crate) fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let digit = |c: char| match decimal_value(c) {
        Some(value) if !c.is_ascii() => char::from(b'0' + value),
        _ => c,
    };
    Cow::Owned(text.chars().map(digit).collect())
}

/// Whether `text`, lower-cased, contains the lower-case ASCII `word`.
pub(crate) fn contains_lowered(text: &str, word: &str) -> bool {
    if text.is_ascii() {
        text.len() >= word.len()
            && text
                .as_bytes()
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    } else {
        text.to_lowercase().contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_a_value() {
        for (c, value) in [('7', 7), ('٣', 3), ('०', 0), ('９', 9), ('𝟗', 1), ('𝟘', 0)] {
            let expected = if c == '𝟗' { 9 } else { value };
            assert_eq!(decimal_value(c), Some(expected), "{c}");
        }
        assert_eq!(decimal_value('²'), None);
        assert_eq!(ascii_digits("١.५x"), "1.5x");
    }

    #[test]
    fn pythons_strip_knows_four_separators_more() {
        assert_eq!(python_trim("\u{1c} a\u{3000}\u{1f}"), "a");
        assert_eq!(python_trim("\u{feff}a\u{200b}"), "\u{feff}a\u{200b}");
        assert_eq!(python_trim(" \t"), "");
    }

    #[test]
    fn a_dotted_capital_i_lowers_to_two_characters() {
        assert!(contains_lowered("CIVITAI", "civitai"));
        assert!(contains_lowered("CIVITA\u{130}", "civitai"));
        assert!(!contains_lowered("C\u{130}VITAI", "civitai"));
        assert!(!contains_lowered("yam", "yaml"));
    }
}
