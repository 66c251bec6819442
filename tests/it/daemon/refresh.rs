//! `horde-refd refresh`: SIGHUP from a shell, with an answer.

use std::time::Instant;

use crate::common::origin::{Mood, Origin};
use crate::common::{World, text};

#[test]
fn waiting_returns_when_the_forced_cycle_is_done() {
    let world = World::marked();
    let daemon = world.started();
    for round in 0..5 {
        let mark = format!("round {round}");
        world.publish("blip.json", &mark);
        let refresh = daemon.command(&["refresh", "--wait", "--timeout", "20s"]);
        assert_eq!(refresh.status.code(), Some(0), "{refresh:?}");
        let v2 = std::fs::read_to_string(world.v2("blip.json")).unwrap();
        assert!(v2.contains(&mark), "it returned too early");
    }
    assert_eq!(daemon.begun("force"), 5);
}

#[test]
fn it_exits_as_sync_does_when_a_category_fails() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Fail(404));
    let refresh = daemon.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(1), "{refresh:?}");
    let why = text(&refresh.stderr);
    assert!(
        why.contains("blip is failing") && why.contains("404"),
        "{why}"
    );
    assert!(text(&refresh.stdout).is_empty());
    origin.mood(Mood::Serve);
    let refresh = daemon.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(0), "{refresh:?}");
}

#[test]
fn a_cycle_that_runs_already_is_not_the_one_waited_for() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let gate = std::sync::Arc::default();
    origin.mood(Mood::Wait(std::sync::Arc::clone(&gate)));
    daemon.signal(rustix::process::Signal::HUP);
    // The first request to a host that hangs is its probe; the others wait for it.
    origin.requests_after(10, 1);
    let mut waiting = daemon.spawn(&["refresh", "--wait"]);
    daemon.wait_lines(2, &["a refresh was asked for"]);
    origin.publish("blip.json", "newer");
    assert!(waiting.try_wait().unwrap().is_none());
    gate.open();
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert_eq!(origin.requests().len(), 30);
    world.wait_v2("blip.json", "newer");
}

#[test]
fn a_timeout_ends_the_wait_and_not_the_refresh() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let gate = std::sync::Arc::default();
    origin.mood(Mood::Wait(std::sync::Arc::clone(&gate)));
    origin.publish("blip.json", "newer");
    let begun = Instant::now();
    let refresh = daemon.command(&["refresh", "--wait", "--timeout", "300ms"]);
    assert!(begun.elapsed().as_millis() >= 300);
    assert_eq!(refresh.status.code(), Some(1));
    let complaint = text(&refresh.stderr);
    assert!(complaint.contains("not over after"), "{complaint}");
    // Without --wait it does not wait at all.
    let refresh = daemon.command(&["refresh"]);
    assert_eq!(refresh.status.code(), Some(0), "{refresh:?}");
    gate.open();
    world.wait_v2("blip.json", "newer");
}

#[test]
fn without_a_daemon_it_fails_and_says_what_to_do() {
    let world = World::marked();
    let mut daemon = world.started();
    let command = |daemon: &crate::common::Daemon| {
        let refresh = daemon.command(&["refresh", "--wait"]);
        assert_eq!(refresh.status.code(), Some(1), "{refresh:?}");
        let complaint = text(&refresh.stderr);
        assert!(complaint.contains("horde-refd run"), "{complaint}");
    };
    // A daemon that was killed leaves its status behind.
    daemon.signal(rustix::process::Signal::KILL);
    daemon.wait();
    command(&daemon);
    std::fs::remove_file(world.path("run/status.json")).unwrap();
    command(&daemon);
}

#[test]
fn a_daemon_that_dies_ends_the_wait() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let mut daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Hang);
    let waiting = daemon.spawn(&["refresh", "--wait"]);
    origin.requests_after(10, 1);
    daemon.signal(rustix::process::Signal::KILL);
    daemon.wait();
    let refresh = waiting.wait_with_output().unwrap();
    assert_eq!(refresh.status.code(), Some(1));
    let complaint = text(&refresh.stderr);
    assert!(complaint.contains("ended before"), "{complaint}");
}

#[test]
fn a_limit_is_named_by_the_refresh_that_it_stopped() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Limit(600));
    let refresh = daemon.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(1), "{refresh:?}");
    let why = text(&refresh.stderr);
    assert!(why.contains("blip is limited"), "{why}");
    assert!(why.contains("asked to be left alone until"), "{why}");
}

#[test]
fn a_status_file_that_is_gone_is_not_a_daemon_that_is_gone() {
    let world = World::marked();
    let daemon = world.started();
    // A cycle that its own first publication leads to would write the file again.
    daemon.cycles_caused_by(|| {});
    std::fs::remove_file(world.path("run/status.json")).unwrap();
    let refresh = daemon.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(1), "{refresh:?}");
    let why = text(&refresh.stderr);
    assert!(why.contains("a writer holds the mirror"), "{why}");
    assert!(
        why.contains("SIGHUP") && why.contains("systemctl reload"),
        "{why}"
    );
}
