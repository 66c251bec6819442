//! What the program was told to do: [`ConfigFile`] as written, [`Config`] as checked; the only home of defaults.
//!
//! Layers, from the weakest to the strongest; each value remembers the layer it came from:
//!
//! 1. the defaults (`defaults.rs`);
//! 2. the environment (`environment.rs`), the names of the Python package included;
//! 3. the configuration file (`file.rs`): the one named by `-c`, else [`DEFAULT_FILE`] where it exists;
//! 4. the command line.
//!
//! `keys.rs` is the table of keys: a name, a rule, and how the value is shown. Every layer goes through it, so a rule
//! is the same wherever a value comes from, and every broken rule is reported at once.

mod cron;
mod defaults;
mod environment;
mod file;
mod keys;
mod level;
mod load;
mod problem;
mod rules;

mod value;
mod warnings;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use cron::Cron;
pub use file::ConfigFile;
pub use keys::{KEYS, Key};
pub use level::Level;
pub use load::{DEFAULT_FILE, Effective, Overrides, load};
pub use problem::{ConfigErrors, Problem, Source};
pub use rules::parse_duration;
pub use value::Value;

/// Gives an enumeration the words it is written with, in files, on the command line and in the environment.
macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $type {
            /// The words, in the order they are documented.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word for the value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            /// Upper and lower case are the same: the Python package writes `REPLICA`.
            fn from_str(text: &str) -> Result<Self, String> {
                [$(($word, Self::$variant)),+]
                    .into_iter()
                    .find(|(word, _)| word.eq_ignore_ascii_case(text))
                    .map(|(_, value)| value)
                    .ok_or_else(|| format!("must be one of {}", rules::quoted(Self::WORDS)))
            }
        }
    };
}

/// The checked configuration; every value has passed its rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The mirror: the directory that is published into.
    pub base_path: PathBuf,
    /// Whether this process replicates GitHub or is itself the origin.
    pub replicate_mode: ReplicateMode,
    /// In [`ReplicateMode::Primary`]: download once what is missing, never overwrite.
    pub seed: bool,
    /// How long a loaded category counts as fresh without another look at its file.
    pub ttl: Duration,
    /// The age of the last success from which a category is reported as stale.
    pub stale_after: Duration,
    /// When the service reports READY to its supervisor.
    pub ready: Ready,
    /// What a second daemon does when another writer holds the mirror.
    pub on_locked: OnLocked,
    /// Where to write Prometheus text for node_exporter's textfile collector.
    pub metrics_file: Option<PathBuf>,
    /// Permission bits of published files.
    pub file_mode: u32,
    /// Permission bits of directories this program creates.
    pub directory_mode: u32,
    /// Where legacy files come from.
    pub upstream: UpstreamConfig,
    /// When to poll.
    pub schedule: ScheduleConfig,
    /// How to notice changes on disk.
    pub watch: WatchConfig,
    /// What to run after a change.
    pub hooks: HooksConfig,
    /// What to log, and how.
    pub log: LogConfig,
}

/// `replicate_mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicateMode {
    /// Follow the upstream (the default).
    Replica,
    /// The local files are the origin; the upstream only seeds.
    Primary,
}

words!(ReplicateMode { "replica" => Replica, "primary" => Primary });

/// `ready`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Good files on disk, or the first cycle has settled, failed or not (the default).
    Settled,
    /// Every category is published.
    Complete,
}

words!(Ready { "settled" => Settled, "complete" => Complete });

/// `on_locked`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLocked {
    /// Wait for the lock, follow the files meanwhile (the default).
    Standby,
    /// Exit with code 3.
    Exit,
}

words!(OnLocked { "standby" => Standby, "exit" => Exit });

/// `upstream.layout`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `URL/{owner}/{repo}/refs/heads/{branch}/{file}`
    Github,
    /// `URL/{file}`
    Flat,
}

words!(Layout { "github" => Github, "flat" => Flat });

/// Where `upstream.url` points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An HTTP(S) server.
    Http(url::Url),
    /// A directory on this host.
    Directory(PathBuf),
}

impl Origin {
    /// How files are laid out where nobody says.
    #[must_use]
    pub const fn default_layout(&self) -> Layout {
        match self {
            Self::Http(_) => Layout::Github,
            Self::Directory(_) => Layout::Flat,
        }
    }
}

/// For people: a password in the address is not shown.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The slash of an empty path is the parser's addition.
            Self::Http(url) if url.path() == "/" => {
                f.write_str(rules::without_password(url).trim_end_matches('/'))
            }
            Self::Http(url) => f.write_str(&rules::without_password(url)),
            Self::Directory(path) => path.display().fmt(f),
        }
    }
}

/// One GitHub repository (`upstream.image`, `upstream.text`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// The account, e.g. `Haidra-Org`.
    pub owner: String,
    /// The repository, e.g. `AI-Horde-image-model-reference`.
    pub name: String,
    /// The branch, e.g. `main`.
    pub branch: String,
}

/// `[upstream]`
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamConfig {
    /// The server or directory.
    pub origin: Origin,
    /// How files are laid out below it.
    pub layout: Layout,
    /// Put before the whole file URL, for places where GitHub is blocked.
    pub proxy_url: Option<url::Url>,
    /// Requests in flight per host.
    pub concurrency: usize,
    /// Time to establish a connection.
    pub connect_timeout: Duration,
    /// Time between two reads of a response.
    pub read_timeout: Duration,
    /// Time for a whole request, body included.
    pub timeout: Duration,
    /// Attempts per file and poll, the first included.
    pub retry_attempts: u32,
    /// The first wait between attempts; doubles per attempt, jittered.
    pub retry_backoff: Duration,
    /// The largest body accepted, in decoded bytes.
    pub max_body_bytes: u64,
    /// Where image categories live.
    pub image: RepositoryConfig,
    /// Where text categories live.
    pub text: RepositoryConfig,
}

/// `[schedule]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleConfig {
    /// When to poll.
    pub cron: Cron,
    /// Upper bound of the random delay before each poll.
    pub splay: Duration,
}

/// `watch.backend`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchBackend {
    /// inotify where the kernel sees every change, polling elsewhere (the default).
    Auto,
    /// Always inotify.
    Inotify,
    /// Always polling.
    Poll,
    /// No watching; the schedule alone finds changes.
    Off,
}

words!(WatchBackend { "auto" => Auto, "inotify" => Inotify, "poll" => Poll, "off" => Off });

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchConfig {
    /// How changes are noticed.
    pub backend: WatchBackend,
    /// How long events are gathered from the first one.
    pub debounce: Duration,
    /// The poll watcher's period.
    pub poll_interval: Duration,
}

/// `[hooks]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksConfig {
    /// Program and arguments to run after a cycle that changed something; empty: none.
    pub on_change: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal under systemd, text on stderr elsewhere (the default).
    Auto,
    /// The journal.
    Journald,
    /// Lines of text on stderr.
    Text,
    /// Lines of JSON on stderr.
    Json,
}

words!(LogFormat { "auto" => Auto, "journald" => Journald, "text" => Text, "json" => Json });

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Where to and in what form.
    pub format: LogFormat,
    /// How much.
    pub level: Level,
}
