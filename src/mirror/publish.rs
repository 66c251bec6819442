//! One file published, and one version kept.
//!
//! 1. What was written ahead of its turn ([`Mirror::stage`]) is published only in its turn, and only where it is what is to be
//!    published by then; the rest of it goes.

use std::collections::BTreeMap;

use super::{Generation, Mirror, generations, seen};
use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{Dir, DiskError, Staged, Syncer, Write};
use crate::item::{Form, Item};

/// What is written ahead of its turn.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The files, and what they hold.
    files: BTreeMap<(Item, Form), (Digest, Staged)>,
    /// What syncs them meanwhile; it goes after them.
    syncer: Option<Syncer>,
}

impl Mirror {
    /// Publishes one file, whatever it held before. `keep_as` is the generation that the replaced file belongs to: its
    /// inode takes the copy's place there.
    ///
    /// # Errors
    /// The file on disk is the old one.
    pub fn write(
        &mut self,
        item: &Item,
        form: Form,
        bytes: &[u8],
        sha256: Digest,
        keep_as: Option<&str>,
    ) -> Result<(), DiskError> {
        let Some((place, name)) = Self::place(item, form) else {
            return Ok(());
        };
        let kept = keep_as.zip(item.category()).and_then(|(id, category)| {
            let directory = self.generations_of(category).ok()?;
            Some((directory, format!("{id}.{}", form.as_str())))
        });
        let how = Write {
            keep: kept
                .as_ref()
                .map(|(directory, name)| (directory, name.as_str())),
            ..Write::published(self.file_mode)
        };
        let key = (item.clone(), form);
        self.seen.remove(&key);
        self.failed = false;
        let staged = self.ahead.files.remove(&key);
        let staged = staged.filter(|(staged, _)| *staged == sha256);
        let directory = self.directory(place);
        let written = match staged {
            Some((_, staged)) => directory.publish(staged, &how)?,
            None => directory.write(&name, bytes, &how)?,
        };
        self.unsynced.insert(place);
        if let Some(stamp) = written.stamp {
            self.seen.insert(key, seen::written(stamp, bytes, sha256));
        }
        Ok(())
    }

    /// Writes a file ahead of its turn, for [`Mirror::write`] to give it its name; where nothing is written, or there is
    /// nothing that would sync it meanwhile, it is not.
    ///
    /// # Errors
    /// It cannot be written; nothing is changed.
    pub fn stage(
        &mut self,
        item: &Item,
        form: Form,
        bytes: &[u8],
        sha256: Digest,
    ) -> Result<(), DiskError> {
        let Some((place, name)) = Self::place(item, form).filter(|_| self.lock.is_some()) else {
            return Ok(());
        };
        if self.ahead.syncer.is_none() {
            self.ahead.syncer = Syncer::start();
        }
        if self.ahead.syncer.is_some() {
            let mut staged = self.directory(place).stage(&name, bytes, self.file_mode)?;
            let Ahead { files, syncer } = &mut self.ahead;
            if let Some(syncer) = syncer {
                staged.sync_by(syncer);
            }
            files.insert((item.clone(), form), (sha256, staged));
        }
        Ok(())
    }

    /// Removes what was written ahead and not published.
    pub fn unstage(&mut self) {
        self.ahead = Ahead::default();
    }

    fn generations_of(&self, category: Category) -> Result<Dir, DiskError> {
        let path = ["generations", category.name()];
        self.directories.below_private(&path, self.directory_mode)
    }

    /// Keeps a published version as a generation and removes the oldest of too many. Best effort.
    pub fn keep(
        &self,
        category: Category,
        generation: Generation,
        v2: &[u8],
        legacy: Option<&[u8]>,
    ) {
        let present = generation.id();
        let manifest = self.manifest.categories.get(&category);
        let published = manifest.map(|entry| generations::id(entry.v2.sha256));
        let pinned = self.pin(category).map(generations::id);
        let others = published.into_iter().chain(pinned);
        let kept = self.generations_of(category).and_then(|directory| {
            generations::keep(&directory, generation, v2, legacy, self.file_mode)?;
            if generations::count(&directory)? > self.history {
                let list = self.generations().list(category);
                let spared: Vec<String> = others.chain([present.clone()]).collect();
                generations::prune(&directory, &list, self.history, &spared);
            }
            Ok(())
        });
        if let Err(error) = kept {
            tracing::debug!(
                error = crate::error::chain(&error),
                "the generation {present} of {category} cannot be kept"
            );
        }
    }
}
