//! What the world is told: the log, the service manager, and hooks that run after a change.

pub mod hooks;
pub mod log;
pub mod systemd;
