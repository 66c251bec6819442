//! Hooks as real processes and the log of a whole process.

mod hooks;
mod log;
