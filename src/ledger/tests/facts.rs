use super::*;

#[test]
fn another_source_is_news_with_its_reason() {
    let down = |ledger: &mut Ledger, name: &str, down: bool| {
        let error = UpstreamError::Empty {
            place: format!("{name}/blip.json"),
        };
        let report = UpstreamReport {
            error: down.then(|| Arc::new(error)),
            limited_until: None,
            breaker: Breaker::Closed,
        };
        let event = Event::Upstream(name.to_owned(), report);
        assert!(fold(ledger, &event, context(Poll, 0)).is_empty());
    };
    let cycle = |ledger: &mut Ledger, report: ItemReport, first_down: bool, second| {
        assert!(fold(ledger, &Event::Done(BLIP, report), context(Poll, second)).is_empty());
        down(ledger, "first", first_down);
        ended(ledger, Poll, second)
    };
    let mut ledger = ledger();
    assert_eq!(
        names(&cycle(&mut ledger, from("first", &[]), false, 0)),
        [""; 0]
    );
    let news = cycle(&mut ledger, from("second", &["first"]), true, 10);
    assert_eq!(names(&news), ["down", "source"]);
    let why = |news: &[Transition]| {
        news.iter().find_map(|news| match news {
            Transition::SourceChanged { from, to, why, .. } => Some(format!("{from}>{to}: {why}")),
            _ => None,
        })
    };
    let words = "first>second: first/blip.json is empty; an empty reference is never taken";
    assert_eq!(why(&news).as_deref(), Some(words));
    assert_eq!(facts(&ledger).source.as_deref(), Some("second"));
    assert_eq!(
        names(&cycle(&mut ledger, from("second", &["first"]), true, 20)),
        [""; 0]
    );
    let news = cycle(&mut ledger, from("first", &[]), false, 30);
    assert_eq!(names(&news), ["up", "source"]);
    assert_eq!(
        why(&news).as_deref(),
        Some("second>first: first answers again")
    );
    let Some(Transition::UpstreamUp { seconds, .. }) = news.first() else {
        panic!("{news:?}");
    };
    assert_eq!(
        *seconds,
        20 + 10,
        "since the first failure: {:?}",
        ledger.upstreams
    );
}

