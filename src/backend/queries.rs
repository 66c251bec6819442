//! What a backend can be asked without changing anything: freshness, paths, health, statistics.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{GithubBackend, Role};
use crate::category::Category;
use crate::config::ReplicateMode;
use crate::upstream::Traffic;

/// What a backend supports, in the reference package's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent yes-or-no answers"
)]
pub struct Capabilities {
    /// Records can be written through it.
    pub writes: bool,
    /// Legacy records can be written through it.
    pub legacy_writes: bool,
    /// Records of either form can be written through it.
    pub any_writes: bool,
    /// It keeps metadata of its own about categories, such as when a record was last changed.
    pub metadata: bool,
    /// [`GithubBackend::health`]
    pub health_checks: bool,
    /// [`GithubBackend::statistics`]
    pub statistics: bool,
    /// [`GithubBackend::warm_cache`]
    pub cache_warming: bool,
}

/// The state of a backend at one moment, as its ledger has it.
#[derive(Debug, Clone)]
pub struct Health {
    /// Every category that an upstream serves has a published file, and no refresh failed since the last that went well.
    pub healthy: bool,
    /// Who writes the mirror.
    pub role: Role,
    /// Hosts that asked to be left alone, and until when.
    pub limited_until: BTreeMap<String, Timestamp>,
    /// The categories that an upstream serves.
    pub categories: BTreeMap<Category, CategoryHealth>,
}

/// The state of one category.
#[derive(Debug, Clone)]
pub struct CategoryHealth {
    /// Its v2 file is there.
    pub published: bool,
    /// It is loaded and may be served as fresh.
    pub cache_valid: bool,
    /// What the last refresh ran into, if it failed.
    pub last_error: Option<String>,
}

/// Counters since the backend was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Fetches served from the cache.
    pub cache_hits: u64,
    /// Fetches that had to look further.
    pub cache_misses: u64,
    /// Cycles run.
    pub refreshes: u64,
    /// Categories that failed or were rejected in those.
    pub failures: u64,
    /// Staleness events announced.
    pub invalidations: u64,
    /// Requests and bytes.
    pub traffic: Traffic,
}

impl GithubBackend {
    /// Whether what is loaded of a category went stale: marked, expired, or its file changed. Never loaded is not stale.
    #[must_use]
    pub fn needs_refresh(&self, category: Category) -> bool {
        self.check_only(&[category]);
        self.cache().is_stale(category)
    }

    /// Whether [`Self::fetch_category`] would have to look further than the cache.
    #[must_use]
    pub fn should_fetch(&self, category: Category) -> bool {
        !self.is_cache_valid(category)
    }

    /// Whether a category is loaded and may be served as fresh.
    #[must_use]
    pub fn is_cache_valid(&self, category: Category) -> bool {
        self.check_only(&[category]);
        self.cache().is_valid(category)
    }

    /// Whether a category was loaded, fresh or not; also when it was found to have no data, as in the reference package.
    #[must_use]
    pub fn has_cached_data(&self, category: Category) -> bool {
        self.cache().was_answered(category)
    }

    /// Where a category is published.
    #[must_use]
    pub fn category_file_path(&self, category: Category) -> PathBuf {
        self.layout.v2(category)
    }

    /// Where every category is published.
    #[must_use]
    pub fn all_category_file_paths(&self) -> BTreeMap<Category, PathBuf> {
        Category::ALL
            .into_iter()
            .map(|category| (category, self.layout.v2(category)))
            .collect()
    }

    /// Read-only, with health checks, statistics and cache warming.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            writes: false,
            legacy_writes: false,
            any_writes: false,
            metadata: false,
            health_checks: true,
            statistics: true,
            cache_warming: true,
        }
    }

    /// Whether the local files follow the upstream or are the origin.
    #[must_use]
    pub fn replicate_mode(&self) -> ReplicateMode {
        self.config.replicate_mode
    }

    /// The state of everything; looks at the files, asks no upstream.
    #[must_use]
    pub fn health(&self) -> Health {
        self.check();
        let ledger = self.ledger();
        let cache = self.cache();
        let categories: BTreeMap<_, _> = ledger
            .categories()
            .map(|(category, facts)| {
                let health = CategoryHealth {
                    published: self.layout.v2(category).is_file(),
                    cache_valid: cache.is_valid(category),
                    last_error: facts.last_error.clone(),
                };
                (category, health)
            })
            .collect();
        Health {
            healthy: categories
                .values()
                .all(|health| health.published && health.last_error.is_none()),
            role: self.role(),
            limited_until: self.hosts.limits(),
            categories,
        }
    }

    /// Counters since the backend was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let counters = &self.counters;
        Statistics {
            cache_hits: counters.hits.load(Ordering::Relaxed),
            cache_misses: counters.misses.load(Ordering::Relaxed),
            refreshes: counters.refreshes.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
            invalidations: counters.invalidations.load(Ordering::Relaxed),
            traffic: self.hosts.traffic(),
        }
    }

    /// Loads every category, fetching what is missing; returns how many are loaded and fresh.
    pub async fn warm_cache(&self) -> usize {
        let fetched = self.fetch_all_categories(false).await;
        fetched
            .values()
            .filter(|result| matches!(result, Ok(Some(reference)) if !reference.is_stale()))
            .count()
    }
}
