//! One cycle's requests: who may ask, for how long, how often.
//!
//! 1. One [`Round::fetch`] is the whole poll of one file: it retries what may pass, waits in between, and answers once.
//! 2. Each host has one breaker in a round, whatever upstreams share it; nothing is asked of a dead one.
//! 3. An upstream has the time of one series of attempts, from its first request on; what it has not answered by then
//!    has failed.
//! 4. A request leaves when the host does not limit us, its breaker lets it go, and a slot is free, in this order; the
//!    limit is looked at once more before it leaves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::address::{Place, Target};
use super::error::{Class, UpstreamError};
use super::host::breaker::{Breaker, End, File, Leave};
use super::host::{Hosts, locked, retry};
use super::{Answer, Source, Upstream, Validators, What, directory, http};
use crate::clock;
use crate::item::{Form, Item};

/// More than a series takes, so that its last attempt ends by its own timeout.
const SLACK: Duration = Duration::from_secs(1);

/// The requests of one cycle.
#[derive(Debug)]
pub struct Round {
    hosts: Arc<Hosts>,
    breakers: Mutex<BTreeMap<String, Arc<watch::Sender<Breaker>>>>,
    deadlines: Mutex<BTreeMap<String, Instant>>,
    files: AtomicU64,
    troubled: AtomicBool,
}

impl Round {
    /// A new cycle: every host is asked anew.
    #[must_use]
    pub fn new(hosts: &Arc<Hosts>) -> Self {
        Self {
            hosts: Arc::clone(hosts),
            breakers: Mutex::default(),
            deadlines: Mutex::default(),
            files: AtomicU64::new(0),
            troubled: AtomicBool::new(false),
        }
    }

    /// Whether a host was dead or answered with an error of its own (5xx): a reason to poll again soon
    /// ([`super::again_after`]).
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// Polls one file: conditionally when there are validators that are still trusted, with as many attempts as
    /// configured.
    ///
    /// # Errors
    /// The last attempt's; [`UpstreamError::class`] says what it means.
    pub async fn fetch(
        &self,
        upstream: &Upstream,
        item: &Item,
        form: Form,
        validators: Option<&Validators>,
    ) -> Result<Answer, UpstreamError> {
        let place = upstream.place(item, form)?;
        let (source, what) = self.at(upstream, place, validators).await?;
        Ok(Answer { source, form, what })
    }

    /// Polls the manifest of an upstream of layout `mirror`, as [`Self::fetch`] does a file.
    ///
    /// # Errors
    /// As there. That it is not there is a failure of every category.
    pub async fn manifest(
        &self,
        upstream: &Upstream,
        validators: Option<&Validators>,
    ) -> Result<(Source, What), UpstreamError> {
        let place = upstream.manifest()?;
        self.at(upstream, place, validators).await
    }

    async fn at(
        &self,
        upstream: &Upstream,
        place: Place,
        validators: Option<&Validators>,
    ) -> Result<(Source, What), UpstreamError> {
        let source = upstream.source_of(&place);
        let url = source.url.clone();
        let what = match place {
            Place::Http(target) => {
                let trusted = validators.filter(|known| !known.are_due(&url, clock::now()));
                let deadline = self.deadline(&upstream.name);
                let poll = self.poll(upstream, &target, trusted);
                let polled = tokio::time::timeout_at(deadline, poll).await;
                let polled = polled.unwrap_or_else(|_| Err(self.out_of_time(&target)));
                if polled.as_ref().is_err_and(UpstreamError::is_trouble) {
                    self.troubled.store(true, Ordering::Relaxed);
                }
                polled?
            }
            Place::File(file) => What::Body {
                bytes: directory::read(&file, self.hosts.http.max_body_bytes).await?,
                validators: Validators::default(),
                complete: true,
            },
        };
        Ok((source, what))
    }

