//! Where the status file is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Status;

/// The status file's name.
pub const FILE: &str = "status.json";

/// The runtime directory of the unit that we ship.
const SHIPPED_RUNTIME_DIRECTORY: &str = "/run/horde-refd";

/// The outcome of looking for a status file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The file, if there is one.
    pub found: Option<PathBuf>,
    /// Every place that was looked at, in order.
    pub looked_at: Vec<PathBuf>,
}

/// Where a daemon writes its status: `$RUNTIME_DIRECTORY`, or the mirror itself when there is none.
#[must_use]
pub fn path_for_writer(runtime_directory: Option<&OsStr>, base_path: &Path) -> PathBuf {
    in_runtime(runtime_directory).unwrap_or_else(|| in_mirror(base_path))
}

/// Looks for the status file of a mirror's daemon.
#[must_use]
pub fn locate(runtime_directory: Option<&OsStr>, base_path: &Path) -> Located {
    locate_in(
        runtime_directory,
        Path::new(SHIPPED_RUNTIME_DIRECTORY),
        base_path,
    )
}

pub(super) fn locate_in(runtime: Option<&OsStr>, shipped: &Path, base_path: &Path) -> Located {
    let runtime = in_runtime(runtime);
    let looked_at = match runtime {
        Some(path) => vec![path],
        None => vec![shipped.join(FILE), in_mirror(base_path)],
    };
    let is_ours = |path: &&PathBuf| {
        // Only the unit's own directory may hold another mirror's status.
        let certain = !path.starts_with(shipped);
        path.exists() && (certain || is_about(path, base_path))
    };
    Located {
        found: looked_at.iter().find(is_ours).cloned(),
        looked_at,
    }
}

/// systemd lists several runtime directories with colons between; ours is the first.
fn in_runtime(directory: Option<&OsStr>) -> Option<PathBuf> {
    let directories = directory?.to_string_lossy().into_owned();
    let first = directories
        .split(':')
        .next()
        .filter(|first| !first.is_empty());
    first.map(|first| Path::new(first).join(FILE))
}

fn in_mirror(base_path: &Path) -> PathBuf {
    base_path.join(".horde-refd").join(FILE)
}

fn is_about(path: &Path, base_path: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Status::read(path).is_ok_and(|status| resolved(&status.base_path) == resolved(base_path))
}
