//! The text of an outermost object whose keys may come again, as in a Python `dict`: first position, last content.

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use std::ops::Range;

use super::write::{Flavour, Writer};

/// An object in the making: one text after the other, and which of them is whose.
#[derive(Debug)]
pub(crate) struct KeyedObject {
    flavour: Flavour,
    /// `{`, then the members in the order in which they were written.
    out: Vec<u8>,
    members: IndexMap<String, Range<usize>, RandomState>,
    came_again: bool,
}

impl KeyedObject {
    /// Room for so many bytes and so many members.
    pub(crate) fn with_capacity(flavour: Flavour, bytes: usize, members: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self {
            flavour,
            out,
            members: IndexMap::with_capacity_and_hasher(members, RandomState::default()),
            came_again: false,
        }
    }

    /// Writes the value of a key; on an error nothing has happened.
    pub(crate) fn member<E>(
        &mut self,
        key: &str,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.out.len();
        if before > 1 {
            self.out.push(b',');
        }
        let start = self.out.len();
        let mut writer = Writer::new(&mut self.out, self.flavour, 1);
        writer.key(key);
        if let Err(error) = write(&mut writer) {
            self.out.truncate(before);
            return Err(error);
        }
        let text = start..self.out.len();
        self.came_again |= self.members.insert(key.to_owned(), text).is_some();
        Ok(())
    }

    /// How many bytes are written so far.
    pub(crate) const fn len(&self) -> usize {
        self.out.len()
    }

    /// The whole object, and how many members it has.
    pub(crate) fn finish(self) -> (Vec<u8>, usize) {
        let Self {
            mut out,
            members,
            came_again,
            ..
        } = self;
        if came_again {
            let mut ordered = Vec::with_capacity(out.len());
            for text in members.values() {
                ordered.push(if ordered.is_empty() { b'{' } else { b',' });
                ordered.extend_from_slice(out.get(text.clone()).unwrap_or_default());
            }
            out = ordered;
        }
        out.extend_from_slice(if members.is_empty() { b"}" } else { b"\n}" });
        (out, members.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_position_last_content() {
        for (members, expected) in [
            (vec![], "{}"),
            (vec![("a", "1")], "{\n    \"a\": 1\n}"),
            (
                vec![
                    ("a", "1"),
                    ("b", "2"),
                    ("!", "3"),
                    ("a", "longer"),
                    ("c", "4"),
                ],
                "{\n    \"a\": longer,\n    \"b\": 2,\n    \"c\": 4\n}",
            ),
            (
                vec![("!", "1"), ("b", "2"), ("b", "3")],
                "{\n    \"b\": 3\n}",
            ),
        ] {
            let mut object = KeyedObject::with_capacity(Flavour::V2, 0, 0);
            for (key, value) in members {
                let written = object.member(key, |writer| {
                    writer.raw(value);
                    if key == "!" { Err(()) } else { Ok(()) }
                });
                assert_eq!(written.is_err(), key == "!");
            }
            let (text, count) = object.finish();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
            assert_eq!(count, expected.matches(':').count());
        }
    }
}
