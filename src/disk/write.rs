//! The one way to write a file: stage, hand over, set the mode, set the mtime, sync, close, rename. A file that is staged
//! ahead of its turn may be synced before its mtime is set, and then is once more.
//!
//! The invariants of [`disk`](super) are those of [`Dir::write`], [`Dir::publish`] and [`Dir::replace`].

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fstat, linkat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::dir::{random, single};
use super::modes::{set_bits, warn_of_modes};
use super::mtime::{Mtime, mtime, set_mtime};
use super::rehearsal::Rehearsal;
use super::syncer::{Synced, Syncer, sync};
use super::{Dir, DiskError, Links, Stamp};

/// How a file is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Permission bits, whatever the umask; a wish, where the file system has none.
    pub mode: u32,
    /// Whether the bytes must survive a power failure; the name does after [`Dir::sync`].
    pub durable: bool,
    /// What becomes of the mtime.
    pub mtime: Mtime,
    /// Where the replaced file goes: as the same inode, which readers on other hosts may hold open.
    pub keep: Option<(&'a Dir, &'a str)>,
}

impl Write<'_> {
    /// A published file: durable, with a new mtime.
    #[must_use]
    pub const fn published(mode: u32) -> Self {
        Self {
            mode,
            durable: true,
            mtime: Mtime::Moves,
            keep: None,
        }
    }

    /// A note for people and monitors: a power failure may take it.
    #[must_use]
    pub const fn note(mode: u32) -> Self {
        Self {
            durable: false,
            ..Self::published(mode)
        }
    }
}

/// What [`Dir::write`] did.
#[derive(Debug)]
pub struct Written {
    /// The new file's stamp; `None` when another program replaced it at once.
    pub stamp: Option<Stamp>,
    /// What became of the file before.
    pub kept: Kept,
}

/// What became of a replaced file.
#[derive(Debug)]
pub enum Kept {
    /// It was not to be kept, or there was none.
    Nothing,
    /// The file itself has the new name.
    Linked,
    /// Its bytes have: the file system links no files, or not this one.
    Copied,
    /// It is not kept; that never stops a publication.
    Failed(DiskError),
}

/// What [`Dir::replace`] did.
#[derive(Debug)]
pub enum Replaced {
    /// The file held these bytes already.
    Equal,
    /// The file was written.
    Written(Written),
}

impl Dir {
    /// Makes a name in this directory hold `bytes`, atomically, whatever it holds now. The name is durable after
    /// [`Dir::sync`], which the caller calls once for all that changed.
    ///
    /// # Errors
    /// The file is as it was; the error names the step.
    pub fn write(&self, name: &str, bytes: &[u8], how: &Write<'_>) -> Result<Written, DiskError> {
        let staged = self.stage(name, bytes, how.mode)?;
        self.publish(staged, how)
    }

    /// Writes the bytes that a name is to hold into a temporary file beside it, which goes again unless
    /// [`Dir::publish`] gives it the name.
    ///
    /// # Errors
    /// The error names the step.
    pub fn stage(&self, name: &str, bytes: &[u8], mode: u32) -> Result<Staged, DiskError> {
        let target = self.path.join(name);
        let failed = |operation| DiskError::on::<io::Error>(operation, &target);
        single(name).map_err(|error| failed("write")(error.into()))?;
        let staged = |contents| Staged {
            name: name.to_owned(),
            contents,
        };
        if let Some(rehearsal) = &self.rehearsal {
            return Ok(staged(Contents::Imagined(
                rehearsal.clone(),
                bytes.to_vec(),
            )));
        }
        let (mut file, guard) = self.create(name, mode)?;
        file.write_all(bytes)
            .map_err(failed("write the new contents of"))?;
        let handle = Arc::new(OwnedFd::from(file));
        self.hand_over(&handle);
        if let Err(error) = set_bits(&handle, mode) {
            warn_of_modes(&target, error);
        }
        let synced = None;
        Ok(staged(Contents::Written {
            handle,
            synced,
            guard,
        }))
    }

    /// Gives a staged file its name, whatever has it now. The name is durable after [`Dir::sync`].
    ///
    /// # Errors
    /// The file is as it was; the error names the step.
    pub fn publish(&self, staged: Staged, how: &Write<'_>) -> Result<Written, DiskError> {
        let Staged { name, contents } = staged;
        let (name, target) = (name.as_str(), self.path.join(&name));
        let (handle, synced, mut guard) = match contents {
            Contents::Written {
                handle,
                synced,
                guard,
            } => (handle, synced, guard),
            Contents::Imagined(rehearsal, bytes) => return Ok(rehearsal.write(target, bytes, how)),
        };
        let failed = |operation| DiskError::on::<io::Error>(operation, &target);
        // Waited for before anything else is done to the file: the last holder closes it, and must be this one.
        let begun = synced.and_then(|synced| synced.recv().ok());
        let old = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let replaced = old.as_ref().filter(|old| kind(old).is_file());
        if let Some(old) = replaced {
            // A file system that refuses times has its own clock, which moves too.
            if let Err(error) = set_mtime(&handle, mtime(old), how.mtime) {
                tracing::debug!(path = %target.display(), %error, "cannot set a modification time");
            }
        }
        if how.durable {
            let synced = match begun {
                // A second sync of the file would not hear of it again.
                Some(Err(error)) => Err(error),
                // A time that was set since is not on the disk.
                Some(Ok(())) if replaced.is_none() => Ok(()),
                _ => sync(&handle),
            };
            synced.map_err(|error| failed("sync the new contents of")(error.into()))?;
        }
        let inode = fstat(&handle).map_or(0, |stat| stat.st_ino);
        // Closed before its name appears, or watchers would see it written under its final name.
        drop(handle);
        let kept = self.keep(name, old.as_ref(), how);
        if old.as_ref().is_some_and(|old| kind(old).is_dir()) {
            self.put_aside(name)
                .map_err(|error| failed("make way at")(error.into()))?;
        }
        renameat(&self.handle, &guard.name, &self.handle, name)
            .map_err(|error| failed("rename onto")(error.into()))?;
        guard.renamed = true;
        let stamp = self.stamp(name, Links::Refuse).ok().flatten();
        Ok(Written {
            stamp: stamp.filter(|stamp| stamp.inode() == inode),
            kept,
        })
    }

