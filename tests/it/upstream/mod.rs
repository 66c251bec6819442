//! The HTTP upstream, against a server that misbehaves on purpose and against a real nginx.

mod backoff;
mod body;
mod failure;
mod limit;
mod nginx;
mod proxy;
mod request;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::common::scripted::{Action, Scripted, answer_with};
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};
use horde_refd::upstream::{Fetched, Upstream, UpstreamError};

const BODY: &[u8] = b"{\"a model\": {\"name\": \"a model\"}}\n";
const FILE: Category = Category::Clip;

/// A flat upstream at this URL; it waits long for answers and not at all between attempts.
fn config(url: &str) -> Config {
    let mut config = Config::default_for("/never/used".into());
    let origin = Origin::Http(url.parse().unwrap());
    config.upstreams = vec![UpstreamConfig::new(origin, Layout::Flat)];
    config.http.connect_timeout = Duration::from_secs(20);
    config.http.read_timeout = Duration::from_secs(20);
    config.http.timeout = Duration::from_secs(40);
    config.http.retry_backoff = Duration::from_millis(2);
    config.http.max_body_bytes = 1 << 20;
    config
}

fn upstream(config: &Config) -> Upstream {
    limited(config, BTreeMap::new())
}

/// The upstream of a process that knows these rate-limit deadlines.
fn limited(config: &Config, held: BTreeMap<String, jiff::Timestamp>) -> Upstream {
    Upstream::new(&config.upstreams[0], &config.http, &config.github, held).unwrap()
}

/// One fetch of the file from a server that always does the same.
async fn fetch(server: &Scripted) -> Result<Fetched, UpstreamError> {
    upstream(&config(&server.url())).fetch(FILE, None).await
}

fn always(answer: Vec<u8>) -> Scripted {
    Scripted::start(move |_, _| Action::Send(answer.clone()))
}

fn ok() -> Vec<u8> {
    answer_with(200, &[("Content-Type", "text/plain; charset=utf-8")], BODY)
}

fn body(fetched: Fetched) -> Vec<u8> {
    match fetched {
        Fetched::New { body, .. } => body,
        Fetched::NotModified => panic!("not modified"),
    }
}

/// Lets the other tasks run until they have brought this about.
async fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::task::yield_now().await;
    }
}

/// The error with its causes, as a person sees it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
