//! The published directory and what was left in it.
//!
//! Invariants
//! 1. Only the holder of the lock changes anything; a mirror whose lock was lost is not written (see [`Mirror::ensure`]).
//! 2. The manifest comes last: the directories that changed are synced to the disk before it, each once a cycle.
//! 3. What is on disk is known by looking ([`seen`]).
//! 4. Neither the manifest nor the state is believed against the files: each run hashes every file before it trusts one.
//! 5. A mirror that only rehearses ([`Mirror::rehearse`]) goes the same way without a lock, and writes into memory.
//! 6. Only `cycle::apply` calls what writes: [`Mirror::write`], [`Mirror::keep`], [`Mirror::enter`], [`Mirror::commit`].

pub mod changes;
mod commit;
pub mod directories;
mod files;
pub mod generations;
mod hooked;
pub mod intent;
pub mod layout;
pub mod lock;
mod look;
pub mod manifest;
mod orders;
pub mod prefix;
mod publish;
pub mod seen;
pub mod state;
pub mod waiting;

use std::collections::{BTreeMap, BTreeSet};

pub use self::changes::Changes;
pub use self::commit::Unwritten;
pub use self::directories::Directories;
pub use self::generations::{Generation, Generations};
pub use self::layout::{Kind, Layout};
pub use self::lock::{Lock, LockError};
pub use self::manifest::{Entry, FileEntry, LegacyEntry, Manifest, Source, V2Entry};
use self::orders::Orders;
use self::publish::Ahead;
pub use self::seen::{Look, Seen};
pub use self::state::{Known, Received, State};
pub use self::waiting::{Sender, Waiting};
use crate::category::Category;
use crate::config::{Config, ReplicateMode};
pub use crate::digest::Digest;
use crate::disk::{Dir, Links, Presence, Stamp, Whereabouts};
use crate::item::{Form, Item};

/// The manifest's name.
const MANIFEST: &str = "manifest.json";

/// The writer's hold on a mirror.
#[derive(Debug)]
pub struct Mirror {
    layout: Layout,
    directories: Directories,
    whereabouts: Whereabouts,
    max_body_bytes: u64,
    file_mode: u32,
    directory_mode: u32,
    history: usize,
    links: Links,
    /// The writer's lock; none where nothing is written.
    lock: Option<Lock>,
    manifest: Manifest,
    /// The manifest as it is on disk; `None` when none can be read there.
    written: Option<Manifest>,
    state: State,
    orders: Orders,
    /// What no longer waits; its bytes go once the state is written.
    gone: BTreeSet<(Category, waiting::Kind)>,
    /// The state as it is on disk.
    stored: Option<State>,
    seen: BTreeMap<(Item, Form), Seen>,
    ahead: Ahead,
    /// Directories with a changed name that is not synced to the disk yet.
    unsynced: BTreeSet<Place>,
    /// The manifest in memory is not the one on disk.
    amended: bool,
    /// The last commit failed, which its caller was given, and nothing was published since.
    failed: bool,
    manifest_stamp: Option<Stamp>,
    /// Whether the manifest's word on what each v2 file was made from counts (its invariant 3).
    trusted: bool,
}

/// The directories that published files lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Legacy,
    Base,
    Private,
}

impl Mirror {
    /// Creates what is missing of the directory, takes the lock, removes what a crash left.
    ///
    /// # Errors
    /// Another writer holds the mirror, or the directory cannot be used.
    pub fn open(config: &Config) -> Result<Self, LockError> {
        let directories = Directories::open(&config.base_path, config.directory_mode)?;
        let lock = Lock::acquire(&directories.private, config.file_mode)?;
        let mut mirror = Self::of(config, directories, Some(lock));
        mirror.sweep();
        Ok(mirror)
    }

    /// Opens the directory to find out what a cycle would make of it: no lock is taken, nothing is created, and nothing that
    /// is written reaches the disk, while reads through this mirror see it. The directory need not be there.
    ///
    /// # Errors
    /// The directory is there and cannot be read.
    pub fn rehearse(config: &Config) -> Result<Self, LockError> {
        let directories = Directories::rehearse(&config.base_path, config.directory_mode)?;
        Ok(Self::of(config, directories, None))
    }

    fn of(config: &Config, directories: Directories, lock: Option<Lock>) -> Self {
        let mut mirror = Self {
            directories,
            whereabouts: Whereabouts::of(&config.base_path),
            max_body_bytes: config.http.max_body_bytes,
            file_mode: config.file_mode,
            directory_mode: config.directory_mode,
            history: config.history.keep,
            links: match config.replicate_mode {
                ReplicateMode::Primary => Links::Beneath,
                ReplicateMode::Replica => Links::Refuse,
            },
            lock,
            amended: false,
            failed: false,
            trusted: false,
            written: None,
            manifest: Manifest::default(),
            unsynced: BTreeSet::new(),
            stored: None,
            state: State::default(),
            orders: Orders::default(),
            gone: BTreeSet::new(),
            seen: BTreeMap::new(),
            ahead: Ahead::default(),
            manifest_stamp: None,
            layout: Layout::new(&config.base_path),
        };
        mirror.recall();
        mirror
    }

