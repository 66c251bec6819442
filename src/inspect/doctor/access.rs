//! Whether the daemon may write the mirror, and whether any other user may read it.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags};

use super::people::{ENTER, READ, User, WRITE};
use super::{Check, Scene, quoted};
use crate::disk::{mount_point, user_name};

/// A finding and its cure.
type Wrong = Vec<(String, String)>;

pub(super) fn checks(scene: &Scene<'_>) -> Vec<Check> {
    let way = way(scene.base());
    let writing = writing(scene, &way);
    if !scene.base().is_dir() {
        return vec![writing];
    }
    vec![writing, reading(scene, &way), audit(scene)]
}

/// Every directory that is passed on the way to a path, the path itself left out: those that it names and those that
/// its links lead through.
fn way(path: &Path) -> Vec<PathBuf> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut passed = BTreeSet::new();
    for path in [path, real.as_path()] {
        passed.extend(path.ancestors().skip(1).map(Path::to_owned));
    }
    passed.retain(|path| !path.as_os_str().is_empty() && path != &real);
    passed.into_iter().collect()
}

/// The mode and the owner as `ls` shows them.
pub(super) fn shown(metadata: &Metadata) -> String {
    let mode = metadata.mode() & 0o7777;
    format!("{mode:04o}, {}", user_name(metadata.uid()))
}

fn writing(scene: &Scene<'_>, way: &[PathBuf]) -> Check {
    let user = &scene.user;
    let (who, name) = (format!("the daemon's user {}", user.name), &user.name);
    let mut wrong = Wrong::new();
    for directory in way {
        let Ok(metadata) = fs::metadata(directory) else {
            continue;
        };
        if metadata.is_dir() && !user.may(ENTER, &metadata) {
            let at = directory.display();
            wrong.push((
                format!("{who} may not pass {at} ({})", shown(&metadata)),
                format!("chmod a+x {}", quoted(directory)),
            ));
        }
    }
    let base = scene.base();
    let private = scene.layout.private();
    let mut directories = vec![base.to_owned(), scene.layout.legacy_directory()];
    directories.extend([private.clone(), scene.layout.generations()]);
    if !base.exists() {
        // It is made by the daemon, in the nearest directory that exists.
        let nearest = way.iter().rev().find(|path| path.is_dir());
        directories = nearest.cloned().into_iter().collect();
    }
    let mut owners = false;
    for directory in directories {
        match fs::metadata(&directory) {
            Ok(metadata) if !user.may(WRITE | ENTER, &metadata) => {
                owners = true;
                let at = directory.display();
                let cure = if base.exists() {
                    format!("chown -R {name} {}", quoted(base))
                } else {
                    format!("install -d -o {name} {}", quoted(base))
                };
                wrong.push((
                    format!("{who} may not write in {at} ({})", shown(&metadata)),
                    cure,
                ));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let at = directory.display();
                let me = User::me().name;
                wrong.push((
                    format!("{me}, who asks, cannot look at {at}: {error}"),
                    format!("sudo {}", scene.command("doctor")),
                ));
            }
            _ => {}
        }
    }
    let lock = scene.layout.lock();
    if let Ok(metadata) = fs::symlink_metadata(&lock)
        && !owners
        && !user.may(READ | WRITE, &metadata)
    {
        let at = lock.display();
        wrong.push((
            format!("{who} may not open {at} ({})", shown(&metadata)),
            format!("chown {name} {}", quoted(&lock)),
        ));
    }
    wrong.extend(immutable(scene));
    wrong.extend(read_only(base));
    Check::of("write access", wrong, || {
        format!("the daemon's user {name} may write the mirror")
    })
}

