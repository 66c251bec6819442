//! The members of an outermost object, written one after the other into one text.
//!
//! A key that comes again keeps its first position and gets its last content. That is rare, so texts are written
//! straight into the result and only then, and only if a key did come again, put together anew.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::ops::Range;

/// Members in the making.
#[derive(Debug)]
pub(crate) struct Members {
    out: Vec<u8>,
    /// The text of each member, without comma and line end; empty when nothing was written.
    texts: Vec<Range<usize>>,
    keys: String,
    key_ends: Vec<usize>,
    slots: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    state: RandomState,
    rewritten: bool,
}

/// Where a key's member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) index: usize,
    /// The key was not seen before.
    pub(crate) is_new: bool,
}

impl Members {
    pub(crate) fn with_capacity(bytes: usize, members: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(b"{");
        Self {
            out,
            texts: Vec::with_capacity(members),
            keys: String::new(),
            key_ends: Vec::with_capacity(members),
            slots: HashMap::with_capacity_and_hasher(members, BuildHasherDefault::default()),
            state: RandomState::new(),
            rewritten: false,
        }
    }

    /// Finds or makes the place of a key.
    pub(crate) fn slot(&mut self, key: &str) -> Slot {
        let mut hash = self.state.hash_one(key);
        while let Some(index) = self.slots.get(&hash) {
            if self.key(*index) == key {
                return Slot {
                    index: *index,
                    is_new: false,
                };
            }
            hash = hash.wrapping_add(1);
        }
        let index = self.texts.len();
        self.slots.insert(hash, index);
        self.texts.push(0..0);
        self.keys.push_str(key);
        self.key_ends.push(self.keys.len());
        Slot {
            index,
            is_new: true,
        }
    }

    fn key(&self, index: usize) -> &str {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.key_ends.get(before))
            .copied()
            .unwrap_or(0);
        let end = self.key_ends.get(index).copied().unwrap_or(start);
        self.keys.get(start..end).unwrap_or_default()
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

/// The keys of the map are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_position_last_content() {
        let mut members = Members::with_capacity(0, 0);
        for (key, text) in [("a", "1"), ("b", "2"), ("c", ""), ("a", "3")] {
            let slot = members.slot(key);
            if !text.is_empty() {
                members.write(slot, |out| out.extend_from_slice(text.as_bytes()));
            }
        }
        assert_eq!(members.finish(), (b"{\n3,\n2\n}".to_vec(), 2));
        assert_eq!(Members::with_capacity(0, 0).finish(), (b"{}".to_vec(), 0));
    }
}
