//! The HTTP upstream, against a server that misbehaves on purpose and against a real nginx.

mod backoff;
mod body;
mod failure;
mod limit;
mod nginx;
mod proxy;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::scripted::{Action, Scripted, answer_with};
use horde_refd::category::Category;
use horde_refd::config::{GithubConfig, HttpConfig, Layout, UpstreamConfig};
use horde_refd::config::{Origin, RepositoryConfig};
use horde_refd::item::Form;
use horde_refd::upstream::{Hosts, Round, Traffic, Upstream, UpstreamError, Validators, What};
use jiff::Timestamp;

const BODY: &[u8] = b"{\"a model\": {\"name\": \"a model\"}}\n";
const FILE: Category = Category::Clip;

/// What one upstream is, and how it is asked.
#[derive(Clone)]
struct Config {
    origin: Origin,
    layout: Layout,
    proxy_url: Option<url::Url>,
    http: HttpConfig,
}

fn config(url: &str) -> Config {
    Config {
        origin: Origin::Http(url.parse().unwrap()),
        layout: Layout::Flat,
        proxy_url: None,
        http: HttpConfig {
            concurrency: 4,
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(20),
            timeout: Duration::from_secs(40),
            retry_attempts: 3,
            retry_backoff: Duration::from_millis(2),
            max_body_bytes: 1 << 20,
        },
    }
}

impl Config {
    fn upstream(&self, name: &str) -> Upstream {
        let repository = |name: &str| RepositoryConfig {
            owner: "Haidra-Org".to_owned(),
            name: name.to_owned(),
            branch: "main".to_owned(),
        };
        let config = UpstreamConfig {
            name: name.to_owned(),
            origin: self.origin.clone(),
            layout: self.layout,
            categories: Category::ALL.to_vec(),
            fallback_after: Duration::ZERO,
            proxy_url: self.proxy_url.clone(),
            token_file: None,
        };
        let github = GithubConfig {
            image: repository("AI-Horde-image-model-reference"),
            text: repository("AI-Horde-text-model-reference"),
        };
        Upstream::new(&config, &github).unwrap()
    }
}

/// One upstream, every fetch of which is a cycle of its own.
struct Asker {
    hosts: Arc<Hosts>,
    upstream: Upstream,
}

impl Asker {
    fn new(config: &Config, limits: BTreeMap<String, Timestamp>) -> Self {
        Self {
            hosts: Arc::new(Hosts::new(&config.http, limits)),
            upstream: config.upstream("upstream"),
        }
    }

    async fn fetch(
        &self,
        category: Category,
        validators: Option<&Validators>,
    ) -> Result<What, UpstreamError> {
        let round = Round::new(&self.hosts);
        let item = category.into();
        let answer = round.fetch(&self.upstream, &item, Form::Legacy, validators);
        answer.await.map(|answer| answer.what)
    }

    fn address(&self, category: Category) -> Option<String> {
        let source = self.upstream.source(&category.into(), Form::Legacy)?;
        Some(source.url)
    }

    fn traffic(&self) -> Traffic {
        self.hosts.traffic()
    }

    /// The requests so far, by how they ended.
    fn requests(&self) -> BTreeMap<String, u64> {
        self.hosts.traffic().requests()
    }

    fn limits(&self) -> BTreeMap<String, Timestamp> {
        self.hosts.limits()
    }

    fn end_backoff(&self) {
        self.hosts.end_backoff();
    }
}

fn upstream(config: &Config) -> Asker {
    Asker::new(config, BTreeMap::new())
}

/// One fetch of the file from a server that always does the same.
async fn fetch(server: &Scripted) -> Result<What, UpstreamError> {
    upstream(&config(&server.url())).fetch(FILE, None).await
}

fn always(answer: Vec<u8>) -> Scripted {
    Scripted::start(move |_, _| Action::Send(answer.clone()))
}

fn ok() -> Vec<u8> {
    answer_with(200, &[("Content-Type", "text/plain; charset=utf-8")], BODY)
}

fn body(what: What) -> Vec<u8> {
    match what {
        What::Body { bytes, .. } => bytes,
        What::NotModified => panic!("not modified"),
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
