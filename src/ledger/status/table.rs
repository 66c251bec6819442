//! The status for people: a header and a table that are taken in at a glance.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use jiff::Timestamp;

use super::{ItemStatus, Process, Role, State, Status, UpstreamStatus};
use crate::category::Category;
use crate::cycle::Breaker;
use crate::ledger::age;
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
        State::Modified | State::Pinned => "36",
        State::Stale | State::Held | State::Limited => "33",
        State::Rejected | State::Failing | State::Absent => "31",
    }
}

/// The daemon, its mirror and its upstreams.
#[must_use]
pub fn header(status: &Status, now: Timestamp, palette: Palette) -> String {
    let written = ago(status.updated_at, now);
    let mut lines = vec![
        format!(
            "horde-refd {}: {}, {} cycles, written {written}",
            status.version,
            life(status, now, palette),
            status.cycles,
        ),
        format!("mirror    {}", status.base_path.display()),
    ];
    for (name, upstream) in &status.upstreams {
        let text = format!("upstream  {name}: {}", upstream_words(upstream, now));
        lines.push(match upstream.up {
            true => text,
            false if upstream.limited_until.is_some() => palette.paint(&text, "33"),
            false => palette.paint(&text, "31"),
        });
    }
    lines.join("\n")
}

/// The process that wrote the status, and whether it still does what it promised.
fn life(status: &Status, now: Timestamp, palette: Palette) -> String {
    let Process { pid, host, .. } = &status.process;
    if status.role == Role::Once {
        return "no daemon, a sync".to_owned();
    }
    let role = status.role.as_str();
    let host = match status.process.is_alive() {
        None => format!(" on {host}"),
        Some(_) => String::new(),
    };
    if !status.is_alive(now) {
        let gone = format!("not running (was {role}, pid {pid}{host})");
        return palette.paint(&gone, "31");
    }
    if let Some(late) = status.overdue(now) {
        let hangs = format!("{role}, pid {pid}{host}, overdue since {}", span(late));
        return palette.paint(&hangs, "31");
    }
    let up = age(status.since, now).map_or(String::new(), |up| format!(", up {}", span(up)));
    format!("{role}, pid {pid}{host}{up}")
}

fn upstream_words(upstream: &UpstreamStatus, now: Timestamp) -> String {
    if let Some(until) = upstream.limited_until.filter(|until| *until > now) {
        let next = until_or_now(until, now);
        return format!("asked to be left alone, next request {next}");
    }
    if upstream.up {
        return "up".to_owned();
    }
    let since = upstream
        .failing_since
        .and_then(|since| age(since, now))
        .map_or(String::new(), |age| format!(" for {}", span(age)));
    let breaker = match upstream.breaker {
        Breaker::Closed => "",
        Breaker::Open => ", not asked for now",
        Breaker::Probing => ", being probed",
    };
    let error = upstream
        .last_error
        .as_deref()
        .map_or_else(String::new, |error| {
            format!(" ({})", shortened(error, LONGEST_ERROR))
        });
    format!("down{since}{breaker}{error}")
}

/// A line for each category.
#[must_use]
pub fn table(
    categories: &BTreeMap<Category, ItemStatus>,
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
        "SOURCE",
        "MODELS",
        "LAST SUCCESS",
        "LAST CHANGE",
        "NEXT POLL",
        "LAST ERROR",
    ]);
    if let Some(models) = table.column_mut(3) {
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
            category.source.clone().unwrap_or_else(never),
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
    match age(then, now) {
        Some(age) => format!("{} ago", span(age)),
        None => "in the future".to_owned(),
    }
}

fn until_or_now(time: Timestamp, now: Timestamp) -> String {
    if time <= now {
        "now".to_owned()
    } else {
        format!("in {}", span(age(now, time).unwrap_or_default()))
    }
}

/// Two units at most: beside days, seconds say nothing.
pub(super) fn span(duration: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, sample, time};
    use super::*;

    #[test]
    fn the_table_is_taken_in_at_a_glance() {
        let status = sample();
        let expected = "\
CATEGORY          STATE    SOURCE   MODELS  LAST SUCCESS  LAST CHANGE  NEXT POLL  LAST ERROR
image_generation  fresh    primary     231  12s ago       3d 2h ago    in 15m
text_generation   failing  github      719  45m ago       3d 2h ago    now        HTTP 503\\nfrom \\u{1b}[31mhttps://h/https://h/https://h/https…
lora              absent   -             -  -             -            -";
        let shown = |palette| {
            let stale_after = status.stale_after();
            table(&status.categories, stale_after, time(NOW), palette)
        };
        assert_eq!(shown(Palette::Plain), expected);
        let colored = shown(Palette::Colored);
        for part in [
            "image_generation  \x1b[32mfresh\x1b[0m ",
            "text_generation   \x1b[31mfailing\x1b[0m ",
        ] {
            assert!(colored.contains(part), "{colored:?}");
        }
    }

    #[test]
    fn the_header_names_the_process_and_each_upstream() {
        let mut status = sample();
        let pid = std::process::id();
        let expected = format!(
            "horde-refd 0.1.0: writer, pid {pid}, up 3h 5m, 42 cycles, written 12s ago\n\
             mirror    /m\n\
             upstream  github: up\n\
             upstream  leaf: asked to be left alone, next request in 30m\n\
             upstream  primary: down for 30m, not asked for now (cannot connect)"
        );
        assert_eq!(header(&status, time(NOW), Palette::Plain), expected);
        let shown = |status: &Status, now: &str| {
            let header = header(status, time(now), Palette::Plain);
            header.lines().next().unwrap().to_owned()
        };
        let late = shown(&status, "2026-11-22T12:20:00Z");
        assert!(
            late.contains(&format!("writer, pid {pid}, overdue since 5m")),
            "{late}"
        );
        status.process.pid = 0;
        let gone = shown(&status, NOW);
        assert!(gone.contains("not running (was writer, pid 0)"), "{gone}");
        status.role = Role::Once;
        let once = shown(&status, NOW);
        assert!(
            once.starts_with("horde-refd 0.1.0: no daemon, a sync, 42 cycles"),
            "{once}"
        );
    }
}
