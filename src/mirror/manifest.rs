//! `manifest.json`, what is published, and `state.json`, what is remembered beside it.
//!
//! The manifest is for readers and changes only when a published file changes; everything else that outlives a run
//! is in the state. Either one unreadable counts as absent: neither may ever stop a start, and neither is believed
//! against the files themselves.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::digest::Digest;
use super::layout::Kind;
use crate::category::Category;
use crate::disk::{self, Dir, DiskError, Links, Write};
use crate::upstream::Validators;

/// The program and version that wrote a manifest.
pub const GENERATOR: &str = concat!("horde-refd ", env!("CARGO_PKG_VERSION"));

/// `manifest.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format: 1.
    pub format: u32,
    /// [`GENERATOR`] of the writer.
    pub generator: String,
    /// The published categories.
    pub categories: BTreeMap<Category, Published>,
}

/// One published category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The v2 file.
    pub v2: V2Entry,
    /// The legacy file it was made from.
    pub legacy: LegacyEntry,
    /// Where the legacy file came from.
    pub source: Source,
    /// When either file last changed.
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
}

/// Where a legacy file came from; validators are null when the file on disk is not the upstream's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's address: a URL or a path.
    pub url: String,
    /// The `ETag` it came with.
    pub etag: Option<String>,
    /// The `Last-Modified` it came with.
    pub last_modified: Option<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format: 1,
            generator: GENERATOR.to_owned(),
            categories: BTreeMap::new(),
        }
    }
}

/// `.horde-refd/state.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version of this format: 1.
    pub format: u32,
    /// What each address last sent.
    #[serde(default)]
    pub validators: BTreeMap<String, Known>,
    /// Hosts that asked to be left alone, and until when.
    #[serde(default)]
    pub rate_limits: BTreeMap<String, Timestamp>,
}

/// The version of a file that an upstream sent, and the digest of the body that it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The validators, byte for byte.
    #[serde(flatten)]
    pub validators: Validators,
    /// The body they describe; they may be sent only while that body is on disk.
    pub sha256: Digest,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: 1,
            validators: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
        }
    }
}

/// Reads either file; what cannot be read, or is of another format, counts as absent.
pub(super) fn load<T: DeserializeOwned>(path: &Path, format: impl Fn(&T) -> u32) -> Option<T> {
    let bytes = match disk::read(path, Links::Follow, Kind::Manifest.cap(0)) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(path = %path.display(), error = %error.source, "cannot read our own file; rebuilding it");
            return None;
        }
    };
    match serde_json::from_slice::<T>(&bytes) {
        Ok(value) if format(&value) == 1 => Some(value),
        Ok(_) => {
            tracing::warn!(path = %path.display(), "our own file is of another format; rebuilding it");
            None
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "our own file is damaged; rebuilding it");
            None
        }
    }
}

/// Writes either file, if it differs.
pub(super) fn store<T: Serialize>(
    directory: &Dir,
    name: &str,
    value: &T,
    how: &Write<'_>,
) -> Result<(), DiskError> {
    let encoded = serde_json::to_vec_pretty(value);
    let mut bytes = encoded
        .map_err(|error| DiskError::new("encode", &directory.path().join(name), error.into()))?;
    bytes.push(b'\n');
    if let disk::Replaced::Written(_) = directory.replace(name, &bytes, how)? {
        directory.sync()?;
    }
    Ok(())
}

/// The manifest of a mirror, for those who only read it; `None` when there is none that can be read.
#[must_use]
pub fn read_manifest(path: &Path) -> Option<Manifest> {
    load(path, |manifest: &Manifest| manifest.format)
}
