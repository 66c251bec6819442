//! The one way to write a file: stage, hand over, set the mode and the mtime, sync, close, rename.
//!
//! The invariants of [`disk`](super) are those of [`Dir::write`] and [`Dir::replace`].

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, fstat, fsync,
    futimens, linkat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::dir::{random, single};
use super::modes::{set_bits, warn_of_modes};
use super::stamp::FileTime;
use super::{Dir, DiskError, Links, Stamp};

/// What becomes of the mtime of a file that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mtime {
    /// It becomes another one, a later one where that can be.
    Moves,
    /// The same in whole seconds, for what is served with an `ETag` made of second and size.
    MovesBySeconds,
    /// It stays: the bytes are the same.
    Stays,
}

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

/// What [`Dir::mend_mode`] found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeNow {
    /// The mode was right, or now is.
    Right,
    /// The file is another user's and was replaced by one of ours with the same bytes and mtime.
    Replaced,
    /// The mode is not to be had: the file system gives its own.
    Refused,
}

impl Dir {
    /// Makes a name in this directory hold `bytes`, atomically, whatever it holds now. The name is durable after
    /// [`Dir::sync`], which the caller calls once for all that changed.
    ///
    /// # Errors
    /// The file is as it was; the error names the step.
    pub fn write(&self, name: &str, bytes: &[u8], how: &Write<'_>) -> Result<Written, DiskError> {
        let target = self.path.join(name);
        let failed = |operation| DiskError::on::<io::Error>(operation, &target);
        let name = single(name).map_err(|error| failed("write")(error.into()))?;
        if let Some(rehearsal) = &self.rehearsal {
            return Ok(rehearsal.write(target, bytes, how));
        }
        let old = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let mut staged = self.stage(name, how.mode)?;
        staged
            .file
            .write_all(bytes)
            .map_err(failed("write the new contents of"))?;
        let handle = OwnedFd::from(staged.file);
        self.hand_over(&handle);
        if let Err(error) = set_bits(&handle, how.mode) {
            warn_of_modes(&target, error);
        }
        if let Some(old) = old.as_ref().filter(|old| kind(old).is_file()) {
            // A file system that refuses times has its own clock, which moves too.
            if let Err(error) = set_mtime(&handle, mtime(old), how.mtime) {
                tracing::debug!(path = %target.display(), %error, "cannot set a modification time");
            }
        }
        if how.durable {
            rustix::io::retry_on_intr(|| fsync(&handle))
                .map_err(|error| failed("sync the new contents of")(error.into()))?;
        }
        let inode = fstat(&handle).map_or(0, |stat| stat.st_ino);
        // Closed before its name appears, or watchers would see it written under its final name.
        drop(handle);
        let kept = self.keep(name, old.as_ref(), how);
        if old.as_ref().is_some_and(|old| kind(old).is_dir()) {
            self.put_aside(name)
                .map_err(|error| failed("make way at")(error.into()))?;
        }
        renameat(&self.handle, &staged.name, &self.handle, name)
            .map_err(|error| failed("rename onto")(error.into()))?;
        staged.guard.renamed = true;
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

    /// Gives a file whose bytes are right the mode that was asked for, without moving its mtime. A mode is a wish: a
    /// file of another user is replaced by one of ours, and where the file system has no modes that is said once.
    ///
    /// # Errors
    /// The file cannot be examined, or neither be set right nor read.
    pub fn mend_mode(&self, name: &str, mode: u32, cap: u64) -> Result<ModeNow, DiskError> {
        if self.rehearsal.is_some() {
            return Ok(ModeNow::Right);
        }
        let Some(stamp) = self.stamp(name, Links::Refuse)? else {
            return Ok(ModeNow::Right);
        };
        if stamp.has_mode(mode) {
            return Ok(ModeNow::Right);
        }
        let refused = match self.set_mode(name, mode) {
            Ok(()) => Errno::OPNOTSUPP,
            Err(error) => error
                .source
                .raw_os_error()
                .map_or(Errno::OPNOTSUPP, Errno::from_raw_os_error),
        };
        if self
            .stamp(name, Links::Refuse)?
            .is_none_or(|stamp| stamp.has_mode(mode))
        {
            return Ok(ModeNow::Right);
        }
        if stamp.owner() != rustix::process::geteuid().as_raw() {
            let Some(whole) = self.read(name, Links::Refuse, cap)? else {
                return Ok(ModeNow::Right);
            };
            let how = Write {
                mtime: Mtime::Stays,
                ..Write::published(mode)
            };
            let written = self.write(name, &whole.bytes, &how);
            if written.is_ok_and(|written| written.stamp.is_some_and(|new| new.has_mode(mode))) {
                return Ok(ModeNow::Replaced);
            }
        }
        warn_of_modes(&self.path.join(name), refused);
        Ok(ModeNow::Refused)
    }

    /// Creates a temporary file beside its target, with the target's mode as far as the umask lets it.
    fn stage(&self, name: &str, mode: u32) -> Result<Staged<'_>, DiskError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o666);
        let mut tries = 0;
        loop {
            let staged = format!(".{name}.{}.tmp", random());
            match openat(&self.handle, &staged, flags, mode) {
                Ok(handle) => {
                    return Ok(Staged {
                        file: File::from(handle),
                        guard: Guard {
                            directory: self,
                            name: staged.clone(),
                            renamed: false,
                        },
                        name: staged,
                    });
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

struct Staged<'a> {
    file: File,
    guard: Guard<'a>,
    name: String,
}

/// Removes the temporary file unless it got its final name.
struct Guard<'a> {
    directory: &'a Dir,
    name: String,
    renamed: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = unlinkat(&self.directory.handle, &self.name, AtFlags::empty());
        }
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn mtime(stat: &Stat) -> FileTime {
    FileTime {
        seconds: stat.st_mtime,
        nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
    }
}

/// Gives the staged file an mtime that readers tell from the old one (or do not, where it must stay): its own if that
/// is later, else the old one moved on by the smallest step that the file system keeps, else moved back.
fn set_mtime(staged: &OwnedFd, old: FileTime, how: Mtime) -> rustix::io::Result<()> {
    const STEPS: [Duration; 4] = [
        Duration::from_micros(1),
        Duration::from_millis(1),
        Duration::from_secs(1),
        Duration::from_secs(2),
    ];
    let differs = |new: FileTime| match how {
        Mtime::MovesBySeconds => new.seconds != old.seconds,
        _ => new.python().total_cmp(&old.python()).is_ne(),
    };
    if how == Mtime::Stays {
        return futimens(staged, &modified(old));
    }
    let own = mtime(&fstat(staged)?);
    if differs(own) && own > old {
        return Ok(());
    }
    let later = STEPS.iter().map(|step| (old.checked_add(*step), true));
    let earlier = STEPS.iter().map(|step| (old.checked_sub(*step), false));
    for (candidate, forward) in later.chain(earlier) {
        let Some(candidate) = candidate.filter(|time| differs(*time)) else {
            continue;
        };
        futimens(staged, &modified(candidate))?;
        let new = mtime(&fstat(staged)?);
        if differs(new) && (!forward || new > old) {
            return Ok(());
        }
    }
    Ok(())
}

fn modified(time: FileTime) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: time.seconds,
            tv_nsec: time.nanoseconds.into(),
        },
    }
}
