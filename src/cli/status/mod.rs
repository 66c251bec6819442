//! `horde-refd status`: how fresh every category is, with a daemon or without one.

mod other_files;
mod shown;
mod wait;

use std::io::{IsTerminal, stdout};
use std::thread;
use std::time::Duration;

use serde_json::json;

use self::shown::{header, rows, troubles};
use self::wait::wait;
use super::args::{Common, StatusArgs};
use super::output::{self, Output, WriteFailed};
use super::table::Palette;
use super::{Exit, runtime_directory};
use crate::clock;
use crate::config::Config;
use crate::error::chain;
use crate::inspect::status::{StatusError, View};
use crate::text::escaped;

/// How often `--watch` looks.
const PERIOD: Duration = Duration::from_secs(1);

pub(super) fn main(common: &Common, args: &StatusArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let palette = output::palette(common.color);
    if let Some(patience) = args.wait
        && !wait(&config, patience, || look(&config))
    {
        return Ok(Exit::Failed);
    }
    if args.check {
        check(&config, common.json)
    } else if args.watch {
        watch(&config, common.json, palette)
    } else if common.quiet > 0 && !common.json {
        let troubles = troubles(&look(&config)?, output::width());
        let mut out = Output::stdout();
        if !troubles.is_empty() {
            out.line(troubles)?;
        }
        out.finish()?;
        Ok(Exit::Done)
    } else {
        print(&look(&config)?, common.json, palette, "")?;
        Ok(Exit::Done)
    }
}

fn look(config: &Config) -> Result<View, StatusError> {
    View::of(runtime_directory().as_deref(), &config.base_path)
}

/// One line, as monitoring plugins print it.
fn check(config: &Config, as_json: bool) -> anyhow::Result<Exit> {
    let now = clock::now();
    let (complaints, healthy) = match look(config) {
        Ok(view) => (view.complaints(now), view.categories().len()),
        Err(error) => {
            let error = anyhow::Error::new(error);
            (vec![chain(error.as_ref())], 0)
        }
    };
    let mut out = Output::stdout();
    if as_json {
        out.json(&json!({"healthy": complaints.is_empty(), "problems": complaints}))?;
    } else if complaints.is_empty() {
        out.line(format_args!("OK: every category is fresh ({healthy})"))?;
    } else {
        let line = format!("WARNING: {}", complaints.join("; "));
        out.line(escaped(&line))?;
    }
    out.finish()?;
    Ok(if complaints.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Prints the status again and again, in place on a terminal, until a signal ends the process.
fn watch(config: &Config, as_json: bool, palette: Palette) -> anyhow::Result<Exit> {
    // Home, then clear what is below.
    let in_place = if stdout().is_terminal() {
        "\x1b[H\x1b[J"
    } else {
        ""
    };
    loop {
        match look(config) {
            Ok(view) => print(&view, as_json, palette, in_place)?,
            // The next daemon writes another file, so a damaged one does not end the watch.
            Err(error) => {
                let mut out = Output::stdout();
                out.bytes(in_place.as_bytes())?;
                out.finish()?;
                output::complain(&error.into());
            }
        }
        thread::sleep(PERIOD);
    }
}

fn print(view: &View, as_json: bool, palette: Palette, prefix: &str) -> Result<(), WriteFailed> {
    let now = clock::now();
    let mut out = Output::stdout();
    out.bytes(prefix.as_bytes())?;
    if as_json {
        out.json(&view.to_json(now))?;
    } else {
        let shown = [
            header(view, now, palette),
            rows(view, now, palette),
            troubles(view, output::width()),
        ];
        let shown: Vec<_> = shown.into_iter().filter(|part| !part.is_empty()).collect();
        out.line(shown.join("\n\n"))?;
    }
    out.finish()
}
