//! How a category is published, said from what was last seen of its files and what the manifest has.

use super::{Cycle, ItemReport, Origin};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror;
use crate::verdict::Published;

impl Cycle<'_> {
    /// Whether the legacy file on disk is not what the upstream last sent.
    pub(super) fn is_modified(&mut self, category: Category, legacy: Digest) -> bool {
        if self.is_origin() {
            return false;
        }
        let urls = self.legacy_urls(category);
        let validators = &self.mirror.state().validators;
        let mut sent = urls.iter().filter_map(|source| validators.get(&source.url));
        let mut sent_any = false;
        let is_theirs = sent.any(|known| {
            sent_any = true;
            known.sha256 == legacy
        });
        sent_any && !is_theirs
    }

    /// Where the upstreams have the legacy file of a category.
    pub(super) fn legacy_urls(&self, category: Category) -> Vec<Origin> {
        let item = Item::Category(category);
        let serving = self.serving(&item, Form::Legacy);
        serving
            .filter_map(|upstream| upstream.source(&item, Form::Legacy))
            .collect()
    }

    /// What readers have of a category: what the manifest says, or, where it does not know the file, the file itself.
    pub(super) fn published(&mut self, category: Category) -> Option<Published> {
        if let Some(entry) = self.mirror.manifest().categories.get(&category) {
            return Some(Published {
                sha256: entry.v2.sha256,
                models: entry.v2.models,
            });
        }
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let sha256 = look.seen?.sha256;
        let v2 = look
            .read
            .or_else(|| self.mirror.read(&item, Form::V2).ok()?)?;
        let models = mirror::changes::count(&v2);
        Some(Published { sha256, models })
    }

    /// Fills in how the category is published now, however the cycle fared.
    pub(super) fn describe(&mut self, category: Category, report: &mut ItemReport) {
        let item = Item::Category(category);
        if report.error.is_some() {
            // What a failure left on disk is not what this cycle put there. It is looked at, and only described.
            let _ = self.mirror.look(&item, Form::V2);
        }
        let v2 = self.mirror.last_seen(&item, Form::V2);
        let legacy = self.mirror.last_seen(&item, Form::Legacy);
        report.v2 = v2.map(|file| (file.sha256, file.bytes));
        report.legacy_bytes = legacy.map(|file| file.bytes);
        let entry = self.mirror.manifest().categories.get(&category);
        let entry = entry.filter(|entry| v2.is_some_and(|file| file.sha256 == entry.v2.sha256));
        report.models = entry.map(|entry| entry.v2.models);
        report.dropped = entry.map_or(0, |entry| entry.v2.dropped);
        if report.origin.is_none() {
            // An upstream without a name is none: the file was found here.
            let entry = entry.filter(|entry| !entry.source.upstream.is_empty());
            report.origin = entry.map(|entry| Origin {
                upstream: entry.source.upstream.clone(),
                url: entry.source.url.clone(),
            });
        }
    }
}
