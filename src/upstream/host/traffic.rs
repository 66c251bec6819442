//! What the upstreams were asked and what it cost: counters since start, for the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A reading of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests by the upstream's name and by how they ended: the status code, `timeout`, or `error` for a connection or
    /// a body that broke.
    pub by_upstream: BTreeMap<String, BTreeMap<String, u64>>,
    /// Bytes of bodies, decoded; of those that broke off or were refused, as they came.
    pub downloaded_bytes: u64,
}

impl Traffic {
    /// Requests by how they ended, of all upstreams together.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (code, times) in self.by_upstream.values().flatten() {
            *all.entry(code.clone()).or_default() += times;
        }
        all
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Counters {
    requests: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
    pub(in crate::upstream) downloaded: AtomicU64,
}

impl Counters {
    /// Counts one request of `upstream` that ended with `code`.
    pub(in crate::upstream) fn count(&self, upstream: &str, code: &str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = requests.entry(upstream.to_owned()).or_default();
        *codes.entry(code.to_owned()).or_default() += 1;
    }

    pub(in crate::upstream) fn read(&self) -> Traffic {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        Traffic {
            by_upstream: requests.clone(),
            downloaded_bytes: self.downloaded.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_upstream_and_code() {
        let counters = Counters::default();
        for (upstream, code) in [
            ("primary", "200"),
            ("github", "200"),
            ("github", "304"),
            ("github", "200"),
        ] {
            counters.count(upstream, code);
        }
        let traffic = counters.read();
        assert_eq!(traffic.by_upstream["github"]["200"], 2);
        assert_eq!(traffic.by_upstream["primary"]["200"], 1);
        let all = BTreeMap::from([("200".to_owned(), 3), ("304".to_owned(), 1)]);
        assert_eq!(traffic.requests(), all);
    }
}
