//! Which hosts asked to be left alone, and until when.
//!
//! 1. No deadline lies further ahead than [`LONGEST_LIMIT`], however it came in: from a header, from a state file that
//!    was written under another clock, or because the clock stepped back since.
//! 2. A later answer may lengthen a limit, never shorten it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::retry::{LONGEST_LIMIT, after};

/// The deadlines, by host (with its port, where that is not the scheme's own).
#[derive(Debug, Default)]
pub(in crate::upstream) struct Limits(Mutex<BTreeMap<String, Timestamp>>);

impl Limits {
    pub(in crate::upstream) fn new(limits: BTreeMap<String, Timestamp>) -> Self {
        Self(Mutex::new(limits))
    }

    /// The deadline that forbids a request to `host` at `now`, if there is one.
    pub(in crate::upstream) fn until(&self, host: &str, now: Timestamp) -> Option<Timestamp> {
        self.current(now).get(host).copied()
    }

    /// Leaves `host` alone until then; answers the deadline that counts, which an earlier answer may have set later.
    pub(in crate::upstream) fn extend(
        &self,
        host: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        let mut limits = self.current(now);
        let deadline = limits.entry(host.to_owned()).or_insert(until);
        *deadline = until.max(*deadline);
        *deadline
    }

    /// Every deadline still ahead.
    pub(in crate::upstream) fn all(&self, now: Timestamp) -> BTreeMap<String, Timestamp> {
        self.current(now).clone()
    }

    /// The map without what has passed, and with what is absurdly far brought near.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        // Nothing in this module can panic between two writes, so a poisoned map is still a whole one.
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let farthest = after(now, LONGEST_LIMIT);
        limits.retain(|_, until| {
            *until = farthest.min(*until);
            *until > now
        });
        limits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_limit_ends_at_its_deadline_and_concerns_one_host() {
        let limits = Limits::default();
        limits.extend("a.example", second(100), second(90));
        assert_eq!(limits.until("a.example", second(99)), Some(second(100)));
        assert_eq!(limits.until("b.example", second(99)), None);
        assert_eq!(limits.until("a.example", second(100)), None);
        assert!(limits.all(second(100)).is_empty());
    }

    #[test]
    fn invariant_1_a_deadline_from_another_clock_is_brought_near() {
        let limits = BTreeMap::from([("a.example".to_owned(), second(10_000_000))]);
        let limits = Limits::new(limits);
        let farthest = after(second(0), LONGEST_LIMIT);
        assert_eq!(limits.until("a.example", second(0)), Some(farthest));
        // It is brought near once, not pushed along with the clock.
        let later = after(second(0), Duration::from_mins(1));
        assert_eq!(limits.until("a.example", later), Some(farthest));
    }

    #[test]
    fn invariant_2_a_limit_is_lengthened_never_shortened() {
        let limits = Limits::default();
        assert_eq!(
            limits.extend("a.example", second(100), second(0)),
            second(100)
        );
        assert_eq!(
            limits.extend("a.example", second(50), second(0)),
            second(100)
        );
        assert_eq!(
            limits.extend("a.example", second(200), second(0)),
            second(200)
        );
    }
}
