//! Which process wrote something, and whether it still runs: not to be confused with a later process with the same pid.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process, so that a reader on another host or after a reboot is not fooled by the pid alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process id, on its host.
    pub pid: u32,
    /// The host's name.
    #[serde(default)]
    pub host: String,
    /// The kernel's id of this boot; empty where it has none.
    #[serde(default)]
    pub boot_id: String,
    /// When the process started, in clock ticks since the boot; 0 where that is not known.
    #[serde(default)]
    pub start_ticks: u64,
    /// The PID namespace that `pid` is a number of; 0 where that is not known.
    #[serde(default)]
    pub pid_namespace: u64,
}

impl Process {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            host: host(),
            boot_id: boot_id(),
            start_ticks: start_ticks(pid).unwrap_or(0),
            pid_namespace: pid_namespace(),
        }
    }

    /// Whether the process still runs; nothing where its pid means nothing: on another host, and in another PID
    /// namespace (a container) of this one.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        if !self.host.is_empty() && self.host != host() {
            return None;
        }
        if !self.boot_id.is_empty() && self.boot_id != boot_id() {
            return Some(false);
        }
        let (theirs, ours) = (self.pid_namespace, pid_namespace());
        if theirs != 0 && ours != 0 && theirs != ours {
            return None;
        }
        let raw = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let Some(pid) = raw else {
            return Some(false);
        };
        // A process of another user may not be signalled, and that it says so proves that it is there.
        let exists = !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
        let same = match start_ticks(self.pid) {
            Ok(ticks) if self.start_ticks != 0 => ticks == self.start_ticks,
            _ => true,
        };
        Some(exists && same)
    }

    /// Whether the process that is `pid` here is this one, seen from outside of its PID namespace; nothing where `/proc`
    /// does not say.
    #[must_use]
    pub fn is_seen_as(&self, pid: u32) -> Option<bool> {
        if self.start_ticks == 0 || self.boot_id.is_empty() {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let numbers = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))?;
        let innermost = numbers.split_ascii_whitespace().next_back()?;
        let same = innermost.parse() == Ok(self.pid)
            && start_ticks(pid).ok()? == self.start_ticks
            && boot_id() == self.boot_id;
        Some(same)
    }
}

fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

fn boot_id() -> String {
    let read = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map(|id| id.trim().to_owned()).unwrap_or_default()
}

fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// The 22nd field of `/proc/PID/stat`; the second, the program's name, may itself hold spaces and parentheses.
fn start_ticks(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let field = after_name.split(' ').nth(19).unwrap_or_default();
    field.parse().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_process_is_alive() {
        let me = Process::current();
        assert!(me.start_ticks > 0 && !me.host.is_empty());
        let with = |change: fn(&mut Process)| {
            let mut other = me.clone();
            change(&mut other);
            other.is_alive()
        };
        assert_eq!(with(|_| {}), Some(true));
        assert_eq!(with(|p| p.pid = 0), Some(false));
        assert_eq!(with(|p| p.pid = 0x3fff_ffff), Some(false));
        assert_eq!(with(|p| p.start_ticks += 1), Some(false), "a recycled pid");
        assert_eq!(
            with(|p| p.boot_id = "before".into()),
            Some(false),
            "a reboot"
        );
        assert_eq!(with(|p| p.host = "elsewhere".into()), None);
        assert_eq!(with(|p| p.start_ticks = 0), Some(true));
        assert_eq!(with(|p| p.pid_namespace += 1), None, "another container");
        assert_eq!(with(|p| p.pid_namespace = 0), Some(true));
    }

    #[test]
    fn a_process_is_known_again_by_its_start() {
        let me = Process::current();
        assert_eq!(me.is_seen_as(me.pid), Some(true));
        let mut other = me.clone();
        other.start_ticks += 1;
        assert_eq!(other.is_seen_as(me.pid), Some(false));
        other.start_ticks = 0;
        assert_eq!(other.is_seen_as(me.pid), None);
        assert_eq!(me.is_seen_as(0x3fff_ffff), None);
    }

    #[test]
    fn a_process_that_ended_is_not_alive() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let process = Process {
            pid: child.id(),
            start_ticks: start_ticks(child.id()).unwrap(),
            ..Process::current()
        };
        assert_eq!(process.is_alive(), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process.is_alive(), Some(false));
    }
}
