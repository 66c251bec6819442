//! What all upstreams of a process share: the HTTP client, and for each host its slots, its limit and its last breaker.
//!
//! 1. A host is a name or an address with its port, where that is not the scheme's own; whatever upstream asks it, its numbers are one.
//! 2. No more than the configured number of requests is in flight per host; a fetch that waits to retry is not in flight.
//! 3. While a host limits us no request leaves to it: not forced, not retried, not queued.
//!
//! The arithmetic stands apart, one file each: [`limit`], [`breaker`], [`retry`], [`pace`], [`traffic`].

pub(super) mod breaker;
pub(super) mod limit;
pub(super) mod pace;
pub(super) mod retry;
pub(super) mod traffic;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{OnceCell, Semaphore, watch};

use super::error::UpstreamError;
use super::http::client::Client;
use crate::clock;
use crate::config::HttpConfig;
use breaker::Breaker;
use limit::Limits;
use traffic::{Counters, Traffic};

/// What is known of all hosts.
#[derive(Debug)]
pub struct Hosts {
    pub(super) http: HttpConfig,
    pub(super) limits: Limits,
    pub(super) traffic: Counters,
    /// Moves on whenever waiting has lost its point.
    pub(super) impatience: watch::Sender<u64>,
    client: OnceCell<Client>,
    given: Option<reqwest::Client>,
    slots: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    shown: Mutex<BTreeMap<String, BreakerState>>,
}

/// A host's breaker, as the status shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// The host answers, or was not asked yet.
    #[default]
    Closed,
    /// The host was dead in the last cycle that asked it.
    Open,
    /// The host was dead, and is being asked again.
    Probing,
}

impl BreakerState {
    /// The name in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Probing => "probing",
        }
    }

    /// The state after a breaker of the running cycle has changed.
    const fn after(self, breaker: Breaker) -> Self {
        match (breaker, self) {
            (Breaker::Dead, _) => Self::Open,
            (Breaker::Closed, _) => Self::Closed,
            (Breaker::Unasked, same) => same,
            (_, Self::Open | Self::Probing) => Self::Probing,
            (_, Self::Closed) => Self::Closed,
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Hosts {
    /// Hosts that are asked as `http` says, respecting the rate limits of an earlier run, by host.
    #[must_use]
    pub fn new(http: &HttpConfig, limits: BTreeMap<String, Timestamp>) -> Self {
        Self {
            http: http.clone(),
            limits: Limits::new(limits),
            traffic: Counters::default(),
            impatience: watch::Sender::new(0),
            client: OnceCell::new(),
            given: None,
            slots: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// The same, with a client that the caller has set up instead of the one that `http` describes.
    #[must_use]
    pub fn with_client(self, client: reqwest::Client) -> Self {
        Self {
            given: Some(client),
            ..self
        }
    }

    /// The rate limits still ahead, per host, for the caller to keep across runs.
    pub fn limits(&self) -> BTreeMap<String, Timestamp> {
        self.limits.all(clock::now())
    }

    /// Takes over limits that another process was given.
    pub fn limit(&self, deadlines: &BTreeMap<String, Timestamp>) {
        let now = clock::now();
        for (host, until) in deadlines {
            self.limits.extend(host, *until, now);
        }
    }

    /// Until when a host limits us.
    pub fn limited_until(&self, host: &str) -> Option<Timestamp> {
        self.limits.until(host, clock::now())
    }

    /// The breaker of a host.
    pub fn breaker(&self, host: &str) -> BreakerState {
        locked(&self.shown).get(host).copied().unwrap_or_default()
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

    /// The HTTP client, made at the first request.
    pub(super) async fn client(&self) -> Result<&Client, UpstreamError> {
        self.client
            .get_or_try_init(|| async {
                match &self.given {
                    Some(client) => Client::given(client.clone()),
                    None => Client::new(&self.http),
                }
            })
            .await
    }

    /// The slots of a host.
    pub(super) fn slots(&self, host: &str) -> Arc<Semaphore> {
        let mut slots = locked(&self.slots);
        let of_host = slots.entry(host.to_owned()).or_insert_with(|| {
            let most = self.http.concurrency.clamp(1, Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(most))
        });
        Arc::clone(of_host)
    }

    /// Notes that the breaker of a host has changed in the running cycle.
    pub(super) fn show(&self, host: &str, breaker: Breaker) {
        let mut shown = locked(&self.shown);
        let state = shown.entry(host.to_owned()).or_default();
        *state = state.after(breaker);
    }
}

/// Nothing under these locks can panic between two writes, so what a poisoned one holds is whole.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_breaker_opens_probes_and_closes() {
        let probing = Breaker::Probing {
            probe: 1,
            failed: false,
        };
        let walk = [
            // the cycle's breaker, shown
            (probing, BreakerState::Closed),
            (Breaker::Dead, BreakerState::Open),
            (Breaker::Unasked, BreakerState::Open),
            (probing, BreakerState::Probing),
            (Breaker::Doubted { first: None }, BreakerState::Probing),
            (Breaker::Dead, BreakerState::Open),
            (probing, BreakerState::Probing),
            (Breaker::Closed, BreakerState::Closed),
        ];
        let mut shown = BreakerState::default();
        for (breaker, expected) in walk {
            shown = shown.after(breaker);
            assert_eq!(shown, expected, "{breaker:?}");
        }
    }
}
