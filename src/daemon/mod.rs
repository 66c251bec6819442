//! The loop: a trigger starts a cycle; what it says goes to the ledger, and from there to everything that is shown.
//!
//! Invariants
//! 1. One loop owns all state; a cycle is a future that the loop polls beside its signals, so that nothing a cycle
//!    waits for (a hanging upstream, a backoff) delays a signal.
//! 2. SIGHUP while a cycle runs gives exactly one more, begun after it; it ends the waits of the running one.
//! 3. SIGTERM drops the running cycle at an await, where by the cycle's invariant 2 nothing is half-written.
//! 4. A source of triggers that dies ends the daemon with an error: a daemon that only looks alive is worse than one
//!    that its supervisor restarts.
//! 5. Forced cycles begin at least a second apart, and trouble with a host is asked after before the schedule does
//!    (`pace`).
//! 6. The supervisor's watchdog is fed by this loop and by nothing else.
//! 7. While a cycle takes its time the status is written every two seconds: a status that is older than what it promised
//!    is that of a daemon that hangs.

mod pace;
mod ready;
mod shown;

use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::pace::Pace;
use self::shown::Shown;
use crate::backend::{GithubBackend, OpenError, Role};
use crate::clock;
use crate::config::{Config, OnLocked, WatchBackend};
use crate::cycle::{Event, Report};
use crate::depth::Depth;
use crate::item::Item;
use crate::ledger::status::SPEAKS;
use crate::ledger::{Transition, Witness};
use crate::mirror::LockError;
use crate::observe::hooks::{Hooks, Troubles, calls};
use crate::observe::say::say;
use crate::trigger::Trigger;
use crate::trigger::schedule::{Schedule, ScheduleError};
use crate::trigger::signals::{Registered, Signal, Signals};
use crate::trigger::watch::{Names, Watch, WatchError};

/// How often a daemon that stands by tries the lock: it is to take over within two seconds of the writer's death.
const STANDBY: Duration = Duration::from_millis(900);

/// Why the daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The mirror or the upstream cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The schedule has died.
    #[error("the schedule has failed")]
    Schedule(#[from] ScheduleError),
    /// The watch cannot start or has died.
    #[error("watching the mirror has failed")]
    Watch(#[from] WatchError),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
}

impl DaemonError {
    /// Whether it only says that another writer holds the mirror.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Open(OpenError::Mirror(LockError::Held { .. })))
    }
}

type Running = Pin<Box<dyn Future<Output = Report> + Send>>;

/// The daemon's state; see the module's invariants.
struct Daemon {
    backend: Arc<GithubBackend>,
    trigger: Trigger,
    shown: Shown,
    hooks: Hooks,
    running: Option<(Depth, Running)>,
    pace: Pace,
    /// What a cycle mends before it is over.
    mended: (UnboundedSender<Item>, UnboundedReceiver<Item>),
    /// The role at the end of the last cycle.
    role: Role,
    /// What the hook has not seen is still to be looked up: this daemon has just become the writer.
    owes_hook: bool,
}

/// Writes the news of a cycle to the log, hands changes of health to their hook, and carries what it mends to the loop,
/// which shares its thread with the cycle and takes that before anything else waits.
struct News {
    mended: UnboundedSender<Item>,
    troubles: Arc<Troubles>,
}

impl Witness for News {
    fn saw(&self, event: &Event, transitions: &[Transition]) {
        say(transitions);
        self.troubles.tell(calls::troubles(transitions));
        if let Event::Mended(item, _) = event {
            // The loop ends after every cycle: without it nothing is left that could hear of it.
            let _ = self.mended.send(item.clone());
        }
    }
}

