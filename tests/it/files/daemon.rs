//! The daemon keeps extra files and the view as it keeps published files.

use std::fs;

use rustix::process::Signal;

use crate::common::origin::{Mood, Origin};
use crate::common::{World, json, sha256, until};
use crate::upstreams::Peer;

const VIEW: &str = "legacy/text_generation.json";

#[test]
fn an_edit_of_models_csv_is_in_the_view_without_a_poll() {
    let world = World::new();
    let daemon = world
        .setup()
        .set("publish.text_legacy_json", "true")
        .started();
    let path = world.mirror().join(VIEW);
    let before = fs::read(&path).unwrap();
    let csv = fs::read_to_string(world.legacy("models.csv")).unwrap();
    world.rename_into(
        &world.legacy("models.csv"),
        csv.replace("A bird", "Edited here").as_bytes(),
    );
    until("the view with the edit", || {
        let now = fs::read_to_string(&path).unwrap();
        now.contains("Edited here")
    });
    assert!(!before.is_empty());
    daemon.wait_status("the view in the status", |status| {
        status["files"][VIEW]["state"] == "fresh"
    });
    until("the manifest names it", || {
        let manifest = json(&world.mirror().join("manifest.json"));
        manifest["files"][VIEW]["sha256"] == sha256(&fs::read(&path).unwrap())
    });
    // A removed view is made again by a look at the disk.
    fs::remove_file(&path).unwrap();
    until("the view is made again", || path.exists());
}

#[test]
fn an_edit_is_in_the_view_also_while_an_upstream_hangs() {
    let world = World::new();
    let origin = Origin::start(Mood::Serve);
    let daemon = origin
        .of(world.setup())
        .set("publish.text_legacy_json", "true")
        .started();
    origin.mood(Mood::HangOn("clip.json models.csv", Vec::new()));
    daemon.signal(Signal::HUP);
    let path = world.mirror().join(VIEW);
    let edited = crate::common::legacy("models.csv", "while it hangs");
    until("a cycle that hangs", || {
        daemon.status().is_some() && origin.requests().len() > 10
    });
    world.rename_into(&world.legacy("models.csv"), &edited);
    until("the view with the edit", || {
        fs::read_to_string(&path)
            .unwrap()
            .contains("while it hangs")
    });
}

#[test]
fn a_file_that_goes_comes_back_by_one_polite_request() {
    let world = World::new();
    fs::write(world.upstream().join("db.json"), "[1]").unwrap();
    let peer = Peer::flat(&world);
    let daemon = world
        .setup()
        .text("upstream.url", peer.url())
        .set("extra_files", "[\"text:db.json\"]")
        .started();
    let path = world.mirror().join("legacy/db.json");
    assert_eq!(fs::read(&path).unwrap(), b"[1]");
    let asked = || {
        let requests = peer.server.requests();
        requests
            .iter()
            .filter(|head| head.contains("/db.json"))
            .count()
    };
    let first = asked();
    fs::remove_file(&path).unwrap();
    until("it is back", || path.exists());
    assert_eq!(asked(), first + 1);
    // Gone again, it is not asked for again by every look at the disk.
    let cycles = daemon.cycles();
    fs::remove_file(&path).unwrap();
    daemon.wait_cycles(cycles + 1);
    for _ in 0..3 {
        let cycles = daemon.cycles();
        world.rename_into(&world.mirror().join("..data"), b"");
        daemon.wait_cycles(cycles + 1);
    }
    assert_eq!(asked(), first + 1);
    daemon.wait_status("absent", |status| {
        status["files"]["legacy/db.json"]["state"] == "absent"
    });
    daemon.signal(Signal::HUP);
    until("it is back", || path.exists());
    daemon.wait_status("fresh", |status| {
        status["files"]["legacy/db.json"]["state"] == "fresh"
    });
}

#[test]
fn an_edited_file_is_modified_until_the_next_poll() {
    let world = World::new();
    fs::write(world.upstream().join("db.json"), "[1]").unwrap();
    let daemon = world
        .setup()
        .set("extra_files", "[\"text:db.json\"]")
        .started();
    let path = world.mirror().join("legacy/db.json");
    let of_file = |state: &'static str| {
        daemon.wait_status(state, |status| {
            status["files"]["legacy/db.json"]["state"] == state
        })
    };
    of_file("fresh");
    world.rename_into(&path, b"[\"edited\"]");
    of_file("modified");
    assert_eq!(fs::read(&path).unwrap(), b"[\"edited\"]");
    daemon.signal(Signal::HUP);
    of_file("fresh");
    assert_eq!(fs::read(&path).unwrap(), b"[1]");
}

#[test]
fn the_hook_hears_of_a_file_that_changed() {
    let world = World::new();
    fs::write(world.upstream().join("db.json"), "[1]").unwrap();
    let out = world.path("hook.out");
    let script = format!("echo \"$HORDE_REFD_CHANGED\" >> {}", out.display());
    let hook = format!("[\"sh\", \"-c\", {script:?}]");
    let daemon = world
        .setup()
        .set("extra_files", "[\"text:db.json\"]")
        .set("hooks.on_change", &hook)
        .started();
    let heard = |words: &str| fs::read_to_string(&out).unwrap_or_default().contains(words);
    until("the first run", || heard("legacy/db.json"));
    fs::write(&out, "").unwrap();
    fs::write(world.upstream().join("db.json"), "[2]").unwrap();
    daemon.signal(Signal::HUP);
    until("the second run", || heard("legacy/db.json"));
    assert!(!heard("clip"));
}

#[test]
fn one_that_stands_by_repeats_what_is_known_of_the_files() {
    let world = World::new();
    fs::write(world.upstream().join("db.json"), "[1]").unwrap();
    let setup = || {
        let setup = world.setup().set("extra_files", "[\"text:db.json\"]");
        setup.set("publish.text_legacy_json", "true")
    };
    let writer = setup().started();
    let other = setup().runtime("other").start();
    let status = other.wait_status("the files on standby", |status| {
        status["role"] == "standby" && status["files"]["legacy/db.json"]["state"] == "fresh"
    });
    assert_eq!(status["files"][VIEW]["state"], "fresh", "{status}");
    assert_eq!(status["files"]["legacy/db.json"]["bytes"], 3);
    drop(writer);
}
