//! What people can do about an answer of the kernel: the facts are looked up, the words are made of them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What was found around a path on which something failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    /// The nearest part of the path that is there.
    near: PathBuf,
    /// The effective user of this process, as a name where it has one.
    user: String,
    /// The file or directory of another user that stands in the way, and that user; is it a directory.
    foreign: Option<(PathBuf, String, bool)>,
    /// The directory to make in it: one above the mirror, which is not to change its owner.
    missing: Option<PathBuf>,
    /// Where the path leads when it is a link to nothing.
    dangling: Option<PathBuf>,
    /// Bytes and inodes that the file system has left for this process.
    left: Option<(u64, Option<u64>)>,
    /// The path itself is one.
    mount_point: bool,
    /// The directory at which the file system is mounted.
    mounted_at: PathBuf,
    /// The path is a directory.
    directory: bool,
}

pub(super) fn of(path: &Path, error: &io::Error) -> Option<String> {
    about(path, error, None)
}

/// The same for a directory that could not be made above a mirror.
pub(super) fn above(path: &Path, error: &io::Error) -> Option<String> {
    about(path, error, Some(path.to_owned()))
}

fn about(path: &Path, error: &io::Error, missing: Option<PathBuf>) -> Option<String> {
    let errno = Errno::from_raw_os_error(error.raw_os_error()?);
    let curable = [
        Errno::ACCESS,
        Errno::PERM,
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::ROFS,
        Errno::BUSY,
        Errno::MFILE,
        Errno::NFILE,
        Errno::STALE,
        Errno::EXIST,
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::ISDIR,
        Errno::NOTEMPTY,
        Errno::FBIG,
        Errno::IO,
    ];
    if !curable.contains(&errno) {
        return None;
    }
    let facts = Facts {
        missing,
        ..facts(path)
    };
    words(errno, path, &facts)
}

fn words(errno: Errno, path: &Path, facts: &Facts) -> Option<String> {
    let user = &facts.user;
    let at = facts.mounted_at.display();
    Some(match errno {
        Errno::ACCESS | Errno::PERM => match &facts.foreign {
            Some((file, owner, directory)) => {
                let file = file.display();
                let all = if *directory { "-R " } else { "" };
                let cure = match &facts.missing {
                    Some(missing) => format!("install -d -o {user} {}", missing.display()),
                    None => format!("chown {all}{user} {file}"),
                };
                format!(
                    "{file} belongs to user {owner}, this process runs as {user}; cured by `{cure}`"
                )
            }
            None if errno == Errno::PERM => format!(
                "it belongs to this user, {user}; is it immutable? `lsattr -d {path}`, cured by `chattr -i {path}`",
                path = path.display()
            ),
            None => format!(
                "this process runs as user {user}, whose own permission bits forbid it; cured by `chmod u+rwX {near}`",
                near = facts.near.display()
            ),
        },
        Errno::NOSPC => match facts.left {
            Some((_, Some(0))) => {
                format!("the file system at {at} has no inode left: `df -i {at}`")
            }
            Some((bytes, _)) => {
                format!("the file system at {at} has {bytes} bytes left: `df -h {at}`")
            }
            None => return None,
        },
        Errno::DQUOT => format!("the disk quota of user {user} is used up: `quota -u {user}`"),
        Errno::ROFS => format!(
            "the file system at {at} is mounted read-only; cured by `mount -o remount,rw {at}`"
        ),
        Errno::BUSY if facts.mount_point => {
            "it is a mount point, which nothing can replace; unmount it".to_owned()
        }
        Errno::BUSY if facts.directory => "it is a directory that is in use".to_owned(),
        Errno::MFILE => {
            "the process may open no more files; cured by LimitNOFILE= or `ulimit -n`".to_owned()
        }
        Errno::NFILE => "the system may open no more files: `sysctl fs.file-max`".to_owned(),
        Errno::STALE => {
            format!("the file server no longer knows it; mount {at} again if that lasts")
        }
        Errno::ISDIR | Errno::NOTEMPTY if facts.directory => {
            "a directory stands in its place; move it away".to_owned()
        }
        Errno::FBIG => {
            "the process may write no larger file; cured by LimitFSIZE= or `ulimit -f`".to_owned()
        }
        Errno::IO => "the device or its server fails: `dmesg`".to_owned(),
        _ => {
            let target = facts.dangling.as_ref()?;
            format!(
                "it is a symbolic link to {}, which does not exist",
                target.display()
            )
        }
    })
}

