//! What is passed through: byte for byte, whole or not at all, asked for by the lanes that categories use.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::scripted::{Action, answer_with, raw};
use crate::common::{World, json, sha256};
use crate::upstreams::{Peer, upstream};

use super::{entry, from_directory, said, sync};

const DB: &str = "legacy/db.json";
const EXTRA: &str = "extra_files = [\"text:db.json\", \"image:notes.txt\"]\n";

/// Odd on purpose: what is parsed must not be laid out anew.
const BODY: &[u8] = b"{ \"b\":1,\n\t\"a\" : [ 1.0 , NaN, \"\\u00e9\" ]}  \n\n";

fn world() -> World {
    let world = World::new();
    fs::write(world.upstream().join("db.json"), BODY).unwrap();
    fs::write(world.upstream().join("notes.txt"), "any words").unwrap();
    world
}

fn file(world: &World) -> std::path::PathBuf {
    world.mirror().join(DB)
}

#[test]
fn a_file_is_passed_through_byte_for_byte_and_named_in_the_manifest() {
    let world = world();
    let lines = from_directory(&world, EXTRA);
    let ran = sync(&world, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    assert_eq!(said(&ran, "legacy/notes.txt").0, "updated");
    assert_eq!(fs::read(file(&world)).unwrap(), BODY);
    let entry = entry(&world, DB);
    assert_eq!(entry["sha256"], sha256(BODY));
    assert_eq!(entry["bytes"], BODY.len());
    let from = world.upstream().join("db.json").display().to_string();
    assert_eq!(entry["source"]["upstream"], "flat");
    assert_eq!(entry["source"]["url"], from);
    assert!(entry["published_at"].as_str().is_some());
    let status = json(&world.private().join("status.json"));
    let of_file = &status["files"][DB];
    assert_eq!(of_file["state"], "fresh");
    assert_eq!(of_file["source"], "flat");
    assert_eq!(of_file["bytes"], BODY.len());
    assert!(of_file["last_success"].is_string() && of_file["last_error"].is_null());
    world.assert_whole();

    let before = world.published();
    let again = sync(&world, &lines, &[]).expect(0);
    assert_eq!(said(&again, DB), ("unchanged".into(), String::new()));
    assert_eq!(world.published(), before, "nothing new, nothing written");
    let table = crate::common::Ran::of(
        world
            .command(&["status"])
            .arg("-c")
            .arg(world.path("config.toml")),
    );
    assert!(table.stdout.contains("legacy/db.json"), "{table:#?}");
}

#[test]
fn a_cycle_over_named_categories_leaves_the_files_alone() {
    let world = world();
    let lines = from_directory(&world, EXTRA);
    let ran = sync(&world, &lines, &["clip"]).expect(0);
    assert_eq!(ran.json()["files"], serde_json::json!({}));
    assert!(!file(&world).exists());
    sync(&world, &lines, &[]).expect(0);
    sync(&world, &lines, &["clip"]).expect(0);
    assert_eq!(entry(&world, DB)["sha256"], sha256(BODY));
}

#[test]
fn what_did_not_arrive_whole_is_exit_1_and_the_file_stays() {
    let world = world();
    let peer = Peer::flat(&world);
    let lines = EXTRA.to_owned() + &upstream("hub", &peer.url(), "flat", "0s");
    sync(&world, &lines, &[]).expect(0);
    let before = world.published();
    let whole = answer_with(200, &[], BODY);
    let cut = [("Content-Length", "99999")];
    let open: [(&str, &str); 1] = [("Connection", "close")];
    let table: [(&str, &str, Vec<u8>, &str); 8] = [
        (
            "db.json",
            DB,
            whole[..whole.len() - 9].to_vec(),
            "incomplete",
        ),
        ("db.json", DB, raw(200, &cut, BODY), "incomplete"),
        (
            "db.json",
            DB,
            answer_with(200, &[], b"{\"a\": 1"),
            "Expecting",
        ),
        ("db.json", DB, raw(200, &open, b"{\"a\": 1"), "Expecting"),
        ("db.json", DB, answer_with(200, &[], b""), "empty"),
        (
            "db.json",
            DB,
            answer_with(200, &[], b"<!DOCTYPE html><p>"),
            "web page",
        ),
        ("db.json", DB, answer_with(404, &[], b""), "does not exist"),
        (
            "notes.txt",
            "legacy/notes.txt",
            raw(200, &open, b"any"),
            "nothing announced",
        ),
    ];
    for (name, path, bytes, why) in table {
        peer.script(move |_, asked| (asked == name).then(|| Action::Send(bytes.clone())));
        let ran = sync(&world, &lines, &["--force"]).expect(1);
        let (outcome, error) = said(&ran, path);
        assert_eq!(outcome, "failed", "{why}: {ran:#?}");
        assert!(error.contains(why), "{why}: {error}");
        assert!(
            ran.stderr.contains(&format!("warning: {path}: ")),
            "{ran:#?}"
        );
        ran.all("unchanged", "downloaded");
        assert_eq!(world.published(), before, "{why}");
        let status = json(&world.private().join("status.json"));
        assert_eq!(status["files"][path]["state"], "failing", "{why}");
    }
    peer.well();
    let ran = sync(&world, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "unchanged");
}

#[test]
fn a_poll_is_conditional_and_follows_a_change() {
    let world = world();
    let peer = Peer::flat(&world);
    let lines = EXTRA.to_owned() + &upstream("hub", &peer.url(), "flat", "0s");
    sync(&world, &lines, &[]).expect(0);
    let seen = peer.server.requests().len();
    sync(&world, &lines, &[]).expect(0);
    let asked = peer.server.requests().split_off(seen);
    let of_file: Vec<_> = asked
        .iter()
        .filter(|head| head.contains("/db.json"))
        .collect();
    assert_eq!(of_file.len(), 1);
    let tag = format!("If-None-Match: \"{}\"", sha256(BODY));
    assert!(
        of_file[0].to_lowercase().contains(&tag.to_lowercase()),
        "{of_file:?}"
    );
    let etag = &entry(&world, DB)["source"]["etag"];
    assert_eq!(*etag, format!("\"{}\"", sha256(BODY)));

    let inode = fs::metadata(file(&world)).unwrap().ino();
    fs::write(world.upstream().join("db.json"), "[2]").unwrap();
    let ran = sync(&world, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    assert_eq!(fs::read(file(&world)).unwrap(), b"[2]");
    assert_ne!(
        fs::metadata(file(&world)).unwrap().ino(),
        inode,
        "replaced, not rewritten"
    );
    assert_eq!(entry(&world, DB)["sha256"], sha256(b"[2]"));
}

#[test]
fn a_file_that_was_damaged_or_removed_is_brought_back_by_the_next_poll() {
    let world = world();
    let peer = Peer::flat(&world);
    let lines = EXTRA.to_owned() + &upstream("hub", &peer.url(), "flat", "0s");
    sync(&world, &lines, &[]).expect(0);
    let manifest = world.manifest();
    for damage in ["", "{\"a\":", "[\"another whole one\"]", "gone"] {
        match damage {
            "gone" => fs::remove_file(file(&world)).unwrap(),
            text => fs::write(file(&world), text).unwrap(),
        }
        let ran = sync(&world, &lines, &[]).expect(0);
        assert_eq!(said(&ran, DB).0, "updated", "{damage:?}");
        assert_eq!(fs::read(file(&world)).unwrap(), BODY, "{damage:?}");
        assert_eq!(
            world.manifest(),
            manifest,
            "it says what is there, as before"
        );
    }
    // A manifest that is gone names it again.
    fs::remove_file(world.mirror().join("manifest.json")).unwrap();
    sync(&world, &lines, &["clip"]).expect(0);
    sync(&world, &lines, &[]).expect(0);
    assert_eq!(entry(&world, DB)["sha256"], sha256(BODY));
}

#[test]
fn a_fallback_serves_it_where_the_first_upstream_sends_damage() {
    let world = world();
    let (first, second) = (Peer::flat(&world), Peer::flat(&world));
    let lines = |after: &str| {
        let first = upstream("first", &first.url(), "flat", "0s");
        EXTRA.to_owned() + &first + &upstream("second", &second.url(), "flat", after)
    };
    sync(&world, &lines("1h"), &[]).expect(0);
    first.script(|_, path| {
        (path == "db.json").then(|| Action::Send(answer_with(200, &[], b"{\"cut")))
    });
    fs::write(world.upstream().join("db.json"), "[3]").unwrap();
    // Published, and the fallback is not due.
    let ran = sync(&world, &lines("1h"), &[]).expect(1);
    assert_eq!(said(&ran, DB).0, "failed");
    assert_eq!(fs::read(file(&world)).unwrap(), BODY);
    let ran = sync(&world, &lines("0s"), &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    assert_eq!(entry(&world, DB)["source"]["upstream"], "second");
    assert_eq!(fs::read(file(&world)).unwrap(), b"[3]");
}

#[test]
fn a_leaf_takes_it_from_another_mirror_with_one_request_when_nothing_is_new() {
    let origin = world();
    sync(&origin, &from_directory(&origin, EXTRA), &[]).expect(0);
    let served = origin.mirror();
    let peer = Peer::start(move |path| fs::read(served.join(path)).ok());
    let leaf = World::empty();
    let lines = EXTRA.to_owned() + &upstream("origin", &peer.url(), "mirror", "0s");
    let ran = sync(&leaf, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    assert_eq!(fs::read(file(&leaf)).unwrap(), BODY);
    let seen = peer.server.requests().len();
    sync(&leaf, &lines, &[]).expect(0);
    assert_eq!(peer.paths_after(seen), ["/manifest.json"]);
    fs::remove_file(file(&leaf)).unwrap();
    let ran = sync(&leaf, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    let unnamed = lines.replace("notes.txt", "other.txt");
    let ran = sync(&leaf, &unnamed, &[]).expect(1);
    let (outcome, error) = said(&ran, "legacy/other.txt");
    assert_eq!(outcome, "failed");
    assert!(error.contains("does not name legacy/other.txt"), "{error}");
}

#[test]
fn where_the_local_files_are_the_origin_it_is_only_seeded() {
    let world = world();
    let primary = format!("replicate_mode = \"primary\"\nseed = true\n{EXTRA}");
    let lines = from_directory(&world, &primary);
    sync(&world, &lines, &[]).expect(0);
    assert_eq!(fs::read(file(&world)).unwrap(), BODY);
    fs::write(world.upstream().join("db.json"), "[\"theirs\"]").unwrap();
    fs::write(file(&world), "[\"ours\"]").unwrap();
    for args in [vec![], vec!["--force"]] {
        sync(&world, &lines, &args).expect(0);
        assert_eq!(fs::read(file(&world)).unwrap(), b"[\"ours\"]");
        assert_eq!(entry(&world, DB)["sha256"], sha256(b"[\"ours\"]"));
    }
    fs::write(file(&world), "{\"cut").unwrap();
    let ran = sync(&world, &lines, &[]).expect(1);
    assert_eq!(said(&ran, DB).0, "rejected");
    assert_eq!(
        fs::read(file(&world)).unwrap(),
        b"{\"cut",
        "it is left as it is"
    );
}

#[test]
fn a_file_that_is_no_longer_configured_leaves_the_manifest_and_stays() {
    let world = world();
    sync(&world, &from_directory(&world, EXTRA), &[]).expect(0);
    let less = from_directory(&world, "extra_files = [\"image:notes.txt\"]\n");
    let ran = sync(&world, &less, &[]).expect(0);
    assert!(ran.json()["files"].get(DB).is_none());
    assert!(entry(&world, DB).is_null());
    assert!(!entry(&world, "legacy/notes.txt").is_null());
    assert_eq!(fs::read(file(&world)).unwrap(), BODY);
    let status = json(&world.private().join("status.json"));
    assert!(status["files"].get(DB).is_none(), "{status}");
}