/// Runs until a signal says stop.
///
/// `runtime_directory` is where the status file goes (`$RUNTIME_DIRECTORY`), beside the one in the mirror.
///
/// # Errors
/// The daemon could not start, or one of its sources of triggers died.
pub async fn run(
    config: Config,
    signals: Registered,
    runtime_directory: Option<OsString>,
) -> Result<(), DaemonError> {
    let mut signals = signals.listen().map_err(DaemonError::Signals)?;
    let backend = Arc::new(match config.on_locked {
        OnLocked::Standby => GithubBackend::open(config.clone())?,
        OnLocked::Exit => GithubBackend::open_writer(config.clone())?,
    });
    let trigger = Trigger::new();
    let mut schedule = Schedule::start(&config.schedule, trigger.clone());
    let layout = backend.layout();
    let (watched, names) = match config.watch.backend {
        WatchBackend::Off => (vec![layout.private()], Names::orders()),
        _ => (
            vec![
                layout.base().to_owned(),
                layout.legacy_directory(),
                layout.private(),
            ],
            Names::new(config.extra_files.iter().map(|file| file.file.as_str())),
        ),
    };
    let mut watch = Watch::start(watched, names, &config.watch, trigger.clone())?;
    let mut daemon = Daemon {
        shown: Shown::new(&backend, schedule.next(), runtime_directory),
        hooks: Hooks::spawn(&config.hooks, &config.base_path),
        trigger: trigger.clone(),
        running: None,
        pace: Pace::default(),
        mended: unbounded_channel(),
        role: backend.role(),
        owes_hook: true,
        backend,
    };
    daemon.shown.started(&watch);
    trigger.request(Depth::Poll);
    let ended = daemon.turn(&mut signals, &mut schedule, &mut watch).await;
    daemon.shown.stopping();
    // Dropped at an await: what the cycle published is whole, and the mirror writes its manifest when it goes.
    let cut_short = daemon.running.take().is_some();
    while let Ok(item) = daemon.mended.1.try_recv() {
        daemon.show_early(item);
    }
    daemon.hooks.shutdown().await;
    // What a cycle published that was cut short was not handed to the hook.
    if !cut_short {
        daemon.note_hook().await;
    }
    ended
}

impl Daemon {
    async fn turn(
        &mut self,
        signals: &mut Signals,
        schedule: &mut Schedule,
        watch: &mut Watch,
    ) -> Result<(), DaemonError> {
        let mut heartbeat = self.shown.watchdog_interval().map(every);
        let mut standby = every(STANDBY);
        let mut patience = every(Duration::from_secs(10));
        let mut speaks = every(SPEAKS);
        loop {
            let idle = self.running.is_none();
            let delayed = self
                .pace
                .delays(self.trigger.pending(), clock::timer_instant());
            let stands_by = self.backend.role() == Role::Standby;
            tokio::select! {
                biased;
                signal = signals.next() => match signal.map_err(DaemonError::Signals)? {
                    Signal::Stop { name } => {
                        tracing::info!(signal = name, "stopping");
                        return Ok(());
                    }
                    Signal::Refresh => self.reload(),
                    Signal::DumpStatus => self.shown.dump(),
                },
                Some(item) = self.mended.1.recv() => self.show_early(item),
                report = finish(&mut self.running), if !idle => {
                    if let Some((depth, _)) = self.running.take() {
                        self.end(depth, &report, schedule, watch)?;
                    }
                }
                () = std::future::ready(()), if idle && self.owes_hook => self.catch_up().await,
                () = self.hooks.ended(), if idle => self.note_hook().await,
                () = self.pace.may_force(), if idle && delayed => {}
                depth = self.trigger.next(), if idle && !delayed => self.start(depth),
                () = self.pace.again(), if idle => self.poll_again(),
                () = self.pace.look(), if idle => self.look_again(),
                _ = standby.tick(), if stands_by && idle => self.stand_by().await,
                _ = patience.tick(), if !self.shown.is_ready() => self.shown.ask_for_patience(),
                _ = speaks.tick(), if !idle => self.shown.works(),
                () = beat(&mut heartbeat) => self.shown.alive(),
                error = schedule.failed() => return Err(error.into()),
                error = watch.failed() => return Err(error.into()),
            }
        }
    }

