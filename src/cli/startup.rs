//! What the process needs, whatever its parent left it: done once, before anything else.
//!
//! 1. No signal is blocked, and none that the program relies on is ignored. SIGPIPE is ignored by Rust's own start.
//! 2. A file size limit is an error of the file that is too large: SIGXFSZ does not kill.
//! 3. Children can be waited for, also where the parent ignored SIGCHLD.
//! 4. Too few descriptors, or no thread to be had, is one message at the start, and no panic in a library later: the
//!    runtime keeps one thread for name lookups from then on, and queues behind it what finds no other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGCHLD, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use tokio::runtime::{Builder, Runtime};

use super::Command;

/// What the limit on open files is raised to where it may be; a program that a hook starts can still use `select` below it.
const WISHED_FILES: u64 = 1024;
/// For as long as the process lives.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// What the process needs and does not get.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartupError {
    /// The kernel refuses a signal handler or a signal mask.
    #[error("cannot set up signals")]
    Signals(#[source] io::Error),
    /// Too few files may be open.
    #[error(
        "the limit on open files is {limit}, and at least {needed} are needed: raise it (ulimit -n {needed}, LimitNOFILE={needed})"
    )]
    Files {
        /// What the process has.
        limit: u64,
        /// What it needs.
        needed: u64,
    },
    /// No thread can be started.
    #[error(
        "cannot start a thread: raise the limit on processes (ulimit -u, TasksMax=) or the memory"
    )]
    Thread(#[source] io::Error),
    /// The runtime cannot be set up.
    #[error("cannot set up the runtime")]
    Runtime(#[source] io::Error),
}

/// Puts the process in order for `command`; to be called while it has one thread.
pub(super) fn prepare(command: &Command) -> Result<(), StartupError> {
    SigSet::empty()
        .thread_set_mask()
        .map_err(|error| StartupError::Signals(error.into()))?;
    for caught in [SIGXFSZ, SIGCHLD] {
        flag::register(caught, Arc::default()).map_err(StartupError::Signals)?;
    }
    let needed = match command {
        Command::Run => 32,
        Command::Sync(_) | Command::Accept(_) | Command::Rollback(_) | Command::Unpin(_) => 20,
        Command::Diff(own) if own.incoming => 20,
        _ => 0,
    };
    if !matches!(command, Command::Run) {
        let always = Arc::new(AtomicBool::new(true));
        flag::register_conditional_default(SIGTERM, always).map_err(StartupError::Signals)?;
    }
    files(needed)
}

/// Raises the limit on open files as far as is wished and allowed.
fn files(needed: u64) -> Result<(), StartupError> {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let wished = limit.maximum.unwrap_or(u64::MAX).min(WISHED_FILES);
    let raised = Rlimit {
        current: Some(wished),
        ..limit
    };
    let soft = if soft < wished && setrlimit(Resource::Nofile, raised).is_ok() {
        wished
    } else {
        soft
    };
    if soft < needed {
        return Err(StartupError::Files {
            limit: soft,
            needed,
        });
    }
    Ok(())
}

/// The one runtime: a single thread, since one loop owns all state, and one more for name lookups.
pub(super) fn runtime() -> Result<Runtime, StartupError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(FOR_EVER)
        .build()
        .map_err(StartupError::Runtime)?;
    // The runtime panics where it cannot start the first one; this finds out.
    let probe = thread::Builder::new().spawn(|| ());
    // It has nothing to panic about.
    let _ = probe.map_err(StartupError::Thread)?.join();
    drop(runtime.spawn_blocking(|| ()));
    Ok(runtime)
}
