//! The cells of a CSV text, row by row, in the dialect of Python's `csv` module.
//!
//! 1. Outside quotes CR LF, CR and LF each end a row; rows without a character are no rows.
//! 2. A cell that starts with `"` is quoted; what follows the closing quote is appended as it is.
//! 3. Cells are slices of the text. Only a cell whose text is not a slice of it (doubled quotes, text after the
//!    closing quote) is put together, in a buffer that is used again for the next row.
//!
//! The `csv` crate splits in the same way, a byte a step; that alone takes longer than a whole conversion should.
//! A test holds both to the same cells.

use super::swar;

/// A text and its current row.
#[derive(Debug)]
pub(crate) struct Cells<'a> {
    text: &'a str,
    row_start: usize,
    at: usize,
    row: Vec<Cell>,
    joined: String,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    /// In `joined`, not in the text.
    joined: bool,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            row_start: 0,
            at: 0,
            row: Vec::with_capacity(32),
            joined: String::new(),
        }
    }

    /// How many cells the current row has.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// The cells of the current row with something in them, by column.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, &str)> {
        let cells = self.row.iter().enumerate();
        cells
            .filter(|(_, cell)| cell.end > cell.start)
            .map(|(index, cell)| (index, self.read(cell)))
    }

    fn read(&self, cell: &Cell) -> &str {
        let text = if cell.joined { &self.joined } else { self.text };
        text.get(cell.start..cell.end).unwrap_or_default()
    }

    /// Whether the current row has no quote, no control character and nothing beyond ASCII.
    pub(crate) fn is_plain(&self) -> bool {
        let bytes = self.text.as_bytes().get(self.row_start..self.at);
        bytes.is_some_and(|mut row| {
            while let [rest @ .., b'\r' | b'\n'] = row {
                row = rest;
            }
            !swar::has_unprintable(row)
        })
    }

    /// The cells of the current row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.row.iter().map(|cell| self.read(cell))
    }

    /// How many bytes the current row has; no cell has more.
    pub(crate) fn row_length(&self) -> usize {
        self.at - self.row_start
    }

    /// Goes to the next row, empty or not; false at the end of the text.
    pub(crate) fn next_line(&mut self) -> bool {
        self.row.clear();
        self.joined.clear();
        self.row_start = self.at;
        let bytes = self.text.as_bytes();
        match bytes.get(self.at) {
            None => return false,
            Some(b'\r' | b'\n') => {
                self.end_line();
                return true;
            }
            Some(_) => {}
        }
        loop {
            match bytes.get(self.at) {
                Some(b'"') => self.quoted(),
                // Most cells are empty.
                Some(b',') => self.push(self.at, self.at),
                _ => {
                    let start = self.at;
                    self.at = swar::find_cell_end(bytes, start);
                    self.push(start, self.at);
                }
            }
            if bytes.get(self.at) == Some(&b',') {
                self.at += 1;
            } else {
                self.end_line();
                return true;
            }
        }
    }

    /// Goes to the next row with a cell in it.
    pub(crate) fn next_row(&mut self) -> bool {
        while self.next_line() {
            if !self.row.is_empty() {
                return true;
            }
        }
        false
    }

    fn push(&mut self, start: usize, end: usize) {
        self.row.push(Cell {
            start,
            end,
            joined: false,
        });
    }

    /// At a line end, or at the end of the text.
    fn end_line(&mut self) {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'\r') && bytes.get(self.at + 1) == Some(&b'\n') {
            self.at += 2;
        } else {
            self.at = bytes.len().min(self.at + 1);
        }
    }

    /// A cell at its opening quote, up to the comma or line end after it.
    fn quoted(&mut self) {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let closing = swar::find_quote(bytes, start);
        self.at = closing + 1;
        if matches!(bytes.get(self.at), None | Some(b',' | b'\r' | b'\n')) {
            self.at = self.at.min(bytes.len());
            self.push(start, closing);
            return;
        }
        let joined = self.joined.len();
        let slice = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        self.joined.push_str(slice(start, closing));
        // A doubled quote is a quote, and the cell goes on after it.
        while bytes.get(self.at) == Some(&b'"') {
            let closing = swar::find_quote(bytes, self.at + 1);
            self.joined.push_str(slice(self.at, closing));
            self.at = bytes.len().min(closing + 1);
        }
        let end = swar::find_cell_end(bytes, self.at);
        self.joined.push_str(slice(self.at, end));
        self.at = end;
        self.row.push(Cell {
            start: joined,
            end: self.joined.len(),
            joined: true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &str) -> Vec<Vec<String>> {
        let mut cells = Cells::new(text);
        let mut rows = Vec::new();
        while cells.next_row() {
            rows.push(cells.iter().map(str::to_owned).collect());
        }
        rows
    }

    fn theirs(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let rows = reader.records().map(Result::unwrap);
        rows.map(|row| row.iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn rows() {
        for (text, expected) in [
            ("", vec![]),
            ("\n\r\r\n", vec![]),
            ("a,b", vec![vec!["a", "b"]]),
            ("a,\n", vec![vec!["a", ""]]),
            ("\"x\"y,\"x\"\"y\"z\"w\n", vec![vec!["xy", "x\"yz\"w"]]),
            (
                " \"x\",\"a\r\nb\"\rc",
                vec![vec![" \"x\"", "a\r\nb"], vec!["c"]],
            ),
            ("\"a\"\"b\n", vec![vec!["a\"b\n"]]),
            ("\"\"\n\"", vec![vec![""], vec![""]]),
            ("\u{feff}\"a\"", vec![vec!["\u{feff}\"a\""]]),
        ] {
            assert_eq!(ours(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_csv_crate_splits_alike() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % below).unwrap()
        };
        for _ in 0..5_000 {
            let length = random(24);
            let pieces = [
                "a",
                "é",
                "\"",
                "\"",
                ",",
                ",",
                "\n",
                "\r",
                "\r\n",
                "\0",
                " ",
                "long enough",
            ];
            let text: String = (0..length).map(|_| pieces[random(12)]).collect();
            assert_eq!(ours(&text), theirs(&text), "{text:?}");
        }
    }
}
