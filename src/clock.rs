//! The only calls of a clock.
//!
//! 1. [`now`] is the wall clock, for people, files and other hosts. It may jump either way, so nothing is measured with it.
//! 2. [`instant`] and [`since`] measure. Their clock never goes back, and stands still while the host sleeps.
//! 3. [`timer_instant`] is the same clock as tokio's timers see it, which a test can pause.
//! 4. [`monotonic_us`] is that clock as a number, for other processes of this host.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The present on the clock that measures.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// How long ago `begun` was; zero when it is still to come.
#[must_use]
pub fn since(begun: Instant) -> Duration {
    instant().saturating_duration_since(begun)
}

/// A time in milliseconds with three decimals, as the log has it.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The present on the clock of tokio's timers.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn timer_instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// `CLOCK_MONOTONIC` in microseconds: what systemd and `refresh --wait` compare by.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_to_come_is_no_time_ago() {
        let begun = instant();
        assert_eq!(since(begun + Duration::from_hours(1)), Duration::ZERO);
        assert!(since(begun) < Duration::from_hours(1));
    }

    #[test]
    fn a_time_has_three_decimals() {
        for (nanoseconds, expected) in [(982_963, "0.983"), (29_300_000, "29.3"), (0, "0")] {
            let shown = milliseconds(Duration::from_nanos(nanoseconds)).to_string();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn the_number_is_microseconds_of_the_clock_that_measures() {
        let (before, begun) = (monotonic_us(), instant());
        while since(begun) < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        let measured = monotonic_us() - before;
        assert!((2_000..60_000_000).contains(&measured), "{measured}");
    }
}
