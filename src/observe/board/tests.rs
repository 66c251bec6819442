use super::*;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::mirror::Digest;
use crate::observe::process::Process;
use crate::observe::status::{FORMAT, Role, State};
use crate::pipeline::{Answer, CategoryError};
use crate::upstream::UpstreamError;
use tracing::Level;

const BLIP: Category = Category::Blip;
const POLL: Occasion = Occasion {
    polled: true,
    superseded: false,
};
const LOOK: Occasion = Occasion {
    polled: false,
    superseded: false,
};
const SUPERSEDED: Occasion = Occasion {
    polled: true,
    superseded: true,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn well() -> CategoryReport {
    CategoryReport {
        v2: Some((Digest::of(b"v2"), 2)),
        models: Some(2),
        ..CategoryReport::empty()
    }
}

fn bad(outcome: Outcome, held_until: Option<Timestamp>, error: CategoryError) -> CategoryReport {
    CategoryReport {
        outcome,
        held_until,
        upstream: Answer::Failed,
        error: Some(error),
        ..well()
    }
}

fn missing(url: &str) -> CategoryReport {
    let error = UpstreamError::Missing {
        url: url.to_owned(),
        hint: "",
        status: 404,
    };
    bad(
        Outcome::Failed,
        None,
        CategoryError::Upstream(Arc::new(error)),
    )
}

fn held(until: i64) -> CategoryReport {
    CategoryReport {
        held_until: Some(at(until)),
        ..missing(&format!("until {until}"))
    }
}

fn empty() -> CategoryReport {
    let error = CategoryError::NoLegacy {
        file: "blip.json".into(),
        what: "empty",
    };
    CategoryReport {
        upstream: Answer::None,
        ..bad(Outcome::Failed, None, error)
    }
}

/// What the log says from `info` on, as its level and what it is of.
fn told(board: &mut Board, reports: &[(CategoryReport, Occasion)]) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let to = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .without_time()
        .with_ansi(false)
        .with_writer(move || to.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        for (second, (report, occasion)) in reports.iter().enumerate() {
            apply(board, report, *occasion, i64::try_from(second).unwrap());
        }
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

fn apply(board: &mut Board, fared: &CategoryReport, occasion: Occasion, second: i64) {
    let report = Report {
        categories: BTreeMap::from([(BLIP, fared.clone())]),
        elapsed: Duration::ZERO,
    };
    board.apply(&report, occasion, at(second));
}

fn blip(board: &Board) -> CategoryStatus {
    board.statuses(None)[&BLIP].clone()
}

fn measured(board: &Board, now: i64) -> MetricsSnapshot {
    let mut snapshot = MetricsSnapshot::default();
    board.measure(&mut snapshot, at(now), Duration::from_mins(1));
    snapshot
}

#[test]
fn invariant_1_the_log_is_told_of_kinds_of_trouble_whatever_their_words() {
    let board = || Board::resume(None, None);
    let polls = |reports: Vec<CategoryReport>| -> Vec<_> {
        reports.into_iter().map(|report| (report, POLL)).collect()
    };
    let words = polls(vec![well(), missing("a"), missing("b"), missing("c")]);
    assert_eq!(told(&mut board(), &words), ["WARN"]);
    let holds = polls(vec![held(100), held(200), held(300), well()]);
    assert_eq!(told(&mut board(), &holds), ["WARN", "INFO"]);
    // From failed to held, and back.
    let kinds = polls(vec![missing("a"), held(100), held(200), missing("b")]);
    assert_eq!(told(&mut board(), &kinds), ["WARN", "WARN", "WARN"]);
}

#[test]
fn invariant_2_looks_at_the_files_are_no_polls() {
    let mut board = Board::resume(None, None);
    apply(&mut board, &well(), POLL, 0);
    apply(&mut board, &missing("a"), POLL, 1);
    for second in 2..10 {
        apply(&mut board, &well(), LOOK, second);
        apply(&mut board, &empty(), LOOK, second);
    }
    let status = blip(&board);
    assert_eq!(status.consecutive_failures, 1);
    assert_eq!(status.last_success, Some(at(0)));
    let refreshes = measured(&board, 10).refreshes;
    let count = |outcome: &str| refreshes[&(BLIP, outcome.to_owned())];
    assert_eq!((count("unchanged"), count("failed")), (1, 1));
    // A new trouble is one, whoever finds it.
    let mut board = Board::resume(None, None);
    apply(&mut board, &empty(), LOOK, 0);
    apply(&mut board, &empty(), LOOK, 1);
    assert_eq!(blip(&board).consecutive_failures, 1);
    let refreshes = measured(&board, 2).refreshes;
    assert_eq!(refreshes[&(BLIP, "failed".to_owned())], 1);
    assert_eq!(refreshes[&(BLIP, "updated".to_owned())], 0);
}

#[test]
fn invariant_3_what_passes_is_no_news() {
    // An editor empties the file and fills it.
    let mut board = Board::resume(None, None);
    let edit = [(well(), POLL), (empty(), LOOK), (well(), LOOK)];
    assert_eq!(told(&mut board, &edit), [""; 0]);
    assert_eq!(blip(&board).state, State::Fresh);
    // Left empty, it is news at the second sight.
    let left = [(empty(), LOOK), (empty(), LOOK), (well(), LOOK)];
    assert_eq!(told(&mut board, &left), ["WARN", "INFO"]);
    // A failure that is tried again at once.
    let again = [(missing("a"), SUPERSEDED), (well(), POLL)];
    assert_eq!(told(&mut board, &again), [""; 0]);
    let again = [(missing("a"), SUPERSEDED), (missing("a"), POLL)];
    assert_eq!(told(&mut board, &again), ["WARN"]);
}

#[test]
fn invariant_4_what_was_repeated_is_not_inherited() {
    let mut board = Board::resume(None, None);
    let report = Report {
        categories: BTreeMap::from([(BLIP, well())]),
        elapsed: Duration::ZERO,
    };
    let known = CategoryStatus {
        state: State::Failing,
        last_success: Some(at(5)),
        consecutive_failures: 3,
        ..CategoryStatus::default()
    };
    board.follow(&report, BTreeMap::from([(BLIP, known.clone())]));
    assert_eq!(blip(&board), known);
    board.lead();
    let own = blip(&board);
    assert_eq!((own.state, own.last_success), (State::Stale, None));
    assert_eq!((own.consecutive_failures, own.models), (0, Some(2)));
}

#[test]
fn stale_is_the_age_of_the_last_success_in_every_state() {
    let mut board = Board::resume(None, None);
    assert!(measured(&board, 0).stale[&BLIP], "never");
    apply(&mut board, &well(), POLL, 0);
    for trouble in [well(), missing("a"), held(1000), empty()] {
        apply(&mut board, &trouble, LOOK, 1);
        assert!(!measured(&board, 60).stale[&BLIP]);
        assert!(measured(&board, 61).stale[&BLIP]);
    }
    let reason =
        crate::convert::convert(BLIP, b"{", crate::item::OnInvalidRecord::Reject).unwrap_err();
    let file = "blip.json".to_owned();
    let rejected = bad(
        Outcome::Rejected,
        None,
        CategoryError::Rejected { file, reason },
    );
    apply(&mut board, &rejected, LOOK, 1);
    assert_eq!(blip(&board).state, State::Rejected);
    assert!(measured(&board, 61).stale[&BLIP]);
}

#[test]
fn a_hold_outlives_the_daemon() {
    let mut earlier = Board::resume(None, None);
    apply(&mut earlier, &held(3600), POLL, 0);
    let status = Status {
        format: FORMAT,
        process: Process::current(),
        version: String::new(),
        since: at(0),
        role: Role::Writer,
        base_path: "/m".into(),
        upstream: String::new(),
        updated_at: at(0),
        next_poll: None,
        last_forced: None,
        cycles: 1,
        stale_after_seconds: 3600,
        held_until: BTreeMap::new(),
        categories: earlier.statuses(None),
    };
    for (until, state) in [(Some(at(3600)), State::Held), (None, State::Failing)] {
        let mut board = Board::resume(Some(&status), until);
        let mut last = well();
        last.outcome = Outcome::Unchanged;
        let occasion = LOOK;
        apply(&mut board, &last, occasion, 1);
        assert_eq!(blip(&board).state, state);
    }
}
