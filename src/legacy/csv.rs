//! The text category's `models.csv`: rows as Python's `csv` module splits them.
//!
//! 1. The `csv` crate has Python's dialect but for two things, which are undone here: it swallows a byte order
//!    mark, and it takes the first row that is not empty for the header.
//! 2. Rows are numbered from 2, empty ones not counted.

use std::io::Read as _;
use std::ops::ControlFlow;

use super::row::{Columns, Refusal, Row};
use super::{IssueLog, Rejected};

/// Python's limit on the characters of a cell.
const MAX_CELL: usize = 131_072;

/// Reads all rows in order. Findings go to the log, usable rows and rejections to `visit`.
///
/// # Errors
/// What `visit` breaks with, or that the text is no CSV.
pub(crate) fn for_each_row(
    text: &str,
    log: &mut IssueLog,
    mut visit: impl FnMut(Result<Row<'_>, Rejected>) -> ControlFlow<Rejected>,
) -> Result<(), Rejected> {
    let mut cells = Cells::new(text, "");
    let columns = cells.header()?;
    let mut number = 1;
    while cells.next()? {
        number += 1;
        let row = match columns.row(&cells.record, number, log) {
            Ok(row) => Ok(row),
            Err(Refusal::Skipped) => continue,
            Err(Refusal::Rejected(rejected)) => Err(rejected),
        };
        if let ControlFlow::Break(rejected) = visit(row) {
            return Err(rejected);
        }
    }
    Ok(())
}

/// Whether a text is a whole `models.csv`, whatever its rows say.
pub(crate) fn check(text: &str) -> Result<(), Rejected> {
    if !text.ends_with('\n') {
        return Err(Rejected::file("cut off: the last row has no line end"));
    }
    // A text that was cut inside a quoted cell swallows whatever comes after it.
    let mut cells = Cells::new(text, "end");
    let columns = cells.header()?;
    for (column, position) in [
        ("name", columns.name),
        ("parameters_bn", columns.parameters_bn),
    ] {
        if position.is_none() {
            return Err(Rejected::file(format!(
                "header changed: there is no column '{column}'"
            )));
        }
    }
    let mut closed = false;
    while cells.next()? {
        closed = cells.record.len() == 1 && cells.record.get(0) == Some("end");
    }
    if closed {
        Ok(())
    } else {
        Err(Rejected::file("cut off: a quoted cell has no end"))
    }
}

/// The cells of a text, row by row.
struct Cells<'a> {
    reader: csv::Reader<Source<'a>>,
    record: csv::StringRecord,
    headless: bool,
}

type Source<'a> = std::io::Chain<std::io::Chain<&'a [u8], &'a [u8]>, &'a [u8]>;

impl<'a> Cells<'a> {
    fn new(text: &'a str, after: &'static str) -> Self {
        // An empty line is nothing to the reader, but the mark is not at the start any more.
        let shield: &[u8] = if text.starts_with('\u{feff}') {
            b"\n"
        } else {
            b""
        };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(shield.chain(text.as_bytes()).chain(after.as_bytes()));
        Self {
            reader,
            record: csv::StringRecord::new(),
            headless: text.starts_with(['\r', '\n']),
        }
    }

    fn header(&mut self) -> Result<Columns, Rejected> {
        if self.headless || !self.next()? {
            return Ok(Columns::default());
        }
        Ok(Columns::named(&self.record))
    }

    fn next(&mut self) -> Result<bool, Rejected> {
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|error| Rejected::file(error.to_string()))?;
        if self.record.as_slice().len() > MAX_CELL
            && self
                .record
                .iter()
                .any(|cell| cell.chars().count() > MAX_CELL)
        {
            let line = self.record.position().map_or(0, csv::Position::line);
            return Err(Rejected::file(format!(
                "a cell of the row at line {line} is longer than {MAX_CELL} characters: a quote that was never closed?"
            )));
        }
        Ok(more)
    }
}
