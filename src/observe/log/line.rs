//! One event, one line of text.
//!
//! 1. `[<N>][time ]LEVEL message key=value ...`: first the constant sentence, then the fields, then those of its spans.
//! 2. What a value holds is escaped as [`crate::text`] says.
//! 3. A value is quoted when it would be ambiguous without, and cut after [`VALUE_BYTES`].

use std::error::Error;
use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::error::chain;
use crate::text::{escaped, quoted};

/// The longest value, in bytes.
const VALUE_BYTES: usize = 4096;

/// The time of a line: UTC with milliseconds.
pub(super) struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.3}", clock::now())
    }
}

/// How a line begins.
pub(super) struct Line {
    /// With its priority, for systemd.
    pub(super) prefix: bool,
    /// With the time.
    pub(super) time: bool,
}

/// How fields are written.
pub(super) struct Fields;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let (name, color) = match level {
            Level::ERROR => ("ERROR", 31),
            Level::WARN => ("WARN", 33),
            Level::INFO => ("INFO", 32),
            Level::DEBUG => ("DEBUG", 34),
            Level::TRACE => ("TRACE", 35),
        };
        if self.prefix {
            write!(writer, "<{}>", priority(level))?;
        }
        if self.time {
            Clock.format_time(&mut writer)?;
            writer.write_char(' ')?;
        }
        if writer.has_ansi_escapes() {
            write!(writer, "\u{1b}[{color}m{name:5}\u{1b}[0m ")?;
        } else {
            write!(writer, "{name:5} ")?;
        }
        context.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                writer.write_str(fields)?;
            }
        }
        writeln!(writer)
    }
}

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor::default();
        fields.record(&mut visitor);
        let mut writer = writer;
        writer.write_str(&visitor.message)?;
        writer.write_str(&visitor.fields)
    }
}

/// The priority in syslog's numbers.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Reads the values of an event.
#[derive(Default)]
pub(super) struct Visitor {
    message: String,
    fields: String,
    /// Each value as it came, where it is wanted.
    values: Option<Vec<(&'static str, String)>>,
}

impl Visitor {
    /// One that also keeps each value as it came.
    pub(super) fn with_values() -> Self {
        Self {
            values: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The sentence and the fields.
    pub(super) fn line(&self) -> String {
        format!("{}{}", self.message, self.fields)
    }

    pub(super) fn values(&self) -> &[(&'static str, String)] {
        self.values.as_deref().unwrap_or_default()
    }

    fn put(&mut self, name: &'static str, value: &str) {
        let end = value.floor_char_boundary(VALUE_BYTES);
        let value = value.get(..end).unwrap_or(value);
        if name == "message" {
            self.message.push_str(&escaped(value));
            return;
        }
        if let Some(values) = &mut self.values {
            values.push((name, value.to_owned()));
        }
        self.fields.push(' ');
        self.fields.push_str(name);
        self.fields.push('=');
        // What comes from `Debug` for a string is quoted and escaped already.
        let plain = !value.is_empty()
            && !value
                .chars()
                .any(|c| c.is_whitespace() || c == '"' || c == '=');
        if plain || is_quoted(value) {
            self.fields.push_str(&escaped(value));
        } else {
            self.fields.push_str(&quoted(value));
        }
    }
}

/// Whether it is one string in quotes, whose end is its first quote without a backslash.
fn is_quoted(value: &str) -> bool {
    let inner = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inner.is_some_and(|inner| {
        let mut after_backslash = false;
        let open = inner.chars().any(|c| {
            let ends = c == '"' && !after_backslash;
            after_backslash = c == '\\' && !after_backslash;
            ends
        });
        !open && !after_backslash
    })
}

impl Visit for Visitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field.name(), &chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(line: Line, ansi: bool, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(ansi)
            .fmt_fields(Fields)
            .event_format(line);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const BARE: Line = Line {
        prefix: false,
        time: false,
    };

    #[test]
    fn invariant_1_the_sentence_first_then_fields_then_spans() {
        let text = logged(BARE, false, || {
            let _span = tracing::info_span!("refresh", category = "lora").entered();
            tracing::info!(outcome = "updated", elapsed_ms = 12, "published");
        });
        assert_eq!(
            text,
            "INFO  published outcome=updated elapsed_ms=12 category=lora\n"
        );
    }

    #[test]
    fn priorities_lead_the_line_for_systemd() {
        let line = || Line {
            prefix: true,
            time: false,
        };
        for (text, expected) in [
            (
                logged(line(), false, || tracing::error!("x")),
                "<3>ERROR x\n",
            ),
            (
                logged(line(), false, || tracing::warn!("x")),
                "<4>WARN  x\n",
            ),
            (
                logged(line(), false, || tracing::info!("x")),
                "<6>INFO  x\n",
            ),
            (
                logged(line(), false, || tracing::debug!("x")),
                "<7>DEBUG x\n",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn invariant_2_remote_text_stays_on_its_line_and_off_the_terminal() {
        let remote = "evil\n<0>fake \u{1b}[31m\u{9b}2J\r\u{202e}";
        for text in [
            logged(BARE, false, || tracing::warn!(url = remote, "x")),
            logged(BARE, false, || tracing::warn!(url = %remote, "x")),
            logged(BARE, false, || tracing::warn!(url = ?remote, "x")),
            logged(BARE, false, || tracing::warn!("x {remote}")),
        ] {
            let line = text.strip_suffix('\n').unwrap();
            assert!(
                !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{line:?}"
            );
        }
    }

    #[test]
    fn invariant_3_ambiguous_values_are_quoted() {
        let text = logged(BARE, false, || {
            tracing::info!(a = "plain", b = "two words", c = "", d = "a=\"b\"", e = ?"q", "x");
        });
        assert_eq!(
            text,
            "INFO  x a=plain b=\"two words\" c=\"\" d=\"a=\\\"b\\\"\" e=\"q\"\n"
        );
        // Made to look like two fields.
        let text = logged(BARE, false, || tracing::info!(a = "\"b\" c=\"d\"", "x"));
        assert_eq!(text, "INFO  x a=\"\\\"b\\\" c=\\\"d\\\"\"\n");
        let text = logged(BARE, false, || tracing::info!(a = "b".repeat(9000), "x"));
        assert_eq!(text.len(), "INFO  x a=\n".len() + VALUE_BYTES);
    }

    #[test]
    fn an_error_comes_with_its_causes() {
        let source = io::Error::other("no route");
        let error = io::Error::other(Outer(source));
        let text = logged(BARE, false, || {
            tracing::warn!(error = &error as &(dyn Error + 'static), "x");
        });
        assert_eq!(text, "WARN  x error=\"cannot fetch: no route\"\n");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot fetch")]
    struct Outer(#[source] io::Error);

    #[test]
    fn colours_and_times_only_when_wanted() {
        let text = logged(BARE, true, || tracing::error!("x"));
        assert_eq!(text, "\u{1b}[31mERROR\u{1b}[0m x\n");
        let line = Line {
            prefix: false,
            time: true,
        };
        let text = logged(line, false, || tracing::error!("x"));
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 24);
        assert_eq!(rest, "ERROR x\n");
    }
}
