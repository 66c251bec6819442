//! The members of an outermost object, written one after the other into one text.
//!
//! A key that comes again keeps its first position and gets its last content. That is rare, so texts are written
//! straight into the result, and the few later ones are put in their places at the end.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use crate::python::names::Keys;

/// Members in the making. Their keys are kept by the caller, who has a use for them.
#[derive(Debug)]
pub(crate) struct Members {
    out: Vec<u8>,
    /// The text of each member, without comma and line end; empty when nothing was written.
    texts: Vec<Range<usize>>,
    hashes: Vec<u64>,
    /// Open addressing, at most half full: 0, or the index of a member plus one.
    table: Vec<usize>,
    seed: u64,
    /// Texts of keys that came again, and whose they are.
    later: Vec<u8>,
    replaced: Vec<(usize, Range<usize>)>,
}

/// Where a key's member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) index: usize,
    /// The key was not seen before; it is the caller's next one to keep.
    pub(crate) is_new: bool,
}

impl Members {
    pub(crate) fn with_capacity(bytes: usize, members: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self {
            out,
            texts: Vec::with_capacity(members),
            hashes: Vec::with_capacity(members),
            table: vec![0; (members * 2).next_power_of_two().max(16)],
            seed: RandomState::new().hash_one(0),
            later: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Finds or makes the place of a key; `keys` are those of the members so far.
    pub(crate) fn slot(&mut self, key: &str, keys: &Keys) -> Slot {
        let hash = hash(self.seed, key.as_bytes());
        for place in self.places(hash) {
            let Some(index) = self.table.get(place).and_then(|entry| entry.checked_sub(1)) else {
                break;
            };
            if self.hashes.get(index) == Some(&hash) && keys.get(index) == key {
                return Slot {
                    index,
                    is_new: false,
                };
            }
        }
        let index = self.texts.len();
        self.texts.push(0..0);
        self.hashes.push(hash);
        if self.texts.len() * 2 > self.table.len() {
            self.grow();
        } else {
            self.enter(hash, index);
        }
        Slot {
            index,
            is_new: true,
        }
    }

    /// Every place of the table, in the order a hash tries them.
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.table.len() - 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let first = hash as usize;
        (0..=mask).map(move |step| first.wrapping_add(step) & mask)
    }

    fn enter(&mut self, hash: u64, index: usize) {
        for place in self.places(hash) {
            if let Some(entry @ 0) = self.table.get_mut(place) {
                *entry = index + 1;
                return;
            }
        }
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 4];
        for (index, hash) in std::mem::take(&mut self.hashes).into_iter().enumerate() {
            self.enter(hash, index);
            self.hashes.push(hash);
        }
    }

    /// Writes a member: indent, key and value, nothing after it.
    pub(crate) fn write(&mut self, slot: Slot, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(text) = self.texts.get_mut(slot.index) else {
            return;
        };
        if text.start < text.end {
            let start = self.later.len();
            write(&mut self.later);
            self.replaced.push((slot.index, start..self.later.len()));
            return;
        }
        let separator: &[u8] = if self.out.len() == 1 { b"\n" } else { b",\n" };
        self.out.extend_from_slice(separator);
        let start = self.out.len();
        write(&mut self.out);
        *text = start..self.out.len();
    }

    /// The whole object, and how many members it has.
    pub(crate) fn finish(mut self) -> (Vec<u8>, usize) {
        self.put_in_place();
        let count = self.texts.iter().filter(|text| !text.is_empty()).count();
        let mut out = self.out;
        out.extend_from_slice(if count == 0 { b"}" } else { b"\n}" });
        (out, count)
    }

