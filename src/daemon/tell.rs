//! What the daemon tells: the supervisor, the status file, the metrics file, the log.

mod standby;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch::Receiver;

use crate::backend::{GithubBackend, Role};
use crate::category::Category;
use crate::clock;
use crate::config::Ready;
use crate::depth::Depth;
use crate::disk::{self, DiskError, Links, Placement};
use crate::mirror::Digest;
use crate::mirror::layout::READABLE;
use crate::observe::board::{Board, Occasion};
use crate::observe::metrics::{self, MetricsSnapshot};
use crate::observe::process::Process;
use crate::observe::status::{self, ForcedCycle, Status};
use crate::observe::systemd::Notifier;
use crate::pipeline::{CategoryReport, Report};
use crate::trigger::watch::Watch;

pub(super) struct Teller {
    backend: Arc<GithubBackend>,
    board: Board,
    notifier: Notifier,
    next_poll: Receiver<Option<Timestamp>>,
    runtime_directory: Option<OsString>,
    since: Timestamp,
    ready: bool,
    /// RELOADING was told, and the READY that ends it was not.
    owes_ready: bool,
    begun_us: u64,
    last_forced: Option<ForcedCycle>,
    role: Role,
    /// The writer that this daemon last followed: the one whose last words it goes on from.
    followed: Option<Process>,
    troubles: Troubles,
}

/// Which of our own reports cannot be written; each is complained about once.
#[derive(Default)]
struct Troubles {
    status: bool,
    metrics: bool,
}

impl Teller {
    pub(super) fn new(
        backend: &Arc<GithubBackend>,
        next_poll: Receiver<Option<Timestamp>>,
        runtime_directory: Option<OsString>,
    ) -> Self {
        let earlier =
            status::path_for_writer(runtime_directory.as_deref(), backend.layout().base());
        // What a daemon that stood by wrote is not its own.
        let earlier = Status::read(&earlier)
            .ok()
            .filter(|earlier| earlier.role == status::Role::Writer)
            .filter(|_| backend.role() == Role::Writer);
        let mut board = Board::resume(earlier.as_ref(), standby::held_until(backend));
        for (category, entry) in backend.manifest().unwrap_or_default().categories {
            if backend.layout().v2(category).exists() {
                board.published(category, &entry);
            }
        }
        Self {
            notifier: Notifier::from_env(),
            since: clock::now(),
            ready: false,
            owes_ready: false,
            begun_us: 0,
            last_forced: None,
            role: backend.role(),
            followed: None,
            troubles: Troubles::default(),
            backend: Arc::clone(backend),
            runtime_directory,
            next_poll,
            board,
        }
    }

