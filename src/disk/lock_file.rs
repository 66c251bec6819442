//! Opening the file that a writer locks: never written, never removed, never a link.

use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::modes::{set_bits, warn_of_modes};
use super::stamp::other_than_file;
use super::{Damage, Dir, DiskError};

const FLAGS: OFlags = OFlags::RDWR
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens a lock file read-write, creating it empty; what is no file at that name gives way.
    ///
    /// # Errors
    /// It cannot be opened, or what stands at its name cannot be moved.
    pub fn open_lock(&self, name: &str, mode: u32) -> Result<File, DiskError> {
        let path = self.path.join(name);
        let failed = |error: Errno| DiskError::new("open the lock", &path, error.into());
        if self.rehearsal.is_some() {
            return Err(failed(Errno::ROFS));
        }
        for _ in 0..8 {
            match openat(&self.handle, name, FLAGS, Mode::empty()) {
                Ok(handle) => {
                    let stat = fstat(&handle).map_err(failed)?;
                    if other_than_file(stat.st_mode).is_none() {
                        return Ok(File::from(handle));
                    }
                    self.put_aside(name).map_err(failed)?;
                }
                Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => {
                    self.put_aside(name).map_err(failed)?;
                }
                Err(Errno::NOENT) => {
                    let flags = FLAGS | OFlags::CREATE | OFlags::EXCL;
                    let mode_bits = Mode::from_raw_mode(mode & 0o666);
                    match openat(&self.handle, name, flags, mode_bits) {
                        Ok(handle) => {
                            self.hand_over(&handle);
                            if let Err(error) = set_bits(&handle, mode) {
                                warn_of_modes(&path, error);
                            }
                            return Ok(File::from(handle));
                        }
                        // Another process made it first.
                        Err(Errno::EXIST) => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(Errno::EXIST))
    }

    /// Opens an existing lock file, to ask who holds it: for writing where that is allowed, since a lock on NFS needs a
    /// writable handle, else for reading.
    ///
    /// # Errors
    /// It is not there, is no file, or cannot be opened.
    pub fn reopen_lock(&self, name: &str) -> Result<File, DiskError> {
        let path = self.path.join(name);
        let open = || -> io::Result<File> {
            let handle = match openat(&self.handle, name, FLAGS, Mode::empty()) {
                Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
                    let flags = FLAGS.difference(OFlags::RDWR) | OFlags::RDONLY;
                    openat(&self.handle, name, flags, Mode::empty())?
                }
                opened => opened?,
            };
            match other_than_file(fstat(&handle)?.st_mode) {
                None => Ok(File::from(handle)),
                Some(kind) => Err(Damage::NotAFile(kind).into()),
            }
        };
        open().map_err(DiskError::on("open the lock", &path))
    }

    /// Whether a name in this directory is this very file, not another one that was made since.
    #[must_use]
    pub fn holds(&self, name: &str, file: &File) -> bool {
        let there = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        matches!((there, fstat(file)), (Ok(there), Ok(ours))
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino))
    }
}
