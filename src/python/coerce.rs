//! Coercions: what counts as a string, a boolean, a list, an object, one of a few words
//! (docs/conversion.md, section 6).

use super::flaw::{At as _, Flaw};
use super::json::{Object, Value, float_value};
use super::numbers::shown;

/// `null` means absent.
pub(crate) fn optional<'t, 'a, T>(
    value: &'t Value<'a>,
    read: impl FnOnce(&'t Value<'a>) -> Result<T, Flaw>,
) -> Result<Option<T>, Flaw> {
    match value {
        Value::Null => Ok(None),
        value => read(value).map(Some),
    }
}

pub(crate) fn string<'t>(value: &'t Value<'_>) -> Result<&'t str, Flaw> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Flaw::expected("a string", other)),
    }
}

pub(crate) fn optional_string<'t>(value: &'t Value<'_>) -> Result<Option<&'t str>, Flaw> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(Flaw::expected("a string or null", other)),
    }
}

/// A string of at least one character.
pub(crate) fn filled_string<'t>(value: &'t Value<'_>) -> Result<&'t str, Flaw> {
    match string(value)? {
        "" => Err(Flaw::new("must not be empty")),
        text => Ok(text),
    }
}

pub(crate) fn boolean(value: &Value<'_>) -> Result<bool, Flaw> {
    let is = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let answer = match value {
        Value::Bool(value) => Some(*value),
        Value::Int(literal) | Value::Float(literal) => zero_or_one(float_value(literal)),
        Value::String(text) if is(text, &["1", "t", "y", "on", "yes", "true"]) => Some(true),
        Value::String(text) if is(text, &["0", "f", "n", "no", "off", "false"]) => Some(false),
        _ => None,
    };
    answer.ok_or_else(|| Flaw::new(format!("must be true or false, found {}", shown(value))))
}

#[expect(clippy::float_cmp, reason = "only the two exact values are booleans")]
fn zero_or_one(value: f64) -> Option<bool> {
    (value == 0.0 || value == 1.0).then_some(value == 1.0)
}

pub(crate) fn object<'t, 'a>(value: &'t Value<'a>) -> Result<&'t Object<'a>, Flaw> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Flaw::expected("an object", other)),
    }
}

pub(crate) fn list<'t, 'a, T>(
    value: &'t Value<'a>,
    mut read: impl FnMut(&'t Value<'a>) -> Result<T, Flaw>,
) -> Result<Vec<T>, Flaw> {
    let Value::List(items) = value else {
        return Err(Flaw::expected("a list", value));
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| read(item).at_index(index))
        .collect()
}

pub(crate) fn strings<'t>(value: &'t Value<'_>) -> Result<Vec<&'t str>, Flaw> {
    list(value, string)
}

/// Exactly one of a few words.
pub(crate) fn word<'t>(value: &'t Value<'_>, words: &[&str]) -> Result<&'t str, Flaw> {
    match value {
        Value::String(text) if words.contains(&text.as_ref()) => Ok(text),
        other => Err(Flaw::new(format!(
            "must be one of {}, found {}",
            words.join(", "),
            shown(other)
        ))),
    }
}

/// A member that has to be there.
pub(crate) fn required<T>(value: Option<T>, name: &str) -> Result<T, Flaw> {
    value
        .ok_or_else(|| Flaw::new("is required and missing"))
        .at(name)
}

/// For objects that allow no other members.
pub(crate) fn unknown_member<T>(name: &str) -> Result<T, Flaw> {
    Err(Flaw::new("is not a known member")).at(name)
}
