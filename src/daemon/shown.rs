//! What is shown of the daemon: the supervisor, the status file, the metrics file, all read from the ledger.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch::Receiver;

use super::ready::{Input, Notice, Ready};
use crate::backend::{self, GithubBackend};
use crate::category::Category;
use crate::clock;
use crate::cycle::Report;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::disk::{self, Links};
use crate::ledger::status::{Role, SPEAKS};
use crate::mirror::layout::READABLE;
use crate::observe::reports::Reports;
use crate::observe::systemd::Notifier;
use crate::trigger::watch::Watch;

pub(super) struct Shown {
    backend: Arc<GithubBackend>,
    reports: Reports,
    notifier: Notifier,
    ready: Ready,
    next_poll: Receiver<Option<Timestamp>>,
    /// When a poll comes before the schedule's.
    again: Option<Timestamp>,
    /// The role as it was last shown.
    role: Role,
    /// When the status was last written, or a cycle began.
    spoke: Instant,
}

impl Shown {
    pub(super) fn new(
        backend: &Arc<GithubBackend>,
        next_poll: Receiver<Option<Timestamp>>,
        runtime_directory: Option<OsString>,
    ) -> Self {
        let reports = Reports::new(backend, runtime_directory);
        match backend.role() {
            backend::Role::Writer => backend.resume(reports.earlier().as_ref()),
            backend::Role::Standby => backend.follow_writer(),
        }
        Self {
            reports,
            notifier: Notifier::from_env(),
            ready: Ready::new(backend.config().ready),
            next_poll,
            again: None,
            role: role(backend),
            spoke: clock::instant(),
            backend: Arc::clone(backend),
        }
    }

