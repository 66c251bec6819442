//! The program: arguments in, error chain out, exit code.

#![warn(clippy::disallowed_methods)]

use std::process::ExitCode;

use clap::Parser;
use horde_refd::cli::{self, Args, Exit};

fn main() -> ExitCode {
    let exit = match cli::main(&Args::parse()) {
        Ok(exit) => exit.into(),
        // When stdout is closed there is nothing left to do.
        Err(error) if cli::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            cli::output::complain(&error);
            Exit::from(&error).into()
        }
    };
    cli::output::flush();
    exit
}
