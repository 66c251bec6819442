//! The defaults: what a user gets who configures nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    Config, HooksConfig, Layout, Level, LogConfig, LogFormat, OnLocked, Origin, Ready,
    ReplicateMode, RepositoryConfig, ScheduleConfig, UpstreamConfig, WatchBackend, WatchConfig,
};

/// The server that `upstream.url` names by default.
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
            upstream: UpstreamConfig {
                origin: github_raw(),
                layout: Layout::Github,
                proxy_url: None,
                concurrency: 4,
                connect_timeout: Duration::from_secs(10),
                read_timeout: Duration::from_secs(15),
                timeout: Duration::from_mins(1),
                retry_attempts: 3,
                retry_backoff: Duration::from_secs(2),
                max_body_bytes: 32 * 1024 * 1024,
                image: haidra("AI-Horde-image-model-reference"),
                text: haidra("AI-Horde-text-model-reference"),
            },
            schedule: ScheduleConfig::quarter_hourly(),
            watch: WatchConfig {
                backend: WatchBackend::Auto,
                debounce: Duration::from_millis(50),
                poll_interval: Duration::from_secs(2),
            },
            hooks: HooksConfig {
                on_change: Vec::new(),
                timeout: Duration::from_mins(1),
            },
            log: LogConfig {
                format: LogFormat::Auto,
                level: Level::info(),
            },
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
