//! The configuration: [`ConfigFile`] as written, [`Config`] as checked; the only home of defaults.
//!
//! Layers, from the weakest to the strongest; each value remembers the layer it came from:
//!
//! 1. the defaults (`defaults.rs`);
//! 2. the environment (`environment.rs`), the names of the Python package included;
//! 3. the configuration file (`file.rs`): the one named by `-c`, else [`DEFAULT_FILE`] where it exists;
//! 4. the command line.
//!
//! `keys/` is the table of keys: a name, a rule, how the value is shown, and a text for people. Every layer goes
//! through it, so a rule is the same wherever a value comes from, and every broken rule is reported at once.
//! `config.example.toml` is generated from it (`example.rs`). The `[[upstream]]` tables are one list: the file's
//! replaces the default one, and `--upstream` replaces the file's.

mod address;
mod cron;
mod defaults;
mod environment;
mod example;
mod file;
mod keys;
mod level;
mod load;
mod names;
mod problem;
mod rules;
mod upstream;
mod value;
mod warnings;

use std::path::PathBuf;
use std::time::Duration;

pub use cron::Cron;
pub use example::{example, ways};
pub use file::{ConfigFile, Written};
pub use keys::{KEYS, Key, table_help};
pub use level::Level;
pub use load::{DEFAULT_FILE, Effective, Overrides, Setting, load};
pub use problem::{ConfigErrors, Problem, Source};
pub use rules::parse_duration;
pub use upstream::{
    ExtraFile, GithubConfig, HttpConfig, Layout, Origin, RepositoryConfig, UpstreamConfig,
};
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

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
                    .ok_or_else(|| format!("must be one of {}", $crate::config::rules::quoted(Self::WORDS)))
            }
        }
    };
}
use words;

/// The checked configuration; every value has passed its rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The mirror: the directory that is published into.
    pub base_path: PathBuf,
    /// Whether this process replicates its upstreams or is itself the origin.
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
    /// What a record that cannot be converted does to its file.
    pub on_invalid_record: OnInvalidRecord,
    /// Files that are passed through to `legacy/`.
    pub extra_files: Vec<ExtraFile>,
    /// Where references come from, in order of preference; none: GitHub alone.
    pub upstreams: Vec<UpstreamConfig>,
    /// What all requests have in common.
    pub http: HttpConfig,
    /// The repositories of upstreams of layout `github`.
    pub github: GithubConfig,
    /// Which good updates are held back.
    pub guard: GuardConfig,
    /// Which earlier versions are kept.
    pub history: HistoryConfig,
    /// What else is published.
    pub publish: PublishConfig,
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
    /// Follow the upstreams (the default).
    Replica,
    /// The local files are the origin; the upstreams only seed.
    Primary,
}

words!(ReplicateMode { "replica" => Replica, "primary" => Primary });

/// `ready`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Good files are on disk, or the first cycle has ended, failed or not (the default).
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

/// `on_invalid_record`
pub use crate::item::OnInvalidRecord;

words!(OnInvalidRecord { "reject" => Reject, "skip" => Skip });

/// `[guard]`
#[derive(Debug, Clone, PartialEq)]
pub struct GuardConfig {
    /// The share of the published models, from 0 to 1, that an update may remove.
    pub max_removed: f64,
    /// The number of published models from which `max_removed` counts.
    pub min_models: usize,
    /// How long such an update is held.
    pub hold: Duration,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryConfig {
    /// The number of published versions kept per category, the present one included.
    pub keep: usize,
}

/// `[publish]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishConfig {
    /// Publish the JSON view of `models.csv` as `legacy/text_generation.json`.
    pub text_legacy_json: bool,
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
    /// Changes of files are found by the schedule alone; the operators' orders are still looked for at least once a
    /// second.
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
    /// Program and arguments to run when a category or an upstream becomes unhealthy or well again; empty: none.
    pub on_trouble: Vec<String>,
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
