//! The metrics, as Prometheus text for node_exporter's textfile collector: a pure function from numbers to text.
//!
//! The collector drops a whole file for one sample with a timestamp, wants HELP and TYPE once for each family, and reads the
//! classic text format, not `OpenMetrics`. The age of the file itself is a metric of the collector itself, so it is
//! to be written after every poll, failed ones too.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use jiff::Timestamp;

use crate::category::Category;

/// Everything that is counted or measured, at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricsSnapshot {
    /// The program's version.
    pub version: String,
    /// When what is published was last found to be what the upstream has.
    pub last_success: BTreeMap<Category, Timestamp>,
    /// When something else was last published.
    pub last_change: BTreeMap<Category, Timestamp>,
    /// How many models are published.
    pub models: BTreeMap<Category, u64>,
    /// The size of the published files.
    pub published_bytes: BTreeMap<(Category, Format), u64>,
    /// Refreshes since the start, by category and outcome (`updated`, `unchanged`, `rejected`, `failed`, `skipped`).
    pub refreshes: BTreeMap<(Category, String), u64>,
    /// Bytes of bodies received since the start.
    pub downloaded_bytes: u64,
    /// Requests since the start, by status code, or `error` for those without an answer.
    pub upstream_requests: BTreeMap<String, u64>,
    /// How long the last conversion took, in seconds.
    pub convert_seconds: BTreeMap<Category, f64>,
    /// File system events since the start, by kind.
    pub watch_events: BTreeMap<String, u64>,
    /// Whether the last success is too long ago.
    pub stale: BTreeMap<Category, bool>,
}

/// The two forms in which a category is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// The legacy file.
    Legacy,
    /// The v2 file.
    V2,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::V2 => "v2",
        }
    }
}

/// Writes the text. A family without a sample is left out.
#[must_use]
pub fn render(snapshot: &MetricsSnapshot) -> String {
    let mut text = Text(String::new());
    text.family(
        "horde_refd_build_info",
        Kind::Gauge,
        "The version of horde-refd; always 1.",
        [(vec![("version", snapshot.version.as_str())], 1_u64)],
    );
    text.categories(
        "horde_refd_last_success_timestamp_seconds",
        "When the published files were last found to be what the upstream has.",
        &snapshot.last_success,
        |time| seconds(*time),
    );
    text.categories(
        "horde_refd_last_change_timestamp_seconds",
        "When the published files last changed.",
        &snapshot.last_change,
        |time| seconds(*time),
    );
    text.categories(
        "horde_refd_models",
        "How many models are published.",
        &snapshot.models,
        |models| *models,
    );
    text.family(
        "horde_refd_published_bytes",
        Kind::Gauge,
        "The size of the published files.",
        snapshot
            .published_bytes
            .iter()
            .map(|((category, format), bytes)| {
                (
                    vec![("category", category.name()), ("format", format.as_str())],
                    *bytes,
                )
            }),
    );
    text.family(
        "horde_refd_refreshes_total",
        Kind::Counter,
        "Refreshes by category and outcome.",
        snapshot
            .refreshes
            .iter()
            .map(|((category, outcome), count)| {
                (
                    vec![("category", category.name()), ("outcome", outcome.as_str())],
                    *count,
                )
            }),
    );
    text.family(
        "horde_refd_downloaded_bytes_total",
        Kind::Counter,
        "Bytes of bodies received from the upstream.",
        [(vec![], snapshot.downloaded_bytes)],
    );
    text.family(
        "horde_refd_upstream_requests_total",
        Kind::Counter,
        "Requests to the upstream by status code.",
        snapshot
            .upstream_requests
            .iter()
            .map(|(code, count)| (vec![("code", code.as_str())], *count)),
    );
    text.categories(
        "horde_refd_convert_seconds",
        "How long the last conversion took.",
        &snapshot.convert_seconds,
        |seconds| *seconds,
    );
    text.family(
        "horde_refd_watch_events_total",
        Kind::Counter,
        "File system events by kind.",
        snapshot
            .watch_events
            .iter()
            .map(|(kind, count)| (vec![("kind", kind.as_str())], *count)),
    );
    text.categories(
        "horde_refd_stale",
        "1 when the last success is longer ago than stale_after.",
        &snapshot.stale,
        |stale| u64::from(*stale),
    );
    text.0
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Unix time with milliseconds; written by hand, since a float of this size loses some.
fn seconds(time: Timestamp) -> Seconds {
    Seconds(time.as_millisecond())
}

struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let milliseconds = self.0.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:03}",
            milliseconds / 1000,
            milliseconds % 1000
        )
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

struct Text(String);

impl Text {
    /// A gauge with one sample a category.
    fn categories<V, N: fmt::Display>(
        &mut self,
        name: &str,
        help: &str,
        values: &BTreeMap<Category, V>,
        shown: impl Fn(&V) -> N,
    ) {
        let samples = values.iter();
        let samples =
            samples.map(|(category, value)| (vec![("category", category.name())], shown(value)));
        self.family(name, Kind::Gauge, help, samples);
    }