/// What carries the attribute that keeps even root from changing it.
fn immutable(scene: &Scene<'_>) -> Wrong {
    let layout = &scene.layout;
    let mut paths = vec![layout.base().to_owned(), layout.legacy_directory()];
    paths.extend([layout.private(), layout.manifest(), layout.state()]);
    paths.extend(published(scene));
    let is_immutable = |path: &PathBuf| {
        let file = fs::File::open(path).ok();
        let flags = file.and_then(|file| ioctl_getflags(file).ok());
        flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
    };
    paths.retain(|path| path.symlink_metadata().is_ok_and(|it| !it.is_symlink()));
    paths.retain(is_immutable);
    let wrong = paths.into_iter().map(|path| {
        let found = format!("{} is immutable", path.display());
        (found, format!("chattr -ia {}", quoted(&path)))
    });
    wrong.collect()
}

fn read_only(base: &Path) -> Option<(String, String)> {
    let there = base.ancestors().find(|path| path.exists())?;
    let flags = rustix::fs::statvfs(there).ok()?.f_flag;
    let at = mount_point(there);
    flags
        .contains(rustix::fs::StatVfsMountFlags::RDONLY)
        .then(|| {
            (
                format!("the file system at {} is mounted read-only", at.display()),
                format!("mount -o remount,rw {}", quoted(&at)),
            )
        })
}

/// The published files that are there.
fn published(scene: &Scene<'_>) -> Vec<PathBuf> {
    let layout = &scene.layout;
    let mut paths = vec![layout.manifest()];
    if let Some(manifest) = &scene.manifest {
        for (category, entry) in &manifest.categories {
            paths.push(layout.v2(*category));
            if entry.legacy.is_some() {
                paths.push(layout.legacy(*category));
            }
        }
    }
    paths.retain(|path| path.symlink_metadata().is_ok());
    paths
}

fn reading(scene: &Scene<'_>, way: &[PathBuf]) -> Check {
    let config = &scene.around.effective.config;
    let (file_mode, directory_mode) = (config.file_mode, config.directory_mode);
    // Where the configuration keeps others out, readers are members of the group.
    let everybody = file_mode & 0o004 != 0 && directory_mode & 0o005 == 0o005;
    let (class, shift, who) = if everybody {
        ("o", 0, "other users")
    } else {
        ("g", 3, "members of its group")
    };
    let allows = |metadata: &Metadata, wanted: u32| {
        // What is open to all is open to members as well, where the group is another one.
        let mode = metadata.mode();
        let of_class = (mode >> shift) & wanted == wanted;
        of_class || (!everybody && mode & wanted == wanted)
    };
    let mut wrong = Wrong::new();
    let mut look = |path: &Path, wanted: u32, verb: &str, letters: &str| {
        let at = path.display();
        match fs::metadata(path) {
            Ok(metadata) if !allows(&metadata, wanted) => wrong.push((
                format!("{who} may not {verb} {at} ({})", shown(&metadata)),
                format!("chmod {class}+{letters} {}", quoted(path)),
            )),
            _ => {}
        }
    };
    for directory in way {
        look(directory, ENTER, "pass", "x");
    }
    look(scene.base(), READ | ENTER, "read", "rx");
    look(&scene.layout.legacy_directory(), READ | ENTER, "read", "rx");
    let files = published(scene);
    for file in &files {
        look(file, READ, "read", "r");
    }
    Check::of("read access", wrong, || {
        format!("{who} may read all {} published files", files.len())
    })
}

fn audit(scene: &Scene<'_>) -> Check {
    let path = scene.layout.audit();
    let (at, name) = (path.display(), "audit directory");
    let why = "Python workers under another user do not start without it";
    let make = format!("mkdir -m 0755 {}", quoted(&path));
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Check::good(name, format!("{at} is there")),
        _ if path.symlink_metadata().is_ok() => {
            let aside = quoted(&path.with_file_name("audit.old"));
            let cure = format!("mv {} {aside} && {make}", quoted(&path));
            Check::bad(name, format!("{at} is no directory: {why}"), cure)
        }
        _ => Check::bad(name, format!("{at} is missing: {why}"), make),
    }
}
