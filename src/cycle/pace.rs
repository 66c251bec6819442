//! Where a cycle goes slower, for the sake of the upstream and of the log: what it leaves as it is for now.

use std::time::Duration;

use super::{Cycle, Event, ItemReport, Outcome};
use crate::category::Category;
use crate::clock;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror::changes;
use crate::mirror::{Changes, Entry};

/// A category's files as the manifest named them before it was looked at.
pub(super) struct Named {
    v2: Option<Digest>,
    legacy: Option<Digest>,
    /// What lies there instead, where another program is about to be noticed.
    found: Option<String>,
}

impl Cycle<'_> {
    /// Whether a category is left as it is for now: another program goes on changing it, and what is to be done is
    /// bringing it back. A poll leaves nothing.
    pub(super) fn is_postponed(&mut self, category: Category) -> bool {
        if self.depth != Depth::Disk {
            return false;
        }
        let Some(wait) = self.memory.rivals.wait(category, clock::instant()) else {
            return false;
        };
        let item = Item::Category(category);
        let legacy = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
        let legacy = legacy.seen.map(|seen| seen.sha256);
        let named = self.named_legacy(category);
        if legacy.is_some() && legacy != named {
            // An edit, which is converted at once.
            return false;
        }
        self.postpone(wait);
        true
    }

    /// Whether a missing file is to be fetched by a look at the disk; it counts.
    pub(super) fn may_fetch(&mut self, category: Category) -> bool {
        if self.depth != Depth::Disk {
            return true;
        }
        let wait = self.memory.rivals.fetch(category, clock::instant());
        if let Some(wait) = wait {
            self.postpone(wait);
        }
        wait.is_none()
    }

    fn postpone(&mut self, wait: Duration) {
        let sooner = self.postponed.is_none_or(|known| wait < known);
        if sooner {
            self.postponed = Some(wait);
        }
    }

    fn named_legacy(&self, category: Category) -> Option<Digest> {
        let entry = self.mirror.manifest().categories.get(&category)?;
        Some(entry.legacy.as_ref()?.sha256)
    }

    /// What the manifest names before a category is looked at.
    pub(super) fn named(&mut self, category: Category) -> Named {
        let shows = self
            .memory
            .rivals
            .is_about_to_show(category, clock::instant());
        let found = if shows { self.found(category) } else { None };
        let entry = self.mirror.manifest().categories.get(&category);
        Named {
            v2: entry.map(|entry| entry.v2.sha256),
            legacy: self.named_legacy(category),
            found,
        }
    }

    /// What lies in the place of a published file, in words.
    fn found(&mut self, category: Category) -> Option<String> {
        let item = Item::Category(category);
        let entry: Entry = self.mirror.manifest().categories.get(&category)?.clone();
        let path = self.mirror.layout().v2(category);
        let file = path.display();
        let bytes = self.mirror.read(&item, Form::V2).ok().flatten();
        let Some(bytes) = bytes else {
            return Some(format!("{file} is removed"));
        };
        if Digest::of(&bytes) == entry.v2.sha256 {
            let legacy = self.mirror.layout().legacy(category);
            return Some(format!("{} is removed", legacy.display()));
        }
        let good = self.mirror.generations().v2(category, entry.v2.sha256);
        let models = changes::count(&bytes);
        let same = |good: &Vec<u8>| Changes::between(Some(good), &bytes) == Changes::default();
        Some(if good.as_ref().is_some_and(same) {
            format!("what it writes to {file} is the same data in another layout")
        } else if models > 0 {
            format!("what it writes to {file} is other data, {models} models")
        } else {
            format!("what it writes to {file} is no reference")
        })
    }

    /// Notes whether a category had to be brought back, and says once that another program goes on changing it.
    pub(super) fn note_rival(&mut self, category: Category, before: Named, report: &ItemReport) {
        let entry = self.mirror.manifest().categories.get(&category);
        let v2 = entry.map(|entry| entry.v2.sha256);
        let changed = report.outcome == Outcome::Updated || report.changes.is_some();
        let is_back = v2.is_some() && v2 == before.v2;
        if !changed || !is_back || self.named_legacy(category) != before.legacy {
            return;
        }
        self.memory.rivals.brought_back(category, clock::instant());
        if let Some(found) = before.found {
            (self.sink)(Event::Rewritten(Item::Category(category), found));
        }
    }
}
