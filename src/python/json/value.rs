//! JSON values as the reader gives them: a tree that borrows from the text.
//!
//! 1. Numbers stay text: integers have any size, and a float that is only copied is never parsed.
//! 2. Of a key given twice the first position and the last value count.

use std::borrow::Cow;
use std::fmt;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::write::{Flavour, Writer};

/// A JSON value as exact as its text: numbers keep their literals.
///
/// Displayed as JSON, laid out like the published files: indent 4, ASCII only.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer of any size, as written: `-?(0|[1-9][0-9]*)`.
    Int(Cow<'a, str>),
    /// A number as written, with a fraction or an exponent, or one of Python's `NaN`, `Infinity` and `-Infinity`.
    Float(Cow<'a, str>),
    /// A string.
    String(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The members of an object, keys unique, in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(IndexMap<Cow<'a, str>, Value<'a>, RandomState>);

impl Value<'_> {
    /// The text, where it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The answer, where it is `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The literal, where it is a number of any kind and size.
    #[must_use]
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Self::Int(literal) | Self::Float(literal) => Some(literal),
            _ => None,
        }
    }

    /// The integer, where it is one and small enough.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// The double nearest to it, where it is a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(float_value)
    }

    /// The items, where it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The kind of value, for people.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// What Python's `not value` says.
    pub(crate) fn is_falsy(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(text) => matches!(text.as_ref(), "0" | "-0"),
            Self::Float(text) => float_value(text) == 0.0,
            Self::String(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(object) => object.is_empty(),
        }
    }

    /// The same value, independent of the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(literal) => Value::Int(owned(literal)),
            Self::Float(literal) => Value::Float(owned(literal)),
            Self::String(text) => Value::String(owned(text)),
            Self::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(object) => Value::Object(object.into_owned()),
        }
    }
}

impl<'a> Value<'a> {
    /// The members, where it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member of that name, where it is an object that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.as_object()?.get(key)
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        Writer::new(&mut out, Flavour::AsWritten, 0).value(self);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        Writer::new(&mut out, Flavour::AsWritten, 0).object(self);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// The members of an object.
pub type Members<'o, 'a> = std::iter::Map<
    indexmap::map::Iter<'o, Cow<'a, str>, Value<'a>>,
    fn(Borrowed<'o, 'a>) -> (&'o str, &'o Value<'a>),
>;
type Borrowed<'o, 'a> = (&'o Cow<'a, str>, &'o Value<'a>);

impl<'o, 'a> IntoIterator for &'o Object<'a> {
    type Item = (&'o str, &'o Value<'a>);
    type IntoIter = Members<'o, 'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> Object<'a> {
    /// Every member, in the order of the text.
    pub fn iter(&self) -> Members<'_, 'a> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Every key, in the order of the text.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.get(key)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same object, independent of the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> Object<'static> {
        let members = self.0.into_iter();
        Object(
            members
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect(),
        )
    }

    /// Room for so many members.
    pub(super) fn with_capacity(members: usize) -> Self {
        Self(IndexMap::with_capacity_and_hasher(
            members,
            RandomState::default(),
        ))
    }

    /// Adds a member as Python's `dict` does: a key that comes again keeps its place and gets the new value.
    pub(super) fn insert(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        self.0.insert(key, value);
    }
}

/// The double nearest to a float literal.
pub(crate) fn float_value(literal: &str) -> f64 {
    match literal {
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        // The reader lets nothing else through that Rust's grammar does not know.
        _ => literal.parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn a_value_is_as_exact_as_its_text() {
        let text = r#"{
    "m": {
        "n": 0.10000000000000000555,
        "i": 123456789012345678901234567890,
        "x": [
            NaN,
            -Infinity,
            -0,
            1E5
        ],
        "s": "\u00e9\ud83d\ude00",
        "e": {},
        "b": true,
        "z": null
    }
}"#;
        let value = read(text.as_bytes()).unwrap().into_owned();
        assert_eq!(value.to_string(), text);
        let record = value.get("m").unwrap();
        assert_eq!(record.get("n").unwrap().as_f64(), Some(0.1));
        let large = record.get("i").unwrap();
        assert_eq!(large.as_number(), Some("123456789012345678901234567890"));
        assert_eq!(large.as_i64(), None);
        let items = record.get("x").unwrap().as_list().unwrap();
        assert!(items[0].as_f64().unwrap().is_nan());
        assert_eq!(items[2].as_i64(), Some(0));
        assert_eq!(record.get("s").unwrap().as_str(), Some("\u{e9}\u{1f600}"));
        assert_eq!(record.get("b").unwrap().as_bool(), Some(true));
        let keys: Vec<_> = record.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["n", "i", "x", "s", "e", "b", "z"]);
        assert_eq!(record.get("q"), None);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = read(b"{\"a\": \n1,}").unwrap_err();
        assert!(error.to_string().contains("line 2 column 2"), "{error}");
        let lone = read(br#"{"a": "\ud800", "b": 1}"#).unwrap();
        assert_eq!(lone.get("a").unwrap().as_str(), Some("\u{fffd}"));
    }
}
