//! The status as people see it: a header, a table at most 80 columns wide, and what is wrong below it.

use std::time::Duration;

use jiff::Timestamp;

use super::other_files;
use crate::category::Category;
use crate::cli::output::wrapped;
use crate::cli::table::{Cell, Palette, Tone, table};
use crate::cycle::Breaker;
use crate::inspect::daemon::{Daemon, Life};
use crate::inspect::status::{State, UpstreamStatus, View, age, ago, span};
use crate::ledger::causes::causes;
use crate::text::escaped;

/// How many columns the name of an upstream gets.
pub(super) const SOURCE: usize = 10;

/// The daemon, its mirror and its upstream.
pub(super) fn header(view: &View, now: Timestamp, palette: Palette) -> String {
    let daemon = match view {
        View::Daemon(daemon) => daemon,
        View::NoDaemon(none) => {
            return format!(
                "{}\nmirror    {}",
                palette.paint(&escaped(&none.why()), Tone::Bad),
                escaped(&none.mirror().display().to_string())
            );
        }
    };
    let status = daemon.status();
    let mut lines = vec![
        format!(
            "horde-refd {}: {}",
            status.version,
            life(daemon, now, palette)
        ),
        format!(
            "cycles    {}, the last one {}{}",
            status.cycles,
            ago(status.updated_at, now),
            status.next_poll.map_or_else(String::new, |then| format!(
                ", the next poll {}",
                in_or_now(then, now)
            ))
        ),
        format!(
            "mirror    {}",
            escaped(&status.base_path.display().to_string())
        ),
    ];
    for (name, upstream) in &status.upstreams {
        let text = format!("upstream  {name}: {}", upstream_words(upstream, now));
        lines.push(match upstream.up {
            true => text,
            false if upstream.limited_until.is_some() => palette.paint(&text, Tone::Warning),
            false => palette.paint(&text, Tone::Bad),
        });
    }
    lines.join("\n")
}

fn upstream_words(upstream: &UpstreamStatus, now: Timestamp) -> String {
    if let Some(until) = upstream.limited_until.filter(|until| *until > now) {
        let next = in_or_now(until, now);
        return format!("asked to be left alone, next request {next}");
    }
    if upstream.up {
        return "up".to_owned();
    }
    let since = upstream
        .failing_since
        .and_then(|since| age(since, now))
        .map_or_else(String::new, |age| format!(" for {}", span(age)));
    let breaker = match upstream.breaker {
        Breaker::Closed => "",
        Breaker::Open => ", not asked for now",
        Breaker::Probing => ", being probed",
    };
    format!("down{since}{breaker}")
}

fn life(daemon: &Daemon, now: Timestamp, palette: Palette) -> String {
    let status = daemon.status();
    let (role, pid) = (status.role.as_str(), status.process.pid);
    let host = escaped(&status.process.host);
    let up = age(status.since, now).map_or_else(String::new, |up| format!(", up {}", span(up)));
    let life = daemon.life(now);
    if let (Some(late), false) = (status.overdue(now), life == Life::Gone) {
        let hangs = format!("{role}, pid {pid}, overdue since {}", span(late));
        return palette.paint(&hangs, Tone::Bad);
    }
    match life {
        Life::Here(pid) => format!("{role}, pid {pid}{up}"),
        Life::Elsewhere => format!("{role}, pid {pid} on {host}{up}"),
        Life::Once => "no daemon; a sync ran".to_owned(),
        Life::Gone => {
            let gone = format!("not running (was {role}, pid {pid} on {host})");
            palette.paint(&gone, Tone::Bad)
        }
    }
}

