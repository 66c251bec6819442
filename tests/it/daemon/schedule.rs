//! Polls: at start, by the clock, conditional, spread, never queued.

use std::time::{Duration, Instant};

use crate::common::origin::{Mood, Origin, is_conditional};
use crate::common::{NEVER, World, time, until};

const EVERY_SECOND: &str = "\"* * * * * *\"";

#[test]
fn the_first_poll_comes_at_start_and_fetches_everything() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let requests = origin.requests();
    assert_eq!(requests.len(), 10);
    assert!(!requests.iter().any(|head| is_conditional(head)));
    assert_eq!(world.assert_whole(), 10);
    assert_eq!(daemon.begun("poll"), 1);
}

#[test]
fn every_tick_polls_conditionally_and_moves_nothing() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup.set("schedule.cron", EVERY_SECOND).started();
    let before = std::fs::metadata(world.v2("blip.json")).unwrap();
    let manifest = std::fs::metadata(world.v2("manifest.json")).unwrap();
    let begun = Instant::now();
    let polls = origin.requests_after(10, 30);
    assert!(polls.iter().all(|head| is_conditional(head)));
    // Three polls of a one-second schedule; they cannot have been made in less than one second.
    assert!(begun.elapsed() > Duration::from_secs(1));
    daemon.wait_cycles(4);
    let after = std::fs::metadata(world.v2("blip.json")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    let after = std::fs::metadata(world.v2("manifest.json")).unwrap();
    assert_eq!(manifest.modified().unwrap(), after.modified().unwrap());
    // And one that finds something new publishes it.
    origin.publish("blip.json", "newer");
    world.wait_v2("blip.json", "newer");
}

#[test]
fn a_splay_is_drawn_anew_for_each_poll() {
    let world = World::marked();
    let setup = world.setup().set("schedule.cron", EVERY_SECOND);
    let daemon = setup.set("schedule.splay", "\"900ms\"").started();
    // The announced time of a poll is the tick, and once its delay is drawn, that included: a fraction of a second.
    let mut fractions = std::collections::BTreeSet::new();
    until("four different delays", || {
        if let Some(status) = daemon.status() {
            // The status of a cycle is written after the next tick is announced, or while its delay runs.
            let begun = time(&status["updated_at"]).fract();
            fractions.insert((begun * 1000.0) as u64 / 20);
        }
        fractions.len() >= 4
    });
}

#[test]
fn ticks_never_queue_up_behind_a_poll_that_hangs() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup
        .set("schedule.cron", EVERY_SECOND)
        .set("http.read_timeout", "\"4s\"")
        .started();
    origin.mood(Mood::Hang);
    let seen = origin.requests().len();
    origin.requests_after(seen, 1);
    // At least two ticks come while the poll hangs for four seconds.
    daemon.wait_lines(2, &["this tick is skipped"]);
    assert!(origin.requests().len() <= seen + 10);
    origin.mood(Mood::Serve);
    daemon.wait_lines(1, &["recovered"]);
    // What comes after it is one poll a second again, not one for each tick that was skipped.
    let (polls, skipped) = (
        daemon.begun("poll"),
        daemon.lines(&["this tick is skipped"]).len(),
    );
    assert!(
        skipped >= 2 && polls <= 4,
        "{polls} polls, {skipped} skipped"
    );
}

#[test]
fn a_fast_schedule_is_warned_of_for_servers_only() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup.set("schedule.cron", "\"0 */4 * * * *\"").started();
    let warnings = daemon.lines(&["WARN", "schedule.cron", "5m"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    drop(daemon);
    let world = World::marked();
    let setup = world.setup().set("schedule.cron", EVERY_SECOND);
    let daemon = setup.started();
    assert!(daemon.lines(&["WARN", "schedule.cron"]).is_empty());
}

#[test]
fn the_next_poll_is_announced() {
    let world = World::marked();
    let daemon = world.started();
    let status = daemon.status().unwrap();
    let next = status["next_poll"].as_str().unwrap();
    assert!(next.ends_with("-01-01T00:00:00Z"), "{next} for {NEVER}");
    assert_eq!(status["categories"]["blip"]["next_poll"], next);
}

#[test]
fn after_trouble_with_the_host_the_next_poll_comes_before_the_schedules() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    // From the end of a forced cycle to the poll that the status promises.
    let promised = || {
        daemon.command(&["refresh", "--wait"]);
        let status = daemon.status().unwrap();
        time(&status["next_poll"]) - time(&status["updated_at"])
    };
    let scheduled = promised();
    assert!(scheduled > 100.0, "{scheduled}");
    origin.mood(Mood::Fail(503));
    let first = promised();
    assert!((23.0..37.0).contains(&first), "{first}");
    let second = promised();
    assert!((47.0..73.0).contains(&second), "{second}");
    // What the upstream refuses for good is no reason to hurry.
    origin.mood(Mood::Fail(404));
    let refused = promised();
    assert!(refused > 100.0, "{refused}");
    origin.mood(Mood::Fail(500));
    let again = promised();
    assert!((23.0..37.0).contains(&again), "{again}");
    origin.mood(Mood::Serve);
    let well = promised();
    assert!(well > 100.0, "{well}");
}
