//! A cron expression, and when it comes due: the one reading of it.
//!
//! 1. It is read as tokio-cron-scheduler reads it: six fields, seconds first, in UTC; where both the day of the month and
//!    the weekday are given, both must be true.
//! 2. One that never comes due is refused, so that the schedule always has a next time.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;

use super::ScheduleConfig;

/// How many times are looked at to find the intervals.
const SAMPLE: usize = 256;
/// The default; its pauses are known, which saves every command 3 million instructions.
const QUARTER_HOURLY: &str = "0 */15 * * * *";
const QUARTER: Duration = Duration::from_mins(15);

/// A checked cron expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    text: String,
    times: croner::Cron,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RULE: &str =
            "must be a cron expression of six fields, seconds first, like \"0 */15 * * * *\"";
        let fields = text.split_whitespace().count();
        if fields != 6 {
            return Err(format!("{RULE}; it has {fields}"));
        }
        let times = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(text)
            .map_err(|error| format!("{RULE} ({error})"))?;
        let text = text.to_owned();
        let cron = Self { text, times };
        match cron.after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(cron),
            None => Err(format!("{RULE}, and come due some day")),
        }
    }

    /// The first time after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_two(now).map(|times| times.0)
    }

    /// The next two times after `now`; the first one twice when it is the last.
    #[must_use]
    pub fn next_two(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let first = self.after(DateTime::from_timestamp(now.as_second(), 0)?)?;
        let second = self.after(first).unwrap_or(first);
        let stamp = |time: DateTime<Utc>| Timestamp::from_second(time.timestamp()).ok();
        Some((stamp(first)?, stamp(second)?))
    }

    /// The shortest and the longest of the pauses between its times; nothing when there are not two times.
    #[must_use]
    pub fn intervals(&self) -> Option<(Duration, Duration)> {
        if self.text == QUARTER_HOURLY {
            return Some((QUARTER, QUARTER));
        }
        self.computed_intervals()
    }

    fn computed_intervals(&self) -> Option<(Duration, Duration)> {
        // Not croner's own iterator: that steps two seconds at a time where every second matches (3.0.1).
        let first = self.after(DateTime::UNIX_EPOCH);
        let times: Vec<_> = std::iter::successors(first, |time| self.after(*time))
            .take(SAMPLE)
            .collect();
        let pairs = times.iter().zip(times.iter().skip(1));
        let pauses = pairs.filter_map(|(earlier, later)| (*later - *earlier).to_std().ok());
        Some((pauses.clone().min()?, pauses.max()?))
    }

    fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.times.find_next_occurrence(&time, false).ok()
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ScheduleConfig {
    /// The default: every quarter of an hour, a minute of splay.
    #[expect(
        clippy::expect_used,
        reason = "a constant; every test that makes a configuration parses it"
    )]
    pub(super) fn quarter_hourly() -> Self {
        Self {
            cron: Cron::parse(QUARTER_HOURLY).expect("the default schedule is well-formed"),
            splay: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_known_pauses_of_the_default_are_the_computed_ones() {
        let cron = ScheduleConfig::quarter_hourly().cron;
        assert_eq!(cron.intervals(), cron.computed_intervals());
    }

    #[test]
    fn what_is_no_expression_or_never_comes_due_is_refused() {
        let table = [
            ("0 */15 * * * *", true),
            ("*/5 * * * * *", true),
            ("0 0 3 * * MON-FRI", true),
            ("0 0 0 29 2 *", true),
            ("0 0 0 29 2 MON", true),
            ("*/15 * * * *", false),
            ("0 0 0 1 1 * 2030", false),
            ("", false),
            ("0 */15 * * * elephant", false),
            ("61 * * * * *", false),
            ("0 0 0 30 2 *", false),
            ("0 0 0 30 2 FRI", false),
            ("@hourly", false),
        ];
        for (text, good) in table {
            let read = Cron::parse(text);
            assert_eq!(read.is_ok(), good, "{text}: {:?}", read.err());
        }
    }

    #[test]
    fn times_are_in_utc_and_strictly_later() {
        let table = [
            (
                "0 */15 * * * *",
                "2026-11-22T15:31:10.5Z",
                "2026-11-22T15:45:00Z",
            ),
            (
                "0 */15 * * * *",
                "2026-11-22T15:45:00Z",
                "2026-11-22T16:00:00Z",
            ),
            (
                "0 */15 * * * *",
                "2026-11-22T23:59:59Z",
                "2026-11-23T00:00:00Z",
            ),
            (
                "0 0 0 * * 7",
                "2026-11-28T23:59:56Z",
                "2026-11-29T00:00:00Z",
            ),
            (
                "0 0 0 * * 0",
                "2026-11-28T23:59:56Z",
                "2026-11-29T00:00:00Z",
            ),
            (
                "0 0 0 * * 1#1",
                "2026-12-06T23:59:56Z",
                "2026-12-07T00:00:00Z",
            ),
            (
                "0 0 0 L * *",
                "2026-11-29T23:59:56Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                "0 0 0 15W * *",
                "2026-11-15T23:59:56Z",
                "2026-11-16T00:00:00Z",
            ),
            (
                "0 0 0 29 2 *",
                "2027-03-01T00:00:00Z",
                "2028-02-29T00:00:00Z",
            ),
            // Both the day and the weekday: the first 1st that is a Monday.
            (
                "0 0 0 1 * MON",
                "2026-11-25T00:00:00Z",
                "2027-02-01T00:00:00Z",
            ),
        ];
        for (cron, now, next) in table {
            let cron = Cron::parse(cron).unwrap();
            assert_eq!(cron.next(at(now)), Some(at(next)), "{cron} after {now}");
        }
    }

    #[test]
    fn the_intervals_of_uneven_schedules_are_found() {
        const DAY: u64 = 86_400;
        for (cron, shortest, longest) in [
            ("0 */15 * * * *", 900, 900),
            ("* * * * * *", 1, 1),
            ("0 0,2 3 * * *", 120, DAY - 120),
            ("0 0 4 * * *", DAY, DAY),
            ("0 0 9-17 * * *", 3600, 16 * 3600),
            ("0 */15 9-17 * * MON-FRI", 900, 2 * DAY + 15 * 3600 + 900),
            ("0 0 0 1 * MON", 28 * DAY, 427 * DAY),
        ] {
            let found = Cron::parse(cron).unwrap().intervals();
            let expected = (Duration::from_secs(shortest), Duration::from_secs(longest));
            assert_eq!(found, Some(expected), "{cron}");
        }
    }
}
