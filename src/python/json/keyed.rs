//! The text of an outermost object whose keys may come again, as in a Python `dict`: first position, last content.
//!
//! 1. Two keys are the same when their text is: a string has one JSON text. So keys are not kept beside the text, and
//!    looked at once, when the object is finished.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::write::{Flavour, Writer};

/// An object in the making: one text after the other, and which of them is whose.
#[derive(Debug)]
pub(crate) struct KeyedObject {
    flavour: Flavour,
    /// `{`, then the members in the order in which they were written.
    out: Vec<u8>,
    members: Vec<Member>,
}

/// Where in the text a member is: its key with the line before it, its value.
#[derive(Debug)]
struct Member {
    start: usize,
    value: usize,
    end: usize,
}

impl KeyedObject {
    /// Room for so many bytes and so many members.
    pub(crate) fn with_capacity(flavour: Flavour, bytes: usize, members: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self {
            flavour,
            out,
            members: Vec::with_capacity(members),
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
        Writer::new(&mut self.out, self.flavour, 1).key(key);
        let value = self.out.len();
        let mut writer = Writer::among_members(&mut self.out, self.flavour, 1);
        if let Err(error) = write(&mut writer) {
            self.out.truncate(before);
            return Err(error);
        }
        let end = self.out.len();
        self.members.push(Member { start, value, end });
        Ok(())
    }

    /// How many bytes are written so far.
    pub(crate) const fn len(&self) -> usize {
        self.out.len()
    }

    /// The whole object, and how many members it has.
    pub(crate) fn finish(self) -> (Vec<u8>, usize) {
        let Self { out, members, .. } = self;
        let text = |from: usize, to: usize| out.get(from..to).unwrap_or_default();
        let mut last_of = IndexMap::with_capacity_and_hasher(members.len(), RandomState::default());
        for member in &members {
            last_of.insert(text(member.start, member.value), member);
        }
        let count = last_of.len();
        let mut whole = if count == members.len() {
            drop(last_of);
            out
        } else {
            let mut ordered = Vec::with_capacity(out.len());
            for member in last_of.values() {
                ordered.push(if ordered.is_empty() { b'{' } else { b',' });
                ordered.extend_from_slice(text(member.start, member.end));
            }
            ordered
        };
        whole.extend_from_slice(if count == 0 { b"}" } else { b"\n}" });
        (whole, count)
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
