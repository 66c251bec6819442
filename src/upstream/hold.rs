//! Which hosts asked to be left alone, and until when.
//!
//! 1. No deadline lies further ahead than [`LONGEST_HOLD`], however it came in: from a header, from a state file that
//!    was written under another clock, or because the clock stepped back since.
//! 2. A later answer may lengthen a hold, never shorten it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::retry::{LONGEST_HOLD, after};

/// The deadlines, by host (with its port, where that is not the scheme's own).
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<BTreeMap<String, Timestamp>>);

impl Holds {
    pub(super) fn new(held: BTreeMap<String, Timestamp>) -> Self {
        Self(Mutex::new(held))
    }

    /// The deadline that forbids a request to `host` at `now`, if there is one.
    pub(super) fn until(&self, host: &str, now: Timestamp) -> Option<Timestamp> {
        let mut held = self.settle(now);
        held.get_mut(host).map(|until| *until)
    }

    /// Leaves `host` alone until then; answers the deadline that holds, which an earlier answer may have set later.
    pub(super) fn extend(&self, host: &str, until: Timestamp, now: Timestamp) -> Timestamp {
        let mut held = self.settle(now);
        let deadline = held.entry(host.to_owned()).or_insert(until);
        *deadline = until.max(*deadline);
        *deadline
    }

    /// Every deadline still ahead.
    pub(super) fn all(&self, now: Timestamp) -> BTreeMap<String, Timestamp> {
        self.settle(now).clone()
    }

    /// The map without what has passed, and with what is absurdly far brought near.
    fn settle(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        // Nothing in this module can panic between two writes, so a poisoned map is still a whole one.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let farthest = after(now, LONGEST_HOLD);
        held.retain(|_, until| {
            *until = farthest.min(*until);
            *until > now
        });
        held
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
    fn a_hold_ends_at_its_deadline_and_concerns_one_host() {
        let holds = Holds::default();
        holds.extend("a.example", second(100), second(90));
        assert_eq!(holds.until("a.example", second(99)), Some(second(100)));
        assert_eq!(holds.until("b.example", second(99)), None);
        assert_eq!(holds.until("a.example", second(100)), None);
        assert!(holds.all(second(100)).is_empty());
    }

    #[test]
    fn invariant_1_a_deadline_from_another_clock_is_brought_near() {
        let held = BTreeMap::from([("a.example".to_owned(), second(10_000_000))]);
        let holds = Holds::new(held);
        let farthest = after(second(0), LONGEST_HOLD);
        assert_eq!(holds.until("a.example", second(0)), Some(farthest));
        // It is brought near once, not pushed along with the clock.
        let later = after(second(0), Duration::from_mins(1));
        assert_eq!(holds.until("a.example", later), Some(farthest));
    }

    #[test]
    fn invariant_2_a_hold_is_lengthened_never_shortened() {
        let holds = Holds::default();
        assert_eq!(
            holds.extend("a.example", second(100), second(0)),
            second(100)
        );
        assert_eq!(
            holds.extend("a.example", second(50), second(0)),
            second(100)
        );
        assert_eq!(
            holds.extend("a.example", second(200), second(0)),
            second(200)
        );
    }
}
