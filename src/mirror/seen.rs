//! What is on disk, told by looking.
//!
//! A file counts as the one that was seen before only while its [`Stamp`] is the same, and a stamp that was taken too soon
//! after a change to tell the next change apart proves nothing: the file is read once more, later.

use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::digest::Digest;
use crate::disk::{self, DiskError, Links, Stamp};

/// One file as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What tells it apart without reading it.
    pub stamp: Stamp,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether an equal stamp proves that the file is still this one.
    pub(super) conclusive: bool,
}

impl Seen {
    /// Whether an equal stamp proves that the file is still this one.
    #[must_use]
    pub const fn is_conclusive(&self) -> bool {
        self.conclusive
    }
}

/// What a look found: the file as it was seen, with its bytes where they had to be read.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The file; `None` when there is none.
    pub seen: Option<Seen>,
    /// Its bytes, where this look read them.
    pub read: Option<Vec<u8>>,
}

/// Looks at a file; reads it only where its stamp does not prove that it is the one that was seen before.
pub(super) fn look_at(path: &Path, links: Links, before: Option<Seen>) -> Result<Look, DiskError> {
    let Some(stamp) = disk::stamp(path, links)? else {
        return Ok(Look::default());
    };
    if let Some(seen) = before.filter(|seen| seen.conclusive && seen.stamp == stamp) {
        let seen = Some(seen);
        return Ok(Look { seen, read: None });
    }
    let age = stamp.age(clock::now().into());
    let conclusive = age.is_some_and(|age| age > granularity(&stamp));
    let Some(read) = disk::read(path, links)? else {
        return Ok(Look::default());
    };
    let seen = Seen {
        stamp,
        sha256: Digest::of(&read),
        bytes: read.len() as u64,
        conclusive,
    };
    Ok(Look {
        seen: Some(seen),
        read: Some(read),
    })
}

/// A file that was just written, as it will be seen until something else writes it.
pub(super) fn written(
    path: &Path,
    bytes: &[u8],
    sha256: Digest,
) -> Result<Option<Seen>, DiskError> {
    let seen = |stamp| Seen {
        stamp,
        sha256,
        bytes: bytes.len() as u64,
        conclusive: false,
    };
    Ok(disk::stamp(path, Links::Refuse)?.map(seen))
}

/// The longest time for which two changes may leave the same stamp: a clock tick, or two seconds where whole seconds
/// hint at a file system that keeps no finer ones.
fn granularity(stamp: &Stamp) -> Duration {
    if stamp.mtime().fract() == 0.0 {
        Duration::from_secs(2)
    } else {
        Duration::from_millis(20)
    }
}
