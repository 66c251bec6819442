//! What was done to the mirror's files is undone, also while the upstream's file is of no use.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use horde_refd::category::Category;
use horde_refd::mirror::Digest;

use crate::common::{World, json};

const CLIP: Category = Category::Clip;

/// A legacy file that parses and cannot be converted.
const UNCONVERTIBLE: &str = "{\"a\": {\"type\": \"clip\"}}\n";

#[test]
fn a_v2_file_is_restored_while_its_legacy_file_cannot_be_converted() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let good = fs::read(world.v2(CLIP)).unwrap();
    // Twice: the second unconvertible file must not push out the last good one.
    for text in [UNCONVERTIBLE, "{\"b\": {\"type\": \"clip\"}}\n"] {
        fs::write(world.sent(CLIP), text).unwrap();
        world.sync(&[]).expect(1);
        assert_eq!(fs::read(world.legacy(CLIP)).unwrap(), text.as_bytes());
        fs::write(world.v2(CLIP), "{").unwrap();
        world.sync(&[]).expect(1);
        assert_eq!(fs::read(world.v2(CLIP)).unwrap(), good);
        fs::remove_file(world.v2(CLIP)).unwrap();
        world.sync(&[]).expect(1);
        assert_eq!(fs::read(world.v2(CLIP)).unwrap(), good);
    }
}

#[test]
fn the_manifest_names_the_files_on_disk_also_after_a_rejection() {
    let world = World::new();
    world.sync(&[]).expect(0);
    fs::write(world.sent(CLIP), UNCONVERTIBLE).unwrap();
    world.sync(&[]).expect(1);
    let manifest = world.manifest();
    for (name, entry) in manifest["categories"].as_object().unwrap() {
        for form in ["v2", "legacy"] {
            let file = world.mirror().join(entry[form]["file"].as_str().unwrap());
            let digest = Digest::of(&fs::read(file).unwrap()).to_string();
            assert_eq!(entry[form]["sha256"], digest.as_str(), "{name} {form}");
        }
    }
}

#[test]
fn modes_are_set_right_without_moving_an_mtime() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let files = [
        world.v2(CLIP),
        world.legacy(CLIP),
        world.mirror().join("manifest.json"),
    ];
    let mtimes = files
        .each_ref()
        .map(|file| fs::metadata(file).unwrap().modified().unwrap());
    for file in &files {
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }
    world.sync(&[]).expect(0);
    for (file, mtime) in files.iter().zip(mtimes) {
        let metadata = fs::metadata(file).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o644, "{}", file.display());
        assert_eq!(metadata.modified().unwrap(), mtime, "{}", file.display());
    }
}

#[test]
fn what_is_no_file_gives_way_to_the_v2_file() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let good = fs::read(world.v2(CLIP)).unwrap();
    fs::remove_file(world.v2(CLIP)).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.v2(CLIP))
        .status();
    assert!(made.unwrap().success());
    world.sync(&[]).expect(0);
    assert!(fs::metadata(world.v2(CLIP)).unwrap().is_file());
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), good);
}

#[test]
fn a_sync_that_publishes_nothing_leaves_no_manifest() {
    let world = World::new();
    world.sync_from("/nonexistent/upstream", &[]).expect(1);
    assert!(!world.mirror().join("manifest.json").exists());
}

#[test]
fn in_primary_mode_the_local_files_are_the_origin() {
    let world = World::new();
    let config = world.root().join("config.toml");
    fs::write(&config, "replicate_mode = \"primary\"\nseed = true\n").unwrap();
    let args = ["-c", config.to_str().unwrap()];
    world.sync(&args).expect(0).all("updated", "downloaded");
    // An edit of the origin is published and stays; nothing is downloaded over it.
    let edited = fs::read_to_string(world.legacy(CLIP)).unwrap() + "\n";
    fs::write(world.legacy(CLIP), &edited).unwrap();
    world.sync(&args).expect(0);
    assert_eq!(fs::read_to_string(world.legacy(CLIP)).unwrap(), edited);
    // Not even over an empty file, which is an editor's.
    fs::write(world.legacy(CLIP), "").unwrap();
    world.sync(&args).expect(1);
    assert_eq!(fs::read(world.legacy(CLIP)).unwrap(), b"");
}

#[test]
fn a_damaged_manifest_is_written_again() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let manifest = world.manifest();
    fs::write(world.mirror().join("manifest.json"), "junk").unwrap();
    world.sync(&[]).expect(0);
    let files = |manifest: &serde_json::Value| manifest["categories"]["clip"]["v2"].clone();
    let again = json(&world.mirror().join("manifest.json"));
    assert_eq!(files(&again), files(&manifest));
}

#[test]
fn the_directory_that_python_clients_make_at_their_start_is_there_and_comes_back() {
    let world = World::new();
    let audit = world.mirror().join("audit");
    for _ in 0..2 {
        world.sync(&[]).expect(0);
        let metadata = fs::symlink_metadata(&audit).unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.mode() & 0o7777, 0o755);
        // Fails unless it is empty.
        fs::remove_dir(&audit).unwrap();
    }
}

/// A 0600 file beside the mirror, with these bytes.
fn private(world: &World, bytes: &[u8]) -> std::path::PathBuf {
    let file = world.root().join("private");
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    file
}

#[test]
fn a_link_in_the_mirror_makes_no_file_outside_readable_and_gives_way() {
    let world = World::new();
    world.sync(&[]).expect(0);
    // The bytes may be any, or the right ones.
    for right in [false, true] {
        for name in [world.legacy(CLIP), world.v2(CLIP)] {
            let good = fs::read(&name).unwrap();
            let bytes = if right { &good } else { b"key".as_slice() };
            let outside = private(&world, bytes);
            fs::remove_file(&name).unwrap();
            std::os::unix::fs::symlink(&outside, &name).unwrap();

            // No upstream: nothing may be changed through the link.
            world.sync_from("http://127.0.0.1:9", &["clip"]);
            assert_eq!(fs::metadata(&outside).unwrap().mode() & 0o7777, 0o600);
            // With one the link is replaced by the file.
            world.sync(&["clip"]).expect(0);
            assert!(fs::symlink_metadata(&name).unwrap().is_file());
            assert_eq!(fs::read(&name).unwrap(), good);
            assert_eq!(fs::read(&outside).unwrap(), bytes);
            assert_eq!(fs::metadata(&outside).unwrap().mode() & 0o7777, 0o600);
        }
    }
}
