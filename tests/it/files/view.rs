//! `publish.text_legacy_json`: `legacy/text_generation.json` is what `convert --legacy-view` prints of `legacy/models.csv`.

use std::fs;

use horde_refd::category::Category;

use crate::common::{Ran, World, json, sha256};
use crate::upstreams::{Peer, upstream};

use super::{entry, from_directory, said, sync};

const TEXT: Category = Category::TextGeneration;
const VIEW: &str = "legacy/text_generation.json";
const PUBLISH: &str = "publish.text_legacy_json = true\n";

/// What the filter prints of the stored file.
fn printed(world: &World) -> Vec<u8> {
    let csv = world.legacy(TEXT);
    let args = ["convert", "--legacy-view", "text_generation"];
    let ran = Ran::of(world.command(&args).arg(csv)).expect(0);
    ran.stdout.into_bytes()
}

fn view(world: &World) -> Vec<u8> {
    fs::read(world.mirror().join(VIEW)).unwrap()
}

#[test]
fn the_view_has_the_bytes_that_the_filter_prints_and_follows_models_csv() {
    for (upstream, _) in crate::common::corpora() {
        let world = World::with(&upstream);
        let lines = from_directory(&world, PUBLISH);
        let ran = sync(&world, &lines, &[]).expect(0);
        assert_eq!(said(&ran, VIEW), ("updated".into(), String::new()));
        assert_eq!(view(&world), printed(&world));
        let named = entry(&world, VIEW);
        assert_eq!(named["sha256"], sha256(&view(&world)));
        let csv = world.sent(TEXT).display().to_string();
        assert_eq!(named["source"]["url"], csv);

        let before = world.published();
        let ran = sync(&world, &lines, &[]).expect(0);
        assert_eq!(said(&ran, VIEW).0, "unchanged");
        assert_eq!(world.published(), before);

        let mut csv = fs::read_to_string(world.sent(TEXT)).unwrap();
        let columns = csv.lines().next().unwrap().matches(',').count();
        csv += &format!("new/model,7{}\n", ",".repeat(columns - 1));
        fs::write(world.sent(TEXT), csv).unwrap();
        let old = view(&world);
        let ran = sync(&world, &lines, &["text_generation"]).expect(0);
        assert_eq!(said(&ran, VIEW).0, "updated");
        assert_ne!(view(&world), old);
        assert_eq!(view(&world), printed(&world));
        assert_eq!(entry(&world, VIEW)["sha256"], sha256(&view(&world)));
    }
}

#[test]
fn a_view_that_was_damaged_or_removed_is_made_again_whatever_the_upstream_does() {
    let world = World::new();
    let peer = Peer::flat(&world);
    let lines = PUBLISH.to_owned() + &upstream("hub", &peer.url(), "flat", "0s");
    sync(&world, &lines, &[]).expect(0);
    let good = view(&world);
    peer.down();
    for damage in ["", "{", "gone"] {
        match damage {
            "gone" => fs::remove_file(world.mirror().join(VIEW)).unwrap(),
            text => fs::write(world.mirror().join(VIEW), text).unwrap(),
        }
        let ran = sync(&world, &lines, &[]).expect(1);
        assert_eq!(said(&ran, VIEW).0, "updated", "{damage:?}: {ran:#?}");
        assert_eq!(view(&world), good, "{damage:?}");
    }
    // The manifest and the state are of no use: it is made once more, and named again.
    fs::remove_file(world.mirror().join("manifest.json")).unwrap();
    fs::write(world.private().join("state.json"), "damaged").unwrap();
    sync(&world, &lines, &[]).expect(1);
    assert_eq!(entry(&world, VIEW)["sha256"], sha256(&good));
}

#[test]
fn it_is_no_fresher_than_models_csv() {
    let world = World::new();
    let peer = Peer::flat(&world);
    let lines = PUBLISH.to_owned() + &upstream("hub", &peer.url(), "flat", "0s");
    sync(&world, &lines, &[]).expect(0);
    let success = || {
        let status = json(&world.private().join("status.json"));
        status["files"][VIEW]["last_success"].clone()
    };
    let first = success();
    assert!(first.is_string());
    peer.down();
    sync(&world, &lines, &[]).expect(1);
    assert_eq!(success(), first);
    peer.well();
    sync(&world, &lines, &[]).expect(0);
    assert_ne!(success(), first);
}

#[test]
fn a_view_that_cannot_be_made_is_said_of_that_file_and_the_rest_goes_on() {
    let world = World::new();
    let lines = from_directory(&world, PUBLISH);
    sync(&world, &lines, &[]).expect(0);
    let good = view(&world);
    let csv = fs::read_to_string(world.sent(TEXT)).unwrap();
    fs::write(world.sent(TEXT), csv + "bad/row,inf\n").unwrap();
    world.edit(Category::Clip, "another name inside", "changed");
    let ran = sync(&world, &lines, &[]).expect(1);
    let (outcome, error) = said(&ran, VIEW);
    assert_eq!(outcome, "rejected", "{ran:#?}");
    assert!(error.contains("models.csv"), "{error}");
    assert_eq!(ran.fared(Category::Clip).0, "updated");
    assert_eq!(view(&world), good, "the last good one stays");
    assert_eq!(entry(&world, VIEW)["sha256"], sha256(&good));
}

#[test]
fn without_the_key_there_is_no_view() {
    let world = World::new();
    sync(&world, &from_directory(&world, ""), &[]).expect(0);
    assert!(!world.mirror().join(VIEW).exists());
    sync(&world, &from_directory(&world, PUBLISH), &[]).expect(0);
    assert!(world.mirror().join(VIEW).exists());
    sync(&world, &from_directory(&world, ""), &[]).expect(0);
    assert!(entry(&world, VIEW).is_null());
}