    pub(super) fn started(&mut self, watch: &Watch) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            pid = std::process::id(),
            base_path = %self.backend.config().base_path.display(),
            upstreams = names(&self.backend),
            role = self.role.as_str(),
            watch = watch.backend().name(),
            "horde-refd has started"
        );
        let input = Input::Started {
            good: self.holds_good_files(),
            standby: self.role == Role::Standby,
        };
        self.say(input);
        self.write_status();
    }

    /// Whether every category is published and on disk as the manifest says.
    fn holds_good_files(&self) -> bool {
        let Some(manifest) = self.backend.manifest() else {
            return false;
        };
        Category::with_legacy().all(|category| {
            let published = manifest.categories.get(&category);
            let path = self.backend.layout().v2(category);
            let bytes = disk::read(&path, Links::Follow, READABLE).ok().flatten();
            matches!((published, bytes), (Some(entry), Some(bytes)) if entry.v2.sha256 == Digest::of(&bytes))
        })
    }

    fn say(&mut self, input: Input) {
        for notice in self.ready.take(input) {
            match notice {
                Notice::Ready => self.notifier.ready(),
                Notice::Reloading => self.notifier.reloading(),
                Notice::Status => self.notifier.status(&self.summary()),
            }
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.is_ready()
    }

    pub(super) fn is_reloading(&self) -> bool {
        self.ready.is_reloading()
    }

    pub(super) fn ask_for_patience(&self) {
        self.notifier.extend_timeout(Duration::from_mins(1));
    }

    pub(super) fn watchdog_interval(&self) -> Option<Duration> {
        self.notifier.watchdog_interval()
    }

    pub(super) fn alive(&self) {
        self.notifier.watchdog();
    }

    pub(super) fn reloading(&mut self) {
        self.say(Input::ReloadAsked);
    }

    pub(super) fn stopping(&self) {
        self.notifier.stopping();
    }

    /// The role, or what the followed writer says, may have changed between two cycles.
    pub(super) fn took_over(&mut self) {
        self.note_role();
        self.write_status();
    }

    fn note_role(&mut self) {
        let role = role(&self.backend);
        if role == self.role {
            return;
        }
        let name = role.as_str();
        if role == Role::Writer {
            tracing::warn!(
                role = name,
                "the writer of this mirror is gone; this daemon takes over"
            );
        } else {
            tracing::warn!(
                role = name,
                "another process writes this mirror now; this daemon stands by"
            );
        }
        self.role = role;
        if role == Role::Writer {
            self.reports.forget_standby();
        }
    }

    /// A cycle has ended, after which a poll comes after this pause if the schedule makes none before.
    pub(super) fn polls_again(&mut self, pause: Option<Duration>) {
        self.again = pause.and_then(|pause| clock::now().checked_add(pause).ok());
    }

    /// When the next poll is due: by the schedule, or before it.
    fn next_poll(&self) -> Option<Timestamp> {
        let scheduled = *self.next_poll.borrow();
        scheduled.into_iter().chain(self.again).min()
    }

    pub(super) fn begins(&mut self) {
        self.spoke = clock::instant();
        self.ready.begins(clock::monotonic_us());
    }

    /// A cycle that still waits for an upstream has put files in order.
    pub(super) fn mended(&mut self) {
        self.note_role();
        self.write_status();
        if !self.ready.is_ready() {
            let good = self.holds_good_files();
            self.say(Input::Mended { good });
        }
    }

    /// A cycle runs for long: the daemon lives.
    pub(super) fn works(&mut self) {
        if clock::since(self.spoke) >= SPEAKS {
            self.write_status();
        }
    }

    /// A cycle is over; `superseded`: a forced one waits.
    pub(super) fn ended(&mut self, depth: Depth, report: &Report, watch: &Watch, superseded: bool) {
        self.note_role();
        let exit_code = match self.role {
            // As `sync` says that another writer holds the mirror.
            Role::Standby => 3,
            Role::Writer | Role::Once => u8::from(!report.is_complete()),
        };
        self.ready.ends(depth, clock::monotonic_us(), exit_code);
        if depth == Depth::Force {
            say_limits(report);
        }
        tracing::debug!(
            depth = depth.name(),
            elapsed_ms = clock::milliseconds(report.elapsed),
            changed = report.changed().len(),
            "a cycle is over"
        );
        self.write_status();
        let counts = watch.counts().iter();
        let counts: Vec<_> = counts.map(|(kind, count)| (kind.name(), count)).collect();
        self.reports.write_metrics(self.role, &counts);
        let complete = self.backend.ledger().is_complete();
        self.say(Input::Over {
            complete,
            superseded,
        });
    }

    fn summary(&self) -> String {
        let next = self.next_poll();
        let ledger = self.backend.ledger();
        let summary = ledger.summary(clock::now(), next);
        match self.role {
            Role::Standby => format!("on standby: {summary}"),
            _ if ledger.cycles == 0 => format!("waiting for the first poll: {summary}"),
            _ => summary,
        }
    }

    /// SIGUSR1: the status, a line a category.
    pub(super) fn dump(&self) {
        let status = self.reports.status(self.role, self.next_poll(), None);
        tracing::info!(
            role = self.role.as_str(),
            cycles = status.cycles,
            "status: {}",
            self.summary()
        );
        for (category, status) in &status.categories {
            let (name, state) = (category.name(), status.state.as_str());
            let error = status.last_error.as_deref();
            let why = error.map_or(String::new(), |error| format!(": {error}"));
            tracing::info!(
                category = name,
                state,
                models = status.models,
                failures = status.consecutive_failures,
                "{name} is {state}{why}"
            );
        }
        for (path, status) in &status.files {
            let state = status.state.as_str();
            let error = status.last_error.as_deref();
            let why = error.map_or(String::new(), |error| format!(": {error}"));
            tracing::info!(state, "{path} is {state}{why}");
        }
    }

    fn write_status(&mut self) {
        let next_poll = self.next_poll();
        let last_forced = self.ready.last_forced();
        let status = self.reports.status(self.role, next_poll, last_forced);
        self.reports.write_status(&status);
        self.spoke = clock::instant();
    }
}

fn role(backend: &GithubBackend) -> Role {
    match backend.role() {
        backend::Role::Writer => Role::Writer,
        backend::Role::Standby => Role::Standby,
    }
}

fn names(backend: &GithubBackend) -> String {
    let names: Vec<_> = backend
        .upstreams()
        .map(crate::upstream::Upstream::name)
        .collect();
    names.join(",")
}

/// A refresh that was asked for and that a rate limit keeps from being done is worth a line each time.
fn say_limits(report: &Report) {
    let limits = report.items.values().filter_map(|item| item.limited_until);
    if let Some(until) = limits.max() {
        tracing::warn!(%until, "the refresh that was asked for could not be done: the upstream's host limits our requests until {until:.0}");
    }
}
