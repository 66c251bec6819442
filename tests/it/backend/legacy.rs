//! `legacy_json` and `legacy_json_string`.

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::item::OnInvalidRecord;
use horde_refd::legacy::legacy_view;
use horde_refd::python::json::{Value, read};

use super::Library;
use crate::common::edit;

const CLIP: Category = Category::Clip;
const TEXT: Category = Category::TextGeneration;

#[tokio::test]
async fn a_missing_file_is_fetched_once_and_served_byte_for_byte() {
    let library = Library::new();
    let backend = library.open();
    assert!(!backend.is_legacy_cache_valid(CLIP));
    let text = backend.legacy_json_string(CLIP, false).await.unwrap();
    let sent = std::fs::read_to_string(library.world.sent(CLIP)).unwrap();
    assert_eq!(*text, *sent);
    assert!(backend.is_legacy_cache_valid(CLIP));
    let value = backend.legacy_json(CLIP, false).await.unwrap();
    assert_eq!(*value, read(sent.as_bytes()).unwrap());
    backend.legacy_json_string(CLIP, false).await.unwrap();
    assert_eq!(library.asked(), 1);
}

#[tokio::test]
async fn the_text_models_csv_is_served_as_its_json_view_with_prefixes() {
    let library = Library::synced();
    let backend = library.open();
    let text = backend.legacy_json_string(TEXT, false).await.unwrap();
    let csv = std::fs::read(library.world.sent(TEXT)).unwrap();
    assert_eq!(*text, *legacy_view(&csv, true).unwrap());
    let value = backend.legacy_json(TEXT, false).await.unwrap();
    assert!(value.get("koboldcpp/tiny-0.5B-2024-10").is_some());
    assert_eq!(library.asked(), 0);
}

#[tokio::test]
async fn redownload_asks_unconditionally_and_a_failure_serves_what_is_there() {
    let library = Library::synced();
    let backend = library.open();
    library.world.edit(CLIP, "another name", "a third name");
    let text = backend.legacy_json_string(CLIP, true).await.unwrap();
    assert!(text.contains("a third name"));
    assert_eq!(library.asked_since(0), [("/clip.json".to_owned(), false)]);
    library.break_down(true);
    let text = backend.legacy_json_string(CLIP, true).await.unwrap();
    assert!(text.contains("a third name"));
    assert_eq!(library.asked(), 2);
}

#[tokio::test]
async fn an_edited_file_is_read_again() {
    let library = Library::synced();
    let backend = library.open();
    backend.legacy_json_string(CLIP, false).await.unwrap();
    edit(
        &library.world.legacy(CLIP),
        "another name",
        "an edited name",
    );
    assert!(!backend.is_legacy_cache_valid(CLIP));
    let text = backend.legacy_json_string(CLIP, false).await.unwrap();
    assert!(text.contains("an edited name"));
    assert!(backend.is_legacy_cache_valid(CLIP));
}

#[tokio::test]
async fn the_legacy_cache_has_a_ttl() {
    let library = Library::synced();
    let mut config = library.config();
    config.ttl = std::time::Duration::from_millis(200);
    let backend = GithubBackend::open(config).unwrap();
    backend.legacy_json_string(CLIP, false).await.unwrap();
    super::until(|| !backend.is_legacy_cache_valid(CLIP));
    backend.legacy_json_string(CLIP, false).await.unwrap();
    assert!(backend.is_legacy_cache_valid(CLIP));
    assert_eq!(library.asked(), 0, "the file is just read again");
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let library = Library::new();
    library.break_down(true);
    let backend = library.open();
    assert!(backend.legacy_json_string(CLIP, false).await.is_none());
    assert!(backend.legacy_json(CLIP, true).await.is_none());
    assert!(
        backend
            .legacy_json_string(Category::Lora, true)
            .await
            .is_none()
    );
}

#[tokio::test]
async fn an_empty_file_reads_as_an_empty_object() {
    let library = Library::synced();
    std::fs::write(library.world.legacy(CLIP), "").unwrap();
    let text = library
        .open()
        .legacy_json_string(CLIP, false)
        .await
        .unwrap();
    assert_eq!(&*text, "{}");
}

#[tokio::test]
async fn numbers_are_as_exact_as_the_bytes_and_nan_takes_nothing_with_it() {
    const IMAGE: Category = Category::ImageGeneration;
    let file = "{\"x\": {\"name\": \"x\", \"baseline\": \"b\", \"size_on_disk_bytes\": 123456789012345678901234567890,\
                \"requirements\": {\"a\": NaN, \"b\": 4154764326612.7812, \"c\": [0.30000000000000004]}}, \
                \"y\": {\"name\": \"y\", \"baseline\": \"b\"}}";
    let library = Library::synced();
    std::fs::write(library.world.legacy(IMAGE), file).unwrap();
    let backend = library.open();
    let text = backend.legacy_json_string(IMAGE, false).await;
    assert_eq!(&*text.unwrap(), file);
    let number = |record: &Value<'_>, name: &str| {
        let requirements = record.get("requirements").unwrap();
        requirements
            .get(name)
            .unwrap()
            .as_number()
            .map(str::to_owned)
    };
    let value = backend.legacy_json(IMAGE, false).await.unwrap();
    let record = value.get("x").unwrap();
    let size = |record: &Value<'_>| record.get("size_on_disk_bytes").unwrap().to_string();
    assert_eq!(size(record), "123456789012345678901234567890");
    assert_eq!(number(record, "a").unwrap(), "NaN");

    let file = library.world.v2(IMAGE);
    let v2 = horde_refd::convert::convert(
        IMAGE,
        file_bytes(&library).as_slice(),
        OnInvalidRecord::Reject,
    )
    .unwrap()
    .v2;
    std::fs::write(&file, v2).unwrap();
    let reader = GithubBackend::open_reader(library.config()).unwrap();
    let reference = reader.fetch_category(IMAGE, false).await.unwrap().unwrap();
    let records = reference.records().unwrap();
    assert_eq!(records.keys().collect::<Vec<_>>(), ["x", "y"]);
    let record = records.get("x").unwrap();
    assert_eq!(size(record), "123456789012345678901234567890");
    assert_eq!(number(record, "a").unwrap(), "NaN");
    assert_eq!(number(record, "b").unwrap(), "4154764326612.7812");
}

fn file_bytes(library: &Library) -> Vec<u8> {
    std::fs::read(library.world.legacy(Category::ImageGeneration)).unwrap()
}
