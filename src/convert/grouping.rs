//! The group of a text model: its name without size, version, quantisation, variant and date.
//!
//! The reference removes what five lists of patterns find: of each list the first pattern that occurs anywhere,
//! at its leftmost place, and glues the two sides together before it goes to the next list.

use std::ops::Range;

use super::patterns::{Unit, date, leading_version, size, version, words};
use super::places::{Masks, Places, Searched};

/// Groups names, keeping its working memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Grouper {
    bytes: Vec<u8>,
    chars: Vec<char>,
    text: String,
}

impl Grouper {
    /// The group of a name.
    pub(super) fn group<'a>(&'a mut self, name: &'a str) -> &'a str {
        let name = name
            .strip_prefix("aphrodite/")
            .or_else(|| name.strip_prefix("koboldcpp/"))
            .unwrap_or(name);
        let slash = name.bytes().position(|byte| byte == b'/');
        let rest = slash
            .and_then(|slash| name.get(slash + 1..))
            .unwrap_or(name);
        let kept = if rest.is_ascii() {
            self.bytes.clear();
            self.bytes.extend_from_slice(rest.as_bytes());
            let kept = match Masks::of(&self.bytes) {
                Some(mut masks) => shorten(&mut self.bytes, &mut masks),
                None => shorten(&mut self.bytes, &mut Searched),
            };
            // Bytes of an ASCII name are UTF-8 whatever was removed.
            std::str::from_utf8(kept).unwrap_or_default()
        } else {
            self.chars.clear();
            self.chars.extend(rest.chars());
            self.text.clear();
            self.text.extend(shorten(&mut self.chars, &mut Searched));
            &self.text
        };
        if kept.is_empty() { rest } else { kept }
    }
}

fn shorten<'n, U: Unit>(name: &'n mut Vec<U>, places: &mut impl Places<U>) -> &'n [U] {
    let leading = leading_version(name);
    remove(name, places, (leading > 0).then_some(0..leading));
    let found = size(name, places);
    remove(name, places, found);
    let found = version(name, places);
    remove(name, places, found);
    // Removing a word leaves the other words as they were, so two lists are looked for in one pass.
    let (quantisation, variant) = words(name, places);
    // The later one first, so that the place of the other stays right.
    let start = |range: &Option<Range<usize>>| range.as_ref().map_or(0, |range| range.start);
    let (first, second) = if start(&quantisation) < start(&variant) {
        (quantisation, variant)
    } else {
        (variant, quantisation)
    };
    remove(name, places, second);
    remove(name, places, first);
    let found = date(name, places);
    remove(name, places, found);
    if places.may_repeat(name) {
        name.dedup_by(|next, unit| next == unit && is_separator(*unit));
    }
    trim(name)
}

#[inline]
fn remove<U: Copy>(name: &mut Vec<U>, places: &mut impl Places<U>, range: Option<Range<usize>>) {
    if let Some(range) = range {
        places.cut(&range);
        let length = name.len() - range.len();
        name.copy_within(range.end.., range.start);
        name.truncate(length);
    }
}

/// Separators at the ends go.
fn trim<U: Unit>(name: &[U]) -> &[U] {
    let mut kept = name;
    while let [unit, rest @ ..] = kept
        && is_separator(*unit)
    {
        kept = rest;
    }
    while let [rest @ .., unit] = kept
        && is_separator(*unit)
    {
        kept = rest;
    }
    kept
}

fn is_separator(unit: impl Unit) -> bool {
    matches!(unit.ascii(), b'-' | b'_' | b' ' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        let mut grouper = Grouper::default();
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
            assert_eq!(grouper.group(name), expected, "{name}");
        }
    }

    #[test]
    fn the_shared_table() {
        let Some(shared) = std::env::var_os("HORDE_REFD_SHARED") else {
            return;
        };
        let path = std::path::Path::new(&shared).join("spec/cases/grouping.jsonl");
        let mut grouper = Grouper::default();
        let table = std::fs::read_to_string(path).unwrap();
        for line in table.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                grouper.group(case["name"].as_str().unwrap()),
                case["base"],
                "{line}"
            );
        }
        assert!(table.lines().count() > 1000);
    }
}
