use super::*;

use crate::ledger::follow::Found;
use crate::ledger::process::Process;
use crate::ledger::status::{About, Role, Status};

fn status(ledger: &Ledger, second: i64) -> Status {
    let about = About {
        process: Process::current(),
        since: at(0),
        role: Role::Writer,
        base_path: "/m".into(),
        next_poll: None,
        last_forced: None,
    };
    Status::of(ledger, about, at(second))
}

fn listed() -> Listed {
    Listed {
        v2: Some((Digest::of(b"v2"), 2)),
        legacy_bytes: Some(1),
        models: Some(2),
        dropped: 0,
        source: Some("first".to_owned()),
        published_at: Some(at(-100)),
    }
}

/// A ledger that goes on where another one's status ended, and its news of the next cycle.
fn restarted(before: &Ledger, limit: Option<Timestamp>, report: &ItemReport) -> (Ledger, String) {
    let mut after = ledger();
    after.resume(&status(before, 10), limit, at(11));
    after.published(&BLIP, &listed());
    let news = run(&mut after, report, Poll, 20);
    (after, names(&news).join(" "))
}

#[test]
fn what_was_known_outlives_the_process() {
    let down = UpstreamReport {
        error: Some(Arc::new(UpstreamError::Empty {
            place: "here".into(),
        })),
        limited_until: Some(at(3600)),
        breaker: Breaker::Open,
    };
    let table = [
        (well(), well(), ""),
        (missing("a"), missing("b"), "still"),
        (missing("a"), well(), "recovered"),
        (missing("a"), rejected(), "changed"),
        (rejected(), rejected(), "still"),
        (held(), held(), "still"),
        (held(), well(), "recovered"),
        (limited(3600), limited(3600), "still"),
    ];
    for (before, after, expected) in table {
        let mut ledger = ledger();
        run(&mut ledger, &well(), Poll, 0);
        let event = Event::Upstream("first".into(), down.clone());
        fold(&mut ledger, &event, context(Poll, 1));
        run(&mut ledger, &before, Poll, 1);
        let (known, state) = (facts(&ledger).clone(), ledger.state(&BLIP, at(10)));
        let mut resumed = self::ledger();
        resumed.resume(&status(&ledger, 10), Some(at(3600)), at(11));
        resumed.published(&BLIP, &listed());
        assert_eq!(resumed.state(&BLIP, at(11)), state, "{:?}", before.outcome);
        let own = facts(&resumed);
        assert_eq!(own.last_success, known.last_success);
        assert_eq!(own.failing_since, known.failing_since);
        assert_eq!(own.failures, known.failures);
        let first = &resumed.upstreams["first"];
        assert!(!first.up && first.limited_until == Some(at(3600)));
        assert_eq!(first.failing_since, Some(at(1)));
        let (_, news) = restarted(&ledger, Some(at(3600)), &after);
        assert_eq!(news, expected, "{:?} {:?}", before.outcome, after.outcome);
    }
}

#[test]
fn a_limit_outlives_the_process_only_while_it_lasts() {
    let mut ledger = ledger();
    run(&mut ledger, &well(), Poll, 0);
    run(&mut ledger, &limited(3600), Poll, 1);
    let status = status(&ledger, 10);
    for (limit, state) in [(Some(at(3600)), State::Limited), (None, State::Failing)] {
        let mut after = self::ledger();
        after.resume(&status, limit, at(11));
        // A look at the files ends nothing.
        run(&mut after, &look(), Look, 12);
        assert_eq!(after.state(&BLIP, at(12)), state);
    }
}

#[test]
fn times_that_a_wrong_clock_left_are_dropped() {
    const YEARS: i64 = 9 * 365 * 86_400;
    let mut ledger = ledger();
    run(&mut ledger, &updated(), Poll, YEARS);
    let mut after = self::ledger();
    after.resume(&status(&ledger, YEARS), None, at(0));
    let known = facts(&after);
    assert_eq!((known.last_success, known.last_change), (None, None));
    after.published(&BLIP, &listed());
    assert_eq!(after.state(&BLIP, at(0)), State::Stale);
}

