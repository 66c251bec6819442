use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn invariant_2_every_outcome_is_news_once() {
    let skipped = ItemReport::skipped();
    let rewritten = ItemReport {
        changes: None,
        ..updated()
    };
    let mended = ItemReport {
        changes: Some(Changes::default()),
        ..look()
    };
    let refused = ItemReport {
        answered: Answered::None,
        ..rejected()
    };
    let table: [Row<'_>; 19] = [
        (
            &[(well(), Poll), (well(), Poll), (look(), Look)],
            &["", "", ""],
        ),
        (&[(updated(), Poll), (well(), Poll)], &["published", ""]),
        // A passed-through file has no changes of records, and one that was brought back no other outcome.
        (&[(well(), Poll), (rewritten, Poll)], &["", "published"]),
        (&[(well(), Poll), (mended, Look)], &["", "published"]),
        // What a look finds is passing only where the file is empty.
        (&[(well(), Poll), (refused, Look)], &["", "began"]),
        // Another number of records is left out.
        (
            &[
                (leaves_out(2), Poll),
                (leaves_out(2), Look),
                (leaves_out(3), Poll),
                (well(), Poll),
            ],
            &["left out", "", "left out", "left out"],
        ),
        (&[(well(), Poll), (leaves_out(0), Poll)], &["", ""]),
        // Whatever the words of a failure.
        (
            &[(well(), Poll), (missing("a"), Poll), (missing("b"), Poll)],
            &["", "began", "still"],
        ),
        (
            &[(missing("a"), Poll), (well(), Poll)],
            &["began", "recovered"],
        ),
        (
            &[(missing("a"), Poll), (updated(), Poll)],
            &["began", "published recovered"],
        ),
        (
            &[(limited(100), Poll), (limited(200), Poll), (well(), Poll)],
            &["began", "still", "recovered"],
        ),
        // From failed to limited, and back.
        (
            &[
                (missing("a"), Poll),
                (limited(9), Poll),
                (limited(9), Poll),
                (missing("b"), Poll),
            ],
            &["began", "changed", "still", "changed"],
        ),
        (
            &[
                (rejected(), Poll),
                (rejected(), Look),
                (missing("a"), Poll),
                (well(), Poll),
            ],
            &["began", "still", "changed", "recovered"],
        ),
        (
            &[
                (held(), Poll),
                (held(), Look),
                (held(), Poll),
                (well(), Poll),
            ],
            &["began", "still", "still", "recovered"],
        ),
        (
            &[(missing("a"), Poll), (held(), Poll), (edited(), Look)],
            &["began", "changed", "published recovered"],
        ),
        // The files are in order, and the upstream is not.
        (
            &[
                (missing("a"), Poll),
                (look(), Look),
                (edited(), Look),
                (well(), Poll),
            ],
            &["began", "", "published", "recovered"],
        ),
        (
            &[(empty(), Look), (empty(), Look), (look(), Look)],
            &["still", "began", "recovered"],
        ),
        (&[(skipped.clone(), Poll), (skipped, Poll)], &["", ""]),
        (
            &[(limited(9), Superseded), (limited(9), Poll)],
            &["still", "began"],
        ),
    ];
    for (number, (cycles, expected)) in table.into_iter().enumerate() {
        let mut ledger = ledger();
        for (second, ((report, cycle), expected)) in cycles.iter().zip(expected).enumerate() {
            let news = run(&mut ledger, report, *cycle, i64::try_from(second).unwrap());
            assert_eq!(
                names(&news).join(" "),
                *expected,
                "row {number}, cycle {second}"
            );
        }
        assert_eq!(ledger.cycles, cycles.len() as u64);
    }
}

#[test]
fn invariant_3_looks_at_the_files_are_no_polls() {
    let mut ledger = ledger();
    run(&mut ledger, &well(), Poll, 0);
    run(&mut ledger, &missing("a"), Poll, 1);
    for second in 2..10 {
        run(&mut ledger, &look(), Look, second);
        run(&mut ledger, &empty(), Look, second);
    }
    let known = facts(&ledger);
    assert_eq!((known.failures, known.last_success), (1, Some(at(0))));
    assert_eq!(known.last_check, Some(at(1)));
    let count = |outcome| facts(&ledger).outcomes.get(&outcome).copied();
    assert_eq!(count(Outcome::Unchanged), Some(1));
    assert_eq!(count(Outcome::Failed), Some(1));
    // A new trouble is one, whatever finds it.
    let mut ledger = self::ledger();
    run(&mut ledger, &empty(), Look, 0);
    run(&mut ledger, &empty(), Look, 1);
    assert_eq!(facts(&ledger).failures, 1);
    assert_eq!(facts(&ledger).outcomes[&Outcome::Failed], 1);
    run(&mut ledger, &held(), Look, 2);
    run(
        &mut ledger,
        &ItemReport {
            answered: Answered::None,
            ..held()
        },
        Look,
        3,
    );
    assert_eq!(facts(&ledger).outcomes[&Outcome::Held], 1);
}

