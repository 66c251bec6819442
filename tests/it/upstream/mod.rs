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
use horde_refd::config::{Layout, Origin, RepositoryConfig, UpstreamConfig};
use horde_refd::upstream::{Fetched, Upstream, UpstreamError};

const BODY: &[u8] = b"{\"a model\": {\"name\": \"a model\"}}\n";
const FILE: Category = Category::Clip;

fn config(url: &str) -> UpstreamConfig {
    let repository = |name: &str| RepositoryConfig {
        owner: "Haidra-Org".to_owned(),
        name: name.to_owned(),
        branch: "main".to_owned(),
    };
    UpstreamConfig {
        origin: Origin::Http(url.parse().unwrap()),
        layout: Layout::Flat,
        proxy_url: None,
        concurrency: 4,
        connect_timeout: Duration::from_secs(20),
        read_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(40),
        retry_attempts: 3,
        retry_backoff: Duration::from_millis(2),
        max_body_bytes: 1 << 20,
        image: repository("AI-Horde-image-model-reference"),
        text: repository("AI-Horde-text-model-reference"),
    }
}

fn upstream(config: &UpstreamConfig) -> Upstream {
    Upstream::new(config, BTreeMap::new()).unwrap()
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
