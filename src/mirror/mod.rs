//! The published directory and what we left in it.
//!
//! Invariants
//! 1. Only the holder of the lock changes anything; a mirror whose lock was lost is not written (see [`Mirror::ensure`]).
//! 2. Per category the legacy file is published first, then the v2 file made from it; the manifest comes last.
//! 3. What is on disk is told by looking: a file counts as the one we left only while its [`Stamp`] is the same, and a
//!    stamp taken too soon after a change to tell the next change apart is looked through once more.
//! 4. Neither the manifest nor the state is believed against the files: each run hashes every file before it trusts one.

pub mod changes;
pub mod digest;
pub mod directories;
pub mod layout;
pub mod lock;
pub mod manifest;
mod seen;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::changes::Changes;
pub use self::digest::Digest;
pub use self::directories::Directories;
pub use self::layout::{Kind, Layout};
pub use self::lock::{Lock, LockError};
pub use self::manifest::{LegacyEntry, Manifest, Published, Source, State, V2Entry};
pub use self::seen::{Files, Seen};
use self::seen::{look_at, mend_mode, publish};
use crate::category::Category;
use crate::config::{Config, ReplicateMode};
use crate::disk::{Dir, DiskError, Links, Mtime, Presence, Stamp, Whereabouts, Whole, Write};

/// The writer's hold on a mirror.
#[derive(Debug)]
pub struct Mirror {
    layout: Layout,
    directories: Directories,
    whereabouts: Whereabouts,
    max_body_bytes: u64,
    file_mode: u32,
    directory_mode: u32,
    links: Links,
    lock: Lock,
    manifest: Manifest,
    state: State,
    left: BTreeMap<Category, Files>,
    amended: bool,
    manifest_stamp: Option<Stamp>,
}

