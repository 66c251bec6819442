//! Numbers from text and from JSON values, by the rules of Python and of pydantic
//! (docs/conversion.md, sections 6.3 and 6.5).
//!
//! Written by hand because no crate has these rules: `speedate` reads integers of 64 bits and knows no underscores.
//!
//! Integers have any size, so they are decimal text in canonical form: `-?(0|[1-9][0-9]*)`, never `-0`
//! but for the text `"-0"` of a string, which Python turns into 0 as well.

use std::borrow::Cow;
use std::fmt;

use super::characters::{ascii_digits, is_space};
use super::flaw::Flaw;
use super::json::{MAX_INTEGER_DIGITS, Value, canonical_int, float_value};

/// An integer from whatever pydantic takes for one.
pub(crate) fn integer<'t>(value: &'t Value<'_>) -> Result<Cow<'t, str>, Flaw> {
    lenient_integer(value).ok_or_else(|| match value {
        Value::String(_) | Value::Float(_) => {
            Flaw::new(format!("must be an integer, found {}", shown(value)))
        }
        _ => Flaw::expected("an integer", value),
    })
}

pub(crate) fn lenient_integer<'t>(value: &'t Value<'_>) -> Option<Cow<'t, str>> {
    match value {
        Value::Int(literal) => Some(Cow::Borrowed(canonical_int(literal))),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "1" } else { "0" })),
        Value::Float(literal) => integral_float(float_value(literal)).map(Cow::Owned),
        Value::String(text) => integer_from_text(text).map(Cow::Owned),
        _ => None,
    }
}

/// A value in a message: the literal or the start of the text.
pub(crate) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Int(literal) | Value::Float(literal) => literal.chars().take(40).collect::<String>(),
        Value::String(text) => format!(
            "\"{}\"",
            text.chars().take(40).collect::<String>().escape_debug()
        ),
        other => other.describe().to_owned(),
    }
}

fn integral_float(value: f64) -> Option<String> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value > -LIMIT && value < LIMIT && value.fract() == 0.0).then(|| Whole(value).to_string())
}

/// A whole double, shown in full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole(pub(crate) f64);

impl Whole {
    /// The number, where that type surely holds it.
    pub(crate) fn as_i64(self) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "in range")]
        (self.0.abs() < 9e18).then_some(self.0 as i64)
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_i64() {
            Some(number) => number.fmt(f),
            None => write!(f, "{:.0}", self.0),
        }
    }
}

/// pydantic's integer from a string.
fn integer_from_text(text: &str) -> Option<String> {
    let mut rest = text.trim_matches(is_space);
    let mut negative = false;
    if let Some(after) = rest.strip_prefix(['+', '-']) {
        negative = rest.starts_with('-');
        rest = after;
        if rest.starts_with('-') {
            return None;
        }
    }
    match rest.as_bytes().first() {
        Some(b'0') => {
            let significant = rest.trim_start_matches(['0', '_']);
            let skipped = rest.len() - significant.len();
            rest = match significant.as_bytes().first() {
                None => rest.get(rest.len() - 1..)?,
                Some(b'1'..=b'9' | b'-') => significant,
                Some(b'.') => rest.get(skipped - 1..)?,
                Some(_) => return None,
            };
        }
        Some(b'1'..=b'9') => {}
        _ => return None,
    }
    if let Some((whole, fraction)) = rest.split_once('.') {
        if fraction.is_empty() || fraction.bytes().any(|byte| byte != b'0') {
            return None;
        }
        rest = whole;
    }
    if rest.starts_with('_') || rest.ends_with('_') || rest.contains("__") {
        return None;
    }
    let mut number = String::with_capacity(rest.len() + 1);
    if negative {
        number.push('-');
    }
    number.extend(rest.chars().filter(|c| *c != '_'));
    plain_integer(number)
}

fn plain_integer(number: String) -> Option<String> {
    let digits = number.strip_prefix('-').unwrap_or(&number);
    let plain = !digits.is_empty()
        && digits.len() <= MAX_INTEGER_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    match (plain, number.as_str()) {
        (false, _) => None,
        (true, "-0") => Some("0".to_owned()),
        (true, _) => Some(number),
    }
}

/// Python's `float(text)`.
pub(crate) fn python_float(text: &str) -> Option<f64> {
    if (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let value = text
            .bytes()
            .fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
        return Some(f64::from(value));
    }
    let text = ascii_digits(text.trim_matches(is_space));
    if !text.contains('_') {
        return text.parse().ok();
    }
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let between_digits = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    let well_placed = bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| *byte != b'_' || between_digits(at));
    well_placed
        .then(|| text.replace('_', "").parse().ok())
        .flatten()
}

/// pydantic's float from a string.
pub(crate) fn rust_float(text: &str) -> Option<f64> {
    if let Ok(value) = text.trim_matches(is_space).parse() {
        return Some(value);
    }
    let underscored = text.contains('_')
        && !text.starts_with('_')
        && !text.ends_with('_')
        && !text.contains("__");
    underscored
        .then(|| text.replace('_', "").parse().ok())
        .flatten()
}

/// An integer literal as a double; `None` beyond the range.
pub(crate) fn int_as_float(literal: &str) -> Option<f64> {
    let value: f64 = canonical_int(literal).parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_from_text() {
        for (text, expected) in [
            (" +1_000.00 ", Some("1000")),
            ("007", Some("7")),
            ("0-1", Some("-1")),
            ("-0-1", None),
            ("0__1", Some("1")),
            ("0.0", Some("0")),
            ("-0", Some("0")),
            ("0_", None),
            ("1.", None),
            ("1e3", None),
            ("", None),
            ("+-1", None),
            ("١", None),
        ] {
            assert_eq!(integer_from_text(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn floats_from_text() {
        for (text, python, rust) in [
            ("1_0", Some(10.0), Some(10.0)),
            (" 1_0", Some(10.0), None),
            ("1._5", None, Some(1.5)),
            ("_1", None, None),
            ("1__0", None, None),
            ("٣.٥", Some(3.5), None),
            (".5", Some(0.5), Some(0.5)),
            ("5.", Some(5.0), Some(5.0)),
            ("1e", None, None),
            ("+INFinity", Some(f64::INFINITY), Some(f64::INFINITY)),
        ] {
            assert_eq!(python_float(text), python, "{text:?}");
            assert_eq!(rust_float(text), rust, "{text:?}");
        }
    }

    #[test]
    fn whole_doubles_are_exact() {
        assert_eq!(Whole(-0.0).to_string(), "0");
        assert_eq!(
            Whole(1e22 * 1e9).to_string(),
            "9999999999999999635896294965248"
        );
        assert_eq!(Whole(1e290 * 1e9).to_string().len(), 300);
    }
}
