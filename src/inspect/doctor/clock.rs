//! Whether this host's clock is right: against the upstreams' dates, and against what was written here before.

use std::time::Duration;

use jiff::Timestamp;

use super::{Check, Scene};
use crate::inspect::status::{age, span};

/// A difference that the way of an answer does not make.
const MUCH: Duration = Duration::from_mins(1);

/// `dates` are upstreams with their clocks, as they answered a moment ago.
pub(super) fn check(scene: &Scene<'_>, dates: &[(String, Timestamp)]) -> Check {
    let now = crate::clock::now();
    let written = scene.daemon.as_ref().ok().map(|it| it.status().updated_at);
    let published = scene.manifest.iter().flat_map(|it| it.categories.values());
    let published = published.map(|entry| entry.published_at).max();
    judge(now, dates, written.into_iter().chain(published).max())
}

fn judge(now: Timestamp, dates: &[(String, Timestamp)], latest: Option<Timestamp>) -> Check {
    let name = "clock";
    let cure = "timedatectl set-ntp true && timedatectl";
    for (upstream, date) in dates {
        let (far, how) = match age(*date, now) {
            Some(behind) => (behind, "ahead of"),
            None => (age(now, *date).unwrap_or_default(), "behind"),
        };
        if far > MUCH {
            let text = format!(
                "this host's clock is {} {how} that of {upstream}",
                span(far)
            );
            return Check::bad(name, text, cure);
        }
    }
    let future = latest.and_then(|latest| age(now, latest));
    if let Some(far) = future.filter(|far| *far > MUCH) {
        let found = format!(
            "what was written here before is {} in the future: this clock was ahead, or is behind now",
            span(far)
        );
        return Check::bad(name, found, cure);
    }
    let names: Vec<_> = dates.iter().map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [] => Check::good(
            name,
            "no upstream said its time; nothing here is in the future",
        ),
        names => Check::good(
            name,
            format!("agrees with {} within a minute", names.join(", ")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_way_and_more_is_the_clock() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-22T12:00:00Z");
        for (date, latest, expected) in [
            ("2026-11-22T12:00:59Z", None, None),
            ("2026-11-22T11:59:01Z", Some("2026-11-22T12:00:30Z"), None),
            (
                "2026-11-22T11:00:00Z",
                None,
                Some("1h 0m ahead of that of github"),
            ),
            (
                "2026-11-22T12:10:00Z",
                None,
                Some("10m behind that of github"),
            ),
            (
                "2026-11-22T12:00:00Z",
                Some("2035-11-22T12:00:00Z"),
                Some("in the future"),
            ),
        ] {
            let dates = [("github".to_owned(), at(date))];
            let check = judge(now, &dates, latest.map(at));
            assert_eq!(check.ok, expected.is_none(), "{check:?}");
            assert!(
                expected.is_none_or(|words| check.found.contains(words)),
                "{check:?}"
            );
        }
        assert!(judge(now, &[], None).ok);
    }
}