fn facts(path: &Path) -> Facts {
    let user = rustix::process::geteuid().as_raw();
    // The nearest part of the path that can be examined.
    let near = path
        .ancestors()
        .map(|part| {
            if part.as_os_str().is_empty() {
                Path::new(".")
            } else {
                part
            }
        })
        .find_map(|part| Some((part, std::fs::symlink_metadata(part).ok()?)));
    let foreign = || {
        let (part, metadata) = near.as_ref()?;
        // What lies in a directory of ours is forbidden by its own bits.
        let is_closed =
            metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o700 != 0o700;
        let parent = part.parent().filter(|_| !is_closed);
        let mut around = [Some(*part), parent].into_iter().flatten();
        around.find_map(|part| {
            let part = if part.as_os_str().is_empty() {
                Path::new(".")
            } else {
                part
            };
            let metadata = std::fs::symlink_metadata(part).ok()?;
            (metadata.uid() != user).then(|| {
                (
                    part.to_owned(),
                    user_name(metadata.uid()),
                    metadata.is_dir(),
                )
            })
        })
    };
    let dangling = || {
        let (part, metadata) = near.as_ref()?;
        let leads = metadata.is_symlink() && std::fs::metadata(part).is_err();
        leads.then(|| std::fs::read_link(part).ok()).flatten()
    };
    let space = near
        .as_ref()
        .and_then(|(part, _)| rustix::fs::statvfs(*part).ok());
    let mounted_at = mount_point(path);
    Facts {
        near: near.as_ref().map_or(path, |(part, _)| *part).to_owned(),
        user: self::user(),
        foreign: foreign(),
        missing: None,
        dangling: dangling(),
        left: space.map(|space| {
            let inodes = (space.f_files > 0).then_some(space.f_favail);
            (space.f_bavail.saturating_mul(space.f_frsize), inodes)
        }),
        mount_point: std::fs::canonicalize(path).is_ok_and(|path| path == mounted_at),
        mounted_at,
        directory: std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()),
    }
}

/// The directory at which the file system of a path, or of what exists of it, is mounted.
#[must_use]
pub fn mount_point(path: &Path) -> PathBuf {
    let real = path
        .ancestors()
        .find_map(|part| std::fs::canonicalize(part).ok());
    let real = real.unwrap_or_else(|| PathBuf::from("/"));
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let here = device(&real);
    let same = real.ancestors().take_while(|part| device(part) == here);
    same.last().unwrap_or(Path::new("/")).to_owned()
}

/// The user that this process runs as.
#[must_use]
pub fn user() -> String {
    user_name(rustix::process::geteuid().as_raw())
}

/// A user's name from `/etc/passwd`, which other sources of users are not asked for; its number where it has none.
#[must_use]
pub fn user_name(id: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&users, id).unwrap_or_else(|| id.to_string())
}

fn name_in(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_the_words_that_cure_it() {
        let facts = Facts {
            near: PathBuf::from("/m/x"),
            user: "nobody".to_owned(),
            foreign: Some((
                PathBuf::from("/m/.horde-refd/lock"),
                "root".to_owned(),
                false,
            )),
            missing: None,
            dangling: Some(PathBuf::from("/mnt/gone")),
            left: Some((4096, Some(0))),
            mount_point: true,
            mounted_at: PathBuf::from("/m"),
            directory: true,
        };
        let below = Facts {
            foreign: Some((PathBuf::from("/var/lib"), "root".to_owned(), true)),
            missing: Some(PathBuf::from("/var/lib/m")),
            ..facts.clone()
        };
        let ours = Facts {
            foreign: None,
            left: Some((4096, Some(7))),
            dangling: None,
            ..facts.clone()
        };
        let table = [
            (
                Errno::ACCESS,
                &facts,
                "/m/.horde-refd/lock belongs to user root, this process runs as nobody; cured by `chown nobody /m/.horde-refd/lock`",
            ),
            (Errno::ACCESS, &below, "`install -d -o nobody /var/lib/m`"),
            (Errno::PERM, &ours, "`chattr -i /m/x`"),
            (Errno::ACCESS, &ours, "`chmod u+rwX /m/x`"),
            (Errno::NOSPC, &facts, "no inode left: `df -i /m`"),
            (Errno::NOSPC, &ours, "4096 bytes left"),
            (Errno::DQUOT, &facts, "`quota -u nobody`"),
            (Errno::ROFS, &facts, "`mount -o remount,rw /m`"),
            (Errno::BUSY, &facts, "it is a mount point"),
            (Errno::MFILE, &facts, "LimitNOFILE="),
            (
                Errno::EXIST,
                &facts,
                "it is a symbolic link to /mnt/gone, which does not exist",
            ),
            (Errno::NOTEMPTY, &facts, "move it away"),
            (Errno::FBIG, &facts, "LimitFSIZE="),
            (Errno::STALE, &facts, "mount /m again"),
        ];
        for (errno, facts, expected) in table {
            let words = words(errno, Path::new("/m/x"), facts).unwrap();
            assert!(words.contains(expected), "{errno}: {words}");
        }
        assert_eq!(words(Errno::NOENT, Path::new("/m/x"), &ours), None);
    }

    #[test]
    fn a_user_has_a_name_where_passwd_has_one() {
        let users = "root:x:0:0::/root:/bin/sh\nhorde:x:998:998::/:/bin/false\nbroken\n";
        assert_eq!(name_in(users, 998).as_deref(), Some("horde"));
        assert_eq!(name_in(users, 5), None);
    }

    #[test]
    fn a_mount_point_is_found_above_what_does_not_exist() {
        assert_eq!(mount_point(Path::new("/proc/none/x")), Path::new("/proc"));
    }
}
