//! What the program was told to do: `ConfigFile` as written, `Config` as checked; the only home of defaults.

use std::path::PathBuf;
use std::time::Duration;

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

/// `ready`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Good files on disk, or the first cycle has settled, failed or not (the default).
    Settled,
    /// Every category is published.
    Complete,
}

/// `on_locked`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLocked {
    /// Wait for the lock, follow the files meanwhile (the default).
    Standby,
    /// Exit with code 3.
    Exit,
}

/// `upstream.layout`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `URL/{owner}/{repo}/refs/heads/{branch}/{file}`
    Github,
    /// `URL/{file}`
    Flat,
}

/// Where `upstream.url` points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An HTTP(S) server.
    Http(url::Url),
    /// A directory on this host.
    Directory(PathBuf),
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
    /// Six-field cron expression (seconds first), UTC.
    pub cron: String,
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

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Where to and in what form.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a `tracing` filter.
    pub level: String,
}
