//! Whom a cycle asks for what, and how; pure.
//!
//! 1. A request is conditional only when the file on disk is the one that the validators describe, and was not missing,
//!    or when they describe what waits; a forced cycle asks unconditionally. A missing file that a generation brought back needs no request of its own.
//! 2. Of the upstreams of a lane the first is asked, and the next one only when all before it gave no answer: in the same
//!    cycle where the lane has nothing published, else after they have failed for its own `fallback_after`.
//! 3. Where the local files are the origin, upstreams only seed what is missing.
//! 4. A v2 file is made anew only when something says that it is not what the legacy file on disk gives.

use std::time::Duration;

use jiff::Timestamp;

use crate::depth::Depth;
use crate::digest::Digest;
use crate::draft::MadeFrom;
use crate::item::OnInvalidRecord;
use crate::mirror::Known;
use crate::upstream::Validators;

/// What a cycle knows of a file before it asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// How deep the cycle goes.
    pub depth: Depth,
    /// Whether the local files are the origin.
    pub is_origin: bool,
    /// Whether an upstream may seed a missing file of an origin.
    pub seeds: bool,
    /// The file on disk; `None` when it is missing.
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
        return if before.on_disk.is_none() && before.seeds {
            Ask::Whole
        } else {
            Ask::Nothing
        };
    }
    match before.depth {
        Depth::Force => Ask::Whole,
        // An empty file is there too: an editor may be about to fill it.
        Depth::Disk if before.on_disk.is_some() => Ask::Nothing,
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

/// What is known of a category's files when they are compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// The legacy file on disk.
    pub legacy: Digest,
    /// The v2 file on disk; `None` when there is none that can be read.
    pub v2: Option<Digest>,
    /// What the manifest says: the v2 file, and what it was made from.
    pub published: Option<(Digest, MadeFrom)>,
    /// Whether the manifest's word on what it was made from counts.
    pub trusted: bool,
    /// The legacy file that is known to give no v2 file.
    pub refused: Option<Digest>,
}

/// What a category's files need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the v2 file is what the legacy file gives.
    Nothing,
    /// The v2 file is made from the legacy file, and compared.
    Draft,
    /// The legacy file gives none. The last good v2 file is there.
    Stay,
    /// The legacy file gives none, and the last good v2 file is not there: it is brought back.
    Restore,
}

/// What a category's files need (invariant 4).
#[must_use]
pub fn need(files: &Compared, policy: OnInvalidRecord) -> Need {
    let stands = |v2| files.v2 == Some(v2);
    if files.refused == Some(files.legacy) {
        let good = files.published.is_none_or(|(v2, _)| stands(v2));
        return if good { Need::Stay } else { Need::Restore };
    }
    let in_line = files.published.is_some_and(|(v2, made_from)| {
        files.trusted
            && made_from.sha256 == files.legacy
            && made_from.on_invalid_record == Some(policy)
            && stands(v2)
    });
    if in_line { Need::Nothing } else { Need::Draft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Form;

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
        let with = known("a", Some("\"1\""));
        let without = known("a", None);
        let validators = || Ask::IfChanged(with.validators.clone());
        // depth, origin, seeds, on disk, known, expected
        for (depth, is_origin, seeds, on_disk, known, expected) in [
            (
                Depth::Disk,
                false,
                false,
                Some("a"),
                Some(&with),
                Ask::Nothing,
            ),
            (
                Depth::Disk,
                false,
                false,
                Some(""),
                Some(&with),
                Ask::Nothing,
            ),
            (Depth::Disk, false, false, None, Some(&with), Ask::Whole),
            (Depth::Poll, false, false, None, None, Ask::Whole),
            (Depth::Poll, false, false, Some("a"), None, Ask::Whole),
            (
                Depth::Poll,
                false,
                false,
                Some("a"),
                Some(&with),
                validators(),
            ),
            (
                Depth::Poll,
                false,
                false,
                Some("a"),
                Some(&without),
                Ask::Whole,
            ),
            (
                Depth::Poll,
                false,
                false,
                Some("edited"),
                Some(&with),
                Ask::Whole,
            ),
            (
                Depth::Force,
                false,
                false,
                Some("a"),
                Some(&with),
                Ask::Whole,
            ),
            (
                Depth::Force,
                true,
                true,
                Some("a"),
                Some(&with),
                Ask::Nothing,
            ),
            (Depth::Force, true, false, None, None, Ask::Nothing),
            (Depth::Disk, true, true, None, Some(&with), Ask::Whole),
        ] {
            let before = Before {
                depth,
                is_origin,
                seeds,
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
                on_disk: Some(digest("a")),
                came_back: true,
                known: Some(&with),
                waiting: None,
            };
            assert_eq!(ask(&before), expected, "{depth:?}");
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
    fn what_the_files_of_a_category_need() {
        let made = |sha256| MadeFrom {
            form: Form::Legacy,
            sha256: digest(sha256),
            on_invalid_record: Some(OnInvalidRecord::Reject),
        };
        // v2 on disk, published (v2, made from), trusted, refused, expected; the legacy file is "l".
        for (v2, published, trusted, refused, expected) in [
            (Some("v"), Some(("v", "l")), true, None, Need::Nothing),
            (Some("v"), Some(("v", "l")), false, None, Need::Draft),
            (Some("v"), Some(("v", "older")), true, None, Need::Draft),
            (Some("x"), Some(("v", "l")), true, None, Need::Draft),
            (None, Some(("v", "l")), true, None, Need::Draft),
            (Some("v"), None, true, None, Need::Draft),
            (None, None, true, None, Need::Draft),
            (Some("v"), Some(("v", "older")), true, Some("l"), Need::Stay),
            (
                Some("x"),
                Some(("v", "older")),
                true,
                Some("l"),
                Need::Restore,
            ),
            (None, Some(("v", "older")), true, Some("l"), Need::Restore),
            (None, None, true, Some("l"), Need::Stay),
            (
                Some("v"),
                Some(("v", "l")),
                true,
                Some("older"),
                Need::Nothing,
            ),
        ] {
            let files = Compared {
                legacy: digest("l"),
                v2: v2.map(digest),
                published: published.map(|(v2, from)| (digest(v2), made(from))),
                trusted,
                refused: refused.map(digest),
            };
            assert_eq!(need(&files, OnInvalidRecord::Reject), expected, "{files:?}");
        }
    }
}
