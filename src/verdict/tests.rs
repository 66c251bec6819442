use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::draft::MadeFrom;
use crate::item::{Form, OnInvalidRecord};

const HOUR: Duration = Duration::from_hours(1);

const POLICY: Policy = Policy {
    max_removed: 0.75,
    min_models: 20,
    hold: HOUR,
    most: 4096,
};

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A v2 file with the models of these numbers.
fn v2(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let mut text = "{".to_owned();
    for number in numbers.clone() {
        let comma = if number == numbers.start { "" } else { "," };
        write!(text, "{comma}\"m{number}\": {{}}").unwrap();
    }
    (text + "}").into_bytes()
}

fn draft(numbers: std::ops::Range<u64>) -> Draft {
    let v2 = v2(numbers.clone());
    let sha256 = Digest::of(&v2);
    Draft {
        sha256,
        models: numbers.end - numbers.start,
        judged: false,
        dropped: 0,
        left_out: Vec::new(),
        issues: 0,
        made_from: MadeFrom {
            form: Form::Legacy,
            sha256,
            on_invalid_record: Some(OnInvalidRecord::Reject),
        },
        v2,
    }
}

fn published(numbers: std::ops::Range<u64>) -> Published {
    let draft = draft(numbers);
    Published {
        sha256: draft.sha256,
        models: draft.models,
        v2: Some(draft.v2),
    }
}

fn held(removed: u64, since: Timestamp, until: Option<i64>) -> Verdict {
    Verdict::Held(Hold {
        removed,
        since,
        until: until.map(|minutes| now() + SignedDuration::from_mins(minutes)),
    })
}

#[test]
fn what_a_draft_alone_decides() {
    use Verdict::{Equal, Publish};
    let fresh = Context {
        polled: true,
        ..Context::default()
    };
    for (published, draft, expected) in [
        // Nothing published: no guard, `{}` is published.
        (None, draft(0..0), Publish),
        (None, draft(0..5), Publish),
        (Some(published(0..40)), draft(0..40), Equal),
        (Some(published(0..0)), draft(0..0), Equal),
        (Some(published(0..40)), draft(0..41), Publish),
        (Some(published(0..40)), draft(0..10), Publish),
        (
            Some(published(0..40)),
            draft(0..9),
            held(31, now(), Some(60)),
        ),
        // By names: as many, and all are others.
        (
            Some(published(0..40)),
            draft(100..140),
            held(40, now(), Some(60)),
        ),
        (
            Some(published(0..40)),
            draft(31..71),
            held(31, now(), Some(60)),
        ),
        (Some(published(0..19)), draft(0..1), Publish),
        // None left: whatever the size of the category, and without an end.
        (Some(published(0..40)), draft(0..0), held(40, now(), None)),
        (Some(published(0..1)), draft(0..0), held(1, now(), None)),
        (
            Some(Published {
                v2: None,
                ..published(0..40)
            }),
            draft(100..109),
            held(31, now(), Some(60)),
        ),
    ] {
        let verdict = judge(published.as_ref(), &draft, &fresh, &POLICY, now());
        assert_eq!(verdict, expected, "{published:?} {draft:?}");
    }
    let most = Policy { most: 8, ..POLICY };
    for published in [None, Some(published(0..1))] {
        let verdict = judge(published.as_ref(), &draft(0..2), &fresh, &most, now());
        assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
    }
    // As large as what is read of one is not too large.
    let whole = draft(0..2);
    let most = Policy {
        most: whole.v2.len() as u64,
        ..POLICY
    };
    assert_eq!(judge(None, &whole, &fresh, &most, now()), Publish);
}

#[test]
fn who_may_pass_and_when() {
    use Verdict::{Equal, Pinned, Publish};
    let context = |change: fn(&mut Context)| {
        let mut context = Context::default();
        change(&mut context);
        context
    };
    let shrunk = || draft(0..4);
    let emptied = || draft(0..0);
    for (draft, context, expected) in [
        // A look at the files and a poll hold alike.
        (shrunk(), context(|_| ()), held(36, now(), Some(60))),
        // The first held draft counts; a later one goes on.
        (
            shrunk(),
            context(|it| it.held_since = Some(minutes_ago(40))),
            held(36, minutes_ago(40), Some(20)),
        ),
        // The time is over: the poll that still says so publishes, a look at the files does not.
        (
            shrunk(),
            context(|it| it.held_since = Some(minutes_ago(60))),
            held(36, minutes_ago(60), Some(0)),
        ),
        (
            shrunk(),
            context(|it| {
                it.held_since = Some(minutes_ago(60));
                it.polled = true;
            }),
            Publish,
        ),
        (
            shrunk(),
            context(|it| {
                it.held_since = Some(minutes_ago(59));
                it.polled = true;
            }),
            held(36, minutes_ago(59), Some(1)),
        ),
        // A clock that was ahead leaves nothing that is held for years.
        (
            shrunk(),
            context(|it| it.held_since = Some(minutes_ago(-600))),
            held(36, now(), Some(60)),
        ),
        // What would leave nothing has no end.
        (
            emptied(),
            context(|it| {
                it.held_since = Some(minutes_ago(6000));
                it.polled = true;
            }),
            held(40, minutes_ago(6000), None),
        ),
        (emptied(), context(|it| it.order = Order::Accepted), Publish),
        (shrunk(), context(|it| it.order = Order::Accepted), Publish),
        (judged(), context(|_| ()), Publish),
        // A pin keeps out everything, also what was accepted, guarded elsewhere or is equal.
        (
            shrunk(),
            context(|it| it.order = Order::Pinned),
            Pinned { removed: 36 },
        ),
        (
            emptied(),
            context(|it| {
                it.order = Order::Pinned;
            }),
            Pinned { removed: 40 },
        ),
        (
            draft_of_40(),
            context(|it| it.order = Order::Pinned),
            Pinned { removed: 0 },
        ),
        (
            draft_of_40(),
            context(|it| it.order = Order::Accepted),
            Equal,
        ),
    ] {
        let verdict = judge(Some(&published(0..40)), &draft, &context, &POLICY, now());
        assert_eq!(verdict, expected, "{context:?} {}", draft.models);
    }
    let none = Policy {
        hold: Duration::ZERO,
        ..POLICY
    };
    for polled in [false, true] {
        let context = Context {
            polled,
            ..Context::default()
        };
        let verdict = judge(Some(&published(0..40)), &shrunk(), &context, &none, now());
        assert_eq!(verdict, Publish, "a hold of nothing holds nothing");
    }
}

/// What another mirror publishes: its guards have judged it.
fn judged() -> Draft {
    Draft {
        judged: true,
        ..draft(0..0)
    }
}

fn draft_of_40() -> Draft {
    draft(0..40)
}
