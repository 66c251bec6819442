//! The daemon of a mirror: found by its status file, proven to live, asked for a refresh.
//!
//! 1. A pid alone proves nothing. A daemon lives when the process of its status file still is that very process.
//! 2. Where pids mean nothing (another host, another PID namespace) the writer's lock is the truth about who lives.
//!    A free lock proves that the writer is gone where every process sees the same locks; on a network file system,
//!    which may keep locks to each host, the daemon's last words count until they are older than `stale_after`.
//! 3. A daemon is signalled only under a pid that was proven to be its own.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use super::published;
use crate::clock;
use crate::ledger::age;
use crate::ledger::status::{self, Role, Status, StatusError};
use crate::mirror::Layout;
use crate::mirror::lock::{self, Held};
use crate::trigger::watch::filesystem::{self, Visibility};

/// How often the status file is looked at while a refresh is waited for; it is written once a cycle.
const LOOK: Duration = Duration::from_millis(20);

/// A daemon that runs, or ran, on a mirror.
#[derive(Debug, Clone)]
pub struct Daemon {
    base_path: PathBuf,
    file: PathBuf,
    status: Status,
    lock: LockView,
}

/// Whether a daemon lives, and how it can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs, and has this pid for the process that asks.
    Here(u32),
    /// It runs where its pid means nothing here: on another host or in another PID namespace.
    Elsewhere,
    /// It was a `sync`, which is over and need not run.
    Once,
    /// It does not run.
    Gone,
}

/// What the writer's lock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LockView {
    held: Option<Held>,
    /// Whether every process that could hold it would be seen.
    certain: bool,
}

/// There is no daemon to be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No daemon has written a status.
    #[error("no daemon has run on the mirror {} (looked for {}); start one with `horde-refd run`, or refresh once with `horde-refd sync`", mirror.display(), list(looked_at))]
    NeverRan {
        /// The mirror.
        mirror: PathBuf,
        /// The places where its status file could be.
        looked_at: Vec<PathBuf>,
    },
    /// A writer holds the lock, but the status file is missing.
    #[error("a writer holds the mirror {}{}, but its status file is missing (looked for {}), so nothing says which process to ask; send SIGHUP to the daemon, or use `systemctl reload`", mirror.display(), named(*pid), list(looked_at))]
    NoStatus {
        /// The mirror.
        mirror: PathBuf,
        /// The writer, where this process sees it.
        pid: Option<u32>,
        /// The places where its status file could be.
        looked_at: Vec<PathBuf>,
    },
    /// The status file is of no use.
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// A refresh could not be asked for, or its end was not seen.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The daemon does not run.
    #[error("the daemon of the mirror {} (process {pid}) is not running; start it with `horde-refd run`, or refresh once with `horde-refd sync`", mirror.display())]
    Gone {
        /// The mirror.
        mirror: PathBuf,
        /// The daemon that was.
        pid: u32,
    },
    /// The daemon runs, but not where this process can signal it.
    #[error("the daemon of the mirror {} (process {pid} on {host}) runs on another host or in another PID namespace, and cannot be signalled from here; run `horde-refd refresh` there", mirror.display())]
    Elsewhere {
        /// The mirror.
        mirror: PathBuf,
        /// The daemon's pid where it runs.
        pid: u32,
        /// Its host.
        host: String,
    },
    /// The signal was refused.
    #[error("cannot signal the daemon (process {pid}); run this as its user or as root")]
    Signal {
        /// The daemon.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
    /// The daemon ended first.
    #[error("the daemon (process {pid}) ended before the refresh did")]
    Ended {
        /// The daemon that was.
        pid: u32,
    },
    /// The time is over; the refresh goes on.
    #[error("the refresh was not over after {after:?}; it goes on in the daemon")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
}