    pub(super) fn started(&mut self, watch: &Watch) {
        let config = self.backend.config();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            pid = std::process::id(),
            user = disk::user(),
            base_path = %config.base_path.display(),
            url = %config.first_upstream().origin,
            role = role_name(self.role),
            watch = watch.backend().name(),
            "horde-refd has started"
        );
        let ready = config.ready;
        match self.role {
            Role::Standby => {
                self.follow();
                self.notifier.status(&self.summary());
            }
            Role::Writer => {
                let summary = self.summary();
                self.notifier
                    .status(&format!("waiting for the first poll: {summary}"));
            }
        }
        let usable = match ready {
            Ready::Settled => self.role == Role::Standby || self.holds_good_files(),
            Ready::Complete => self.holds_good_files(),
        };
        if usable {
            self.get_ready();
        }
        self.write_status();
    }

    /// Whether every category is published and on disk as the manifest says.
    fn holds_good_files(&self) -> bool {
        let Some(manifest) = self.backend.manifest() else {
            return false;
        };
        Category::with_legacy().all(|category| {
            let published = manifest.categories.get(&category);
            let bytes = disk::read(&self.backend.layout().v2(category), Links::Follow, READABLE).ok().flatten();
            matches!((published, bytes), (Some(entry), Some(bytes)) if entry.v2.sha256 == Digest::of(&bytes))
        })
    }

    fn get_ready(&mut self) {
        self.ready = true;
        self.owes_ready = false;
        self.notifier.ready();
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
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
        // Before the first READY there is nothing to reload from.
        if self.ready {
            self.notifier.reloading();
            self.owes_ready = true;
        }
    }

    pub(super) fn stopping(&self) {
        self.notifier.stopping();
    }

    /// The role may have changed between two cycles.
    pub(super) fn took_over(&mut self) {
        self.note_role();
        self.write_status();
    }

    fn note_role(&mut self) {
        let role = self.backend.role();
        if role != self.role {
            tracing::warn!(
                role = role_name(role),
                "the role on this mirror has changed"
            );
            self.role = role;
            if role == Role::Writer {
                self.lead();
            }
        }
    }

    pub(super) fn begin(&mut self) {
        self.begun_us = clock::monotonic_us();
    }

    /// A cycle that still waits for the upstream has put a category's files in order.
    pub(super) fn mended(&mut self, category: Category, report: &CategoryReport) {
        self.note_role();
        self.board.mended(category, report, clock::now());
        self.write_status();
        if !self.ready && self.holds_good_files() {
            self.get_ready();
        }
    }

    /// A cycle is over; `settled` tells that no asked-for refresh is outstanding.
    pub(super) fn settle(&mut self, depth: Depth, report: &Report, watch: &Watch, settled: bool) {
        self.note_role();
        match self.role {
            Role::Writer => {
                let occasion = Occasion {
                    polled: depth >= Depth::Poll,
                    superseded: !settled,
                };
                self.board.apply(report, occasion, clock::now());
            }
            Role::Standby => {
                self.follow();
                self.board.followed();
            }
        }
        if depth == Depth::Force {
            self.last_forced = Some(ForcedCycle {
                began_monotonic_us: self.begun_us,
                ended_monotonic_us: clock::monotonic_us(),
                exit_code: match self.role {
                    Role::Writer => u8::from(!report.is_complete()),
                    // As `sync` says that another writer holds the mirror.
                    Role::Standby => 3,
                },
            });
            say_holds(report);
        }
        tracing::debug!(
            depth = depth.name(),
            elapsed_ms = report.elapsed.as_secs_f64() * 1e3,
            changed = report.changed().len(),
            "a cycle is over"
        );
        self.write_status();
        self.write_metrics(watch);
        let complete = self.board.is_complete();
        let usable = match self.backend.config().ready {
            Ready::Settled => true,
            Ready::Complete => complete,
        };
        // The first READY waits for no refresh that was asked for meanwhile: no RELOADING was told for that.
        let reloaded = self.owes_ready && settled;
        if reloaded || (!self.ready && usable) {
            self.get_ready();
        }
        self.notifier.status(&self.summary());
    }

    fn summary(&self) -> String {
        let next = *self.next_poll.borrow();
        let standby = if self.role == Role::Standby {
            "standing by: "
        } else {
            ""
        };
        format!("{standby}{}", self.board.summary(next))
    }

    /// SIGUSR1: the status, a line a category.
    pub(super) fn dump(&self) {
        tracing::info!(
            role = role_name(self.role),
            cycles = self.board.cycles(),
            "status: {}",
            self.summary()
        );
        let stale_after = self.backend.config().stale_after;
        for (category, status) in self.status().categories {
            tracing::info!(
                category = category.name(),
                state = status.state_at(clock::now(), stale_after).as_str(),
                models = status.models.unwrap_or_default(),
                failures = status.consecutive_failures,
                error = status.last_error.as_deref().unwrap_or_default(),
                "status of a category"
            );
        }
    }

    fn status(&self) -> Status {
        let config = self.backend.config();
        let next_poll = *self.next_poll.borrow();
        Status {
            format: 1,
            process: Process::current(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            role: match self.role {
                Role::Writer => status::Role::Writer,
                Role::Standby => status::Role::Standby,
            },
            base_path: config.base_path.clone(),
            upstream: config.first_upstream().origin.to_string(),
            updated_at: clock::now(),
            next_poll,
            last_forced: self.last_forced,
            cycles: self.board.cycles(),
            stale_after_seconds: config.stale_after.as_secs(),
            held_until: self.backend.hosts().limits(),
            categories: self.board.statuses(next_poll),
        }
    }

    /// The status file's place. A daemon that stands by without a directory of its own leaves the writer's file alone.
    fn status_file(&self, role: Role) -> PathBuf {
        let runtime = self.runtime_directory.as_deref();
        let path = status::path_for_writer(runtime, self.backend.layout().base());
        match role {
            Role::Standby if runtime.is_none() => path.with_file_name("status.standby.json"),
            _ => path,
        }
    }

    pub(super) fn write_status(&mut self) {
        let bytes = self.status().to_bytes();
        let written = disk::replace(&self.status_file(self.role), &bytes, NOTES);
        complain_once(&mut self.troubles.status, "status", written.err());
    }

    /// Only the writer's: a daemon that stands by shares its configuration and knows less.
    fn write_metrics(&mut self, watch: &Watch) {
        if self.role == Role::Standby {
            return;
        }
        let Some(path) = self.backend.config().metrics_file.clone() else {
            return;
        };
        let mut snapshot = MetricsSnapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..MetricsSnapshot::default()
        };
        self.board.measure(
            &mut snapshot,
            clock::now(),
            self.backend.config().stale_after,
        );
        let traffic = self.backend.hosts().traffic();
        snapshot.downloaded_bytes = traffic.downloaded_bytes;
        snapshot.upstream_requests = traffic.requests();
        // The family is there before the first request is.
        snapshot
            .upstream_requests
            .entry("200".to_owned())
            .or_default();
        snapshot.watch_events = watch
            .counts()
            .iter()
            .map(|(kind, count)| (kind.name().to_owned(), count))
            .collect();
        let text = metrics::render(&snapshot);
        let written = disk::replace(&path, text.as_bytes(), NOTES);
        complain_once(&mut self.troubles.metrics, "metrics", written.err());
    }
}

/// How status and metrics are written; their readers are monitors, not those of the mirror.
const NOTES: Placement<'static> = Placement {
    mode: 0o644,
    previous: None,
    durable: false,
};

fn complain_once(trouble: &mut bool, file: &'static str, error: Option<DiskError>) {
    match error {
        Some(error) if !*trouble => {
            tracing::error!(
                file,
                error = crate::error::chain(&error),
                "cannot write our own report"
            );
            *trouble = true;
        }
        Some(_) => {}
        None => *trouble = false,
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Writer => "writer",
        Role::Standby => "standby",
    }
}

/// A refresh that somebody asked for and that a rate limit holds back is worth a line each time.
fn say_holds(report: &Report) {
    let until = report
        .categories
        .values()
        .filter_map(|fared| fared.held_until)
        .max();
    if let Some(until) = until {
        tracing::warn!(%until, "the refresh that was asked for could not be done: the upstream's host limits our requests until then");
    }
}
