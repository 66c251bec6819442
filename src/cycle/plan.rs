//! Whom a cycle asks for what, and how; pure.
//!
//! 1. A request is conditional only when the file on disk is the one that the validators describe, and was not missing,
//!    or when they describe what waits; a forced cycle asks unconditionally. A missing file that a generation brought back needs no request of its own.
//! 2. Of the upstreams of a lane the first is asked, and the next one only when all before it gave no answer: in the same
//!    cycle where the lane has nothing published, else after they have failed for its own `fallback_after`.
//! 3. Where the local files are the origin, upstreams only seed what is missing.
//! 4. A body that was asked for only because the file was missing is of no use once the file has come from elsewhere.

use std::time::Duration;

use jiff::Timestamp;

use crate::depth::Depth;
use crate::digest::Digest;
use crate::mirror::Known;
use crate::upstream::Validators;

/// What a cycle knows of a file before it asks for it.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they are all read in one place"
)]
pub struct Before<'a> {
    /// How deep the cycle goes.
    pub depth: Depth,
    /// Whether the local files are the origin.
    pub is_origin: bool,
    /// Whether an upstream may seed a missing file of an origin.
    pub seeds: bool,
    /// Whether the file is on disk.
    pub is_here: bool,
    /// The body that the file on disk was made from, as far as that is known; of a legacy file it is the file itself.
    pub on_disk: Option<Digest>,
    /// Whether the file was missing and was brought back from a generation when this cycle began.
    pub came_back: bool,
    /// What the URL last sent.
    pub known: Option<&'a Known>,
    /// What it sent that waits: held by a guard, or kept out by a pin.
    pub waiting: Option<Digest>,
}

/// How a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Not at all.
    Nothing,
    /// Whatever it is.
    Whole,
    /// Only if it is not the version that these describe.
    IfChanged(Validators),
}

/// Whether and how to ask for a file (invariants 1 and 3).
#[must_use]
pub fn ask(before: &Before<'_>) -> Ask {
    if before.is_origin {
        return if !before.is_here && before.seeds {
            Ask::Whole
        } else {
            Ask::Nothing
        };
    }
    match before.depth {
        Depth::Force => Ask::Whole,
        // An empty file is there too: an editor may be about to fill it.
        Depth::Disk if before.is_here => Ask::Nothing,
        Depth::Disk | Depth::Poll => conditional(before),
    }
}

fn conditional(before: &Before<'_>) -> Ask {
    let known = before
        .known
        .filter(|known| known.identifies())
        .filter(|known| {
            let waits = before.waiting == Some(known.sha256);
            waits || (before.on_disk == Some(known.sha256) && !before.came_back)
        });
    known.map_or(Ask::Whole, |known| Ask::IfChanged(known.validators.clone()))
}

/// Whether a body that was asked for is of no use: it was to fill a gap, and `is_here` now says that there is none
/// (invariant 4). An editor that renames its file into place must not lose it to a fetch that began before.
#[must_use]
pub fn is_moot(depth: Depth, is_origin: bool, is_here: bool) -> bool {
    is_here && (is_origin || depth == Depth::Disk)
}

/// One upstream of a lane, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// For how long all before it must have failed until it is asked.
    pub fallback_after: Duration,
    /// Since when it has failed for this item, this cycle's failure included.
    pub failing_since: Option<Timestamp>,
    /// Whether what is published came from it.
    pub published: bool,
}

/// What an upstream that was asked in this cycle said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A body, or that it has not changed.
    Answer,
    /// That it does not have the item.
    NotThere,
    /// Nothing that counts.
    Failure,
}

/// Which upstream of a lane is asked next (invariant 2); `None` when none is. `said` is what those before it did.
#[must_use]
pub fn next(
    lane: &[Candidate],
    said: &[Said],
    has_published: bool,
    now: Timestamp,
) -> Option<usize> {
    let at = said.len();
    let candidate = lane.get(at)?;
    let before = lane.iter().zip(said);
    let mut waits = false;
    for (earlier, said) in before {
        let failed = match said {
            Said::Answer => return None,
            // A published file whose origin lost it is a failure; else the upstream never had it.
            Said::NotThere => earlier.published,
            Said::Failure => true,
        };
        waits |= failed && !is_over(earlier.failing_since, candidate.fallback_after, now);
    }
    (!waits || !has_published).then_some(at)
}

