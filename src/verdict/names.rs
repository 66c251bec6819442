//! The models of a v2 file by their names, and how many of them another version lacks.

use std::collections::BTreeSet;

use crate::python::json::{Object, Value, parse_loosely};

/// How many of the published models a draft lacks, by their names; both are v2 files.
///
/// A file that is no JSON object has no models: there is nothing in it that could be missed.
pub(super) fn lacking(published: &[u8], draft: &[u8]) -> u64 {
    let (published, draft) = (models(published), models(draft));
    let kept: BTreeSet<&str> = draft.keys().collect();
    published.keys().filter(|name| !kept.contains(name)).count() as u64
}

fn models(v2: &[u8]) -> Object<'_> {
    let text = std::str::from_utf8(v2).unwrap_or_default();
    match parse_loosely(text) {
        Ok(Value::Object(models)) => models,
        _ => Object::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_counted_by_name() {
        for (published, draft, expected) in [
            ("{}", "{}", 0),
            ("{\"a\": 1, \"b\": 2}", "{\"b\": 3, \"c\": 4}", 1),
            // The same number of models, under other names.
            ("{\"a\": 1, \"b\": 2}", "{\"c\": 1, \"d\": 2}", 2),
            ("{\"a\\u0062\": 1}", "{\"ab\": 1}", 0),
            ("{\"a\": 1}", "<html>", 1),
            ("<html>", "{\"a\": 1}", 0),
        ] {
            let lacking = lacking(published.as_bytes(), draft.as_bytes());
            assert_eq!(lacking, expected, "{published} -> {draft}");
        }
    }
}
