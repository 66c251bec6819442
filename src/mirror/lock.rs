//! One writer per mirror: an exclusive advisory lock on `.horde-refd/lock` for as long as the writer lives.
//!
//! flock(2), which the kernel drops with the process, however it ends. On NFS Linux carries it to the server as a
//! byte-range lock, which needs a writable handle. The file stays empty and is never removed: a lock on a removed
//! file protects nobody.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError};

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
    /// Takes the lock, without waiting.
    ///
    /// # Errors
    /// Somebody else holds it, or the file cannot be opened.
    pub fn acquire(path: &Path, mode: u32) -> Result<Self, LockError> {
        let file = disk::open_lock(path, mode)?;
        match file.try_lock() {
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

/// Whether anybody holds the lock, without taking it for longer than the look.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    disk::reopen_lock(path)
        .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
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
        assert!(is_held(&path));
        let error = Lock::acquire(&path, 0o644).unwrap_err();
        assert!(
            matches!(&error, LockError::Held { holder, .. } if holder.is_none_or(|pid| pid == std::process::id())),
            "{error}"
        );
        drop(lock);
        assert!(!is_held(&path));
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
