//! What identifies the version of a file that an upstream sent (RFC 9110 section 8.8), and how long it is trusted.
//!
//! 1. Both headers are kept byte for byte.
//! 2. A `Last-Modified` less than `STRONG` older than the answer's `Date` is weak: a second version of the same second
//!    would have the same one. It is kept and not sent.
//! 3. Trust ends: once a day each URL is asked unconditionally, at a time of day that its name decides, so that the files
//!    of an upstream do not all come on the same poll.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The age from which a `Last-Modified` identifies a version.
const STRONG: Duration = Duration::from_secs(2);

/// How often a body is asked for unconditionally.
const DAY: i64 = 24 * HOUR;

/// How exactly it is known when a body came.
const HOUR: i64 = 3600;

/// The age below which a body is not asked for again for its age.
const YOUNG: Duration = Duration::from_hours(2);

/// The validators of one response; sent back as `If-None-Match` and `If-Modified-Since`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag` header as received, quotes and weakness mark included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Whether `last_modified` says too little to be sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak_date: bool,
    /// The hour in which the body that they describe was received: no finer, so that the same answer soon after leaves
    /// the state as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
}

impl Validators {
    /// The validators of a body that came at `now` with these headers.
    pub(super) fn of(
        etag: Option<&str>,
        last_modified: Option<&str>,
        date: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let weak = last_modified.is_some_and(|modified| !is_strong(modified, date, now));
        Self {
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            weak_date: weak,
            received: Timestamp::from_second(now.as_second().div_euclid(HOUR) * HOUR).ok(),
        }
    }

    /// Whether trust in them has ended at `now` for the file at `url` (invariant 3).
    pub(super) fn are_due(&self, url: &str, now: Timestamp) -> bool {
        let Some(received) = self.received else {
            return false;
        };
        let age = now.as_second().saturating_sub(received.as_second());
        if age < 0 {
            // The clock was ahead when the body came; its age is not known.
            return true;
        }
        let since_slot = (now.as_second() - slot(url)).rem_euclid(DAY);
        Duration::from_secs(age.unsigned_abs()) >= YOUNG && age > since_slot
    }
}

/// The second of the day, a whole hour, from which a URL is asked unconditionally (FNV-1a over the URL; the same in every
/// process and version). Hours, because that is how exactly it is known when a body came.
fn slot(url: &str) -> i64 {
    let hash = url.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % 24).unwrap_or_default() * HOUR
}

/// Whether a `Last-Modified` is old enough beside the `Date` of its answer, or `now` where there is none.
fn is_strong(modified: &str, date: Option<&str>, now: Timestamp) -> bool {
    let Ok(modified) = httpdate::parse_http_date(modified) else {
        return false;
    };
    let date = date
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(|| SystemTime::from(now));
    date.duration_since(modified).is_ok_and(|age| age >= STRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn invariant_2_a_date_as_young_as_its_answer_is_weak() {
        let now = at("2026-11-22T12:00:05Z");
        let date = |second: u32| format!("Sun, 22 Nov 2026 12:00:{second:02} GMT");
        let cases = [
            // Last-Modified, Date, weak
            (date(0), Some(date(5)), false),
            (date(3), Some(date(5)), false),
            (date(4), Some(date(5)), true),
            (date(5), Some(date(5)), true),
            (date(6), Some(date(5)), true),
            (date(3), None, false),
            (date(4), None, true),
            (date(0), Some("yesterday".to_owned()), false),
            ("-1".to_owned(), Some(date(5)), true),
            (
                "Fri, 31 Dec 2100 23:59:59 GMT".to_owned(),
                Some(date(5)),
                true,
            ),
        ];
        for (modified, date, weak) in cases {
            let validators = Validators::of(None, Some(&modified), date.as_deref(), now);
            assert_eq!(validators.weak_date, weak, "{modified} {date:?}");
            assert_eq!(validators.last_modified, Some(modified));
        }
        assert!(!Validators::of(Some("\"x\""), None, None, now).weak_date);
    }

    #[test]
    fn invariant_3_each_url_is_due_once_a_day_at_its_own_time() {
        let start = at("2026-11-22T00:00:00Z");
        let after = |seconds: i64| Timestamp::from_second(start.as_second() + seconds).unwrap();
        let mut hours = std::collections::BTreeSet::new();
        for number in 0..50 {
            let url = format!("https://upstream.example/{number}.json");
            let mut validators = Validators::of(Some("\"x\""), None, None, start);
            let mut due = Vec::new();
            for second in (0..10 * DAY).step_by(900) {
                if validators.are_due(&url, after(second)) {
                    due.push(second);
                    validators = Validators::of(Some("\"x\""), None, None, after(second));
                }
            }
            // The first one may fall into the hours in which a body is young; then there is one a day.
            assert!((9..=10).contains(&due.len()), "{due:?}");
            for pair in due[1..].windows(2) {
                assert!(
                    (DAY - 1800..=DAY + 1800).contains(&(pair[1] - pair[0])),
                    "{due:?}"
                );
            }
            hours.insert(due[1] % DAY / 3600);
        }
        assert!(hours.len() > 15, "they come together: {hours:?}");
    }

    #[test]
    fn a_body_of_unknown_or_impossible_age() {
        let now = at("2026-11-22T12:00:00Z");
        let unknown = Validators {
            etag: Some("\"x\"".to_owned()),
            ..Validators::default()
        };
        assert!(!unknown.are_due("u", now));
        let ahead = Validators {
            received: Some(at("2035-01-01T00:00:00Z")),
            ..unknown
        };
        assert!(ahead.are_due("u", now));
    }
}
