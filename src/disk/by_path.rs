//! Writing one file by its path, for those that hold no directory: status, metrics.

use std::path::Path;

use super::{Dir, DiskError, Links, Write};

/// How a file is to be replaced.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// Permission bits, whatever the umask.
    pub mode: u32,
    /// Where the replaced file stays reachable.
    pub previous: Option<&'a Path>,
    /// Whether bytes and name must survive a power failure.
    pub durable: bool,
}

/// What [`replace`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The target held these bytes already.
    Equal,
    /// The target was written; what it held before, if it could be read.
    Written(Option<Vec<u8>>),
}

/// What a file may have that is only read to be compared.
const COMPARED: u64 = 256 << 20;

/// Makes `target` hold `bytes`, atomically. What root writes belongs to the owner of the directory that it lies in, so
/// a status in a mirror is its owner's.
///
/// # Errors
/// Nothing was changed; the error names the step and the path.
pub fn replace(
    target: &Path,
    bytes: &[u8],
    placement: Placement<'_>,
) -> Result<Replacement, DiskError> {
    let (directory, name) = parts(target)?;
    let directory = directory.for_owner()?;
    let old = directory.read(name, Links::Refuse, COMPARED).ok().flatten();
    let old = old.map(|whole| whole.bytes);
    if old.as_deref() == Some(bytes) {
        directory.mend_mode(name, placement.mode, bytes.len() as u64)?;
        return Ok(Replacement::Equal);
    }
    let previous = placement
        .previous
        .map(parts)
        .transpose()
        .unwrap_or_default();
    let how = Write {
        durable: placement.durable,
        keep: previous
            .as_ref()
            .map(|(directory, name)| (directory, *name)),
        ..Write::published(placement.mode)
    };
    directory.write(name, bytes, &how)?;
    if placement.durable {
        directory.sync()?;
    }
    Ok(Replacement::Written(old))
}

/// Removes a file of our own that is no longer true.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), DiskError> {
    let (directory, name) = parts(path)?;
    directory.remove(name).map(|_| ())
}

fn parts(path: &Path) -> Result<(Dir, &str), DiskError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let wrong = || std::io::Error::other("it does not end with a name in UTF-8");
    let name = name.ok_or_else(|| DiskError::new("write", path, wrong()))?;
    let directory = Dir::open(path.parent().unwrap_or(Path::new("")))?;
    Ok((directory, name))
}
