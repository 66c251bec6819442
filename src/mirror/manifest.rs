//! `manifest.json`: what is published, for readers and for the cycles of later processes.
//!
//! 1. It changes only when a published file changes; everything else that outlives a run is in the [state].
//! 2. Unreadable, it counts as absent and is rebuilt from the files; it never stops a start, and it is never believed
//!    against the files themselves.
//! 3. It says what each v2 file was made from. That saves the conversion only under the same policy and by the same
//!    version of the program.
//!
//! [state]: super::state

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::layout::Kind;
use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{self, Links};
use crate::draft::MadeFrom;

/// The version of the format of manifest and state.
pub const FORMAT: u32 = 2;

/// The program and version that wrote a manifest.
pub const GENERATOR: &str = concat!("horde-refd ", env!("CARGO_PKG_VERSION"));

/// `manifest.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u32,
    /// [`GENERATOR`] of the writer.
    pub generator: String,
    /// The published categories.
    pub categories: BTreeMap<Category, Entry>,
    /// The extra files by their path below the mirror's base.
    #[serde(default)]
    pub files: BTreeMap<String, FileEntry>,
}

/// One published category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The v2 file.
    pub v2: V2Entry,
    /// The body that the v2 file was made from.
    pub made_from: MadeFrom,
    /// The stored legacy file, where there is one; the v2 file need not be made from it.
    pub legacy: Option<LegacyEntry>,
    /// Where the body that the v2 file was made from came from.
    pub source: Source,
    /// When the v2 or the legacy file last changed.
    pub published_at: Timestamp,
}

/// A published v2 file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Entry {
    /// Its path below the mirror's base.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many records it holds.
    pub models: u64,
    /// How many records were left out of it.
    pub dropped: u64,
}

/// A stored legacy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyEntry {
    /// Its path below the mirror's base.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it came from.
    pub source: Source,
}

/// An extra file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it came from.
    pub source: Source,
    /// When it last changed.
    pub published_at: Timestamp,
}

/// Where a body came from; the validators are null when the file on disk is not the upstream's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The upstream's name.
    pub upstream: String,
    /// The URL or path of the file there, without a password.
    pub url: String,
    /// The `ETag` it came with.
    pub etag: Option<String>,
    /// The `Last-Modified` it came with.
    pub last_modified: Option<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format: FORMAT,
            generator: GENERATOR.to_owned(),
            categories: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }
}

/// The manifest of a mirror, for those who only read it; `None` when there is none that can be read.
#[must_use]
pub fn read_manifest(path: &Path) -> Option<Manifest> {
    load_quietly(path, |manifest: &Manifest| manifest.format)
}

/// Reads the manifest or the state for those who only read; one that is of no use counts as absent.
pub(super) fn load_quietly<T: DeserializeOwned>(
    path: &Path,
    format: impl Fn(&T) -> u32,
) -> Option<T> {
    match read(path, format) {
        Ok(value) => value,
        Err(Unusable { error, .. }) => {
            let path = path.display();
            tracing::debug!(%path, error, "{path} is of no use");
            None
        }
    }
}

/// Why the manifest or the state is of no use, as it is said.
struct Unusable {
    what: &'static str,
    error: Option<String>,
}

/// Reads the manifest or the state for its writer; one that cannot be read, or is of another format, counts as absent,
/// which is said.
pub(super) fn load<T: DeserializeOwned>(path: &Path, format: impl Fn(&T) -> u32) -> Option<T> {
    match read(path, format) {
        Ok(value) => value,
        Err(Unusable { what, error }) => {
            let path = path.display();
            if let Some(error) = error {
                tracing::warn!(%path, "our own file {path} {what} and is made anew: {error}");
            } else {
                tracing::info!(%path, "our own file {path} {what} and is made anew");
            }
            None
        }
    }
}

fn read<T: DeserializeOwned>(
    path: &Path,
    format: impl Fn(&T) -> u32,
) -> Result<Option<T>, Unusable> {
    let unusable = |what, error| Unusable { what, error };
    let bytes = disk::read(path, Links::Follow, Kind::Manifest.cap(0))
        .map_err(|error| unusable("cannot be read", Some(error.source.to_string())))?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    match serde_json::from_slice::<T>(&bytes) {
        Ok(value) if format(&value) == FORMAT => Ok(Some(value)),
        Ok(_) => Err(unusable("is of another format", None)),
        Err(error) => Err(unusable("is damaged", Some(error.to_string()))),
    }
}

/// The bytes of the manifest or the state.
pub(super) fn bytes_of<T: Serialize>(value: &T) -> Vec<u8> {
    // Strings, numbers and maps with string keys cannot fail to be written.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
