//! What is on disk, known by looking.
//!
//! A file counts as the one that was seen before only while its [`Stamp`] is the same, and a stamp that was taken too soon
//! after a change to tell the next change apart proves nothing: the file is read once more, later.

use crate::clock;
use crate::digest::Digest;
use crate::disk::{Dir, DiskError, Links, Stamp};

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

/// Looks at a file with this stamp; reads it only where the stamp does not prove that it is the one that was seen before.
pub(super) fn look_at(
    base: &Dir,
    below: &str,
    links: Links,
    cap: u64,
    before: Option<Seen>,
    stamp: Option<Stamp>,
) -> Result<Look, DiskError> {
    let Some(stamp) = stamp else {
        return Ok(Look::default());
    };
    if let Some(seen) = before.filter(|seen| seen.conclusive && seen.stamp == stamp) {
        let seen = Some(seen);
        return Ok(Look { seen, read: None });
    }
    let Some(whole) = base.read(below, links, cap)? else {
        return Ok(Look::default());
    };
    let seen = Seen {
        stamp: whole.stamp,
        sha256: Digest::of(&whole.bytes),
        bytes: whole.bytes.len() as u64,
        conclusive: whole.stamp.is_conclusive(clock::now().into()),
    };
    Ok(Look {
        seen: Some(seen),
        read: Some(whole.bytes),
    })
}

/// A file that was just written, as it will be seen until something else writes it.
pub(super) fn written(stamp: Stamp, bytes: &[u8], sha256: Digest) -> Seen {
    Seen {
        stamp,
        sha256,
        bytes: bytes.len() as u64,
        conclusive: false,
    }
}
