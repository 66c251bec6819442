//! The end of a cycle: names on the disk first, then the manifest, the state, and their own names.

use std::sync::Arc;

use super::{MANIFEST, Manifest, Mirror, Place, State, manifest};
use crate::disk::{DiskError, Links, Mtime, Write};

/// What a commit could not write. The published files stand; the next commit writes what this one could not.
#[derive(Debug, Clone, Default)]
pub struct Unwritten {
    /// Why the manifest is not what it should be.
    pub manifest: Option<Arc<DiskError>>,
    /// Why the state is not.
    pub state: Option<Arc<DiskError>>,
}

impl Mirror {
    /// Syncs the changed directories, then writes the manifest and the state where they changed, and syncs theirs.
    pub fn commit(&mut self) -> Unwritten {
        let mut unwritten = Unwritten::default();
        let names = self.sync();
        // A mirror that has published nothing has no manifest.
        let Manifest {
            categories, files, ..
        } = &self.manifest;
        let tells = !categories.is_empty() || !files.is_empty() || self.manifest_stamp.is_some();
        let manifest = if self.amended && tells {
            names.and_then(|()| self.write_manifest())
        } else {
            names
        };
        if let Err(error) = manifest {
            unwritten.manifest = Some(Arc::new(error));
        }
        match self.write_state() {
            Ok(()) => self.remove_gone(),
            Err(error) => unwritten.state = Some(Arc::new(error)),
        }
        if let Err(error) = self.sync() {
            unwritten.manifest.get_or_insert(Arc::new(error));
        }
        self.failed = unwritten.manifest.is_some() || unwritten.state.is_some();
        unwritten
    }

    fn write_manifest(&mut self) -> Result<(), DiskError> {
        let bytes = manifest::bytes_of(&self.manifest);
        let how = Write {
            mtime: Mtime::MovesBySeconds,
            ..Write::published(self.file_mode)
        };
        let base = &self.directories.base;
        base.replace(MANIFEST, &bytes, &how)?;
        self.manifest_stamp = base.stamp(MANIFEST, Links::Refuse)?;
        self.amended = false;
        self.written = Some(self.manifest.clone());
        self.unsynced.insert(Place::Base);
        Ok(())
    }

    fn write_state(&mut self) -> Result<(), DiskError> {
        let remembers = self.state != State::default() || self.stored.is_some();
        if !remembers || self.stored.as_ref() == Some(&self.state) {
            return Ok(());
        }
        let bytes = manifest::bytes_of(&self.state);
        let how = Write::published(self.file_mode);
        let private = &self.directories.private;
        private.replace("state.json", &bytes, &how)?;
        self.stored = Some(self.state.clone());
        self.unsynced.insert(Place::Private);
        Ok(())
    }

    /// Syncs the directories with changed names to the disk.
    fn sync(&mut self) -> Result<(), DiskError> {
        while let Some(place) = self.unsynced.first().copied() {
            self.directory(place).sync()?;
            self.unsynced.remove(&place);
        }
        Ok(())
    }
}
