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
pub mod layout;
pub mod lock;
pub mod manifest;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub use self::changes::Changes;
pub use self::digest::Digest;
pub use self::layout::Layout;
pub use self::lock::{Lock, LockError};
pub use self::manifest::{LegacyEntry, Manifest, Published, Source, State, V2Entry};
use crate::category::Category;
use crate::clock;
use crate::config::{Config, ReplicateMode};
use crate::disk::{self, DiskError, Links, Placement, Replaced, Stamp};

/// The writer's hold on a mirror.
#[derive(Debug)]
pub struct Mirror {
    layout: Layout,
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

/// One file as it was last seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What tells it apart without reading it.
    pub stamp: Stamp,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    settled: bool,
}

impl Seen {
    /// Whether an equal stamp proves that the file is still this one (invariant 3 of this module).
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }
}

/// The two files of a category as they were last seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files {
    /// The stored legacy file, if there is one.
    pub legacy: Option<Seen>,
    /// The published v2 file, if there is one.
    pub v2: Option<Seen>,
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
        let state = manifest::load(&layout.state(), |state: &State| state.format);
        Ok(Self {
            file_mode: config.file_mode,
            directory_mode: config.directory_mode,
            links: match config.replicate_mode {
                ReplicateMode::Primary => Links::Follow,
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
        for directory in self.layout.directories() {
            disk::make_directory(&directory, self.directory_mode)?;
        }
        if !self.lock.stands() {
            self.lock = Lock::acquire(&self.layout.lock(), self.file_mode)?;
            self.left.clear();
        }
        self.check_manifest();
        Ok(())
    }

    /// A manifest that is not the one we left is written again.
    fn check_manifest(&mut self) {
        let path = self.layout.manifest();
        let stamp = disk::stamp(&path, Links::Refuse).ok().flatten();
        let ours = stamp.is_some_and(|stamp| stamp.mode() == self.file_mode)
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
        let path = self.layout.legacy(category);
        let known = &mut self.left.entry(category).or_default().legacy;
        // What cannot be looked at is not what was seen before.
        *known = look_at(&path, self.links, known.take())?;
        // Readable is what it must be; whose it is, and whether that lets us, is another matter.
        if known.is_some_and(|seen| seen.stamp.mode() != self.file_mode)
            && disk::set_mode(&path, self.file_mode).is_ok()
        {
            *known = look_at(&path, self.links, *known)?;
        }
        Ok(*known)
    }

    /// The published v2 file of a category (invariant 3).
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn look_v2(&mut self, category: Category) -> Result<Option<Seen>, DiskError> {
        let known = &mut self.left.entry(category).or_default().v2;
        *known = look_at(&self.layout.v2(category), self.links, known.take())?;
        Ok(*known)
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
        let target = self.layout.legacy(category);
        let previous = self.layout.previous_legacy(category);
        let mut placement = self.placement(&previous);
        placement.previous = placement.previous.filter(|_| keep);
        let replaced = disk::replace(&target, bytes, placement)?;
        self.left.entry(category).or_default().legacy = written(&target, bytes, sha256)?;
        Ok(replaced != Replaced::Equal)
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
        let target = self.layout.v2(category);
        let previous = self.layout.previous_v2(category);
        let replaced = disk::replace(&target, bytes, self.placement(&previous))?;
        self.left.entry(category).or_default().v2 = written(&target, bytes, sha256)?;
        Ok(match replaced {
            Replaced::Equal => None,
            Replaced::Written(old) => Some(Changes::between(old.as_deref(), bytes)),
        })
    }

    /// Whether a file as it was last seen needs nothing done to it: it is the one with this digest, and readable.
    #[must_use]
    pub fn stands(&self, seen: Option<Seen>, sha256: Digest) -> bool {
        seen.is_some_and(|seen| seen.sha256 == sha256 && seen.stamp.mode() == self.file_mode)
    }

    fn placement<'a>(&self, previous: &'a std::path::Path) -> Placement<'a> {
        Placement {
            mode: self.file_mode,
            previous: Some(previous),
            durable: true,
        }
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
            manifest::store(&self.layout.state(), &self.state, self.file_mode)?;
        }
        // Who has published nothing has nothing to tell.
        let tells = !self.manifest.categories.is_empty() || self.layout.manifest().exists();
        if self.amended && tells {
            manifest::store(&self.layout.manifest(), &self.manifest, self.file_mode)?;
            self.manifest_stamp = disk::stamp(&self.layout.manifest(), Links::Refuse)?;
        }
        self.amended = false;
        Ok(())
    }
}

impl Drop for Mirror {
    /// A cycle may be dropped between two categories; what it published is told all the same.
    fn drop(&mut self) {
        if self.lock.stands()
            && let Err(error) = self.commit()
        {
            tracing::warn!(path = %error.path.display(), error = %error.source, "the files are published, but the manifest or the state could not be written");
        }
    }
}

/// A file that was just written, as it will be seen until somebody else writes it.
fn written(
    path: &std::path::Path,
    bytes: &[u8],
    sha256: Digest,
) -> Result<Option<Seen>, DiskError> {
    let seen = |stamp| Seen {
        stamp,
        sha256,
        bytes: bytes.len() as u64,
        settled: false,
    };
    Ok(disk::stamp(path, Links::Refuse)?.map(seen))
}

/// Looks at a file; reads it only where its stamp does not prove that it is the one we know.
fn look_at(
    path: &std::path::Path,
    links: Links,
    known: Option<Seen>,
) -> Result<Option<Seen>, DiskError> {
    let Some(stamp) = disk::stamp(path, links)? else {
        return Ok(None);
    };
    if let Some(seen) = known.filter(|seen| seen.settled && seen.stamp == stamp) {
        return Ok(Some(seen));
    }
    let settled = stamp
        .age(clock::now().into())
        .is_some_and(|age| age > stamp.granularity());
    let Some(bytes) = disk::read(path, links)? else {
        return Ok(None);
    };
    Ok(Some(Seen {
        stamp,
        sha256: Digest::of(&bytes),
        bytes: bytes.len() as u64,
        settled,
    }))
}

/// What a stamp can tell apart; see invariant 3.
impl Stamp {
    /// The longest time for which two changes may leave the same stamp: a clock tick, or two seconds where whole
    /// seconds hint at a file system that keeps no finer ones.
    fn granularity(&self) -> Duration {
        if self.mtime().fract() == 0.0 {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(20)
        }
    }
}

#[cfg(test)]
mod tests;
