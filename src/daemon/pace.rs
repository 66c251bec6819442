//! When the daemon polls before its schedule does, and how soon one forced cycle may follow another.
//!
//! 1. After a cycle that met a dead host or a server's error it polls again, sooner at first and then less and less
//!    often ([`again_after`]), never later than the schedule does.
//! 2. A look at the disk neither lengthens nor ends that: it asks for what is missing only.
//! 3. Forced cycles begin at least [`APART`] apart; what asks for one meanwhile is served by the next.
//! 4. What a cycle left as it is, since another program goes on changing it, is looked at again when its pause is over.
//! 5. Values in, values out: the time and the random number come from the caller.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::depth::Depth;
use crate::upstream::again_after;

/// From one beginning of a forced cycle to the next.
const APART: Duration = Duration::from_secs(1);

/// What earlier cycles mean for the next one.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Polls in a row that met trouble.
    troubled: u32,
    /// When to poll because of it.
    again: Option<Instant>,
    /// When to look at the disk again, since something was left as it is.
    look: Option<Instant>,
    /// Before that no forced cycle begins.
    forced_from: Option<Instant>,
}

impl Pace {
    /// A cycle begins.
    pub(super) fn begins(&mut self, depth: Depth, now: Instant) {
        if depth >= Depth::Poll {
            self.again = None;
        }
        self.look = None;
        if depth == Depth::Force {
            self.forced_from = now.checked_add(APART);
        }
    }

    /// A cycle has ended; `interval` is the time between two polls of the schedule, `random` is uniform in 0 to 1.
    /// Returns how long to wait before the next poll, where that is not the schedule's business.
    pub(super) fn ends(
        &mut self,
        (depth, troubled): (Depth, bool),
        interval: Duration,
        random: f64,
        now: Instant,
    ) -> Option<Duration> {
        if depth >= Depth::Poll {
            self.troubled = if troubled {
                self.troubled.saturating_add(1)
            } else {
                0
            };
        } else if troubled && self.troubled == 0 {
            self.troubled = 1;
        } else {
            return self.again.map(|at| at.saturating_duration_since(now));
        }
        let pause = again_after(self.troubled, interval, random);
        self.again = pause.and_then(|pause| now.checked_add(pause));
        pause
    }

    /// Resolves when it is time to poll again; never where the schedule alone decides. Cancel-safe.
    pub(super) async fn again(&self) {
        until(self.again).await;
    }

    /// A cycle left something as it is for so long.
    pub(super) fn postpones(&mut self, postponed: Option<Duration>, now: Instant) {
        self.look = postponed.and_then(|pause| now.checked_add(pause));
    }

    /// Resolves when it is time to look at the disk again. Cancel-safe.
    pub(super) async fn look(&self) {
        until(self.look).await;
    }

    /// The time to look at the disk again has come, and is over.
    pub(super) const fn looks(&mut self) {
        self.look = None;
    }

    /// The time to poll again has come, and is over.
    pub(super) const fn takes(&mut self) {
        self.again = None;
    }

    /// Whether a forced cycle has to wait at a time.
    pub(super) fn delays(&self, depth: Option<Depth>, now: Instant) -> bool {
        depth == Some(Depth::Force) && self.forced_from.is_some_and(|from| now < from)
    }

    /// Resolves when a forced cycle may begin. Cancel-safe.
    pub(super) async fn may_force(&self) {
        until(self.forced_from).await;
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Duration = Duration::from_mins(15);

    #[test]
    fn polls_in_trouble_double_the_pause_and_a_good_one_ends_it() {
        use Depth::{Disk, Force, Poll};
        let begun = Instant::now();
        let mut pace = Pace::default();
        for (depth, troubled, expected) in [
            (Poll, false, None),
            (Poll, true, Some(30)),
            (Poll, true, Some(60)),
            (Disk, false, Some(60)),
            (Disk, true, Some(60)),
            (Force, true, Some(120)),
            (Poll, true, Some(240)),
            (Poll, true, Some(480)),
            (Poll, true, Some(900)),
            (Poll, true, Some(900)),
            (Force, false, None),
            (Disk, false, None),
            (Disk, true, Some(30)),
            (Disk, true, Some(30)),
            (Poll, true, Some(60)),
        ] {
            pace.begins(depth, begun);
            let pause = pace.ends((depth, troubled), QUARTER, 0.5, begun);
            let pause = pause.map(|pause| pause.as_secs_f64().round());
            assert_eq!(pause, expected.map(f64::from), "{depth:?} {troubled}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_poll_comes_when_it_was_announced_and_a_cycle_before_it_takes_its_place() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        pace.ends((Depth::Poll, true), QUARTER, 1.0, begun);
        pace.begins(Depth::Disk, begun);
        pace.again().await;
        let waited = begun.elapsed().as_secs_f64();
        assert!((waited - 36.0).abs() < 0.1, "{waited}");
        pace.begins(Depth::Poll, Instant::now());
        let never = tokio::time::timeout(Duration::from_hours(1), pace.again()).await;
        assert!(never.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn forced_cycles_begin_a_second_apart() {
        let mut pace = Pace::default();
        let begun = Instant::now();
        assert!(!pace.delays(Some(Depth::Force), begun));
        pace.begins(Depth::Force, begun);
        assert!(pace.delays(Some(Depth::Force), begun));
        for free in [Some(Depth::Poll), Some(Depth::Disk), None] {
            assert!(!pace.delays(free, begun));
        }
        pace.may_force().await;
        assert!(begun.elapsed() >= APART);
        assert!(!pace.delays(Some(Depth::Force), Instant::now()));
    }
}
