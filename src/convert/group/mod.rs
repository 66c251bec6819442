//! The group of a text model: its name without size, version, quantisation, variant and date
//! (docs/conversion.md, section 13).
//!
//! The reference removes what five lists of patterns find: of each list the first pattern that occurs anywhere,
//! at its leftmost place, and glues the two sides together before it goes to the next list.

mod patterns;
mod unit;

use std::ops::Range;

use patterns::{date, leading_version, size, version, words};

/// Finds groups; its buffers serve one name after the other.
#[derive(Default)]
pub(super) struct Grouping {
    kept: Vec<char>,
    group: String,
}

impl Grouping {
    /// The group of a name.
    pub(super) fn of<'s>(&'s mut self, name: &'s str) -> &'s str {
        let Self { kept, group } = self;
        let name = name
            .strip_prefix("aphrodite/")
            .or_else(|| name.strip_prefix("koboldcpp/"))
            .unwrap_or(name);
        let rest = name.split_once('/').map_or(name, |(_, rest)| rest);
        kept.clear();
        if rest.is_ascii() {
            kept.extend(rest.bytes().map(char::from));
        } else {
            kept.extend(rest.chars());
        }
        for find in [leading_version, size, version] {
            remove(kept, find(kept));
        }
        let [quantisation, mut variant] = words(kept);
        if quantisation.is_some() {
            remove(kept, quantisation);
            [_, variant] = words(kept);
        }
        remove(kept, variant);
        remove(kept, date(kept));
        kept.dedup_by(|next, c| next == c && is_separator(*c));
        group.clear();
        group.extend(kept.iter().skip_while(|c| is_separator(**c)));
        let group = group.trim_end_matches(is_separator);
        if group.is_empty() { rest } else { group }
    }
}

/// Glues the two sides of what was found together.
fn remove(name: &mut Vec<char>, found: Option<Range<usize>>) {
    if let Some(found) = found {
        name.drain(found);
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | ' ' | '.')
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
