//! Where legacy files come from: an HTTP(S) server or a directory, asked conditionally.
//!
//! 1. One [`Upstream::fetch`] is the whole poll of one file: it retries what may pass, waits in between, and answers once.
//! 2. No more than the configured number of requests is in flight per host; a fetch that waits to retry is not in flight.
//! 3. While a host is held for a rate limit no request leaves to it: not forced, not retried, not queued.
//! 4. Nothing here knows the mirror. Whoever calls decides whether to ask conditionally and what to do with the bytes.
//! 5. An upstream is one origin. Several of them, in order, are several [`Upstream`]s.

mod address;
mod directory;
mod error;
mod hold;
mod http;
mod retry;
mod traffic;
pub mod validators;

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Client;
use tokio::sync::{OnceCell, Semaphore, watch};

pub use error::{Class, HttpCause, Repeated, UpstreamError};
pub use traffic::Traffic;
pub use validators::Validators;

use crate::category::Category;
use crate::clock;
use crate::config::UpstreamConfig;
use address::{Place, Target};
use hold::Holds;
use traffic::Counters;

/// What an upstream has for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The file, whole.
    New {
        /// Its bytes, decoded from the transfer, otherwise as sent.
        body: Vec<u8>,
        /// What to send with the next request; empty for a directory.
        validators: Validators,
        /// Whether the end of the body was announced (a length, a last chunk, the end of a stream, a gzip trailer). A
        /// body that just ends with its connection may have been cut there.
        complete: bool,
    },
    /// The file is the one that the given validators describe.
    NotModified,
}

/// One origin of legacy files.
#[derive(Debug)]
pub struct Upstream {
    config: UpstreamConfig,
    places: BTreeMap<Category, Place>,
    client: OnceCell<Client>,
    slots: Semaphore,
    holds: Holds,
    traffic: Counters,
    /// Moves on whenever waiting has lost its point.
    impatience: watch::Sender<u64>,
}

impl Upstream {
    /// An upstream that also respects the rate-limit deadlines `held` from an earlier run.
    ///
    /// # Errors
    /// When the configured URLs make no file URL.
    pub fn new(
        config: &UpstreamConfig,
        held: BTreeMap<String, Timestamp>,
    ) -> Result<Self, UpstreamError> {
        Ok(Self {
            places: address::places(config)?,
            client: OnceCell::new(),
            slots: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            holds: Holds::new(held),
            traffic: Counters::default(),
            impatience: watch::Sender::new(0),
            config: config.clone(),
        })
    }

    /// The file's own URL (without the proxy prefix, without credentials) or path; `None` for a category without a
    /// legacy file.
    pub fn address(&self, category: Category) -> Option<String> {
        self.places.get(&category).map(Place::address)
    }

    /// Polls one file: conditionally when there are validators, with as many attempts as configured.
    ///
    /// # Errors
    /// The last attempt's; [`UpstreamError::class`] says what it means for the next poll.
    pub async fn fetch(
        &self,
        category: Category,
        validators: Option<&Validators>,
    ) -> Result<Fetched, UpstreamError> {
        match self.places.get(&category) {
            None => Err(UpstreamError::NoLegacyFile { category }),
            Some(Place::Http(target)) => self.poll(target, validators).await,
            // Read on this thread: the files are small and close, and a thread for each costs more than the read.
            Some(Place::File(file)) => {
                let body = directory::read(file, self.config.max_body_bytes)?;
                Ok(Fetched::New {
                    body,
                    validators: Validators::default(),
                    complete: true,
                })
            }
        }
    }

    /// The rate-limit deadlines still ahead, per host, for the caller to keep across runs.
    pub fn holds(&self) -> BTreeMap<String, Timestamp> {
        self.holds.all(clock::now())
    }

    /// Takes over deadlines that another process was given.
    pub fn hold(&self, deadlines: &BTreeMap<String, Timestamp>) {
        let now = clock::now();
        for (host, until) in deadlines {
            self.holds.extend(host, *until, now);
        }
    }

    /// The counters since start.
    pub fn traffic(&self) -> Traffic {
        self.traffic.read()
    }

    /// Ends every wait between attempts of the fetches under way: each answers with its last error at once.
    pub fn end_backoff(&self) {
        self.impatience
            .send_modify(|times| *times = times.wrapping_add(1));
    }

