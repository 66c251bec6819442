//! Which change the hook last saw: of each item the digests of its files, as a run of the hook that ended was for them.
//!
//! What is published and not noted here is handed to the hook at the next start: a run that a stop or a crash cut short
//! is made again, and a change that was published while no daemon ran is not lost.

use std::collections::BTreeSet;

use super::{Manifest, Mirror, State};
use crate::digest::Digest;
use crate::item::Item;

impl Manifest {
    /// The digests of an item's published files; none where it is not published.
    fn digests(&self, item: &Item) -> Vec<Digest> {
        let Some(category) = item.category() else {
            let file = self.files.get(&item.to_string());
            return file.map(|file| file.sha256).into_iter().collect();
        };
        let Some(entry) = self.categories.get(&category) else {
            return Vec::new();
        };
        let legacy = entry.legacy.as_ref().map(|legacy| legacy.sha256);
        [entry.v2.sha256].into_iter().chain(legacy).collect()
    }
}

impl State {
    /// Of these items those that are published otherwise than the hook saw them.
    fn unseen(&self, manifest: &Manifest, items: impl IntoIterator<Item = Item>) -> Vec<Item> {
        let items = items.into_iter().filter(|item| {
            let published = manifest.digests(item);
            !published.is_empty() && self.hook_saw.get(&item.to_string()) != Some(&published)
        });
        items.collect()
    }
}

impl Mirror {
    /// Of these items those that are published otherwise than the hook saw them.
    pub fn unseen(&self, items: impl IntoIterator<Item = Item>) -> Vec<Item> {
        self.state.unseen(&self.manifest, items)
    }

    /// Notes that a run of the hook has ended that was for these items as they are published now.
    pub fn note_seen(&mut self, items: &BTreeSet<Item>) {
        for item in items {
            let digests = self.manifest.digests(item);
            self.state.hook_saw.insert(item.to_string(), digests);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use crate::mirror::LegacyEntry;
    use crate::mirror::tests::entry;

    const BLIP: Item = Item::Category(Category::Blip);
    const CLIP: Item = Item::Category(Category::Clip);

    #[test]
    fn what_differs_from_what_the_hook_saw_is_unseen() {
        let published = |v2: &[u8], legacy: Option<&[u8]>| {
            let mut entry = entry(v2);
            entry.legacy = legacy.map(|bytes| LegacyEntry {
                file: "legacy/blip.json".to_owned(),
                sha256: Digest::of(bytes),
                bytes: bytes.len() as u64,
                source: entry.source.clone(),
            });
            let mut manifest = Manifest::default();
            manifest.categories.insert(Category::Blip, entry);
            manifest
        };
        let (old, new) = (b"old".as_slice(), b"new".as_slice());
        let saw = |digests: &[&[u8]]| {
            let digests = digests.iter().map(|bytes| Digest::of(bytes)).collect();
            [(BLIP.to_string(), digests)].into()
        };
        let table = [
            (Manifest::default(), saw(&[old]), vec![]),
            (published(old, None), [].into(), vec![BLIP]),
            (published(old, None), saw(&[old]), vec![]),
            (published(new, None), saw(&[old]), vec![BLIP]),
            (published(old, Some(old)), saw(&[old, old]), vec![]),
            (published(old, Some(new)), saw(&[old, old]), vec![BLIP]),
        ];
        for (manifest, hook_saw, expected) in table {
            let state = State {
                hook_saw,
                ..State::default()
            };
            assert_eq!(state.unseen(&manifest, [BLIP, CLIP]), expected, "{state:?}");
        }
    }
}
