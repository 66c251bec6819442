//! [`horde_refd::backend::GithubBackend`] as a Rust program uses it, with every request counted.

mod blocking;
mod examples;
mod fetch;
mod legacy;
mod queries;
mod roles;
mod stale;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use horde_refd::backend::{GithubBackend, Invalidation};
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};

use crate::common::scripted::{Action, Scripted, answer_with, header, target};
use crate::common::{World, answer};

/// A mirror, an upstream that counts and can be broken, and the configuration that joins them.
struct Library {
    world: World,
    server: Scripted,
    broken: Arc<AtomicBool>,
}

impl Library {
    fn new() -> Self {
        let world = World::new();
        let upstream = world.upstream();
        let broken = Arc::new(AtomicBool::new(false));
        let out_of_order = Arc::clone(&broken);
        let server = Scripted::start(move |head, _| {
            if out_of_order.load(Ordering::SeqCst) {
                return Action::Send(answer_with(503, &[], b"out of order"));
            }
            let file = upstream.join(target(head).trim_start_matches('/'));
            Action::Send(answer(head, &std::fs::read(file).unwrap()))
        });
        Self {
            world,
            server,
            broken,
        }
    }

    /// With a mirror that a sync has filled; none of its requests are counted.
    fn synced() -> Self {
        let library = Self::new();
        library.world.sync(&[]).expect(0);
        library
    }

    fn config(&self) -> Config {
        let mut config = Config::default_for(self.world.mirror());
        let origin = Origin::Http(self.server.url().parse().unwrap());
        config.upstreams = vec![UpstreamConfig::new(origin, Layout::Flat)];
        config.http.retry_attempts = 1;
        config.ttl = Duration::from_secs(3600);
        config
    }

    fn open(&self) -> GithubBackend {
        GithubBackend::open(self.config()).unwrap()
    }

    fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// `(path, conditional)` of every request since `from`.
    fn asked_since(&self, from: usize) -> Vec<(String, bool)> {
        let requests = self.server.requests();
        let shown = |head: &String| {
            let conditional = header(head, "if-none-match").is_some();
            (target(head).to_owned(), conditional)
        };
        requests[from..].iter().map(shown).collect()
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }

    fn published(&self, category: Category) -> Vec<u8> {
        std::fs::read(self.world.v2(category)).unwrap()
    }
}

/// Every invalidation that a callback was called with.
fn heard(backend: &GithubBackend) -> Arc<Mutex<Vec<Invalidation>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    backend.on_invalidated(move |event| ear.lock().unwrap().push(event));
    heard
}

/// Waits, within bounds, for something that time brings about.
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < deadline, "it did not come about");
        std::thread::yield_now();
    }
}