impl Mirror {
    /// Creates what is missing of the directory, takes the lock, removes what a crash left.
    ///
    /// # Errors
    /// Another writer holds the mirror, or the directory cannot be used.
    pub fn open(config: &Config) -> Result<Self, LockError> {
        let layout = Layout::new(&config.base_path);
        let directories = Directories::open(&config.base_path, config.directory_mode)?;
        let lock = Lock::acquire(&directories.private, config.file_mode)?;
        directories.sweep();
        let manifest = manifest::read_manifest(&layout.manifest());
        let state = manifest::load(&layout.state(), |state: &State| state.format);
        Ok(Self {
            directories,
            whereabouts: Whereabouts::of(&config.base_path),
            max_body_bytes: config.http.max_body_bytes,
            file_mode: config.file_mode,
            directory_mode: config.directory_mode,
            links: match config.replicate_mode {
                ReplicateMode::Primary => Links::Beneath,
                ReplicateMode::Replica => Links::Refuse,
            },
            lock,
            amended: manifest.is_none(),
            manifest: manifest.unwrap_or_default(),
            state: state.unwrap_or_default(),
            left: BTreeMap::new(),
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

    /// What is remembered between runs; [`Mirror::commit`] writes it.
    pub fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// Before a cycle: directories that somebody removed are made again, and a lock that went with them is taken anew.
    ///
    /// # Errors
    /// Somebody else was faster, or the directory cannot be used.
    pub fn ensure(&mut self) -> Result<(), LockError> {
        let now = Whereabouts::of(self.layout.base());
        match now.since(&self.whereabouts) {
            Presence::Unmounted { at } => return Err(LockError::Unmounted { at }),
            Presence::Another => {
                let path = self.layout.base().display();
                tracing::warn!(%path, "another directory is the mirror now: {path} was replaced or mounted over");
            }
            Presence::Same | Presence::Removed => {}
        }
        self.directories = Directories::open(self.layout.base(), self.directory_mode)?;
        self.whereabouts = Whereabouts::of(self.layout.base());
        if !self.lock.is_in(&self.directories.private) {
            self.lock = Lock::acquire(&self.directories.private, self.file_mode)?;
            self.left.clear();
        }
        self.check_manifest();
        Ok(())
    }

    /// A manifest that is not the one we left is written again.
    fn check_manifest(&mut self) {
        let path = self.layout.manifest();
        let base = &self.directories.base;
        let stamp = base.stamp("manifest.json", Links::Refuse).ok().flatten();
        let ours = stamp.is_some_and(|stamp| stamp.has_mode(self.file_mode))
            && (stamp == self.manifest_stamp
                || manifest::read_manifest(&path).as_ref() == Some(&self.manifest));
        self.amended |= !ours;
        self.manifest_stamp = stamp;
    }

    /// The stored legacy file of a category (invariant 3).
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn look_legacy(&mut self, category: Category) -> Result<Option<Seen>, DiskError> {
        let name = layout::legacy_name(category);
        let cap = Kind::Legacy.cap(self.max_body_bytes);
        let known = &mut self.left.entry(category).or_default().legacy;
        // What cannot be looked at is not what was seen before.
        let last = known.take();
        let directories = &self.directories;
        if self.links == Links::Refuse {
            mend_mode(
                &directories.legacy,
                category.legacy_file(),
                self.file_mode,
                cap,
            );
        }
        *known = look_at(&directories.base, &name, self.links, cap, last)?;
        Ok(*known)
    }

    /// The published v2 file of a category (invariant 3).
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn look_v2(&mut self, category: Category) -> Result<Option<Seen>, DiskError> {
        let cap = Kind::V2.cap(self.max_body_bytes);
        let known = &mut self.left.entry(category).or_default().v2;
        let last = known.take();
        let base = &self.directories.base;
        if self.links == Links::Refuse {
            mend_mode(base, category.v2_file(), self.file_mode, cap);
        }
        *known = look_at(base, category.v2_file(), self.links, cap, last)?;
        Ok(*known)
    }

    /// The stored legacy file, whole.
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn read_legacy(&self, category: Category) -> Result<Option<Whole>, DiskError> {
        let cap = Kind::Legacy.cap(self.max_body_bytes);
        let base = &self.directories.base;
        base.read(layout::legacy_name(category), self.links, cap)
    }

    /// The stored legacy file before the present one, where it was kept.
    #[must_use]
    pub fn read_previous_legacy(&self, category: Category) -> Option<Vec<u8>> {
        let below = format!("previous/legacy/{}", category.legacy_file());
        let cap = Kind::Legacy.cap(self.max_body_bytes);
        let whole = self.directories.private.read(below, Links::Refuse, cap);
        whole.ok().flatten().map(|whole| whole.bytes)
    }

    /// Both files as they were last seen, without another look.
    #[must_use]
    pub fn left(&self, category: Category) -> Files {
        self.left.get(&category).copied().unwrap_or_default()
    }

    /// Stores a legacy file; true when that changed it. With `keep` the one it replaces stays as the previous generation.
    ///
    /// # Errors
    /// The file on disk is the old one.
    pub fn publish_legacy(
        &mut self,
        category: Category,
        bytes: &[u8],
        sha256: Digest,
        keep: bool,
    ) -> Result<bool, DiskError> {
        let files = self.left(category);
        if self.stands(files.legacy, sha256) {
            return Ok(false);
        }
        let name = category.legacy_file();
        let previous = self.previous(&["previous", "legacy"]).filter(|_| keep);
        let (seen, changed) = publish(
            &self.directories.legacy,
            name,
            bytes,
            sha256,
            self.write(previous.as_ref(), name),
        )?;
        self.left.entry(category).or_default().legacy = seen;
        Ok(changed)
    }

    /// Publishes a v2 file; what changed, or `None` when it held these bytes already.
    ///
    /// # Errors
    /// The file on disk is the old one.
    pub fn publish_v2(
        &mut self,
        category: Category,
        bytes: &[u8],
        sha256: Digest,
    ) -> Result<Option<Changes>, DiskError> {
        let name = category.v2_file();
        let previous = self.previous(&["previous"]);
        let base = &self.directories.base;
        let old = base.read(name, Links::Refuse, Kind::V2.cap(self.max_body_bytes));
        let old = old.ok().flatten().map(|whole| whole.bytes);
        let (seen, changed) = publish(
            base,
            name,
            bytes,
            sha256,
            self.write(previous.as_ref(), name),
        )?;
        self.left.entry(category).or_default().v2 = seen;
        Ok(changed.then(|| Changes::between(old.as_deref(), bytes)))
    }

    /// Whether a file as it was last seen needs nothing done to it: it is the one with this digest. Its mode was mended
    /// by the look, as far as it can be had.
    #[must_use]
    pub fn stands(&self, seen: Option<Seen>, sha256: Digest) -> bool {
        seen.is_some_and(|seen| seen.sha256 == sha256)
    }

    fn write<'a>(&self, previous: Option<&'a Dir>, name: &'a str) -> Write<'a> {
        Write {
            keep: previous.map(|directory| (directory, name)),
            ..Write::published(self.file_mode)
        }
    }

    /// Where the generation before is kept; that it is not never stops a publication.
    fn previous(&self, path: &[&str]) -> Option<Dir> {
        let opened = self.directories.below_private(path, self.directory_mode);
        opened
            .inspect_err(|error| {
                tracing::debug!(
                    error = crate::error::chain(error),
                    "cannot keep the generation before"
                );
            })
            .ok()
    }

    /// Notes in the manifest what was left on disk for a category; only changed files amend it.
    pub fn record(&mut self, category: Category, models: u64, source: Source, now: Timestamp) {
        let files = self.left(category);
        let (Some(legacy), Some(v2)) = (files.legacy, files.v2) else {
            return;
        };
        let entry = Published {
            v2: V2Entry {
                file: category.v2_file().to_owned(),
                sha256: v2.sha256,
                bytes: v2.bytes,
                models,
            },
            legacy: LegacyEntry {
                file: format!("legacy/{}", category.legacy_file()),
                sha256: legacy.sha256,
                bytes: legacy.bytes,
            },
            source,
            published_at: now,
        };
        let standing = self.manifest.categories.get(&category);
        if standing.is_some_and(|old| old.v2 == entry.v2 && old.legacy == entry.legacy) {
            return;
        }
        self.manifest.categories.insert(category, entry);
        manifest::GENERATOR.clone_into(&mut self.manifest.generator);
        self.amended = true;
    }

    /// Notes a stored legacy file of which the published v2 file was not made: it cannot be converted.
    pub fn record_legacy(&mut self, category: Category, source: Source, now: Timestamp) {
        let legacy = self.left(category).legacy;
        let entry = self.manifest.categories.get_mut(&category);
        let (Some(legacy), Some(entry)) = (legacy, entry) else {
            return;
        };
        // An empty file is one that somebody is writing.
        if entry.legacy.sha256 != legacy.sha256 && legacy.bytes > 0 {
            entry.legacy.sha256 = legacy.sha256;
            entry.legacy.bytes = legacy.bytes;
            entry.source = source;
            entry.published_at = now;
            self.amended = true;
        }
    }

    /// Writes the state and, last of all, the manifest, where they changed.
    ///
    /// # Errors
    /// The published files stand; the next commit writes what this one could not.
    pub fn commit(&mut self) -> Result<(), DiskError> {
        let remembers = self.state != State::default() || self.layout.state().exists();
        if remembers {
            let how = Write::published(self.file_mode);
            manifest::store(&self.directories.private, "state.json", &self.state, &how)?;
        }
        // Who has published nothing has nothing to tell.
        let tells = !self.manifest.categories.is_empty() || self.layout.manifest().exists();
        if self.amended && tells {
            let how = Write {
                mtime: Mtime::MovesBySeconds,
                ..Write::published(self.file_mode)
            };
            let base = &self.directories.base;
            manifest::store(base, "manifest.json", &self.manifest, &how)?;
            self.manifest_stamp = base.stamp("manifest.json", Links::Refuse)?;
        }
        self.amended = false;
        Ok(())
    }
}

impl Drop for Mirror {
    /// A cycle may be dropped between two categories; what it published is told all the same.
    fn drop(&mut self) {
        if self.lock.is_in(&self.directories.private)
            && let Err(error) = self.commit()
        {
            tracing::warn!(path = %error.path.display(), error = %error.source, "the files are published, but the manifest or the state could not be written");
        }
    }
}

#[cfg(test)]
mod tests;
