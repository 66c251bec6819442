//! What the change hook has seen, kept in the mirror's state by its writer.

use std::collections::BTreeSet;

use super::GithubBackend;
use crate::cycle;
use crate::item::Item;

impl GithubBackend {
    /// The items that are published otherwise than the change hook last saw them; nothing on standby, where the hook of
    /// the writer runs.
    pub async fn unseen_by_hook(&self) -> Vec<Item> {
        let writer = self.writer.lock().await;
        let items: Vec<_> = self.ledger().items.keys().cloned().collect();
        let mirror = writer.mirror.as_ref();
        mirror.map_or_else(Vec::new, |mirror| mirror.unseen(items))
    }

    /// Notes that a run of the change hook has ended that was for these items, which have not changed since.
    pub async fn seen_by_hook(&self, items: &BTreeSet<Item>) {
        let mut writer = self.writer.lock().await;
        if let Some(mirror) = writer.mirror.as_mut() {
            cycle::note_seen(mirror, items);
        }
    }
}