impl Daemon {
    /// Finds the daemon of a mirror by its status file: in `runtime_directory` (what systemd puts into
    /// `$RUNTIME_DIRECTORY`), in the shipped unit's, or in the mirror itself.
    ///
    /// # Errors
    /// No daemon has run there, or its status file is missing or of no use.
    pub fn find(runtime_directory: Option<&OsStr>, base_path: &Path) -> Result<Self, FindError> {
        let lock = LockView::of(base_path);
        let located = status::locate(runtime_directory, base_path);
        let (mirror, looked_at) = (base_path.to_owned(), located.looked_at);
        match (located.found, lock.held) {
            (Some(file), _) => {
                let mut daemon = Self {
                    base_path: mirror,
                    status: Status::read(&file)?,
                    file,
                    lock,
                };
                let lives = matches!(daemon.life(clock::now()), Life::Here(_) | Life::Elsewhere);
                published::look(&mut daemon.status.categories, base_path, lives);
                Ok(daemon)
            }
            (None, Some(Held { pid })) => Err(FindError::NoStatus {
                mirror,
                pid,
                looked_at,
            }),
            (None, None) => Err(FindError::NeverRan { mirror, looked_at }),
        }
    }

    /// What the daemon last said about itself. Its states are as they were then ([`Status::at`]), but for files that are
    /// gone or cut since.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The status file that it was found by.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether it lives (invariants 1 and 2), as it was found.
    #[must_use]
    pub fn life(&self, now: Timestamp) -> Life {
        let seen = self.status.process.is_alive();
        let same = |pid| self.status.process.is_seen_as(pid);
        let spoke = age(self.status.updated_at, now);
        let recent = spoke.is_some_and(|age| age <= self.status.stale_after());
        life(&self.status, seen, self.lock, same, recent)
    }

    /// Asks the daemon for a forced refresh: SIGHUP. It returns when the signal is sent; [`Asked::wait`] waits for the end.
    ///
    /// # Errors
    /// It does not run, runs elsewhere, or may not be signalled by this user.
    pub fn refresh(self) -> Result<Asked, RefreshError> {
        let mirror = || self.base_path.clone();
        let named = self.status.process.pid;
        let pid = match self.life(clock::now()) {
            Life::Here(pid) => pid,
            Life::Elsewhere => {
                return Err(RefreshError::Elsewhere {
                    mirror: mirror(),
                    pid: named,
                    host: self.status.process.host,
                });
            }
            Life::Gone | Life::Once => {
                return Err(RefreshError::Gone {
                    mirror: mirror(),
                    pid: named,
                });
            }
        };
        let refused = |source| RefreshError::Signal { pid, source };
        let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let target = target.ok_or_else(|| refused(io::ErrorKind::InvalidInput.into()))?;
        let begun_us = clock::monotonic_us();
        kill_process(target, Signal::HUP).map_err(|errno| refused(errno.into()))?;
        Ok(Asked {
            base_path: self.base_path,
            file: self.file,
            begun_us,
        })
    }
}

/// A refresh that a daemon was asked for.
#[derive(Debug)]
pub struct Asked {
    base_path: PathBuf,
    file: PathBuf,
    begun_us: u64,
}

/// A refresh that is over.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// What the daemon said after it.
    pub status: Status,
    /// What `sync` would have exited with: 0, 1, or 3 where another process is the writer.
    pub exit_code: u8,
}

