//! The status for people: a header and a table that are taken in at a glance.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use jiff::Timestamp;

use super::{CategoryStatus, State, Status, age};
use crate::category::Category;
use crate::text::shortened;

/// The longest error in the table; `--json` has all of it.
const LONGEST_ERROR: usize = 60;

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// ANSI colours.
    Colored,
    /// Text alone.
    Plain,
}

impl Palette {
    fn paint(self, text: &str, sgr: &str) -> String {
        match self {
            Self::Colored => format!("\x1b[{sgr}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

const fn sgr(state: State) -> &'static str {
    match state {
        State::Fresh => "32",
        State::Modified => "36",
        State::Stale | State::Held => "33",
        State::Rejected | State::Failing | State::Absent => "31",
    }
}

/// The daemon, its mirror and its upstream.
#[must_use]
pub fn header(status: &Status, now: Timestamp, palette: Palette) -> String {
    let process = &status.process;
    let host = match process.is_alive() {
        None => format!(" on {}", process.host),
        Some(_) => String::new(),
    };
    let life = if status.is_alive(now) {
        let up = span(age(status.since, now));
        format!(
            "{}, pid {}{host}, up {up}",
            status.role.as_str(),
            process.pid
        )
    } else {
        let gone = format!(
            "not running (was {}, pid {}{host})",
            status.role.as_str(),
            process.pid
        );
        palette.paint(&gone, "31")
    };
    let mut lines = vec![
        format!(
            "horde-refd {}: {life}, {} cycles, written {}",
            status.version,
            status.cycles,
            ago(status.updated_at, now)
        ),
        format!("mirror    {}", status.base_path.display()),
        format!("upstream  {}", status.upstream),
    ];
    for (host, until) in status.held_until.iter().filter(|(_, until)| **until > now) {
        let text = format!(
            "held      {host} asked to be left alone, next request {}",
            until_or_now(*until, now)
        );
        lines.push(palette.paint(&text, "33"));
    }
    lines.join("\n")
}

/// A line for each category.
#[must_use]
pub fn table(
    categories: &BTreeMap<Category, CategoryStatus>,
    stale_after: Duration,
    now: Timestamp,
    palette: Palette,
) -> String {
    let never = || "-".to_owned();
    let past = |time: Option<Timestamp>| time.map_or_else(never, |time| ago(time, now));
    let future = |time: Option<Timestamp>| time.map_or_else(never, |time| until_or_now(time, now));

    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "CATEGORY",
        "STATE",
        "MODELS",
        "LAST SUCCESS",
        "LAST CHANGE",
        "NEXT POLL",
        "LAST ERROR",
    ]);
    if let Some(models) = table.column_mut(2) {
        models.set_cell_alignment(CellAlignment::Right);
    }
    let mut colors = Vec::new();
    for (name, category) in categories {
        let state = category.state_at(now, stale_after);
        let error = category
            .last_error
            .as_deref()
            .map_or_else(String::new, |error| {
                shortened(error, LONGEST_ERROR).into_owned()
            });
        table.add_row([
            name.to_string(),
            state.as_str().to_owned(),
            category
                .models
                .map_or_else(never, |models| models.to_string()),
            past(category.last_success),
            past(category.last_change),
            future(category.next_poll),
            error,
        ]);
        colors.push(state);
    }
    let mut lines = table.lines().map(|line| line.trim().to_owned());
    let mut painted: Vec<_> = lines.next().into_iter().collect();
    // The table measures its cells by their characters, so colours come after it. No category's name is a state's.
    painted.extend(lines.zip(colors).map(|(line, state)| {
        let plain = format!(" {} ", state.as_str());
        line.replacen(
            &plain,
            &format!(" {} ", palette.paint(state.as_str(), sgr(state))),
            1,
        )
    }));
    painted.join("\n")
}

/// How long ago: `12s ago`, `3h 5m ago`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(age(then, now)))
}

fn until_or_now(time: Timestamp, now: Timestamp) -> String {
    if time <= now {
        "now".to_owned()
    } else {
        format!("in {}", span(age(now, time)))
    }
}

/// Two units at most: whoever looks at days does not care for seconds.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, 1..10) => format!("{minutes}m {}s", seconds % 60),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}
