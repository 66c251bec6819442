//! Later syncs: nothing new costs nothing, and whatever happened to the files, they converge.

use horde_refd::category::Category;

use crate::common::need::need;
use crate::common::nginx::Nginx;
use crate::common::scripted::{header, target};
use crate::common::{World, edit, sha256};

#[test]
fn nothing_new_over_http_moves_no_body_writes_no_file_moves_no_mtime() {
    need!("nginx", "openssl");
    let world = World::new();
    let nginx = Nginx::serve(&world.upstream());
    world
        .sync_from(&nginx.url(), &[])
        .expect(0)
        .all("updated", "downloaded");
    let before = world.published();
    let ran = world.sync_from(&nginx.url(), &[]).expect(0);
    ran.all("unchanged", "not_modified");
    assert_eq!(world.published(), before);
    let log = nginx.access_log_of(20);
    assert_eq!(log.len(), 20, "{log:#?}");
    for line in &log[10..] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[2], words[3]), ("304", "0"), "{line}");
    }
    let json = ran.json();
    for category in Category::with_legacy() {
        let entry = &json["categories"][category.name()];
        assert_eq!(entry["downloaded_bytes"], 0);
        let v2 = std::fs::read(world.v2(category)).unwrap();
        assert_eq!(entry["v2_sha256"], sha256(&v2));
    }
}

#[test]
fn nothing_new_in_a_directory_writes_no_file_and_moves_no_mtime() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.published();
    world.sync(&[]).expect(0).all("unchanged", "not_modified");
    assert_eq!(world.published(), before);
}

#[test]
fn force_downloads_everything_and_still_writes_nothing_that_is_equal() {
    need!("nginx", "openssl");
    let world = World::new();
    let nginx = Nginx::serve(&world.upstream());
    world.sync_from(&nginx.url(), &[]).expect(0);
    let before = world.published();
    world
        .sync_from(&nginx.url(), &["--force"])
        .expect(0)
        .all("unchanged", "downloaded");
    assert_eq!(world.published(), before);
    let log = nginx.access_log_of(20);
    assert!(
        log[10..].iter().all(|line| line.contains(" 200 ")),
        "{log:#?}"
    );
}

#[test]
fn a_change_upstream_is_published_and_the_generation_before_is_kept() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let tree = world.tree();
    let old = std::fs::read(world.v2(Category::ImageGeneration)).unwrap();
    let old_legacy = std::fs::read(world.legacy(Category::ImageGeneration)).unwrap();
    world.edit(Category::ImageGeneration, "Meadows", "Fields");
    let ran = world.sync(&[]).expect(0);
    let (outcome, upstream) = ran.fared(Category::ImageGeneration);
    assert_eq!((&*outcome, &*upstream), ("updated", "downloaded"));
    let new = std::fs::read(world.v2(Category::ImageGeneration)).unwrap();
    assert!(String::from_utf8(new).unwrap().contains("Fields, in"));
    let kept = world.private().join("generations/image_generation");
    let id = sha256(&old)[..12].to_owned();
    let kept = |form: &str| std::fs::read(kept.join(format!("{id}.{form}"))).unwrap();
    assert_eq!(kept("v2"), old);
    assert_eq!(kept("legacy"), old_legacy);
    // No other category's file moved.
    let after = world.tree();
    for category in Category::with_legacy().filter(|c| *c != Category::ImageGeneration) {
        let name = std::path::Path::new(category.v2_file());
        assert_eq!(after[name], tree[name], "{category}");
    }
    let mtime = |tree: &std::collections::BTreeMap<_, crate::common::Entry>| {
        tree[std::path::Path::new("stable_diffusion.json")].mtime
    };
    assert!(mtime(&after) > mtime(&tree));
}

