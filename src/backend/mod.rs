//! `GithubBackend`, the library's front door: the mirror, its upstream, and a cache that knows when it is stale.
//!
//! The daemon runs on this type and so does every other Rust program: there is one implementation. A backend is the
//! writer of its mirror while it holds the lock; otherwise it stands by, serves what the writer publishes, and takes
//! over at its next refresh after the writer is gone.
//!
//! Invariants
//! 1. A reader gets whole files only, and data that could not be refreshed is served marked as stale, never as fresh.
//! 2. One refresh runs at a time; who waited for it is served its result.
//! 3. Every way of becoming stale reaches every callback and every subscriber, outside of any lock.
//! 4. Every event of a cycle is folded into the ledger before anybody sees it; what is asked about the mirror's health
//!    is read from there.

mod cache;
mod events;
mod fetch;
mod follow;
mod hooked;
mod known;
mod legacy;
pub mod orders;
mod queries;
mod refresh;
mod rehearsal;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use self::cache::Cache;
pub use self::cache::Reference;
use self::events::Callbacks;
pub use self::events::{CallbackId, Cause, Invalidation};
pub use self::fetch::FetchError;
use self::legacy::LegacyCache;
pub use self::queries::{Capabilities, CategoryHealth, Health, Statistics};
use crate::category::Category;
use crate::config::{Config, ReplicateMode};
use crate::cycle::{self, Memory};
use crate::item::{Form, Item};
use crate::ledger::Ledger;
use crate::ledger::process::Process;
use crate::mirror::{Layout, LockError, Manifest, Mirror, manifest};
use crate::upstream::{Hosts, Upstream, UpstreamError};

/// Who writes the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This backend does.
    Writer,
    /// Another process does, or this backend was opened to read only.
    Standby,
}

/// A mirror of the model references with a cache in front.
#[derive(Debug)]
pub struct GithubBackend {
    config: Config,
    layout: Layout,
    upstreams: Vec<Arc<Upstream>>,
    hosts: Arc<Hosts>,
    writer: tokio::sync::Mutex<Writer>,
    writes: AtomicBool,
    read_only: bool,
    cache: Mutex<Cache>,
    legacy: Mutex<LegacyCache>,
    ledger: Mutex<Ledger>,
    /// The writer that is followed: the one from whose last words a takeover goes on.
    followed: Mutex<Option<Process>>,
    callbacks: Mutex<Callbacks>,
    events: broadcast::Sender<Invalidation>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Writer {
    mirror: Option<Mirror>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    refreshes: AtomicU64,
    failures: AtomicU64,
    invalidations: AtomicU64,
}

/// Why a backend cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The mirror's directory cannot be used, or another writer holds it where that was not acceptable.
    #[error(transparent)]
    Mirror(#[from] LockError),
    /// The upstream's client cannot be set up.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// PRIMARY mode without seeding, and files are missing.
    #[error("replicate_mode = \"primary\" does not download (set seed = true to fetch once what is missing), and these legacy files are missing: {}", .files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "))]
    MissingInPrimary {
        /// The missing files.
        files: Vec<PathBuf>,
    },
}

impl GithubBackend {
    /// Opens a mirror: as its writer when the lock is free, else on standby.
    ///
    /// # Errors
    /// The directory cannot be used, the upstream's client cannot be set up, or PRIMARY files are missing.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        match Mirror::open(&config) {
            Ok(mirror) => Self::with(config, Some(mirror), false),
            Err(LockError::Held { .. }) => Self::with(config, None, false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a mirror as [`Self::open`] does, and asks the upstreams with a client of the caller's own: its proxies,
    /// certificates, redirects, timeouts and headers count, not those of the configuration and the environment. Slots,
    /// limits, retries and conditional requests stay.
    ///
    /// Only a client of the `reqwest` version that this crate uses fits; that is built without a crypto provider, so
    /// one must be installed (`rustls::crypto::CryptoProvider::install_default`) before such a client is made.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(config: Config, client: reqwest::Client) -> Result<Self, OpenError> {
        let mut backend = Self::open(config)?;
        let limits = backend.hosts.limits();
        let hosts = Hosts::new(&backend.config.http, limits);
        backend.hosts = Arc::new(hosts.with_client(client));
        Ok(backend)
    }

    /// Opens a mirror as its writer or not at all.
    ///
    /// # Errors
    /// As [`Self::open`], and when another writer holds the mirror.
    pub fn open_writer(config: Config) -> Result<Self, OpenError> {
        let mirror = Mirror::open(&config)?;
        Self::with(config, Some(mirror), false)
    }

    /// Opens a mirror to read what its writer publishes; never takes the lock, never asks the upstream.
    ///
    /// # Errors
    /// The upstream's configuration cannot be used.
    pub fn open_reader(config: Config) -> Result<Self, OpenError> {
        Self::with(config, None, true)
    }