    /// Puts later texts where the first ones are, without a second copy of everything: what comes after each is
    /// first moved up by as much as all texts before it grow, then down to where it belongs.
    fn put_in_place(&mut self) {
        // Of several texts for one member the last counts.
        self.replaced.sort_by_key(|(index, _)| *index);
        self.replaced.reverse();
        self.replaced.dedup_by_key(|(index, _)| *index);
        self.replaced.reverse();
        let pairs: Vec<(Range<usize>, Range<usize>)> = self
            .replaced
            .iter()
            .filter_map(|(index, new)| Some((self.texts.get(*index)?.clone(), new.clone())))
            .collect();
        let growth =
            |(old, new): &(Range<usize>, Range<usize>)| new.len().saturating_sub(old.len());
        let end = self.out.len();
        let mut shift: usize = pairs.iter().map(growth).sum();
        self.out.resize(end + shift, b' ');
        let mut next = end;
        for pair in pairs.iter().rev() {
            self.out.copy_within(pair.0.end..next, pair.0.end + shift);
            shift -= growth(pair);
            next = pair.0.start;
        }
        let mut to = next;
        let nexts = pairs.iter().skip(1).map(|(old, _)| old.start).chain([end]);
        for (pair, next) in pairs.iter().zip(nexts) {
            let new = self.later.get(pair.1.clone()).unwrap_or_default();
            if let Some(place) = self.out.get_mut(to..to + new.len()) {
                place.copy_from_slice(new);
            }
            to += new.len();
            shift += growth(pair);
            self.out.copy_within(pair.0.end + shift..next + shift, to);
            to += next - pair.0.end;
        }
        self.out.truncate(to);
    }
}

/// A keyed hash that takes eight bytes a step: names are short, and every row has one.
///
/// The key is random, so nobody can prepare names that collide.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let halves = (product as u64, (product >> 64) as u64);
        halves.0 ^ halves.1
    };
    let (words, tail) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, byte) in last.iter_mut().zip(tail) {
        *to = *byte;
    }
    let mut state = seed ^ bytes.len() as u64;
    for word in words.iter().chain([&last]) {
        state = fold(
            state ^ u64::from_le_bytes(*word),
            0x9e37_79b9_7f4a_7c15 ^ seed.rotate_left(32),
        );
    }
    fold(state, 0xd1b5_4a32_d192_ed03)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(members: &[(&str, &str)]) -> (String, usize) {
        let mut object = Members::with_capacity(0, 0);
        let mut keys = Keys::default();
        for (key, text) in members {
            let slot = object.slot(key, &keys);
            if slot.is_new {
                keys.push(key);
            }
            if !text.is_empty() {
                object.write(slot, |out| out.extend_from_slice(text.as_bytes()));
            }
        }
        let (text, count) = object.finish();
        (String::from_utf8(text).unwrap(), count)
    }

    #[test]
    fn first_position_last_content() {
        for (members, expected, count) in [
            (vec![], "{}", 0),
            (vec![("c", "")], "{}", 0),
            (
                vec![("a", "1"), ("b", "2"), ("c", ""), ("a", "3")],
                "{\n3,\n2\n}",
                2,
            ),
            (
                vec![
                    ("a", "1"),
                    ("b", "22"),
                    ("c", "3"),
                    ("b", "x"),
                    ("a", "longer"),
                    ("b", "4444"),
                    ("c", "55555"),
                ],
                "{\nlonger,\n4444,\n55555\n}",
                3,
            ),
            (
                vec![
                    ("a", "11111"),
                    ("b", "2"),
                    ("c", "333"),
                    ("d", "4"),
                    ("a", "x"),
                    ("c", "yyyyy"),
                ],
                "{\nx,\n2,\nyyyyy,\n4\n}",
                4,
            ),
        ] {
            assert_eq!(object(&members), (expected.to_owned(), count));
        }
    }

    #[test]
    fn many_keys_are_told_apart() {
        let mut members = Members::with_capacity(0, 0);
        let mut keys = Keys::default();
        for round in 0..2 {
            for number in 0..5_000 {
                let key = format!("model-{number}");
                let slot = members.slot(&key, &keys);
                assert_eq!(slot.index, number);
                assert_eq!(slot.is_new, round == 0);
                if slot.is_new {
                    keys.push(&key);
                }
            }
        }
    }
}
