//! Several upstreams in order, end to end: who is asked, who serves, what happens while one is down.

mod answers;
mod daemon;
mod fallback;
mod mirror;
mod primary;
mod rehearsal;
mod service;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::scripted::{Action, Scripted, answer_with, target};
use crate::common::{Ran, World, answer};

/// What a peer does with a request for a path.
type Script = dyn Fn(&str, &str) -> Option<Action> + Send + Sync;

/// A server whose behaviour a test changes: first the script, and where that has nothing to say, files.
pub(super) struct Peer {
    pub server: Scripted,
    script: Arc<Mutex<Box<Script>>>,
}

impl Peer {
    /// `files` gives the body of a path (without its first slash); an `ETag` goes with it.
    pub fn start(files: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::serving(true, files)
    }

    /// The same without validators, as a PRIMARY service answers.
    pub fn bare(files: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::serving(false, files)
    }

    fn serving(
        tags: bool,
        files: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let nothing: Box<Script> = Box::new(|_, _| None);
        let script = Arc::new(Mutex::new(nothing));
        let acting = Arc::clone(&script);
        let server = Scripted::start(move |head, _| {
            let path = target(head).trim_start_matches('/');
            if let Some(action) = acting.lock().unwrap()(head, path) {
                return action;
            }
            Action::Send(match files(path) {
                Some(body) if tags => answer(head, &body),
                Some(body) => answer_with(200, &[], &body),
                None => answer_with(404, &[], b"{\"detail\":\"Not Found\"}"),
            })
        });
        Self { server, script }
    }

    /// A flat upstream of the world's legacy files.
    pub fn flat(world: &World) -> Self {
        let upstream = world.upstream();
        Self::start(move |path| std::fs::read(upstream.join(path)).ok())
    }

    pub fn script(&self, script: impl Fn(&str, &str) -> Option<Action> + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Answers everything with this.
    pub fn always(
        &self,
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: &'static [u8],
    ) {
        self.script(move |_, _| Some(Action::Send(answer_with(status, headers, body))));
    }

    /// Closes every connection without a word.
    pub fn down(&self) {
        self.script(|_, _| Some(Action::Close));
    }

    pub fn well(&self) {
        self.script(|_, _| None);
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How many requests there were since this was last asked.
    pub fn paths_after(&self, seen: usize) -> Vec<String> {
        let requests = self.server.requests().split_off(seen);
        requests
            .iter()
            .map(|head| target(head).to_owned())
            .collect()
    }
}

/// One `[[upstream]]` as text.
pub(super) fn upstream(name: &str, url: &str, layout: &str, fallback_after: &str) -> String {
    format!(
        "[[upstream]]\nname = {name:?}\nurl = {url:?}\nlayout = {layout:?}\nfallback_after = {fallback_after:?}\n"
    )
}

/// Syncs with these upstreams, of which nothing is retried.
pub(super) fn sync_with(world: &World, upstreams: &[String], args: &[&str]) -> Ran {
    let mut text = upstreams.concat();
    let _ = write!(text, "[http]\nretry_attempts = 1\n");
    let config = world.path("config.toml");
    std::fs::write(&config, text).unwrap();
    let mut command = world.command(&["sync", "--json", "-c", config.to_str().unwrap()]);
    Ran::of(command.args(args))
}

/// What `sync --json` says of a category.
pub(super) fn said_of(ran: &Ran, category: Category) -> Value {
    ran.json()["categories"][category.name()].clone()
}
