//! What has been loaded, and whether it may be served as fresh.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::category::Category;
use crate::clock;
use crate::disk::{self, Links};
use crate::freshness::{Cause, Freshness};
use crate::mirror::layout::READABLE;
use crate::pipeline::CategoryError;
use crate::python::json::{Object, Value, is_whole, read as read_json};

/// A published v2 file as it was loaded.
#[derive(Debug)]
pub struct Reference {
    category: Category,
    bytes: Vec<u8>,
    stale: bool,
    records: OnceLock<Result<Object<'static>, String>>,
}

impl Reference {
    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        self.category
    }

    /// The file's bytes, as every other reader of the mirror sees them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this is the last good data of a category that could not be refreshed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The records by model name, parsed on first use, their numbers as exact as the bytes.
    ///
    /// # Errors
    /// The file is no JSON object.
    pub fn records(&self) -> Result<&Object<'static>, &str> {
        let records = self.records.get_or_init(|| match read_json(&self.bytes) {
            Ok(Value::Object(records)) => Ok(records.into_owned()),
            Ok(_) => Err("the file is no JSON object".to_owned()),
            Err(error) => Err(error.to_string()),
        });
        records.as_ref().map_err(String::as_str)
    }
}

#[derive(Debug)]
pub(super) struct Cache {
    loaded: BTreeMap<Category, Arc<Reference>>,
    freshness: Freshness,
    troubles: BTreeMap<Category, CategoryError>,
}

impl Cache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            loaded: BTreeMap::new(),
            freshness: Freshness::new(ttl),
            troubles: BTreeMap::new(),
        }
    }

    pub(super) fn holds(&self, category: Category) -> bool {
        self.loaded.contains_key(&category)
    }

    pub(super) fn is_valid(&self, category: Category) -> bool {
        self.freshness.is_valid(category) && self.holds(category)
    }

    pub(super) fn is_stale(&self, category: Category) -> bool {
        self.freshness.is_stale(category)
    }

    pub(super) fn valid(&self, category: Category) -> Option<Arc<Reference>> {
        let reference = self.loaded.get(&category)?;
        self.is_valid(category).then(|| Arc::clone(reference))
    }

    /// Marks a category as stale; true when that is news.
    pub(super) fn mark(&mut self, category: Category) -> bool {
        self.freshness.mark(category)
    }

    pub(super) fn look(&mut self, category: Category, file: &Path) -> Option<Cause> {
        self.freshness.look(category, clock::instant(), mtime(file))
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.freshness.next_expiry()
    }

    pub(super) fn note(&mut self, category: Category, trouble: Option<CategoryError>) {
        match trouble {
            Some(error) => self.troubles.insert(category, error),
            None => self.troubles.remove(&category),
        };
    }

    pub(super) fn trouble(&self, category: Category) -> Option<&CategoryError> {
        self.troubles.get(&category)
    }

    /// Loads a file and counts it as fresh; false when there is nothing to load.
    pub(super) fn load(&mut self, category: Category, file: &Path) -> bool {
        // The stamp comes first: if the file is replaced in between, the next look sees another mtime.
        let stamp = mtime(file);
        let Some(reference) = read(category, file, false) else {
            return false;
        };
        self.loaded.insert(category, Arc::new(reference));
        self.freshness.loaded(category, clock::instant(), stamp);
        true
    }

    /// What there is to serve after a refresh: fresh data if it went well, else the last good data marked as stale.
    pub(super) fn serve(
        &mut self,
        category: Category,
        file: &Path,
    ) -> Result<Arc<Reference>, Option<CategoryError>> {
        let trouble = self.troubles.get(&category).cloned();
        if trouble.is_none() && (self.is_valid(category) || self.load(category, file)) {
            return self.loaded.get(&category).cloned().ok_or(None);
        }
        let last = self.loaded.get(&category);
        let stale = read(category, file, true).or_else(|| {
            last.map(|reference| Reference {
                category,
                bytes: reference.bytes.clone(),
                stale: true,
                records: OnceLock::new(),
            })
        });
        let Some(stale) = stale else {
            return Err(trouble);
        };
        let stale = Arc::new(stale);
        self.loaded.insert(category, Arc::clone(&stale));
        Ok(stale)
    }
}

fn mtime(file: &Path) -> Option<f64> {
    disk::stamp(file, Links::Follow)
        .ok()
        .flatten()
        .map(|stamp| stamp.mtime())
}

fn read(category: Category, file: &Path, stale: bool) -> Option<Reference> {
    match disk::read(file, Links::Follow, READABLE) {
        Ok(bytes) => {
            let bytes = bytes?;
            if !is_whole(&bytes) {
                tracing::warn!(path = %file.display(), "a published file is damaged and is not loaded");
                return None;
            }
            Some(Reference {
                category,
                bytes,
                stale,
                records: OnceLock::new(),
            })
        }
        Err(error) => {
            tracing::warn!(path = %file.display(), error = %error.source, "cannot read a published file");
            None
        }
    }
}