#[test]
fn a_standby_repeats_the_writer_as_far_as_the_files_bear_it_out() {
    let mut writer = ledger();
    run(&mut writer, &well(), Poll, 0);
    run(&mut writer, &missing("a"), Poll, 1);
    let failing = status(&writer, 2);
    run(&mut writer, &well(), Poll, 3);
    let fresh = status(&writer, 4);
    let unlisted = Listed {
        models: None,
        ..listed()
    };
    let table = [
        (
            Some(&fresh),
            Found::AsListed(listed()),
            true,
            State::Fresh,
            Some(2),
        ),
        (
            Some(&failing),
            Found::AsListed(listed()),
            true,
            State::Failing,
            Some(2),
        ),
        // No process holds the lock: none keeps it fresh.
        (
            Some(&fresh),
            Found::AsListed(listed()),
            false,
            State::Stale,
            Some(2),
        ),
        (
            Some(&fresh),
            Found::Underway(unlisted.clone()),
            true,
            State::Fresh,
            Some(2),
        ),
        (
            Some(&fresh),
            Found::Strange(unlisted),
            true,
            State::Stale,
            Some(2),
        ),
        (Some(&fresh), Found::Missing, true, State::Absent, None),
        // Of a writer that says nothing no success is known.
        (None, Found::AsListed(listed()), true, State::Stale, Some(2)),
        (None, Found::Missing, true, State::Absent, None),
    ];
    for (number, (writer, found, locked, state, models)) in table.into_iter().enumerate() {
        let mut standby = ledger();
        let found = BTreeMap::from([(BLIP, found)]);
        standby.follow(writer, &found, locked, at(5));
        assert_eq!(standby.state(&BLIP, at(5)), state, "row {number}");
        assert_eq!(facts(&standby).models(), models, "row {number}");
        assert_eq!(standby.cycles, 1);
        let counted: u64 = facts(&standby).outcomes.values().sum();
        assert_eq!(counted, 0, "it asked no upstream");
        if writer.is_none() {
            assert_eq!(facts(&standby).last_success, None);
        }
    }
    let mut standby = ledger();
    let found = BTreeMap::from([(BLIP, Found::AsListed(listed()))]);
    standby.follow(Some(&failing), &found, true, at(5));
    let repeated = status(&standby, 5);
    assert_eq!(repeated.categories, {
        let mut said = failing.categories.clone();
        let blip = said.get_mut(&Category::Blip).unwrap();
        blip.last_change = listed().published_at;
        blip.source = Some("first".into());
        said
    });
}

#[test]
fn invariant_6_what_was_repeated_is_not_inherited() {
    let mut writer = ledger();
    run(&mut writer, &well(), Poll, 0);
    run(&mut writer, &missing("a"), Poll, 1);
    let said = status(&writer, 2);
    let found = BTreeMap::from([(BLIP, Found::AsListed(listed()))]);
    let files = [(BLIP, listed())];
    let files = || files.iter().map(|(item, listed)| (item, listed));
    let mut standby = ledger();
    standby.follow(Some(&said), &found, true, at(3));
    assert_eq!(facts(&standby).failures, 1);
    // A writer whose last words are lost.
    let mut lost = standby.clone();
    lost.lead(None, None, files(), at(4));
    assert_eq!(lost.state(&BLIP, at(4)), State::Stale);
    let own = facts(&lost);
    assert_eq!(
        (own.failures, own.last_success, own.models()),
        (0, None, Some(2))
    );
    // One whose last words are there.
    standby.lead(Some(&said), None, files(), at(4));
    assert_eq!(standby.state(&BLIP, at(4)), State::Failing);
    assert_eq!(facts(&standby).last_success, Some(at(0)));
    assert_eq!(names(&run(&mut standby, &missing("b"), Poll, 5)), ["still"]);
}
