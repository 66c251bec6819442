//! When to ask again: the arithmetic of backoff and of a server's own wishes; no clock, no I/O, no randomness.
//!
//! 1. The wait before attempt n+1 is uniform in the upper half of `backoff * 2^(n-1)`: jittered, and never near zero.
//! 2. That span stops growing at [`LONGEST_WAIT`], or at the configured backoff where that one is longer.
//! 3. A server error's `Retry-After` lengthens that wait, to no more than [`LONGEST_WAIT`].
//! 4. A rate limit keeps us from a host for at least [`SHORTEST_LIMIT`] and at most [`LONGEST_LIMIT`], whatever the server says;
//!    a server that names no time gets [`DEFAULT_LIMIT`].

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// The longest wait between two attempts of one poll.
pub(in crate::upstream) const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The shortest time a rate-limited host is left alone.
pub(in crate::upstream) const SHORTEST_LIMIT: Duration = Duration::from_secs(1);
/// The longest time a rate-limited host is left alone.
pub(in crate::upstream) const LONGEST_LIMIT: Duration = Duration::from_hours(6);
/// The time a rate-limited host is left alone when it names none.
pub(in crate::upstream) const DEFAULT_LIMIT: Duration = Duration::from_mins(30);

/// The wait after the `failed`-th failed attempt (1 is the first); `random` is uniform in 0 to 1.
pub(in crate::upstream) fn wait(failed: u32, backoff: Duration, random: f64) -> Duration {
    // A bound only against arithmetic overflow; the configuration's own rule is far below it.
    let backoff = backoff.min(LONGEST_LIMIT);
    let ceiling = LONGEST_WAIT.max(backoff);
    let doublings = failed.saturating_sub(1).min(31);
    let span = backoff.saturating_mul(1 << doublings).min(ceiling);
    span.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// The time of one whole series: every attempt as long as it may be, and the longest pauses between them.
pub(in crate::upstream) fn series(attempts: u32, timeout: Duration, backoff: Duration) -> Duration {
    let attempts = attempts.max(1);
    // A bound only against a loop of millions; the configuration's own rule is far below it.
    let pauses = (1..attempts.min(1000)).map(|failed| wait(failed, backoff, 1.0));
    timeout
        .saturating_mul(attempts)
        .saturating_add(pauses.fold(Duration::ZERO, Duration::saturating_add))
}

/// The wait that also respects what a server with an error of its own asked for, up to [`LONGEST_WAIT`].
pub(in crate::upstream) fn at_least(wait: Duration, asked: Option<Duration>) -> Duration {
    wait.max(asked.unwrap_or_default().min(LONGEST_WAIT))
}

/// What a `Retry-After` header asks for at `now`: delay-seconds or an HTTP-date; `None` when it is neither.
pub(in crate::upstream) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits, so the only way to fail is to be larger than any time there is.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    let until_date = date.duration_since(SystemTime::from(now));
    Some(until_date.unwrap_or(Duration::ZERO))
}

/// Until when a host that answered with a rate limit is left alone.
///
/// The first of: `Retry-After`, `X-RateLimit-Reset` (seconds since the epoch), [`DEFAULT_LIMIT`].
pub(in crate::upstream) fn limit(
    now: Timestamp,
    retry_after_header: Option<&str>,
    reset: Option<&str>,
) -> Timestamp {
    let asked = retry_after_header
        .and_then(|header| retry_after(header, now))
        .or_else(|| reset.and_then(|header| until_epoch_second(header, now)))
        .unwrap_or(DEFAULT_LIMIT);
    after(now, asked.clamp(SHORTEST_LIMIT, LONGEST_LIMIT))
}