    /// All attempts at one file.
    async fn poll(
        &self,
        upstream: &Upstream,
        target: &Target,
        validators: Option<&Validators>,
    ) -> Result<What, UpstreamError> {
        // Subscribed before the first attempt: what is called off during an attempt does not wait after it either.
        let mut called_off = self.hosts.impatience.subscribe();
        let attempts = self.hosts.http.retry_attempts.max(1);
        let gate = Gate {
            hosts: &self.hosts,
            host: &target.host,
            breaker: self.breaker(&target.host),
            file: self.files.fetch_add(1, Ordering::Relaxed),
        };
        let mut failed = 0;
        loop {
            self.check(target)?;
            gate.pass(target).await?;
            let ended = self.attempt(upstream, target, validators, failed + 1).await;
            failed += 1;
            let error = match ended {
                Ok(what) => {
                    gate.ended(End::Status, true);
                    return Ok(what);
                }
                Err(error) => error,
            };
            let last = error.class() != Class::Transient || failed >= attempts;
            if let Some(end) = error.end() {
                gate.ended(end, last);
            }
            if error.class() != Class::Transient {
                return Err(error);
            }
            if last {
                return Err(error.after(failed));
            }
            let wait = retry::wait(failed, self.hosts.http.retry_backoff, fastrand::f64());
            let wait = match &error {
                UpstreamError::Status { retry_after, .. } => retry::at_least(wait, *retry_after),
                _ => wait,
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

    async fn attempt(
        &self,
        upstream: &Upstream,
        target: &Target,
        validators: Option<&Validators>,
        attempt: u32,
    ) -> Result<What, UpstreamError> {
        let slots = self.hosts.slots(&target.host);
        // The semaphore is never closed, so this only ever waits.
        let _slot = slots.acquire().await;
        self.check(target)?;
        let client = self.hosts.client().await?;
        let request = http::Request {
            client,
            target,
            token: upstream.token()?,
            limit: self.hosts.http.max_body_bytes,
            downloaded: &self.hosts.traffic.downloaded,
        };
        let mut end = self.ask(upstream, &request, validators, attempt).await;
        if validators.is_some() && end.as_ref().is_err_and(UpstreamError::refuses_conditions) {
            end = self.ask(upstream, &request, None, attempt).await;
            // Not sent again before another unconditional answer brings them anew.
            if let Ok(What::Body { validators, .. }) = &mut end {
                *validators = Validators::default();
            }
        }
        if let Err(UpstreamError::RateLimited { host, until, .. }) = &mut end {
            *until = self.hosts.limits.extend(host, *until, clock::now());
            self.hosts.end_backoff();
        }
        end
    }

    /// One request, counted.
    async fn ask(
        &self,
        upstream: &Upstream,
        request: &http::Request<'_>,
        validators: Option<&Validators>,
        attempt: u32,
    ) -> Result<What, UpstreamError> {
        let asked = clock::instant();
        let end = request.get(validators).await;
        let status = match &end {
            Ok(What::Body { .. }) => "200".to_owned(),
            Ok(What::NotModified) => "304".to_owned(),
            Err(error) => error.code(),
        };
        self.hosts.traffic.count(&upstream.name, &status);
        let elapsed_ms = clock::since(asked).as_millis();
        tracing::debug!(
            upstream = upstream.name,
            url = request.target.shown,
            status,
            attempt,
            elapsed_ms,
            "asked"
        );
        end
    }

    /// Fails while the target's host limits us.
    fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        match self.hosts.limited_until(&target.host) {
            None => Ok(()),
            Some(until) => Err(UpstreamError::Limited {
                url: target.shown.clone(),
                host: target.host.clone(),
                until,
            }),
        }
    }

    fn breaker(&self, host: &str) -> Arc<watch::Sender<Breaker>> {
        let mut breakers = locked(&self.breakers);
        Arc::clone(breakers.entry(host.to_owned()).or_default())
    }

    /// The end of an upstream's time, which begins with its first request (invariant 3).
    fn deadline(&self, upstream: &str) -> Instant {
        let now = clock::timer_instant();
        let mut deadlines = locked(&self.deadlines);
        *deadlines.entry(upstream.to_owned()).or_insert_with(|| {
            let far = now + Duration::from_hours(24 * 365);
            now.checked_add(self.series() + SLACK).unwrap_or(far)
        })
    }

    fn series(&self) -> Duration {
        let http = &self.hosts.http;
        // A bound only against arithmetic overflow.
        retry::series(http.retry_attempts, http.timeout, http.retry_backoff)
            .min(Duration::from_hours(24 * 365))
    }

    fn out_of_time(&self, target: &Target) -> UpstreamError {
        UpstreamError::OutOfTime {
            url: target.shown.clone(),
            after: self.series(),
        }
    }
}

/// A file's way through the breaker of its host.
struct Gate<'a> {
    hosts: &'a Hosts,
    host: &'a str,
    breaker: Arc<watch::Sender<Breaker>>,
    file: File,
}

impl Gate<'_> {
    /// Waits until the file may be asked for.
    async fn pass(&self, target: &Target) -> Result<(), UpstreamError> {
        let mut changes = self.breaker.subscribe();
        loop {
            changes.mark_unchanged();
            let mut leave = Leave::Wait;
            self.step(|breaker| leave = breaker.ask(self.file));
            match leave {
                Leave::Go => return Ok(()),
                Leave::Dead => {
                    return Err(UpstreamError::Dead {
                        url: target.shown.clone(),
                        host: self.host.to_owned(),
                    });
                }
                // The sender is in `self`, so this only ever waits.
                Leave::Wait => drop(changes.changed().await),
            }
        }
    }

    fn ended(&self, end: End, last: bool) {
        self.step(|breaker| breaker.ended(self.file, end, last));
    }

    /// Takes a step of the breaker; the files that wait are woken only when it changed.
    fn step(&self, step: impl FnOnce(&mut Breaker)) {
        self.breaker.send_if_modified(|breaker| {
            let before = *breaker;
            step(breaker);
            let changed = before != *breaker;
            if changed {
                self.hosts.show(self.host, *breaker);
            }
            changed
        });
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.step(|breaker| breaker.given_up(self.file));
    }
}
