//! Questions that change nothing, for the command line and for programs alike.
//!
//! 1. Nothing in here writes a file, makes a directory or keeps a lock, so every question may be asked beside a
//!    running daemon, by any user who may read the mirror. [`daemon::Daemon::refresh`] alone has an effect: a signal.
//! 2. The environment is the caller's: what a question needs of it (`$RUNTIME_DIRECTORY`) is an argument.
//! 3. Answers are values; how they are shown to people is the command line's affair.

pub mod daemon;
pub mod diff;
pub mod doctor;
pub mod history;
pub mod lint;
pub mod newer;
mod published;
pub mod records;
pub mod status;

#[cfg(test)]
pub(crate) mod sample;
