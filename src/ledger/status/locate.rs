//! Where the status file is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Role, Status};

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

/// Every place that a process's status goes to: `$RUNTIME_DIRECTORY`, and the mirror, where standbys and other hosts read
/// it. A daemon that stands by leaves the writer's file in the mirror alone.
#[must_use]
pub fn paths(role: Role, runtime_directory: Option<&OsStr>, base_path: &Path) -> Vec<PathBuf> {
    let runtime = in_runtime(runtime_directory);
    let mirror = in_mirror(base_path);
    match (role, runtime) {
        (Role::Standby, Some(runtime)) => vec![runtime],
        (Role::Standby, None) => vec![mirror.with_file_name("status.standby.json")],
        (Role::Writer | Role::Once, runtime) => runtime.into_iter().chain([mirror]).collect(),
    }
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

fn locate_in(runtime: Option<&OsStr>, shipped: &Path, base_path: &Path) -> Located {
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

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn the_file_is_found_where_the_writer_puts_it() {
        let root = tempfile::tempdir().unwrap();
        let (runtime, shipped, mirror) = (
            root.path().join("runtime"),
            root.path().join("shipped"),
            root.path().join("mirror"),
        );
        for directory in [&runtime, &shipped, &mirror.join(".horde-refd")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        let find = |runtime: Option<&OsStr>| locate_in(runtime, &shipped, &mirror).found;
        let own = mirror.join(".horde-refd").join(FILE);
        assert_eq!(find(None), None);
        assert_eq!(path_for_writer(None, &mirror), own);

        let mut status = sample();
        std::fs::write(&own, status.to_bytes()).unwrap();
        std::fs::write(shipped.join(FILE), status.to_bytes()).unwrap();
        assert_eq!(
            find(None),
            Some(own.clone()),
            "the unit's status is about another mirror"
        );

        status.base_path = mirror.join(".");
        std::fs::write(shipped.join(FILE), status.to_bytes()).unwrap();
        assert_eq!(find(None), Some(shipped.join(FILE)));

        let several = format!("{}:/run/other", runtime.display());
        let several = Some(OsStr::new(&several));
        assert_eq!(find(several), None);
        let path = path_for_writer(several, &mirror);
        assert_eq!(path, runtime.join(FILE));
        std::fs::write(&path, status.to_bytes()).unwrap();
        assert_eq!(find(several), Some(path));
        assert_eq!(find(Some(OsStr::new(""))), Some(shipped.join(FILE)));
    }

    #[test]
    fn each_role_writes_where_it_takes_nothing_from_another() {
        let (runtime, mirror) = (OsStr::new("/run/x"), Path::new("/m"));
        let table = [
            (
                Role::Writer,
                Some(runtime),
                vec!["/run/x/status.json", "/m/.horde-refd/status.json"],
            ),
            (Role::Writer, None, vec!["/m/.horde-refd/status.json"]),
            (Role::Once, None, vec!["/m/.horde-refd/status.json"]),
            (Role::Standby, Some(runtime), vec!["/run/x/status.json"]),
            (
                Role::Standby,
                None,
                vec!["/m/.horde-refd/status.standby.json"],
            ),
        ];
        for (role, runtime, expected) in table {
            let expected: Vec<PathBuf> = expected.into_iter().map(PathBuf::from).collect();
            assert_eq!(paths(role, runtime, mirror), expected, "{role:?}");
        }
    }
}
