//! The files beside those of the categories, in the table of `status` and below it.

use std::time::Duration;

use jiff::Timestamp;

use super::shown::{SOURCE, cut, tone};
use crate::cli::table::Cell;
use crate::inspect::status::View;
use crate::text::escaped;

/// A row a file; `lasts` shows how long ago its last success was.
pub(super) fn rows(
    view: &View,
    now: Timestamp,
    lasts: &dyn Fn(Option<Timestamp>) -> String,
) -> Vec<[Cell; 6]> {
    let stale_after = view.stale_after().unwrap_or(Duration::MAX);
    let rows = view.files().iter().map(|(path, file)| {
        let state = file.state_at(now, stale_after);
        let source = file.source.as_deref();
        [
            Cell::text(escaped(path)),
            Cell::text(state.as_str()).toned(tone(state)),
            Cell::text(source.map_or_else(
                || "-".to_owned(),
                |name| escaped(&cut(name, SOURCE)).into_owned(),
            )),
            Cell::number(None),
            Cell::text(lasts(file.last_success)),
            Cell::text("-"),
        ]
    });
    rows.collect()
}

/// The last errors, a line a file.
pub(super) fn troubles(view: &View) -> impl Iterator<Item = String> {
    let files = view.files().iter();
    files.filter_map(|(path, file)| Some(format!("{path}: {}", file.last_error.as_deref()?)))
}
