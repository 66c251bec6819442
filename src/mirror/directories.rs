//! The open directories of one mirror.
//!
//! 1. They are opened anew for every cycle, and made again where they are missing: what is published is published
//!    into the directory that `base_path` leads to now, not into one that was removed, replaced or unmounted.
//! 2. What stands in the way of a directory of ours gives way; `base_path` itself may be a link.
//! 3. What is there for comfort alone (`audit/`) never stops a cycle.

use std::path::Path;

use crate::disk::{Dir, DiskError, Obstacle};

/// Where a mirror is written.
#[derive(Debug)]
pub struct Directories {
    /// The directory that readers are given.
    pub base: Dir,
    /// `legacy/`
    pub legacy: Dir,
    /// `.horde-refd/`
    pub private: Dir,
}

impl Directories {
    /// Opens them, and makes those that are missing.
    ///
    /// # Errors
    /// One of them can be neither opened nor made.
    pub fn open(base_path: &Path, mode: u32) -> Result<Self, DiskError> {
        Self::below(Dir::make(base_path, mode)?.for_owner()?, mode)
    }

    /// The same without making or changing anything ([`Dir::rehearse`]).
    ///
    /// # Errors
    /// One of them is there and cannot be opened.
    pub fn rehearse(base_path: &Path, mode: u32) -> Result<Self, DiskError> {
        Self::below(Dir::rehearse(base_path)?, mode)
    }

    fn below(base: Dir, mode: u32) -> Result<Self, DiskError> {
        if let Err(error) = base.make_child("audit", mode, Obstacle::GivesWay) {
            let error = crate::error::chain(&error);
            tracing::warn!("Python clients of other users will not start: {error}");
        }
        Ok(Self {
            legacy: base.make_child("legacy", mode, Obstacle::GivesWay)?,
            private: base.make_child(".horde-refd", mode, Obstacle::GivesWay)?,
            base,
        })
    }

    /// Removes the temporary files that a crash left. What cannot be removed is said, and stops nothing.
    pub fn sweep(&self) {
        for directory in [&self.base, &self.legacy] {
            sweep(directory);
        }
        sweep_below(&self.private, 4);
    }

    /// A directory below `.horde-refd/`, made with its parents where it is missing.
    ///
    /// # Errors
    /// It can be neither opened nor made.
    pub fn below_private(&self, path: &[&str], mode: u32) -> Result<Dir, DiskError> {
        let mut parts = path.iter();
        let first = parts.next().copied().unwrap_or(".");
        let mut directory = self.private.make_child(first, mode, Obstacle::GivesWay)?;
        for part in parts {
            directory = directory.make_child(part, mode, Obstacle::GivesWay)?;
        }
        Ok(directory)
    }
}

fn sweep(directory: &Dir) {
    for error in directory.sweep() {
        let error = crate::error::chain(&error);
        tracing::warn!("a leftover of a crash stays: {error}");
    }
}

/// Sweeps a directory of ours alone and those in it, which are at most so deep.
fn sweep_below(directory: &Dir, depth: usize) {
    sweep(directory);
    if depth == 0 {
        return;
    }
    let names = directory.directories().unwrap_or_default();
    for name in names.iter().filter_map(|name| name.to_str()) {
        if let Ok(Some(child)) = directory.child(name) {
            sweep_below(&child, depth - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_of_a_directory_gives_way() {
        let root = tempfile::tempdir().unwrap();
        let (base, outside) = (root.path().join("m"), root.path().join("outside"));
        std::fs::create_dir_all(&base).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, base.join("legacy")).unwrap();
        std::os::unix::fs::symlink("nowhere", base.join("audit")).unwrap();
        std::fs::write(base.join(".horde-refd"), "notes").unwrap();
        let directories = Directories::open(&base, 0o755).unwrap();
        directories.sweep();
        directories
            .below_private(&["generations", "clip"], 0o755)
            .unwrap();
        let deep = base.join(".horde-refd/generations/clip");
        std::fs::write(deep.join(".x.tmp"), "").unwrap();
        directories.sweep();
        assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 0);
        for name in [
            "legacy",
            "audit",
            ".horde-refd",
            ".horde-refd/generations/clip",
        ] {
            let metadata = std::fs::symlink_metadata(base.join(name)).unwrap();
            assert!(metadata.is_dir(), "{name}");
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        // What had contents was moved aside.
        let mut names = std::fs::read_dir(&base)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let aside = names
            .find(|path| path.to_string_lossy().contains(".aside-"))
            .unwrap();
        assert_eq!(std::fs::read(aside).unwrap(), b"notes");
    }
}
