//! Another program that goes on changing our files is noticed, and answered at a slower pace; pure.
//!
//! 1. What counts is a file of ours that had to be brought back. An edited legacy file that is converted does not count,
//!    and is never slowed.
//! 2. After `FEW` times in a row it is noticed, once, whatever files it changes; from then on a category is brought back at
//!    most once in `APART`, until nothing had to be for `QUIET`.
//! 3. A missing file that is fetched outside of a poll costs a request: the first `FREE` are made at once, the next ones
//!    after pauses that double.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::category::Category;

/// How often in a row a category's files are brought back until the other program is noticed.
const FEW: u32 = 10;
/// The least time between two repairs of a category once the other program is noticed.
const APART: Duration = Duration::from_secs(1);
/// After this long without a repair, the count of repairs begins anew.
const QUIET: Duration = Duration::from_mins(1);
/// Fetches of a missing file that are made without a pause.
const FREE: u32 = 3;
/// The pause after those; it doubles with each fetch.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause between two fetches.
const LONGEST: Duration = Duration::from_mins(15);

/// What is known of other programs, by category.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    brought_back: BTreeMap<Category, Times>,
    fetched: BTreeMap<Category, Times>,
    /// When what was noticed last went on.
    noticed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    times: u32,
    last: Instant,
}

impl Rivals {
    /// How long a category that has to be brought back is left as it is.
    pub(super) fn wait(&self, category: Category, now: Instant) -> Option<Duration> {
        let known = self.recent(category, now)?;
        let left = APART.saturating_sub(now.saturating_duration_since(known.last));
        (known.times >= FEW && !left.is_zero()).then_some(left)
    }

    /// Whether the next time is the one at which the other program is noticed.
    pub(super) fn is_about_to_show(&self, category: Category, now: Instant) -> bool {
        let known = self.recent(category, now);
        let goes_on = |last: Instant| now.saturating_duration_since(last) < QUIET;
        known.is_some_and(|known| known.times + 1 == FEW) && !self.noticed.is_some_and(goes_on)
    }

    /// A file of a category had to be brought back.
    pub(super) fn brought_back(&mut self, category: Category, now: Instant) {
        let times = self.recent(category, now).map_or(0, |known| known.times);
        let times = Times {
            times: times.saturating_add(1),
            last: now,
        };
        if times.times >= FEW {
            self.noticed = Some(now);
        }
        self.brought_back.insert(category, times);
    }

    fn recent(&self, category: Category, now: Instant) -> Option<Times> {
        let known = self.brought_back.get(&category).copied();
        known.filter(|known| now.saturating_duration_since(known.last) < QUIET)
    }

    /// How long a missing file is not fetched yet, outside of a poll; `None`: it is, which counts.
    pub(super) fn fetch(&mut self, category: Category, now: Instant) -> Option<Duration> {
        let known = self.fetched.get(&category).copied();
        let since = |known: Times| now.saturating_duration_since(known.last);
        let known = known.filter(|known| since(*known) < LONGEST * 2);
        let times = known.map_or(0, |known| known.times);
        if let (Some(known), Some(doublings)) = (known, times.checked_sub(FREE)) {
            let pause = PAUSE.saturating_mul(1 << doublings.min(10)).min(LONGEST);
            let left = pause.saturating_sub(since(known));
            if !left.is_zero() {
                return Some(left);
            }
        }
        let times = Times {
            times: times.saturating_add(1),
            last: now,
        };
        self.fetched.insert(category, times);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const CLIP: Category = Category::Clip;

    #[test]
    fn after_a_few_times_a_category_is_brought_back_once_in_a_while() {
        let mut rivals = Rivals::default();
        let start = clock::instant();
        let at = |ms| start + Duration::from_millis(ms);
        for time in 0..10 {
            assert_eq!(rivals.wait(CLIP, at(time * 20)), None);
            let shows = rivals.is_about_to_show(CLIP, at(time * 20));
            assert_eq!(shows, time == 9);
            rivals.brought_back(CLIP, at(time * 20));
        }
        assert_eq!(rivals.wait(CLIP, at(180)), Some(APART));
        assert_eq!(rivals.wait(Category::Blip, at(180)), None);
        assert_eq!(rivals.wait(CLIP, at(1180)), None);
        rivals.brought_back(CLIP, at(1180));
        assert!(rivals.wait(CLIP, at(1200)).is_some());
        assert!(
            !rivals.is_about_to_show(CLIP, at(1200)),
            "it is noticed once"
        );
        // After a quiet minute it begins anew.
        assert_eq!(rivals.wait(CLIP, at(61_180)), None);
        rivals.brought_back(CLIP, at(61_180));
        assert_eq!(rivals.wait(CLIP, at(61_190)), None);
    }

    #[test]
    fn a_few_fetches_then_growing_pauses() {
        let mut rivals = Rivals::default();
        let start = clock::instant();
        let mut now = start;
        for _ in 0..3 {
            assert_eq!(rivals.fetch(CLIP, now), None);
        }
        for pause in [30, 60, 120, 240, 480, 900, 900] {
            let pause = Duration::from_secs(pause);
            assert_eq!(rivals.fetch(CLIP, now), Some(pause));
            now += pause;
            assert_eq!(rivals.fetch(CLIP, now), None);
        }
        now += LONGEST * 2;
        for _ in 0..3 {
            assert_eq!(rivals.fetch(CLIP, now), None);
        }
    }
}
