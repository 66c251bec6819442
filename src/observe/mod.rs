//! What the daemon shows of itself: the log, the metrics, the service manager, hooks that run after a change.

pub mod hooks;
pub mod log;
pub mod metrics;
pub mod reports;
pub mod say;
pub mod systemd;
