//! A directory that is held by its descriptor: what is opened, written and removed through it lies in this directory,
//! whatever becomes of its path. A path is resolved once, in [`Dir::open`]; from then on names are relative to it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fsync, mkdirat, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::modes::{Owner, set_bits, warn_of_modes};
use super::rehearsal::Rehearsal;
use super::stamp::other_than_file;
use super::{DiskError, Links, Space};

/// Device and inode of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The device that it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// What is done about something else that stands where a directory must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It stays, which is an error.
    Stays,
    /// A link, FIFO, socket, device or empty file is removed; a file with contents is moved aside.
    GivesWay,
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    pub(super) handle: Arc<OwnedFd>,
    pub(super) path: PathBuf,
    pub(super) owner: Option<Owner>,
    /// Where nothing is done in it ([`Dir::rehearse`]).
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) identity: Identity,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory that a path leads to; the path may be a link.
    ///
    /// # Errors
    /// It is not there, is no directory, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let shown = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        openat(CWD, shown, DIRECTORY, Mode::empty())
            .and_then(|handle| Self::of(handle, path.to_owned(), None))
            .map_err(DiskError::on("open the directory", path))
    }

    /// Opens a directory and makes it and its parents where they are missing; those it makes get `mode`, whatever the
    /// umask, and survive a power failure.
    ///
    /// # Errors
    /// A part of the path cannot be made or is not a directory.
    pub fn make(path: &Path, mode: u32) -> Result<Self, DiskError> {
        match Self::open(path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let missing = || DiskError::new("create the directory", path, Errno::NOENT.into());
        let parent = path.parent().ok_or_else(missing)?;
        // A parent that is named `..` has no name to make, and a link to nothing is not made what it names.
        let name = path.file_name().ok_or_else(missing)?;
        let parent = Self::make(parent, mode)?;
        let name = name.to_str().ok_or_else(missing);
        match name {
            Ok(name) => {
                let child = parent.make_child(name, mode, Obstacle::Stays);
                let child = child.map_err(DiskError::above)?;
                parent.sync()?;
                Ok(Self {
                    path: path.to_owned(),
                    ..child
                })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn of(
        handle: OwnedFd,
        path: PathBuf,
        owner: Option<Owner>,
    ) -> rustix::io::Result<Self> {
        let stat = fstat(&handle)?;
        Ok(Self {
            handle: Arc::new(handle),
            path,
            owner,
            rehearsal: None,
            identity: identity(&stat),
        })
    }

    /// The path that it was opened by, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Device and inode.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether its path still leads to it: it may have been removed, replaced, unmounted, or mounted over.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        identity_at(&self.path) == Some(self.identity)
    }

    /// What its file system has left.
    ///
    /// # Errors
    /// The file system does not say.
    pub fn space(&self) -> Result<Space, DiskError> {
        let space = rustix::fs::fstatvfs(&self.handle)
            .map_err(DiskError::on("examine the file system of", &self.path))?;
        Ok(Space {
            bytes: space.f_bavail.saturating_mul(space.f_frsize),
            inodes: (space.f_files > 0).then_some(space.f_favail),
        })
    }

    /// A directory in it, which is no link; `None` when nothing is there.
    ///
    /// # Errors
    /// Something else is there, or it cannot be opened.
    pub fn child(&self, name: &str) -> Result<Option<Self>, DiskError> {
        let path = self.path.join(name);
        match self.open_child(name) {
            Ok(child) => Ok(Some(child)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(DiskError::new("open the directory", &path, error.into())),
        }
    }

    fn open_child(&self, name: &str) -> rustix::io::Result<Self> {
        let name = single(name)?;
        if self.is_made() {
            return Err(Errno::NOENT);
        }
        let handle = openat(
            &self.handle,
            name,
            DIRECTORY | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        Ok(Self {
            rehearsal: self.rehearsal.clone(),
            ..Self::of(handle, self.path.join(name), self.owner)?
        })
    }

    /// Whether it is a directory that a rehearsal would have made.
    fn is_made(&self) -> bool {
        let rehearsal = self.rehearsal.as_ref();
        rehearsal.is_some_and(|rehearsal| rehearsal.is_made)
    }

    /// A directory in it, made where it is missing, with the mode that was asked for where it has another.
    ///
    /// # Errors
    /// It cannot be made or opened; the directory itself is unchanged.
    pub fn make_child(&self, name: &str, mode: u32, obstacle: Obstacle) -> Result<Self, DiskError> {
        let path = self.path.join(name);
        let failed = |operation| DiskError::on::<Errno>(operation, &path);
        match self.open_child(name) {
            Ok(child) => return Ok(child),
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) if self.rehearsal.is_some() => {}
            Err(Errno::NOTDIR | Errno::LOOP) if obstacle == Obstacle::GivesWay => {
                self.put_aside(name).map_err(failed("make way at"))?;
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(failed("open the directory")(error)),
        }
        if let Some(rehearsal) = &self.rehearsal {
            return Self::made_in(rehearsal, path);
        }
        match mkdirat(&self.handle, name, Mode::from_raw_mode(mode & 0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("create the directory")(error)),
        }
        let child = self
            .open_child(name)
            .map_err(failed("create the directory"))?;
        child.hand_over(&child.handle);
        if let Err(error) = set_bits(&child.handle, mode) {
            warn_of_modes(&path, error);
        }
        Ok(child)
    }

    /// Whatever stands at `name` and is no file of ours goes: what has no contents is removed, what has is moved aside.
    pub(super) fn put_aside(&self, name: &str) -> rustix::io::Result<()> {
        let stat = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let removed = match kind {
            FileType::Directory => unlinkat(&self.handle, name, AtFlags::REMOVEDIR),
            FileType::RegularFile if stat.st_size > 0 => Err(Errno::NOTEMPTY),
            _ => unlinkat(&self.handle, name, AtFlags::empty()),
        };
        let path = self.path.join(name);
        match removed {
            Ok(()) => {
                let shown = path.display();
                let what = other_than_file(stat.st_mode).unwrap_or("an empty file");
                tracing::warn!(path = %shown, "removed {shown}, {what} in the place of one of ours");
                Ok(())
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                let aside = self.free_name(|random| format!("{name}.aside-{random}"))?;
                renameat(&self.handle, name, &self.handle, &aside)?;
                let shown = path.display();
                tracing::warn!(path = %shown, to = %aside, "moved {shown} aside, to {aside}: one of ours has that name");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn free_name(&self, name: impl Fn(String) -> String) -> rustix::io::Result<String> {
        for _ in 0..32 {
            let name = name(random());
            match statat(&self.handle, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Ok(name),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Errno::EXIST)
    }

    /// Removes a file of our own that is no longer true; true when it was there.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, DiskError> {
        if let Some(rehearsal) = &self.rehearsal {
            let is_there = self.stamp(name, Links::Refuse)?.is_some();
            rehearsal.remove(self.path.join(name));
            return Ok(is_there);
        }
        match single(name).and_then(|name| unlinkat(&self.handle, name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(DiskError::on("remove", &self.path.join(name))(error)),
        }
    }

    /// Removes a directory in it that is empty; true when it was there and is gone.
    ///
    /// # Errors
    /// It is there and cannot be removed, for another reason than that it is not empty.
    pub fn remove_empty(&self, name: &str) -> Result<bool, DiskError> {
        if self.rehearsal.is_some() {
            return Ok(false);
        }
        match single(name).and_then(|name| unlinkat(&self.handle, name, AtFlags::REMOVEDIR)) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(DiskError::on("remove", &self.path.join(name))(error)),
        }
    }

    /// The names in it, in no order.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn names(&self) -> Result<Vec<OsString>, DiskError> {
        self.list(|_| true)
    }

    /// The names of the directories in it, in no order; on a file system that does not say what a name is, all names.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn directories(&self) -> Result<Vec<OsString>, DiskError> {
        self.list(|kind| matches!(kind, FileType::Directory | FileType::Unknown))
    }

    fn list(&self, wanted: impl Fn(FileType) -> bool) -> Result<Vec<OsString>, DiskError> {
        let list = || -> rustix::io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.handle)? {
                let entry = entry?;
                let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
                if name != "." && name != ".." && wanted(entry.file_type()) {
                    names.push(name);
                }
            }
            Ok(names)
        };
        let on_disk = if self.is_made() {
            Ok(Vec::new())
        } else {
            list().map_err(DiskError::on("list", &self.path))
        };
        match &self.rehearsal {
            Some(rehearsal) => Ok(rehearsal.names(&self.path, on_disk?)),
            None => on_disk,
        }
    }

    /// Removes the temporary files that a crash left in it. Only its one writer may call this. What cannot be removed
    /// stays and is returned: a leftover never stops a publication.
    #[must_use]
    pub fn sweep(&self) -> Vec<DiskError> {
        if self.rehearsal.is_some() {
            return Vec::new();
        }
        let names = match self.names() {
            Ok(names) => names,
            Err(error) => return vec![error],
        };
        let mut failed = Vec::new();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let file = || {
                let stat = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                Some(FileType::from_raw_mode(stat.st_mode).is_file())
            };
            if !super::is_temporary(name) || file() != Some(true) {
                continue;
            }
            let path = self.path.join(name);
            match unlinkat(&self.handle, name, AtFlags::empty()) {
                Ok(()) => {
                    tracing::info!(path = %path.display(), "removed a temporary file that a crash had left");
                }
                Err(error) => failed.push(DiskError::on("remove the leftover", &path)(error)),
            }
        }
        failed
    }

    /// Makes the names in it survive a power failure.
    ///
    /// # Errors
    /// The file system could not write them.
    pub fn sync(&self) -> Result<(), DiskError> {
        if self.rehearsal.is_some() {
            return Ok(());
        }
        match rustix::io::retry_on_intr(|| fsync(&self.handle)) {
            // A file system that cannot sync a directory has nothing to wait for.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(DiskError::on("sync the directory", &self.path)(error)),
        }
    }
}

/// The name of one entry: a path, `.` and `..` are none.
pub(super) fn single(name: &str) -> rustix::io::Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => Err(Errno::INVAL),
    }
}

pub(super) fn random() -> String {
    (0..8).map(|_| fastrand::alphanumeric()).collect()
}

fn identity(stat: &Stat) -> Identity {
    Identity {
        device: stat.st_dev,
        inode: stat.st_ino,
    }
}

pub(super) fn identity_at(path: &Path) -> Option<Identity> {
    let stat = rustix::fs::stat(path).ok()?;
    let directory = FileType::from_raw_mode(stat.st_mode).is_dir();
    directory.then(|| identity(&stat))
}
