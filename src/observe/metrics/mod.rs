//! The metrics, as Prometheus text for node_exporter's textfile collector: one table of families, read from the ledger.
//!
//! The collector drops a whole file for one sample with a timestamp, wants HELP and TYPE once for each family, and reads the
//! classic text format, not `OpenMetrics`. The age of the file itself is a metric of the collector itself, so it is
//! to be written after every poll, failed ones too.
//!
//! 1. A family without a sample is left out.
//! 2. A counter is there with 0 before it counts: one that appears with its first event hides that event from
//!    `increase()`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use jiff::Timestamp;

use crate::category::Category;
use crate::cycle::{ItemReport, Outcome};
use crate::ledger::{Facts, Ledger};

/// All that is measured, at one time.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// What is known of items and upstreams.
    pub ledger: &'a Ledger,
    /// The present.
    pub now: Timestamp,
    /// Requests since the start, by upstream and by status code, or `error` for those without an answer.
    pub requests: &'a BTreeMap<String, BTreeMap<String, u64>>,
    /// Bytes of bodies received since the start.
    pub downloaded_bytes: u64,
    /// File system events since the start, by kind.
    pub watch_events: &'a [(&'static str, u64)],
}

/// One family: its name, what it means, its kind, and how its samples are read.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: fn(&Measured<'_>) -> Vec<Sample>,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Labels and a value.
struct Sample(Vec<(&'static str, String)>, Number);

enum Number {
    Whole(u64),
    Real(f64),
    Time(Timestamp),
}

const FAMILIES: [Family; 17] = [
    Family {
        name: "horde_refd_build_info",
        help: "The version of horde-refd; always 1.",
        kind: Kind::Gauge,
        samples: |_| {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            vec![Sample(vec![("version", version)], Number::Whole(1))]
        },
    },
    Family {
        name: "horde_refd_last_success_timestamp_seconds",
        help: "When the published files were last found to be what the upstream has.",
        kind: Kind::Gauge,
        samples: |all| each(all, |facts| facts.last_success.map(Number::Time)),
    },
    Family {
        name: "horde_refd_last_change_timestamp_seconds",
        help: "When the published files last changed.",
        kind: Kind::Gauge,
        samples: |all| each(all, |facts| facts.last_change.map(Number::Time)),
    },
    Family {
        name: "horde_refd_models",
        help: "How many models are published.",
        kind: Kind::Gauge,
        samples: |all| each(all, |facts| facts.models().map(Number::Whole)),
    },
    Family {
        name: "horde_refd_dropped_records",
        help: "How many records were left out of the published files.",
        kind: Kind::Gauge,
        samples: |all| last(all, |report| report.dropped),
    },
    Family {
        name: "horde_refd_published_bytes",
        help: "The size of the published files.",
        kind: Kind::Gauge,
        samples: published_bytes,
    },
    Family {
        name: "horde_refd_refreshes_total",
        help: "Refreshes by category and outcome.",
        kind: Kind::Counter,
        samples: refreshes,
    },
    Family {
        name: "horde_refd_downloaded_bytes_total",
        help: "Bytes of bodies received from the upstreams.",
        kind: Kind::Counter,
        samples: |all| vec![Sample(vec![], Number::Whole(all.downloaded_bytes))],
    },
    Family {
        name: "horde_refd_upstream_requests_total",
        help: "Requests by upstream and status code.",
        kind: Kind::Counter,
        samples: requests,
    },
    Family {
        name: "horde_refd_upstream_up",
        help: "1 when the upstream answered when it was last asked.",
        kind: Kind::Gauge,
        samples: |all| {
            let upstreams = all.ledger.upstreams.iter();
            upstreams
                .map(|(name, facts)| Sample(vec![("upstream", name.clone())], flag(facts.up)))
                .collect()
        },
    },
    Family {
        name: "horde_refd_served_by",
        help: "1 for the upstream that last gave or confirmed the published file.",
        kind: Kind::Gauge,
        samples: served_by,
    },
    Family {
        name: "horde_refd_convert_seconds",
        help: "How long the last conversion took.",
        kind: Kind::Gauge,
        samples: |all| each(all, |facts| facts.convert_seconds.map(Number::Real)),
    },
    Family {
        name: "horde_refd_watch_events_total",
        help: "File system events by kind.",
        kind: Kind::Counter,
        samples: |all| {
            let events = all.watch_events.iter();
            events
                .map(|(kind, count)| {
                    Sample(vec![("kind", (*kind).to_owned())], Number::Whole(*count))
                })
                .collect()
        },
    },
    Family {
        name: "horde_refd_stale",
        help: "1 when the last success is longer ago than stale_after.",
        kind: Kind::Gauge,
        samples: |all| {
            let stale_after = all.ledger.stale_after;
            each(all, |facts| {
                Some(flag(facts.is_outdated(all.now, stale_after)))
            })
        },
    },
    Family {
        name: "horde_refd_held",
        help: "1 when a guard holds an update back.",
        kind: Kind::Gauge,
        samples: |all| each(all, |facts| Some(flag(facts.is_held()))),
    },
    Family {
        name: "horde_refd_pinned",
        help: "1 when a generation is pinned.",
        kind: Kind::Gauge,
        samples: |all| last(all, |report| u64::from(report.pinned.is_some())),
    },
    Family {
        name: "horde_refd_guard_removed_models",
        help: "How many published models the update that is held back lacks.",
        kind: Kind::Gauge,
        samples: |all| {
            last(all, |report| {
                let held = report.held.as_ref().filter(|_| report.pinned.is_none());
                held.map_or(0, |held| held.removed)
            })
        },
    },
];

/// Writes the text.
#[must_use]
pub fn render(measured: &Measured<'_>) -> String {
    let mut text = String::new();
    for family in &FAMILIES {
        let samples = (family.samples)(measured);
        if samples.is_empty() {
            continue;
        }
        let Family {
            name, help, kind, ..
        } = family;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for Sample(labels, value) in samples {
            let labels: Vec<_> = labels
                .into_iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(&value)))
                .collect();
            let labels = match labels.as_slice() {
                [] => String::new(),
                labels => format!("{{{}}}", labels.join(",")),
            };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

fn of(category: Category) -> (&'static str, String) {
    ("category", category.name().to_owned())
}

fn flag(set: bool) -> Number {
    Number::Whole(u64::from(set))
}

/// A sample for each category that has the value.
fn each(all: &Measured<'_>, value: impl Fn(&Facts) -> Option<Number>) -> Vec<Sample> {
    let categories = all.ledger.categories();
    categories
        .filter_map(|(category, facts)| Some(Sample(vec![of(category)], value(facts)?)))
        .collect()
}

/// A sample for each category, from its last report; 0 before the first.
fn last(all: &Measured<'_>, value: impl Fn(&ItemReport) -> u64) -> Vec<Sample> {
    each(all, |facts| {
        Some(Number::Whole(facts.last.as_ref().map_or(0, &value)))
    })
}

fn published_bytes(all: &Measured<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (category, facts) in all.ledger.categories() {
        let Some(last) = &facts.last else { continue };
        let v2 = last.v2.map(|(_, bytes)| bytes);
        for (format, bytes) in [("legacy", last.legacy_bytes), ("v2", v2)] {
            let labels = vec![of(category), ("format", format.to_owned())];
            samples.extend(bytes.map(|bytes| Sample(labels, Number::Whole(bytes))));
        }
    }
    samples
}

fn refreshes(all: &Measured<'_>) -> Vec<Sample> {
    let counted = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome != Outcome::Skipped);
    let mut samples = Vec::new();
    for (category, facts) in all.ledger.categories() {
        for outcome in counted.clone() {
            let count = facts.outcomes.get(&outcome).copied().unwrap_or_default();
            let labels = vec![of(category), ("outcome", outcome.as_str().to_owned())];
            samples.push(Sample(labels, Number::Whole(count)));
        }
    }
    samples
}

fn requests(all: &Measured<'_>) -> Vec<Sample> {
    let mut requests = all.requests.clone();
    for upstream in all.ledger.upstreams.keys() {
        let codes = requests.entry(upstream.clone()).or_default();
        codes.entry("200".to_owned()).or_default();
    }
    let mut samples = Vec::new();
    for (upstream, codes) in requests {
        for (code, count) in codes {
            let labels = vec![("upstream", upstream.clone()), ("code", code)];
            samples.push(Sample(labels, Number::Whole(count)));
        }
    }
    samples
}

fn served_by(all: &Measured<'_>) -> Vec<Sample> {
    let categories = all.ledger.categories();
    categories
        .filter_map(|(category, facts)| {
            let upstream = facts.source.clone()?;
            Some(Sample(
                vec![of(category), ("upstream", upstream)],
                flag(true),
            ))
        })
        .collect()
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            // With milliseconds, and not as a float: one of this size loses some.
            Self::Time(time) => {
                let milliseconds = time.as_millisecond();
                let sign = if milliseconds < 0 { "-" } else { "" };
                let milliseconds = milliseconds.unsigned_abs();
                write!(
                    f,
                    "{sign}{}.{:03}",
                    milliseconds / 1000,
                    milliseconds % 1000
                )
            }
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