    /// Takes what is known of the directory's files from the directory itself, and forgets what was known of another.
    fn recall(&mut self) {
        let manifest = manifest::read_manifest(&self.layout.manifest());
        self.stored = manifest::load(&self.layout.state(), |state: &State| state.format);
        self.state = self.stored.clone().unwrap_or_default();
        let same_version = self.stored.is_some() && self.state.version == state::VERSION;
        self.trusted = manifest.is_some() && same_version;
        self.amended = manifest.is_none();
        self.written.clone_from(&manifest);
        self.manifest = manifest.unwrap_or_default();
        self.manifest_stamp = None;
        self.seen.clear();
        self.gone.clear();
        self.unsynced.clear();
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
        Generations::of(&self.layout)
    }

    /// Opens the directories anew before a cycle, and makes them again where they were removed. Where another directory is
    /// the mirror now, the lock is taken there, and what is known of its files is read there.
    ///
    /// # Errors
    /// Another process was faster, the mirror was unmounted, or the directory cannot be used.
    pub fn ensure(&mut self) -> Result<(), LockError> {
        if self.lock.is_none() {
            self.check_manifest();
            return Ok(());
        }
        let now = Whereabouts::of(self.layout.base());
        let another = match now.since(&self.whereabouts) {
            Presence::Unmounted { at } => return Err(LockError::Unmounted { at }),
            Presence::Another => {
                let path = self.layout.base().display();
                tracing::warn!(%path, "another directory is the mirror now: {path} was replaced or mounted over");
                true
            }
            Presence::Same | Presence::Removed => false,
        };
        self.directories = Directories::open(self.layout.base(), self.directory_mode)?;
        self.whereabouts = Whereabouts::of(self.layout.base());
        let locked = self.is_ours();
        if !locked {
            self.lock = Some(Lock::acquire(&self.directories.private, self.file_mode)?);
        }
        if another || !locked {
            self.recall();
            self.sweep();
        }
        self.check_manifest();
        Ok(())
    }

    /// Whether the lock that is held is the directory's.
    fn is_ours(&self) -> bool {
        let lock = self.lock.as_ref();
        lock.is_some_and(|lock| lock.is_in(&self.directories.private))
    }

    /// A manifest that is not the one that was left is written again.
    fn check_manifest(&mut self) {
        let stamp = self.directories.base.stamp(MANIFEST, Links::Refuse);
        let stamp = stamp.ok().flatten();
        if stamp.is_none() || stamp != self.manifest_stamp {
            let path = self.layout.manifest();
            self.written = manifest::load(&path, |manifest: &Manifest| manifest.format);
        }
        let readable = stamp.is_some_and(|stamp| stamp.has_mode(self.file_mode));
        self.amended |= !readable || self.written.as_ref() != Some(&self.manifest);
        self.manifest_stamp = stamp;
    }

    /// The directory and the name of a published file.
    fn place(item: &Item, form: Form) -> Option<(Place, String)> {
        let path = item.path(form)?;
        Some(match path.strip_prefix("legacy/") {
            Some(name) => (Place::Legacy, name.to_owned()),
            None => (Place::Base, path),
        })
    }

    fn directory(&self, place: Place) -> &Dir {
        match place {
            Place::Legacy => &self.directories.legacy,
            Place::Base => &self.directories.base,
            Place::Private => &self.directories.private,
        }
    }

    /// Whether the manifest on disk does not say of an item what it should.
    #[must_use]
    pub fn is_missed(&self, item: &Item) -> bool {
        let on_disk = self.written.as_ref();
        let Some(category) = item.category() else {
            let path = item.to_string();
            let on_disk = on_disk.and_then(|written| written.files.get(&path));
            return on_disk != self.manifest.files.get(&path);
        };
        let on_disk = on_disk.and_then(|written| written.categories.get(&category));
        on_disk != self.manifest.categories.get(&category)
    }

    /// Enters a category in the manifest; only a changed file amends it.
    pub fn enter(&mut self, category: Category, mut entry: Entry) {
        let files = |entry: &Entry| {
            let legacy = entry.legacy.as_ref().map(|legacy| legacy.sha256);
            (entry.v2.clone(), legacy)
        };
        if let Some(before) = self.manifest.categories.get(&category)
            && files(before) == files(&entry)
        {
            if before.made_from == entry.made_from {
                return;
            }
            // The same files, made under another policy.
            entry.published_at = before.published_at;
        }
        self.manifest.categories.insert(category, entry);
        manifest::GENERATOR.clone_into(&mut self.manifest.generator);
        self.amended = true;
    }
}

impl Drop for Mirror {
    /// A cycle may be dropped between two items; what it published is in the manifest all the same.
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let was_said = self.failed;
        let unwritten = self.commit();
        if was_said {
            return;
        }
        for error in [unwritten.manifest, unwritten.state].into_iter().flatten() {
            let error = crate::error::chain(&*error);
            tracing::warn!("what is published could not be noted at the end: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
