//! What the ledger begins with: an earlier status, the manifest, and, on standby, what the writer says.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::GithubBackend;
use crate::clock;
use crate::digest::Digest;
use crate::disk::{self, Links};
use crate::item::{Form, Item};
use crate::ledger::Listed;
use crate::ledger::follow::Found;
use crate::ledger::status::{Status, locate};
use crate::mirror::layout::READABLE;
use crate::mirror::{Manifest, lock};

impl GithubBackend {
    /// Goes on where an earlier process's status ended, and with what the manifest says; for the writer.
    pub fn resume(&self, earlier: Option<&Status>) {
        let listed = self.listed();
        let limit = self.hosts.limits().into_values().max();
        self.ledger()
            .lead(earlier, limit, listed.iter(), clock::now());
    }

    /// Goes on from the last words of the writer that was followed, if it was.
    pub(super) fn succeed(&self) {
        let followed = self.followed().take();
        let last_words = self.status_of_writer();
        let followed = followed.map(|(process, _)| process);
        let last_words = last_words.filter(|status| Some(&status.process) == followed.as_ref());
        self.resume(last_words.as_ref());
    }

    /// Repeats what is known of the writer, who may write at any moment.
    pub fn follow_writer(&self) {
        let now = clock::now();
        let writer = self.status_of_writer();
        let writer = writer.filter(|writer| writer.is_alive(now));
        let found = self.found();
        let locked = lock::is_held(&self.layout.lock());
        self.ledger().follow(writer.as_ref(), &found, locked, now);
        // The last words of one that has just died are still to be gone on from.
        if let Some(writer) = writer {
            *self.followed() = Some((writer.process, writer.updated_at));
        }
    }

    /// Repeats what is known of the writer where it has spoken since that was done last: what it says without changing a
    /// file (a pin, a held update, a failure) wakes no watch. Whether there was news.
    pub fn follow_news(&self) -> bool {
        let writer = self.status_of_writer();
        let writer = writer.filter(|writer| writer.is_alive(clock::now()));
        let spoke = writer.map(|writer| (writer.process, writer.updated_at));
        let is_news = spoke.is_some() && spoke != *self.followed();
        if is_news {
            self.follow_writer();
        }
        is_news
    }

    /// The status of the mirror's writer, where it left one that this process can find.
    fn status_of_writer(&self) -> Option<Status> {
        let path = locate(None, self.layout.base()).found?;
        Status::read(&path).ok()?.of_another_writer()
    }

    /// What the manifest says of every item whose file is there.
    fn listed(&self) -> BTreeMap<Item, Listed> {
        let manifest = self.manifest().unwrap_or_default();
        let listed = self.items(&manifest).into_iter().filter_map(|item| {
            let listed = entry(&manifest, &item)?;
            let path = self.layout.file(&item, form(&item))?;
            path.exists().then_some((item, listed))
        });
        listed.collect()
    }

    /// What lies in the mirror of every item, compared with what the manifest says.
    fn found(&self) -> BTreeMap<Item, Found> {
        let manifest = self.manifest().unwrap_or_default();
        let committed = mtime(&self.layout.manifest());
        let found = self.items(&manifest).into_iter().map(|item| {
            let file = self.layout.file(&item, form(&item));
            let bytes = file
                .as_deref()
                .and_then(|path| disk::read(path, Links::Follow, READABLE).ok()?);
            let (Some(bytes), Some(path)) = (bytes, file) else {
                return (item, Found::Missing);
            };
            let found = (Digest::of(&bytes), bytes.len() as u64);
            if let Some((listed, true)) =
                entry(&manifest, &item).map(|listed| (listed, is_listed(&manifest, &item, found.0)))
            {
                return (item, Found::AsListed(listed));
            }
            let written = mtime(&path);
            let bare = match item {
                Item::Category(_) => Listed {
                    v2: Some(found),
                    published_at: written,
                    ..Listed::default()
                },
                Item::File(_) => Listed {
                    legacy_bytes: Some(found.1),
                    published_at: written,
                    ..Listed::default()
                },
            };
            // The manifest comes last: a newer file is about to be in it.
            let found = if written > committed {
                Found::Underway(bare)
            } else {
                Found::Strange(bare)
            };
            (item, found)
        });
        found.collect()
    }

    /// What is served, and what was published once.
    fn items(&self, manifest: &Manifest) -> Vec<Item> {
        let mut items: Vec<Item> = self.ledger().items.keys().cloned().collect();
        let listed = manifest.categories.keys().map(|&category| category.into());
        items.extend(listed);
        items.sort();
        items.dedup();
        items
    }
}

/// The form that readers read.
const fn form(item: &Item) -> Form {
    match item {
        Item::Category(_) => Form::V2,
        Item::File(_) => Form::Raw,
    }
}

fn entry(manifest: &Manifest, item: &Item) -> Option<Listed> {
    match item {
        Item::Category(category) => {
            let entry = manifest.categories.get(category)?;
            Some(Listed {
                v2: Some((entry.v2.sha256, entry.v2.bytes)),
                legacy_bytes: entry.legacy.as_ref().map(|legacy| legacy.bytes),
                models: Some(entry.v2.models),
                dropped: entry.v2.dropped,
                source: source(&entry.source.upstream),
                published_at: Some(entry.published_at),
            })
        }
        Item::File(_) => {
            let entry = manifest.files.get(&item.to_string())?;
            Some(Listed {
                legacy_bytes: Some(entry.bytes),
                source: source(&entry.source.upstream),
                published_at: Some(entry.published_at),
                ..Listed::default()
            })
        }
    }
}

/// An upstream's name; none where the manifest does not know it.
fn source(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

fn is_listed(manifest: &Manifest, item: &Item, sha256: Digest) -> bool {
    match item {
        Item::Category(category) => manifest
            .categories
            .get(category)
            .is_some_and(|entry| entry.v2.sha256 == sha256),
        Item::File(_) => manifest
            .files
            .get(&item.to_string())
            .is_some_and(|entry| entry.sha256 == sha256),
    }
}

fn mtime(path: &Path) -> Option<Timestamp> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}
