//! Which models an update added, removed and changed, told from the two v2 files alone.
//!
//! Published files have one shape: a record starts on a line of four blanks and a quote, and no string holds a raw
//! line end. So records are split without parsing them.

use std::collections::HashMap;

use serde::Serialize;

/// How many models differ between two versions of a category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In the new version only.
    pub added: usize,
    /// In the old version only.
    pub removed: usize,
    /// In both, with different records.
    pub changed: usize,
}

impl Changes {
    /// Compares two v2 files; `old` may be anything (somebody may have edited it).
    #[must_use]
    pub fn between(old: Option<&[u8]>, new: &[u8]) -> Self {
        let mut standing: HashMap<&[u8], &[u8]> = records(old.unwrap_or_default()).collect();
        let mut changes = Self::default();
        for (key, record) in records(new) {
            match standing.remove(key) {
                None => changes.added += 1,
                Some(before) if before != record => changes.changed += 1,
                Some(_) => {}
            }
        }
        changes.removed = standing.len();
        changes
    }
}

/// `(key, record)` pairs in file order; the separating comma is not part of a record.
pub(crate) fn records(v2: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    const START: &[u8] = b"\n    \"";
    let mut rest = v2;
    std::iter::from_fn(move || {
        let at = find(rest, START)?;
        let record = rest.get(at + START.len()..)?;
        let end = find(record, START).unwrap_or(record.len());
        let (record, tail) = record.split_at(end);
        rest = tail;
        let key = record.get(..closing_quote(record)?)?;
        let body = record.get(key.len()..)?.trim_ascii_end();
        let body = body.strip_suffix(b"\n}").unwrap_or(body);
        Some((key, body.strip_suffix(b",").unwrap_or(body)))
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(records: &[(&str, &str)]) -> Vec<u8> {
        if records.is_empty() {
            return b"{}\n".to_vec();
        }
        let records: Vec<String> = records
            .iter()
            .map(|(key, value)| format!("    \"{key}\": {{\n        \"name\": \"{value}\"\n    }}"))
            .collect();
        format!("{{\n{}\n}}\n", records.join(",\n")).into_bytes()
    }

    #[test]
    fn counts_follow_the_records_not_their_order() {
        let old = file(&[("a", "1"), ("b", "1"), ("q\\\"", "1"), ("gone", "1")]);
        let new = file(&[("q\\\"", "1"), ("a", "1"), ("b", "2"), ("new", "1")]);
        let expected = Changes {
            added: 1,
            removed: 1,
            changed: 1,
        };
        assert_eq!(Changes::between(Some(&old), &new), expected);
        assert_eq!(
            Changes::between(Some(&new), &new.clone()),
            Changes::default()
        );
    }

    #[test]
    fn anything_goes_as_the_old_file() {
        let new = file(&[("a", "1"), ("b", "1")]);
        for old in [None, Some(b"".as_slice()), Some(b"{}\n"), Some(b"<html>")] {
            assert_eq!(Changes::between(old, &new).added, 2);
        }
        assert_eq!(Changes::between(Some(&new), b"{}\n").removed, 2);
    }
}
