//! The legacy side of a backend: a category's legacy file as JSON text and as a value, cached by TTL and mtime.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::GithubBackend;
use crate::category::Category;
use crate::clock;
use crate::depth::Depth;
use crate::disk::{self, Links};
use crate::legacy::legacy_view;
use crate::mirror::Kind;
use crate::python::json::{Value, read};

/// What was loaded of legacy files. Its expiry is not announced: the file is just read again.
#[derive(Debug, Default)]
pub(super) struct LegacyCache {
    loaded: BTreeMap<Category, Loaded>,
}

#[derive(Debug)]
struct Loaded {
    at: Instant,
    mtime: Option<f64>,
    text: Arc<str>,
    value: OnceLock<Option<Arc<Value<'static>>>>,
}

impl GithubBackend {
    /// The legacy file of a category as JSON text: JSON files byte for byte, the text models' CSV as its JSON view
    /// with backend prefixes. An empty file reads as `{}`; `None` when there is none, or it cannot be read as text.
    ///
    /// `redownload` asks the upstream unconditionally first; without it a missing file is fetched and a stale category
    /// polled. If that fails, what is on disk is served.
    pub async fn legacy_json_string(
        &self,
        category: Category,
        redownload: bool,
    ) -> Option<Arc<str>> {
        self.load_legacy(category, redownload).await?;
        let cache = self.legacy_cache();
        cache
            .loaded
            .get(&category)
            .map(|loaded| Arc::clone(&loaded.text))
    }

    /// The same as a value, its numbers as exact as the text; `None` also when the text is no JSON.
    pub async fn legacy_json(
        &self,
        category: Category,
        redownload: bool,
    ) -> Option<Arc<Value<'static>>> {
        self.load_legacy(category, redownload).await?;
        let cache = self.legacy_cache();
        let loaded = cache.loaded.get(&category)?;
        let parse = || {
            let value = read(loaded.text.as_bytes()).ok()?;
            Some(Arc::new(value.into_owned()))
        };
        loaded.value.get_or_init(parse).clone()
    }

    /// Whether the legacy file of a category is loaded, not older than the TTL, and the one on disk.
    #[must_use]
    pub fn is_legacy_cache_valid(&self, category: Category) -> bool {
        let mtime = self.legacy_mtime(category);
        let cache = self.legacy_cache();
        cache.loaded.get(&category).is_some_and(|loaded| {
            clock::since(loaded.at) <= self.config.ttl && loaded.mtime == mtime
        })
    }

    async fn load_legacy(&self, category: Category, redownload: bool) -> Option<()> {
        let reason = if redownload {
            Some(Depth::Force)
        } else if self.legacy_mtime(category).is_none() {
            Some(Depth::Disk)
        } else if self.needs_refresh(category) {
            Some(Depth::Poll)
        } else {
            None
        };
        if let Some(reason) = reason.filter(|_| category.has_legacy()) {
            self.refresh(reason, &[category], &()).await;
        }
        if self.is_legacy_cache_valid(category) {
            return Some(());
        }
        let mtime = self.legacy_mtime(category);
        let bytes = disk::read(
            &self.layout.legacy(category),
            Links::Follow,
            Kind::Legacy.cap(self.config.http.max_body_bytes),
        )
        .ok()
        .flatten()?;
        let text = match category {
            Category::TextGeneration => legacy_view(&bytes, true).ok()?,
            _ => String::from_utf8(bytes).ok()?,
        };
        let text = if text.trim().is_empty() { "{}" } else { &text };
        let loaded = Loaded {
            at: clock::instant(),
            mtime,
            text: text.into(),
            value: OnceLock::new(),
        };
        self.legacy_cache().loaded.insert(category, loaded);
        Some(())
    }

    fn legacy_mtime(&self, category: Category) -> Option<f64> {
        let stamp = disk::stamp(&self.layout.legacy(category), Links::Follow)
            .ok()
            .flatten();
        stamp.map(|stamp| stamp.mtime())
    }
}
