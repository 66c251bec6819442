//! The published directory and what was left in it.
//!
//! Invariants
//! 1. Only the holder of the lock changes anything; a mirror whose lock was lost is not written (see [`Mirror::ensure`]).
//! 2. The manifest comes last: the directories that changed are synced to the disk before it, each once a cycle.
//! 3. What is on disk is told by looking ([`seen`]).
//! 4. Neither the manifest nor the state is believed against the files: each run hashes every file before it trusts one.
//! 5. Only `cycle::apply` calls what writes: [`Mirror::write`], [`Mirror::keep`], [`Mirror::enter`], [`Mirror::commit`].

pub mod changes;
pub mod generations;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod seen;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::changes::Changes;
pub use self::generations::{Generation, Generations};
pub use self::layout::Layout;
pub use self::lock::{Lock, LockError};
pub use self::manifest::{Entry, FileEntry, LegacyEntry, Manifest, Source, V2Entry};
pub use self::seen::{Look, Seen};
pub use self::state::{Known, State};
use crate::category::Category;
use crate::config::{Config, ReplicateMode};
pub use crate::digest::Digest;
use crate::disk::{self, DiskError, Links, Placement, Stamp};
use crate::item::{Form, Item};

/// The writer's hold on a mirror.
#[derive(Debug)]
pub struct Mirror {
    layout: Layout,
    file_mode: u32,
    directory_mode: u32,
    history: usize,
    links: Links,
    lock: Lock,
    manifest: Manifest,
    /// The manifest as it is on disk; `None` when none can be read there.
    written: Option<Manifest>,
    state: State,
    /// The state as it is on disk.
    stored: Option<State>,
    seen: BTreeMap<(Item, Form), Seen>,
    /// Directories with a changed name that is not synced to the disk yet.
    unsynced: BTreeSet<PathBuf>,
    /// The manifest in memory is not the one on disk.
    amended: bool,
    manifest_stamp: Option<Stamp>,
    /// Whether the manifest's word on what each v2 file was made from counts (its invariant 3).
    trusted: bool,
}

/// What a commit could not write. The published files stand; the next commit writes what this one could not.
#[derive(Debug, Clone, Default)]
pub struct Unwritten {
    /// Why the manifest is not what it should be.
    pub manifest: Option<Arc<DiskError>>,
    /// Why the state is not.
    pub state: Option<Arc<DiskError>>,
}

