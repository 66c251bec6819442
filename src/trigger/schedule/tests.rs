//! Ticks under a clock that the test moves.

use super::*;
use crate::trigger::Reason;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn config(cron: &str, splay: Duration) -> ScheduleConfig {
    ScheduleConfig {
        cron: cron.to_owned(),
        splay,
    }
}

async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .expect("in time")
}

#[test]
fn the_next_times_are_in_utc_and_patience_covers_two_of_them() {
    for (cron, now, first, patience) in [
        (
            "0 */15 * * * *",
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:15:00Z",
            30 * 60,
        ),
        (
            "0 */15 * * * *",
            "2026-11-22T10:14:59.5Z",
            "2026-11-22T10:15:00Z",
            15 * 60,
        ),
        (
            "0 0 9-17 * * *",
            "2026-11-22T16:30:00Z",
            "2026-11-22T17:00:00Z",
            (16 * 60 + 30) * 60,
        ),
        (
            "* * * * * *",
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:01Z",
            2,
        ),
    ] {
        let occurrences = Occurrences::parse(cron).unwrap();
        assert_eq!(
            occurrences.next_two(at(now)).unwrap().0,
            at(first),
            "{cron}"
        );
        assert_eq!(
            occurrences.patience(at(now)).as_secs(),
            patience + GRACE.as_secs(),
            "{cron}"
        );
    }
}

#[tokio::test]
async fn a_wrong_expression_is_refused_by_name() {
    for cron in ["", "hourly", "*/15 * * * *", "0 99 * * * *"] {
        let error = Schedule::start(&config(cron, Duration::ZERO), Trigger::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ScheduleError::Expression { .. }),
            "{cron}: {error}"
        );
        assert!(error.to_string().contains(cron));
    }
    assert!(matches!(
        Schedule::start(&config("0 0 0 30 2 *", Duration::ZERO), Trigger::new()).await,
        Err(ScheduleError::Never { .. } | ScheduleError::Expression { .. })
    ));
}

#[tokio::test]
async fn invariant_1_a_blocked_runtime_leaves_one_tick_and_the_schedule_lives_on() {
    let trigger = Trigger::new();
    let schedule = Schedule::start(&config("* * * * * *", Duration::ZERO), trigger.clone())
        .await
        .unwrap();
    assert_eq!(within(5, trigger.next()).await, Reason::Schedule);
    std::thread::sleep(Duration::from_millis(3500));
    // One tick for the time that was blocked, and then the usual ones.
    for _ in 0..3 {
        assert_eq!(within(5, trigger.next()).await, Reason::Schedule);
    }
    assert!(schedule.next().borrow().is_some());
}

#[tokio::test]
async fn invariant_2_ticks_within_the_delay_are_skipped_and_the_delay_is_announced() {
    let trigger = Trigger::new();
    let schedule = Schedule::start(
        &config("* * * * * *", Duration::from_hours(1)),
        trigger.clone(),
    )
    .await
    .unwrap();
    let mut next = schedule.next();
    within(
        5,
        next.wait_for(|due| due.is_some_and(|due| due > Timestamp::now() + Duration::from_secs(3))),
    )
    .await
    .unwrap();
    assert_eq!(trigger.pending(), None);
}

#[tokio::test]
async fn invariant_3_a_silent_source_is_replaced_and_the_poll_still_comes() {
    let trigger = Trigger::new();
    let occurrences = Occurrences::parse("* * * * * *").unwrap();
    // Ticks on the first of January only: silent as far as the ticker can tell.
    let source = Source::start("0 0 0 1 1 *").await.unwrap();
    let fallbacks = Arc::new(AtomicU64::new(0));
    let ticker = Ticker {
        occurrences,
        source,
        trigger: trigger.clone(),
        splay: Duration::ZERO,
        announce: watch::channel(None).0,
        fallbacks: Arc::clone(&fallbacks),
    };
    let task = tokio::spawn(ticker.run());
    for _ in 0..2 {
        assert_eq!(within(10, trigger.next()).await, Reason::Schedule);
    }
    assert_eq!(fallbacks.load(Ordering::Relaxed), 1);
    task.abort();
}

#[tokio::test]
async fn a_dead_source_is_an_error() {
    let (sender, ticks) = mpsc::channel(1);
    drop(sender);
    let mut source = Source::start("* * * * * *").await.unwrap();
    source.ticks = ticks;
    let ticker = Ticker {
        occurrences: Occurrences::parse("* * * * * *").unwrap(),
        source,
        trigger: Trigger::new(),
        splay: Duration::ZERO,
        announce: watch::channel(None).0,
        fallbacks: Arc::default(),
    };
    assert!(matches!(
        within(5, ticker.run()).await,
        ScheduleError::Died { .. }
    ));
}
