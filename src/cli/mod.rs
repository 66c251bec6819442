//! The command line: one file a subcommand, and no logic that a library user would miss.
//!
//! Results go to stdout, everything else to stderr. A subcommand returns how it ended ([`Exit`]) or an error; only
//! `main` turns either into an exit code.

pub mod args;
mod config;
pub mod output;
mod status;

use std::process::ExitCode;

pub use args::Args;
use args::{Command, Common};
use output::WriteFailed;

use crate::config::{ConfigErrors, Effective};

/// How the program ends, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for is done and fresh.
    Done = 0,
    /// A category failed, was rejected or is not healthy; good data is still in place.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was touched.
    Usage = 2,
    /// Another writer holds the mirror.
    Locked = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&anyhow::Error> for Exit {
    fn from(error: &anyhow::Error) -> Self {
        if error.is::<ConfigErrors>() {
            Self::Usage
        } else {
            Self::Failed
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever keeps it from its work; the chain of causes is for people.
pub fn main(args: &Args) -> anyhow::Result<Exit> {
    let common = &args.common;
    match &args.command {
        Command::Config(own) => config::main(common, own),
        Command::Status(own) => status::main(common, own),
        other => anyhow::bail!("{other:?} is not wired"),
    }
}

impl Common {
    /// The configuration that the flags, the files and the environment of this process give.
    ///
    /// # Errors
    /// It is wrong, or the working directory is gone.
    pub fn load(&self) -> anyhow::Result<Effective> {
        let cwd = std::env::current_dir()
            .map_err(|error| anyhow::Error::new(error).context("the working directory is gone"))?;
        let env = |name: &str| std::env::var_os(name);
        Ok(crate::config::load(&self.overrides(), &env, &cwd)?)
    }
}

/// Whether an error only says that nobody reads our output any more.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<WriteFailed>()
        .is_some_and(WriteFailed::is_closed_pipe)
}