/// A line a category, at most 80 columns wide; below them one for each other file.
pub(super) fn rows(view: &View, now: Timestamp, palette: Palette) -> String {
    let never = || "-".to_owned();
    let stale_after = view.stale_after();
    let limit = stale_after.map_or_else(String::new, |limit| format!(" of {}", span(limit)));
    let threshold = stale_after.unwrap_or(Duration::MAX);
    let lasts = |success: Option<Timestamp>| {
        let success = success.and_then(|then| age(then, now));
        success.map_or_else(never, |age| span(age) + &limit)
    };
    let mut rows: Vec<_> = view
        .categories()
        .iter()
        .map(|(name, category)| {
            let state = category.state_at(now, threshold);
            let success = lasts(category.last_success);
            let change = category
                .last_change
                .map_or_else(never, |then| ago(then, now));
            let source = category.source.as_deref();
            let fallback = !category.instead_of.is_empty();
            let source = source.map_or_else(never, |name| escaped(&cut(name, SOURCE)).into_owned());
            [
                Cell::text(name.name()),
                Cell::text(state.as_str()).toned(tone(state)),
                // One that serves in the place of another.
                Cell::text(source).toned(if fallback {
                    Tone::Warning
                } else {
                    Tone::Neutral
                }),
                Cell::number(category.models),
                Cell::text(success),
                Cell::text(change),
            ]
        })
        .collect();
    rows.extend(other_files::rows(view, now, &lasts));
    let header = ["CATEGORY", "STATE", "SOURCE", "MODELS", "AGE", "CHANGED"];
    table(header, &rows, palette)
}

/// A name in at most so many columns.
pub(super) fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

pub(super) const fn tone(state: State) -> Tone {
    match state {
        State::Fresh => Tone::Good,
        State::Modified | State::Pinned => Tone::Notable,
        State::Stale | State::Held | State::Limited => Tone::Warning,
        State::Rejected | State::Failing | State::Absent => Tone::Bad,
    }
}

/// The last errors, a line a cause; wrapped where a terminal has a width.
pub(super) fn troubles(view: &View, width: Option<usize>) -> String {
    let errors = view.categories().iter().flat_map(|(name, category)| {
        let pinned = category.pinned.as_ref().map(|id| {
            let waits = category.held.as_ref().map_or_else(String::new, |held| {
                format!(" while an update with {} models waits", held.models)
            });
            format!("pinned to {id}{waits} (horde-refd unpin {name})")
        });
        let words = [
            category.last_error.clone(),
            category.held_words(*name),
            pinned,
        ];
        words
            .into_iter()
            .flatten()
            .map(|words| ((*name).into(), words))
    });
    let causes = causes(errors).into_iter().map(|cause| cause.to_string());
    let left_out = view.categories().iter();
    let left_out = left_out.filter_map(|(name, category)| left_out_words(*name, category.dropped));
    let lines = causes
        .chain(other_files::troubles(view))
        .chain(left_out)
        .map(|line| wrapped(&escaped(&line), width));
    lines.collect::<Vec<_>>().join("\n")
}

/// How many records of a category are not published, and how to find out which.
fn left_out_words(category: Category, dropped: u64) -> Option<String> {
    let records = match dropped {
        0 => return None,
        1 => "1 record is".to_owned(),
        some => format!("{some} records are"),
    };
    Some(format!(
        "{category}: {records} left out of what is published (\"horde-refd check {category}\" names each)"
    ))
}

