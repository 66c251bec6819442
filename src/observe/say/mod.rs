//! News as log lines: the message itself says which and why, since the journal shows nothing else; fields stand beside it.
//!
//! 1. One cause that hits many items is one line: what one event brings is grouped by its words.
//! 2. What a line of a worse kind already says is for debugging: an upstream that is down where the items that it
//!    fails are named, a manifest that could not be written where the categories that it misses are.
//! 3. Repeats are for debugging.
//! 4. What a look at the disk brings has a target of its own, by which the log counts it when it goes on and on; that
//!    another program is behind it is always said.

use std::collections::BTreeMap;

use tracing::Level;

use crate::clock;
use crate::cycle::ItemReport;
use crate::depth::Depth;
use crate::item::Item;
use crate::ledger::{Transition, Trouble, causes};
use crate::mirror::Changes;

/// The target of lines that a look at the disk brings.
pub const OF_DISK: &str = "horde_refd::observe::say::disk";

/// Writes the lines that an event's news give, in a cycle of a depth.
pub fn say(news: &[Transition], depth: Depth) {
    for line in lines(news) {
        line.write(depth);
    }
}

/// One line of the log.
#[derive(Debug, Default, PartialEq)]
struct Line {
    level: Option<Level>,
    message: String,
    category: Option<String>,
    outcome: Option<&'static str>,
    upstream: Option<String>,
    url: Option<String>,
    failures: Option<u64>,
    failing_seconds: Option<u64>,
    downloaded_bytes: Option<u64>,
    modified: Option<bool>,
    elapsed_ms: Option<f64>,
    /// It is said however much else is.
    always: bool,
}

impl Line {
    fn new(level: Level, message: String) -> Self {
        Self {
            level: Some(level),
            message,
            ..Self::default()
        }
    }

    fn write(&self, depth: Depth) {
        macro_rules! at {
            ($target:expr, $level:expr) => {
                tracing::event!(
                    target: $target,
                    $level,
                    category = self.category.as_deref(),
                    outcome = self.outcome,
                    upstream = self.upstream.as_deref(),
                    url = self.url.as_deref(),
                    failures = self.failures,
                    failing_seconds = self.failing_seconds,
                    downloaded_bytes = self.downloaded_bytes,
                    modified = self.modified,
                    elapsed_ms = self.elapsed_ms,
                    "{}",
                    self.message
                )
            };
        }
        match (self.level, depth) {
            (Some(Level::ERROR), _) => at!(module_path!(), Level::ERROR),
            (Some(Level::WARN), Depth::Disk) if !self.always => at!(OF_DISK, Level::WARN),
            (Some(Level::WARN), _) => at!(module_path!(), Level::WARN),
            (Some(Level::INFO), Depth::Disk) => at!(OF_DISK, Level::INFO),
            (Some(Level::INFO), _) => at!(module_path!(), Level::INFO),
            _ => at!(module_path!(), Level::DEBUG),
        }
    }
}

/// Lines of one kind and cause, of which one is written for all their items.
#[derive(PartialEq)]
struct Cause {
    level: Level,
    outcome: &'static str,
    /// What is said after the items.
    words: String,
}

fn lines(news: &[Transition]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut groups: Vec<(Cause, Vec<&Item>, Line)> = Vec::new();
    let shared = shared_words(news);
    for transition in news {
        match transition {
            Transition::Published {
                item,
                report,
                brought_back,
            } => lines.push(if *brought_back {
                restored(item, report)
            } else {
                published(item, report)
            }),
            Transition::Rewritten { item, words } => lines.push(rewritten(item, words)),
            _ => {
                if let Some((cause, item, line)) = of_item(transition, &shared) {
                    match groups.iter_mut().find(|(known, _, _)| *known == cause) {
                        Some((_, items, _)) => items.push(item),
                        None => groups.push((cause, vec![item], line)),
                    }
                }
            }
        }
    }
    let said = |level: Level| {
        let mut causes = groups.iter().map(|(cause, _, _)| cause);
        causes.any(|cause| cause.level == level)
    };
    let (troubled, better) = (said(Level::WARN), said(Level::INFO));
    lines.extend(groups.iter().map(|(cause, items, line)| Line {
        level: Some(cause.level),
        message: format!("{} {}", names(items), cause.words),
        category: Some(categories(items)),
        outcome: Some(cause.outcome),
        failures: line.failures,
        failing_seconds: line.failing_seconds,
        ..Line::default()
    }));
    let shown = |level: Level, hidden: bool| if hidden { Level::DEBUG } else { level };
    for transition in news {
        let (level, message, upstream) = match transition {
            Transition::UpstreamDown { upstream, error } => (
                shown(Level::WARN, troubled || better),
                format!("the upstream {upstream} is down: {error}"),
                Some(upstream),
            ),
            Transition::UpstreamUp { upstream, seconds } => (
                shown(Level::INFO, better),
                format!("the upstream {upstream} answers again, after {seconds} s"),
                Some(upstream),
            ),
            Transition::LeavesOut {
                item,
                dropped,
                first,
            } => {
                lines.push(left_out(item, *dropped, first));
                continue;
            }
            Transition::Unwritten { error } => (
                shown(Level::ERROR, names_cause(&groups, error)),
                format!("the state of the mirror could not be written: {error}"),
                None,
            ),
            Transition::Written => (
                Level::INFO,
                "the state of the mirror is written again".to_owned(),
                None,
            ),
            _ => continue,
        };
        lines.push(Line {
            upstream: upstream.cloned(),
            ..Line::new(level, message)
        });
    }
    lines
}

fn names_cause(groups: &[(Cause, Vec<&Item>, Line)], error: &str) -> bool {
    groups
        .iter()
        .any(|(cause, _, _)| cause.words.contains(error))
}

