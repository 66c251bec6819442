//! The mirror's invariants, tried on a real directory.

use super::*;
use crate::disk;

fn open() -> (tempfile::TempDir, Mirror) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::default_for(directory.path().join("mirror"));
    let mirror = Mirror::open(&config).unwrap();
    (directory, mirror)
}

fn source() -> Source {
    Source {
        url: "https://example.org/blip.json".to_owned(),
        etag: None,
        last_modified: None,
    }
}

fn publish(mirror: &mut Mirror, v2: &[u8]) {
    let sha256 = Digest::of(b"legacy");
    mirror
        .publish_legacy(Category::Blip, b"legacy", sha256, true)
        .unwrap();
    mirror
        .publish_v2(Category::Blip, v2, Digest::of(v2))
        .unwrap();
    mirror.record(Category::Blip, 1, source(), Timestamp::now());
    mirror.commit().unwrap();
}

#[test]
fn the_manifest_changes_only_when_a_published_file_does() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    let before = disk::stamp(&mirror.layout().manifest(), Links::Refuse).unwrap();
    publish(&mut mirror, b"{}\n");
    assert_eq!(
        disk::stamp(&mirror.layout().manifest(), Links::Refuse).unwrap(),
        before
    );
    publish(&mut mirror, b"{ }\n");
    assert_ne!(
        disk::stamp(&mirror.layout().manifest(), Links::Refuse).unwrap(),
        before
    );
}

#[test]
fn invariant_3_an_edit_in_the_same_clock_tick_is_seen() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    let path = mirror.layout().v2(Category::Blip);
    for round in 0..50 {
        let text = format!("{round:03}");
        std::fs::write(&path, &text).unwrap();
        let seen = mirror.look_v2(Category::Blip).unwrap().unwrap();
        assert_eq!(seen.sha256, Digest::of(text.as_bytes()));
    }
}

#[test]
fn a_removed_mirror_is_made_again_under_a_lock_that_stands() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    std::fs::remove_dir_all(mirror.layout().base()).unwrap();
    mirror.ensure().unwrap();
    assert!(mirror.lock.is_in(&mirror.directories.private));
    assert!(mirror.look_v2(Category::Blip).unwrap().is_none());
    publish(&mut mirror, b"{}\n");
    assert!(mirror.layout().manifest().exists());
}

#[test]
fn a_writer_that_ends_early_leaves_a_manifest_of_what_it_published() {
    let (_directory, mut mirror) = open();
    let layout = mirror.layout().clone();
    let sha256 = Digest::of(b"{}");
    mirror
        .publish_legacy(Category::Blip, b"{}", sha256, true)
        .unwrap();
    mirror.publish_v2(Category::Blip, b"{}", sha256).unwrap();
    mirror.record(Category::Blip, 0, source(), Timestamp::now());
    assert!(!layout.manifest().exists());
    drop(mirror);
    let manifest = manifest::read_manifest(&layout.manifest()).unwrap();
    assert_eq!(manifest.categories[&Category::Blip].v2.sha256, sha256);
}

#[test]
fn a_damaged_manifest_or_state_counts_as_absent() {
    let (directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    let layout = mirror.layout().clone();
    drop(mirror);
    std::fs::write(layout.manifest(), "{\"format\": 1, \"gener").unwrap();
    std::fs::write(layout.state(), "").unwrap();
    let config = Config::default_for(directory.path().join("mirror"));
    let mut mirror = Mirror::open(&config).unwrap();
    assert!(mirror.manifest().categories.is_empty());
    publish(&mut mirror, b"{}\n");
    assert_eq!(
        manifest::read_manifest(&layout.manifest())
            .unwrap()
            .categories
            .len(),
        1
    );
}
