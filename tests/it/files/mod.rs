//! Files beside those of the categories, end to end: what is passed through, and the JSON view of `models.csv`.

mod config;
mod daemon;
mod leaf;
mod passed;
mod view;

use std::fmt::Write as _;

use serde_json::Value;

use crate::common::{Ran, World};

/// `sync --json` with these lines of configuration, of which nothing is retried.
fn sync(world: &World, lines: &str, args: &[&str]) -> Ran {
    let mut text = lines.to_owned();
    let _ = write!(text, "[http]\nretry_attempts = 1\n");
    let config = world.path("config.toml");
    std::fs::write(&config, text).unwrap();
    let mut command = world.command(&["sync", "--json", "-c", config.to_str().unwrap()]);
    Ran::of(command.args(args))
}

/// The world's directory as the upstream, below these lines.
fn from_directory(world: &World, lines: &str) -> String {
    format!("{lines}\n[[upstream]]\nurl = {:?}\n", world.upstream())
}

/// What `sync --json` says of a file: its outcome, and its error where there is one.
#[track_caller]
fn said(ran: &Ran, path: &str) -> (String, String) {
    let said = &ran.json()["files"][path];
    let word = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
    (word("outcome"), word("error"))
}

/// The entry of a file in the manifest; null where there is none.
fn entry(world: &World, path: &str) -> Value {
    world.manifest()["files"][path].clone()
}
