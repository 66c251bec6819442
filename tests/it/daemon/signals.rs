//! SIGHUP refreshes, whatever the daemon is at; SIGUSR1 tells.

use std::sync::Arc;

use crate::common::origin::{Mood, Origin, is_conditional};
use crate::common::scripted::Gate;
use crate::common::{World, until};
use rustix::process::Signal;

#[test]
fn sighup_asks_for_everything_unconditionally() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    daemon.signal(Signal::HUP);
    let forced = origin.requests_after(10, 10);
    assert!(!forced.iter().any(|head| is_conditional(head)));
    let status = daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    assert_eq!(status["last_forced"]["exit_code"], 0);
    let caused = daemon.cycles_caused_by(|| ());
    assert_eq!((caused, origin.requests().len()), (0, 20));
}

#[test]
fn sighups_while_a_cycle_runs_give_exactly_one_more_begun_after_it() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let gate = Arc::new(Gate::default());
    origin.mood(Mood::Wait(Arc::clone(&gate)));
    daemon.signal(Signal::HUP);
    origin.requests_after(10, 1);
    for asked in 2..=4 {
        daemon.signal(Signal::HUP);
        daemon.wait_lines(asked, &["a refresh was asked for"]);
    }
    // None of them begins before the running one ends.
    assert_eq!((daemon.begun("force"), origin.requests().len()), (1, 11));
    origin.publish("blip.json", "newer");
    gate.open();
    world.wait_v2("blip.json", "newer");
    let forced = origin.requests_after(20, 10);
    assert!(!forced.iter().any(|head| is_conditional(head)));
    daemon.wait_cycles(3);
    daemon.cycles_caused_by(|| ());
    assert_eq!((daemon.begun("force"), origin.requests().len()), (2, 30));
}

#[test]
fn sighups_before_a_cycle_begins_collapse() {
    let world = World::marked();
    let daemon = world.started();
    let before = daemon.begun("force");
    daemon.signal(Signal::STOP);
    // It stops when each of its threads next meets the kernel; until then it would take the signals one by one.
    until("all threads are stopped", || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
        tasks.flatten().all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    });
    for _ in 0..5 {
        daemon.signal(Signal::HUP);
    }
    daemon.signal(Signal::CONT);
    daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    daemon.cycles_caused_by(|| ());
    assert_eq!(daemon.begun("force"), before + 1);
}

#[test]
fn forced_cycles_begin_a_second_apart_however_many_signals_come() {
    let world = World::marked();
    let daemon = world.started();
    let begun = std::time::Instant::now();
    // Signals without an end, and no more than one cycle a second: four beginnings have three seconds between them.
    until("four forced cycles", || {
        daemon.signal(Signal::HUP);
        daemon.begun("force") >= 4
    });
    let elapsed = begun.elapsed();
    assert!(elapsed >= std::time::Duration::from_secs(3), "{elapsed:?}");
    // The last signal is served too.
    let last = daemon.begun("force");
    world.publish("blip.json", "newer");
    daemon.signal(Signal::HUP);
    until("one more", || daemon.begun("force") > last);
    world.wait_v2("blip.json", "newer");
}

#[test]
fn sighup_ends_a_backoff() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(503)));
    let setup = origin.of(world.setup());
    // The wait after the first attempt would be longer than this test can last.
    let daemon = setup
        .set("http.retry_attempts", "3")
        .set("http.retry_backoff", "\"5m\"")
        .start();
    daemon.wait_lines(10, &["waiting to try again"]);
    origin.mood(Mood::Serve);
    daemon.signal(Signal::HUP);
    let status = daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    assert_eq!(status["last_forced"]["exit_code"], 0);
    assert_eq!(origin.requests().len(), 20);
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn sighup_ends_a_backoff_of_a_forced_refresh_too() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup
        .set("http.retry_attempts", "3")
        .set("http.retry_backoff", "\"5m\"")
        .started();
    origin.mood(Mood::Fail(500));
    daemon.signal(Signal::HUP);
    daemon.wait_lines(10, &["waiting to try again"]);
    origin.mood(Mood::Serve);
    origin.publish("clip.json", "newer");
    daemon.signal(Signal::HUP);
    world.wait_v2("clip.json", "newer");
    daemon.wait_state("clip", "fresh");
    // What the second one cut short was no news.
    let said = daemon.lines(&["WARN", "cannot be refreshed"]).len();
    assert_eq!(said + daemon.lines(&["recovered"]).len(), 0);
}

#[test]
fn a_rate_limit_holds_against_sighup_which_says_so() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup.set("http.concurrency", "1").started();
    origin.mood(Mood::Limit(3600));
    daemon.signal(Signal::HUP);
    daemon.wait_state("blip", "limited");
    // The first answer stops the whole host.
    assert_eq!(origin.requests().len(), 11);
    let said = &["could not be done", "limits our requests"];
    assert_eq!(daemon.wait_lines(1, said).len(), 1);
    origin.mood(Mood::Serve);
    daemon.signal(Signal::HUP);
    daemon.wait_lines(2, said);
    let refresh = daemon.command(&["refresh", "--wait"]);
    assert_eq!(refresh.status.code(), Some(1), "{refresh:?}");
    assert_eq!(origin.requests().len(), 11, "nothing was sent");
    let status = daemon.status().unwrap();
    let upstreams = status["upstreams"].as_object().unwrap();
    assert!(
        upstreams
            .values()
            .all(|upstream| upstream["limited_until"].is_string())
    );
    for (category, _, _) in crate::common::FILES {
        assert_eq!(
            status["categories"][category]["state"], "limited",
            "{category}"
        );
    }
    // It survives a restart.
    let _ = daemon.stop();
    let setup = origin.of(world.setup());
    let daemon = setup.set("http.concurrency", "1").started();
    daemon.wait_state("blip", "limited");
    assert_eq!(origin.requests().len(), 11, "nothing was sent");
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn sighup_before_ready_does_no_harm() {
    let gate = Arc::new(Gate::default());
    let (world, origin) = (World::empty(), Origin::start(Mood::Wait(Arc::clone(&gate))));
    let daemon = origin.of(world.setup()).start();
    origin.requests_after(0, 1);
    daemon.signal(Signal::HUP);
    daemon.wait_lines(1, &["a refresh was asked for"]);
    gate.open();
    let status = daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    assert_eq!(status["last_forced"]["exit_code"], 0);
    assert_eq!(origin.requests().len(), 20);
}

#[test]
fn sigusr1_writes_the_status_to_the_log_even_while_the_upstream_hangs() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Hang);
    daemon.signal(Signal::HUP);
    origin.requests_after(10, 1);
    daemon.signal(Signal::USR1);
    daemon.wait_lines(1, &["status: 10 fresh", "21 models"]);
    let lines = daemon.wait_lines(10, &["INFO", " is fresh", "failures="]);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("category=text_generation"))
    );
    assert!(lines.iter().all(|line| line.contains("state=fresh")));
}
