//! What the operator keeps: a pinned generation is published and stays, whatever upstreams and editors do.
//!
//! 1. It comes with the legacy file that it was made from; one that was ready-made leaves `legacy/` alone, and pins the v2
//!    lane only.
//! 2. It gets a new mtime, as every publication; the order of the generations stays as it is.
//! 3. What was published before and is the upstream's present version waits, so that unpinning needs no upstream.

use super::waits::Why;
use super::work::Body;
use super::{Cycle, ItemError, ItemReport, Outcome};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::draft::{self, Draft, MadeFrom};
use crate::item::{Form, Item};
use crate::mirror::{Changes, Entry, LegacyEntry, Source, V2Entry, generations};

/// What is known of a pinned version.
struct Kept {
    made_from: MadeFrom,
    models: u64,
    dropped: u64,
    legacy: Option<LegacyEntry>,
    source: Source,
}

impl Cycle<'_> {
    /// Reads the operator's orders. Those for categories that this cycle was not asked for are carried out at once.
    pub(super) fn take_orders(&mut self, asked: &[Category]) {
        self.mirror.read_orders();
        if !self.mirror.has_new_orders() {
            return;
        }
        let others = Category::ALL.into_iter();
        for category in others.filter(|category| !asked.contains(category)) {
            if self.mirror.concerns_orders(category) {
                self.compare_early(category);
            }
        }
    }

    /// Brings a category in line with its pin.
    pub(super) fn keep_pinned(
        &mut self,
        category: Category,
        pin: Digest,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let issues = self.mirror.state().issues.get(&category).copied();
        report.issues = issues.unwrap_or_default();
        let entry = self.mirror.manifest().categories.get(&category).cloned();
        let is_named = entry.as_ref().is_some_and(|entry| entry.v2.sha256 == pin);
        let Some(kept) = self.kept(category, pin, entry.as_ref()) else {
            let id = generations::id(pin);
            return Err(ItemError::PinGone { category, id });
        };
        let carried = self.carry_out(category, pin, &kept, is_named, entry, report);
        if matches!(carried, Err(ItemError::Disk(_))) {
            self.mirror.order_failed();
        }
        carried
    }

    /// Whether the pinned version comes with a legacy file; one that was ready-made pins the v2 lane alone. What is gone
    /// keeps everything as it is.
    pub(super) fn pins_legacy(&self, category: Category) -> bool {
        let Some(pin) = self.mirror.pin(category) else {
            return false;
        };
        let entry = self.mirror.manifest().categories.get(&category);
        let kept = self.kept(category, pin, entry);
        kept.is_none_or(|kept| kept.made_from.form == Form::Legacy)
    }

    fn kept(&self, category: Category, pin: Digest, entry: Option<&Entry>) -> Option<Kept> {
        if let Some(generation) = self.mirror.generations().get(category, pin) {
            return Some(Kept {
                made_from: generation.made_from,
                models: generation.models,
                dropped: generation.dropped,
                legacy: generation.legacy,
                source: generation.source,
            });
        }
        let entry = entry.filter(|entry| entry.v2.sha256 == pin)?;
        Some(Kept {
            made_from: entry.made_from,
            models: entry.v2.models,
            dropped: entry.v2.dropped,
            legacy: entry.legacy.clone(),
            source: entry.source.clone(),
        })
    }

    fn carry_out(
        &mut self,
        category: Category,
        pin: Digest,
        kept: &Kept,
        is_named: bool,
        entry: Option<Entry>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let item = Item::Category(category);
        let ready_made = kept.made_from.form == Form::V2;
        if !is_named {
            self.keep_present(category, entry.as_ref())?;
        }
        if !ready_made {
            self.keep_legacy(category, kept, is_named, report)?;
        }
        let before = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let stands = before.seen.is_some_and(|seen| seen.sha256 == pin);
        let mut bytes = before.seen.filter(|_| stands).map(|seen| seen.bytes);
        if !stands {
            let Some(v2) = self.pinned_v2(category, pin, kept) else {
                let id = generations::id(pin);
                return Err(ItemError::PinGone { category, id });
            };
            self.write_v2(category, &v2, pin, before.seen)?;
            let old = match before.read {
                Some(old) => Some(old),
                None => entry.as_ref().and_then(|entry| {
                    let generations = self.mirror.generations();
                    generations.v2(category, entry.v2.sha256)
                }),
            };
            report.changes = Some(Changes::between(old.as_deref(), &v2));
            report.outcome = Outcome::Updated;
            bytes = Some(v2.len() as u64);
        }
        if !is_named {
            let of_lane = entry.and_then(|entry| entry.legacy);
            let entry = Entry {
                v2: V2Entry {
                    file: category.v2_file().to_owned(),
                    sha256: pin,
                    bytes: bytes.unwrap_or_default(),
                    models: kept.models,
                    dropped: kept.dropped,
                },
                made_from: kept.made_from,
                legacy: if ready_made {
                    of_lane
                } else {
                    kept.legacy.clone()
                },
                source: kept.source.clone(),
                published_at: clock::now(),
            };
            self.mirror.state().issues.remove(&category);
            self.name_in_manifest(category, entry);
        }
        Ok(())
    }

    /// The pinned v2 file: out of its generation, or made anew from what it was made from.
    fn pinned_v2(&self, category: Category, pin: Digest, kept: &Kept) -> Option<Vec<u8>> {
        let generations = self.mirror.generations();
        generations.v2(category, pin).or_else(|| {
            let MadeFrom {
                sha256,
                on_invalid_record,
                ..
            } = kept.made_from;
            let legacy = generations.legacy(category, sha256)?;
            let policy = on_invalid_record?;
            let draft = draft::from_legacy(category, &legacy, sha256, policy, false).ok()?;
            (draft.sha256 == pin).then_some(draft.v2)
        })
    }

    /// The legacy file that the pinned version was made from takes its place; an edit gives way at the next poll.
    fn keep_legacy(
        &mut self,
        category: Category,
        kept: &Kept,
        is_named: bool,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let Some(wanted) = kept.legacy.as_ref().map(|legacy| legacy.sha256) else {
            return Ok(());
        };
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
        let seen = look.seen.filter(|seen| seen.bytes > 0);
        if seen.is_some_and(|seen| seen.sha256 == wanted) {
            return Ok(());
        }
        let gives_way = self.polls() && !self.is_origin();
        if is_named && seen.is_some() && !gives_way {
            return Ok(());
        }
        let Some(legacy) = self.mirror.generations().legacy(category, wanted) else {
            return Ok(());
        };
        self.write_legacy(category, &legacy, wanted)?;
        report.outcome = Outcome::Updated;
        Ok(())
    }

    /// What is published now waits where it is what an upstream has (invariant 3).
    fn keep_present(&mut self, category: Category, entry: Option<&Entry>) -> Result<(), ItemError> {
        let Some(entry) = entry else {
            return Ok(());
        };
        let MadeFrom { form, sha256, .. } = entry.made_from;
        // Of a ready-made body only the file that it gave is here.
        if form == Form::V2 && sha256 != entry.v2.sha256 {
            return Ok(());
        }
        let sent = self.urls(category).into_iter().find_map(|origin| {
            let known = self.mirror.known(&origin.url)?;
            (known.sha256 == sha256).then(|| (origin, known.validators.clone()))
        });
        let Some(from) = sent else {
            return Ok(());
        };
        let item = Item::Category(category);
        let read = |form| self.mirror.read(&item, form).ok().flatten();
        let generations = self.mirror.generations();
        let v2 = read(Form::V2).filter(|bytes| Digest::of(bytes) == entry.v2.sha256);
        let v2 = v2.or_else(|| generations.v2(category, entry.v2.sha256));
        let legacy = || {
            let legacy = read(Form::Legacy).filter(|bytes| Digest::of(bytes) == sha256);
            legacy.or_else(|| generations.legacy(category, sha256))
        };
        let bytes = if form == Form::V2 {
            v2.clone()
        } else {
            legacy()
        };
        let (Some(bytes), Some(v2)) = (bytes, v2) else {
            return Ok(());
        };
        let issues = self.mirror.state().issues.get(&category).copied();
        let draft = Draft {
            v2,
            sha256: entry.v2.sha256,
            models: entry.v2.models,
            dropped: entry.v2.dropped,
            left_out: Vec::new(),
            issues: issues.unwrap_or_default(),
            made_from: entry.made_from,
            judged: false,
        };
        let body = Body {
            bytes,
            sha256,
            form,
            from: Some(from),
            drafted: None,
        };
        self.let_wait(category, &body, Some(&draft), &Why::pinned(0))
    }
}