/// `now` plus `wait`; the end of time instead of an overflow.
pub(in crate::upstream) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn until_epoch_second(header: &str, now: Timestamp) -> Option<Duration> {
    let second: i64 = header.trim().parse().ok()?;
    let left = second.saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn invariants_1_and_2_waits_double_up_to_a_ceiling_and_stay_in_the_upper_half() {
        let ms = Duration::from_millis;
        let cases = [
            // failed, backoff, random, wait
            (1, ms(2_000), 0.0, ms(1_000)),
            (1, ms(2_000), 1.0, ms(2_000)),
            (2, ms(2_000), 0.0, ms(2_000)),
            (2, ms(2_000), 0.5, ms(3_000)),
            (3, ms(2_000), 1.0, ms(8_000)),
            (4, ms(2_000), 1.0, ms(16_000)),
            (5, ms(2_000), 1.0, ms(30_000)),
            (5, ms(2_000), 0.0, ms(15_000)),
            (u32::MAX, ms(2_000), 1.0, ms(30_000)),
            (1, ms(60_000), 1.0, ms(60_000)),
            (9, ms(60_000), 0.0, ms(30_000)),
            (1, ms(0), 1.0, ms(0)),
            (9, ms(0), 0.3, ms(0)),
            (1, Duration::MAX, 1.0, LONGEST_LIMIT),
            // A random number outside its range cannot leave the span.
            (1, ms(2_000), 7.0, ms(2_000)),
            (1, ms(2_000), -7.0, ms(1_000)),
        ];
        for (failed, backoff, random, expected) in cases {
            assert_eq!(
                wait(failed, backoff, random),
                expected,
                "{failed} {backoff:?} {random}"
            );
        }
    }

    #[test]
    fn a_series_is_all_its_attempts_and_pauses() {
        let seconds = Duration::from_secs;
        assert_eq!(series(1, seconds(60), seconds(2)), seconds(60));
        assert_eq!(series(0, seconds(60), seconds(2)), seconds(60));
        assert_eq!(series(3, seconds(60), seconds(2)), seconds(180 + 2 + 4));
        assert_eq!(series(u32::MAX, Duration::MAX, seconds(2)), Duration::MAX);
    }

    #[test]
    fn invariant_3_a_server_may_ask_for_a_longer_wait_but_not_for_any() {
        let seconds = Duration::from_secs;
        let cases = [
            // backoff, asked, wait
            (2, None, 2),
            (2, Some(1), 2),
            (2, Some(10), 10),
            (2, Some(30), 30),
            (2, Some(31), 30),
            (2, Some(u64::MAX), 30),
            (60, Some(120), 60),
        ];
        for (backoff, asked, expected) in cases {
            let wait = at_least(seconds(backoff), asked.map(seconds));
            assert_eq!(wait, seconds(expected), "{backoff} {asked:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = at("2026-11-22T12:00:00Z");
        let cases = [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("Sun, 22 Nov 2026 12:01:00 GMT", Some(60)),
            ("Sun, 22 Nov 2026 11:00:00 GMT", Some(0)),
            ("Sunday, 22-Nov-26 12:01:00 GMT", Some(60)),
            ("Sun Nov 22 12:01:00 2026", Some(60)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("2026-11-22T12:01:00Z", None),
        ];
        for (header, expected) in cases {
            assert_eq!(
                retry_after(header, now),
                expected.map(Duration::from_secs),
                "{header:?}"
            );
        }
    }

    #[test]
    fn invariant_4_a_limit_is_clamped_and_falls_back() {
        let now = at("2026-11-22T12:00:00Z");
        let epoch = |seconds: i64| (now.as_second() + seconds).to_string();
        let cases = [
            // Retry-After, X-RateLimit-Reset, seconds limited
            (Some("90".to_owned()), None, 90),
            (Some("0".to_owned()), None, 1),
            (
                Some("99999999999999999999999999".to_owned()),
                None,
                6 * 3600,
            ),
            (Some("Sun, 22 Nov 2026 12:10:00 GMT".to_owned()), None, 600),
            (
                Some("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()),
                None,
                6 * 3600,
            ),
            (Some("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()), None, 1),
            (Some("90".to_owned()), Some(epoch(600)), 90),
            (Some("nonsense".to_owned()), Some(epoch(600)), 600),
            (None, Some(epoch(600)), 600),
            (None, Some(epoch(-600)), 1),
            (None, Some(epoch(1_000_000)), 6 * 3600),
            (None, Some("nonsense".to_owned()), 30 * 60),
            (None, None, 30 * 60),
        ];
        for (header, reset, seconds) in cases {
            let until = limit(now, header.as_deref(), reset.as_deref());
            assert_eq!(
                until.as_second() - now.as_second(),
                seconds,
                "{header:?} {reset:?}"
            );
        }
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        assert_eq!(after(Timestamp::MAX, LONGEST_LIMIT), Timestamp::MAX);
    }
}
