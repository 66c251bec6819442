//! JSON values as the reader gives them: a tree that borrows from the text.
//!
//! 1. Numbers stay text: integers have any size, and a float that is only copied is never parsed.
//! 2. Of a key given twice the first position and the last value count.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written: `-?(0|[1-9][0-9]*)`.
    Int(&'a str),
    /// As written: with a fraction or an exponent, or one of the three names.
    Float(&'a str),
    String(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// The members of an object, keys unique, in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl Value<'_> {
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
            Self::Int(text) => matches!(*text, "0" | "-0"),
            Self::Float(text) => float_value(text) == 0.0,
            Self::String(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(object) => object.is_empty(),
        }
    }
}

impl<'a> Object<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Members as read: the last value of a key moves to its first position.
    pub(crate) fn from_members(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        if has_duplicates(&members) {
            // Rare, so it may cost.
            let mut positions: HashMap<Cow<'a, str>, usize> = HashMap::new();
            let mut unique: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(members.len());
            for (key, value) in members {
                if let Some(earlier) = positions.get(&key).and_then(|at| unique.get_mut(*at)) {
                    earlier.1 = value;
                } else {
                    positions.insert(key.clone(), unique.len());
                    unique.push((key, value));
                }
            }
            members = unique;
        }
        Self(members)
    }
}

fn has_duplicates(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if members.len() <= 24 {
        return members.iter().enumerate().any(|(index, (key, _))| {
            members
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == key)
        });
    }
    // Equal keys have equal hashes; unequal keys with equal hashes only cost the slow path for nothing.
    let state = RandomState::new();
    let mut hashes: Vec<u64> = members
        .iter()
        .map(|(key, _)| state.hash_one(key.as_ref()))
        .collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair.first() == pair.last())
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
