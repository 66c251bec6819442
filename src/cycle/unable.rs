//! What keeps a whole cycle from being run: a mirror that cannot be written, an origin without its files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Event, ItemError, ItemReport, Report, files};
use crate::category::Category;
use crate::config::{Config, ReplicateMode};
use crate::depth::Depth;
use crate::item::Item;
use crate::mirror::{Layout, LockError};

/// The report of a cycle that found a mirror that it may not or cannot write.
pub(crate) fn unwritable(
    config: &Config,
    categories: &[Category],
    depth: Depth,
    error: LockError,
    sink: &(dyn Fn(Event) + Send + Sync),
) -> Report {
    let error = Arc::new(error);
    let mut items = BTreeMap::new();
    for &category in categories {
        let report = if category.has_legacy() {
            ItemReport::failed(ItemError::Mirror(Arc::clone(&error)))
        } else {
            ItemReport::skipped()
        };
        items.insert(Item::Category(category), report);
    }
    for file in files::concerned(config, categories) {
        let report = ItemReport::failed(ItemError::Mirror(Arc::clone(&error)));
        items.insert(file, report);
    }
    for (item, report) in &items {
        sink(Event::Done(item.clone(), report.clone()));
    }
    let elapsed = Duration::ZERO;
    sink(Event::Ended {
        depth,
        elapsed,
        unwritten: None,
    });
    Report {
        items,
        elapsed,
        unwritten: None,
        troubled: false,
        postponed: None,
    }
}

/// The legacy files of a mirror that is the origin, where they are missing and will not be seeded.
#[must_use]
pub(crate) fn missing_in_primary(config: &Config) -> Vec<PathBuf> {
    if config.replicate_mode != ReplicateMode::Primary || config.seed {
        return Vec::new();
    }
    let layout = Layout::new(&config.base_path);
    Category::with_legacy()
        .map(|category| layout.legacy(category))
        .filter(|path| !path.exists())
        .collect()
}
