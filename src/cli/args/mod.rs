//! The command line's words: every subcommand, flag and argument, and their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

mod around;
mod category;
mod history;
mod orders;

pub use self::around::{CompletionsArgs, EnvArgs, EnvFormat, ManArgs, Shell};
use self::category::{category, hint};
pub use self::history::{DiffArgs, HistoryArgs};
pub use self::orders::{AcceptArgs, RollbackArgs, UnpinArgs};
use crate::category::Category;
use crate::config::{Layout, Overrides, parse_duration};

const EXIT_CODES: &str = "Exit codes: 0 all is done and fresh; 1 a category failed, is held or is unhealthy, good data \
                          stays in place; 2 the command line or the configuration is wrong, nothing was touched; 3 another \
                          writer holds the mirror.";

/// Keeps one directory of AI-Horde model references correct, fresh and safe to read.
///
/// horde-refd polls the repositories that hold the legacy references, converts them to the v2 format, and publishes
/// both atomically, so that any other process can read them without the network, a lock or a half-written file.
#[derive(Debug, Parser)]
#[command(
    name = "horde-refd",
    version,
    propagate_version = true,
    after_help = EXIT_CODES
)]
pub struct Args {
    /// What every subcommand takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that every subcommand takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// The configuration file [default: /etc/horde-refd/config.toml, if it exists]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The mirror: the directory that is published into
    #[arg(long, global = true, value_name = "DIR")]
    pub base_path: Option<PathBuf>,

    /// Where references come from, instead of the configured upstreams: a URL or a directory
    #[arg(long, global = true, value_name = "URL|DIR")]
    pub upstream: Option<OsString>,

    /// How --upstream lays its files out [default: github for a URL, flat for a directory]
    #[arg(long, global = true, value_name = "LAYOUT", value_parser = words::<Layout>(Layout::WORDS))]
    pub layout: Option<Layout>,

    /// Print the result as JSON (sync, check, status, history, diff, doctor, config)
    #[arg(long, global = true)]
    pub json: bool,

    /// Log more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Log less and print no result table, only troubles; twice: log errors only
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

impl Common {
    /// What these flags say about the configuration.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config_file: self.config.clone(),
            base_path: self.base_path.clone(),
            upstream: self.upstream.clone(),
            layout: self.layout,
        }
    }

    /// How much more (or, below zero, less) to log than configured.
    #[must_use]
    pub fn verbosity(&self) -> i16 {
        i16::from(self.verbose) - i16::from(self.quiet)
    }
}

/// `--color`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: poll, watch, publish
    ///
    /// It stays in the foreground. SIGHUP forces a refresh, SIGTERM and SIGINT stop it, SIGUSR1 writes the status to the
    /// log. A second daemon on the same mirror stands by and takes over when the first is gone.
    #[command(after_help = "Example: horde-refd run -c /etc/horde-refd/config.toml")]
    Run,

    /// Refresh the mirror once, then exit (cron, first seed, CI)
    ///
    /// Only what changed is downloaded, and only what changed is written. A category that fails keeps its last good file;
    /// the others are refreshed all the same.
    #[command(after_help = "Example: horde-refd sync --base-path ./mirror image_generation")]
    Sync(SyncArgs),

    /// Convert one legacy file to v2: a filter, without mirror or network
    ///
    /// A file with a record that cannot be converted gives no output; the error names the model, the field and why. With
    /// -v every finding goes to stderr.
    #[command(
        after_help = "Example: horde-refd convert text_generation models.csv > text_generation.json"
    )]
    Convert(ConvertArgs),

    /// Lint legacy files: every issue and every rejection
    ///
    /// An issue is odd and converted all the same. A rejection keeps the whole file from being published, or, with
    /// `on_invalid_record = "skip"`, the record that it names: exit 1.
    #[command(after_help = "Example: horde-refd check image_generation=stable_diffusion.json")]
    Check(CheckArgs),

    /// Print what the mirror holds
    ///
    /// A file or a record comes out byte for byte as it stands in the mirror.
    #[command(after_help = "Example: horde-refd show image_generation Deliberate")]
    Show(ShowArgs),

    /// Show the freshness of every category
    ///
    /// It reads what the daemon wrote about itself; without a daemon it says what is published.
    #[command(after_help = "Example: horde-refd status --check")]
    Status(StatusArgs),

    /// List the kept generations: when, from where, how many models, what changed
    ///
    /// A generation is one published version of a category; the last `history.keep` are kept, newest first by when an
    /// upstream last brought it. Its id begins its v2 file's SHA-256.
    #[command(after_help = "Example: horde-refd history image_generation")]
    History(HistoryArgs),

    /// Show which models and fields differ between two generations
    ///
    /// Without generations it compares the next older one with the present one; with --incoming the present one with what
    /// a sync would publish if nothing held it. On a terminal long values are cut in the middle; piped they are whole.
    #[command(after_help = "Example: horde-refd diff text_generation 0f3a81 --exit-code")]
    Diff(DiffArgs),

    /// Find what is wrong around the daemon, each with its cure
    ///
    /// It looks at permissions, space, the watch, the lock, the clock, the upstreams, the workers' environment, the unit and
    /// leftovers, and changes nothing. A cure is a command to copy. Exit 1 when something is wrong.
    #[command(after_help = "Example: sudo horde-refd doctor --env-file /etc/worker.env")]
    Doctor(DoctorArgs),

    /// Publish what the guard holds
    ///
    /// The version that is held now, not a later one. A running daemon does it within moments; without one the command
    /// does it itself.
    #[command(after_help = "Example: horde-refd accept text_generation")]
    Accept(AcceptArgs),

    /// Publish an earlier generation and pin it
    ///
    /// The next older one of those that are kept, with the legacy file that it was made from; a second time, one further
    /// back. The upstream is still polled, and nothing of it is published until `unpin`.
    #[command(after_help = "Example: horde-refd rollback image_generation --to 1f3a")]
    Rollback(RollbackArgs),

    /// Follow the upstream again
    ///
    /// What the upstream sent meanwhile is published at once, if no guard objects.
    #[command(after_help = "Example: horde-refd unpin image_generation")]
    Unpin(UnpinArgs),

    /// Ask the running daemon for a forced refresh
    ///
    /// The daemon is found by its status file and sent SIGHUP, which its own user and root may do.
    #[command(after_help = "Example: horde-refd refresh --wait --timeout 2m")]
    Refresh(RefreshArgs),

    /// Print the configuration in effect, and where each value came from
    #[command(after_help = "Example: horde-refd config --default")]
    Config(ConfigArgs),

    /// Print what a worker's environment needs to read this mirror
    ///
    /// The Python package looks for `horde_model_reference` below `$AIWORKER_CACHE_HOME`, so the mirror's path must end in
    /// that name. Offline means that the package never downloads: this daemon does.
    #[command(after_help = "Example: eval \"$(horde-refd env)\"")]
    Env(EnvArgs),

    /// Write the man pages, made from the same definitions as this help
    #[command(hide = true)]
    Man(ManArgs),

    /// Print a shell's completions
    #[command(hide = true)]
    Completions(CompletionsArgs),
}