/// Whether a failure has lasted for at least `after`. One that seems to begin in the future began now.
fn is_over(since: Option<Timestamp>, after: Duration, now: Timestamp) -> bool {
    let lasted = since.map_or(Duration::ZERO, |since| {
        Duration::try_from(now.duration_since(since)).unwrap_or_default()
    });
    lasted >= after
}

/// What is known of an upstream of a v2 lane without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lately {
    /// It serves v2.
    Ready {
        /// Since when it fails.
        failing_since: Option<Timestamp>,
        /// Whether its last answer was a body.
        has_answered: bool,
    },
    /// It serves the legacy file, which is converted.
    Converts {
        /// For how long all before it must have failed until it takes their place.
        fallback_after: Duration,
    },
}

/// Whether a v2 lane last came to the conversion: all before the first that converts have failed for as long as that one
/// waits, or do not have the category (invariant 2).
pub fn converts(lane: impl IntoIterator<Item = Lately>, now: Timestamp) -> bool {
    let mut before = Vec::new();
    for lately in lane {
        match lately {
            Lately::Ready {
                failing_since: None,
                has_answered: true,
            } => return false,
            Lately::Ready { failing_since, .. } => before.extend(failing_since),
            Lately::Converts { fallback_after } => {
                let mut failing = before.into_iter();
                return failing.all(|since| is_over(Some(since), fallback_after, now));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn known(body: &str, etag: Option<&str>) -> Known {
        Known {
            validators: Validators {
                etag: etag.map(str::to_owned),
                ..Validators::default()
            },
            sha256: digest(body),
        }
    }

    #[test]
    fn how_a_file_is_asked_for() {
        use Depth::{Disk, Force, Poll};
        let with = known("a", Some("\"1\""));
        let without = known("a", None);
        let validators = || Ask::IfChanged(with.validators.clone());
        // depth, origin, seeds, on disk, known, expected
        for (depth, is_origin, seeds, on_disk, known, expected) in [
            (Disk, false, false, Some("a"), Some(&with), Ask::Nothing),
            (Disk, false, false, Some(""), Some(&with), Ask::Nothing),
            (Disk, false, false, None, Some(&with), Ask::Whole),
            (Poll, false, false, None, None, Ask::Whole),
            (Poll, false, false, Some("a"), None, Ask::Whole),
            (Poll, false, false, Some("a"), Some(&with), validators()),
            (Poll, false, false, Some("a"), Some(&without), Ask::Whole),
            (Poll, false, false, Some("edited"), Some(&with), Ask::Whole),
            (Force, false, false, Some("a"), Some(&with), Ask::Whole),
            (Force, true, true, Some("a"), Some(&with), Ask::Nothing),
            (Force, true, false, None, None, Ask::Nothing),
            (Disk, true, true, None, Some(&with), Ask::Whole),
        ] {
            let before = Before {
                depth,
                is_origin,
                seeds,
                is_here: on_disk.is_some(),
                on_disk: on_disk.map(digest),
                came_back: false,
                known,
                waiting: None,
            };
            assert_eq!(ask(&before), expected, "{before:?}");
        }
        // The file was deleted, and its generation brought it back.
        for (depth, expected) in [(Depth::Disk, Ask::Nothing), (Depth::Poll, Ask::Whole)] {
            let before = Before {
                depth,
                is_origin: false,
                seeds: false,
                is_here: true,
                on_disk: Some(digest("a")),
                came_back: true,
                known: Some(&with),
                waiting: None,
            };
            assert_eq!(ask(&before), expected, "{depth:?}");
        }
    }

    #[test]
    fn a_body_for_a_gap_is_moot_once_the_file_is_here() {
        // depth, origin, on disk when the body has come, expected
        for (depth, is_origin, is_here, expected) in [
            (Depth::Disk, false, true, true),
            (Depth::Disk, false, false, false),
            (Depth::Poll, false, true, false),
            (Depth::Force, false, true, false),
            (Depth::Poll, true, true, true),
            (Depth::Force, true, true, true),
            (Depth::Force, true, false, false),
        ] {
            let found = is_moot(depth, is_origin, is_here);
            assert_eq!(found, expected, "{depth:?} {is_origin} {is_here}");
        }
    }

    #[test]
    fn what_waits_is_asked_for_by_its_validators() {
        let with = known("a", Some("\"1\""));
        let validators = || Ask::IfChanged(with.validators.clone());
        for (depth, waiting, expected) in [
            (Depth::Poll, "a", validators()),
            (Depth::Poll, "b", Ask::Whole),
            (Depth::Force, "a", Ask::Whole),
            (Depth::Disk, "a", Ask::Nothing),
        ] {
            let before = Before {
                depth,
                is_origin: false,
                seeds: false,
                is_here: true,
                on_disk: Some(digest("published")),
                came_back: true,
                known: Some(&with),
                waiting: Some(digest(waiting)),
            };
            assert_eq!(ask(&before), expected, "{depth:?} {waiting}");
        }
    }

    #[test]
    fn which_upstream_is_asked_next() {
        const HOUR: Duration = Duration::from_hours(1);
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let since = |hours: i64| Some(now - jiff::SignedDuration::from_hours(hours));
        let one = |failing_since, published| Candidate {
            fallback_after: Duration::ZERO,
            failing_since,
            published,
        };
        let two = |fallback_after| Candidate {
            fallback_after,
            failing_since: None,
            published: false,
        };
        let failing = one(since(0), false);
        // first, second's fallback_after, what the first said, something is published: is the second asked?
        for (first, after, heard, published, expected) in [
            (one(None, true), HOUR, Said::Answer, true, false),
            (one(None, true), HOUR, Said::Answer, false, false),
            (failing, HOUR, Said::Failure, false, true),
            (failing, HOUR, Said::Failure, true, false),
            (failing, Duration::ZERO, Said::Failure, true, true),
            (one(since(1), false), HOUR, Said::Failure, true, true),
            (one(since(-9), false), HOUR, Said::Failure, true, false),
            (one(since(0), false), HOUR, Said::NotThere, true, true),
            (one(since(0), true), HOUR, Said::NotThere, true, false),
            (one(since(2), true), HOUR, Said::NotThere, true, true),
        ] {
            let lane = [first, two(after)];
            let next = next(&lane, &[heard], published, now);
            assert_eq!(next, expected.then_some(1), "{first:?} {heard:?}");
        }
        let lane = [failing, two(HOUR), two(Duration::ZERO)];
        assert_eq!(next(&lane, &[], true, now), Some(0));
        let both = [Said::Failure; 2];
        assert_eq!(next(&lane, &both, true, now), Some(2));
        assert_eq!(next(&lane, &[Said::Failure; 3], false, now), None);
    }

    #[test]
    fn whether_a_v2_lane_last_came_to_the_conversion() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let ready = |hours: Option<i64>, has_answered| Lately::Ready {
            failing_since: hours.map(|hours| now - jiff::SignedDuration::from_hours(hours)),
            has_answered,
        };
        let after = |hours| Lately::Converts {
            fallback_after: Duration::from_hours(hours),
        };
        for (lane, expected) in [
            (vec![after(1)], true),
            (vec![after(1), ready(None, true)], true),
            (vec![ready(None, true), after(1)], false),
            (vec![ready(None, false), after(1)], true),
            (vec![ready(Some(0), true), after(1)], false),
            (vec![ready(Some(0), true), after(0)], true),
            (vec![ready(Some(1), true), after(1)], true),
            (
                vec![ready(Some(2), true), ready(Some(0), true), after(1)],
                false,
            ),
            (vec![ready(Some(2), true)], false),
        ] {
            assert_eq!(converts(lane.clone(), now), expected, "{lane:?}");
        }
    }
}
