//! Changes on disk, noticed by notify, as [`Depth::Disk`].
//!
//! 1. Directories are watched, never files and never recursively: a watch on a file ends with its first atomic replacement.
//! 2. Events are hints. The first one opens a window of `watch.debounce`, at whose end one request is made, whatever else
//!    came meanwhile; a weak hint (a file that is being written) waits for a better one, but not for long.
//! 3. Where inotify sees only part of the changes ([`filesystem`]), or has no room for another watch, the poll watcher
//!    works, on our names alone: it sees changes within one second and times that go backwards.
//! 4. A directory that was removed and made again is watched again: by the event, by [`Watch::check`] after each cycle
//!    (it compares device and inode), and by a look every second for as long as one is missing. A cycle makes what is
//!    missing, so one is asked for then as well, ever more rarely: the directory may have gone before it was watched.
//! 5. What is watched anew may have changed unseen, so a request follows.
//! 6. Errors ask for a cycle at most every 30 s: a lasting one must not keep the daemon busy.
//! 7. The poll watcher cannot see a change that is undone before it looks, as a cycle does that restores a file:
//!    after such a cycle ([`Watch::wrote`]) one more is asked for, once the watcher has looked.
//! 8. [`Backend::Off`] looks as the poll watcher does, and only for the operators' orders ([`Names::orders`], which the
//!    caller passes with their directory): who gives one waits for it.
//! 9. notify calls back in a thread of its own; the callback sets bits and never blocks or logs.
//!
//! [`Depth::Disk`]: crate::depth::Depth::Disk

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::arm::{Armed, Checked};
pub use self::filter::Names;
use self::filter::{Counts, Effect, Kind};
use super::Trigger;
use crate::clock;
use crate::config::WatchConfig;
use crate::depth::Depth;

mod arm;
pub mod filesystem;
pub mod filter;
mod poll;
mod watcher;

pub use self::watcher::cure;

/// How long a file may be in writing before a cycle looks at it.
const WRITING: Duration = Duration::from_secs(1);
/// How often to look for a directory that is missing.
const MISSING: Duration = Duration::from_secs(1);
/// Every how many looks a cycle is asked for when the first ones have not helped.
const MANY_LOOKS: u32 = 30;
/// How often an error may ask for a cycle.
const ERRORS: Duration = Duration::from_secs(30);

/// The backend at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The kernel reports changes.
    Inotify,
    /// The directories are read at an interval.
    Poll,
    /// The operators' orders alone are looked for.
    Off,
}

impl Backend {
    /// The name used in logs and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inotify => "inotify",
            Self::Poll => "poll",
            Self::Off => "off",
        }
    }
}

/// Why watching cannot start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A relative directory, and no current one.
    #[error("cannot make {path:?} absolute")]
    Path {
        /// The directory to watch.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Not even the poll watcher starts.
    #[error("cannot start the poll watcher")]
    Start {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The watcher's thread, or the task that serves it, is gone.
    #[error("the {backend} watcher has died")]
    Died {
        /// The backend that was at work.
        backend: &'static str,
    },
}

/// A running watch; it stops when this is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    task: JoinHandle<WatchError>,
}

/// What the task and the owner share.
#[derive(Debug)]
struct Shared {
    armed: Mutex<Armed>,
    hints: Arc<Hints>,
    trigger: Trigger,
    missing: AtomicBool,
}

impl Watch {
    /// Starts watching `directories`; those that do not exist yet are watched as soon as they do.
    ///
    /// # Errors
    /// When no backend can be started.
    pub fn start(
        directories: Vec<PathBuf>,
        names: Names,
        config: &WatchConfig,
        trigger: Trigger,
    ) -> Result<Self, WatchError> {
        let hints = Arc::new(Hints::default());
        let counts = Arc::clone(&hints.counts);
        let mut armed = Armed::new(directories, names, config, Arc::clone(&hints))?;
        let checked = armed.check(false)?;
        if armed.backend() != Backend::Off {
            tracing::info!(
                backend = armed.backend().name(),
                "watching for changes on disk"
            );
        }
        let shared = Arc::new(Shared {
            armed: Mutex::new(armed),
            hints,
            trigger,
            missing: AtomicBool::new(checked.missing),
        });
        let task = tokio::spawn(run(
            Arc::clone(&shared),
            config.debounce,
            config.poll_interval.saturating_mul(2),
        ));
        Ok(Self {
            shared,
            counts,
            task,
        })
    }

