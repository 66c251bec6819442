//! Which models an update added, removed and changed: two v2 files compared as models, whatever their layout.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::python::json::{Object, Value, canonical_int, float_value, parse_loosely};

/// How many models differ between two versions of a category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// In the new version only.
    pub added: usize,
    /// In the old version only.
    pub removed: usize,
    /// In both, with different records.
    pub changed: usize,
}

impl Changes {
    /// A first version: all of its models are new.
    #[must_use]
    pub fn first(models: u64) -> Self {
        Self {
            added: usize::try_from(models).unwrap_or(usize::MAX),
            ..Self::default()
        }
    }

    /// Compares two v2 files; `old` may be anything, since it may have been edited.
    #[must_use]
    pub fn between(old: Option<&[u8]>, new: &[u8]) -> Self {
        let (old, new) = (models(old.unwrap_or_default()), models(new));
        let mut before: HashMap<&str, &Value<'_>> = old.iter().collect();
        let mut changes = Self::default();
        for (name, model) in &new {
            match before.remove(name) {
                None => changes.added += 1,
                Some(earlier) if !same(earlier, model) => changes.changed += 1,
                Some(_) => {}
            }
        }
        changes.removed = before.len();
        changes
    }
}

/// How many models a v2 file has; none where it is no JSON object.
#[must_use]
pub fn count(v2: &[u8]) -> u64 {
    models(v2).len() as u64
}

/// The models of a v2 file; none of a file that is no JSON object.
fn models(v2: &[u8]) -> Object<'_> {
    let text = std::str::from_utf8(v2).unwrap_or_default();
    match parse_loosely(text) {
        Ok(Value::Object(models)) => models,
        _ => Object::default(),
    }
}

/// Whether two values mean the same: the order of members and the spelling of numbers do not count.
pub(crate) fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => canonical_int(one) == canonical_int(other),
        (Value::Float(one), Value::Float(other)) => {
            float_value(one).to_bits() == float_value(other).to_bits()
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let also = |(key, value): (&str, &Value<'_>)| {
                other.get(key).is_some_and(|other| same(value, other))
            };
            one.len() == other.len() && one.iter().all(also)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_the_models_not_their_order_or_layout() {
        let old =
            br#"{"a": {"name": "1", "x": [1, 2.0]}, "b": {"name": "1"}, "q\"": {}, "gone": 1}"#;
        let new = b"{\n    \"q\\\"\": {},\n    \"a\": {\"x\": [1, 2.0], \"name\": \"1\"},\n    \"b\": {\"name\": \"2\"},\n    \"new\": {}\n}\n";
        let expected = Changes {
            added: 1,
            removed: 1,
            changed: 1,
        };
        assert_eq!(Changes::between(Some(old), new), expected);
        assert_eq!(Changes::between(Some(new), new), Changes::default());
    }

    #[test]
    fn anything_goes_as_the_old_file() {
        let new = br#"{"a": 1, "b": 1}"#;
        for old in [
            None,
            Some(b"".as_slice()),
            Some(b"{}\n"),
            Some(b"<html>"),
            Some(b"\xff"),
        ] {
            assert_eq!(Changes::between(old, new).added, 2);
        }
        assert_eq!(Changes::between(Some(new), b"{}\n").removed, 2);
    }
}
