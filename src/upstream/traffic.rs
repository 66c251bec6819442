//! What an upstream was asked and what it cost: counters since start, for the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Fetched;
use super::error::UpstreamError;

/// A reading of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests by how they ended: the status code, `timeout`, or `error` for a connection or a body that broke.
    pub requests: BTreeMap<String, u64>,
    /// Bytes of bodies, decoded; of those that broke off or were refused, as they came.
    pub downloaded_bytes: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: Mutex<BTreeMap<String, u64>>,
    pub(super) downloaded: AtomicU64,
}

impl Counters {
    /// Counts one request by its end, and says which end that is.
    pub(super) fn count(&self, end: &Result<Fetched, UpstreamError>) -> String {
        let code = match end {
            Ok(Fetched::NotModified) | Err(UpstreamError::NotModifiedUnasked { .. }) => {
                "304".to_owned()
            }
            Err(UpstreamError::Status { status, .. }) => status.as_u16().to_string(),
            Err(
                UpstreamError::Missing { status, .. } | UpstreamError::RateLimited { status, .. },
            ) => status.to_string(),
            Err(UpstreamError::Timeout { .. }) => "timeout".to_owned(),
            Err(
                UpstreamError::Connect { .. }
                | UpstreamError::Certificate { .. }
                | UpstreamError::Request { .. }
                | UpstreamError::Body { .. }
                | UpstreamError::Redirect { .. },
            ) => "error".to_owned(),
            // A body that came and was not taken, like one that was.
            Ok(Fetched::New { .. }) | Err(_) => "200".to_owned(),
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(code.clone()).or_default() += 1;
        code
    }

    pub(super) fn read(&self) -> Traffic {
        Traffic {
            requests: self
                .requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            downloaded_bytes: self.downloaded.load(Ordering::Relaxed),
        }
    }
}