    fn family<'a, N: fmt::Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, N)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<_> = labels
                .into_iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", labels.join(","))
            };
            let _ = writeln!(self.0, "{name}{labels} {value}");
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
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn sample() -> MetricsSnapshot {
        let image = Category::ImageGeneration;
        MetricsSnapshot {
            version: "0.1.0".into(),
            last_success: BTreeMap::from([(image, "2026-11-22T12:00:00.25Z".parse().unwrap())]),
            last_change: BTreeMap::from([(image, Timestamp::UNIX_EPOCH)]),
            models: BTreeMap::from([(image, 231), (Category::Blip, 2)]),
            published_bytes: BTreeMap::from([
                ((image, Format::V2), 400),
                ((image, Format::Legacy), 219),
            ]),
            refreshes: BTreeMap::from([
                ((image, "updated".into()), 1),
                ((image, "failed".into()), 2),
            ]),
            downloaded_bytes: 12_345,
            upstream_requests: BTreeMap::from([("200".into(), 3), ("error".into(), 1)]),
            convert_seconds: BTreeMap::from([(image, 0.001_5)]),
            watch_events: BTreeMap::from([("odd \"\\\n".into(), 1)]),
            stale: BTreeMap::from([(image, true), (Category::Blip, false)]),
        }
    }

    #[test]
    fn the_text_is_the_contract() {
        let expected = r#"# HELP horde_refd_build_info The version of horde-refd; always 1.
# TYPE horde_refd_build_info gauge
horde_refd_build_info{version="0.1.0"} 1
# HELP horde_refd_last_success_timestamp_seconds When the published files were last found to be what the upstream has.
# TYPE horde_refd_last_success_timestamp_seconds gauge
horde_refd_last_success_timestamp_seconds{category="image_generation"} 1795348800.250
# HELP horde_refd_last_change_timestamp_seconds When the published files last changed.
# TYPE horde_refd_last_change_timestamp_seconds gauge
horde_refd_last_change_timestamp_seconds{category="image_generation"} 0.000
# HELP horde_refd_models How many models are published.
# TYPE horde_refd_models gauge
horde_refd_models{category="blip"} 2
horde_refd_models{category="image_generation"} 231
# HELP horde_refd_published_bytes The size of the published files.
# TYPE horde_refd_published_bytes gauge
horde_refd_published_bytes{category="image_generation",format="legacy"} 219
horde_refd_published_bytes{category="image_generation",format="v2"} 400
# HELP horde_refd_refreshes_total Refreshes by category and outcome.
# TYPE horde_refd_refreshes_total counter
horde_refd_refreshes_total{category="image_generation",outcome="failed"} 2
horde_refd_refreshes_total{category="image_generation",outcome="updated"} 1
# HELP horde_refd_downloaded_bytes_total Bytes of bodies received from the upstream.
# TYPE horde_refd_downloaded_bytes_total counter
horde_refd_downloaded_bytes_total 12345
# HELP horde_refd_upstream_requests_total Requests to the upstream by status code.
# TYPE horde_refd_upstream_requests_total counter
horde_refd_upstream_requests_total{code="200"} 3
horde_refd_upstream_requests_total{code="error"} 1
# HELP horde_refd_convert_seconds How long the last conversion took.
# TYPE horde_refd_convert_seconds gauge
horde_refd_convert_seconds{category="image_generation"} 0.0015
# HELP horde_refd_watch_events_total File system events by kind.
# TYPE horde_refd_watch_events_total counter
horde_refd_watch_events_total{kind="odd \"\\\n"} 1
# HELP horde_refd_stale 1 when the last success is longer ago than stale_after.
# TYPE horde_refd_stale gauge
horde_refd_stale{category="blip"} 0
horde_refd_stale{category="image_generation"} 1
"#;
        assert_eq!(render(&sample()), expected);
    }

    /// What the collector refuses: a sample before its TYPE, a family in two places, a timestamp, a bad number.
    #[test]
    fn the_text_is_what_the_collector_reads() {
        for snapshot in [sample(), MetricsSnapshot::default()] {
            let text = render(&snapshot);
            assert!(text.ends_with('\n') && !text.contains("# EOF"));
            let mut families = BTreeSet::new();
            let mut series = BTreeSet::new();
            let mut current = String::new();
            for line in text.lines() {
                let words: Vec<_> = line.split(' ').collect();
                match words.as_slice() {
                    ["#", "HELP", name, _, ..] => {
                        assert!(families.insert((*name).to_owned()), "{line}");
                        (*name).clone_into(&mut current);
                    }
                    ["#", "TYPE", name, kind] => {
                        assert_eq!(*name, current);
                        assert_eq!(name.ends_with("_total"), *kind == "counter", "{line}");
                    }
                    _ => {
                        let (name, value) = line.rsplit_once(' ').unwrap();
                        assert!(series.insert(name.to_owned()), "{line}");
                        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
                        let family = name.split('{').next().unwrap();
                        assert_eq!(family, current);
                        let labels = &name[family.len()..];
                        assert!(
                            labels.is_empty()
                                || (labels.starts_with('{') && labels.ends_with("\"}"))
                        );
                    }
                }
            }
        }
    }
}
