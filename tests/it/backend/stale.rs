//! Every way of becoming stale: noticed, announced once, followed by a poll; and failures, which are never fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use horde_refd::backend::{Cause, GithubBackend, Invalidation};
use horde_refd::category::Category;
use horde_refd::cycle::Outcome;
use horde_refd::depth::Depth;
use horde_refd::error::chain;

use super::{Library, heard, until};
use crate::common::edit;

const CLIP: Category = Category::Clip;

async fn loaded(library: &Library) -> GithubBackend {
    let backend = library.open();
    backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    backend
}

fn event(cause: Cause) -> Invalidation {
    Invalidation {
        category: CLIP,
        cause,
    }
}

#[tokio::test]
async fn a_mark_is_announced_and_the_next_fetch_polls_conditionally() {
    let library = Library::new();
    let backend = loaded(&library).await;
    let (heard, mut events) = (heard(&backend), backend.subscribe());
    backend.mark_stale(CLIP);
    assert_eq!(*heard.lock().unwrap(), [event(Cause::Marked)]);
    assert_eq!(events.recv().await.unwrap(), event(Cause::Marked));
    assert!(backend.needs_refresh(CLIP) && backend.should_fetch(CLIP));
    assert!(!backend.is_cache_valid(CLIP) && backend.has_cached_data(CLIP));
    let clip = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert!(!clip.is_stale() && backend.is_cache_valid(CLIP));
    assert_eq!(library.asked_since(1), [("/clip.json".to_owned(), true)]);
    assert_eq!(backend.statistics().invalidations, 1);
}

#[tokio::test]
async fn a_mark_on_what_was_never_loaded_is_a_refresh_too() {
    let library = Library::synced();
    let backend = library.open();
    backend.mark_stale(CLIP);
    assert!(backend.needs_refresh(CLIP) && !backend.has_cached_data(CLIP));
    backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert_eq!(library.asked(), 1);
}

#[tokio::test]
async fn validators_outlive_the_process() {
    let library = Library::new();
    drop(loaded(&library).await);
    let backend = library.open();
    backend.mark_stale(CLIP);
    backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert_eq!(library.asked_since(1), [("/clip.json".to_owned(), true)]);
}

#[tokio::test]
async fn the_ttl_expires_once() {
    let library = Library::synced();
    let mut config = library.config();
    config.ttl = Duration::from_millis(200);
    let backend = GithubBackend::open(config).unwrap();
    let heard = heard(&backend);
    backend.fetch_category(CLIP, false).await.unwrap();
    assert!(backend.is_cache_valid(CLIP));
    until(|| !backend.is_cache_valid(CLIP));
    for _ in 0..3 {
        assert!(backend.needs_refresh(CLIP));
        backend.check();
    }
    assert_eq!(*heard.lock().unwrap(), [event(Cause::Expired)]);
    assert_eq!(library.asked(), 0, "looking is not asking");
    backend.fetch_category(CLIP, false).await.unwrap();
    assert_eq!(library.asked(), 1);
}

#[tokio::test]
async fn a_change_of_the_file_is_seen_and_put_right() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    let heard = heard(&backend);
    let good = library.published(CLIP);
    edit(&library.world.v2(CLIP), "another name", "a wrong name");
    assert!(!backend.is_cache_valid(CLIP));
    assert_eq!(*heard.lock().unwrap(), [event(Cause::FileChanged)]);
    let clip = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert_eq!(clip.bytes(), good);
    assert_eq!(library.published(CLIP), good);
}

#[tokio::test]
async fn an_mtime_that_goes_back_is_a_change() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    let file = std::fs::File::options()
        .write(true)
        .open(library.world.v2(CLIP))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(backend.needs_refresh(CLIP));
}

#[tokio::test]
async fn a_deleted_file_does_not_invalidate_what_was_loaded_from_it() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    std::fs::remove_file(library.world.v2(CLIP)).unwrap();
    assert!(backend.is_cache_valid(CLIP));
    backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn a_failed_refresh_serves_the_last_good_data_as_stale_and_tries_again() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    let good = library.published(CLIP);
    library.break_down(true);
    backend.mark_stale(CLIP);
    for round in 1..=3 {
        let clip = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
        assert!(clip.is_stale());
        assert_eq!(clip.bytes(), good);
        assert!(!backend.is_cache_valid(CLIP) && backend.needs_refresh(CLIP));
        assert_eq!(library.asked(), round, "each fetch tries");
    }
    assert!(backend.statistics().failures >= 3);
    library.break_down(false);
    let clip = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert!(!clip.is_stale() && backend.is_cache_valid(CLIP));
}

#[tokio::test]
async fn a_rejected_update_serves_the_last_good_data_as_stale() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    let good = library.published(CLIP);
    library
        .world
        .edit(CLIP, "\"type\": \"coca\"", "\"type\": \"cocoa\"");
    let clip = backend.fetch_category(CLIP, true).await.unwrap().unwrap();
    assert!(clip.is_stale());
    assert_eq!(clip.bytes(), good);
    let health = backend.health();
    assert!(!health.healthy);
    let error = health.categories[&CLIP].last_error.clone().unwrap();
    assert!(
        error.contains("'Invented/Duo'") && error.contains("cocoa"),
        "{error}"
    );
}

