//! News as log lines: the message itself says which and why, since the journal shows nothing else; fields stand beside it.
//!
//! 1. One cause that hits many items is one line: what one event brings is grouped by its words.
//! 2. What a line of a worse kind already says is for debugging: an upstream that is down where the items that it
//!    fails are named, a manifest that could not be written where the categories that it misses are.
//! 3. Repeats are for debugging.

use tracing::Level;

use crate::cycle::ItemReport;
use crate::item::Item;
use crate::ledger::{Transition, Trouble};

/// Writes the lines that an event's news give.
pub fn say(news: &[Transition]) {
    for line in lines(news) {
        line.write();
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
}

impl Line {
    fn new(level: Level, message: String) -> Self {
        Self {
            level: Some(level),
            message,
            ..Self::default()
        }
    }

    fn write(&self) {
        macro_rules! at {
            ($level:expr) => {
                tracing::event!(
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
        match self.level {
            Some(Level::ERROR) => at!(Level::ERROR),
            Some(Level::WARN) => at!(Level::WARN),
            Some(Level::INFO) => at!(Level::INFO),
            _ => at!(Level::DEBUG),
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
    for transition in news {
        match transition {
            Transition::Published { item, report } => lines.push(published(item, report)),
            _ => {
                if let Some((cause, item, line)) = of_item(transition) {
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
        category: category(items),
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
fn of_item(transition: &Transition) -> Option<(Cause, &Item, Line)> {
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
            cause(Level::WARN, trouble.outcome.as_str(), words(trouble)),
            item,
            of_trouble(trouble),
        ),
        Transition::StillFailing { item, trouble } => {
            let words = format!("still {}", words(trouble));
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

fn words(trouble: &Trouble) -> String {
    let error = &trouble.error;
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

fn category(items: &[&Item]) -> Option<String> {
    let names: Vec<String> = items.iter().map(ToString::to_string).collect();
    Some(names.join(","))
}

fn published(item: &Item, report: &ItemReport) -> Line {
    let changes = report.changes.unwrap_or_default();
    let models = report.models.map_or(String::new(), |models| {
        let (added, removed, changed) = (changes.added, changes.removed, changes.changed);
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
        elapsed_ms: report.convert_time.map(|time| time.as_secs_f64() * 1e3),
        ..Line::new(Level::INFO, format!("published {item}{models}{from}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use crate::cycle::{Origin, Outcome};
    use crate::mirror::Changes;

    const BLIP: Item = Item::Category(Category::Blip);
    const CLIP: Item = Item::Category(Category::Clip);

    fn trouble(outcome: Outcome, error: &str) -> Trouble {
        Trouble {
            outcome,
            error: error.to_owned(),
            limited_until: None,
            failures: 1,
        }
    }

    fn began(item: Item, error: &str) -> Transition {
        Transition::BeganToFail {
            item,
            trouble: trouble(Outcome::Failed, error),
        }
    }

    fn recovered(item: Item) -> Transition {
        Transition::Recovered {
            item,
            failures: 2,
            seconds: 60,
        }
    }

    fn down() -> Transition {
        Transition::UpstreamDown {
            upstream: "github".to_owned(),
            error: "refused".to_owned(),
        }
    }

    fn moved(item: Item) -> Transition {
        Transition::SourceChanged {
            item,
            from: "primary".to_owned(),
            to: "github".to_owned(),
            why: "refused".to_owned(),
        }
    }

    fn said(news: &[Transition]) -> Vec<String> {
        let lines = lines(news).into_iter();
        let lines = lines.map(|line| format!("{} {}", line.level.unwrap(), line.message));
        lines.collect()
    }

    #[test]
    fn a_line_says_which_and_why_and_one_cause_is_one_line() {
        let cannot = "cannot be refreshed, the last good file stays";
        let table: Vec<(Vec<Transition>, Vec<String>)> = vec![
            (
                vec![began(BLIP, "refused")],
                vec![format!("WARN blip {cannot}: refused")],
            ),
            (
                vec![began(BLIP, "refused"), began(CLIP, "refused")],
                vec![format!("WARN 2 items (blip, clip) {cannot}: refused")],
            ),
            (
                vec![began(BLIP, "one"), began(CLIP, "two")],
                vec![
                    format!("WARN blip {cannot}: one"),
                    format!("WARN clip {cannot}: two"),
                ],
            ),
            (
                vec![recovered(BLIP), recovered(CLIP)],
                vec!["INFO 2 items (blip, clip) recovered after 60 s, 2 failed polls".to_owned()],
            ),
            (
                vec![moved(BLIP), moved(CLIP), down()],
                vec![
                    "INFO 2 items (blip, clip) now served by github instead of primary: refused"
                        .to_owned(),
                    "DEBUG the upstream github is down: refused".to_owned(),
                ],
            ),
            (
                vec![down()],
                vec!["WARN the upstream github is down: refused".to_owned()],
            ),
            (
                vec![down(), began(BLIP, "refused")],
                vec![
                    format!("WARN blip {cannot}: refused"),
                    "DEBUG the upstream github is down: refused".to_owned(),
                ],
            ),
            (
                vec![Transition::ChangedTrouble {
                    item: BLIP,
                    trouble: trouble(Outcome::Held, "too few"),
                }],
                vec!["WARN blip held back, the published file stays: too few".to_owned()],
            ),
            (
                vec![Transition::StillFailing {
                    item: BLIP,
                    trouble: trouble(Outcome::Rejected, "bad"),
                }],
                vec![format!("DEBUG blip still {cannot}: bad")],
            ),
            (
                vec![Transition::Unwritten {
                    error: "full".to_owned(),
                }],
                vec!["ERROR the state of the mirror could not be written: full".to_owned()],
            ),
            (
                vec![
                    began(BLIP, "no manifest: full"),
                    Transition::Unwritten {
                        error: "full".to_owned(),
                    },
                ],
                vec![
                    format!("WARN blip {cannot}: no manifest: full"),
                    "DEBUG the state of the mirror could not be written: full".to_owned(),
                ],
            ),
            (
                vec![Transition::Written],
                vec!["INFO the state of the mirror is written again".to_owned()],
            ),
        ];
        for (news, expected) in table {
            assert_eq!(said(&news), expected);
        }
    }

    #[test]
    fn what_was_published_is_said_with_its_counts_and_where_it_came_from() {
        let report = ItemReport {
            outcome: Outcome::Updated,
            origin: Some(Origin {
                upstream: "github".to_owned(),
                url: "https://h/blip.json".to_owned(),
            }),
            models: Some(2),
            changes: Some(Changes {
                added: 1,
                removed: 2,
                changed: 3,
            }),
            ..ItemReport::unchanged()
        };
        let news = [Transition::Published {
            item: BLIP,
            report: Box::new(report),
        }];
        let lines = lines(&news);
        let line = lines.first().unwrap();
        assert_eq!(
            line.message,
            "published blip: 2 models, +1 -2 ~3, from github"
        );
        assert_eq!(line.category.as_deref(), Some("blip"));
        assert_eq!(line.url.as_deref(), Some("https://h/blip.json"));
    }
}