    /// Makes a name in this directory hold `bytes`; a file that has them already is not written, only its mode mended.
    ///
    /// # Errors
    /// The file is as it was; the error names the step.
    pub fn replace(
        &self,
        name: &str,
        bytes: &[u8],
        how: &Write<'_>,
    ) -> Result<Replaced, DiskError> {
        let old = self.read(name, Links::Refuse, bytes.len() as u64);
        if let Ok(Some(whole)) = old
            && whole.bytes == bytes
        {
            if !whole.stamp.has_mode(how.mode) {
                self.mend_mode(name, how.mode, bytes.len() as u64)?;
            }
            return Ok(Replaced::Equal);
        }
        self.write(name, bytes, how).map(Replaced::Written)
    }

    /// Creates a temporary file beside its target, with the target's mode as far as the umask lets it.
    fn create(&self, name: &str, mode: u32) -> Result<(File, Guard), DiskError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o666);
        let mut tries = 0;
        loop {
            let staged = format!(".{name}.{}.tmp", random());
            match openat(&self.handle, &staged, flags, mode) {
                Ok(handle) => {
                    let guard = Guard {
                        directory: Arc::clone(&self.handle),
                        name: staged,
                        renamed: false,
                    };
                    return Ok((File::from(handle), guard));
                }
                Err(Errno::EXIST) if tries < 32 => tries += 1,
                Err(error) => {
                    return Err(DiskError::on("create a temporary file in", &self.path)(
                        error,
                    ));
                }
            }
        }
    }

    /// Keeps the file that is about to be replaced, where the caller wants it.
    fn keep(&self, name: &str, old: Option<&Stat>, how: &Write<'_>) -> Kept {
        let (Some((directory, kept)), Some(old)) = (how.keep, old) else {
            return Kept::Nothing;
        };
        if !kind(old).is_file() {
            return Kept::Nothing;
        }
        match self.link_to(name, directory, kept) {
            Ok(()) => Kept::Linked,
            Err(_) => match self.copy_to(name, directory, kept, how.mode) {
                Ok(()) => Kept::Copied,
                Err(error) => Kept::Failed(error),
            },
        }
    }

    /// Gives a file a second name in another directory, in place of what has that name.
    fn link_to(&self, name: &str, directory: &Self, kept: &str) -> rustix::io::Result<()> {
        let kept = single(kept)?;
        let link = format!(".{kept}.{}.tmp", random());
        linkat(
            &self.handle,
            name,
            &directory.handle,
            &link,
            AtFlags::empty(),
        )?;
        let renamed = renameat(&directory.handle, &link, &directory.handle, kept);
        // rename(2) does nothing when both names are the same file already.
        let _ = unlinkat(&directory.handle, &link, AtFlags::empty());
        renamed
    }

    fn copy_to(
        &self,
        name: &str,
        directory: &Self,
        kept: &str,
        mode: u32,
    ) -> Result<(), DiskError> {
        let size = self
            .stamp(name, Links::Refuse)?
            .map_or(0, |stamp| stamp.size());
        let whole = self.read(name, Links::Refuse, size)?;
        let bytes = whole.map(|whole| whole.bytes).unwrap_or_default();
        directory
            .replace(kept, &bytes, &Write::note(mode))
            .map(|_| ())
    }
}

/// A file that is written whole under a temporary name.
#[derive(Debug)]
pub struct Staged {
    /// The name that it is to have.
    name: String,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Written {
        handle: Arc<OwnedFd>,
        /// What is heard of its sync, where that was begun.
        synced: Option<Synced>,
        guard: Guard,
    },
    /// In a rehearsal.
    Imagined(Rehearsal, Vec<u8>),
}

impl Staged {
    /// Has the file synced beside what else is done until it is published.
    pub fn sync_by(&mut self, syncer: &Syncer) {
        if let Contents::Written { handle, synced, .. } = &mut self.contents {
            *synced = syncer.begin(handle);
        }
    }
}

/// Removes the temporary file unless it got its final name.
#[derive(Debug)]
struct Guard {
    directory: Arc<OwnedFd>,
    name: String,
    renamed: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn invariant_2_a_sync_that_failed_ahead_of_its_turn_fails_the_publication() {
        let root = tempfile::tempdir().unwrap();
        let directory = Dir::open(root.path()).unwrap();
        for old in [None, Some("old")] {
            if let Some(old) = old {
                std::fs::write(root.path().join("a"), old).unwrap();
            }
            let mut staged = directory.stage("a", b"new", 0o644).unwrap();
            let (done, heard) = channel();
            done.send(Err(Errno::IO)).unwrap();
            if let Contents::Written { synced, .. } = &mut staged.contents {
                *synced = Some(heard);
            }
            let error = directory.publish(staged, &Write::published(0o644));
            assert_eq!(error.unwrap_err().source.raw_os_error(), Some(5));
            let there = std::fs::read_to_string(root.path().join("a")).ok();
            assert_eq!(there.as_deref(), old);
            assert_eq!(directory.names().unwrap().len(), usize::from(old.is_some()));
        }
    }
}
