//! The members of an outermost object, written one after the other into one text.
//!
//! A key that comes again keeps its first position and gets its last content. That is rare, so texts are written
//! straight into the result and only then, and only if a key did come again, put together anew.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use super::Keys;

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
    rewritten: bool,
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
            rewritten: false,
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
        self.rewritten |= !slot.is_new;
        let separator: &[u8] = if self.out.len() == 1 { b"\n" } else { b",\n" };
        self.out.extend_from_slice(separator);
        let start = self.out.len();
        write(&mut self.out);
        if let Some(text) = self.texts.get_mut(slot.index) {
            *text = start..self.out.len();
        }
    }

    /// The whole object, and how many members it has.
    pub(crate) fn finish(self) -> (Vec<u8>, usize) {
        let written = self.texts.iter().filter(|text| !text.is_empty());
        let count = written.clone().count();
        let mut out = self.out;
        if self.rewritten {
            let mut again = Vec::with_capacity(out.len());
            again.push(b'{');
            for text in written {
                let separator: &[u8] = if again.len() == 1 { b"\n" } else { b",\n" };
                again.extend_from_slice(separator);
                again.extend_from_slice(out.get(text.clone()).unwrap_or_default());
            }
            out = again;
        }
        out.extend_from_slice(if count == 0 { b"}" } else { b"\n}" });
        (out, count)
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

    #[test]
    fn first_position_last_content() {
        let mut members = Members::with_capacity(0, 0);
        let mut keys = Keys::default();
        for (key, text) in [("a", "1"), ("b", "2"), ("c", ""), ("a", "3")] {
            let slot = members.slot(key, &keys);
            if slot.is_new {
                keys.push(key);
            }
            if !text.is_empty() {
                members.write(slot, |out| out.extend_from_slice(text.as_bytes()));
            }
        }
        assert_eq!(members.finish(), (b"{\n3,\n2\n}".to_vec(), 2));
        assert_eq!(Members::with_capacity(0, 0).finish(), (b"{}".to_vec(), 0));
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
