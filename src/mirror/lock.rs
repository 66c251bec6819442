//! One writer per mirror: an exclusive advisory lock on `.horde-refd/lock` for as long as the writer lives.
//!
//! flock(2), which the kernel drops with the process, however it ends. On NFS Linux carries it to the server as a
//! byte-range lock, which needs a writable handle. The file stays empty and is never removed: a lock on a removed
//! file protects nothing.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{Dir, DiskError};

/// How often, and after which pause, a held lock is tried again: a look ([`look`]) is over by then, a writer is not.
const LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_millis(2);

/// The held lock; dropping it lets the next writer in.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The lock's name in the directory that is ours alone.
const NAME: &str = "lock";

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process writes this mirror.
    #[error("another writer holds the mirror ({path}){holder}", path = path.display(), holder = holder.map(|pid| format!(": process {pid}")).unwrap_or_default())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The writer's process id, where this host knows it.
        holder: Option<u32>,
    },
    /// The file system that the mirror lies on is not mounted; nothing is written into its bare mount point.
    #[error("the mirror was unmounted: nothing that answers is mounted at {at} any more; it is waited for", at = at.display())]
    Unmounted {
        /// Where it was mounted.
        at: PathBuf,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Lock {
    /// Takes the lock, without waiting for a writer.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be opened.
    pub fn acquire(directory: &Dir, mode: u32) -> Result<Self, LockError> {
        let path = directory.path().join(NAME);
        let mut looks = 0;
        // A lock on a file that was replaced between opening and locking protects nothing.
        for _ in 0..8 {
            let file = directory.open_lock(NAME, mode)?;
            match file.try_lock() {
                Ok(()) if directory.holds(NAME, &file) => return Ok(Self { file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if looks < LOOKS => {
                    looks += 1;
                    std::thread::sleep(LOOK);
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&file);
                    return Err(LockError::Held { path, holder });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(LockError::Disk(DiskError::new("lock", &path, source)));
                }
            }
        }
        let source = std::io::Error::other("it is replaced again and again");
        Err(LockError::Disk(DiskError::new("lock", &path, source)))
    }

    /// Whether the locked file still is the one that others would open: a removed and re-created mirror has a new one.
    #[must_use]
    pub fn is_in(&self, directory: &Dir) -> bool {
        directory.holds(NAME, &self.file)
    }
}

/// A lock that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The process that holds it, in this process's PID namespace; none where the kernel does not show it (another host,
    /// another container).
    pub pid: Option<u32>,
}

/// Whether a writer holds the lock. Reading the file must be allowed, nothing more.
///
/// The look takes a shared lock for as long as it lasts: two looks do not see each other, and neither is a writer.
#[must_use]
pub fn look(path: &Path) -> Option<Held> {
    let directory = Dir::open(path.parent()?).ok()?;
    let file = directory.reopen_lock(NAME).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
        .then(|| Held { pid: holder(&file) })
}

/// Whether a writer holds the lock; see [`look`].
#[must_use]
pub fn is_held(path: &Path) -> bool {
    look(path).is_some()
}

/// The process that holds a lock on this file, from the kernel's table; `None` where that is hidden or remote.
fn holder(file: &File) -> Option<u32> {
    let inode = file.metadata().ok()?.ino();
    let suffix = format!(":{inode}");
    std::fs::read_to_string("/proc/locks")
        .ok()?
        .lines()
        .find_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            let kind = words.next()?;
            let (pid, identity) = (words.nth(2)?, words.next()?);
            (kind == "FLOCK" && identity.ends_with(&suffix))
                .then(|| pid.parse().ok())
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_learns_who_holds_the_mirror() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let directory = Dir::open(root.path()).unwrap();
        let lock = Lock::acquire(&directory, 0o644).unwrap();
        let held = look(&path).unwrap();
        assert!(held.pid.is_none_or(|pid| pid == std::process::id()));
        let error = Lock::acquire(&directory, 0o644).unwrap_err();
        assert!(
            matches!(&error, LockError::Held { holder, .. } if holder.is_none_or(|pid| pid == std::process::id())),
            "{error}"
        );
        drop(lock);
        assert_eq!(look(&path), None);
        let other_look = File::open(&path).unwrap();
        other_look.try_lock_shared().unwrap();
        assert!(!is_held(&path), "a look is no writer");
        drop(other_look);
        Lock::acquire(&directory, 0o644).unwrap();
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_gives_way_and_nothing_is_made_outside() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("outside");
        std::fs::create_dir(root.path().join("m")).unwrap();
        std::os::unix::fs::symlink(&outside, root.path().join("m/lock")).unwrap();
        let directory = Dir::open(&root.path().join("m")).unwrap();
        let lock = Lock::acquire(&directory, 0o644).unwrap();
        assert!(lock.is_in(&directory));
        assert!(!outside.exists());
    }

    #[test]
    fn a_lock_on_a_removed_file_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Dir::open(root.path()).unwrap();
        let lock = Lock::acquire(&directory, 0o644).unwrap();
        assert!(lock.is_in(&directory));
        std::fs::remove_file(root.path().join("lock")).unwrap();
        assert!(!lock.is_in(&directory));
        let second = Lock::acquire(&directory, 0o644).unwrap();
        assert!(second.is_in(&directory) && !lock.is_in(&directory));
    }
}
