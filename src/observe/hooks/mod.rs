//! The hooks: a program that runs after a cycle that changed something, and one that runs when something becomes
//! unhealthy or well again (`trouble`).
//!
//! 1. It never runs in parallel with itself. What changes while it runs adds up to one more run after it, with the
//!    union of the categories; so a hook runs at least once after each change, and must be idempotent.
//!    [`Hooks::seen`] says which items a run has ended for, so that the caller can note that and make up for the others
//!    after a restart. A run that failed or ran into its timeout has ended; one that the daemon's stop killed, or that
//!    could not be started, has not.
//! 2. It learns `HORDE_REFD_CHANGED` (categories and other files, separated by spaces) and `HORDE_REFD_BASE_PATH` from
//!    its environment, and nothing of our own ties to the service manager.
//! 3. It is a process group of its own with no input. At its timeout, and when the daemon stops, the whole group gets
//!    SIGTERM and shortly after SIGKILL.
//! 4. Its output goes to the log line by line, bounded in length and number.
//! 5. What it leaves behind is waited for where this is process 1 (`reap`).
//! 6. Its failure is reported and changes nothing. Nothing waits for it.
//! 7. The two hooks do not wait for each other; each runs one at a time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::output::Output;
use self::reap::Own;
use crate::clock;
use crate::config::HooksConfig;
use crate::item::Item;

pub mod calls;
mod output;
mod reap;
mod trouble;

pub use self::trouble::Queue as Troubles;

/// Between SIGTERM and SIGKILL when a hook ran into its timeout.
const GRACE: Duration = Duration::from_secs(2);
/// Between SIGTERM and SIGKILL when the daemon stops.
const GRACE_AT_STOP: Duration = Duration::from_millis(200);
/// For the rest of the output once the program itself has ended: a process it left behind may hold the pipe for ever.
const LEFTOVER: Duration = Duration::from_millis(500);
/// What ties a process to the service manager; not for a child to inherit.
const PRIVATE: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "JOURNAL_STREAM",
];

