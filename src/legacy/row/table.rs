//! The text category's `models.csv`: its rows, and whether a text is such a file at all.
//!
//! 1. The first row names the columns, even an empty one; a byte order mark is part of the first name.
//! 2. Rows are numbered from 2, empty ones not counted.

use std::io::Read as _;
use std::ops::ControlFlow;

use super::{Columns, Refusal, Row};
use crate::legacy::{IssueLog, Rejected};
use crate::python::csv::Cells;

/// Python's limit on the characters of a cell.
const MAX_CELL: usize = 131_072;

/// Reads all rows in order. Findings go to the log, usable rows and rejections to `visit`.
///
/// # Errors
/// What `visit` breaks with, or that the text is no CSV.
pub(crate) fn for_each_row(
    text: &str,
    log: &mut IssueLog,
    mut visit: impl FnMut(Result<&Row<'_>, Rejected>) -> ControlFlow<Rejected>,
) -> Result<(), Rejected> {
    let mut cells = Cells::new(text);
    let mut number = 1;
    cells.next_line();
    check_length(&cells, number)?;
    let columns = Columns::named(&cells);
    while cells.next_row() {
        number += 1;
        check_length(&cells, number)?;
        let flow = match columns.row(&cells, number, log) {
            Ok(row) => visit(Ok(&row)),
            Err(Refusal::Skipped) => continue,
            Err(Refusal::Rejected(rejected)) => visit(Err(*rejected)),
        };
        if let ControlFlow::Break(rejected) = flow {
            return Err(rejected);
        }
    }
    Ok(())
}

fn check_length(cells: &Cells<'_>, number: usize) -> Result<(), Rejected> {
    let too_long =
        cells.row_length() > MAX_CELL && cells.iter().any(|cell| cell.chars().count() > MAX_CELL);
    if too_long {
        return Err(Rejected::file(format!(
            "a cell of row {number} is longer than {MAX_CELL} characters: a quote that was never closed?"
        )));
    }
    Ok(())
}

/// Whether a text is a whole `models.csv`, whatever its rows say.
pub(crate) fn check(text: &str) -> Result<(), Rejected> {
    if !text.ends_with('\n') {
        return Err(Rejected::file("cut off: the last row has no line end"));
    }
    // The `csv` crate would swallow a byte order mark at the start and an empty header. A text that was cut inside
    // a quoted cell swallows whatever comes after it.
    let shield: &[u8] = if text.starts_with(['\u{feff}', '\r', '\n']) {
        b"empty header\n"
    } else {
        b""
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(shield.chain(text.as_bytes()).chain(b"end".as_slice()));
    let header = reader.headers().map_err(|error| unreadable(&error))?;
    for column in ["name", "parameters_bn"] {
        if header.iter().all(|name| name != column) {
            return Err(Rejected::file(format!(
                "header changed: there is no column '{column}'"
            )));
        }
    }
    let mut closed = false;
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| unreadable(&error))?
    {
        closed = record.len() == 1 && record.get(0) == Some("end");
    }
    if closed {
        Ok(())
    } else {
        Err(Rejected::file("cut off: a quoted cell has no end"))
    }
}

fn unreadable(error: &csv::Error) -> Rejected {
    Rejected::file(format!("not CSV: {error}"))
}
