//! The defaults: the configuration of a program that nothing is configured for.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    Config, GithubConfig, GuardConfig, HistoryConfig, HooksConfig, HttpConfig, Layout, Level,
    LogConfig, LogFormat, OnInvalidRecord, OnLocked, Origin, PublishConfig, Ready, ReplicateMode,
    RepositoryConfig, ScheduleConfig, UpstreamConfig, WatchBackend, WatchConfig,
};

/// The server of layout `github` by default.
const GITHUB_RAW: &str = "https://raw.githubusercontent.com";

impl Config {
    /// Every value at its default, for the mirror in `base_path`.
    #[must_use]
    pub fn default_for(base_path: PathBuf) -> Self {
        Self {
            base_path,
            replicate_mode: ReplicateMode::Replica,
            seed: false,
            ttl: Duration::from_mins(1),
            stale_after: Duration::from_hours(1),
            ready: Ready::Settled,
            on_locked: OnLocked::Standby,
            metrics_file: None,
            file_mode: 0o644,
            directory_mode: 0o755,
            on_invalid_record: OnInvalidRecord::Reject,
            extra_files: Vec::new(),
            upstreams: vec![UpstreamConfig::github()],
            http: HttpConfig {
                concurrency: 4,
                connect_timeout: Duration::from_secs(10),
                read_timeout: Duration::from_secs(15),
                timeout: Duration::from_mins(1),
                retry_attempts: 3,
                retry_backoff: Duration::from_secs(2),
                max_body_bytes: 32 * 1024 * 1024,
            },
            github: GithubConfig {
                image: haidra("AI-Horde-image-model-reference"),
                text: haidra("AI-Horde-text-model-reference"),
            },
            guard: GuardConfig {
                max_removed: 0.75,
                min_models: 20,
                hold: Duration::from_hours(24),
            },
            history: HistoryConfig { keep: 10 },
            publish: PublishConfig {
                text_legacy_json: false,
            },
            schedule: ScheduleConfig::quarter_hourly(),
            watch: WatchConfig {
                backend: WatchBackend::Auto,
                debounce: Duration::from_millis(50),
                poll_interval: Duration::from_secs(2),
            },
            hooks: HooksConfig {
                on_change: Vec::new(),
                on_trouble: Vec::new(),
                timeout: Duration::from_mins(1),
            },
            log: LogConfig {
                format: LogFormat::Auto,
                level: Level::info(),
            },
        }
    }

    /// The upstream that is preferred to all others; GitHub where there is none.
    #[must_use]
    pub fn first_upstream(&self) -> UpstreamConfig {
        let first = self.upstreams.first().cloned();
        first.unwrap_or_else(UpstreamConfig::github)
    }
}

impl UpstreamConfig {
    /// The upstream that is meant where none is configured: the two repositories on GitHub.
    #[must_use]
    pub fn github() -> Self {
        Self::new(github_raw(), Layout::Github)
    }

    /// An upstream of this layout with every other value at its default.
    #[must_use]
    pub fn new(origin: Origin, layout: Layout) -> Self {
        Self {
            name: layout.as_str().to_owned(),
            origin,
            layout,
            categories: layout.categories().collect(),
            fallback_after: Duration::from_mins(30),
            proxy_url: None,
            token_file: None,
        }
    }
}

fn haidra(name: &str) -> RepositoryConfig {
    RepositoryConfig {
        owner: "Haidra-Org".to_owned(),
        name: name.to_owned(),
        branch: "main".to_owned(),
    }
}

#[expect(
    clippy::expect_used,
    reason = "a constant; every test that makes a configuration parses it"
)]
fn github_raw() -> Origin {
    Origin::Http(url::Url::parse(GITHUB_RAW).expect("the default address is well-formed"))
}
