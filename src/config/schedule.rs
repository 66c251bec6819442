//! The cron expression: read exactly as the scheduler reads it, and asked when it is due.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;

use super::ScheduleConfig;

/// How many ticks are looked at to find the shortest interval.
const SAMPLE: usize = 64;

pub(super) fn parse(text: &str) -> Result<Cron, String> {
    const RULE: &str =
        "must be a cron expression of six fields, seconds first, like \"0 */15 * * * *\"";
    let fields = text.split_whitespace().count();
    if fields != 6 {
        return Err(format!("{RULE}; it has {fields}"));
    }
    let cron = CronParser::builder()
        .seconds(Seconds::Required)
        .build()
        .parse(text)
        .map_err(|error| format!("{RULE} ({error})"))?;
    cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false)
        .map_err(|_| format!("{RULE}, and come due some day"))?;
    Ok(cron)
}

impl ScheduleConfig {
    /// The first tick after `now`, before any splay; nothing when there is none.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = DateTime::<Utc>::from_timestamp(now.as_second(), 0)?;
        let next = parse(&self.cron)
            .ok()?
            .find_next_occurrence(&now, false)
            .ok()?;
        Timestamp::from_second(next.timestamp()).ok()
    }

    /// The shortest time between two ticks; nothing when there are not two.
    #[must_use]
    pub fn shortest_interval(&self) -> Option<Duration> {
        let cron = parse(&self.cron).ok()?;
        // Not croner's own iterator: that steps two seconds at a time where every second matches (3.0.1).
        let after = |tick: &DateTime<Utc>| cron.find_next_occurrence(tick, false).ok();
        let first = after(&DateTime::<Utc>::UNIX_EPOCH);
        let ticks: Vec<_> = std::iter::successors(first, after).take(SAMPLE).collect();
        ticks
            .windows(2)
            .filter_map(|pair| match pair {
                [earlier, later] => (*later - *earlier).to_std().ok(),
                _ => None,
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_the_scheduler_reads_them() {
        let table = [
            ("0 */15 * * * *", true),
            ("*/5 * * * * *", true),
            ("0 0 3 * * MON-FRI", true),
            ("*/15 * * * *", false),
            ("0 0 0 1 1 * 2030", false),
            ("", false),
            ("0 */15 * * * elephant", false),
            ("61 * * * * *", false),
            ("0 0 0 30 2 *", false),
            ("@hourly", false),
        ];
        for (text, good) in table {
            assert_eq!(parse(text).is_ok(), good, "{text}: {:?}", parse(text).err());
        }
    }

    #[test]
    fn ticks_are_in_utc_and_strictly_later() {
        let schedule = ScheduleConfig {
            cron: "0 */15 * * * *".to_owned(),
            splay: Duration::ZERO,
        };
        let table = [
            ("2026-11-22T15:31:10.5Z", "2026-11-22T15:45:00Z"),
            ("2026-11-22T15:45:00Z", "2026-11-22T16:00:00Z"),
            ("2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"),
        ];
        for (now, next) in table {
            let now = now.parse().unwrap();
            assert_eq!(schedule.next_after(now), Some(next.parse().unwrap()));
        }
    }

    #[test]
    fn the_shortest_interval_is_found_in_uneven_schedules() {
        for (cron, seconds) in [
            ("0 */15 * * * *", 900),
            ("* * * * * *", 1),
            ("0 0,2 3 * * *", 120),
            ("0 0 4 * * *", 86_400),
        ] {
            let schedule = ScheduleConfig {
                cron: cron.to_owned(),
                splay: Duration::ZERO,
            };
            let found = schedule.shortest_interval();
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{cron}");
        }
    }
}
