//! The kept versions: what becomes one, how many there are, and what they bring back.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::{World, edit, json, sha256};

const CLIP: Category = Category::Clip;

/// A legacy file that parses and cannot be converted.
const UNCONVERTIBLE: &str = "{\"a\": {\"type\": \"clip\"}}\n";

fn directory(world: &World) -> PathBuf {
    world.private().join("generations/clip")
}

fn id(v2: &[u8]) -> String {
    sha256(v2)[..12].to_owned()
}

/// The descriptions of the kept versions, newest first.
fn kept(world: &World) -> Vec<Value> {
    let entries = fs::read_dir(directory(world)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut kept: Vec<Value> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .map(|path| json(&path))
        .collect();
    let brought =
        |one: &Value| -> jiff::Timestamp { one["brought_at"].as_str().unwrap().parse().unwrap() };
    kept.sort_by_key(|one| std::cmp::Reverse(brought(one)));
    kept
}

fn ids(world: &World) -> Vec<String> {
    let ids = kept(world).into_iter();
    ids.map(|one| one["v2_sha256"].as_str().unwrap()[..12].to_owned())
        .collect()
}

/// Publishes a version of the sample with another name in it; its id.
fn publish(world: &World, name: &str, args: &[&str]) -> String {
    let sample = World::new();
    sample.edit(CLIP, "another name", name);
    fs::copy(sample.sent(CLIP), world.sent(CLIP)).unwrap();
    world.sync(args).expect(0);
    id(&fs::read(world.v2(CLIP)).unwrap())
}

#[test]
fn the_newest_stay_by_when_an_upstream_brought_them() {
    let world = World::new();
    let config = world.path("config.toml");
    fs::write(&config, "[history]\nkeep = 2\n").unwrap();
    let args = ["-c", config.to_str().unwrap()];
    let [a, b] = ["a name", "b name"].map(|name| publish(&world, name, &args));
    assert_eq!(ids(&world), [b.clone(), a.clone()]);
    // It comes again: it is the newest, and not a third.
    assert_eq!(publish(&world, "a name", &args), a);
    assert_eq!(ids(&world), [a.clone(), b.clone()]);
    let first: jiff::Timestamp = kept(&world)[0]["published_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let again: jiff::Timestamp = kept(&world)[0]["brought_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(first < again);
    let c = publish(&world, "c name", &args);
    assert_eq!(ids(&world), [c, a]);
    let names = fs::read_dir(directory(&world)).unwrap().count();
    assert_eq!(
        names, 6,
        "three files each, and nothing of the one that went"
    );
    world.assert_whole();
}

#[test]
fn a_generation_has_both_files_and_says_what_it_is() {
    let world = World::new();
    let old = publish(&world, "a name", &[]);
    let files = [world.v2(CLIP), world.legacy(CLIP)];
    let bytes = files.each_ref().map(|file| fs::read(file).unwrap());
    let inodes = files
        .each_ref()
        .map(|file| fs::metadata(file).unwrap().ino());
    let path = |kind: &str| directory(&world).join(format!("{old}.{kind}"));
    let copies = ["v2", "legacy"].map(|kind| fs::metadata(path(kind)).unwrap().ino());
    for (copy, inode) in copies.iter().zip(&inodes) {
        assert_ne!(copy, inode, "a write in place would go through a hard link");
    }
    publish(&world, "b name", &[]);
    // Readers on NFS may hold the replaced files open: those are the copies now.
    for (kind, (bytes, inode)) in ["v2", "legacy"].iter().zip(bytes.iter().zip(inodes)) {
        assert_eq!(fs::read(path(kind)).unwrap(), *bytes);
        assert_eq!(fs::metadata(path(kind)).unwrap().ino(), inode, "{kind}");
    }
    let said = json(&path("json"));
    assert_eq!(said["v2_sha256"], sha256(&bytes[0]));
    assert_eq!(said["models"], 2);
    assert_eq!(said["legacy"]["sha256"], sha256(&bytes[1]));
    assert_eq!(said["made_from"]["sha256"], sha256(&bytes[1]));
    assert_eq!(said["source"]["upstream"], "flat");
    let newest = &kept(&world)[0];
    let changes = serde_json::json!({"added": 0, "removed": 0, "changed": 1});
    assert_eq!(newest["changes"], changes);
}

#[test]
fn an_edit_in_place_makes_none_except_where_the_local_files_are_the_origin() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = ids(&world);
    fs::remove_file(world.sent(CLIP)).unwrap();
    edit(&world.legacy(CLIP), "another name", "an edited name");
    world.sync(&[]).expect(1);
    let v2 = fs::read(world.v2(CLIP)).unwrap();
    assert!(String::from_utf8_lossy(&v2).contains("an edited name"));
    assert_eq!(ids(&world), before);
    let config = world.path("config.toml");
    fs::write(&config, "replicate_mode = \"primary\"\n").unwrap();
    edit(&world.legacy(CLIP), "an edited name", "a better name");
    world.sync(&["-c", config.to_str().unwrap()]).expect(0);
    let v2 = fs::read(world.v2(CLIP)).unwrap();
    assert_eq!(ids(&world), [vec![id(&v2)], before].concat());
}

#[test]
fn a_published_version_that_is_no_generation_becomes_one_when_the_upstream_confirms_it() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = ids(&world);
    fs::remove_dir_all(world.private().join("generations")).unwrap();
    world.sync(&[]).expect(0).all("unchanged", "not_modified");
    assert_eq!(ids(&world), before);
    let v2 = directory(&world).join(format!("{}.v2", before[0]));
    assert_eq!(fs::read(v2).unwrap(), fs::read(world.v2(CLIP)).unwrap());
}