/// The cause of an item's news, and the fields of its line.
fn of_item<'n>(
    transition: &'n Transition,
    shared: &BTreeMap<Item, String>,
) -> Option<(Cause, &'n Item, Line)> {
    let words = |item: &Item, trouble: &Trouble| words(trouble, shared.get(item));
    let cause = |level, outcome, words| Cause {
        level,
        outcome,
        words,
    };
    let of_trouble = |trouble: &Trouble| Line {
        failures: Some(u64::from(trouble.failures)),
        ..Line::default()
    };
    Some(match transition {
        Transition::BeganToFail { item, trouble }
        | Transition::ChangedTrouble { item, trouble } => (
            cause(Level::WARN, trouble.outcome.as_str(), words(item, trouble)),
            item,
            of_trouble(trouble),
        ),
        Transition::StillFailing { item, trouble } => {
            let words = format!("still {}", words(item, trouble));
            (
                cause(Level::DEBUG, trouble.outcome.as_str(), words),
                item,
                of_trouble(trouble),
            )
        }
        Transition::Recovered {
            item,
            failures,
            seconds,
        } => {
            let polls = match failures {
                0 => String::new(),
                1 => ", 1 failed poll".to_owned(),
                more => format!(", {more} failed polls"),
            };
            let line = Line {
                failures: Some(u64::from(*failures)),
                failing_seconds: Some(*seconds),
                ..Line::default()
            };
            let words = format!("recovered after {seconds} s{polls}");
            (cause(Level::INFO, "recovered", words), item, line)
        }
        Transition::SourceChanged {
            item,
            from,
            to,
            why,
        } => {
            let words = format!("now served by {to} instead of {from}: {why}");
            (
                cause(Level::INFO, "source_changed", words),
                item,
                Line::default(),
            )
        }
        _ => return None,
    })
}

/// The errors of items, each in the words that all items have in common which have the same cause.
fn shared_words(news: &[Transition]) -> BTreeMap<Item, String> {
    let errors = news.iter().filter_map(|transition| match transition {
        Transition::BeganToFail { item, trouble }
        | Transition::ChangedTrouble { item, trouble }
        | Transition::StillFailing { item, trouble } => Some((item.clone(), trouble.error.clone())),
        _ => None,
    });
    let of_cause = |cause: causes::Cause| {
        let error = cause.error;
        cause
            .items
            .into_iter()
            .map(move |item| (item, error.clone()))
    };
    causes::causes(errors)
        .into_iter()
        .flat_map(of_cause)
        .collect()
}

fn words(trouble: &Trouble, shared: Option<&String>) -> String {
    let error = shared.unwrap_or(&trouble.error);
    match trouble.outcome {
        crate::cycle::Outcome::Held => format!("held back, the published file stays: {error}"),
        _ => format!("cannot be refreshed, the last good file stays: {error}"),
    }
}

/// `blip`, or `3 items (blip, clip, lora):`.
fn names(items: &[&Item]) -> String {
    match items {
        [item] => format!("{item}"),
        items => {
            let names: Vec<String> = items.iter().map(ToString::to_string).collect();
            format!("{} items ({})", names.len(), names.join(", "))
        }
    }
}

fn categories(items: &[&Item]) -> String {
    let names: Vec<String> = items.iter().map(ToString::to_string).collect();
    names.join(",")
}

fn published(item: &Item, report: &ItemReport) -> Line {
    let counts = report.changes.unwrap_or_default();
    let models = report.models.map_or(String::new(), |models| {
        let Changes {
            added,
            removed,
            changed,
        } = counts;
        format!(": {models} models, +{added} -{removed} ~{changed}")
    });
    let origin = report.origin.as_ref();
    let from = origin.map_or(String::new(), |origin| {
        format!(", from {}", origin.upstream)
    });
    Line {
        category: Some(item.to_string()),
        outcome: Some(report.outcome.as_str()),
        upstream: origin.map(|origin| origin.upstream.clone()),
        url: origin.map(|origin| origin.url.clone()),
        downloaded_bytes: Some(report.downloaded_bytes),
        modified: Some(report.modified),
        elapsed_ms: report.convert_time.map(clock::milliseconds),
        ..Line::new(Level::INFO, format!("published {item}{models}{from}"))
    }
}

fn rewritten(item: &Item, words: &str) -> Line {
    let message = format!(
        "another program goes on changing our files: {words}; each is brought back at most once a second from now on"
    );
    Line {
        category: Some(item.to_string()),
        always: true,
        ..Line::new(Level::WARN, message)
    }
}

fn restored(item: &Item, report: &ItemReport) -> Line {
    let message = format!("a file of {item} was damaged or gone and is brought back as it was");
    let line = Line::new(Level::WARN, message);
    Line {
        category: Some(item.to_string()),
        outcome: Some(report.outcome.as_str()),
        ..line
    }
}

/// `lora: 12 records cannot be converted and are left out: model 'a': ...; model 'b': ...; and 10 more`.
fn left_out(item: &Item, dropped: u64, first: &[String]) -> Line {
    let (level, words) = match dropped {
        0 => (Level::INFO, "no record is left out any more".to_owned()),
        1 => (
            Level::WARN,
            "1 record cannot be converted and is left out".to_owned(),
        ),
        some => {
            let words = format!("{some} records cannot be converted and are left out");
            (Level::WARN, words)
        }
    };
    let more = match dropped.saturating_sub(first.len() as u64) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let named = match first {
        [] => String::new(),
        first => format!(": {}{more}", first.join("; ")),
    };
    Line {
        category: Some(item.to_string()),
        ..Line::new(level, format!("{item}: {words}{named}"))
    }
}

#[cfg(test)]
mod tests;