/// `sync`
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// Download everything anew, whether it changed or not
    #[arg(long)]
    pub force: bool,

    /// Say what would become of each category, and write nothing; works beside a daemon
    #[arg(long)]
    pub dry_run: bool,

    /// Only these categories [default: all]
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub categories: Vec<Category>,
}

/// `convert`
#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// Print the legacy JSON view of models.csv instead of v2 (category `text_generation`)
    #[arg(long)]
    pub legacy_view: bool,

    /// In the legacy view: one record a model, without its copies under the backends' prefixes
    #[arg(long, requires = "legacy_view")]
    pub no_backend_prefixes: bool,

    /// The category whose format the input has
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub category: Category,

    /// The legacy file [default: stdin]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// What to check: a category as the mirror has it, or a file of a category [default: the whole mirror]
    #[arg(value_name = "CATEGORY[=FILE]")]
    pub targets: Vec<CheckTarget>,
}

/// `show`
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The category to print
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub category: Category,

    /// Only the record of this model
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,

    /// The legacy file instead of v2
    #[arg(long)]
    pub legacy: bool,
}

/// `status`
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// One line for monitoring; exit 1 when a category is not healthy or no daemon runs
    #[arg(long)]
    pub check: bool,

    /// Show it again every second until interrupted
    #[arg(long, conflicts_with = "check")]
    pub watch: bool,

    /// Wait until no listed category is absent, at most this long, e.g. 2m; exit 1 when the time is over
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub wait: Option<Duration>,
}

/// `doctor`
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// The file that sets the workers' environment, instead of this process's environment
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// `refresh`
#[derive(Debug, clap::Args)]
pub struct RefreshArgs {
    /// Return when the refresh is done, with the exit code of sync
    #[arg(long)]
    pub wait: bool,

    /// Give up waiting after this long, e.g. 90s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// `config`
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    /// The defaults, whatever the files and the environment say
    #[arg(long)]
    pub default: bool,
}

/// An argument of `check`: a category of the mirror, or a file to read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTarget {
    /// The category.
    pub category: Category,
    /// The file to check; the mirror's own where there is none.
    pub file: Option<PathBuf>,
}

impl FromStr for CheckTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("there is no file after '='".to_owned()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        match name.parse() {
            Ok(category) => Ok(Self { category, file }),
            Err(error) => Err(hint(name).map_or_else(
                || format!("{error}"),
                |hint| format!("there is no category '{name}'; {hint}"),
            )),
        }
    }
}

fn words<T>(words: &'static [&'static str]) -> ValueParser
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words)
        .try_map(|word| word.parse::<T>().map_err(std::io::Error::other))
        .into()
}

#[cfg(test)]
mod tests;
