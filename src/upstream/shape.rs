//! The configuration in the form that upstreams are made of.

use std::path::PathBuf;
use std::time::Duration;

use crate::category::Category;
use crate::config::{Origin, RepositoryConfig};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Github,
    Flat,
    Primary,
    Mirror,
}

impl Layout {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Flat => "flat",
            Self::Primary => "primary",
            Self::Mirror => "mirror",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    pub name: String,
    pub origin: Origin,
    pub layout: Layout,
    pub categories: Vec<Category>,
    pub fallback_after: Duration,
    pub proxy_url: Option<url::Url>,
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    pub concurrency: usize,
    pub connect_timeout: Duration,
    pub read_timeout: Duration,
    pub timeout: Duration,
    pub retry_attempts: u32,
    pub retry_backoff: Duration,
    pub max_body_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubConfig {
    pub image: RepositoryConfig,
    pub text: RepositoryConfig,
}

/// Today's one upstream.
#[must_use]
pub fn of(config: &crate::config::UpstreamConfig) -> (UpstreamConfig, HttpConfig, GithubConfig) {
    let layout = match config.layout {
        crate::config::Layout::Github => Layout::Github,
        crate::config::Layout::Flat => Layout::Flat,
    };
    let upstream = UpstreamConfig {
        name: layout.as_str().to_owned(),
        origin: config.origin.clone(),
        layout,
        categories: Category::with_legacy().collect(),
        fallback_after: Duration::ZERO,
        proxy_url: config.proxy_url.clone(),
        token_file: None,
    };
    let http = HttpConfig {
        concurrency: config.concurrency,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        retry_attempts: config.retry_attempts,
        retry_backoff: config.retry_backoff,
        max_body_bytes: config.max_body_bytes,
    };
    let github = GithubConfig {
        image: config.image.clone(),
        text: config.text.clone(),
    };
    (upstream, http, github)
}