/// A time to come: `in 15m`, or `now` when it is there.
fn in_or_now(time: Timestamp, now: Timestamp) -> String {
    if time <= now {
        "now".to_owned()
    } else {
        format!("in {}", span(age(now, time).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::sample::{self, NOW, time};
    use crate::inspect::status::FileStatus;

    /// The view of a mirror with this status file.
    fn view(change: impl FnOnce(&mut crate::inspect::status::Status)) -> View {
        let mirror = tempfile::tempdir().unwrap();
        let mut status = sample::status();
        change(&mut status);
        std::fs::write(mirror.path().join("status.json"), status.to_bytes()).unwrap();
        View::of(Some(mirror.path().as_os_str()), mirror.path()).unwrap()
    }

    #[test]
    fn the_table_fits_80_columns_and_colours_states() {
        let view = view(|_| {});
        let shown = rows(&view, time(NOW), Palette::Plain);
        let expected = "\
CATEGORY          STATE    SOURCE  MODELS  AGE           CHANGED
image_generation  fresh    github     231  12s of 1h 0m  3d 2h ago
text_generation   failing  github     719  45m of 1h 0m  3d 2h ago
lora              absent   -            -  -             -";
        assert_eq!(shown, expected);
        let colored = rows(&view, time(NOW), Palette::Colored);
        for state in ["\x1b[32mfresh\x1b[0m ", "\x1b[31mfailing\x1b[0m "] {
            assert!(colored.contains(state), "{colored:?}");
        }
    }

    #[test]
    fn the_other_files_stand_below_the_categories() {
        let view = view(|status| {
            let file = |state, last_error: Option<&str>| FileStatus {
                state,
                last_success: Some(time("2026-11-22T11:59:48Z")),
                last_error: last_error.map(str::to_owned),
                ..FileStatus::default()
            };
            let gone = file(State::Failing, Some("gone"));
            let files = [
                ("legacy/a.json", file(State::Fresh, None)),
                ("legacy/b", gone),
            ];
            status.files = files.map(|(path, file)| (path.to_owned(), file)).into();
        });
        let shown = rows(&view, time(NOW), Palette::Plain);
        let lines: Vec<_> = shown.lines().skip(4).collect();
        let expected = [
            "legacy/a.json     fresh    -            -  12s of 1h 0m  -",
            "legacy/b          failing  -            -  12s of 1h 0m  -",
        ];
        assert_eq!(lines, expected);
        assert!(troubles(&view, None).ends_with("\nlegacy/b: gone"));
        let later = rows(&view, time("2026-11-22T14:00:00Z"), Palette::Plain);
        assert!(later.contains("legacy/a.json     stale"), "{later}");
    }

    #[test]
    fn the_widest_status_fits_80_columns() {
        let view = view(|status| {
            let mut worst = sample::status().categories[&Category::TextGeneration].clone();
            worst.state = State::Modified;
            worst.models = Some(100_000);
            worst.last_success = Some(time("2026-11-20T11:00:00Z"));
            worst.last_change = Some(time("2025-11-20T11:00:00Z"));
            worst.source = Some("an-upstream-with-a-long-name".to_owned());
            status.stale_after_seconds = 86_399;
            status.categories = Category::ALL.map(|it| (it, worst.clone())).into();
        });
        for line in rows(&view, time(NOW), Palette::Plain).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for line in troubles(&view, Some(80)).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn the_header_says_who_runs_and_what_waits() {
        let running = header(&view(|_| {}), time(NOW), Palette::Plain);
        let pid = std::process::id();
        let expected = format!(
            "horde-refd 0.1.0: writer, pid {pid}, up 3h 5m\n\
             cycles    42, the last one 12s ago, the next poll in 15m\n\
             mirror    /m\n\
             upstream  github: asked to be left alone, next request in 30m\n\
             upstream  primary: down for 30m, not asked for now"
        );
        assert_eq!(running, expected);
        let gone = view(|status| status.process.pid = 0);
        let text = header(&gone, time("2026-11-22T13:00:00Z"), Palette::Plain);
        assert!(text.contains("not running (was writer, pid 0"), "{text}");
        assert!(text.contains("github: up"), "{text}");
    }

    #[test]
    fn records_that_are_left_out_are_said_below_the_table() {
        let text = troubles(
            &view(|status| {
                for category in status.categories.values_mut() {
                    category.last_error = None;
                    category.dropped = 2;
                }
                status.categories.retain(|name, _| *name == Category::Lora);
            }),
            None,
        );
        let expected = "lora: 2 records are left out of what is published (\"horde-refd check lora\" names each)";
        assert_eq!(text, expected);
    }

    #[test]
    fn errors_stand_below_the_table_without_their_escapes() {
        let text = troubles(&view(|_| {}), None);
        assert!(
            text.starts_with("text_generation: HTTP 503\\nfrom \\u{1b}[31m"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
}
