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

use tracing::level_filters::LevelFilter;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use self::text::{Clock, Fields, Line};
use crate::config::{LogConfig, LogFormat};

mod text;

/// The name in the journal, and the target of our own events in a filter.
const IDENTIFIER: &str = "horde-refd";
const OWN_TARGET: &str = "horde_refd";

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
    /// The level is neither a word nor a filter.
    #[error("cannot read the log level {level:?}")]
    Level {
        /// As configured.
        level: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody did it before.
    #[error("logging is already set up")]
    Twice,
}

/// Sets up logging for the whole process. `verbosity` counts `-v` up and `-q` down from the configured level.
///
/// # Errors
/// When the level cannot be read, or logging is set up already.
pub fn init(
    config: &LogConfig,
    verbosity: i8,
    colored: bool,
    audience: Audience,
) -> Result<Backend, LogError> {
    let filter = filter(&config.level, verbosity)?;
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
        tracing_subscriber::registry().with(layer.with_filter(filter)),
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

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// A plain level is ours; libraries stay at warnings, or a level below ours when they are wanted at `trace`. Anything else
/// is a list of `target=level`, whose default level the verbosity moves.
fn filter(level: &str, verbosity: i8) -> Result<Targets, LogError> {
    if let Ok(own) = level.parse::<LevelFilter>() {
        let own = shift(own, verbosity);
        let others = match own {
            LevelFilter::TRACE => LevelFilter::DEBUG,
            own => own.min(LevelFilter::WARN),
        };
        return Ok(Targets::new()
            .with_target(OWN_TARGET, own)
            .with_default(others));
    }
    let targets: Targets = level.parse().map_err(|source| LogError::Level {
        level: level.to_owned(),
        source,
    })?;
    let default = targets.default_level().unwrap_or(LevelFilter::OFF);
    Ok(match verbosity {
        0 => targets,
        by => targets.with_default(shift(default, by)),
    })
}

fn shift(level: LevelFilter, by: i8) -> LevelFilter {
    let at = LEVELS.iter().position(|known| *known == level).unwrap_or(3);
    let moved = at
        .saturating_add_signed(isize::from(by))
        .min(LEVELS.len() - 1);
    LEVELS.get(moved).copied().unwrap_or(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

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

    #[test]
    fn verbosity_moves_the_level() {
        for (level, verbosity, own, library) in [
            ("info", 0, Some(Level::INFO), Some(Level::WARN)),
            ("info", 1, Some(Level::DEBUG), Some(Level::WARN)),
            ("info", 2, Some(Level::TRACE), Some(Level::DEBUG)),
            ("info", 99, Some(Level::TRACE), Some(Level::DEBUG)),
            ("INFO", -1, Some(Level::WARN), Some(Level::WARN)),
            ("warn", -1, Some(Level::ERROR), Some(Level::ERROR)),
            ("info", -3, None, None),
            ("info", -128, None, None),
            (
                "warn,horde_refd=debug",
                0,
                Some(Level::DEBUG),
                Some(Level::WARN),
            ),
            (
                "warn,horde_refd=debug",
                1,
                Some(Level::DEBUG),
                Some(Level::INFO),
            ),
        ] {
            let filter = filter(level, verbosity).unwrap();
            let most = |target: &str| {
                [
                    Level::TRACE,
                    Level::DEBUG,
                    Level::INFO,
                    Level::WARN,
                    Level::ERROR,
                ]
                .into_iter()
                .find(|level| filter.would_enable(target, level))
            };
            assert_eq!(most("horde_refd::daemon"), own, "{level} {verbosity}");
            assert_eq!(most("hyper::client"), library, "{level} {verbosity}");
        }
    }

    #[test]
    fn a_wrong_level_is_refused_by_name() {
        let error = filter("horde_refd=loud", 0).unwrap_err();
        assert!(error.to_string().contains("horde_refd=loud"));
    }
}
