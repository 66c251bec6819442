//! The group of a text model: its name without size, version, quantisation, variant and date
//! (docs/conversion.md, section 13).
//!
//! The reference removes what five lists of patterns find: of each list the first pattern that occurs anywhere,
//! at its leftmost place, and glues the two sides together before it goes to the next list.

mod patterns;
mod unit;

use std::ops::Range;

use patterns::{date, leading_version, size, version, words};
use unit::Character;

/// Finds groups; its buffers serve one name after the other.
#[derive(Default)]
pub(super) struct Grouping {
    bytes: Vec<u8>,
    lower: Vec<u8>,
    group: String,
}

impl Grouping {
    /// The group of a name.
    pub(super) fn of<'s>(&'s mut self, name: &'s str) -> &'s str {
        let name = name
            .strip_prefix("aphrodite/")
            .or_else(|| name.strip_prefix("koboldcpp/"))
            .unwrap_or(name);
        let slash = memchr::memchr(b'/', name.as_bytes());
        let rest = slash.and_then(|at| name.get(at + 1..)).unwrap_or(name);
        let group = if rest.is_ascii() {
            self.bytes.clear();
            self.bytes.extend_from_slice(rest.as_bytes());
            std::str::from_utf8(shortened(&mut self.bytes, &mut self.lower)).unwrap_or_default()
        } else {
            let mut chars: Vec<char> = rest.chars().collect();
            self.group.clear();
            self.group.extend(shortened(&mut chars, &mut self.lower));
            &self.group
        };
        if group.is_empty() { rest } else { group }
    }
}

/// What is left of a name.
fn shortened<'n, C: Character>(name: &'n mut Vec<C>, lower: &mut Vec<u8>) -> &'n [C] {
    for find in [leading_version, size, version] {
        remove(name, find(name));
    }
    let [quantisation, mut variant] = words(name, lower);
    if quantisation.is_some() {
        remove(name, quantisation);
        [_, variant] = words(name, lower);
    }
    remove(name, variant);
    remove(name, date(name));
    name.dedup_by(|next, c| next == c && c.is_separator());
    let kept = |c: &C| !c.is_separator();
    let start = name.iter().position(kept).unwrap_or(name.len());
    let end = name.iter().rposition(kept).map_or(start, |last| last + 1);
    name.get(start..end).unwrap_or_default()
}

/// Glues the two sides of what was found together.
fn remove<C>(name: &mut Vec<C>, found: Option<Range<usize>>) {
    if let Some(found) = found {
        name.drain(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        for (name, expected) in [
            ("acrastt/Marx-3B-V3", "Marx"),
            ("aphrodite/org/Some-1.5b-Instruct-Q4_K_M.GGUF", "Some-.GGUF"),
            ("a/b-8x22B", "b-8x2"),
            ("a/b-8x7Bc", "b-8x7Bc"),
            ("x-v1.2.3a", "x-.3a"),
            ("x_Q4_K_M", "x_Q4_K_M"),
            ("3.1_x--y", "x-y"),
            ("m-2024-12", "m"),
            ("7B", "7B"),
            ("é-7B", "é"),
        ] {
            assert_eq!(Grouping::default().of(name), expected, "{name}");
        }
    }

    #[test]
    fn every_recorded_grouping() {
        let directory = match std::env::var_os("HORDE_REFD_SHARED") {
            Some(shared) => std::path::PathBuf::from(shared).join("spec/cases"),
            None => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases"),
        };
        let path = directory.join("grouping.jsonl");
        let table = std::fs::read_to_string(path).unwrap();
        let mut grouping = Grouping::default();
        for line in table.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let group = grouping.of(case["name"].as_str().unwrap());
            assert_eq!(group, case["base"], "{line}");
        }
        assert!(table.lines().count() > 600);
    }
}
