//! Writing for people and programs: stdout for results, stderr for complaints.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::time::Duration;

use super::args::Color;
use crate::error::causes;
use crate::observe::log;
use crate::text::escaped;

/// How long what was logged may hold the result and the end of the program.
const FLUSH: Duration = Duration::from_millis(500);

/// The result could not be written out.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result")]
pub struct WriteFailed(#[from] io::Error);

impl WriteFailed {
    /// Whether it only says that nobody reads any more.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// The result of a subcommand on its way to stdout, buffered; [`Output::finish`] sends it.
pub struct Output<W: Write = BufWriter<StdoutLock<'static>>> {
    to: W,
}

impl Output {
    /// Takes stdout until the program ends.
    #[must_use]
    pub fn stdout() -> Self {
        // On a terminal what was said before stands before the result.
        flush();
        Self {
            to: BufWriter::new(io::stdout().lock()),
        }
    }
}

impl<W: Write> Output<W> {
    /// Writes to something else than stdout.
    pub const fn to(to: W) -> Self {
        Self { to }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// The reader is gone or the device is full.
    pub fn line(&mut self, line: impl Display) -> Result<(), WriteFailed> {
        Ok(writeln!(self.to, "{line}")?)
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// The reader is gone or the device is full.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteFailed> {
        Ok(self.to.write_all(bytes)?)
    }

    /// Writes a JSON document, indented, and ends its line.
    ///
    /// # Errors
    /// The reader is gone, the device is full, or the value has no JSON form.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), WriteFailed> {
        serde_json::to_writer_pretty(&mut self.to, value).map_err(io::Error::from)?;
        Ok(self.to.write_all(b"\n")?)
    }

    /// Sends what is still buffered.
    ///
    /// # Errors
    /// The reader is gone or the device is full.
    pub fn finish(&mut self) -> Result<(), WriteFailed> {
        Ok(self.to.flush()?)
    }
}

/// Whether what goes to `stream` is coloured: on a terminal, unless `--color`, `$NO_COLOR` or `TERM=dumb` say otherwise.
#[must_use]
pub fn colors(color: Color, stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stream.is_terminal() && !set("NO_COLOR") && !dumb(),
    }
}

/// Waits until stderr has what was said, but not for a reader that is stuck.
pub fn flush() {
    log::flush(FLUSH);
}

/// Writes an error and its causes to stderr, a line each.
pub fn complain(error: &anyhow::Error) {
    let mut text = String::new();
    let mut before = "horde-refd: ";
    for cause in causes(error.as_ref()) {
        for line in cause.to_string().lines() {
            text = text + before + &escaped(line) + "\n";
            before = "";
        }
        before = "  because: ";
    }
    log::to_stderr(text);
}

/// Writes a warning to stderr.
pub fn warn(warning: impl Display) {
    let warning = warning.to_string();
    log::to_stderr(format!("warning: {}\n", escaped(&warning)));
}
