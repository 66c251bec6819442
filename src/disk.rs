//! The only code that writes a file: [`replace`] compares, stages, sets the mode, syncs, renames, syncs the directory.
//!
//! Invariants
//! 1. A reader that opens the target's name gets the old bytes or the new bytes, whole; never a mixture, never nothing.
//! 2. The new bytes are on stable storage before their name is (unless the caller waives durability).
//! 3. Equal bytes cause no write and move no mtime; only a wrong mode is set right.
//! 4. A changed file gets a later mtime than the one it replaces, even on a file system with coarse stamps:
//!    readers compare mtimes for equality, as floats.
//! 5. Whatever fails, the target is untouched and no temporary file stays behind; after a crash [`sweep`] removes it.
//! 6. Writing, renaming and setting a mode never follow a symbolic link: they concern the name, never what lies outside.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may write"
    )
)]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What failed, on which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path}", path = path.display())]
pub struct DiskError {
    /// The operation, as a verb phrase: `read`, `rename onto`, ...
    pub operation: &'static str,
    /// The file or directory it was tried on.
    pub path: PathBuf,
    /// The kernel's answer.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    fn on<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self {
            operation,
            path: path.to_owned(),
            source,
        }
    }
}

/// How a file is to be replaced.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// Permission bits, whatever the umask.
    pub mode: u32,
    /// Where the replaced generation stays reachable, as a hard link.
    pub previous: Option<&'a Path>,
    /// Whether the bytes must survive a power failure (invariant 2).
    pub durable: bool,
}

/// Whether a name that is a symbolic link may stand for the file that it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// The file behind the link is read.
    Follow,
    /// A link is no file of ours.
    Refuse,
}

/// What [`replace`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The target held these bytes already.
    Equal,
    /// The target was written; what it held before, if it could be read.
    Written(Option<Vec<u8>>),
}

/// What identifies one state of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Stamp {
    /// The modification time in seconds, as Python's `st_mtime` shows it to readers.
    #[must_use]
    pub fn mtime(&self) -> f64 {
        python_mtime(self.mtime)
    }

    /// The permission bits.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// How long ago the file last changed in any way, by the kernel's stamp that nobody can set; `None` when that lies
    /// in the future.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let (seconds, nanoseconds) = self.ctime;
        let since_epoch = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        now.duration_since(SystemTime::UNIX_EPOCH + since_epoch)
            .ok()
    }

    fn told(told: &rustix::fs::Statx) -> Self {
        Self {
            device: rustix::fs::makedev(told.stx_dev_major, told.stx_dev_minor),
            inode: told.stx_ino,
            size: told.stx_size,
            mode: u32::from(told.stx_mode) & 0o7777,
            mtime: (told.stx_mtime.tv_sec, told.stx_mtime.tv_nsec.into()),
            ctime: (told.stx_ctime.tv_sec, told.stx_ctime.tv_nsec.into()),
        }
    }

    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode() & 0o7777,
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the loss is the point: readers see a double"
)]
fn python_mtime((seconds, nanoseconds): (i64, i64)) -> f64 {
    seconds as f64 + 1e-9 * nanoseconds as f64
}

/// The stamp of a regular file; `None` when nothing is there.
///
/// A network file system is made to ask its server: the watcher may have seen a change that cached attributes hide for
/// a second (FUSE) or for a minute (NFS), and it reports a change once.
///
/// # Errors
/// The file cannot be examined, or is not a regular file.
pub fn stamp(path: &Path, links: Links) -> Result<Option<Stamp>, DiskError> {
    use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};
    let flags = match links {
        Links::Follow => AtFlags::STATX_FORCE_SYNC,
        Links::Refuse => AtFlags::STATX_FORCE_SYNC | AtFlags::SYMLINK_NOFOLLOW,
    };
    let found = match statx(CWD, path, flags, StatxFlags::BASIC_STATS) {
        Ok(told) => {
            let kind = FileType::from_raw_mode(told.stx_mode.into());
            Ok((kind.is_file(), Stamp::told(&told)))
        }
        // An old kernel, or a sandbox made for one.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            let metadata = match links {
                Links::Follow => fs::metadata(path),
                Links::Refuse => fs::symlink_metadata(path),
            };
            metadata.map(|metadata| (metadata.is_file(), Stamp::of(&metadata)))
        }
        Err(error) => Err(io::Error::from(error)),
    };
    match found {
        Ok((true, stamp)) => Ok(Some(stamp)),
        Ok((false, _)) => Err(DiskError {
            operation: "use as a file",
            path: path.to_owned(),
            source: io::Error::other("it is not a regular file"),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::on("examine", path)(error)),
    }
}

