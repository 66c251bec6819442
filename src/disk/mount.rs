//! Whether a directory that is gone, or is another one now, was unmounted: the facts and the decision.
//!
//! 1. A mirror that was unmounted is waited for: what would be made in its place lies in the bare mount point, where
//!    no reader looks and no later mount lets it be seen.
//! 2. What is mounted there now is the mirror, also when it is another file system.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::Identity;
use super::dir::identity_at;

/// Where a mirror lies, as the mount table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The directory, when it is there.
    pub identity: Option<Identity>,
    /// Every directory from the root to the mirror, links followed, with the device it lies on; `None` for what is
    /// not there.
    pub way: Vec<(PathBuf, Option<u64>)>,
}

/// What became of a mirror between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is the directory that it was, or the first look.
    Same,
    /// Another directory is the mirror now: everything is looked at anew.
    Another,
    /// It was removed, and is made again.
    Removed,
    /// What was mounted at this directory no longer is: nothing is made or written until it comes back.
    Unmounted {
        /// The mount point.
        at: PathBuf,
    },
}

impl Whereabouts {
    /// Looks where a path leads now.
    #[must_use]
    pub fn of(base: &Path) -> Self {
        let real = resolve(base);
        let mut parts: Vec<&Path> = real.ancestors().collect();
        parts.reverse();
        let device = |part: &Path| std::fs::metadata(part).ok().map(|metadata| metadata.dev());
        Self {
            identity: identity_at(base),
            way: parts
                .into_iter()
                .map(|part| (part.to_owned(), device(part)))
                .collect(),
        }
    }

    /// The deepest directory on the way whose device is not that of the directory above it.
    fn mount_point(&self) -> Option<&Path> {
        let mut pairs = self.way.iter().zip(self.way.iter().skip(1));
        let mounted = |above: Option<u64>, below: Option<u64>| below.is_some() && above != below;
        pairs
            .rfind(|((_, above), (_, below))| mounted(*above, *below))
            .map(|(_, (path, _))| path.as_path())
    }

    /// What became of the mirror since an earlier look, the last at which it was in place.
    #[must_use]
    pub fn since(&self, before: &Self) -> Presence {
        if self.identity.is_some() && self.identity == before.identity {
            return Presence::Same;
        }
        // The way may have been turned elsewhere by a link; then what was mounted on the old one does not matter,
        // unless the new one leads nowhere.
        if let Some(at) = before.mount_point() {
            let on_the_way = self.way.iter().any(|(path, _)| path == at);
            let mounts = self.way.iter().zip(self.way.iter().skip(1));
            let mounted = mounts
                .filter(|(_, (path, _))| path == at)
                .any(|((_, above), (_, below))| below.is_some() && above != below);
            if on_the_way && !mounted {
                return Presence::Unmounted { at: at.to_owned() };
            }
        }
        match self.identity {
            Some(_) => Presence::Another,
            None => Presence::Removed,
        }
    }
}

/// Where a path leads, links followed, also when its end does not exist.
fn resolve(path: &Path) -> PathBuf {
    let mut left: Vec<OsString> = Vec::new();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    push(&mut left, &absolute);
    let mut real = PathBuf::from("/");
    // As many links as the kernel follows.
    let mut links = 40;
    while let Some(name) = left.pop() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&name);
        match std::fs::read_link(&next) {
            Ok(target) if links > 0 => {
                links -= 1;
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                push(&mut left, &target);
            }
            _ => real = next,
        }
    }
    real
}

/// Puts the names of a path before those that are left to walk.
fn push(left: &mut Vec<OsString>, path: &Path) {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    left.extend(names);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(identity: Option<(u64, u64)>, way: &[(&str, Option<u64>)]) -> Whereabouts {
        Whereabouts {
            identity: identity.map(|(device, inode)| Identity { device, inode }),
            way: way
                .iter()
                .map(|(path, device)| (PathBuf::from(path), *device))
                .collect(),
        }
    }

    #[test]
    fn a_mirror_that_is_gone_or_another_differs_from_one_that_was_unmounted() {
        let unmounted = |at: &str| Presence::Unmounted { at: at.into() };
        let inside = at(
            Some((2, 9)),
            &[("/", Some(1)), ("/mnt", Some(2)), ("/mnt/m", Some(2))],
        );
        let itself = at(Some((2, 1)), &[("/", Some(1)), ("/b", Some(2))]);
        let plain = at(Some((1, 7)), &[("/", Some(1)), ("/b", Some(1))]);
        let table = [
            ("same", &inside, inside.clone(), Presence::Same),
            (
                "unmounted, and nothing below the mount point",
                &inside,
                at(None, &[("/", Some(1)), ("/mnt", Some(1)), ("/mnt/m", None)]),
                unmounted("/mnt"),
            ),
            (
                "unmounted, and a directory of that name below the mount point",
                &inside,
                at(
                    Some((1, 5)),
                    &[("/", Some(1)), ("/mnt", Some(1)), ("/mnt/m", Some(1))],
                ),
                unmounted("/mnt"),
            ),
            (
                "the mount point went too",
                &inside,
                at(None, &[("/", Some(1)), ("/mnt", None), ("/mnt/m", None)]),
                unmounted("/mnt"),
            ),
            (
                "the mirror is the mount point",
                &itself,
                at(Some((1, 3)), &[("/", Some(1)), ("/b", Some(1))]),
                unmounted("/b"),
            ),
            (
                "something else is mounted there",
                &inside,
                at(None, &[("/", Some(1)), ("/mnt", Some(3)), ("/mnt/m", None)]),
                Presence::Removed,
            ),
            (
                "something else is mounted there, with a mirror",
                &itself,
                at(Some((3, 1)), &[("/", Some(1)), ("/b", Some(3))]),
                Presence::Another,
            ),
            (
                "removed inside its mount",
                &inside,
                at(None, &[("/", Some(1)), ("/mnt", Some(2)), ("/mnt/m", None)]),
                Presence::Removed,
            ),
            (
                "removed where nothing was mounted",
                &plain,
                at(None, &[("/", Some(1)), ("/b", None)]),
                Presence::Removed,
            ),
            (
                "mounted over",
                &plain,
                at(Some((4, 1)), &[("/", Some(1)), ("/b", Some(4))]),
                Presence::Another,
            ),
            (
                "a link to the mount was turned elsewhere",
                &inside,
                at(Some((1, 8)), &[("/", Some(1)), ("/srv", Some(1))]),
                Presence::Another,
            ),
        ];
        for (what, before, now, expected) in table {
            assert_eq!(now.since(before), expected, "{what}");
        }
    }

    #[test]
    fn a_way_leads_through_links_also_to_what_does_not_exist() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        std::os::unix::fs::symlink("a/../b/c", root.join("link")).unwrap();
        std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        assert_eq!(resolve(&root.join("link/d")), root.join("b/c/d"));
        assert_eq!(resolve(&root.join("loop")), root.join("loop"));
        let now = Whereabouts::of(&root.join("link"));
        assert_eq!(now.identity, None);
        assert_eq!(now.way.last(), Some(&(root.join("b/c"), None)));
    }
}
