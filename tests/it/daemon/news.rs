//! What a cycle does while it still waits for the upstream is shown at once: to readers, the manifest, the status, the hook.

use std::fs;
use std::sync::Arc;

use horde_refd::mirror::Digest;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::origin::{Mood, Origin};
use crate::common::scripted::Gate;
use crate::common::{Daemon, World, legacy, until};

/// A daemon whose forced refresh hangs, with a hook that appends to `hooked`.
fn hanging(world: &World, origin: &Origin) -> Daemon {
    let hook = format!(
        "[\"/bin/sh\", \"-c\", \"echo $HORDE_REFD_CHANGED >> {}\"]",
        world.path("hooked").display()
    );
    let daemon = origin
        .of(world.setup())
        .set("http.read_timeout", "\"1h\"")
        .set("http.timeout", "\"1h\"")
        .set("hooks.on_change", &hook)
        .started();
    until("the hook ran for the first change", || {
        world.path("hooked").exists()
    });
    origin.mood(Mood::Hang);
    daemon.signal(Signal::HUP);
    origin.requests_after(10, 1);
    daemon
}

fn manifest(world: &World) -> Value {
    let bytes = fs::read(world.mirror().join("manifest.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn agrees(world: &World) -> bool {
    let digest = Digest::of(&fs::read(world.v2("blip.json")).unwrap()).to_string();
    manifest(world)["categories"]["blip"]["v2"]["sha256"] == digest.as_str()
}

#[test]
fn an_edit_under_a_hanging_refresh_is_shown_before_the_refresh_ends() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = hanging(&world, &origin);
    fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
    world.wait_v2("blip.json", "edited");
    until("the manifest agrees", || agrees(&world));
    daemon.wait_state("blip", "modified");
    daemon.wait_lines(1, &["published", "category=blip", "modified=true"]);
    until("the hook has run", || {
        let hooked = fs::read_to_string(world.path("hooked")).unwrap_or_default();
        hooked.lines().any(|line| line == "blip")
    });
}

/// It was written over with what had been asked for before it came.
#[test]
fn an_edit_that_comes_while_its_missing_file_is_fetched_stays() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    fs::remove_dir_all(world.private().join("generations/blip")).unwrap();
    let (seen, gate) = (origin.requests().len(), Arc::new(Gate::default()));
    origin.mood(Mood::Wait(Arc::clone(&gate)));
    fs::remove_file(world.legacy("blip.json")).unwrap();
    let asked = origin.requests_after(seen, 1);
    assert!(asked[0].contains("blip.json"), "{asked:?}");
    world.rename_into(&world.legacy("blip.json"), &legacy("blip.json", "edited"));
    world.wait_v2("blip.json", "edited");
    let cycles = daemon.cycles();
    gate.open();
    daemon.wait_cycles(cycles + 1);
    daemon.wait_state("blip", "modified");
    world.wait_v2("blip.json", "edited");
    assert_eq!(world.assert_whole(), 10);
    // The next poll makes the mirror the upstream's again.
    daemon.signal(Signal::HUP);
    world.wait_v2("blip.json", "upstream");
}

#[test]
fn a_stop_under_a_hanging_refresh_leaves_nothing_untold() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = hanging(&world, &origin);
    fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
    world.wait_v2("blip.json", "edited");
    daemon.stop();
    assert!(agrees(&world));
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_damaged_manifest_is_written_again_at_the_next_cycle() {
    let world = World::marked();
    let daemon = world.started();
    fs::write(world.mirror().join("manifest.json"), "junk").unwrap();
    daemon.signal(Signal::HUP);
    until("the manifest is whole", || {
        fs::read(world.mirror().join("manifest.json"))
            .is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok())
    });
    assert!(agrees(&world));
}
