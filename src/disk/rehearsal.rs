//! Directories in which nothing is done: what would be written is kept in memory, and read back from there.
//!
//! 1. Through such a directory nothing is made, written, renamed, removed, locked or given another mode or owner.
//! 2. What was written in it reads back; what was removed is gone; a directory that would have been made is there, empty.
//! 3. Only what goes through the directory, or one that was opened or made in it, sees that: a path from the root leads to
//!    the disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::write::{Kept, Write, Written};
use super::{Dir, DiskError, Stamp, Whole};
use crate::clock;

/// What a rehearsal has in the place of a file.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// A new one.
    File(Whole),
    /// None: it was removed, or would lie in a directory that is not there.
    Nothing,
}

impl Held {
    pub(super) fn file(self) -> Option<Whole> {
        match self {
            Self::File(whole) => Some(whole),
            Self::Nothing => None,
        }
    }
}

type Files = BTreeMap<PathBuf, Held>;

/// A directory's part in a rehearsal.
#[derive(Debug, Clone, Default)]
pub(super) struct Rehearsal {
    files: Arc<Mutex<Files>>,
    /// The directory is not on the disk.
    pub(super) is_made: bool,
}

impl Rehearsal {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same rehearsal for a directory that would have been made.
    pub(super) fn with_made(&self) -> Self {
        Self {
            is_made: true,
            ..self.clone()
        }
    }

    /// Keeps what would have been written.
    pub(super) fn write(&self, path: PathBuf, bytes: Vec<u8>, how: &Write<'_>) -> Written {
        let stamp = Stamp::imagined(bytes.len() as u64, how.mode, clock::now().into());
        let whole = Whole { bytes, stamp };
        self.files().insert(path, Held::File(whole));
        Written {
            stamp: Some(stamp),
            kept: Kept::Nothing,
        }
    }

    /// Notes that a file would have been removed.
    pub(super) fn remove(&self, path: PathBuf) {
        self.files().insert(path, Held::Nothing);
    }

    /// The names in a directory: those of the disk, without what was removed and with what was written.
    pub(super) fn names(&self, directory: &Path, on_disk: Vec<OsString>) -> Vec<OsString> {
        let files = self.files();
        let mut names = on_disk;
        names.retain(|name| !files.contains_key(&directory.join(name)));
        let written = files
            .iter()
            .filter(|(_, held)| matches!(held, Held::File(_)));
        let here = written.filter(|(path, _)| path.parent() == Some(directory));
        names.extend(here.filter_map(|(path, _)| path.file_name().map(OsString::from)));
        names
    }
}

