//! The blocking form is the same backend.

use horde_refd::backend::Role;
use horde_refd::blocking::{BlockingError, GithubBackend};
use horde_refd::category::Category;
use horde_refd::cycle::Outcome;
use horde_refd::depth::Depth;

use super::Library;

const CLIP: Category = Category::Clip;

#[test]
fn everything_that_waits_has_a_blocking_form() {
    let library = Library::new();
    let backend = GithubBackend::open(library.config()).unwrap();
    let clip = backend.fetch_category(CLIP, false).unwrap().unwrap();
    assert_eq!(clip.bytes(), library.published(CLIP));
    assert_eq!(library.asked(), 1);
    assert_eq!(backend.warm_cache(), 10);
    assert_eq!(library.asked(), 10);
    let all = backend.fetch_all_categories(false);
    assert_eq!(
        all.values()
            .filter(|one| matches!(one, Ok(Some(_))))
            .count(),
        10
    );
    let text = backend.legacy_json_string(CLIP, false).unwrap();
    let value = backend.legacy_json(CLIP, false).unwrap();
    assert_eq!(
        horde_refd::python::json::read(text.as_bytes()).unwrap(),
        *value
    );
    assert_eq!(library.asked(), 10);
    library.world.edit(CLIP, "another name", "a third name");
    let report = backend.refresh(Depth::Poll, &[CLIP]);
    assert_eq!(report.category(CLIP).unwrap().outcome, Outcome::Updated);
    assert!(backend.inner().is_cache_valid(CLIP));
    library.break_down(true);
    backend.inner().mark_stale(CLIP);
    let clip = backend.fetch_category(CLIP, false).unwrap().unwrap();
    assert!(clip.is_stale());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let library = Library::new();
    std::fs::write(library.world.mirror(), "a file").unwrap();
    let error = GithubBackend::open(library.config()).unwrap_err();
    assert!(matches!(error, BlockingError::Open(_)), "{error}");
    let path = library.world.mirror();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_blocking_reader_never_writes_and_a_blocking_writer_is_one_or_nothing() {
    let library = Library::synced();
    let writer = GithubBackend::open_writer(library.config()).unwrap();
    assert_eq!(writer.inner().role(), Role::Writer);
    let error = GithubBackend::open_writer(library.config()).unwrap_err();
    assert!(error.to_string().contains("another writer"), "{error}");
    drop(writer);
    let before = library.world.tree();
    let reader = GithubBackend::open_reader(library.config()).unwrap();
    assert!(reader.fetch_category(CLIP, true).unwrap().is_some());
    assert_eq!(reader.inner().role(), Role::Standby);
    assert_eq!(library.asked(), 0);
    assert_eq!(library.world.tree(), before);
}