#[test]
fn a_generation_with_damaged_bytes_brings_nothing_back() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let good = fs::read(world.v2(CLIP)).unwrap();
    fs::write(world.sent(CLIP), UNCONVERTIBLE).unwrap();
    world.sync(&[]).expect(1);
    let copy = directory(&world).join(format!("{}.v2", id(&good)));
    fs::write(&copy, "damaged").unwrap();
    fs::remove_file(world.v2(CLIP)).unwrap();
    world.sync(&[]).expect(1);
    assert!(!world.v2(CLIP).exists());
    fs::write(&copy, &good).unwrap();
    world.sync(&[]).expect(1);
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), good);
}

#[test]
fn without_a_manifest_a_file_is_what_its_generation_says() {
    let world = World::new();
    world.sync(&[]).expect(0);
    // The v2 file is not what the legacy file gives, which gives none.
    fs::write(world.sent(CLIP), UNCONVERTIBLE).unwrap();
    world.sync(&[]).expect(1);
    let manifest = world.manifest();
    let v2 = fs::read(world.v2(CLIP)).unwrap();
    for damage in [None, Some("{\"format\": 2, \"cate")] {
        let path = world.mirror().join("manifest.json");
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(damage) => fs::write(&path, damage).unwrap(),
        }
        // Whatever is asked for.
        world.sync(&["esrgan"]).expect(0);
        let rebuilt = world.manifest();
        for category in Category::with_legacy() {
            for part in ["v2", "made_from", "legacy"] {
                let of = |manifest: &Value| manifest["categories"][category.name()][part].clone();
                assert_eq!(of(&rebuilt), of(&manifest), "{category} {part}");
            }
        }
        assert_eq!(fs::read(world.v2(CLIP)).unwrap(), v2);
    }
}

#[test]
fn a_reference_is_not_emptied_even_where_nothing_says_what_it_is() {
    const TEXT: Category = Category::TextGeneration;
    let world = World::new();
    world.sync(&[]).expect(0);
    let v2 = fs::read(world.v2(TEXT)).unwrap();
    let legacy = fs::read(world.legacy(TEXT)).unwrap();
    let csv = fs::read_to_string(world.sent(TEXT)).unwrap();
    let header = csv.lines().next().unwrap();
    fs::write(world.sent(TEXT), format!("{header}\n")).unwrap();
    fs::remove_dir_all(world.private().join("generations")).unwrap();
    fs::remove_file(world.mirror().join("manifest.json")).unwrap();
    let ran = world.sync(&[]).expect(1);
    assert_eq!(
        ran.fared(TEXT),
        ("held".to_owned(), "downloaded".to_owned())
    );
    assert_eq!(fs::read(world.v2(TEXT)).unwrap(), v2);
    assert_eq!(fs::read(world.legacy(TEXT)).unwrap(), legacy);
}
