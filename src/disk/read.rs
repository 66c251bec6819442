//! The one way to read a file: capped, of regular files only, and along no link that leads away.
//!
//! 1. No more is read or reserved than a file of that name may have, whatever size it claims.
//! 2. Opening never blocks, and never takes a terminal.
//! 3. In a held directory a path is resolved beneath it; where the kernel cannot do that, no link is followed at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat, openat2, statat, statx,
};
use rustix::io::Errno;
use rustix::path::Arg;

use super::dir::single;
use super::stamp::other_than_file;
use super::{Damage, Dir, DiskError, Stamp};

/// Which links stand for the file that they point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// None: a link is no file of ours.
    Refuse,
    /// Those that stay beneath the directory that the path is relative to.
    Beneath,
    /// All of them, as any reader of the mirror does.
    Follow,
}

/// A file that was read whole, and its stamp from before: a writer meanwhile leaves another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What tells this state of it.
    pub stamp: Stamp,
}

impl Dir {
    /// The stamp of a regular file at a path below this directory; `None` when nothing is there.
    ///
    /// A network file system is made to ask its server: the watcher may have seen a change that cached attributes hide
    /// for a second (FUSE) or for a minute (NFS), and it reports a change once.
    ///
    /// # Errors
    /// The file cannot be examined, or something else than a file is there.
    pub fn stamp(&self, below: impl AsRef<Path>, links: Links) -> Result<Option<Stamp>, DiskError> {
        let below = below.as_ref();
        if let Some(rehearsed) = self.rehearsed(below) {
            return Ok(rehearsed.file().map(|whole| whole.stamp));
        }
        let name = below.to_str().and_then(|name| single(name).ok());
        // A name in this very directory needs no descriptor of its own.
        let stamp = if let Some(name) = name.filter(|_| links == Links::Refuse) {
            match stamp_at(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                stamp => stamp.map(Some),
            }
        } else {
            let opened = self.open_file(below, OFlags::PATH | OFlags::NOFOLLOW, links);
            opened.and_then(|handle| handle.map(|handle| stamp_of(&handle)).transpose())
        };
        stamp.map_err(DiskError::on("examine", &self.path.join(below)))
    }

