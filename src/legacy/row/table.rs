//! The text category's `models.csv`: its rows, and whether a text is such a file at all.
//!
//! 1. The first row names the columns, even an empty one; a byte order mark is part of the first name.
//! 2. Rows are numbered from 2, empty ones not counted.

use csv::StringRecord;

use super::{Columns, Refusal, Row};
use crate::legacy::{Issues, Rejected, looks_like_a_page};
use crate::python::csv::Rows;

/// Python's limit on the characters of a cell.
const MAX_CELL: usize = 131_072;

/// Reads all rows in order. Findings go to `issues`, usable rows and rejected ones to `visit`. Returns whether the text is
/// what [`check`] takes for a whole file.
///
/// # Errors
/// What `visit` returns, or that the text is no CSV.
pub(crate) fn for_each_row(
    text: &str,
    issues: &mut Issues,
    mut visit: impl FnMut(Result<&Row<'_>, Rejected>) -> Result<(), Rejected>,
) -> Result<bool, Rejected> {
    let (mut cells, mut rows) = Rows::below_header(text).map_err(unreadable)?;
    let mut number = 1;
    check_length(&cells, number)?;
    let columns = Columns::named(&cells);
    while rows.next(&mut cells).map_err(unreadable)? {
        number += 1;
        check_length(&cells, number)?;
        match Row::read(&columns, &cells, number, issues) {
            Ok(row) => visit(Ok(&row))?,
            Err(Refusal::Rejected(rejected)) => visit(Err(rejected))?,
            Err(Refusal::Skipped) => {}
        }
    }
    let has_columns = columns.name.is_some() && columns.parameters_bn.is_some();
    let is_whole = text.ends_with('\n') && rows.is_closed();
    Ok(has_columns && is_whole && !looks_like_a_page(text))
}

fn check_length(cells: &StringRecord, number: usize) -> Result<(), Rejected> {
    let is_too_long = |cell: &str| cell.chars().count() > MAX_CELL;
    // No cell is longer than all of them.
    if cells.as_slice().len() > MAX_CELL && cells.iter().any(is_too_long) {
        return Err(Rejected::file(format!(
            "a cell of row {number} is longer than {MAX_CELL} characters: a quote that was never closed?"
        )));
    }
    Ok(())
}

/// Whether a text is a whole `models.csv`, whatever its rows say. What has not our columns is another file, whole or
/// not: an answer; what has them and no end was cut on its way.
pub(crate) fn check(text: &str) -> Result<(), Rejected> {
    let (header, mut rows) = Rows::below_header(text).map_err(unreadable)?;
    for column in ["name", "parameters_bn"] {
        if header.iter().all(|name| name != column) {
            return Err(Rejected::file(format!(
                "header changed: there is no column '{column}'"
            )));
        }
    }
    if !text.ends_with('\n') {
        return Err(Rejected::damaged("cut off: the last row has no line end"));
    }
    let mut row = StringRecord::new();
    while rows.next(&mut row).map_err(unreadable)? {}
    if rows.is_closed() {
        Ok(())
    } else {
        Err(Rejected::damaged("cut off: a quoted cell has no end"))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads better in map_err")]
fn unreadable(error: csv::Error) -> Rejected {
    Rejected::file(format!("not CSV: {error}"))
}
