use super::*;
use crate::config::WatchBackend;
use notify::event::Flag;
use notify::{Event, EventKind, WatcherKind};

async fn requested(trigger: &Trigger) -> bool {
    timeout(Duration::from_secs(10), trigger.next()).await == Ok(Depth::Disk)
}

#[tokio::test]
async fn an_overflow_leads_to_a_request_and_invariant_6_errors_to_one_in_a_while() {
    let root = tempfile::tempdir().unwrap();
    let trigger = Trigger::new();
    let config = WatchConfig {
        backend: WatchBackend::Inotify,
        debounce: Duration::from_millis(1),
        poll_interval: Duration::from_secs(1),
    };
    let watch = Watch::start(
        vec![root.path().to_owned()],
        Names::new(std::iter::empty()),
        &config,
        trigger.clone(),
    )
    .unwrap();
    let hints = &watch.shared.hints;
    let report = |event| {
        let hint = filter::judge(
            &event,
            &[],
            &Names::new(std::iter::empty()),
            WatcherKind::Inotify,
        )
        .unwrap();
        hints.accept(hint);
    };
    report(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    assert!(requested(&trigger).await);
    report(Err(notify::Error::generic("first")));
    assert!(requested(&trigger).await);
    for _ in 0..3 {
        report(Err(notify::Error::generic("again")));
        while hints.has(!0) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(trigger.pending(), None);
    assert_eq!(watch.counts().get(Kind::Error), 4);
    assert_eq!(watch.counts().get(Kind::Rescan), 1);
}

#[tokio::test]
async fn a_dead_watcher_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let config = WatchConfig {
        backend: WatchBackend::Inotify,
        debounce: Duration::from_millis(1),
        poll_interval: Duration::from_secs(1),
    };
    let mut watch = Watch::start(
        vec![root.path().to_owned()],
        Names::new(std::iter::empty()),
        &config,
        Trigger::new(),
    )
    .unwrap();
    watch.shared.hints.set(DEAD);
    let error = timeout(Duration::from_secs(10), watch.failed())
        .await
        .unwrap();
    assert_eq!(error.to_string(), "the inotify watcher has died");
}