/// Runs the configured hook; does nothing when there is none.
#[derive(Debug)]
pub struct Hooks {
    inbox: Arc<Inbox>,
    task: Option<JoinHandle<()>>,
    troubles: Arc<Troubles>,
    trouble_task: Option<JoinHandle<()>>,
    reaper: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Inbox {
    work: Mutex<Work>,
    wake: Notify,
    stop: Notify,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Work {
    /// What the next run is for.
    changed: BTreeSet<Item>,
    /// What a run has ended for that did not change since.
    seen: BTreeSet<Item>,
}

impl Inbox {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hooks {
    /// Starts the task that runs the hook.
    #[must_use]
    pub fn spawn(config: &HooksConfig, base_path: &Path) -> Self {
        let inbox = Arc::new(Inbox::default());
        let own = Own::default();
        let reaper = reap::start(own.clone());
        let hook = |command: &[String]| {
            let (program, arguments) = command.split_first()?;
            Some(Hook {
                program: program.clone(),
                arguments: arguments.to_vec(),
                timeout: config.timeout,
                base_path: base_path.to_owned(),
                own: own.clone(),
            })
        };
        let task = hook(&config.on_change);
        let task = task.map(|hook| tokio::spawn(serve(Arc::clone(&inbox), hook)));
        let trouble = hook(&config.on_trouble);
        let troubles = Arc::new(Troubles::new(trouble.is_some()));
        let trouble_task =
            trouble.map(|hook| tokio::spawn(trouble::serve(Arc::clone(&troubles), hook)));
        Self {
            inbox,
            task,
            troubles,
            trouble_task,
            reaper,
        }
    }

    /// Where news of health is handed to the hook that is for it.
    #[must_use]
    pub fn troubles(&self) -> Arc<Troubles> {
        Arc::clone(&self.troubles)
    }

    /// These items changed. Returns at once.
    pub fn changed(&self, items: impl IntoIterator<Item = impl Into<Item>>) {
        let mut items = items.into_iter().map(Into::into).peekable();
        if self.task.is_none() || items.peek().is_none() {
            return;
        }
        let mut work = self.inbox.work();
        for item in items {
            work.seen.remove(&item);
            work.changed.insert(item);
        }
        drop(work);
        self.inbox.wake.notify_one();
    }

    /// Whether there is a hook to run.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.task.is_some()
    }

    /// Waits until a run has ended since the last wait. Cancel-safe.
    pub async fn ended(&self) {
        self.inbox.ended.notified().await;
    }

    /// Takes the items that a run has ended for and that did not change since.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<Item> {
        std::mem::take(&mut self.inbox.work().seen)
    }

    /// Ends a running hook, by force after 200 ms, and starts no other.
    pub async fn shutdown(&mut self) {
        self.inbox.stop.notify_one();
        self.troubles.stop();
        for task in [self.task.take(), self.trouble_task.take()] {
            let Some(task) = task else { continue };
            // A task that panicked has nothing left to stop.
            let _ = task.await;
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        let tasks = [&self.task, &self.trouble_task, &self.reaper];
        for task in tasks.into_iter().flatten() {
            task.abort();
        }
    }
}

struct Hook {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
    base_path: PathBuf,
    own: Own,
}

/// What became of a run.
enum Run {
    NotStarted,
    Ended,
    Stopped,
}

/// How the program ended.
enum End {
    Exited(std::io::Result<std::process::ExitStatus>),
    TimedOut,
    Stopped,
}

async fn serve(inbox: Arc<Inbox>, hook: Hook) {
    loop {
        tokio::select! {
            biased;
            () = inbox.stop.notified() => return,
            () = inbox.wake.notified() => {}
        }
        let changed = std::mem::take(&mut inbox.work().changed);
        if changed.is_empty() {
            continue;
        }
        let names: Vec<_> = changed.iter().map(ToString::to_string).collect();
        let variables = [("HORDE_REFD_CHANGED", names.join(" "))];
        match hook.run(&variables, &inbox.stop).await {
            Run::Stopped => return,
            Run::NotStarted => {}
            Run::Ended => {
                let mut work = inbox.work();
                let again = std::mem::take(&mut work.changed);
                work.seen.extend(changed.difference(&again).cloned());
                work.changed = again;
                drop(work);
                inbox.ended.notify_one();
            }
        }
    }
}

impl Hook {
    /// Runs it with these variables, to its end, its timeout or the daemon's stop.
    async fn run(&self, variables: &[(&'static str, String)], stop: &Notify) -> Run {
        let program = self.program.as_str();
        let started = clock::instant();
        let spawned = self.own.start(|| {
            let child = self.command(variables).spawn()?;
            let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
            Ok((child, group))
        });
        let (mut child, group) = match spawned {
            Ok(started) => started,
            Err(error) => {
                tracing::warn!(program, %error, "the hook cannot be started");
                return Run::NotStarted;
            }
        };
        let output = Output::start(program, child.stdout.take(), child.stderr.take());
        let end = tokio::select! {
            biased;
            () = stop.notified() => End::Stopped,
            status = timeout(self.timeout, child.wait()) => status.map_or(End::TimedOut, End::Exited),
        };
        let elapsed = || u64::try_from(clock::since(started).as_millis()).unwrap_or(u64::MAX);
        let stopped = matches!(end, End::Stopped);
        match end {
            End::Exited(Ok(status)) => {
                output.finish(LEFTOVER).await;
                if status.success() {
                    tracing::debug!(program, elapsed_ms = elapsed(), "the hook has run");
                } else {
                    tracing::warn!(program, %status, elapsed_ms = elapsed(), "the hook failed");
                }
            }
            End::Exited(Err(error)) => {
                tracing::warn!(program, %error, "the hook cannot be waited for");
                kill(&mut child, group, GRACE_AT_STOP).await;
            }
            End::TimedOut => {
                kill(&mut child, group, GRACE).await;
                output.finish(LEFTOVER).await;
                tracing::warn!(
                    program,
                    elapsed_ms = elapsed(),
                    "the hook ran into its timeout and was killed"
                );
            }
            End::Stopped => {
                kill(&mut child, group, GRACE_AT_STOP).await;
                tracing::warn!(
                    program,
                    elapsed_ms = elapsed(),
                    "the hook was killed because the daemon stops"
                );
            }
        }
        self.own.waited_for(group);
        if stopped { Run::Stopped } else { Run::Ended }
    }

    fn command(&self, variables: &[(&'static str, String)]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .env("HORDE_REFD_BASE_PATH", &self.base_path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for name in PRIVATE {
            command.env_remove(name);
        }
        command
    }
}

/// Ends the group: politely, and after `grace` for certain.
async fn kill(child: &mut Child, group: Option<Pid>, grace: Duration) {
    // ESRCH is the only answer besides success, and means that no process is left.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
    }
    let _ = timeout(grace, child.wait()).await;
    // The program may have ended without its children. Its id is not reused while the group has a member.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}
