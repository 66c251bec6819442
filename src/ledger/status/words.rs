//! Times and durations in the words that people are shown.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::age;

/// How long ago: `12s ago`, `3h 5m ago`; `in the future` for what only a wrong clock gives.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match age(then, now) {
        Some(age) => format!("{} ago", span(age)),
        None => "in the future".to_owned(),
    }
}

/// A duration in two units at most: `9m 59s`, `45m`, `3d 2h`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, 1..10) => format!("{minutes}m {}s", seconds % 60),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (599, "9m 59s"),
            (600, "10m"),
            (3_599, "59m"),
            (3_600, "1h 0m"),
            (86_399, "23h 59m"),
            (86_400, "1d 0h"),
            (400 * 86_400, "400d 0h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