    /// SIGHUP: an unconditional cycle, begun after this moment.
    fn reload(&mut self) {
        if self.trigger.pending() == Some(Depth::Force) || self.shown.is_reloading() {
            tracing::debug!(signal = "SIGHUP", "a refresh was asked for again");
        } else {
            tracing::info!(signal = "SIGHUP", "a refresh was asked for");
        }
        self.shown.reloading();
        self.trigger.request(Depth::Force);
        if self.running.is_some() {
            self.backend.hosts().end_backoff();
        }
    }

    fn start(&mut self, depth: Depth) {
        tracing::debug!(depth = depth.name(), "a cycle begins");
        self.pace.begins(depth, clock::timer_instant());
        self.shown.begins();
        let backend = Arc::clone(&self.backend);
        let trigger = self.trigger.clone();
        let news = News {
            mended: self.mended.0.clone(),
            troubles: self.hooks.troubles(),
        };
        let cycle = async move {
            let _running = trigger.running(depth);
            backend.refresh_hinted(depth, &trigger, &news).await
        };
        self.running = Some((depth, Box::pin(cycle)));
    }

    /// The last cycle met trouble with a host, and the schedule's next poll is further away than the end of the pause.
    fn poll_again(&mut self) {
        tracing::debug!("polling again after trouble with an upstream");
        self.pace.takes();
        self.trigger.request(Depth::Poll);
    }

    /// The pause of what was left as it is for a while is over.
    fn look_again(&mut self) {
        self.pace.looks();
        self.trigger.request(Depth::Disk);
    }

    fn end(
        &mut self,
        depth: Depth,
        report: &Report,
        schedule: &Schedule,
        watch: &Watch,
    ) -> Result<(), DaemonError> {
        watch.check()?;
        // A cycle of depth `disk` that made this daemon the writer has not asked the upstreams yet.
        let role = self.backend.role();
        if role == Role::Writer && self.role == Role::Standby {
            self.owes_hook = true;
            if depth < Depth::Poll {
                self.trigger.request(Depth::Poll);
            }
        }
        self.role = role;
        let changed = report.changed();
        if !changed.is_empty() {
            watch.wrote();
            self.hooks.changed(changed.into_iter().cloned());
        }
        let interval = schedule.interval(clock::now());
        let how = (depth, report.troubled);
        let now = clock::timer_instant();
        let pause = self.pace.ends(how, interval, fastrand::f64(), now);
        self.pace.postpones(report.postponed, now);
        self.shown.polls_again(pause);
        let superseded = self.trigger.pending() == Some(Depth::Force);
        self.shown.ended(depth, report, watch, superseded);
        Ok(())
    }

    /// A cycle that still waits for an upstream has put files in order: that is shown before its end.
    fn show_early(&mut self, item: Item) {
        self.hooks.changed([item]);
        self.shown.mended();
    }

    /// What was published before and the hook has not seen to its end.
    async fn catch_up(&mut self) {
        self.owes_hook = false;
        if self.hooks.is_configured() {
            let unseen = self.backend.unseen_by_hook().await;
            self.hooks.changed(unseen);
        }
    }

    /// Notes what a run of the hook has ended for. Between two cycles, when all that changed was handed on.
    async fn note_hook(&mut self) {
        let seen = self.hooks.seen();
        if !seen.is_empty() {
            self.backend.seen_by_hook(&seen).await;
        }
    }

    /// Takes over when the writer is gone, and polls at once.
    async fn stand_by(&mut self) {
        match self.backend.take_over().await {
            Ok(true) => {
                self.role = Role::Writer;
                self.shown.took_over();
                self.owes_hook = true;
                self.trigger.request(Depth::Poll);
            }
            Ok(false) if self.backend.follow_news() => self.shown.took_over(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(error = %crate::error::chain(&error), "cannot try to take over");
            }
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The running cycle's report; waits for ever when none runs.
async fn finish(running: &mut Option<(Depth, Running)>) -> Report {
    match running {
        Some((_, cycle)) => cycle.await,
        None => std::future::pending().await,
    }
}

async fn beat(heartbeat: &mut Option<Interval>) {
    match heartbeat {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}