    /// The backend at work; a full inotify table turns it into [`Backend::Poll`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        let armed = self.shared.armed.lock();
        armed.unwrap_or_else(PoisonError::into_inner).backend()
    }

    /// Accepted events by kind, for the metric.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Compares the watched directories with those on disk; to be called after each cycle. Costs one stat a directory.
    ///
    /// # Errors
    /// When a watch was lost and no backend can be started.
    pub fn check(&self) -> Result<(), WatchError> {
        self.shared.check(false)
    }

    /// To be called after a cycle that changed files (invariant 7).
    pub fn wrote(&self) {
        if self.backend() == Backend::Poll {
            self.shared.hints.set(WROTE);
        }
    }

    /// Resolves when watching has died, which ends the daemon. Cancel-safe.
    pub async fn failed(&mut self) -> WatchError {
        match (&mut self.task).await {
            Ok(error) => error,
            Err(_) => WatchError::Died {
                backend: self.backend().name(),
            },
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn check(&self, lost: bool) -> Result<(), WatchError> {
        let Checked { missing, renewed } = self
            .armed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .check(lost)?;
        if self.missing.swap(missing, Ordering::AcqRel) != missing {
            self.hints.wake.notify_one();
        }
        if renewed {
            self.trigger.request(Depth::Disk);
        }
        Ok(())
    }
}

/// Turns hints into requests.
async fn run(shared: Arc<Shared>, debounce: Duration, looked: Duration) -> WatchError {
    let hints = &shared.hints;
    let mut error_at: Option<Instant> = None;
    let mut looks: u32 = 0;
    let mut again: Option<Instant> = None;
    loop {
        if hints.has(DEAD) {
            let armed = shared.armed.lock().unwrap_or_else(PoisonError::into_inner);
            return WatchError::Died {
                backend: armed.backend().name(),
            };
        }
        let lost = hints.take(LOST);
        if (hints.take(RECHECK) || lost)
            && let Err(error) = shared.check(lost)
        {
            return error;
        }
        if hints.take(ERROR) && error_at.is_none_or(|at| clock::timer_instant() - at >= ERRORS) {
            error_at = Some(clock::timer_instant());
            hints.bits.fetch_or(CHANGED, Ordering::AcqRel);
        }
        if hints.take(WROTE) {
            again = Some(clock::timer_instant() + looked);
        }
        if hints.has(CHANGED) {
            sleep(debounce).await;
            hints.take(CHANGED | CHANGING);
            shared.trigger.request(Depth::Disk);
        } else if hints.has(CHANGING) {
            let deadline = clock::timer_instant() + WRITING;
            let better = async {
                while !hints.has(!CHANGING) {
                    hints.wake.notified().await;
                }
            };
            if timeout_at(deadline, better).await.is_err() {
                hints.take(CHANGING);
                shared.trigger.request(Depth::Disk);
            }
        } else if let Some(at) = again {
            if timeout_at(at, hints.wake.notified()).await.is_err() {
                again = None;
                shared.trigger.request(Depth::Disk);
            }
        } else if shared.missing.load(Ordering::Acquire) {
            if timeout(MISSING, hints.wake.notified()).await.is_err() {
                if let Err(error) = shared.check(false) {
                    return error;
                }
                looks = looks.saturating_add(1);
                if looks.is_power_of_two() || looks.is_multiple_of(MANY_LOOKS) {
                    shared.trigger.request(Depth::Disk);
                }
            }
        } else {
            looks = 0;
            hints.wake.notified().await;
        }
    }
}

/// Something changed.
const CHANGED: u8 = 1;
/// Something is being written.
const CHANGING: u8 = 2;
/// The watches want a look.
const RECHECK: u8 = 4;
/// A watched directory went away.
const LOST: u8 = 8;
/// The watcher reported an error.
const ERROR: u8 = 16;
/// The watcher's thread has ended.
const DEAD: u8 = 32;
/// A cycle changed files under the poll watcher.
const WROTE: u8 = 64;

/// What the watcher's thread tells the task.
#[derive(Debug, Default)]
struct Hints {
    bits: AtomicU8,
    wake: Notify,
    counts: Arc<Counts>,
    /// Counts the watchers; the end of a watcher that was replaced is not the end of watching.
    generation: AtomicU64,
}

impl Hints {
    fn set(&self, bits: u8) {
        let before = self.bits.fetch_or(bits, Ordering::AcqRel);
        if before & bits != bits {
            self.wake.notify_one();
        }
    }

    fn has(&self, bits: u8) -> bool {
        self.bits.load(Ordering::Acquire) & bits != 0
    }

    fn take(&self, bits: u8) -> bool {
        self.bits.fetch_and(!bits, Ordering::AcqRel) & bits != 0
    }

    fn accept(&self, hint: filter::Hint) {
        self.counts.add(hint.kind);
        self.set(match (hint.kind, hint.effect) {
            (Kind::Error, _) => ERROR | RECHECK,
            (_, Effect::Changed) => CHANGED,
            (_, Effect::Changing) => CHANGING,
            (_, Effect::Recheck) => CHANGED | RECHECK,
            (_, Effect::Lost) => CHANGED | LOST,
        });
    }
}

#[cfg(test)]
mod tests;