    /// The whole file at a path below this directory; `None` when nothing is there.
    ///
    /// # Errors
    /// It cannot be read, something else than a file is there, or it is larger than `cap`.
    pub fn read(
        &self,
        below: impl AsRef<Path>,
        links: Links,
        cap: u64,
    ) -> Result<Option<Whole>, DiskError> {
        let below = below.as_ref();
        if let Some(rehearsed) = self.rehearsed(below) {
            return Ok(rehearsed.file());
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let opened = self.open_file(below, flags, links);
        let whole = opened.and_then(|handle| handle.map(|handle| read_to(handle, cap)).transpose());
        whole.map_err(DiskError::on("read", &self.path.join(below)))
    }

    /// Opens what lies at a path below; an answer that means another kind of file becomes [`Damage`].
    fn open_file(&self, below: &Path, flags: OFlags, links: Links) -> io::Result<Option<OwnedFd>> {
        let flags = flags | OFlags::CLOEXEC;
        let opened = match links {
            Links::Follow => openat(
                &self.handle,
                below,
                flags.difference(OFlags::NOFOLLOW),
                Mode::empty(),
            ),
            Links::Beneath | Links::Refuse => self.open_beneath(below, flags, links),
        };
        match opened {
            Ok(handle) => Ok(Some(handle)),
            Err(Errno::NOENT) if self.is_link(below) => Err(Damage::Astray("nowhere").into()),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::XDEV) => Err(Damage::Astray("out of the mirror").into()),
            Err(Errno::LOOP) => Err(Damage::NotAFile("a symbolic link").into()),
            Err(Errno::NXIO) => Err(Damage::NotAFile("a socket or a device").into()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_link(&self, below: &Path) -> bool {
        statat(&self.handle, below, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink())
    }

    fn open_beneath(
        &self,
        below: &Path,
        flags: OFlags,
        links: Links,
    ) -> rustix::io::Result<OwnedFd> {
        let (flags, resolve) = match links {
            Links::Refuse => (flags, ResolveFlags::NO_SYMLINKS),
            _ => (
                flags.difference(OFlags::NOFOLLOW),
                ResolveFlags::NO_MAGICLINKS,
            ),
        };
        let resolve = resolve | ResolveFlags::BENEATH;
        let mut tries = 0;
        loop {
            match openat2(&self.handle, below, flags, Mode::empty(), resolve) {
                // A rename beside it made the kernel unsure where `..` leads.
                Err(Errno::AGAIN) if tries < 100 => tries += 1,
                Err(Errno::NOSYS | Errno::PERM) => {
                    return self.open_step_by_step(below, flags | OFlags::NOFOLLOW);
                }
                opened => return opened,
            }
        }
    }

    /// Without openat2: each part is opened in the one before it, and none of them may be a link (invariant 3).
    pub(super) fn open_step_by_step(
        &self,
        below: &Path,
        flags: OFlags,
    ) -> rustix::io::Result<OwnedFd> {
        let mut held: Option<OwnedFd> = None;
        let mut parts = below.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else {
                return Err(Errno::XDEV);
            };
            let flags = match parts.peek() {
                Some(_) => OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                None => flags,
            };
            let at = held.as_ref().unwrap_or(&self.handle);
            let next = openat(at, name, flags, Mode::empty())?;
            held = Some(next);
        }
        held.ok_or(Errno::NOENT)
    }
}

/// The stamp of an open file; something else than a regular file is [`Damage`].
pub(super) fn stamp_of(handle: &OwnedFd) -> io::Result<Stamp> {
    stamp_at(handle, "", AtFlags::EMPTY_PATH)
}

fn stamp_at(handle: impl AsFd, name: impl Arg, flags: AtFlags) -> io::Result<Stamp> {
    let flags = flags | AtFlags::STATX_FORCE_SYNC;
    let found = statx(handle, name, flags, StatxFlags::BASIC_STATS)?;
    match other_than_file(found.stx_mode.into()) {
        None => Ok(Stamp::of(&found)),
        Some(kind) => Err(Damage::NotAFile(kind).into()),
    }
}

fn read_to(handle: OwnedFd, cap: u64) -> io::Result<Whole> {
    let stamp = stamp_of(&handle)?;
    let too_large = |bytes| io::Error::from(Damage::TooLarge { bytes, cap });
    if stamp.size() > cap {
        return Err(too_large(stamp.size()));
    }
    let mut bytes = Vec::new();
    // One more than it claims, so that the end is seen without another reservation.
    let room = usize::try_from(stamp.size()).map_or(0, |size| size.saturating_add(1));
    bytes.try_reserve_exact(room)?;
    let read = File::from(handle)
        .take(cap.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if read as u64 > cap {
        return Err(too_large(read as u64));
    }
    Ok(Whole { bytes, stamp })
}

/// The stamp of the regular file that a path leads to; `None` when nothing is there.
///
/// # Errors
/// The file cannot be examined, or something else than a file is there.
pub fn stamp(path: &Path, links: Links) -> Result<Option<Stamp>, DiskError> {
    // A file that a path leads to through whatever links is nearly always there, and asked for once a second.
    if links == Links::Follow
        && let Ok(stamp) = stamp_at(CWD, path, AtFlags::empty())
    {
        return Ok(Some(stamp));
    }
    match parent(path)? {
        Some((directory, name)) => directory.stamp(name, links),
        None => Ok(None),
    }
}

/// The whole file that a path leads to; `None` when nothing is there.
///
/// # Errors
/// It cannot be read, something else than a file is there, or it is larger than `cap`.
pub fn read(path: &Path, links: Links, cap: u64) -> Result<Option<Vec<u8>>, DiskError> {
    match parent(path)? {
        Some((directory, name)) => Ok(directory.read(name, links, cap)?.map(|whole| whole.bytes)),
        None => Ok(None),
    }
}

/// The directory of a path, and the name in it; `None` when the directory is not there. It is only passed through:
/// its entries may be hidden.
fn parent(path: &Path) -> Result<Option<(Dir, &Path)>, DiskError> {
    let name = path.file_name().map_or(path, Path::new);
    match Dir::pass_through(path.parent().unwrap_or(Path::new(""))) {
        Ok(directory) => Ok(Some((directory, name))),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::new("examine", path, error.source)),
    }
}

impl Dir {
    /// Opens a directory only to reach what is in it; it can neither be listed nor synced.
    pub(super) fn pass_through(path: &Path) -> Result<Self, DiskError> {
        let at = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, at, flags, Mode::empty())
            .and_then(|handle| Self::of(handle, path.to_owned(), None))
            .map_err(DiskError::on("open the directory", path))
    }
}
