//! Why a cycle should run: three sources, one coalescing [`Trigger`].
//!
//! 1. A trigger holds at most one pending [`Depth`]; requests made before a cycle starts collapse into the deepest.
//! 2. Taking the depth is atomic: a request made after [`Trigger::next`] returned gives another cycle, begun after it.
//! 3. [`Trigger::next`] may be dropped at any await point without losing a request.
//! 4. A trigger never says which file changed. Every cycle compares everything, so a lost event, an overflow and a
//!    restart take the path that is always used.
//! 5. A tick of the schedule that falls into a polling cycle is skipped, not queued. One that falls into a cycle that
//!    only looks at files is kept, since that cycle does not poll.
//!
//! The sources are [`schedule`], [`watch`] and [`signals`]; a source that dies ends with an error, and the daemon with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::depth::Depth;

pub mod schedule;
pub mod signals;
pub mod watch;

/// The one pending [`Depth`], shared by every source and the one loop that serves them.
#[derive(Debug, Clone, Default)]
pub struct Trigger {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The rank of the pending depth; 0: none.
    pending: AtomicU8,
    /// The rank of the depth whose cycle runs; 0: none.
    running: AtomicU8,
    wake: Notify,
}

impl Trigger {
    /// A trigger with nothing pending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a cycle. Never blocks; callable from any thread.
    pub fn request(&self, depth: Depth) {
        self.shared.pending.fetch_max(depth as u8, Ordering::AcqRel);
        self.shared.wake.notify_one();
    }

    /// Asks for a poll unless one is running (invariant 5). Returns whether it was asked for.
    #[must_use = "says whether a poll will come"]
    pub fn tick(&self) -> bool {
        let polling = self.shared.running.load(Ordering::Acquire) >= Depth::Poll as u8;
        if !polling {
            self.request(Depth::Poll);
        }
        !polling
    }

    /// Waits for a depth and takes it. Meant for one consumer; cancel-safe.
    pub async fn next(&self) -> Depth {
        loop {
            // A stale permit costs one turn of this loop; a missing one is impossible, since `request` stores the
            // depth before it notifies.
            if let Some(depth) = self.take() {
                return depth;
            }
            self.shared.wake.notified().await;
        }
    }

    /// Waits for a request and leaves it pending: for a cycle that wants to know while it waits for others. Cancel-safe.
    ///
    /// The permit it takes is not missed by [`Trigger::next`], which looks for a depth before it waits.
    pub async fn hinted(&self) {
        self.shared.wake.notified().await;
    }

    /// The pending depth, left in place.
    #[must_use]
    pub fn pending(&self) -> Option<Depth> {
        Depth::from_rank(self.shared.pending.load(Ordering::Acquire))
    }

    /// Marks a cycle of `depth` as running until the guard is dropped.
    pub fn running(&self, depth: Depth) -> Running<'_> {
        self.shared.running.store(depth as u8, Ordering::Release);
        Running { trigger: self }
    }

    fn take(&self) -> Option<Depth> {
        Depth::from_rank(self.shared.pending.swap(0, Ordering::AcqRel))
    }
}

/// A cycle is running for as long as this lives.
#[derive(Debug)]
#[must_use = "the cycle counts as over when this is dropped"]
pub struct Running<'a> {
    trigger: &'a Trigger,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.trigger.shared.running.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn reasons_are_ordered_weakest_first() {
        assert!(Depth::Disk < Depth::Poll && Depth::Poll < Depth::Force);
    }

    #[tokio::test]
    async fn invariant_1_requests_collapse_into_the_deepest() {
        for (asked, expected) in [
            (vec![Depth::Disk], Depth::Disk),
            (vec![Depth::Disk, Depth::Force, Depth::Poll], Depth::Force),
            (vec![Depth::Poll, Depth::Disk], Depth::Poll),
        ] {
            let trigger = Trigger::new();
            for reason in asked {
                trigger.request(reason);
            }
            assert_eq!(trigger.pending(), Some(expected));
            assert_eq!(trigger.next().await, expected);
            assert_eq!(trigger.pending(), None);
            assert!(trigger.next().now_or_never().is_none());
        }
    }

    #[tokio::test]
    async fn invariant_2_a_request_during_a_cycle_gives_exactly_one_more() {
        let trigger = Trigger::new();
        trigger.request(Depth::Poll);
        assert_eq!(trigger.next().await, Depth::Poll);
        for _ in 0..10 {
            trigger.request(Depth::Force);
        }
        assert_eq!(trigger.next().await, Depth::Force);
        assert!(trigger.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn invariant_3_a_dropped_wait_loses_nothing() {
        let trigger = Trigger::new();
        for _ in 0..3 {
            let waiting = trigger.clone();
            let mut wait = Box::pin(async move { waiting.next().await });
            assert!(wait.as_mut().now_or_never().is_none());
            // The waiter is notified, then dropped before it is polled again.
            trigger.request(Depth::Disk);
            drop(wait);
            assert_eq!(trigger.next().now_or_never(), Some(Depth::Disk));
        }
    }

    #[tokio::test]
    async fn a_waiter_wakes_for_a_request_from_another_thread() {
        let trigger = Trigger::new();
        let remote = trigger.clone();
        let thread = std::thread::spawn(move || remote.request(Depth::Disk));
        assert_eq!(trigger.next().await, Depth::Disk);
        thread.join().unwrap();
    }

    #[test]
    fn invariant_5_a_tick_is_skipped_only_while_polling() {
        let trigger = Trigger::new();
        {
            let _cycle = trigger.running(Depth::Poll);
            assert!(!trigger.tick());
            assert_eq!(trigger.pending(), None);
        }
        {
            let _cycle = trigger.running(Depth::Disk);
            assert!(trigger.tick());
        }
        assert_eq!(trigger.pending(), Some(Depth::Poll));
        assert!(trigger.tick());
    }
}
