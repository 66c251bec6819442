//! The mirror's invariants, tried on a real directory.

use super::*;
use crate::clock;
use crate::disk;
use crate::draft::MadeFrom;
use crate::item::OnInvalidRecord;

const BLIP: Item = Item::Category(Category::Blip);

fn open() -> (tempfile::TempDir, Mirror) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::default_for(directory.path().join("mirror"));
    let mirror = Mirror::open(&config).unwrap();
    (directory, mirror)
}

pub(super) fn entry(v2: &[u8]) -> Entry {
    Entry {
        v2: V2Entry {
            file: "blip.json".to_owned(),
            sha256: Digest::of(v2),
            bytes: v2.len() as u64,
            models: 1,
            dropped: 0,
        },
        made_from: MadeFrom {
            form: Form::Legacy,
            sha256: Digest::of(b"legacy"),
            on_invalid_record: Some(OnInvalidRecord::Reject),
        },
        legacy: None,
        source: Source::default(),
        published_at: clock::now(),
    }
}

fn publish(mirror: &mut Mirror, v2: &[u8]) {
    let sha256 = Digest::of(v2);
    if mirror
        .last_seen(&BLIP, Form::V2)
        .is_none_or(|seen| seen.sha256 != sha256)
    {
        mirror.write(&BLIP, Form::V2, v2, sha256, None).unwrap();
    }
    mirror.enter(Category::Blip, entry(v2));
    let unwritten = mirror.commit();
    assert!(unwritten.manifest.is_none() && unwritten.state.is_none());
}

fn manifest_stamp(mirror: &Mirror) -> Option<Stamp> {
    disk::stamp(&mirror.layout().manifest(), Links::Refuse).unwrap()
}

#[test]
fn the_manifest_changes_only_when_a_published_file_does() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    let before = manifest_stamp(&mirror);
    publish(&mut mirror, b"{}\n");
    assert_eq!(manifest_stamp(&mirror), before);
    publish(&mut mirror, b"{ }\n");
    assert_ne!(manifest_stamp(&mirror), before);
}

#[test]
fn invariant_3_an_edit_in_the_same_clock_tick_is_seen() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    let path = mirror.layout().v2(Category::Blip);
    for round in 0..50 {
        let text = format!("{round:03}");
        std::fs::write(&path, &text).unwrap();
        let look = mirror.look(&BLIP, Form::V2).unwrap();
        assert_eq!(look.seen.unwrap().sha256, Digest::of(text.as_bytes()));
    }
}

#[test]
fn a_removed_mirror_is_made_again_under_a_lock_that_stands() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    std::fs::remove_dir_all(mirror.layout().base()).unwrap();
    mirror.ensure().unwrap();
    assert!(mirror.is_ours());
    assert!(mirror.look(&BLIP, Form::V2).unwrap().seen.is_none());
    publish(&mut mirror, b"{}\n");
    assert!(mirror.layout().manifest().exists());
}

#[test]
fn a_writer_that_ends_early_leaves_a_manifest_of_what_it_published() {
    let (_directory, mut mirror) = open();
    let layout = mirror.layout().clone();
    let sha256 = Digest::of(b"{}");
    mirror.write(&BLIP, Form::V2, b"{}", sha256, None).unwrap();
    mirror.enter(Category::Blip, entry(b"{}"));
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
    let config = Config::default_for(directory.path().join("mirror"));
    std::fs::write(layout.state(), "").unwrap();
    let mirror = Mirror::open(&config).unwrap();
    assert!(!mirror.is_trusted() && !mirror.manifest().categories.is_empty());
    drop(mirror);
    std::fs::write(layout.manifest(), "{\"format\": 1, \"gener").unwrap();
    let mut mirror = Mirror::open(&config).unwrap();
    assert!(!mirror.is_trusted() && mirror.manifest().categories.is_empty());
    publish(&mut mirror, b"{}\n");
    let manifest = manifest::read_manifest(&layout.manifest()).unwrap();
    assert_eq!(manifest.categories.len(), 1);
}

#[test]
fn what_stands_in_the_place_of_the_manifest_gives_way() {
    let (_directory, mut mirror) = open();
    publish(&mut mirror, b"{}\n");
    assert!(!mirror.is_missed(&BLIP));
    let path = mirror.layout().manifest();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("in the way"), "").unwrap();
    mirror.ensure().unwrap();
    assert!(mirror.is_missed(&BLIP));
    assert!(mirror.commit().manifest.is_none());
    assert!(!mirror.is_missed(&BLIP));
    let manifest = manifest::read_manifest(&path).unwrap();
    assert_eq!(manifest.categories.len(), 1);
}

#[test]
fn the_manifest_and_the_state_are_those_of_the_directory_that_is_the_mirror_now() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let turn = |to: &str| {
        let _ = std::fs::remove_file(at("mirror"));
        std::os::unix::fs::symlink(to, at("mirror")).unwrap();
    };
    let config = Config::default_for(at("mirror"));
    for name in ["one", "two"] {
        std::fs::create_dir(at(name)).unwrap();
        turn(name);
        let mut mirror = Mirror::open(&config).unwrap();
        publish(&mut mirror, name.as_bytes());
        mirror
            .state()
            .issues
            .insert(Category::Blip, name.len() as u64);
        mirror.commit();
    }
    let mut mirror = Mirror::open(&config).unwrap();
    let two = manifest_stamp(&mirror);
    std::fs::write(at("one/.horde-refd/state.json"), "damaged").unwrap();
    turn("one");
    mirror.ensure().unwrap();
    let entry = &mirror.manifest().categories[&Category::Blip];
    assert_eq!(entry.v2.sha256, Digest::of(b"one"));
    assert!(!mirror.is_trusted() && mirror.state().issues.is_empty());
    mirror.commit();
    turn("two");
    mirror.ensure().unwrap();
    assert_eq!(
        manifest_stamp(&mirror),
        two,
        "nothing of the one came into the other"
    );
    assert_eq!(mirror.state().issues[&Category::Blip], 3);
    // Where nothing is published, nothing is known.
    std::fs::create_dir(at("three")).unwrap();
    turn("three");
    mirror.ensure().unwrap();
    mirror.commit();
    assert!(mirror.manifest().categories.is_empty());
    assert!(!mirror.layout().manifest().exists());
}
