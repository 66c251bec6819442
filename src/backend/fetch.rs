//! Serving categories: from the cache while it is valid, else after one refresh of all that is wanted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Cause, GithubBackend, Invalidation, Reference};
use crate::category::Category;
use crate::cycle::ItemError;
use crate::depth::Depth;

/// Why a category cannot be served at all.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{category}: there is no usable v2 file at {file}", file = file.display())]
pub struct FetchError {
    /// The category.
    pub category: Category,
    /// Where its file would be.
    pub file: PathBuf,
    /// What the last refresh ran into.
    #[source]
    pub reason: Option<Box<ItemError>>,
}

type Served = BTreeMap<Category, Result<Option<Arc<Reference>>, FetchError>>;

impl GithubBackend {
    /// The published reference of a category; `None` for one without a legacy format that was never published.
    ///
    /// What is cached and valid is served as it is. Otherwise the files are brought in order first: a missing legacy
    /// file is fetched, a stale category is polled conditionally, with `force` unconditionally. If that fails, the last
    /// good data is served marked as stale.
    ///
    /// # Errors
    /// There is no data at all.
    pub async fn fetch_category(
        &self,
        category: Category,
        force: bool,
    ) -> Result<Option<Arc<Reference>>, FetchError> {
        let mut fetched = self.fetch(&[category], force).await;
        fetched.remove(&category).unwrap_or(Ok(None))
    }

    /// The published references of all categories, refreshed in one cycle; see [`Self::fetch_category`].
    pub async fn fetch_all_categories(&self, force: bool) -> Served {
        self.fetch(&Category::ALL, force).await
    }

    async fn fetch(&self, categories: &[Category], force: bool) -> Served {
        self.check_only(categories);
        let mut served = BTreeMap::new();
        let wanted = self.unserved(categories, force, &mut served);
        if wanted.is_empty() {
            return served;
        }
        let mut writer = self.writer.lock().await;
        // The holder of the lock before may have loaded what is wanted here (invariant 2).
        let wanted = self.unserved(&wanted, force, &mut served);
        let (stale, unloaded): (Vec<_>, Vec<_>) = wanted
            .iter()
            .partition(|&&category| force || self.cache().is_stale(category));
        let asked = if force { Depth::Force } else { Depth::Poll };
        for (reason, group) in [(asked, stale), (Depth::Disk, unloaded)] {
            if !group.is_empty() {
                self.refresh_held(&mut writer, reason, &group, &(), None)
                    .await;
            }
        }
        drop(writer);
        for category in wanted {
            let loaded = self.cache().serve(category, &self.layout.v2(category));
            let stale = loaded.as_ref().is_ok_and(|reference| reference.is_stale());
            if stale && self.cache().mark(category) {
                let cause = Cause::RefreshFailed;
                self.announce(&[Invalidation { category, cause }]);
            }
            let result = match loaded {
                Ok(reference) => Ok(Some(reference)),
                Err(_) if !category.has_legacy() => {
                    self.cache().note_empty(category);
                    Ok(None)
                }
                Err(reason) => Err(FetchError {
                    category,
                    file: self.layout.v2(category),
                    reason: reason.map(Box::new),
                }),
            };
            served.insert(category, result);
        }
        served
    }

    /// Serves what is cached and valid; returns what is not.
    fn unserved(&self, categories: &[Category], force: bool, served: &mut Served) -> Vec<Category> {
        let cache = self.cache();
        let mut wanted = Vec::new();
        for &category in categories {
            match cache.valid(category).filter(|_| !force) {
                Some(reference) => {
                    self.counters.hits.fetch_add(1, Ordering::Relaxed);
                    served.insert(category, Ok(Some(reference)));
                }
                None => wanted.push(category),
            }
        }
        self.counters
            .misses
            .fetch_add(wanted.len() as u64, Ordering::Relaxed);
        wanted
    }
}