#[tokio::test]
async fn without_any_data_a_failure_is_an_error_with_its_cause() {
    let library = Library::new();
    library.break_down(true);
    let backend = library.open();
    let error = backend.fetch_category(CLIP, false).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("clip") && text.contains("503"), "{text}");
    assert!(!backend.has_cached_data(CLIP) && backend.should_fetch(CLIP));
    let all = backend.fetch_all_categories(false).await;
    assert!(all[&Category::Blip].is_err());
    assert!(matches!(all[&Category::Lora], Ok(None)));
}

#[tokio::test]
async fn a_callback_that_panics_harms_no_other_and_one_that_left_is_not_called() {
    let library = Library::synced();
    let backend = loaded(&library).await;
    let calls = Arc::new(AtomicUsize::new(0));
    backend.on_invalidated(|_| panic!("a callback of a test panics on purpose"));
    let count = Arc::clone(&calls);
    let id = backend.on_invalidated(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    backend.mark_stale(CLIP);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(backend.unregister(id) && !backend.unregister(id));
    backend.mark_stale(CLIP);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_callback_may_ask_the_backend() {
    let library = Library::synced();
    let backend = Arc::new(loaded(&library).await);
    let (calls, handle) = (Arc::new(AtomicUsize::new(0)), Arc::downgrade(&backend));
    let count = Arc::clone(&calls);
    backend.on_invalidated(move |event| {
        let backend = handle.upgrade().unwrap();
        assert!(!backend.is_cache_valid(event.category));
        count.fetch_add(1, Ordering::SeqCst);
    });
    backend.mark_stale(CLIP);
    assert_eq!(
        calls.load(Ordering::SeqCst),
        1,
        "it asked, and was answered"
    );
}

#[tokio::test]
async fn following_announces_changes_and_expiry_without_being_asked() {
    let library = Library::synced();
    let mut config = library.config();
    config.ttl = Duration::from_secs(2);
    config.watch.debounce = Duration::from_millis(1);
    let backend = GithubBackend::open_reader(config).unwrap();
    let mut events = backend.subscribe();
    let story = async {
        backend.fetch_category(CLIP, false).await.unwrap().unwrap();
        // The watch may not be up yet: whatever it misses, the next expiry brings to light.
        edit(&library.world.v2(CLIP), "another name", "a new name");
        let first = events.recv().await.unwrap();
        assert_eq!(first.category, CLIP);
        backend.fetch_category(CLIP, false).await.unwrap().unwrap();
        let second = events.recv().await.unwrap();
        assert_eq!(second, event(Cause::Expired));
    };
    tokio::select! {
        () = story => {}
        died = backend.follow() => panic!("{died}"),
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nothing was announced"),
    }
}

#[tokio::test]
async fn a_question_about_one_category_announces_nothing_of_another() {
    let library = Library::synced();
    let backend = library.open();
    backend.warm_cache().await;
    let heard = heard(&backend);
    for category in [CLIP, Category::Blip] {
        std::fs::write(library.world.v2(category), "{}").unwrap();
    }
    assert!(backend.is_cache_valid(Category::Esrgan));
    assert!(!backend.needs_refresh(Category::Esrgan));
    assert_eq!(*heard.lock().unwrap(), []);
    assert!(!backend.is_cache_valid(CLIP) && backend.needs_refresh(CLIP));
    assert_eq!(*heard.lock().unwrap(), [event(Cause::FileChanged)]);
}

#[tokio::test]
async fn a_ttl_that_never_ends_leaves_only_the_file_and_a_mark() {
    let library = Library::synced();
    let mut config = library.config();
    config.ttl = Duration::MAX;
    let backend = GithubBackend::open(config).unwrap();
    let heard = heard(&backend);
    backend.fetch_category(CLIP, false).await.unwrap();
    let follow = async { panic!("{}", backend.follow().await) };
    let story = async {
        tokio::task::yield_now().await;
        assert!(backend.is_cache_valid(CLIP));
        backend.mark_stale(CLIP);
        assert!(!backend.is_cache_valid(CLIP));
    };
    tokio::select! { () = story => {} () = follow => {} }
    assert_eq!(*heard.lock().unwrap(), [event(Cause::Marked)]);
}

#[tokio::test]
async fn a_deleted_legacy_file_comes_back_from_its_generation_without_a_request() {
    let library = Library::new();
    let backend = library.open();
    backend.warm_cache().await;
    let asked = library.asked();
    for path in [library.world.legacy(CLIP), library.world.v2(CLIP)] {
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let report = backend.refresh(Depth::Disk, &Category::ALL, &()).await;
        assert!(report.is_complete());
        let outcome = report.category(CLIP).unwrap().outcome;
        assert_eq!(outcome, Outcome::Updated, "{}", path.display());
        assert_eq!(std::fs::read(&path).unwrap(), good);
    }
    assert_eq!(library.asked(), asked);
    // Where no generation has it, it is fetched.
    std::fs::remove_dir_all(library.world.private().join("generations")).unwrap();
    std::fs::remove_file(library.world.legacy(CLIP)).unwrap();
    backend.refresh(Depth::Disk, &Category::ALL, &()).await;
    assert_eq!(
        library.asked_since(asked),
        [("/clip.json".to_owned(), false)]
    );
    assert!(library.world.legacy(CLIP).exists());
}
