//! What a cycle puts right without an upstream: entries that the manifest lacks, files that are missing or damaged.
//!
//! 1. A file is brought back as what the manifest names, where that is anywhere; bytes that have another digest are none.
//! 2. Where the manifest could not be read, a generation with the file's digest tells what a v2 file is; else a whole one
//!    stays where the first upstream of its lane gives it ready-made, until that answers.
//! 3. An edit makes no generation. When it is gone as well, the legacy file is what an upstream sent last, and the v2 file
//!    the newest version that is kept: older than the edit, and whole.

use super::lanes::Looks;
use super::{Cycle, ItemReport, Outcome};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::draft::{self, Laid};
use crate::item::{Form, Item};
use crate::mirror::{Changes, Entry, Look, Source, V2Entry};

impl Cycle<'_> {
    /// Puts right what needs no upstream before a category is looked at. What became of the category by that, and its
    /// files as they are now.
    pub(super) fn prepare(&mut self, category: Category) -> (Outcome, Looks) {
        self.identify(category);
        let item = Item::Category(category);
        // What cannot be looked at is an error of the comparison, which looks again.
        let found = self.mirror.look(&item, Form::Legacy);
        let is_missing = matches!(&found, Ok(look) if look.seen.is_none());
        let brought = self.bring_back_legacy(category, is_missing);
        let (v2, restored) = self.bring_back_v2(category);
        let came_back = brought.is_some();
        let outcome = if came_back || restored {
            Outcome::Updated
        } else {
            Outcome::Unchanged
        };
        let legacy = brought.or(found.ok()).unwrap_or_default();
        let looks = Looks {
            legacy,
            came_back,
            v2,
        };
        (outcome, looks)
    }

    /// Enters a v2 file that the manifest does not name as what the generation with its digest says that it is
    /// (invariant 2).
    fn identify(&mut self, category: Category) {
        let manifest = self.mirror.manifest();
        if manifest.categories.contains_key(&category) {
            return;
        }
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let Some(seen) = look.seen else {
            return;
        };
        let generations = self.mirror.generations();
        let Some(generation) = generations.get(category, seen.sha256) else {
            self.adopt(category, look);
            return;
        };
        let entry = Entry {
            v2: V2Entry {
                file: category.v2_file().to_owned(),
                sha256: seen.sha256,
                bytes: seen.bytes,
                models: generation.models,
                dropped: generation.dropped,
            },
            made_from: generation.made_from,
            legacy: generation.legacy,
            source: generation.source,
            published_at: generation.published_at,
        };
        self.name_in_manifest(category, entry);
    }

    /// Enters a whole v2 file that nothing tells the origin of, where it is to stay.
    fn adopt(&mut self, category: Category, look: Look) {
        let stays = !self.mirror.is_trusted() && !self.is_origin() && self.keeps_whole(category);
        let Some(seen) = look.seen.filter(|_| stays) else {
            return;
        };
        let item = Item::Category(category);
        let bytes = look
            .read
            .or_else(|| self.mirror.read(&item, Form::V2).ok()?);
        let bytes = bytes.unwrap_or_default();
        let Ok(draft) = draft::from_v2(category, &bytes, seen.sha256, Laid::AsSent) else {
            return;
        };
        let entry = Entry {
            v2: V2Entry {
                file: category.v2_file().to_owned(),
                sha256: seen.sha256,
                bytes: seen.bytes,
                models: draft.models,
                dropped: 0,
            },
            made_from: draft.made_from,
            legacy: None,
            source: Source::default(),
            published_at: clock::now(),
        };
        self.name_in_manifest(category, entry);
    }

    /// Brings a missing legacy file back from the generation that has what the manifest names (invariant 3).
    fn bring_back_legacy(&mut self, category: Category, is_missing: bool) -> Option<Look> {
        if self.is_origin() || !is_missing {
            return None;
        }
        let item = Item::Category(category);
        let entry = self.mirror.manifest().categories.get(&category)?;
        let named = entry.legacy.as_ref()?.sha256;
        let kept = self.mirror.generations().legacy(category, named);
        let (sha256, legacy) = kept
            .map(|legacy| (named, legacy))
            .or_else(|| self.sent_before(category))?;
        // What cannot be written is fetched, and its error is said then.
        self.write_legacy(category, &legacy, sha256).ok()?;
        Some(Look {
            seen: self.mirror.last_seen(&item, Form::Legacy),
            read: Some(legacy),
        })
    }

    /// The legacy file that an upstream sent last, where a generation has it and no pin keeps another.
    fn sent_before(&mut self, category: Category) -> Option<(Digest, Vec<u8>)> {
        if self.mirror.pin(category).is_some() {
            return None;
        }
        let urls = self.legacy_urls(category);
        let known = urls.iter().map(|origin| self.mirror.known(&origin.url));
        let sent: Vec<Digest> = known.flatten().map(|known| known.sha256).collect();
        let generations = self.mirror.generations();
        let mut found = sent
            .into_iter()
            .filter_map(|sha256| Some((sha256, generations.legacy(category, sha256)?)));
        found.next()
    }

    /// The v2 file of a category that an upstream gives ready-made, brought back where it is not the published one: its
    /// digest where it is the published one now, and whether it had to be.
    fn bring_back_v2(&mut self, category: Category) -> (Option<Digest>, bool) {
        let item = Item::Category(category);
        if self.is_origin() && !category.has_legacy() {
            let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
            return (look.seen.map(|seen| seen.sha256), false);
        }
        if !self.has_ready(category) {
            return (None, false);
        }
        let Some(entry) = self.mirror.manifest().categories.get(&category) else {
            return (None, false);
        };
        let good = entry.v2.sha256;
        let mut report = ItemReport::unchanged();
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        if look.seen.is_some_and(|seen| seen.sha256 == good) {
            return (Some(good), false);
        }
        self.restore(category, &mut report);
        let is_back = self.mirror.last_seen(&item, Form::V2);
        let is_back = is_back.is_some_and(|seen| seen.sha256 == good);
        (is_back.then_some(good), is_back)
    }

    /// Brings the last good v2 file back where it is not what is on disk.
    pub(super) fn restore(&mut self, category: Category, report: &mut ItemReport) {
        let item = Item::Category(category);
        let Some(entry) = self.mirror.manifest().categories.get(&category).cloned() else {
            return;
        };
        let good = entry.v2.sha256;
        let before = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let stands = before.seen.is_some_and(|seen| seen.sha256 == good);
        if stands {
            return;
        }
        let (named, v2) = match self.mirror.generations().v2(category, good) {
            Some(v2) => (None, v2),
            None => match self.newest(category, entry) {
                Some((named, v2)) => (Some(named), v2),
                None => return,
            },
        };
        let sha256 = named.as_ref().map_or(good, |named| named.v2.sha256);
        if self.write_v2(category, &v2, sha256, None).is_ok() {
            report.changes = Some(Changes::between(before.read.as_deref(), &v2));
            if let Some(named) = named {
                self.name_in_manifest(category, named);
            }
        }
    }

    /// The newest generation that is whole, as the manifest will name it in the place of `entry` (invariant 3); none where a
    /// pin keeps another.
    fn newest(&self, category: Category, entry: Entry) -> Option<(Entry, Vec<u8>)> {
        if self.mirror.pin(category).is_some() {
            return None;
        }
        let generations = self.mirror.generations();
        let mut whole = generations
            .list(category)
            .into_iter()
            .filter_map(|kept| Some((generations.v2(category, kept.v2_sha256)?, kept)));
        let (v2, kept) = whole.next()?;
        let named = Entry {
            v2: V2Entry {
                file: category.v2_file().to_owned(),
                sha256: kept.v2_sha256,
                bytes: v2.len() as u64,
                models: kept.models,
                dropped: kept.dropped,
            },
            made_from: kept.made_from,
            legacy: kept.legacy.or(entry.legacy),
            source: kept.source,
            published_at: clock::now(),
        };
        Some((named, v2))
    }
}