impl Dir {
    /// A directory in which nothing is done, and which need not be there.
    ///
    /// # Errors
    /// It is there and cannot be opened.
    pub fn rehearse(path: &Path) -> Result<Self, DiskError> {
        let rehearsal = Rehearsal::default();
        match Self::open(path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
                Self::made_in(&rehearsal, path.to_owned())
            }
            opened => Ok(Self {
                rehearsal: Some(rehearsal),
                ..opened?
            }),
        }
    }

    /// A directory that would have been made. Its descriptor is another one's, and nothing is looked up in it.
    pub(super) fn made_in(rehearsal: &Rehearsal, path: PathBuf) -> Result<Self, DiskError> {
        let root = Self::pass_through(Path::new("/"))?;
        Ok(Self {
            path,
            rehearsal: Some(rehearsal.with_made()),
            ..root
        })
    }

    /// What the rehearsal has at a path below; `None` where the disk is to be asked.
    pub(super) fn rehearsed(&self, below: &Path) -> Option<Held> {
        let rehearsal = self.rehearsal.as_ref()?;
        let held = rehearsal.files().get(&self.path.join(below)).cloned();
        held.or_else(|| rehearsal.is_made.then_some(Held::Nothing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Links, Obstacle, Replaced};

    /// Every name below a directory.
    fn tree(path: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![path.to_owned()];
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }

    fn read(directory: &Dir, below: &str) -> Option<Vec<u8>> {
        let whole = directory.read(below, Links::Refuse, 100).unwrap();
        let stamp = directory.stamp(below, Links::Refuse).unwrap();
        assert_eq!(stamp.is_some(), whole.is_some(), "{below}");
        whole.map(|whole| whole.bytes)
    }

    fn names(directory: &Dir) -> Vec<OsString> {
        let mut names = directory.names().unwrap();
        names.sort();
        names
    }

    #[test]
    fn what_is_done_reads_back_and_is_not_done() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("m");
        std::fs::create_dir_all(base.join("there")).unwrap();
        for name in ["a", "b", "there/c"] {
            std::fs::write(base.join(name), "old").unwrap();
        }
        std::fs::write(base.join("file"), "in the way").unwrap();
        let before = tree(root.path());
        let how = Write::published(0o640);

        let directory = Dir::rehearse(&base).unwrap().for_owner().unwrap();
        assert_eq!(read(&directory, "a").as_deref(), Some(b"old".as_slice()));
        directory.write("a", b"new", &how).unwrap();
        let stamp = directory.stamp("a", Links::Beneath).unwrap().unwrap();
        assert!(stamp.has_mode(0o640) && stamp.size() == 3);
        assert_eq!(read(&directory, "a").as_deref(), Some(b"new".as_slice()));
        let equal = directory.replace("a", b"new", &how).unwrap();
        assert!(matches!(equal, Replaced::Equal));
        assert!(directory.remove("b").unwrap() && !directory.remove("b").unwrap());
        assert_eq!(read(&directory, "b"), None);
        directory.set_mode("there/c", 0o600).unwrap_or_default();
        directory.mend_mode("file", 0o600, 100).unwrap();
        directory.sync().unwrap();
        assert_eq!(names(&directory), ["a", "file", "there"]);

        // In directories that are there, that would be made, and that would take the place of a file.
        for (name, on_disk) in [("there", Some("old")), ("made", None), ("file", None)] {
            let child = directory
                .make_child(name, 0o755, Obstacle::GivesWay)
                .unwrap();
            let c = read(&child, "c").map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(c.as_deref(), on_disk, "{name}");
            child.write("d", b"new", &how).unwrap();
            let deep = child.make_child("deep", 0o755, Obstacle::Stays).unwrap();
            deep.write("e", b"new", &how).unwrap();
            assert_eq!(names(&deep), ["e"]);
            // Another look at the same directory sees it, and so does a path from above.
            let again = directory
                .make_child(name, 0o755, Obstacle::GivesWay)
                .unwrap();
            assert_eq!(read(&again, "d").as_deref(), Some(b"new".as_slice()));
            let below = directory.read(format!("{name}/d"), Links::Beneath, 100);
            assert_eq!(below.unwrap().unwrap().bytes, b"new");
        }
        assert!(directory.open_lock("lock", 0o644).is_err());
        assert_eq!(tree(root.path()), before);
        let mode = |name: &str| {
            use std::os::unix::fs::PermissionsExt;
            let metadata = std::fs::metadata(base.join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_ne!(mode("file"), 0o600);
        assert_eq!(std::fs::read(base.join("a")).unwrap(), b"old");
    }

    #[test]
    fn a_directory_that_is_not_there_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let directory = Dir::rehearse(&root.path().join("x/m")).unwrap();
        // The descriptor behind it is another directory's.
        assert_eq!(names(&directory), [""; 0]);
        assert_eq!(read(&directory, "etc"), None);
        assert!(directory.child("etc").unwrap().is_none());
        directory
            .write("a", b"new", &Write::published(0o644))
            .unwrap();
        assert_eq!(read(&directory, "a").as_deref(), Some(b"new".as_slice()));
        assert!(tree(root.path()).is_empty());
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Dir::rehearse(&file).is_err());
    }
}
