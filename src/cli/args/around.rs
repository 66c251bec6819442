//! The words of `env`, `man` and `completions`: what surrounds the program is given.

use std::path::PathBuf;

use clap::ValueEnum;

/// `env`
#[derive(Debug, clap::Args)]
pub struct EnvArgs {
    /// What the lines are for
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: EnvFormat,
}

/// `env --format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EnvFormat {
    /// For a shell to eval
    #[default]
    Sh,
    /// For the service section of a systemd unit
    Systemd,
    /// For `docker run --env-file`
    Docker,
}

/// `man`
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write every page into this directory, instead of horde-refd(1) to stdout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `completions`
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// The shells that there are completions for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}
