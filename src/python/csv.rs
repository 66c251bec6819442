//! CSV as Python's `csv` module reads it (docs/conversion.md, section 5.1), by the `csv` crate.
//!
//! The crate's own dialect is Python's but for two things, and a row in front of the text keeps it from both: it
//! would drop a byte order mark at the start, and it would take the first row with something in it for the header.

use std::io::{Chain, Read as _};

use csv::{Reader, ReaderBuilder, StringRecord};

type Texts<'a> = Chain<Chain<&'static [u8], &'a [u8]>, &'static [u8]>;

/// The rows of a text that have any cell, one after the other.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    reader: Reader<Texts<'a>>,
}

impl<'a> Rows<'a> {
    /// The header, which may be an empty row and then has no cells, and the rows below it.
    pub(crate) fn below_header(text: &'a str) -> Result<(StringRecord, Self), csv::Error> {
        let mut rows = Self::of(text, b"")?;
        let mut header = StringRecord::new();
        if !text.starts_with(['\r', '\n']) {
            rows.next(&mut header)?;
        }
        Ok((header, rows))
    }

    fn of(text: &'a str, end: &'static [u8]) -> Result<Self, csv::Error> {
        let front: &[u8] = b"in front\n";
        let mut rows = Self {
            reader: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(front.chain(text.as_bytes()).chain(end)),
        };
        rows.next(&mut StringRecord::new())?;
        Ok(rows)
    }

    /// Reads the next row; false at the end of the text.
    pub(crate) fn next(&mut self, row: &mut StringRecord) -> Result<bool, csv::Error> {
        self.reader.read_record(row)
    }
}

/// Whether a text ends outside quotes; what is appended to one that does not belongs to its last cell.
pub(crate) fn is_closed(text: &str) -> Result<bool, csv::Error> {
    let mut rows = Rows::of(text, b"\nend")?;
    let (mut row, mut is_end) = (StringRecord::new(), false);
    while rows.next(&mut row)? {
        is_end = row.iter().eq(["end"]);
    }
    Ok(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let (header, mut rows) = Rows::below_header(text).unwrap();
        let owned = |row: &StringRecord| row.iter().map(str::to_owned).collect();
        let mut all = vec![owned(&header)];
        let mut row = StringRecord::new();
        while rows.next(&mut row).unwrap() {
            all.push(owned(&row));
        }
        all
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
        ] {
            assert_eq!(is_closed(text).unwrap(), closed, "{text:?}");
        }
    }
}
