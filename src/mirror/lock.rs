//! One writer per mirror: an exclusive advisory lock on `.horde-refd/lock` for as long as the writer lives.
//!
//! flock(2), which the kernel drops with the process, however it ends. On NFS Linux carries it to the server as a
//! byte-range lock, which needs a writable handle. The file stays empty and is never removed: a lock on a removed
//! file protects nobody.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::disk::{self, DiskError};

/// How often, and after which pause, a lock that is held is tried again: a look ([`look`]) is over by then, a writer is not.
const LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_millis(2);

/// The held lock; dropping it lets the next writer in.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

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
    /// The lock file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Lock {
    /// Takes the lock, without waiting for a writer.
    ///
    /// # Errors
    /// Somebody else holds it, or the file cannot be opened.
    pub fn acquire(path: &Path, mode: u32) -> Result<Self, LockError> {
        let file = disk::open_lock(path, mode)?;
        let mut locked = file.try_lock();
        for _ in 0..LOOKS {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(LOOK);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => Ok(Self {
                file,
                path: path.to_owned(),
            }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                path: path.to_owned(),
                holder: holder(&file),
            }),
            Err(TryLockError::Error(source)) => Err(LockError::Disk(DiskError {
                operation: "lock",
                path: path.to_owned(),
                source,
            })),
        }
    }

    /// Whether the locked file still is the one that others would open: a removed and re-created mirror has a new one.
    #[must_use]
    pub fn stands(&self) -> bool {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
            _ => false,
        }
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
    // A pipe in the file's place must not keep the look waiting.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
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
    fn a_second_writer_is_told_who_holds_the_mirror() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::acquire(&path, 0o644).unwrap();
        let held = look(&path).unwrap();
        assert!(held.pid.is_none_or(|pid| pid == std::process::id()));
        let error = Lock::acquire(&path, 0o644).unwrap_err();
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
        Lock::acquire(&path, 0o644).unwrap();
    }

    #[test]
    fn a_lock_on_a_removed_file_does_not_stand() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::acquire(&path, 0o644).unwrap();
        assert!(lock.stands());
        std::fs::remove_file(&path).unwrap();
        assert!(!lock.stands());
        let second = Lock::acquire(&path, 0o644).unwrap();
        assert!(second.stands() && !lock.stands());
    }
}
