//! What a cycle does to the mirror: the only caller of what writes there.
//!
//! 1. Per category the legacy file is written first, then the v2 file made from it; the manifest comes last.
//! 2. A file that has the bytes already is not written.
//! 3. A version that an upstream brought becomes a generation; an edit in place does not, except where the local files are
//!    the origin.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::files::passed_through;
use super::work::Body;
use super::{Cycle, ItemError, ItemReport, Origin, Outcome};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::disk::DiskError;
use crate::draft::Draft;
use crate::item::{Form, Item};
use crate::mirror::{
    Changes, Entry, FileEntry, Generation, Known, LegacyEntry, Mirror, Received, Seen, Source,
    Unwritten, V2Entry,
};

impl Cycle<'_> {
    /// Publishes a draft; the legacy body that it was made from is stored before.
    pub(super) fn apply(
        &mut self,
        category: Category,
        body: &Body,
        draft: &Draft,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let is_ready = body.form == Form::V2;
        if body.from.is_some() && !is_ready {
            self.store(category, body, report)?;
        }
        let item = Item::Category(category);
        let before = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let stands = before.seen.is_some_and(|seen| seen.sha256 == draft.sha256);
        let mut changes = None;
        if !stands {
            let old = before.read.or_else(|| {
                let read = self.mirror.read(&item, Form::V2);
                read.ok().flatten()
            });
            self.write_v2(category, &draft.v2, draft.sha256, before.seen)?;
            changes = Some(match old {
                Some(old) => Changes::between(Some(&old), &draft.v2),
                None => Changes::first(draft.models),
            });
            report.changes = changes;
            report.outcome = Outcome::Updated;
        }
        let source = self.source(category, body);
        let legacy_source = if is_ready {
            let legacy = self.mirror.last_seen(&item, Form::Legacy);
            legacy.map(|seen| self.source_on_disk(&item, Form::Legacy, seen.sha256).0)
        } else {
            Some(source.clone())
        };
        let legacy = legacy_source.and_then(|source| self.legacy_entry(category, source));
        let is_kept = is_ready && stands && {
            let generations = self.mirror.generations();
            generations.has(category, draft.sha256)
        };
        if !is_kept && (body.from.is_some() || is_confirmed(report) || self.is_origin()) {
            let now = clock::now();
            let generation = Generation {
                v2_sha256: draft.sha256,
                models: draft.models,
                dropped: draft.dropped,
                made_from: draft.made_from,
                source: source.clone(),
                legacy: legacy.clone().filter(|_| !is_ready),
                published_at: now,
                brought_at: now,
                changes,
            };
            let made_from = (!is_ready).then_some(body.bytes.as_slice());
            self.mirror.keep(category, generation, &draft.v2, made_from);
        }
        let before = self.mirror.manifest().categories.get(&category);
        // The same file from elsewhere, or of a body with other blanks, is the file that was published.
        let before = before.filter(|before| is_ready && before.v2.sha256 == draft.sha256);
        let (made_from, source) = before.map_or((draft.made_from, source), |before| {
            (before.made_from, before.source.clone())
        });
        let entry = Entry {
            v2: V2Entry {
                file: category.v2_file().to_owned(),
                sha256: draft.sha256,
                bytes: draft.v2.len() as u64,
                models: draft.models,
                dropped: draft.dropped,
            },
            made_from,
            legacy,
            source,
            published_at: clock::now(),
        };
        let state = self.mirror.state();
        state.issues.insert(category, draft.issues);
        if is_ready {
            let received = Received {
                body: body.sha256,
                v2: draft.sha256,
            };
            state.bodies.insert(category, received);
        } else {
            state.bodies.remove(&category);
        }
        self.mirror.enter(category, entry);
        Ok(())
    }

    /// Stores a legacy body that an upstream sent, and what describes it.
    pub(super) fn store(
        &mut self,
        category: Category,
        body: &Body,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let item = Item::Category(category);
        let before = self.mirror.last_seen(&item, Form::Legacy);
        let stands = before.is_some_and(|seen| seen.sha256 == body.sha256);
        if !stands {
            let published = self.mirror.manifest().categories.get(&category);
            // A file that still has our bytes takes the place of its copy.
            let keep_as = published.and_then(|entry| {
                let ours = entry.legacy.as_ref()?.sha256;
                let kept = self.mirror.generations().get(category, entry.v2.sha256)?;
                let same = before?.sha256 == ours && kept.legacy.as_ref()?.sha256 == ours;
                same.then(|| kept.id())
            });
            self.mirror
                .write(
                    &item,
                    Form::Legacy,
                    &body.bytes,
                    body.sha256,
                    keep_as.as_deref(),
                )
                .map_err(disk)?;
            report.outcome = Outcome::Updated;
        }
        report.modified = false;
        if let Some((origin, validators)) = &body.from {
            let known = Known {
                validators: validators.clone(),
                sha256: body.sha256,
            };
            self.remember(origin, known);
            report.origin = Some(origin.clone());
        }
        self.enter_legacy(category);
        Ok(())
    }

    /// Writes the files of a draft ahead of their turn. Where that fails nothing is written ahead any more, so that the
    /// turns have the room; then it is false.
    pub(super) fn stage(
        &mut self,
        category: Category,
        body: &[u8],
        sha256: Digest,
        draft: &Draft,
    ) -> bool {
        let item = Item::Category(category);
        let v2 = (Form::V2, draft.v2.as_slice(), draft.sha256);
        for (form, bytes, sha256) in [(Form::Legacy, body, sha256), v2] {
            let seen = self.mirror.last_seen(&item, form);
            let stands = seen.is_some_and(|seen| seen.sha256 == sha256);
            if stands {
                continue;
            }
            if let Err(error) = self.mirror.stage(&item, form, bytes, sha256) {
                let error = crate::error::chain(&error);
                tracing::debug!(error, "{category} is not written ahead of its turn");
                self.unstage();
                return false;
            }
        }
        true
    }

    /// Removes what was written ahead and not published.
    pub(super) fn unstage(&mut self) {
        self.mirror.unstage();
    }

    /// Keeps the published version where an upstream has just said that it still is the present one and it is no
    /// generation yet: a crash came between, or another program published it.
    pub(super) fn keep_confirmed(
        &mut self,
        category: Category,
        legacy: Option<Vec<u8>>,
        report: &ItemReport,
    ) {
        let Some(entry) = self.mirror.manifest().categories.get(&category).cloned() else {
            return;
        };
        let kept = self.mirror.generations();
        if !is_confirmed(report) || kept.has(category, entry.v2.sha256) {
            return;
        }
        let item = Item::Category(category);
        let v2 = self.mirror.read(&item, Form::V2).ok().flatten();
        let is_converted = entry.made_from.form == Form::Legacy;
        let legacy = legacy
            .or_else(|| self.mirror.read(&item, Form::Legacy).ok().flatten())
            .filter(|_| is_converted);
        // Only bytes that are what the manifest says are a generation.
        let Some(v2) = v2.filter(|v2| Digest::of(v2) == entry.v2.sha256) else {
            return;
        };
        let generation = Generation {
            v2_sha256: entry.v2.sha256,
            models: entry.v2.models,
            dropped: entry.v2.dropped,
            made_from: entry.made_from,
            source: entry.source,
            legacy: entry.legacy.filter(|_| is_converted),
            published_at: entry.published_at,
            brought_at: clock::now(),
            changes: None,
        };
        self.mirror
            .keep(category, generation, &v2, legacy.as_deref());
    }

    pub(super) fn write_legacy(
        &mut self,
        category: Category,
        legacy: &[u8],
        sha256: Digest,
    ) -> Result<(), ItemError> {
        let (item, form) = (Item::Category(category), Form::Legacy);
        let written = self.mirror.write(&item, form, legacy, sha256, None);
        written.map_err(disk)
    }

    pub(super) fn write_v2(
        &mut self,
        category: Category,
        v2: &[u8],
        sha256: Digest,
        before: Option<Seen>,
    ) -> Result<(), ItemError> {
        let item = Item::Category(category);
        let published = self.mirror.manifest().categories.get(&category);
        // A file that still has our bytes takes the place of its copy.
        let keep_as = published.and_then(|entry| {
            let ours = entry.v2.sha256;
            let kept = self.mirror.generations().get(category, ours)?;
            (before?.sha256 == ours && ours != sha256).then(|| kept.id())
        });
        self.mirror
            .write(&item, Form::V2, v2, sha256, keep_as.as_deref())
            .map_err(disk)
    }

    /// What the manifest says of a category.
    pub(super) fn name_in_manifest(&mut self, category: Category, entry: Entry) {
        self.mirror.enter(category, entry);
    }

    /// Publishes the bytes of a file.
    pub(super) fn store_file(
        &mut self,
        item: &Item,
        bytes: &[u8],
        sha256: Digest,
    ) -> Result<(), ItemError> {
        let written = self.mirror.write(item, Form::Raw, bytes, sha256, None);
        written.map_err(disk)
    }

    /// Names a file in the manifest; only other bytes than those that it names amend it.
    pub(super) fn enter_file(&mut self, item: &Item, seen: Seen, source: Source) {
        let entry = FileEntry {
            sha256: seen.sha256,
            bytes: seen.bytes,
            source,
            published_at: clock::now(),
        };
        self.mirror.enter_file(item, entry);
    }

    /// Takes the files out of the manifest that are no longer configured; they stay on the disk.
    pub(super) fn retain_files(&mut self, configured: &BTreeSet<String>) {
        self.mirror.retain_files(configured);
    }

    /// The manifest names the stored legacy file also when the v2 file is not made from it.
    pub(super) fn enter_legacy(&mut self, category: Category) {
        let Some(entry) = self.mirror.manifest().categories.get(&category).cloned() else {
            return;
        };
        let item = Item::Category(category);
        let Some(seen) = self.mirror.last_seen(&item, Form::Legacy) else {
            return;
        };
        let (source, _) = self.source_on_disk(&item, Form::Legacy, seen.sha256);
        if let Some(legacy) = self.legacy_entry(category, source)
            // An empty file is one that is being written.
            && legacy.bytes > 0
        {
            let same = entry
                .legacy
                .as_ref()
                .is_some_and(|old| old.sha256 == legacy.sha256);
            if !same {
                let legacy = Some(legacy);
                let entry = Entry {
                    legacy,
                    published_at: clock::now(),
                    ..entry
                };
                self.mirror.enter(category, entry);
            }
        }
    }

    fn legacy_entry(&self, category: Category, source: Source) -> Option<LegacyEntry> {
        let item = Item::Category(category);
        let seen = self.mirror.last_seen(&item, Form::Legacy)?;
        Some(LegacyEntry {
            file: item.path(Form::Legacy)?,
            sha256: seen.sha256,
            bytes: seen.bytes,
            source,
        })
    }

    /// What a URL has sent.
    pub(super) fn remember(&mut self, origin: &Origin, known: Known) {
        let validators = &mut self.mirror.state().validators;
        validators.insert(origin.url.clone(), known);
    }

    /// Forgets what URLs have sent that are no longer asked, once a new one has sent something.
    pub(super) fn forget_others(&mut self, known_before: usize) {
        if self.mirror.state().validators.len() <= known_before {
            return;
        }
        let all = Category::ALL.iter();
        let mut asked: Vec<_> = all.flat_map(|&one| self.urls(one)).collect();
        let manifests = self.upstreams.iter();
        asked.extend(manifests.filter_map(|upstream| upstream.manifest_source()));
        for item in passed_through(self.config) {
            let serving = self.serving(&item, Form::Raw);
            asked.extend(serving.filter_map(|upstream| upstream.source(&item, Form::Raw)));
        }
        let state = self.mirror.state();
        let is_asked = |url: &String| asked.iter().any(|origin| origin.url == *url);
        state.validators.retain(|url, _| is_asked(url));
        state.absent.retain(|url, _| is_asked(url));
    }

    /// Keeps a limit that a host has just set, before anybody is shown it: a process that is killed in the middle of a
    /// long cycle leaves it to the next one.
    pub(super) fn keep_limits(&mut self) {
        let limits = self.hosts.limits();
        let known = &self.mirror.state().rate_limits;
        let is_kept = |(host, until)| known.get(host).is_some_and(|known| known >= until);
        if !limits.iter().all(is_kept) {
            // What cannot be written now is with the end of the cycle, which says so.
            let _ = self.commit();
        }
    }

    /// Ends a round of writing: the manifest, and what outlives the run.
    pub(super) fn commit(&mut self) -> Unwritten {
        let limits = self.hosts.limits();
        self.mirror.state().rate_limits = limits;
        self.mirror.commit()
    }
}

/// Whether an upstream has said in this cycle that the legacy file on disk is its present one.
fn is_confirmed(report: &ItemReport) -> bool {
    report.origin.is_some() && !report.modified
}

/// Notes what the hook has seen; what cannot be written now is with the next commit, and else the hook runs once more.
pub(crate) fn note_seen(mirror: &mut Mirror, items: &BTreeSet<Item>) {
    mirror.note_seen(items);
    let _ = mirror.commit();
}

fn disk(error: DiskError) -> ItemError {
    ItemError::Disk(Arc::new(error))
}
