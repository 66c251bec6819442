//! What the world is told: the log, the status file, the metrics, the service manager, hooks that run after a change.

pub mod board;
pub mod hooks;
pub mod log;
pub mod metrics;
pub mod status;
pub mod systemd;

pub use crate::ledger::process;