impl Mirror {
    /// Creates what is missing of the directory, takes the lock, removes what a crash left.
    ///
    /// # Errors
    /// Another writer holds the mirror, or the directory cannot be used.
    pub fn open(config: &Config) -> Result<Self, LockError> {
        let layout = Layout::new(&config.base_path);
        for directory in layout.directories() {
            disk::make_directory(&directory, config.directory_mode)?;
        }
        let lock = Lock::acquire(&layout.lock(), config.file_mode)?;
        for directory in layout.directories() {
            disk::sweep(&directory)?;
        }
        let manifest = manifest::read_manifest(&layout.manifest());
        let stored = manifest::load(&layout.state(), |state: &State| state.format);
        let state = stored.clone().unwrap_or_default();
        Ok(Self {
            file_mode: config.file_mode,
            directory_mode: config.directory_mode,
            history: 10,
            links: match config.replicate_mode {
                ReplicateMode::Primary => Links::Follow,
                ReplicateMode::Replica => Links::Refuse,
            },
            lock,
            amended: manifest.is_none(),
            trusted: manifest.is_some() && state.version == state::VERSION && stored.is_some(),
            written: manifest.clone(),
            manifest: manifest.unwrap_or_default(),
            unsynced: BTreeSet::new(),
            stored,
            state,
            seen: BTreeMap::new(),
            manifest_stamp: None,
            layout,
        })
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether a link may stand for a file: where the local files are the origin, an operator may link them; elsewhere
    /// a link under one of our names gives way.
    #[must_use]
    pub fn links(&self) -> Links {
        self.links
    }

    /// What is published.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What outlives a run without being published; [`Mirror::commit`] writes it.
    pub fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// Whether the manifest's word on what each v2 file was made from counts: it could be read, and this version of the
    /// program wrote it.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Notes that every category was compared with its files by this version of the program.
    pub fn trust(&mut self) {
        self.trusted = true;
        state::VERSION.clone_into(&mut self.state.version);
    }

    /// The versions that were published before.
    #[must_use]
    pub fn generations(&self) -> Generations {
        Generations::new(
            self.layout.generations(),
            self.file_mode,
            self.directory_mode,
        )
    }

    /// Before a cycle: directories that were removed are made again, and a lock that went with them is taken anew.
    ///
    /// # Errors
    /// Another process was faster, or the directory cannot be used.
    pub fn ensure(&mut self) -> Result<(), LockError> {
        for directory in self.layout.directories() {
            disk::make_directory(&directory, self.directory_mode)?;
        }
        if !self.lock.stands() {
            self.lock = Lock::acquire(&self.layout.lock(), self.file_mode)?;
            self.seen.clear();
        }
        self.check_manifest();
        Ok(())
    }

    /// A manifest that is not the one that was left is written again.
    fn check_manifest(&mut self) {
        let path = self.layout.manifest();
        let stamp = disk::stamp(&path, Links::Refuse).ok().flatten();
        if stamp.is_none() || stamp != self.manifest_stamp {
            self.written = manifest::read_manifest(&path);
        }
        let readable = stamp.is_some_and(|stamp| stamp.mode() == self.file_mode);
        self.amended |= !readable || self.written.as_ref() != Some(&self.manifest);
        self.manifest_stamp = stamp;
    }

    /// Looks at a published file (invariant 3).
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn look(&mut self, item: &Item, form: Form) -> Result<Look, DiskError> {
        let Some(path) = self.layout.file(item, form) else {
            return Ok(Look::default());
        };
        let key = (item.clone(), form);
        // What cannot be looked at is not what was seen before.
        let before = self.seen.remove(&key);
        let mut look = seen::look_at(&path, self.links, before)?;
        // Readable is what it must be. Whether its mode may be changed depends on its owner, and is no failure.
        if look
            .seen
            .is_some_and(|seen| seen.stamp.mode() != self.file_mode)
            && disk::set_mode(&path, self.file_mode).is_ok()
        {
            let again = seen::look_at(&path, self.links, look.seen)?;
            look = Look {
                read: again.read.or(look.read),
                seen: again.seen,
            };
        }
        if let Some(seen) = look.seen {
            self.seen.insert(key, seen);
        }
        Ok(look)
    }

    /// A published file as it was last seen, without another look.
    #[must_use]
    pub fn last_seen(&self, item: &Item, form: Form) -> Option<Seen> {
        self.seen.get(&(item.clone(), form)).copied()
    }

    /// Whether a file as it was seen can be read by those it is for.
    #[must_use]
    pub fn is_readable(&self, seen: &Seen) -> bool {
        seen.stamp.mode() == self.file_mode
    }

    /// Reads a published file whole; `None` when there is none.
    ///
    /// # Errors
    /// It is there but cannot be read.
    pub fn read(&self, item: &Item, form: Form) -> Result<Option<Vec<u8>>, DiskError> {
        match self.layout.file(item, form) {
            Some(path) => disk::read(&path, self.links),
            None => Ok(None),
        }
    }

    /// Whether the manifest on disk does not say of an item what it should.
    #[must_use]
    pub fn is_missed(&self, item: &Item) -> bool {
        let Some(category) = item.category() else {
            return false;
        };
        let on_disk = self.written.as_ref();
        let on_disk = on_disk.and_then(|written| written.categories.get(&category));
        on_disk != self.manifest.categories.get(&category)
    }

    /// Publishes one file, whatever it held before; `keep_as` is where the file that it replaces stays reachable.
    ///
    /// # Errors
    /// The file on disk is the old one.
    pub fn write(
        &mut self,
        item: &Item,
        form: Form,
        bytes: &[u8],
        sha256: Digest,
        keep_as: Option<&Path>,
    ) -> Result<(), DiskError> {
        let Some(path) = self.layout.file(item, form) else {
            return Ok(());
        };
        let placement = Placement {
            mode: self.file_mode,
            previous: keep_as,
            durable: true,
        };
        disk::replace(&path, bytes, placement)?;
        if let Some(directory) = path.parent() {
            self.unsynced.insert(directory.to_owned());
        }
        let key = (item.clone(), form);
        self.seen.remove(&key);
        if let Some(seen) = seen::written(&path, bytes, sha256)? {
            self.seen.insert(key, seen);
        }
        Ok(())
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
        let generations = self.generations();
        if let Err(error) = generations.keep(category, generation, v2, legacy) {
            tracing::debug!(path = %error.path.display(), error = %error.source, "the generation {present} of {category} cannot be kept");
        }
        generations.prune(category, self.history, &[present]);
    }

    /// Enters a category in the manifest; only a changed file amends it.
    pub fn enter(&mut self, category: Category, entry: Entry) {
        let files = |entry: &Entry| {
            let legacy = entry.legacy.as_ref().map(|legacy| legacy.sha256);
            (entry.v2.clone(), legacy, entry.made_from)
        };
        let before = self.manifest.categories.get(&category);
        if before.is_some_and(|before| files(before) == files(&entry)) {
            return;
        }
        self.manifest.categories.insert(category, entry);
        manifest::GENERATOR.clone_into(&mut self.manifest.generator);
        self.amended = true;
    }

    /// Syncs the changed directories, then writes the manifest and the state where they changed, and syncs theirs.
    pub fn commit(&mut self) -> Unwritten {
        let mut unwritten = Unwritten::default();
        let base = self.layout.base().to_owned();
        let private = self.layout.private();
        let names = self.sync();
        // A mirror that has published nothing has no manifest.
        let tells = !self.manifest.categories.is_empty() || self.manifest_stamp.is_some();
        if self.amended && tells {
            let path = self.layout.manifest();
            let bytes = manifest::bytes_of(&self.manifest);
            let written = names.and_then(|()| {
                disk::replace(&path, &bytes, self.placement())?;
                self.manifest_stamp = disk::stamp(&path, Links::Refuse)?;
                Ok(())
            });
            match written {
                Ok(()) => {
                    self.amended = false;
                    self.written = Some(self.manifest.clone());
                    self.unsynced.insert(base);
                }
                Err(error) => unwritten.manifest = Some(Arc::new(error)),
            }
        } else if let Err(error) = names {
            unwritten.manifest = Some(Arc::new(error));
        }
        let remembers = self.state != State::default() || self.stored.is_some();
        if remembers && self.stored.as_ref() != Some(&self.state) {
            let bytes = manifest::bytes_of(&self.state);
            match disk::replace(&self.layout.state(), &bytes, self.placement()) {
                Ok(_) => {
                    self.stored = Some(self.state.clone());
                    self.unsynced.insert(private);
                }
                Err(error) => unwritten.state = Some(Arc::new(error)),
            }
        }
        if let Err(error) = self.sync() {
            unwritten.manifest.get_or_insert(Arc::new(error));
        }
        unwritten
    }

    /// Syncs the directories with changed names to the disk.
    fn sync(&mut self) -> Result<(), DiskError> {
        while let Some(directory) = self.unsynced.first().cloned() {
            disk::sync_directory(&directory)?;
            self.unsynced.remove(&directory);
        }
        Ok(())
    }

    fn placement(&self) -> Placement<'static> {
        Placement {
            mode: self.file_mode,
            previous: None,
            durable: true,
        }
    }
}

impl Drop for Mirror {
    /// A cycle may be dropped between two items; what it published is in the manifest all the same.
    fn drop(&mut self) {
        if !self.lock.stands() {
            return;
        }
        let unwritten = self.commit();
        for error in [unwritten.manifest, unwritten.state].into_iter().flatten() {
            tracing::warn!(path = %error.path.display(), error = %error.source, "{} could not be written at the end", error.path.display());
        }
    }
}

#[cfg(test)]
mod tests;
