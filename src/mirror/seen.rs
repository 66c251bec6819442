//! Files as they were last seen, and the look that tells whether they still are.

use super::digest::Digest;
use crate::clock;
use crate::disk::{Dir, DiskError, Links, Replaced, Stamp, Write};

/// One file as it was last seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What tells it apart without reading it.
    pub stamp: Stamp,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    settled: bool,
}

impl Seen {
    /// Whether an equal stamp proves that the file is still this one (invariant 3 of this module).
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }
}

/// The two files of a category as they were last seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files {
    /// The stored legacy file, if there is one.
    pub legacy: Option<Seen>,
    /// The published v2 file, if there is one.
    pub v2: Option<Seen>,
}

/// Publishes a file, and whether that changed it; it is seen as it was written until somebody else writes it.
pub(super) fn publish(
    directory: &Dir,
    name: &str,
    bytes: &[u8],
    sha256: Digest,
    how: Write<'_>,
) -> Result<(Option<Seen>, bool), DiskError> {
    let changed = match directory.replace(name, bytes, &how)? {
        Replaced::Equal => false,
        Replaced::Written(_) => {
            directory.sync()?;
            true
        }
    };
    let seen = |stamp| Seen {
        stamp,
        sha256,
        bytes: bytes.len() as u64,
        settled: false,
    };
    Ok((directory.stamp(name, Links::Refuse)?.map(seen), changed))
}

/// Gives one of our files its mode back. What cannot be is found again by the look that follows.
pub(super) fn mend_mode(directory: &Dir, name: &str, mode: u32, cap: u64) {
    if let Err(error) = directory.mend_mode(name, mode, cap) {
        tracing::debug!(error = crate::error::chain(&error), "cannot mend a mode");
    }
}

/// Looks at a file; reads it only where its stamp does not prove that it is the one we know.
pub(super) fn look_at(
    base: &Dir,
    below: &str,
    links: Links,
    cap: u64,
    known: Option<Seen>,
) -> Result<Option<Seen>, DiskError> {
    let Some(stamp) = base.stamp(below, links)? else {
        return Ok(None);
    };
    if let Some(seen) = known.filter(|seen| seen.settled && seen.stamp == stamp) {
        return Ok(Some(seen));
    }
    let Some(whole) = base.read(below, links, cap)? else {
        return Ok(None);
    };
    Ok(Some(Seen {
        stamp: whole.stamp,
        sha256: Digest::of(&whole.bytes),
        bytes: whole.bytes.len() as u64,
        settled: whole.stamp.is_conclusive(clock::now().into()),
    }))
}
