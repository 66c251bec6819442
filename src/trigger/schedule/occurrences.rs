//! When a cron expression comes true.
//!
//! 1. It is read exactly as the scheduler reads it: six fields, seconds first, UTC.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;

use super::{GRACE, ScheduleError};
use crate::clock;

/// When an expression comes true, read exactly as the scheduler reads it.
pub(super) struct Occurrences {
    cron: Cron,
    pub(super) expression: String,
}

impl Occurrences {
    pub(super) fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(expression)
            .map_err(|source| ScheduleError::Expression {
                expression: expression.to_owned(),
                source,
            })?;
        let occurrences = Self {
            cron,
            expression: expression.to_owned(),
        };
        match occurrences.next_two(clock::now()) {
            Some(_) => Ok(occurrences),
            None => Err(ScheduleError::Never {
                expression: occurrences.expression,
            }),
        }
    }

    /// The next two times after `now`; the first one twice when it is the last.
    pub(super) fn next_two(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let now: DateTime<Utc> = DateTime::from_timestamp(now.as_second(), 0)?;
        let first = self.cron.find_next_occurrence(&now, false).ok()?;
        let second = self
            .cron
            .find_next_occurrence(&first, false)
            .unwrap_or(first);
        let stamp = |time: DateTime<Utc>| Timestamp::from_second(time.timestamp()).ok();
        Some((stamp(first)?, stamp(second)?))
    }

    /// How long to wait for a tick, on a clock that never jumps, before it counts as missed.
    pub(super) fn patience(&self, now: Timestamp) -> Duration {
        // An expression that has come true for the last time leaves nothing to be missed.
        self.next_two(now).map_or(Duration::MAX, |(_, second)| {
            Duration::try_from(second.duration_since(now))
                .unwrap_or_default()
                .saturating_add(GRACE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_times_are_in_utc_and_patience_covers_two_of_them() {
        for (cron, now, first, patience) in [
            (
                "0 */15 * * * *",
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:15:00Z",
                30 * 60,
            ),
            (
                "0 */15 * * * *",
                "2026-11-22T10:14:59.5Z",
                "2026-11-22T10:15:00Z",
                15 * 60,
            ),
            (
                "0 0 9-17 * * *",
                "2026-11-22T16:30:00Z",
                "2026-11-22T17:00:00Z",
                (16 * 60 + 30) * 60,
            ),
            (
                "* * * * * *",
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:00:01Z",
                2,
            ),
        ] {
            let occurrences = Occurrences::parse(cron).unwrap();
            assert_eq!(
                occurrences.next_two(at(now)).unwrap().0,
                at(first),
                "{cron}"
            );
            assert_eq!(
                occurrences.patience(at(now)).as_secs(),
                patience + GRACE.as_secs(),
                "{cron}"
            );
        }
    }
}
