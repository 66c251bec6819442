//! CSV as Python's `csv` module reads it (docs/conversion.md, section 5.1), by the `csv` crate.
//!
//! The crate's own dialect is Python's but for two things, and a row in front of the text keeps it from both: it
//! would drop a byte order mark at the start, and it would take the first row with something in it for the header.
//! It does not say whether a quote was open at the end; a row behind the text shows it, which belongs to the last cell
//! then.

use std::io::{Chain, Read as _};

use csv::{Reader, ReaderBuilder, StringRecord};

const IN_FRONT: &str = "in front\n";
const BEHIND: &str = "\nbehind";

type Texts<'a> = Chain<Chain<&'static [u8], &'a [u8]>, &'static [u8]>;

/// The rows of a text that have any cell, one after the other.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    reader: Reader<Texts<'a>>,
    /// How many bytes there are to read.
    length: usize,
    is_closed: bool,
}

impl<'a> Rows<'a> {
    /// The header, which may be an empty row and then has no cells, and the rows below it.
    pub(crate) fn below_header(text: &'a str) -> Result<(StringRecord, Self), csv::Error> {
        let texts = IN_FRONT.as_bytes().chain(text.as_bytes());
        let mut rows = Self {
            reader: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(texts.chain(BEHIND.as_bytes())),
            length: IN_FRONT.len() + text.len() + BEHIND.len(),
            is_closed: false,
        };
        let mut header = StringRecord::new();
        rows.next(&mut header)?;
        if text.starts_with(['\r', '\n']) || !rows.next(&mut header)? {
            header.clear();
        }
        Ok((header, rows))
    }

    /// Reads the next row; false at the end of the text.
    pub(crate) fn next(&mut self, row: &mut StringRecord) -> Result<bool, csv::Error> {
        let is_row = self.reader.read_record(row)?;
        if self.reader.position().byte() < self.length as u64 || !is_row {
            return Ok(is_row);
        }
        if row.iter().eq([BEHIND.trim_start()]) {
            self.is_closed = true;
            return Ok(false);
        }
        let last = row.len().saturating_sub(1);
        let cell = row.get(last).unwrap_or_default();
        let cell = cell.strip_suffix(BEHIND).unwrap_or(cell).to_owned();
        row.truncate(last);
        row.push_field(&cell);
        Ok(true)
    }

    /// Whether the text ended outside quotes, once it was read to its end.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        read(text).0
    }

    fn read(text: &str) -> (Vec<Vec<String>>, bool) {
        let (header, mut rows) = Rows::below_header(text).unwrap();
        let owned = |row: &StringRecord| row.iter().map(str::to_owned).collect();
        let mut all = vec![owned(&header)];
        let mut row = StringRecord::new();
        while rows.next(&mut row).unwrap() {
            all.push(owned(&row));
        }
        assert!(!rows.next(&mut row).unwrap());
        (all, rows.is_closed())
    }

    #[test]
    fn rows_and_cells() {
        for (text, expected) in [
            ("", vec![vec![]]),
            ("\n\r\r\n", vec![vec![]]),
            ("\na\n", vec![vec![], vec!["a"]]),
            ("\r\n\na", vec![vec![], vec!["a"]]),
            ("a,b", vec![vec!["a", "b"]]),
            ("a,\n\n\nb", vec![vec!["a", ""], vec!["b"]]),
            ("\"x\"y,\"x\"\"y\"z\"w\n", vec![vec!["xy", "x\"yz\"w"]]),
            (
                " \"x\",\"a\r\nb\"\rc",
                vec![vec![" \"x\"", "a\r\nb"], vec!["c"]],
            ),
            ("\"a\"\"b\n", vec![vec!["a\"b\n"]]),
            ("\"\"\n\"", vec![vec![""], vec![""]]),
            ("\"a\nb,\"\"\n", vec![vec!["a\nb,\"\n"]]),
            ("a\nb,\"\nbehind", vec![vec!["a"], vec!["b", "\nbehind"]]),
            ("a\nbehind", vec![vec!["a"], vec!["behind"]]),
            ("behind", vec![vec!["behind"]]),
            ("a\r", vec![vec!["a"]]),
            ("\u{feff}\"a\"", vec![vec!["\u{feff}\"a\""]]),
            (
                "a\0\u{b}\u{c}\u{1c}\u{85}\u{2028}b",
                vec![vec!["a\0\u{b}\u{c}\u{1c}\u{85}\u{2028}b"]],
            ),
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn closed_texts() {
        for (text, closed) in [
            ("", true),
            ("a\n", true),
            ("a", true),
            ("\"a\n\"", true),
            ("\"a\n", false),
            ("\"a\"\"", false),
            ("end,\"", false),
            ("a\"b\n", true),
            ("\nbehind", true),
            ("\n\"\nbehind", false),
            ("a\r\n\r", true),
        ] {
            assert_eq!(read(text).1, closed, "{text:?}");
        }
    }
}
