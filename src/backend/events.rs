//! What hears that a category went stale: callbacks, called in place, and subscribers, through a channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::sync::broadcast;

use super::GithubBackend;
use crate::category::Category;
pub use crate::freshness::Cause;

/// A category went stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalidation {
    /// The category.
    pub category: Category,
    /// Why.
    pub cause: Cause,
}

/// What [`GithubBackend::on_invalidated`] returns, to unregister the callback by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackId(u64);

type Callback = Arc<dyn Fn(Invalidation) + Send + Sync>;

#[derive(Default)]
pub(super) struct Callbacks {
    next: u64,
    registered: Vec<(CallbackId, Callback)>,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks")
            .field("registered", &self.registered.len())
            .finish_non_exhaustive()
    }
}

impl GithubBackend {
    /// Calls back on every staleness, whatever its cause. The callback runs on the thread that noticed and should be
    /// short; a panic in it is logged and goes no further.
    pub fn on_invalidated(
        &self,
        callback: impl Fn(Invalidation) + Send + Sync + 'static,
    ) -> CallbackId {
        let mut callbacks = self
            .callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let id = CallbackId(callbacks.next);
        callbacks.next += 1;
        callbacks.registered.push((id, Arc::new(callback)));
        id
    }

    /// Ends the calls of a callback; false when it was not registered.
    pub fn unregister(&self, id: CallbackId) -> bool {
        let mut callbacks = self
            .callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = callbacks.registered.len();
        callbacks.registered.retain(|(other, _)| *other != id);
        callbacks.registered.len() != before
    }

    /// The same events as a stream; a subscriber that lags by more than 64 events hears that it did.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Invalidation> {
        self.events.subscribe()
    }

    /// Marks a category as stale and tells everybody; the next fetch polls the upstream.
    pub fn mark_stale(&self, category: Category) {
        self.cache().mark(category);
        self.announce(&[Invalidation {
            category,
            cause: Cause::Marked,
        }]);
    }

    pub(super) fn announce(&self, stale: &[Invalidation]) {
        if stale.is_empty() {
            return;
        }
        let callbacks: Vec<Callback> = {
            let callbacks = self
                .callbacks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let registered = callbacks.registered.iter();
            registered
                .map(|(_, callback)| Arc::clone(callback))
                .collect()
        };
        for &event in stale {
            self.counters.invalidations.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(category = %event.category, cause = ?event.cause, "a loaded category went stale");
            // No listener is no error.
            let _ = self.events.send(event);
            for callback in &callbacks {
                if catch_unwind(AssertUnwindSafe(|| callback(event))).is_err() {
                    tracing::error!(category = %event.category, "an invalidation callback panicked");
                }
            }
        }
    }
}
