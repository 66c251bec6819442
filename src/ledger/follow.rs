//! What a process that stands by knows: what the writer says of itself where that can be read, else what the manifest
//! says. It asked no upstream, so it claims no success of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Ledger;
use super::facts::Facts;
use super::resume::{Listed, resumed};
use super::status::{ItemStatus, Status};
use crate::item::Item;

/// What a process that only reads finds of an item in the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No file.
    Missing,
    /// The file that the manifest lists.
    AsListed(Listed),
    /// A file that the manifest does not list, newer than the manifest: the writer is about to list it.
    Underway(Listed),
    /// A file that the manifest does not list, and older than it.
    Strange(Listed),
}

impl Found {
    const fn listed(&self) -> Option<&Listed> {
        match self {
            Self::Missing => None,
            Self::AsListed(listed) | Self::Underway(listed) | Self::Strange(listed) => Some(listed),
        }
    }
}

impl Ledger {
    /// Repeats what is known of the writer, who may write at any moment; counts one cycle.
    ///
    /// `locked`: a process holds the mirror's lock. Where none does, nothing is kept fresh.
    pub fn follow(
        &mut self,
        writer: Option<&Status>,
        found: &BTreeMap<Item, Found>,
        locked: bool,
        now: Timestamp,
    ) {
        self.cycles += 1;
        if let Some(writer) = writer {
            self.resume(writer, limited_until(writer, now), now);
        }
        for (item, found) in found {
            let own = self.items.remove(item).unwrap_or_default();
            let said = writer.and_then(|writer| said(writer, item));
            let limit = writer.and_then(|writer| limited_until(writer, now));
            let mut facts = match &said {
                Some(said) => resumed(&own, said, limit, now),
                None => Facts::default(),
            };
            if let Some(listed) = found.listed() {
                facts.list(listed);
                let whole = !matches!(found, Found::Strange(_));
                facts.doubtful = !(whole && locked);
                if let Some(last) = &mut facts.last {
                    // What the manifest does not count yet, the writer may.
                    last.models = last.models.or(said.and_then(|said| said.models));
                }
            }
            self.items.insert(item.clone(), facts);
        }
    }

    /// Begins anew, as the writer: what was repeated is not this process's own. It goes on from the last words of the
    /// writer that it followed, and from what the manifest says.
    pub fn lead<'a>(
        &mut self,
        last_words: Option<&Status>,
        limited_until: Option<Timestamp>,
        listed: impl IntoIterator<Item = (&'a Item, &'a Listed)>,
        now: Timestamp,
    ) {
        for facts in self.items.values_mut() {
            *facts = Facts {
                outcomes: std::mem::take(&mut facts.outcomes),
                ..Facts::default()
            };
        }
        if let Some(last_words) = last_words {
            self.resume(last_words, limited_until, now);
        }
        for (item, listed) in listed {
            self.published(item, listed);
        }
    }
}

fn said(writer: &Status, item: &Item) -> Option<ItemStatus> {
    match item {
        Item::Category(category) => writer.categories.get(category).cloned(),
        Item::File(_) => writer.files.get(&item.to_string()).map(Into::into),
    }
}

/// Until when a host of the writer's upstreams asked to be left alone.
fn limited_until(writer: &Status, now: Timestamp) -> Option<Timestamp> {
    let limits = writer.upstreams.values();
    limits
        .filter_map(|upstream| upstream.limited_until)
        .filter(|until| *until > now)
        .max()
}
