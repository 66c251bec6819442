//! [`GithubBackend`] for callers without an async runtime: each call runs to its end on a small runtime of its own.
//!
//! Not for use inside an async runtime, where a blocking call would stop the thread it runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::backend::{FetchError, GithubBackend as Async, OpenError, Reference};
use crate::category::Category;
use crate::config::Config;
use crate::depth::Depth;
use crate::pipeline::{Report, Silent};
use crate::python::json::Value;

/// The blocking form of [`crate::backend::GithubBackend`]; what does not wait is reached through [`Self::inner`].
#[derive(Debug)]
pub struct GithubBackend {
    inner: Arc<Async>,
    runtime: Runtime,
}

/// Why a blocking backend cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError {
    /// The backend itself cannot.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its runtime cannot be set up.
    #[error("cannot set up the runtime of a blocking backend")]
    Runtime(#[source] std::io::Error),
}

impl GithubBackend {
    /// As [`Async::open`].
    ///
    /// # Errors
    /// As [`Async::open`], or the system has no room for a runtime.
    pub fn open(config: Config) -> Result<Self, BlockingError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BlockingError::Runtime)?;
        Ok(Self {
            inner: Arc::new(Async::open(config)?),
            runtime,
        })
    }

    /// The backend itself: freshness, paths, callbacks, health and statistics need no runtime.
    #[must_use]
    pub fn inner(&self) -> &Arc<Async> {
        &self.inner
    }

    /// As [`Async::refresh`].
    pub fn refresh(&self, reason: Depth, categories: &[Category]) -> Report {
        self.runtime
            .block_on(self.inner.refresh(reason, categories, &Silent))
    }

    /// As [`Async::fetch_category`].
    ///
    /// # Errors
    /// As [`Async::fetch_category`].
    pub fn fetch_category(
        &self,
        category: Category,
        force: bool,
    ) -> Result<Option<Arc<Reference>>, FetchError> {
        self.runtime
            .block_on(self.inner.fetch_category(category, force))
    }

    /// As [`Async::fetch_all_categories`].
    pub fn fetch_all_categories(
        &self,
        force: bool,
    ) -> BTreeMap<Category, Result<Option<Arc<Reference>>, FetchError>> {
        self.runtime
            .block_on(self.inner.fetch_all_categories(force))
    }

    /// As [`Async::legacy_json`].
    pub fn legacy_json(&self, category: Category, redownload: bool) -> Option<Arc<Value<'static>>> {
        self.runtime
            .block_on(self.inner.legacy_json(category, redownload))
    }

    /// As [`Async::legacy_json_string`].
    pub fn legacy_json_string(&self, category: Category, redownload: bool) -> Option<Arc<str>> {
        self.runtime
            .block_on(self.inner.legacy_json_string(category, redownload))
    }

    /// As [`Async::warm_cache`].
    pub fn warm_cache(&self) -> usize {
        self.runtime.block_on(self.inner.warm_cache())
    }
}
