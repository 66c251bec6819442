//! What the world gets to know: the status file and the metrics.

pub mod metrics;
pub mod process;
pub mod status;
