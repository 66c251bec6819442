//! Two daemons on one mirror: one writes, the other stands by and takes over.

use std::time::{Duration, Instant};

use crate::common::origin::{Mood, Origin};
use crate::common::{Daemon, World, text, until};
use rustix::process::Signal;

fn pair(world: &World, origin: &Origin) -> (Daemon, Daemon) {
    let writer = origin.of(world.setup()).started();
    let standby = origin.of(world.setup()).runtime("standby").started();
    assert_eq!(writer.status().unwrap()["role"], "writer");
    assert_eq!(standby.status().unwrap()["role"], "standby");
    (writer, standby)
}

#[test]
fn a_second_daemon_stands_by_and_follows() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (writer, standby) = pair(&world, &origin);
    // It knows what is published, and asks no upstream for it.
    let status = standby.wait_state("blip", "fresh");
    assert_eq!(status["models"], 2);
    assert_eq!(origin.requests().len(), 10);
    let refresh = standby.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(3), "{refresh:?}");
    let why = text(&refresh.stderr);
    assert!(why.contains("this daemon stands by"), "{why}");
    assert_eq!(standby.status().unwrap()["last_forced"]["exit_code"], 3);
    assert_eq!(standby.begun("force"), 1);
    assert_eq!(origin.requests().len(), 10, "the writer asks");
    let check = standby.command(&["status", "--check"]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    let table = text(&standby.command(&["status"]).stdout);
    assert!(table.contains("standby"), "{table}");
    // It follows the writer.
    let before = standby.wait_state("blip", "fresh")["bytes"].clone();
    origin.publish("blip.json", "something longer than before");
    writer.signal(Signal::HUP);
    world.wait_v2("blip.json", "something longer");
    standby.wait_status("it follows", |status| {
        status["categories"]["blip"]["bytes"] != before
    });
    // And restores nothing: the writer does, once.
    std::fs::write(world.v2("clip.json"), "nonsense").unwrap();
    world.wait_v2("clip.json", "upstream");
    assert!(standby.lines(&["published"]).is_empty());
    assert_eq!(standby.status().unwrap()["role"], "standby");
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn the_standby_takes_over_within_two_seconds_of_the_writers_death() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (mut writer, standby) = pair(&world, &origin);
    writer.signal(Signal::KILL);
    let died = Instant::now();
    standby.wait_status("the takeover", |status| status["role"] == "writer");
    assert!(
        died.elapsed() < Duration::from_secs(2),
        "{:?}",
        died.elapsed()
    );
    writer.wait();
    // The new writer polls at once, restores, and refreshes.
    origin.requests_after(10, 10);
    standby.wait_state("blip", "fresh");
    std::fs::write(world.v2("clip.json"), "nonsense").unwrap();
    world.wait_v2("clip.json", "upstream");
    origin.publish("blip.json", "newer");
    standby.signal(Signal::HUP);
    world.wait_v2("blip.json", "newer");
    assert_eq!(standby.lines(&["takes over"]).len(), 1);
    // The old one comes back and stands by.
    let back = origin.of(world.setup()).started();
    assert_eq!(back.status().unwrap()["role"], "standby");
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_stopped_writer_is_succeeded_too() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (writer, standby) = pair(&world, &origin);
    assert!(writer.stop().0.success());
    standby.wait_status("the takeover", |status| status["role"] == "writer");
}

#[test]
fn a_rate_limit_holds_for_the_one_that_takes_over() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (writer, standby) = pair(&world, &origin);
    origin.mood(Mood::Limit(3600));
    writer.signal(Signal::HUP);
    writer.wait_state("blip", "limited");
    let seen = origin.requests().len();
    writer.kill();
    standby.wait_status("the takeover", |status| status["role"] == "writer");
    standby.wait_state("blip", "limited");
    assert_eq!(origin.requests().len(), seen, "nothing was sent");
}

