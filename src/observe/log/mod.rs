//! Where log lines go, and how they look.
//!
//! 1. `auto` is the journal when stderr already leads there (`$JOURNAL_STREAM` names it) and its socket answers;
//!    else it is text on stderr. Never both, so that no line appears twice.
//! 2. When the journal is wanted and its socket is missing, lines go to stderr, and the first one says so. Under systemd
//!    each begins with its priority as `<N>`, which systemd understands and cuts off.
//! 3. Event fields become journal fields of the same name in capitals: `CATEGORY`, `OUTCOME`, `URL`, `ELAPSED_MS`.
//! 4. Whatever a value holds, an event is one line and sends no control character to a terminal.
//! 5. A log that cannot be written is no reason to end, or to wait: a thread writes, and what it cannot write in time is
//!    dropped and counted (`queue`). At the end of the process it has a bounded time for the rest.
//! 6. A sentence that is said again and again is counted (`calm`).

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use self::calm::Calm;
use self::journal::Journal;
use self::line::{Clock, Fields, Line};
use self::queue::Queue;
use crate::config::{LogConfig, LogFormat};

mod calm;
mod journal;
mod line;
mod queue;

/// Between two tries of a stderr that takes nothing and does not wait.
const AGAIN: Duration = Duration::from_millis(50);

/// The queue before stderr, for as long as the process lives.
static STDERR: OnceLock<Queue> = OnceLock::new();
/// The queue before the journal.
static JOURNAL: OnceLock<Queue> = OnceLock::new();

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
    /// The thread that writes to stderr, or a descriptor for it, is not to be had.
    #[error(
        "cannot start the thread that writes the log: raise the limit on processes (ulimit -u, TasksMax=)"
    )]
    Stderr {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It was done before.
    #[error("logging is already set up")]
    Twice,
}

/// Sets up logging for the whole process. `verbosity` counts `-v` up and `-q` down from the configured level.
///
/// # Errors
/// When logging is set up already, or stderr cannot be written by a thread.
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
        Some(journal) => journal.boxed(),
        None => on_stderr(backend, colored, audience)?,
    };
    let filter = config.level.targets(verbosity);
    let subscriber = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .with(Calm);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    if let Some(error) = missing {
        tracing::warn!(%error, "the journal cannot be reached, logging to stderr");
    }
    Ok(backend)
}

/// Writes text to stderr behind the lines of the log, without waiting for it.
pub fn to_stderr(text: String) {
    match stderr() {
        Ok(queue) => queue.push(text.into_bytes()),
        // Without a thread there is only the direct way; without a stderr there is no other place to say so.
        Err(_) => drop(io::stderr().write_all(text.as_bytes())),
    }
}

/// Waits until what was logged is written, for at most `patience` each for stderr and the journal.
pub fn flush(patience: Duration) {
    calm::end();
    for queue in [STDERR.get(), JOURNAL.get()].into_iter().flatten() {
        queue.flush(patience);
    }
}

fn on_stderr(
    backend: Backend,
    ansi: bool,
    audience: Audience,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LogError> {
    let queue = stderr().map_err(|source| LogError::Stderr { source })?;
    // Complaining about a closed stderr on stderr would panic (invariant 5).
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || queue.clone())
        .log_internal_errors(false);
    if backend == Backend::Json {
        return Ok(layer
            .with_timer(Clock)
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed());
    }
    let prefix = backend == Backend::Prefixed;
    Ok(layer
        .with_ansi(ansi && !prefix)
        .fmt_fields(Fields)
        .event_format(Line {
            prefix,
            time: audience == Audience::Service && !prefix,
        })
        .boxed())
}

/// The queue before stderr; its thread starts with the first call.
fn stderr() -> io::Result<&'static Queue> {
    if let Some(queue) = STDERR.get() {
        return Ok(queue);
    }
    // A descriptor of its own: a thread that is stuck in it holds no lock that others need.
    let mut file = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let queue = Queue::start(move |line| write_all(&mut file, line), report)?;
    Ok(STDERR.get_or_init(|| queue))
}

fn journal() -> io::Result<Journal> {
    let path = Path::new(journal::SOCKET);
    let socket = journal::connect(path)?;
    let queue = Queue::start(move |entry| socket.send_to(entry, path).map(|_| ()), report)?;
    Ok(Journal(JOURNAL.get_or_init(|| queue).clone()))
}

fn report(dropped: u64) {
    tracing::warn!(
        "{dropped} log lines were dropped: the log was not read or could not be written"
    );
}

/// Writes all of it, also to a pipe that was made not to wait.
fn write_all(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
