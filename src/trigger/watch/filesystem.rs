//! Which file systems report every change to inotify, known by the type that statfs gives.
//!
//! 1. A file system that other hosts or a user-space server can change is [`Visibility::Partial`]: the kernel
//!    sees only what goes through this mount.
//! 2. One that is not in the table is [`Visibility::Partial`] too: polling is slower, but never blind.
//! 3. overlayfs is [`Visibility::Full`]: its blind spot is a change made below it, behind the mount, and what runs
//!    in a container writes through the same mount as the daemon.

use std::io;
use std::path::Path;

/// Whether inotify sees every change of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// It does.
    Full,
    /// Only those that this host makes through this mount.
    Partial,
}

/// A file system type: `f_type`, its name, what inotify sees of it.
type Row = (u32, &'static str, Visibility);

const TABLE: &[Row] = &[
    (0x0000_EF53, "ext4", Visibility::Full),
    (0x5846_5342, "xfs", Visibility::Full),
    (0x9123_683E, "btrfs", Visibility::Full),
    (0x2FC1_2FC1, "zfs", Visibility::Full),
    (0xCA45_1A4E, "bcachefs", Visibility::Full),
    (0xF2F5_2010, "f2fs", Visibility::Full),
    (0x0102_1994, "tmpfs", Visibility::Full),
    (0x8584_58F6, "ramfs", Visibility::Full),
    (0x794C_7630, "overlayfs", Visibility::Full),
    (0x3153_464A, "jfs", Visibility::Full),
    (0x5265_4973, "reiserfs", Visibility::Full),
    (0x0000_3434, "nilfs", Visibility::Full),
    (0x2405_1905, "ubifs", Visibility::Full),
    (0x0000_4D44, "vfat", Visibility::Full),
    (0x2011_BAB0, "exfat", Visibility::Full),
    (0x7366_746E, "ntfs3", Visibility::Full),
    (0x0000_6969, "nfs", Visibility::Partial),
    (0xFF53_4D42, "cifs", Visibility::Partial),
    (0xFE53_4D42, "smb2", Visibility::Partial),
    (0x0000_517B, "smb", Visibility::Partial),
    (0x6573_5546, "fuse", Visibility::Partial),
    (0x0102_1997, "9p", Visibility::Partial),
    (0x00C3_6400, "ceph", Visibility::Partial),
    (0x5346_414F, "afs", Visibility::Partial),
    (0x6B41_4653, "afs", Visibility::Partial),
    (0x7375_7245, "coda", Visibility::Partial),
    (0x0BD0_0BD0, "lustre", Visibility::Partial),
    (0x0116_1970, "gfs2", Visibility::Partial),
    (0x7461_636F, "ocfs2", Visibility::Partial),
    (0x4750_4653, "gpfs", Visibility::Partial),
    (0x786F_4256, "vboxsf", Visibility::Partial),
];

/// The name of a file system type and what inotify sees of it.
#[must_use]
pub fn classify(f_type: u32) -> (&'static str, Visibility) {
    TABLE
        .iter()
        .find(|row| row.0 == f_type)
        .map_or(("unknown", Visibility::Partial), |row| (row.1, row.2))
}

/// Classifies the file system of `path`, or of its nearest ancestor that exists.
///
/// # Errors
/// When statfs fails for another reason than a missing file.
pub fn of(path: &Path) -> io::Result<(&'static str, Visibility)> {
    let absolute = std::path::absolute(path)?;
    let mut candidate = absolute.as_path();
    loop {
        match rustix::fs::statfs(candidate) {
            // Some architectures have a signed `f_type`, wider than the 32 bits that the kernel uses.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the magic numbers are 32 bits wide; the upper half is a sign extension"
            )]
            Ok(statfs) => return Ok(classify(statfs.f_type as u32)),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => match candidate.parent() {
                Some(parent) => candidate = parent,
                None => return Err(io::Error::from(io::ErrorKind::NotFound)),
            },
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants_1_to_3_hold_for_the_types_that_matter() {
        for (f_type, visibility) in [
            (0x6969, Visibility::Partial),
            (0xFF53_4D42, Visibility::Partial),
            (0xFE53_4D42, Visibility::Partial),
            (0x6573_5546, Visibility::Partial),
            (0x0102_1997, Visibility::Partial),
            (0x00C3_6400, Visibility::Partial),
            (0xDEAD_BEEF, Visibility::Partial),
            (0xEF53, Visibility::Full),
            (0x0102_1994, Visibility::Full),
            (0x794C_7630, Visibility::Full),
        ] {
            assert_eq!(classify(f_type).1, visibility, "{f_type:#x}");
        }
    }

    #[test]
    fn no_type_is_listed_twice() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[index + 1..].iter().all(|other| other.0 != row.0),
                "{:#x}",
                row.0
            );
        }
    }

    #[test]
    fn a_missing_directory_is_judged_by_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("a").join("b");
        assert_eq!(of(&missing).unwrap(), of(directory.path()).unwrap());
        assert!(of(Path::new("/proc")).is_ok());
    }
}
