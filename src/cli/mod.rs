//! The command line: one file a subcommand, and no logic that a library user would miss.
//!
//! Results go to stdout, everything else to stderr. A subcommand returns how it ended ([`Exit`]) or an error; only
//! `main` turns either into an exit code.

pub mod args;
mod check;
mod completions;
mod config;
mod convert;
mod diff;
mod doctor;
mod env;
mod history;
mod man;
mod orders;
pub mod output;
mod refresh;
mod run;
mod show;
mod startup;
mod status;
mod sync;
mod table;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use args::Args;
use args::{Command, Common};
use output::WriteFailed;

use crate::backend::OpenError;
use crate::config::{ConfigErrors, Effective};
use crate::daemon::DaemonError;
use crate::mirror::LockError;
use crate::observe::log::{self, Audience};

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
        let open = error.downcast_ref::<OpenError>();
        let held = matches!(open, Some(OpenError::Mirror(LockError::Held { .. })));
        let daemon = error.downcast_ref::<DaemonError>();
        if held || daemon.is_some_and(DaemonError::is_locked) {
            Self::Locked
        } else if error.is::<ConfigErrors>() || error.is::<UsageError>() {
            Self::Usage
        } else {
            Self::Failed
        }
    }
}

/// Arguments that do not go together in a way that the definitions cannot say.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

/// Runs the subcommand.
///
/// # Errors
/// Whatever keeps it from its work; the chain of causes is for people.
pub fn main(args: &Args) -> anyhow::Result<Exit> {
    startup::prepare(&args.command)?;
    let common = &args.common;
    match &args.command {
        Command::Run => run::main(common),
        Command::Sync(own) => sync::main(common, own),
        Command::Convert(own) => convert::main(common, own),
        Command::Check(own) => check::main(common, own),
        Command::Show(own) => show::main(common, own),
        Command::Status(own) => status::main(common, own),
        Command::History(own) => history::main(common, own),
        Command::Diff(own) => diff::main(common, own),
        Command::Doctor(own) => doctor::main(common, own),
        Command::Accept(own) => orders::accept(common, own),
        Command::Rollback(own) => orders::rollback(common, own),
        Command::Unpin(own) => orders::unpin(common, own),
        Command::Refresh(own) => refresh::main(common, own),
        Command::Config(own) => config::main(common, own),
        Command::Env(own) => env::main(common, own),
        Command::Man(own) => man::main(own),
        Command::Completions(own) => completions::main(own),
    }
}

impl Common {
    /// The configuration that the flags, the files and the environment of this process give.
    ///
    /// # Errors
    /// It is wrong, or relative to a working directory that is gone.
    pub fn load(&self) -> anyhow::Result<Effective> {
        let env = |name: &str| std::env::var_os(name);
        match std::env::current_dir() {
            Ok(cwd) => Ok(crate::config::load(&self.overrides(), &env, &cwd)?),
            // It is needed where a path is relative to it, and only there.
            Err(gone) => {
                crate::config::load(&self.overrides(), &env, Path::new("")).map_err(|error| {
                    anyhow::Error::new(error)
                        .context(format!("the working directory cannot be had ({gone})"))
                })
            }
        }
    }

    /// The configuration, with the log set up as it says and its warnings in the log.
    fn start(&self, audience: Audience) -> anyhow::Result<Effective> {
        let effective = self.load()?;
        let verbosity = self.verbosity().clamp(-8, 8);
        log::init(
            &effective.config.log,
            i8::try_from(verbosity).unwrap_or_default(),
            output::colors(self.color, &std::io::stderr()),
            audience,
        )?;
        for warning in &effective.warnings {
            tracing::warn!("{warning}");
        }
        Ok(effective)
    }
}

/// Where systemd keeps what the daemon's unit says about itself, as seen by this process.
fn runtime_directory() -> Option<OsString> {
    std::env::var_os("RUNTIME_DIRECTORY")
}

/// Whether an error only says that the reading end of stdout is closed.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<WriteFailed>()
        .is_some_and(WriteFailed::is_closed_pipe)
}
