//! What failed on which file, whether that is damage, and what cures it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::cure;

/// What failed, on which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path}{cure}", path = path.display(), cure = cure.as_ref().map(|cure| format!(" ({cure})")).unwrap_or_default())]
pub struct DiskError {
    /// The operation, as a verb phrase: `read`, `rename onto`, ...
    pub operation: &'static str,
    /// The file or directory it was tried on.
    pub path: PathBuf,
    /// The kernel's answer.
    #[source]
    pub source: io::Error,
    cure: Option<String>,
}

/// Why a name is none of our files although something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A directory, a link, a FIFO, a socket, a device.
    #[error("it is {0}, not a regular file")]
    NotAFile(&'static str),
    /// A link that may be followed leads out of the mirror, or nowhere.
    #[error("it is a symbolic link that leads {0}")]
    Astray(&'static str),
    /// More than a file of this name may have.
    #[error("it has {bytes} bytes, a file of this name has {cap} at most")]
    TooLarge {
        /// What the file claims, or what was read of it.
        bytes: u64,
        /// What is allowed.
        cap: u64,
    },
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        let kind = match damage {
            Damage::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, damage)
    }
}

impl DiskError {
    /// The error of one operation; where the kernel's answer is one that people can cure, it is looked up how.
    #[must_use]
    pub fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            cure: cure::of(path, &source),
            source,
        }
    }

    pub(super) fn on<'a, E: Into<io::Error>>(
        operation: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(E) -> Self + 'a {
        move |source| Self::new(operation, path, source.into())
    }

    /// The same for a directory that could not be made above a mirror: what it lies in is another's.
    pub(super) fn above(self) -> Self {
        Self {
            cure: cure::above(&self.path, &self.source),
            ..self
        }
    }

    /// What cures it, in words: whose the file is and the `chown`, inodes or bytes, the mount point.
    #[must_use]
    pub fn cure(&self) -> Option<&str> {
        self.cure.as_deref()
    }

    /// What is wrong with the file itself, where that is known.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let inner = self.source.get_ref()?;
        inner.downcast_ref::<Damage>().copied()
    }

    /// Whether the file counts as damaged and gives way: it is none of ours, too large, or cannot be read for a reason
    /// that lies in the file. What the process lacks (descriptors, memory) or a server forgot says nothing about it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let kernel = self.source.raw_os_error().map(Errno::from_raw_os_error);
        self.damage().is_some() || matches!(kernel, Some(Errno::ACCESS | Errno::PERM | Errno::IO))
    }
}