/// The whole file; `None` when nothing is there.
///
/// # Errors
/// The file exists but cannot be read, or is not a regular file: reading a FIFO might never end.
pub fn read(path: &Path, links: Links) -> Result<Option<Vec<u8>>, DiskError> {
    use rustix::fs::OFlags;
    let flags = match links {
        Links::Follow => OFlags::NONBLOCK,
        Links::Refuse => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    let flags = flags.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let whole = opened.and_then(|mut file| {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    match whole {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::on("read", path)(error)),
    }
}

/// Makes `target` hold `bytes`, atomically.
///
/// # Errors
/// Nothing was changed; the error names the step and the path.
pub fn replace(
    target: &Path,
    bytes: &[u8],
    placement: Placement<'_>,
) -> Result<Replaced, DiskError> {
    let standing = fs::symlink_metadata(target).ok();
    let old = read(target, Links::Refuse).ok().flatten();
    if old.as_deref() == Some(bytes) {
        if let Some(metadata) = &standing
            && metadata.mode() & 0o7777 != placement.mode
        {
            set_mode(target, placement.mode)?;
        }
        return Ok(Replaced::Equal);
    }
    let directory = target.parent().unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut staged = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(DiskError::on("create a temporary file in", directory))?;
    let staging = |operation| DiskError::on(operation, target);
    staged
        .write_all(bytes)
        .map_err(staging("write the new contents of"))?;
    let file = staged.as_file();
    file.set_permissions(Permissions::from_mode(placement.mode))
        .map_err(staging("set the mode of"))?;
    if let Some(metadata) = &standing {
        outrun(file, metadata).map_err(staging("set the modification time of"))?;
    }
    if placement.durable {
        file.sync_all()
            .map_err(staging("sync the new contents of"))?;
    }
    if let (Some(previous), Some(_)) = (placement.previous, &standing) {
        keep(target, previous);
    }
    staged
        .persist(target)
        .map_err(|error| DiskError::on("rename onto", target)(error.error))?;
    if placement.durable {
        sync_directory(directory)?;
    }
    Ok(Replaced::Written(old))
}

/// Sets the permission bits of a file or directory that is otherwise right; its mtime stays. The file may be one that
/// cannot be read: its name is opened without a right, and the mode is set through that descriptor.
///
/// # Errors
/// It is another user's, a symbolic link, or gone.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), DiskError> {
    use rustix::fs::{CWD, FileType, Mode, OFlags, chmodat, fstat, openat};
    let set = || -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(CWD, path, flags, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&handle)?.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            _ => return Err(io::Error::other("it is neither a file nor a directory")),
        }
        let through = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let flags = rustix::fs::AtFlags::empty();
        Ok(chmodat(CWD, through, Mode::from_raw_mode(mode), flags)?)
    };
    set().map_err(DiskError::on("set the mode of", path))
}

/// Removes a file of our own that is no longer true.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::on("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Moves the staged file's mtime past the one it replaces (invariant 4), by the smallest step the file system keeps.
fn outrun(staged: &File, standing: &fs::Metadata) -> io::Result<()> {
    const STEPS: [Duration; 4] = [
        Duration::from_micros(1),
        Duration::from_millis(1),
        Duration::from_secs(1),
        Duration::from_secs(2),
    ];
    let left = python_mtime((standing.mtime(), standing.mtime_nsec()));
    let later =
        |metadata: &fs::Metadata| python_mtime((metadata.mtime(), metadata.mtime_nsec())) > left;
    if later(&staged.metadata()?) {
        return Ok(());
    }
    let base: SystemTime = standing.modified()?;
    for step in STEPS {
        staged.set_modified(base + step)?;
        if later(&staged.metadata()?) {
            break;
        }
    }
    Ok(())
}

/// Keeps the generation that is about to be replaced reachable. Best effort: some file systems have no hard links,
/// and a reader's comfort must not stop an update.
fn keep(target: &Path, previous: &Path) {
    let name = previous.file_name().unwrap_or_default().to_string_lossy();
    let link = previous.with_file_name(format!(".{name}.link.tmp"));
    let _ = fs::remove_file(&link);
    let kept = fs::hard_link(target, &link).and_then(|()| fs::rename(&link, previous));
    // rename(2) does nothing when both names are the same file already.
    let _ = fs::remove_file(&link);
    if let Err(error) = kept {
        tracing::debug!(path = %previous.display(), %error, "cannot keep the previous generation");
    }
}

fn sync_directory(directory: &Path) -> Result<(), DiskError> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(DiskError::on("sync the directory", directory))
}

/// Creates a directory and its parents where they are missing; those it creates get `mode`, whatever the umask.
///
/// # Errors
/// A part of the path cannot be created or is not a directory.
pub fn make_directory(path: &Path, mode: u32) -> Result<(), DiskError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_directory(parent, mode)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => set_mode(path, mode),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(DiskError::on("create the directory", path)(error)),
    }
}

/// Opens a lock file read-write, creating it empty; it is never written and never removed.
///
/// # Errors
/// It cannot be opened.
pub fn open_lock(path: &Path, mode: u32) -> Result<File, DiskError> {
    let existed = path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(DiskError::on("open the lock", path))?;
    if !existed {
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(DiskError::on("set the mode of", path))?;
    }
    Ok(file)
}

/// Whether a name is one of our temporary files'.
#[must_use]
#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "our own names, which we never write in capitals"
)]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Removes the temporary files that a crash left in a directory. Only its one writer may call this.
///
/// # Errors
/// The directory cannot be listed, or a leftover cannot be removed.
pub fn sweep(directory: &Path) -> Result<(), DiskError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DiskError::on("list", directory)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(DiskError::on("list", directory))?;
        let file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if file && entry.file_name().to_str().is_some_and(is_temporary) {
            let path = entry.path();
            fs::remove_file(&path).map_err(DiskError::on("remove the leftover", &path))?;
            tracing::info!(path = %path.display(), "removed a temporary file that a crash had left");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