    fn with(
        config: Config,
        mut mirror: Option<Mirror>,
        read_only: bool,
    ) -> Result<Self, OpenError> {
        if config.replicate_mode == ReplicateMode::Primary && !read_only {
            let files = cycle::missing_in_primary(&config);
            if !files.is_empty() {
                return Err(OpenError::MissingInPrimary { files });
            }
            if !config.seed {
                tracing::warn!(
                    "replicate_mode is primary: the local legacy files are the origin and nothing is ever downloaded"
                );
            }
        }
        let held = mirror
            .as_mut()
            .map(|mirror| mirror.state().rate_limits.clone());
        let upstreams = upstreams_of(&config)?;
        let backend = Self {
            layout: Layout::new(&config.base_path),
            ledger: Mutex::new(ledger_of(&config, &upstreams)),
            upstreams,
            hosts: Arc::new(Hosts::new(&config.http, held.unwrap_or_default())),
            writes: AtomicBool::new(mirror.is_some()),
            writer: tokio::sync::Mutex::new(Writer {
                mirror,
                memory: Memory::default(),
            }),
            followed: Mutex::default(),
            read_only,
            cache: Mutex::new(Cache::new(config.ttl)),
            legacy: Mutex::default(),
            callbacks: Mutex::default(),
            events: broadcast::channel(64).0,
            counters: Counters::default(),
            config,
        };
        backend.resume(None);
        Ok(backend)
    }

    /// Who writes the mirror, as far as this backend knows.
    #[must_use]
    pub fn role(&self) -> Role {
        if self.writes.load(Ordering::Relaxed) {
            Role::Writer
        } else {
            Role::Standby
        }
    }

    /// The configuration it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The hosts that are asked, for their counters and limits.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The upstreams, in order of preference.
    pub fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.upstreams.iter().map(AsRef::as_ref)
    }

    /// What the mirror's manifest says; `None` when there is none that can be read.
    #[must_use]
    pub fn manifest(&self) -> Option<Manifest> {
        manifest::read_manifest(&self.layout.manifest())
    }

    /// Becomes the writer if there is none; true when this backend writes the mirror afterwards.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub async fn take_over(&self) -> Result<bool, LockError> {
        if self.read_only {
            return Ok(false);
        }
        let mut writer = self.writer.lock().await;
        self.ensure_writer(&mut writer)
    }

    fn ensure_writer(&self, writer: &mut Writer) -> Result<bool, LockError> {
        if writer.mirror.is_none() && !self.read_only {
            match Mirror::open(&self.config) {
                Ok(mut mirror) => {
                    // The writer before may have been asked to leave a host alone.
                    self.hosts.limit(&mirror.state().rate_limits);
                    writer.mirror = Some(mirror);
                    self.succeed();
                }
                Err(LockError::Held { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let ours = writer.mirror.is_some();
        self.writes.store(ours, Ordering::Relaxed);
        Ok(ours)
    }

    /// What is known of every item and every upstream.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followed(&self) -> MutexGuard<'_, Option<Process>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the clock and at every file of what is loaded, and announces what went stale.
    pub fn check(&self) {
        self.check_only(&Category::ALL);
    }

    /// The same for these categories alone.
    fn check_only(&self, categories: &[Category]) {
        let stale: Vec<Invalidation> = {
            let mut cache = self.cache();
            categories
                .iter()
                .filter_map(|&category| {
                    let cause = cache.look(category, &self.layout.v2(category))?;
                    Some(Invalidation { category, cause })
                })
                .collect()
        };
        self.announce(&stale);
    }

    /// How long a loaded category counts as fresh.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.config.ttl
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // The cache is consistent between any two statements: a panic elsewhere does not spoil it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn legacy_cache(&self) -> MutexGuard<'_, LegacyCache> {
        self.legacy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ledger of nothing but what is to be expected: what the upstreams serve.
/// The configured upstreams, in order; without any GitHub alone.
fn upstreams_of(config: &Config) -> Result<Vec<Arc<Upstream>>, UpstreamError> {
    let default = [config.first_upstream()];
    let configured = match config.upstreams.as_slice() {
        [] => default.as_slice(),
        some => some,
    };
    let made = |upstream| Upstream::new(upstream, &config.github).map(Arc::new);
    configured.iter().map(made).collect()
}

fn ledger_of(config: &Config, upstreams: &[Arc<Upstream>]) -> Ledger {
    let served = |item: &Item| {
        let serves = |form| upstreams.iter().any(|upstream| upstream.serves(item, form));
        serves(Form::Legacy) || serves(Form::V2)
    };
    let files = cycle::published_files(config);
    let is_listed = |item: &Item| match item {
        Item::Category(_) => served(item),
        // The view is made here; every other file that is configured is to be there.
        Item::File(_) => *item != Item::text_view() || served(&Category::TextGeneration.into()),
    };
    let items = Category::ALL.map(Item::Category).into_iter().chain(files);
    let items = items.filter(is_listed);
    let names = upstreams.iter().map(|upstream| upstream.name().to_owned());
    Ledger::new(items, names, config.stale_after)
}
