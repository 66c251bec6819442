//! `horde-refd status`: what the daemon wrote about itself, as it is now.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::Exit;
use super::args::{Common, StatusArgs};
use super::output::{self, Output, WriteFailed};
use crate::category::Category;
use crate::clock;
use crate::config::Config;
use crate::error::chain;
use crate::ledger::State;
use crate::ledger::status::{
    FORMAT, ItemStatus, Palette, Status, StatusError, header, locate, table,
};
use crate::mirror::Layout;
use crate::mirror::manifest::read_manifest;

/// How often `--watch` looks.
const PERIOD: Duration = Duration::from_secs(1);

pub(super) fn main(common: &Common, args: &StatusArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let palette = if output::colors(common.color, &stdout()) {
        Palette::Colored
    } else {
        Palette::Plain
    };
    if args.check {
        check(&config, common.json)
    } else if args.watch {
        watch(&config, common.json, palette)
    } else {
        let view = View::of(&config)?;
        print(&view, common.json, palette, "")?;
        Ok(Exit::Done)
    }
}

/// One line, as monitoring plugins print it.
fn check(config: &Config, as_json: bool) -> anyhow::Result<Exit> {
    let now = clock::now();
    let (complaints, healthy) = match View::of(config) {
        Ok(View::Daemon(status)) => (status.complaints(now), status.categories.len()),
        Ok(View::Nobody(nobody)) => (vec![nobody.complaint()], 0),
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
        out.line(format_args!("CRITICAL: {}", complaints.join("; ")))?;
    }
    out.finish()?;
    Ok(if complaints.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Prints the status again and again, in place on a terminal; ends with the signal that interrupts it.
fn watch(config: &Config, as_json: bool, palette: Palette) -> anyhow::Result<Exit> {
    // Home, then clear what is below.
    let in_place = if stdout().is_terminal() {
        "\x1b[H\x1b[J"
    } else {
        ""
    };
    loop {
        match View::of(config) {
            Ok(view) => print(&view, as_json, palette, in_place)?,
            // The next daemon writes another file: nothing that happens to this one ends the watch.
            Err(error) => output::complain(&error.into()),
        }
        thread::sleep(PERIOD);
    }
}

fn print(view: &View, as_json: bool, palette: Palette, prefix: &str) -> Result<(), WriteFailed> {
    let now = clock::now();
    let mut out = Output::stdout();
    out.bytes(prefix.as_bytes())?;
    match view {
        View::Daemon(status) if as_json => out.json(&status.clone().at(now))?,
        View::Nobody(nobody) if as_json => out.json(&nobody.to_json())?,
        View::Daemon(status) => {
            out.line(header(status, now, palette))?;
            out.line("")?;
            out.line(table(
                &status.categories,
                status.stale_after(),
                now,
                palette,
            ))?;
        }
        View::Nobody(nobody) => {
            out.line(nobody.complaint())?;
            out.line(format_args!("mirror    {}", nobody.base_path.display()))?;
            out.line("")?;
            out.line(table(&nobody.categories, Duration::MAX, now, palette))?;
        }
    }
    out.finish()
}

/// What there is to see.
enum View {
    /// A daemon runs, or ran.
    Daemon(Box<Status>),
    /// No daemon ever wrote a status; the mirror may hold something all the same.
    Nobody(Nobody),
}

struct Nobody {
    base_path: PathBuf,
    looked_at: Vec<PathBuf>,
    categories: BTreeMap<Category, ItemStatus>,
}

impl View {
    fn of(config: &Config) -> Result<Self, StatusError> {
        let runtime_directory = std::env::var_os("RUNTIME_DIRECTORY");
        let located = locate(runtime_directory.as_deref(), &config.base_path);
        match located.found {
            Some(path) => Ok(Self::Daemon(Box::new(Status::read(&path)?))),
            None => Ok(Self::Nobody(Nobody {
                categories: published(&config.base_path),
                base_path: config.base_path.clone(),
                looked_at: located.looked_at,
            })),
        }
    }
}

impl Nobody {
    fn complaint(&self) -> String {
        let paths: Vec<_> = self
            .looked_at
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        format!(
            "no daemon has run on this mirror (looked for {})",
            paths.join(" and ")
        )
    }

    fn to_json(&self) -> Value {
        let categories = self.categories.iter();
        let categories: serde_json::Map<_, _> = categories
            .map(|(category, status)| (category.name().to_owned(), json!(status)))
            .collect();
        json!({
            "format": FORMAT,
            "pid": null,
            "role": null,
            "base_path": self.base_path.display().to_string(),
            "looked_at": self.looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "categories": categories,
        })
    }
}

/// What the manifest says is published: nobody keeps it fresh, so it is stale.
fn published(base_path: &Path) -> BTreeMap<Category, ItemStatus> {
    let manifest = read_manifest(&Layout::new(base_path).manifest()).unwrap_or_default();
    let status = |category: Category| {
        let entry = manifest.categories.get(&category)?;
        Some(ItemStatus {
            state: State::Stale,
            last_change: Some(entry.published_at),
            models: Some(entry.v2.models),
            bytes: Some(entry.v2.bytes),
            ..ItemStatus::default()
        })
    };
    Category::with_legacy()
        .map(|category| (category, status(category).unwrap_or_default()))
        .collect()
}
