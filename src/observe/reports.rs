//! The files that a process writes about itself and its mirror: status and metrics; a daemon's and a `sync`'s alike.
//!
//! 1. They are for information: replaced atomically, not fsynced, and their failure changes nothing. It is said once.
//! 2. Their mode is that of all to read, whatever that of published files: monitoring runs as another user.
//! 3. A process that stands by leaves the writer's files alone: its status has a name of its own in the mirror, and the
//!    metrics are the writer's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::metrics::{self, Measured};
use crate::backend::GithubBackend;
use crate::clock;
use crate::disk::{self, Placement};
use crate::ledger::process::Process;
use crate::ledger::status::{About, ForcedCycle, Role, Status, path_for_writer, paths};

/// The mode of the files (invariant 2).
const READABLE: u32 = 0o644;

/// What writes them.
#[derive(Debug)]
pub struct Reports {
    backend: Arc<GithubBackend>,
    /// `$RUNTIME_DIRECTORY`
    runtime_directory: Option<OsString>,
    /// When the process started.
    since: Timestamp,
    /// The files that could not be written the last time.
    unwritten: BTreeSet<PathBuf>,
}

impl Reports {
    /// Reports of a mirror; nothing is written yet.
    #[must_use]
    pub fn new(backend: &Arc<GithubBackend>, runtime_directory: Option<OsString>) -> Self {
        Self {
            backend: Arc::clone(backend),
            runtime_directory,
            since: clock::now(),
            unwritten: BTreeSet::new(),
        }
    }

    /// What the process before this one wrote; not what one wrote that stood by, which had nothing of its own.
    #[must_use]
    pub fn earlier(&self) -> Option<Status> {
        let base = self.backend.layout().base();
        let path = path_for_writer(self.runtime_directory.as_deref(), base);
        let earlier = Status::read(&path).ok()?;
        (earlier.role != Role::Standby).then_some(earlier)
    }

    /// The status as of now.
    #[must_use]
    pub fn status(
        &self,
        role: Role,
        next_poll: Option<Timestamp>,
        last_forced: Option<ForcedCycle>,
    ) -> Status {
        let about = About {
            process: Process::current(),
            since: self.since,
            role,
            base_path: self.backend.config().base_path.clone(),
            next_poll,
            last_forced,
        };
        Status::of(&self.backend.ledger(), about, clock::now())
    }

    /// Writes the status to every place that is this role's.
    pub fn write_status(&mut self, status: &Status) {
        let runtime = self.runtime_directory.as_deref();
        let base = self.backend.layout().base();
        let bytes = status.to_bytes();
        for path in paths(status.role, runtime, base) {
            self.write(&path, &bytes);
        }
    }

    /// Writes the metrics, if they are wanted and this role's.
    pub fn write_metrics(&mut self, role: Role, watch_events: &[(&'static str, u64)]) {
        let path = self.backend.config().metrics_file.clone();
        let Some(path) = path.filter(|_| role != Role::Standby) else {
            return;
        };
        let traffic = self.backend.hosts().traffic();
        let text = metrics::render(&Measured {
            ledger: &self.backend.ledger(),
            now: clock::now(),
            requests: &traffic.by_upstream,
            downloaded_bytes: traffic.downloaded_bytes,
            watch_events,
        });
        self.write(&path, text.as_bytes());
    }

    /// Removes what this process said while it stood by: a file that stays behind names a process that writes.
    pub fn forget_standby(&self) {
        let runtime = self.runtime_directory.as_deref();
        if runtime.is_none() {
            for path in paths(Role::Standby, runtime, self.backend.layout().base()) {
                let _ = disk::remove(&path);
            }
        }
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) {
        let placement = Placement {
            mode: READABLE,
            previous: None,
            durable: false,
        };
        match disk::replace(path, bytes, placement) {
            Ok(_) => {
                self.unwritten.remove(path);
            }
            Err(error) if self.unwritten.insert(path.to_owned()) => {
                let error = crate::error::chain(&error);
                tracing::error!(path = %path.display(), "cannot write our own report: {error}");
            }
            Err(_) => {}
        }
    }
}
