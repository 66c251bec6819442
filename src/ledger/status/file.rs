//! The status file as bytes on disk, and whether the process that wrote it still runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{FORMAT, Role, Status, is_outdated};
use crate::ledger::process::Process;

/// The status file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// It cannot be read.
    #[error("cannot read the status file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not a status file.
    #[error("{} is not a status file", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// It was written by a daemon whose format this program does not know.
    #[error("the status file {} has format {found}, this program reads format {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

impl Status {
    /// Reads a status file.
    ///
    /// # Errors
    /// It cannot be read, is no status file, or is of another format.
    pub fn read(path: &Path) -> Result<Self, StatusError> {
        let bytes = fs::read(path).map_err(|source| StatusError::Read {
            path: path.to_owned(),
            source,
        })?;
        let parse = |source| StatusError::Parse {
            path: path.to_owned(),
            source,
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(parse)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => Err(StatusError::Format {
                path: path.to_owned(),
                found,
            }),
            _ => serde_json::from_value(value).map_err(parse),
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys cannot fail to be written.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether the daemon lives; a `sync` need not. Of another host's process only its last words are known, so those
    /// must not be too old.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        let recent = || !is_outdated(Some(self.updated_at), now, self.stale_after());
        self.role == Role::Once || self.process.is_alive().unwrap_or_else(recent)
    }

    /// The status, if it is that of another process that writes, or wrote, the mirror.
    #[must_use]
    pub fn of_another_writer(self) -> Option<Self> {
        (self.role == Role::Writer && self.process != Process::current()).then_some(self)
    }
}