#[test]
fn invariant_4_what_passes_is_no_news() {
    let began = |news: &[Transition]| names(news).contains(&"began");
    // An editor empties the file and fills it.
    let mut ledger = ledger();
    for (second, (report, cycle)) in [(well(), Poll), (empty(), Look), (look(), Look)]
        .iter()
        .enumerate()
    {
        let second = i64::try_from(second).unwrap();
        let news = run(&mut ledger, report, *cycle, second);
        assert!(!began(&news) && !names(&news).contains(&"recovered"));
        let health = |news: &Transition| matches!(news, Transition::Health { .. });
        assert!(!news.iter().any(health), "{news:?}");
    }
    assert_eq!(ledger.state(&BLIP, at(3)), State::Fresh);
    // A SIGHUP that came after the item was done, but before the cycle's end.
    let done = Event::Done(BLIP, missing("a"));
    assert!(fold(&mut ledger, &done, context(Poll, 4)).is_empty());
    assert_eq!(names(&ended(&mut ledger, Superseded, 5)), ["still"]);
    assert!(began(&run(&mut ledger, &missing("a"), Poll, 6)));
}

#[test]
fn what_a_waiting_cycle_mends_is_news_at_once() {
    let mut ledger = ledger();
    run(&mut ledger, &missing("a"), Poll, 0);
    let edited = edited();
    let news = fold(&mut ledger, &Event::Mended(BLIP, edited), context(Poll, 1));
    assert_eq!(names(&news), ["published"]);
    assert_eq!(facts(&ledger).last_change, Some(at(1)));
    // The upstream has not answered.
    assert_eq!(facts(&ledger).failures, 1);
    let event = Event::Mended(BLIP, rejected());
    let news = fold(&mut ledger, &event, context(Poll, 2));
    assert_eq!(names(&news), ["changed"]);
}

#[test]
fn a_recovery_says_how_often_and_how_long() {
    let mut ledger = ledger();
    for second in [10, 20, 30] {
        run(&mut ledger, &missing("a"), Poll, second);
    }
    let news = run(&mut ledger, &well(), Poll, 70);
    let Some(Transition::Recovered {
        failures, seconds, ..
    }) = news.first()
    else {
        panic!("{news:?}");
    };
    assert_eq!((*failures, *seconds), (3, 60));
    assert_eq!(
        (facts(&ledger).failures, &facts(&ledger).last_error),
        (0, &None)
    );
}

#[test]
fn a_file_that_is_brought_back_as_it_was_differs_from_one_that_changed() {
    let other = ItemReport {
        v2: Some((Digest::of(b"other"), 2)),
        ..edited()
    };
    let table = [
        (vec![updated()], vec![false]),
        (vec![updated(), edited()], vec![false, true]),
        (vec![updated(), other, edited()], vec![false, false, false]),
        (vec![updated(), updated()], vec![false, false]),
    ];
    for (reports, expected) in table {
        let mut ledger = ledger();
        let news = reports
            .iter()
            .flat_map(|report| run(&mut ledger, report, Poll, 0));
        let back = news.filter_map(|transition| match transition {
            Transition::Published { brought_back, .. } => Some(brought_back),
            _ => None,
        });
        assert_eq!(back.collect::<Vec<_>>(), expected, "{reports:?}");
    }
}

#[test]
fn a_check_is_a_poll_or_an_answer_and_a_success_is_a_good_one() {
    let unconfirmed = ItemReport {
        answered: Answered::Failed,
        ..well()
    };
    // What is reported, and the seconds of the last check and the last success after it.
    let table = [
        (updated(), Look, 0, 0),
        (look(), Look, 0, 0),
        (look(), Poll, 2, 2),
        (look(), Look, 2, 2),
        (unconfirmed, Poll, 4, 2),
        (well(), Look, 5, 5),
    ];
    let mut ledger = ledger();
    for (second, (report, cycle, check, success)) in (0..).zip(table) {
        run(&mut ledger, &report, cycle, second);
        let known = facts(&ledger);
        let found = (known.last_check, known.last_success);
        assert_eq!(found, (Some(at(check)), Some(at(success))), "{second}");
    }
}

#[test]
fn an_upstream_that_fails_while_a_cycle_is_superseded_is_news_of_the_next() {
    let say = |ledger: &mut Ledger, down: bool, cycle, second| {
        let error = UpstreamError::Empty {
            place: "blip.json".to_owned(),
        };
        let report = UpstreamReport {
            error: down.then(|| Arc::new(error)),
            limited_until: None,
            breaker: Breaker::Closed,
        };
        let event = Event::Upstream("first".to_owned(), report);
        fold(ledger, &event, context(cycle, second));
        names(&ended(ledger, cycle, second))
    };
    let mut ledger = ledger();
    assert_eq!(say(&mut ledger, true, Superseded, 0), [""; 0]);
    assert_eq!(say(&mut ledger, true, Poll, 1), ["down"]);
    // A recovery stays one.
    assert_eq!(say(&mut ledger, false, Superseded, 2), ["up"]);
}
