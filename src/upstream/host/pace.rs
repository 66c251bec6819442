//! How soon to poll again after a cycle that met a dead host or a server's error; no clock, no randomness of its own.
//!
//! 1. The first pause is [`FIRST`]; each further cycle in trouble doubles it; it varies by a fifth either way.
//! 2. It is never longer than the schedule's interval: the schedule polls by itself then.

use std::time::Duration;

/// The pause after the first cycle in trouble.
const FIRST: Duration = Duration::from_secs(30);

/// The pause after the `troubled`-th cycle in a row that met trouble (1 is the first); `None` when the last one met none.
///
/// `interval` is the time between two polls of the schedule; `random` is uniform in 0 to 1.
#[must_use]
pub fn again_after(troubled: u32, interval: Duration, random: f64) -> Option<Duration> {
    let doublings = troubled.checked_sub(1)?.min(20);
    let pause = FIRST.saturating_mul(1 << doublings).min(interval);
    let varied = pause.mul_f64(0.8 + random.clamp(0.0, 1.0) * 0.4);
    Some(varied.min(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_interval() {
        let seconds = Duration::from_secs;
        let quarter = seconds(900);
        let cases = [
            // cycles in trouble, interval, random, seconds
            (0, quarter, 0.5, None),
            (1, quarter, 0.0, Some(24)),
            (1, quarter, 0.5, Some(30)),
            (1, quarter, 1.0, Some(36)),
            (2, quarter, 0.5, Some(60)),
            (5, quarter, 0.5, Some(480)),
            (6, quarter, 0.5, Some(900)),
            (6, quarter, 1.0, Some(900)),
            (u32::MAX, quarter, 0.5, Some(900)),
            (1, seconds(10), 0.5, Some(10)),
            (1, seconds(10), 1.0, Some(10)),
            (40, Duration::MAX, 0.5, Some(30 << 20)),
        ];
        for (troubled, interval, random, expected) in cases {
            let pause = again_after(troubled, interval, random);
            let rounded = pause.map(|pause| pause.as_secs_f64().round() as u64);
            assert_eq!(rounded, expected, "{troubled} {interval:?} {random}");
        }
    }
}
