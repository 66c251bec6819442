//! Where log lines go, and how they look.
//!
//! 1. `auto` is the journal when stderr already leads there (`$JOURNAL_STREAM` names it) and its socket answers;
//!    else it is text on stderr. Never both, so that no line appears twice.
//! 2. When the journal is wanted and its socket is missing, lines go to stderr, and the first one says so. Under systemd
//!    each begins with its priority as `<N>`, which systemd understands and cuts off.
//! 3. Event fields become journal fields of the same name in capitals: `CATEGORY`, `OUTCOME`, `URL`, `ELAPSED_MS`.
//! 4. Whatever a value holds, an event is one line and sends no control character to a terminal.
//! 5. A log that cannot be written is no reason to end.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use self::text::{Clock, Fields, Line};
use crate::config::{LogConfig, LogFormat};

mod text;

/// The name in the journal.
const IDENTIFIER: &str = "horde-refd";

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A service: lines carry the time.
    Service,
    /// A person who waits for one command: the time is now.
    Command,
}

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// To the journal, with fields.
    Journald,
    /// To stderr as text.
    Text,
    /// To stderr as text, each line led by its priority for systemd.
    Prefixed,
    /// To stderr as JSON, one object a line.
    Json,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Somebody did it before.
    #[error("logging is already set up")]
    Twice,
}

/// Sets up logging for the whole process. `verbosity` counts `-v` up and `-q` down from the configured level.
///
/// # Errors
/// When logging is set up already.
pub fn init(
    config: &LogConfig,
    verbosity: i8,
    colored: bool,
    audience: Audience,
) -> Result<Backend, LogError> {
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let journal = match config.format {
        LogFormat::Journald => Some(journal()),
        LogFormat::Auto if stderr_is_journal() => Some(journal()),
        LogFormat::Auto | LogFormat::Text | LogFormat::Json => None,
    };
    let (journal, missing) = match journal {
        Some(Ok(layer)) => (Some(layer), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let backend = if journal.is_some() {
        Backend::Journald
    } else if config.format == LogFormat::Json {
        Backend::Json
    } else if under_systemd && stderr_is_journal() {
        Backend::Prefixed
    } else {
        Backend::Text
    };
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match journal {
        Some(layer) => layer.boxed(),
        None => on_stderr(backend, colored, audience),
    };
    tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(layer.with_filter(config.level.targets(verbosity))),
    )
    .map_err(|_| LogError::Twice)?;
    if let Some(error) = missing {
        tracing::warn!(%error, "the journal cannot be reached, logging to stderr");
    }
    Ok(backend)
}

fn on_stderr(
    backend: Backend,
    ansi: bool,
    audience: Audience,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    // Complaining about a closed stderr on stderr would panic (invariant 5).
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .log_internal_errors(false);
    if backend == Backend::Json {
        return layer
            .with_timer(Clock)
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed();
    }
    let prefix = backend == Backend::Prefixed;
    layer
        .with_ansi(ansi && !prefix)
        .fmt_fields(Fields)
        .event_format(Line {
            prefix,
            time: audience == Audience::Service && !prefix,
        })
        .boxed()
}

fn journal() -> io::Result<tracing_journald::Layer> {
    Ok(tracing_journald::Layer::new()?
        .with_field_prefix(None)
        .with_syslog_identifier(IDENTIFIER.to_owned())
        .with_priority_mappings(PriorityMappings {
            info: Priority::Informational,
            debug: Priority::Debug,
            ..PriorityMappings::new()
        }))
}

/// Whether `$JOURNAL_STREAM` names the device and inode of stderr.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let metadata = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| File::from(fd).metadata());
    metadata.is_ok_and(|metadata| names(&stream, metadata.dev(), metadata.ino()))
}

fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .is_some_and(|(d, i)| d.parse() == Ok(device) && i.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_1_the_stream_is_named_by_device_and_inode() {
        for (stream, expected) in [
            ("8:42", true),
            ("8:43", false),
            ("9:42", false),
            ("8", false),
            ("", false),
            ("8:42:1", false),
            ("-8:42", false),
        ] {
            assert_eq!(names(stream, 8, 42), expected, "{stream}");
        }
    }
}
