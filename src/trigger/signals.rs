//! Signals as values: refresh, stop, tell your status.
//!
//! 1. [`Signals::register`] needs no runtime and comes first in `main`, while the process has one thread: from then on
//!    SIGHUP does not kill, and a signal that arrives before the loop listens is kept.
//! 2. Signals of one kind that arrive together collapse into one; none is lost.
//! 3. The first SIGTERM or SIGINT is a request to stop and is handed out before anything else. A second one of either
//!    kind ends the process at once, with 128 plus its number, whatever the loop is doing.
//! 4. A flag per signal is the truth; the stream only wakes the loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: end gracefully.
    Stop {
        /// `SIGTERM` or `SIGINT`
        name: &'static str,
    },
    /// SIGHUP: refresh everything, unconditionally.
    Refresh,
    /// SIGUSR1: write the status to the log.
    DumpStatus,
}

/// Every signal in the order in which it is handed out.
const HANDLED: [(i32, Signal); 4] = [
    (SIGTERM, Signal::Stop { name: "SIGTERM" }),
    (SIGINT, Signal::Stop { name: "SIGINT" }),
    (SIGHUP, Signal::Refresh),
    (SIGUSR1, Signal::DumpStatus),
];

/// The handlers are installed; [`Registered::listen`] goes on inside the runtime.
#[derive(Debug)]
pub struct Registered {
    arrived: [(Arc<AtomicBool>, Signal); 4],
}

/// The signals of this process, inside the runtime.
pub struct Signals {
    registered: Registered,
    wake: signal_hook_tokio::Signals,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signals")
            .field("registered", &self.registered)
            .finish_non_exhaustive()
    }
}

impl Signals {
    /// Installs the handlers; to be called first thing in `main`, before any thread starts.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn register() -> io::Result<Registered> {
        let stopping = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first arrival finds the flag down, raises it and goes on; the second one exits.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stopping))?;
            flag::register(signal, Arc::clone(&stopping))?;
        }
        let arrived = HANDLED.map(|(_, signal)| (Arc::new(AtomicBool::new(false)), signal));
        for ((number, _), (flag, _)) in HANDLED.iter().zip(&arrived) {
            flag::register(*number, Arc::clone(flag))?;
        }
        Ok(Registered { arrived })
    }

    /// Waits for the next signal. Cancel-safe.
    ///
    /// # Errors
    /// When the stream of signals has ended, which nothing but a bug makes it do.
    pub async fn next(&mut self) -> io::Result<Signal> {
        loop {
            if let Some(signal) = self.registered.take() {
                return Ok(signal);
            }
            if self.wake.next().await.is_none() {
                return Err(io::Error::other("the stream of signals has ended"));
            }
        }
    }
}

impl Registered {
    /// Goes on inside the runtime; what arrived since [`Signals::register`] is handed out first.
    ///
    /// # Errors
    /// When the socket pair that wakes the loop cannot be made.
    pub fn listen(self) -> io::Result<Signals> {
        // Handlers of one signal run in the order of their registration: the flag is up before the stream wakes.
        let wake = signal_hook_tokio::Signals::new(HANDLED.map(|(number, _)| number))?;
        Ok(Signals {
            registered: self,
            wake,
        })
    }

    fn take(&self) -> Option<Signal> {
        self.arrived
            .iter()
            .find(|(flag, _)| flag.swap(false, Ordering::AcqRel))
            .map(|(_, signal)| *signal)
    }
}
