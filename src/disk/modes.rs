//! Modes and owners of what is made in a mirror.
//!
//! 1. What is made on behalf of a mirror belongs to the owner of its base, also when root makes it ([`Dir::for_owner`]).
//! 2. Setting modes touches the bits that were asked for; setuid, setgid and sticky bits that are there stay.
//! 3. A mode is a wish: that a file system refuses it is said once.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chmodat, fchmod, fchown, fstat, openat,
};
use rustix::io::Errno;

use super::dir::single;
use super::stamp::with_special_bits;
use super::{Damage, Dir, DiskError, Links, Mtime, Write};

/// Who owns what root makes in a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
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
    /// The same directory, in which everything that root makes gets this directory's owner (invariant 1).
    ///
    /// # Errors
    /// The directory cannot be examined.
    pub fn for_owner(mut self) -> Result<Self, DiskError> {
        let stat = fstat(&self.handle).map_err(DiskError::on("examine", &self.path))?;
        let owner = Owner {
            user: stat.st_uid,
            group: stat.st_gid,
        };
        let root = rustix::process::geteuid().is_root();
        self.owner = (root && stat.st_uid != 0).then_some(owner);
        Ok(self)
    }

    /// Makes a directory's own mode the one asked for; that is a wish.
    pub fn mend_own_mode(&self, mode: u32) {
        if self.rehearsal.is_some() {
            return;
        }
        if let Err(error) = set_bits(&self.handle, mode) {
            warn_of_modes(&self.path, error);
        }
    }

    /// Gives a new file or directory to the owner of the mirror (invariant 1); a file system that has no owners refuses.
    pub(super) fn hand_over(&self, file: &OwnedFd) {
        let Some(Owner { user, group }) = self.owner else {
            return;
        };
        let user = Some(Uid::from_raw(user));
        if let Err(error) = fchown(file, user, Some(Gid::from_raw(group))) {
            let path = self.path.display();
            tracing::debug!(%path, %error, "cannot give a new file to the owner of the mirror");
        }
    }

    /// Sets the permission bits of a file or directory that is otherwise right; its mtime stays. The file may be one
    /// that cannot be read: its name is opened without a right, and the mode is set through that descriptor.
    ///
    /// # Errors
    /// It is another user's, a symbolic link, or gone; or the file system has no modes.
    pub fn set_mode(&self, name: &str, mode: u32) -> Result<(), DiskError> {
        if self.rehearsal.is_some() {
            return Ok(());
        }
        let path = self.path.join(name);
        let set = || -> io::Result<()> {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = openat(&self.handle, single(name)?, flags, Mode::empty())?;
            let stat = fstat(&handle)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile | FileType::Directory => {}
                _ => return Err(Damage::NotAFile("a link or a special file").into()),
            }
            let mode = Mode::from_raw_mode(with_special_bits(stat.st_mode, mode));
            let through = format!("/proc/self/fd/{}", handle.as_raw_fd());
            match chmodat(CWD, through, mode, AtFlags::empty()) {
                // Without /proc only what can be read can be reached.
                Err(Errno::NOENT) => {
                    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
                    let handle =
                        openat(&self.handle, name, flags | OFlags::CLOEXEC, Mode::empty())?;
                    Ok(fchmod(handle, mode)?)
                }
                set => Ok(set?),
            }
        };
        set().map_err(DiskError::on("set the mode of", &path))
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
}

/// Sets the permission bits of an open file or directory where they are not those asked for (invariant 2).
pub(super) fn set_bits(handle: &OwnedFd, mode: u32) -> rustix::io::Result<()> {
    let present = fstat(handle)?.st_mode & 0o7777;
    let wanted = with_special_bits(present, mode);
    if present == wanted {
        return Ok(());
    }
    fchmod(handle, Mode::from_raw_mode(wanted))
}

/// Says once that modes are not to be had: where a file system refuses them it refuses them for every file.
pub(super) fn warn_of_modes(path: &Path, error: Errno) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let path = path.display();
    if SAID.swap(true, Ordering::Relaxed) {
        tracing::debug!(%path, %error, "cannot set a mode");
    } else {
        tracing::warn!(%path, %error, "cannot set the mode of {path}: {error}; files keep the modes that the file system gives them, make sure that readers may read them");
    }
}