    async fn poll(
        &self,
        target: &Target,
        validators: Option<&Validators>,
    ) -> Result<Fetched, UpstreamError> {
        // Subscribed before the first attempt: who is called off during an attempt does not wait after it either.
        let mut called_off = self.impatience.subscribe();
        let mut failed = 0;
        loop {
            let error = match self.attempt(target, validators, failed + 1).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            failed += 1;
            let wait = match (&error, error.class()) {
                (_, Class::RateLimited { .. } | Class::Permanent) => return Err(error),
                _ if failed >= self.config.retry_attempts => return Err(error.after(failed)),
                (UpstreamError::Status { retry_after, .. }, _) => {
                    retry::at_least(self.wait(failed), *retry_after)
                }
                _ => self.wait(failed),
            };
            tracing::debug!(url = target.shown, failed, ?wait, %error, "attempt failed; waiting to try again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = called_off.changed() => {
                    self.check(target)?;
                    return Err(error.after(failed));
                }
            }
        }
    }

    fn wait(&self, failed: u32) -> std::time::Duration {
        retry::wait(failed, self.config.retry_backoff, fastrand::f64())
    }

    async fn attempt(
        &self,
        target: &Target,
        validators: Option<&Validators>,
        attempt: u32,
    ) -> Result<Fetched, UpstreamError> {
        self.check(target)?;
        // The semaphore is never closed, so this only ever waits.
        let _slot = self.slots.acquire().await;
        // The host may have been held while we queued.
        self.check(target)?;
        let build = || async { http::client::build(&self.config, &target.request) };
        let client = self.client.get_or_try_init(build).await?;
        let limit = self.config.max_body_bytes;
        let asked = clock::instant();
        let mut end = http::get(client, target, validators, limit, &self.traffic.downloaded).await;
        let status = self.traffic.count(&end);
        let elapsed_ms = clock::since(asked).as_millis();
        tracing::debug!(url = target.shown, status, attempt, elapsed_ms, "asked");
        if let Err(UpstreamError::RateLimited { host, until, .. }) = &mut end {
            *until = self.holds.extend(host, *until, clock::now());
            self.end_backoff();
        }
        end
    }

    /// Fails while the target's host is held.
    fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        match self.holds.until(&target.host, clock::now()) {
            None => Ok(()),
            Some(until) => Err(UpstreamError::Held {
                url: target.shown.clone(),
                host: target.host.clone(),
                until,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::config::{Layout, Origin, RepositoryConfig};

    fn below(root: PathBuf, layout: Layout) -> Upstream {
        let repository = RepositoryConfig {
            owner: "owner".to_owned(),
            name: "repository".to_owned(),
            branch: "main".to_owned(),
        };
        let config = UpstreamConfig {
            origin: Origin::Directory(root),
            layout,
            proxy_url: None,
            concurrency: 0,
            connect_timeout: Duration::ZERO,
            read_timeout: Duration::ZERO,
            timeout: Duration::ZERO,
            retry_attempts: 3,
            retry_backoff: Duration::from_hours(1),
            max_body_bytes: 100,
            image: repository.clone(),
            text: repository,
        };
        Upstream::new(&config, BTreeMap::new()).unwrap()
    }

    #[tokio::test]
    async fn a_directory_answers_whole_files_without_an_http_client() {
        let root = tempfile::tempdir().unwrap();
        let nested = root.path().join("owner/repository/refs/heads/main");
        std::fs::create_dir_all(&nested).unwrap();
        std::fs::write(root.path().join("models.csv"), "flat").unwrap();
        std::fs::write(nested.join("models.csv"), "nested").unwrap();
        for (layout, expected) in [(Layout::Flat, "flat"), (Layout::Github, "nested")] {
            let upstream = below(root.path().to_owned(), layout);
            // Validators of another origin mean nothing here.
            let foreign = Validators {
                etag: Some("\"x\"".to_owned()),
                last_modified: None,
            };
            let fetched = upstream
                .fetch(Category::TextGeneration, Some(&foreign))
                .await
                .unwrap();
            let (body, validators) = (expected.into(), Validators::default());
            let complete = true;
            assert_eq!(
                fetched,
                Fetched::New {
                    body,
                    validators,
                    complete
                }
            );
            assert!(!upstream.client.initialized());
            assert_eq!(upstream.traffic(), Traffic::default());
        }
    }

    #[tokio::test]
    async fn a_file_missing_from_a_directory_fails_at_once() {
        let root = tempfile::tempdir().unwrap();
        let upstream = below(root.path().to_owned(), Layout::Flat);
        let error = upstream.fetch(Category::Clip, None).await.unwrap_err();
        let address = upstream.address(Category::Clip).unwrap();
        assert!(
            error
                .to_string()
                .starts_with(&format!("{address} does not exist")),
            "{error}"
        );
    }
}