impl Asked {
    /// Blocks until a forced cycle that began after the request is over; for ever where there is no timeout.
    ///
    /// # Errors
    /// The daemon ended first, or the time is over.
    pub fn wait(self, timeout: Option<Duration>) -> Result<Refreshed, RefreshError> {
        let begun = clock::instant();
        loop {
            // A status file that is being replaced, or gone for a moment, is looked at again.
            if let Ok(status) = Status::read(&self.file) {
                let forced = status.last_forced;
                if let Some(forced) = forced.filter(|it| it.began_monotonic_us >= self.begun_us) {
                    return Ok(Refreshed {
                        status,
                        exit_code: forced.exit_code,
                    });
                }
                let pid = status.process.pid;
                let daemon = Daemon {
                    base_path: self.base_path.clone(),
                    status,
                    lock: LockView::of(&self.base_path),
                    file: self.file.clone(),
                };
                if daemon.life(clock::now()) == Life::Gone {
                    return Err(RefreshError::Ended { pid });
                }
            }
            if let Some(after) = timeout.filter(|timeout| clock::since(begun) > *timeout) {
                return Err(RefreshError::Timeout { after });
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl LockView {
    fn of(base_path: &Path) -> Self {
        let local = matches!(filesystem::of(base_path), Ok((_, Visibility::Full)));
        Self {
            held: lock::look(&Layout::new(base_path).lock()),
            certain: local,
        }
    }
}

/// Invariants 1 and 2. `seen` is what the pid says, `same` whether the daemon is the process that has a pid here.
fn life(
    status: &Status,
    seen: Option<bool>,
    lock: LockView,
    same: impl Fn(u32) -> Option<bool>,
    recent: bool,
) -> Life {
    // A standby holds no lock.
    let writes = status.role == Role::Writer;
    if status.role == Role::Once {
        // A sync has ended; it promised nothing.
        return Life::Once;
    }
    match (seen, lock.held) {
        (Some(true), _) => Life::Here(status.process.pid),
        (None, Some(Held { pid })) if writes => {
            match pid.map(|pid| (pid, same(pid))) {
                Some((pid, Some(true))) => Life::Here(pid),
                // Another writer, seen from here, holds what the daemon would hold.
                Some((_, Some(false))) => Life::Gone,
                _ => Life::Elsewhere,
            }
        }
        (None, _) if recent && !(writes && lock.certain) => Life::Elsewhere,
        _ => Life::Gone,
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" and ")
}

fn named(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Dir;
    use crate::inspect::sample;

    #[test]
    fn pids_first_and_where_they_mean_nothing_the_lock() {
        const FREE: LockView = LockView {
            held: None,
            certain: true,
        };
        const FREE_ON_NFS: LockView = LockView {
            held: None,
            certain: false,
        };
        const HIDDEN: LockView = LockView {
            held: Some(Held { pid: None }),
            certain: true,
        };
        const HELD: LockView = LockView {
            held: Some(Held { pid: Some(77) }),
            certain: true,
        };
        use Life::{Elsewhere, Gone, Here};
        use Role::{Standby, Writer};
        let me = std::process::id();
        // role, pid alive, lock, the holder is the daemon, spoke lately -> life
        let table = [
            // The pid is of this namespace: it decides, whatever holds the lock.
            (Writer, Some(true), FREE, None, false, Here(me)),
            (Standby, Some(true), HELD, Some(false), false, Here(me)),
            (Writer, Some(false), HELD, Some(false), true, Gone),
            (Writer, Some(false), HIDDEN, None, true, Gone),
            (Writer, Some(false), FREE, None, true, Gone),
            // It is not: the lock decides.
            (Writer, None, HELD, Some(true), false, Here(77)),
            (Writer, None, HELD, Some(false), true, Gone),
            (Writer, None, HELD, None, false, Elsewhere),
            (Writer, None, HIDDEN, None, false, Elsewhere),
            (Writer, None, FREE, None, true, Gone),
            // Locks that may not be seen here, and standbys, which hold none.
            (Writer, None, FREE_ON_NFS, None, true, Elsewhere),
            (Writer, None, FREE_ON_NFS, None, false, Gone),
            (Standby, None, HIDDEN, None, true, Elsewhere),
            (Standby, None, FREE, None, true, Elsewhere),
            (Standby, None, FREE, None, false, Gone),
        ];
        for (number, (role, seen, lock, same, recent, expected)) in table.into_iter().enumerate() {
            let mut status = sample::status();
            status.role = role;
            let found = life(&status, seen, lock, |_| same, recent);
            assert_eq!(found, expected, "row {number}: {role:?} {seen:?} {lock:?}");
        }
    }

    #[test]
    fn a_mirror_without_a_status_says_whether_a_writer_is_there() {
        let mirror = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir().unwrap();
        let find = || Daemon::find(Some(runtime.path().as_os_str()), mirror.path());
        let error = find().unwrap_err();
        assert!(matches!(error, FindError::NeverRan { .. }), "{error}");
        let private = Dir::make(&Layout::new(mirror.path()).private(), 0o755).unwrap();
        let _lock = lock::Lock::acquire(&private, 0o644).unwrap();
        let error = find().unwrap_err();
        assert!(matches!(error, FindError::NoStatus { .. }), "{error}");
        std::fs::write(runtime.path().join("status.json"), "{").unwrap();
        assert!(matches!(find().unwrap_err(), FindError::Status(_)));
    }
}
