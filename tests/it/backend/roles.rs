//! Writer, standby, reader; replica and PRIMARY.

use horde_refd::backend::{GithubBackend, OpenError, Role};
use horde_refd::category::Category;
use horde_refd::config::ReplicateMode;
use horde_refd::error::chain;
use horde_refd::mirror::LockError;

use super::Library;

const CLIP: Category = Category::Clip;

#[tokio::test]
async fn a_second_backend_stands_by_serves_what_the_writer_publishes_and_takes_over() {
    let library = Library::synced();
    let writer = library.open();
    assert_eq!(writer.role(), Role::Writer);
    assert!(matches!(
        GithubBackend::open_writer(library.config()),
        Err(OpenError::Mirror(LockError::Held { .. }))
    ));
    let standby = library.open();
    assert_eq!(standby.role(), Role::Standby);
    let before = standby.fetch_category(CLIP, false).await.unwrap().unwrap();
    library
        .world
        .edit(CLIP, "another name", "the writer's name");
    standby.mark_stale(CLIP);
    standby.fetch_category(CLIP, true).await.unwrap().unwrap();
    assert_eq!(library.asked(), 0, "on standby, no upstream is asked");
    writer.fetch_category(CLIP, true).await.unwrap();
    assert!(standby.needs_refresh(CLIP), "it saw the file change");
    let after = standby.fetch_category(CLIP, false).await.unwrap().unwrap();
    assert!(!after.is_stale());
    assert_ne!(after.bytes(), before.bytes());
    assert_eq!(after.bytes(), library.published(CLIP));
    assert!(!standby.take_over().await.unwrap());
    drop(writer);
    assert!(standby.take_over().await.unwrap());
    assert_eq!(standby.role(), Role::Writer);
    let asked = library.asked();
    standby.fetch_category(CLIP, true).await.unwrap();
    assert_eq!(library.asked(), asked + 1);
}

#[tokio::test]
async fn a_reader_never_asks_never_writes_and_never_takes_over() {
    let library = Library::synced();
    let before = library.world.tree();
    let reader = GithubBackend::open_reader(library.config()).unwrap();
    assert_eq!(reader.role(), Role::Standby);
    let all = reader.fetch_all_categories(true).await;
    assert_eq!(
        all.values()
            .filter(|one| matches!(one, Ok(Some(_))))
            .count(),
        10
    );
    assert!(!reader.take_over().await.unwrap());
    assert_eq!(library.asked(), 0);
    assert_eq!(library.world.tree(), before);
    // Nor does it make a mirror where there is none.
    let empty = Library::new();
    let reader = GithubBackend::open_reader(empty.config()).unwrap();
    let error = reader.fetch_category(CLIP, false).await.unwrap_err();
    assert!(
        chain(&error).contains("has not published"),
        "{}",
        chain(&error)
    );
    assert!(!empty.world.mirror().exists());
}

#[tokio::test]
async fn primary_without_seed_names_what_is_missing() {
    let library = Library::synced();
    for category in [CLIP, Category::TextGeneration] {
        std::fs::remove_file(library.world.legacy(category)).unwrap();
    }
    let mut config = library.config();
    config.replicate_mode = ReplicateMode::Primary;
    let error = GithubBackend::open(config).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, OpenError::MissingInPrimary { files } if files.len() == 2));
    for category in [CLIP, Category::TextGeneration] {
        let path = library.world.legacy(category);
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn primary_converts_local_files_and_never_overwrites_them() {
    let library = Library::synced();
    let own = "{\"ours\": {\"name\": \"ours\", \"type\": \"clip\", \"description\": \"local\"}}\n";
    std::fs::write(library.world.legacy(CLIP), own).unwrap();
    let mut config = library.config();
    config.replicate_mode = ReplicateMode::Primary;
    let backend = GithubBackend::open(config).unwrap();
    assert_eq!(backend.replicate_mode(), ReplicateMode::Primary);
    let clip = backend.fetch_category(CLIP, true).await.unwrap().unwrap();
    assert!(clip.records().unwrap().get("ours").is_some());
    let legacy = backend.legacy_json_string(CLIP, true).await.unwrap();
    assert_eq!(&*legacy, own);
    assert_eq!(
        std::fs::read_to_string(library.world.legacy(CLIP)).unwrap(),
        own
    );
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn primary_with_seed_downloads_once_what_is_missing() {
    let library = Library::synced();
    std::fs::remove_file(library.world.legacy(CLIP)).unwrap();
    let kept = std::fs::read(library.world.legacy(Category::Blip)).unwrap();
    library.world.edit(Category::Blip, "Writes", "Sings");
    let mut config = library.config();
    config.replicate_mode = ReplicateMode::Primary;
    config.seed = true;
    let backend = GithubBackend::open(config).unwrap();
    let all = backend.fetch_all_categories(true).await;
    assert!(all.values().all(Result::is_ok));
    backend.fetch_all_categories(true).await;
    assert_eq!(library.asked_since(0), [("/clip.json".to_owned(), false)]);
    assert_eq!(
        std::fs::read(library.world.legacy(Category::Blip)).unwrap(),
        kept
    );
}
