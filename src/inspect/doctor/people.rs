//! Users, and what the mode of a file lets them do.
//!
//! 1. Modes alone are judged: an access list only narrows what its mask, the group bits, shows of named users.
//! 2. Users are those of `/etc/passwd` and `/etc/group`; other sources are not asked.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::disk::user_name;

/// A user with groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) groups: Vec<u32>,
}

pub(super) const READ: u32 = 0o4;
pub(super) const WRITE: u32 = 0o2;
pub(super) const ENTER: u32 = 0o1;

impl User {
    /// The user of this process.
    pub(super) fn me() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let mut groups = vec![rustix::process::getegid().as_raw()];
        let more = rustix::process::getgroups().unwrap_or_default();
        groups.extend(more.into_iter().map(rustix::process::Gid::as_raw));
        Self {
            name: user_name(uid),
            uid,
            groups,
        }
    }

    /// The user that a process runs as.
    pub(super) fn of_process(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Self::in_status(&status)
    }

    fn in_status(status: &str) -> Option<Self> {
        let numbers = |key: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let numbers = line.split_ascii_whitespace();
            Some(numbers.filter_map(|number| number.parse().ok()).collect())
        };
        // The second number is the effective one.
        let uid = *numbers("Uid:")?.get(1)?;
        let mut groups = vec![*numbers("Gid:")?.get(1)?];
        groups.extend(numbers("Groups:").unwrap_or_default());
        Some(Self {
            name: user_name(uid),
            uid,
            groups,
        })
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        Self::in_files(&users, &groups, |fields| {
            fields.first() == Some(&name) || fields.get(2) == Some(&name)
        })
    }

    /// A user by number; one without a line in `/etc/passwd` has no groups.
    pub(super) fn with_uid(uid: u32) -> Self {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let number = uid.to_string();
        let found = Self::in_files(&users, &groups, |fields| {
            fields.get(2) == Some(&number.as_str())
        });
        found.unwrap_or(Self {
            name: number,
            uid,
            groups: Vec::new(),
        })
    }

    fn in_files(users: &str, groups: &str, wanted: impl Fn(&[&str]) -> bool) -> Option<Self> {
        let mut lines = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| wanted(fields))?;
        let name = (*fields.first()?).to_owned();
        let mut of = vec![fields.get(3)?.parse().ok()?];
        for line in groups.lines() {
            let fields: Vec<_> = line.split(':').collect();
            let members = fields.get(3).copied().unwrap_or_default();
            if members.split(',').any(|member| member == name) {
                of.extend(fields.get(2).and_then(|id| id.parse::<u32>().ok()));
            }
        }
        Some(Self {
            uid: fields.get(2)?.parse().ok()?,
            groups: of,
            name,
        })
    }

    pub(super) const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether a mode allows all of `wanted`. Root is asked no mode.
    pub(super) fn may(&self, wanted: u32, metadata: &impl MetadataExt) -> bool {
        let mode = metadata.mode();
        let bits = if self.is_root() {
            return true;
        } else if metadata.uid() == self.uid {
            mode >> 6
        } else if self.groups.contains(&metadata.gid()) {
            mode >> 3
        } else {
            mode
        };
        bits & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_effective_user_and_all_groups() {
        let status = "Name:\tx\nUid:\t1\t998\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n";
        let user = User::in_status(status).unwrap();
        assert_eq!((user.uid, user.groups), (998, vec![6, 9, 10]));
        assert_eq!(User::in_status("Name:\tx\n"), None);
        let me = User::of_process(std::process::id()).unwrap();
        assert_eq!(me.uid, User::me().uid);
    }

    #[test]
    fn a_name_and_a_number_find_a_user() {
        let users = "root:x:0:0::/root:/bin/sh\nhorde:x:998:997::/:/bin/false\n";
        let groups = "root:x:0:\nworkers:x:50:bob,horde\nothers:x:51:bob\n";
        let find =
            |name: &str| User::in_files(users, groups, |fields| fields.first() == Some(&name));
        let horde = find("horde").unwrap();
        assert_eq!((horde.uid, horde.groups), (998, vec![997, 50]));
        assert_eq!(find("alice"), None);
    }

    #[test]
    fn the_class_of_a_user_decides_and_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        std::fs::write(&file, "").unwrap();
        let (uid, gid) = (
            std::fs::metadata(&file).unwrap().uid(),
            std::fs::metadata(&file).unwrap().gid(),
        );
        let user = |uid, groups: &[u32]| User {
            name: String::new(),
            uid,
            groups: groups.to_vec(),
        };
        let stranger = uid + 7000;
        for (mode, user, wanted, expected) in [
            (0o604, user(stranger, &[]), READ, true),
            (0o640, user(stranger, &[]), READ, false),
            (0o640, user(stranger, &[gid]), READ, true),
            // The group's bits count for its members, even when others may more.
            (0o604, user(stranger, &[gid]), READ, false),
            (0o755, user(stranger, &[]), READ | ENTER, true),
            (0o755, user(stranger, &[]), WRITE, false),
            (0o000, user(0, &[]), WRITE, true),
        ] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let metadata = std::fs::metadata(&file).unwrap();
            assert_eq!(user.may(wanted, &metadata), expected, "{mode:o} {user:?}");
        }
    }
}