#[test]
fn health_is_news_when_it_turns() {
    let table: [Row<'_>; 6] = [
        (
            &[(well(), Poll), (missing("a"), Poll), (missing("b"), Poll)],
            &["", "failing", ""],
        ),
        (&[(missing("a"), Poll), (well(), Poll)], &["stale", "fresh"]),
        (
            &[(well(), Poll), (held(), Poll), (rejected(), Poll)],
            &["", "held", ""],
        ),
        (
            &[(well(), Poll), (missing("a"), Superseded), (well(), Poll)],
            &["", "", ""],
        ),
        (
            &[(well(), Poll), (empty(), Look), (empty(), Look)],
            &["", "", "failing"],
        ),
        (
            &[
                (well(), Poll),
                (
                    ItemReport {
                        modified: true,
                        ..look()
                    },
                    Look,
                ),
            ],
            &["", ""],
        ),
    ];
    for (number, (cycles, expected)) in table.into_iter().enumerate() {
        let mut ledger = ledger();
        for (second, ((report, cycle), expected)) in cycles.iter().zip(expected).enumerate() {
            let news = run(&mut ledger, report, *cycle, i64::try_from(second).unwrap());
            let states: Vec<_> = news
                .iter()
                .filter_map(|news| match news {
                    Transition::Health {
                        state,
                        healthy,
                        error,
                        ..
                    } => {
                        assert_eq!(error.is_some(), !healthy, "{news:?}");
                        Some(*state)
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(states.join(" "), *expected, "row {number}, cycle {second}");
        }
    }
}

#[test]
fn the_exit_code_is_that_of_a_sync() {
    let table = [
        (well(), 0),
        (updated(), 0),
        (ItemReport::skipped(), 0),
        (held(), 1),
        (rejected(), 1),
        (missing("a"), 1),
    ];
    for (report, code) in table {
        let mut ledger = ledger();
        run(&mut ledger, &report, Poll, 0);
        assert_eq!(ledger.exit_code, code, "{:?}", report.outcome);
        ended(&mut ledger, Poll, 1);
        assert_eq!(ledger.exit_code, 0, "the next one is another");
    }
}

#[test]
fn an_unwritten_manifest_is_news_once() {
    let mut ledger = ledger();
    let mut cycle = |unwritten: bool| {
        let error = crate::disk::DiskError::new(
            "replace",
            std::path::Path::new("/m/manifest.json"),
            std::io::ErrorKind::StorageFull.into(),
        );
        let event = Event::Ended {
            depth: Depth::Poll,
            elapsed: Duration::ZERO,
            unwritten: unwritten.then(|| Arc::new(error)),
        };
        let news = fold(&mut ledger, &event, context(Poll, 0));
        (names(&news), ledger.exit_code)
    };
    assert_eq!(cycle(true), (vec!["unwritten"], 1));
    assert_eq!(cycle(true), (vec![], 1));
    assert_eq!(cycle(false), (vec!["written"], 0));
}

#[test]
fn what_no_upstream_serves_is_listed_only_when_it_was_published() {
    let mut ledger = ledger();
    run(&mut ledger, &ItemReport::skipped(), Poll, 0);
    assert!(ledger.items.is_empty());
    run(&mut ledger, &well(), Poll, 0);
    run(&mut ledger, &ItemReport::skipped(), Poll, 0);
    assert_eq!(facts(&ledger).models(), Some(2));
    assert!(ledger.is_complete());
}

type Change = fn(&mut Facts, &mut ItemReport);

#[test]
fn the_state_is_the_first_that_applies() {
    let now = at(0);
    let fresh = Facts {
        last: Some(well()),
        last_success: Some(at(-60)),
        ..Facts::default()
    };
    let with = |change: fn(&mut Facts, &mut ItemReport)| {
        let mut facts = fresh.clone();
        let mut last = well();
        change(&mut facts, &mut last);
        facts.last = Some(last);
        facts.state(&BLIP, now, HOUR)
    };
    assert_eq!(Facts::default().state(&BLIP, now, HOUR), State::Absent);
    assert_eq!(with(|_, _| {}), State::Fresh);
    assert_eq!(with(|_, last| last.modified = true), State::Modified);
    // Each one hides all that come after it.
    let worse: [(Change, State); 7] = [
        (
            |facts, last| {
                facts.failures = 1;
                last.modified = true;
            },
            State::Failing,
        ),
        (|_, last| last.limited_until = Some(at(9)), State::Limited),
        (|facts, _| facts.last_success = None, State::Stale),
        (|_, last| last.outcome = Outcome::Held, State::Held),
        (|_, last| last.outcome = Outcome::Rejected, State::Rejected),
        (
            |_, last| last.pinned = Some("0123456789ab".into()),
            State::Pinned,
        ),
        (|_, last| last.v2 = None, State::Absent),
    ];
    let (mut facts, mut last) = (fresh, well());
    for (change, state) in worse {
        change(&mut facts, &mut last);
        facts.last = Some(last.clone());
        assert_eq!(facts.state(&BLIP, now, HOUR), state);
        let healthy = state == State::Pinned;
        assert_eq!(state.is_healthy(), healthy, "{state:?}");
    }
}

#[test]
fn invariant_7_a_time_in_the_future_is_no_time() {
    let table = [
        (at(-7200), Some(7200)),
        (at(0), Some(0)),
        // Another host's clock.
        (at(30), Some(0)),
        (at(3600), None),
    ];
    for (then, seconds) in table {
        assert_eq!(age(then, at(0)), seconds.map(Duration::from_secs), "{then}");
    }
    let mut facts = Facts {
        last: Some(well()),
        ..Facts::default()
    };
    for (success, outdated) in [
        (None, true),
        (Some(at(3600)), true),
        (Some(at(-3600)), false),
        (Some(at(-3601)), true),
    ] {
        facts.last_success = success;
        assert_eq!(facts.is_outdated(at(0), HOUR), outdated, "{success:?}");
    }
}

#[test]
fn the_summary_counts_states_and_models() {
    let mut ledger = Ledger::new(
        [BLIP, Item::Category(Category::Clip)],
        ["first".to_owned()],
        HOUR,
    );
    assert_eq!(ledger.summary(at(0), None), "2 absent (0 models)");
    run(&mut ledger, &well(), Poll, 0);
    let words = "1 fresh, 1 absent (2 models); next poll 2027-01-15T08:00:09Z";
    assert_eq!(ledger.summary(at(0), Some(at(9))), words);
    assert!(!ledger.is_complete());
}

#[test]
fn an_extra_file_is_published_when_it_is_there() {
    let file = Item::File(crate::item::ExtraFile {
        repository: crate::category::Repository::Text,
        name: "db.json".into(),
    });
    let mut ledger = Ledger::new([file.clone()], [], HOUR);
    let report = ItemReport {
        v2: None,
        models: None,
        legacy_bytes: Some(9),
        ..well()
    };
    let done = Event::Done(file.clone(), report);
    fold(&mut ledger, &done, context(Poll, 0));
    assert_eq!(ledger.state(&file, at(1)), State::Fresh);
    assert_eq!(ledger.items[&file].bytes(&file), Some(9));
}
