//! `fetch_category` and `fetch_all_categories`: what they ask for, what they serve.

use horde_refd::category::Category;

use super::Library;
use crate::common::edit;

const CLIP: Category = Category::Clip;

#[tokio::test]
async fn a_first_fetch_downloads_its_category_and_the_next_comes_from_memory() {
    let library = Library::new();
    let backend = library.open();
    assert!(backend.should_fetch(CLIP) && !backend.has_cached_data(CLIP));
    assert!(!backend.needs_refresh(CLIP), "never loaded is not stale");
    let first = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert_eq!(library.asked_since(0), [("/clip.json".to_owned(), false)]);
    assert_eq!(first.bytes(), library.published(CLIP));
    assert_eq!((first.category(), first.is_stale()), (CLIP, false));
    assert_eq!(first.records().unwrap().len(), 2);
    assert!(!backend.should_fetch(CLIP) && backend.has_cached_data(CLIP));
    assert!(backend.is_cache_valid(CLIP) && !backend.needs_refresh(CLIP));
    let second = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    assert_eq!(library.asked(), 1);
    let statistics = backend.statistics();
    assert_eq!((statistics.cache_hits, statistics.refreshes), (1, 1));
}

#[tokio::test]
async fn legacy_files_that_are_there_are_trusted_on_first_use() {
    let library = Library::synced();
    let backend = library.open();
    let all = backend.fetch_all_categories(false).await;
    assert!(all[&CLIP].as_ref().unwrap().is_some());
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn an_edited_legacy_file_is_served_converted() {
    let library = Library::synced();
    edit(&library.world.legacy(CLIP), "another name", "any name");
    let backend = library.open();
    let clip = backend.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(clip.bytes()).contains("any name"));
    assert_eq!(clip.bytes(), library.published(CLIP));
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn all_categories_are_fetched_in_one_cycle_and_by_force_once_each() {
    let library = Library::new();
    let backend = library.open();
    let all = backend.fetch_all_categories(false).await;
    assert_eq!(all.len(), Category::ALL.len());
    for (category, fetched) in &all {
        let served = fetched.as_ref().unwrap().is_some();
        assert_eq!(served, category.has_legacy(), "{category}");
    }
    assert_eq!(library.asked(), 10);
    backend.fetch_all_categories(false).await;
    assert_eq!(library.asked(), 10);
    let before = library.world.published();
    let all = backend.fetch_all_categories(true).await;
    assert!(all.values().all(Result::is_ok));
    // Each file once, unconditionally; the reference asks twice.
    let asked = library.asked_since(10);
    assert_eq!(asked.len(), 10);
    assert!(asked.iter().all(|(_, conditional)| !conditional));
    let after = library.world.published();
    assert_eq!(after, before, "equal bytes are not written");
}

#[tokio::test]
async fn force_asks_unconditionally_and_serves_what_came() {
    let library = Library::synced();
    let backend = library.open();
    backend.fetch_category(CLIP, false).await.unwrap();
    library.world.edit(CLIP, "another name", "a third name");
    let clip = backend.fetch_category(CLIP, true).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(clip.bytes()).contains("a third name"));
    assert_eq!(library.asked_since(0), [("/clip.json".to_owned(), false)]);
    assert!(backend.is_cache_valid(CLIP));
}

#[tokio::test]
async fn those_who_fetch_at_the_same_time_share_one_request() {
    let library = Library::new();
    let backend = library.open();
    let fetch = || backend.fetch_category(CLIP, false);
    let (a, b, c, d) = tokio::join!(fetch(), fetch(), fetch(), fetch());
    for fetched in [a, b, c, d] {
        assert!(!fetched.unwrap().unwrap().is_stale());
    }
    assert_eq!(library.asked(), 1);
}

#[tokio::test]
async fn a_file_for_a_category_without_legacy_format_is_served() {
    let library = Library::synced();
    let backend = library.open();
    let lora = Category::Lora;
    assert!(backend.fetch_category(lora, false).await.unwrap().is_none());
    // Asked for and found to have no data counts as answered, as in the reference package.
    assert!(backend.has_cached_data(lora));
    std::fs::write(library.world.v2(lora), "{\"x\": {}}\n").unwrap();
    let served = backend.fetch_category(lora, false).await.unwrap().unwrap();
    assert_eq!(served.bytes(), b"{\"x\": {}}\n");
    assert_eq!(library.asked(), 0);
}