#[test]
fn edited_truncated_and_deleted_files_converge() {
    let pristine = World::new();
    pristine.sync(&[]).expect(0);
    let world = World::new();
    world.sync(&[]).expect(0);
    edit(&world.legacy(Category::Blip), "Writes", "Sings");
    edit(&world.v2(Category::Blip), "captions", "songs");
    std::fs::write(world.v2(Category::Clip), "{").unwrap();
    std::fs::write(world.legacy(Category::Esrgan), "").unwrap();
    std::fs::write(world.legacy(Category::Gfpgan), "not even JSON").unwrap();
    std::fs::remove_file(world.v2(Category::TextGeneration)).unwrap();
    std::fs::remove_file(world.legacy(Category::Miscellaneous)).unwrap();
    let ran = world.sync(&[]).expect(0);
    for category in [
        Category::Blip,
        Category::Clip,
        Category::Esrgan,
        Category::Gfpgan,
        Category::TextGeneration,
        Category::Miscellaneous,
    ] {
        assert_eq!(ran.fared(category).0, "updated", "{category}");
    }
    assert_eq!(ran.fared(Category::Codeformer).0, "unchanged");
    for category in Category::with_legacy() {
        let bytes = |world: &World| {
            let v2 = std::fs::read(world.v2(category)).unwrap();
            (v2, std::fs::read(world.legacy(category)).unwrap())
        };
        assert_eq!(bytes(&world), bytes(&pristine), "{category}");
    }
    world.sync(&[]).expect(0).all("unchanged", "not_modified");
}

#[test]
fn validators_are_not_sent_for_a_legacy_file_that_was_edited_or_deleted() {
    let world = World::new();
    let server = world.serve();
    world.sync_from(&server.url(), &[]).expect(0);
    edit(&world.legacy(Category::Blip), "Writes", "Sings");
    std::fs::remove_file(world.legacy(Category::Clip)).unwrap();
    let ran = world.sync_from(&server.url(), &[]).expect(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 20);
    for head in &requests[10..] {
        let unconditional = ["/blip.json", "/clip.json"].contains(&target(head));
        let sent = header(head, "if-none-match").is_some();
        assert_eq!(sent, !unconditional, "{head}");
    }
    assert_eq!(ran.fared(Category::Blip).1, "downloaded");
    assert_eq!(ran.fared(Category::Clip).1, "downloaded");
    assert_eq!(ran.fared(Category::Esrgan).1, "not_modified");
    let wanted = std::fs::read(world.sent(Category::Blip)).unwrap();
    assert_eq!(std::fs::read(world.legacy(Category::Blip)).unwrap(), wanted);
}

#[test]
fn a_damaged_manifest_or_state_is_rebuilt() {
    let world = World::new();
    let server = world.serve();
    world.sync_from(&server.url(), &[]).expect(0);
    // All but the moment when a body was received.
    let known = || {
        let mut state = world.state();
        let validators = state["validators"].as_object_mut().unwrap();
        for entry in validators.values_mut() {
            assert!(entry["received"].take().is_string());
        }
        state
    };
    let (manifest, state) = (world.manifest(), known());
    let files: Vec<_> = Category::with_legacy()
        .map(|category| std::path::PathBuf::from(category.v2_file()))
        .collect();
    let before = world.tree();
    for damage in ["", "{\"format\": 1, \"gene", "[]", "{\"format\": 99}"] {
        std::fs::write(world.mirror().join("manifest.json"), damage).unwrap();
        std::fs::write(world.private().join("state.json"), damage).unwrap();
        // Without validators everything is asked for anew; equal bytes are not written.
        world
            .sync_from(&server.url(), &[])
            .expect(0)
            .all("unchanged", "downloaded");
        let rebuilt = world.manifest();
        for category in Category::with_legacy() {
            for part in ["v2", "legacy", "source"] {
                let name = category.name();
                assert_eq!(
                    rebuilt["categories"][name][part],
                    manifest["categories"][name][part]
                );
            }
        }
        assert_eq!(known(), state);
        let after = world.tree();
        for file in &files {
            assert_eq!(after[file], before[file], "{}", file.display());
        }
    }
    // What was lost is not lost a second time.
    world
        .sync_from(&server.url(), &[])
        .expect(0)
        .all("unchanged", "not_modified");
}

#[test]
fn a_manifest_at_odds_with_the_files_is_put_right() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let right = world.manifest();
    let path = world.mirror().join("manifest.json");
    let blip = right["categories"]["blip"]["v2"]["sha256"]
        .as_str()
        .unwrap();
    edit(&path, blip, &"0".repeat(64));
    world.sync(&[]).expect(0);
    assert_eq!(
        world.manifest()["categories"]["blip"]["v2"],
        right["categories"]["blip"]["v2"]
    );
}
