//! How a category is published, said from what was last seen of its files and what the manifest has.

use super::{Cycle, ItemReport, Origin};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror;
use crate::mirror::waiting::Kind;
use crate::verdict::Published;

impl Cycle<'_> {
    /// Whether the legacy file on disk is not what the upstream last sent.
    pub(super) fn is_modified(&self, category: Category, legacy: Digest) -> bool {
        if self.is_origin() {
            return false;
        }
        let urls = self.legacy_urls(category);
        let waiting = self.mirror.waiting(category, Kind::Legacy);
        let sent = urls.iter().filter_map(|source| {
            let sent = self.mirror.known(&source.url)?.sha256;
            match waiting {
                // What waits is not stored: the version before it is theirs here.
                Some(waiting) if waiting.made_from.sha256 == sent => waiting.stands,
                _ => Some(sent),
            }
        });
        let sent: Vec<Digest> = sent.collect();
        !sent.is_empty() && !sent.contains(&legacy)
    }

    /// Where the upstreams have the legacy file of a category.
    pub(super) fn legacy_urls(&self, category: Category) -> Vec<Origin> {
        let item = Item::Category(category);
        let serving = self.serving(&item, Form::Legacy);
        serving
            .filter_map(|upstream| upstream.source(&item, Form::Legacy))
            .collect()
    }

    /// What readers have of a category: what the manifest says, or, where it does not know the file, the file itself. Its
    /// bytes are read only where a draft with another digest is compared with them.
    pub(super) fn published(&mut self, category: Category, draft: Digest) -> Option<Published> {
        let entry = self.mirror.manifest().categories.get(&category);
        if let Some((sha256, models)) = entry.map(|entry| (entry.v2.sha256, entry.v2.models)) {
            let differs = sha256 != draft;
            let v2 = differs.then(|| self.good_v2(category, sha256)).flatten();
            return Some(Published { sha256, models, v2 });
        }
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let sha256 = look.seen?.sha256;
        let v2 = look
            .read
            .or_else(|| self.mirror.read(&item, Form::V2).ok()?)?;
        Some(Published {
            sha256,
            models: mirror::changes::count(&v2),
            v2: Some(v2),
        })
    }

    /// The v2 file with this digest: the published one, or, where that is damaged, its generation.
    fn good_v2(&mut self, category: Category, sha256: Digest) -> Option<Vec<u8>> {
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        if look.seen.is_some_and(|seen| seen.sha256 == sha256) {
            let read = look
                .read
                .map_or_else(|| self.mirror.read(&item, Form::V2), |v2| Ok(Some(v2)));
            return read.ok().flatten();
        }
        self.mirror.generations().v2(category, sha256)
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
        self.show_waiting(category, report);
    }
}
