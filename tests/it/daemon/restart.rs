//! Killed at any moment, the daemon leaves whole files and goes on where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{FILES, World, legacy, models, time};

/// Rounds of killing; `just crash` asks for more.
fn rounds() -> u64 {
    std::env::var("HORDE_REFD_KILLS").map_or(100, |count| count.parse().unwrap())
}

/// Reads every v2 file again and again, as the readers do, until the test ends it; returns how many it has read.
fn reader(world: &World, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let files = FILES.map(|(_, _, v2)| (world.v2(v2), models(v2)));
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let mut reads = 0;
        while !stop.load(Ordering::Relaxed) {
            for (path, models) in &files {
                let bytes = std::fs::read(path).unwrap();
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(
                    value.as_object().unwrap().len(),
                    *models,
                    "{}",
                    path.display()
                );
                reads += 1;
            }
        }
        reads
    })
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_a_restart_mends_the_rest() {
    let world = World::marked();
    let _ = world.started().stop();
    let stop = Arc::new(AtomicBool::new(false));
    let reading = reader(&world, &stop);
    for round in 0..rounds() {
        for (_, file, _) in FILES {
            world.publish(file, &format!("round {round}"));
        }
        let daemon = world.start();
        // Somewhere between its start and the end of its first cycles; a busy wait, since the moment is the point.
        let until = Instant::now() + Duration::from_micros(fastrand::u64(1_000..60_000));
        while Instant::now() < until {
            if fastrand::u8(..) == 0 {
                let _ = std::fs::write(world.legacy("blip.json"), legacy("blip.json", "edited"));
            }
        }
        daemon.kill();
        for (_, _, v2) in FILES {
            let bytes = std::fs::read(world.v2(v2)).unwrap();
            serde_json::from_slice::<Value>(&bytes).unwrap();
        }
    }
    let daemon = world.started();
    daemon.wait_state("blip", "fresh");
    let last = format!("round {}", rounds() - 1);
    for (_, _, v2) in FILES {
        world.wait_v2(v2, &last);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(reading.join().unwrap() > 0);
    assert!(daemon.stop().0.success());
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_killed_daemons_last_success_is_carried_over() {
    let world = World::marked();
    let daemon = world.started();
    let before = daemon.wait_state("blip", "fresh");
    daemon.kill();
    // The upstream is gone: nothing can be called a success now.
    std::fs::remove_dir_all(world.upstream()).unwrap();
    let daemon = world.started();
    let after = daemon.wait_state("blip", "failing");
    assert_eq!(after["last_success"], before["last_success"]);
    assert_eq!(after["last_change"], before["last_change"]);
    assert!(time(&after["last_check"]) > time(&before["last_check"]));
    assert_eq!(after["models"], 2);
    // And so is the failure: its beginning and its count.
    daemon.kill();
    let daemon = world.started();
    let again = daemon.wait_state("blip", "failing");
    assert_eq!(again["failing_since"], after["failing_since"]);
    assert_eq!(again["consecutive_failures"], 2);
}

#[test]
fn damaged_files_of_our_own_are_no_reason_not_to_start() {
    let world = World::marked();
    let _ = world.started().stop();
    for name in [".horde-refd/state.json", "manifest.json"] {
        for damage in ["", "{", "null", "{\"format\": 99}"] {
            std::fs::write(world.mirror().join(name), damage).unwrap();
            let daemon = world.started();
            daemon.wait_state("blip", "fresh");
            assert!(daemon.stop().0.success());
            assert_eq!(world.assert_whole(), 10, "{name} with {damage:?}");
        }
    }
    for damage in ["", "{", "{\"format\": 99}"] {
        std::fs::write(world.path("run/status.json"), damage).unwrap();
        let daemon = world.setup().start();
        daemon.wait_lines(1, &["horde-refd has started"]);
        daemon.kill();
    }
}