#[test]
fn a_paused_writer_keeps_the_mirror() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (writer, standby) = pair(&world, &origin);
    writer.signal(Signal::STOP);
    // Every refresh tries the lock first.
    for _ in 0..3 {
        let refresh = standby.command(&["refresh", "--wait"]);
        assert_eq!(refresh.status.code(), Some(3), "{refresh:?}");
        assert_eq!(standby.status().unwrap()["role"], "standby");
    }
    let sync = writer.command(&["sync"]);
    assert_eq!(sync.status.code(), Some(3), "{sync:?}");
    writer.signal(Signal::CONT);
    origin.publish("blip.json", "newer");
    writer.signal(Signal::HUP);
    world.wait_v2("blip.json", "newer");
    assert_eq!(writer.status().unwrap()["role"], "writer");
}

#[test]
fn a_daemon_may_be_set_not_to_stand_by() {
    let world = World::marked();
    let writer = world.started();
    let setup = world.setup().runtime("second");
    let mut second = setup.text("on_locked", "exit").start();
    assert_eq!(second.wait().code(), Some(3));
    second.wait_lines(1, &["another writer holds the mirror"]);
    let own = writer.pid().to_string();
    let who = second.lines(&["another writer"]);
    assert!(
        who[0].contains(&own) || !std::path::Path::new("/proc/locks").exists(),
        "{who:?}"
    );
    assert!(second.status().is_none(), "it left no status behind");
}

#[test]
fn a_standby_claims_no_success_of_its_own() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let (writer, standby) = pair(&world, &origin);
    let manifest = || -> serde_json::Value {
        let bytes = std::fs::read(world.mirror().join("manifest.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let published = manifest()["categories"]["blip"].clone();
    let status = standby.wait_state("blip", "fresh");
    // It repeats the writer's, and asked no one itself.
    let success = status["last_success"].clone();
    assert!(success.is_string(), "{status}");
    let seen = origin.requests().len();
    // The writer's word, a moment after it wrote the file.
    assert!(status["last_change"].as_str() >= published["published_at"].as_str());
    assert_eq!(status["bytes"], published["v2"]["bytes"]);
    // Nor does it have one when it takes over and cannot ask.
    origin.mood(Mood::Fail(404));
    writer.kill();
    standby.wait_status("the takeover", |status| status["role"] == "writer");
    assert!(seen >= 10);
    let status = standby.wait_state("blip", "failing");
    assert_eq!(status["last_success"], success, "{status}");
    assert_eq!(status["models"], 2);
}

#[test]
fn a_standby_repeats_the_status_that_the_writer_leaves_in_the_mirror() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let writer = origin
        .of(world.setup())
        .env("RUNTIME_DIRECTORY", "")
        .start();
    let own = world.mirror().join(".horde-refd/status.json");
    let read =
        || -> Option<serde_json::Value> { serde_json::from_slice(&std::fs::read(&own).ok()?).ok() };
    until("the writer's status", || {
        read().is_some_and(|status| status["categories"]["blip"]["state"] == "fresh")
    });
    origin.mood(Mood::Fail(404));
    writer.signal(Signal::HUP);
    until("the failure", || {
        read().is_some_and(|status| status["categories"]["blip"]["state"] == "failing")
    });
    let standby = origin.of(world.setup()).runtime("standby").started();
    let status = standby.status().unwrap();
    assert_eq!(status["role"], "standby");
    assert_eq!(status["categories"], read().unwrap()["categories"]);
    let check = standby.command(&["status", "--check"]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    // Its last words are what the next writer goes on from.
    let before = status["categories"]["blip"].clone();
    writer.kill();
    standby.wait_status("the takeover", |status| status["role"] == "writer");
    let after = standby.wait_state("blip", "failing");
    assert_eq!(after["last_success"], before["last_success"]);
    assert_eq!(after["failing_since"], before["failing_since"]);
}

#[test]
fn a_standby_leaves_the_metrics_file_to_the_writer() {
    let world = World::marked();
    let path = world.path("horde-refd.prom");
    let _writer = world.started();
    let setup = world.setup().runtime("standby").text("metrics_file", &path);
    let standby = setup.started();
    standby.command(&["refresh", "--wait"]);
    assert!(standby.cycles() >= 2);
    assert!(!path.exists());
}
