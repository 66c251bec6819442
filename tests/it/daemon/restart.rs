//! Killed at any moment, the daemon leaves whole files and goes on where it was.

use std::time::Instant;

use horde_refd::category::Category;

use crate::common::kills::{beside_a_reader, rounds, two_versions, wait_for_a_moment};
use crate::common::{World, temporary, time, until};

/// After so many rounds the time of a first cycle is taken anew.
const ANEW: usize = 100;

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_a_restart_mends_the_rest() {
    let versions: Vec<_> = Category::with_legacy()
        .map(|category| (category, two_versions(category)))
        .collect();
    let world = World::in_memory();
    let send = |number: usize| {
        for (category, versions) in &versions {
            world.rename_into(&world.sent(*category), &versions[number % 2].0);
        }
    };
    let has = |number: usize| {
        versions.iter().all(|(category, versions)| {
            let (sent, v2) = &versions[number % 2];
            let is = |path, bytes: &Vec<u8>| std::fs::read(path).is_ok_and(|found| found == *bytes);
            is(world.legacy(*category), sent) && is(world.v2(*category), v2)
        })
    };
    send(0);
    let _ = world.started().stop();
    let files: Vec<_> = versions
        .iter()
        .map(|(category, versions)| {
            (
                world.v2(*category),
                versions.clone().map(|(_, v2)| v2).to_vec(),
            )
        })
        .collect();
    let mut chance = fastrand::Rng::with_seed(13);
    let (mut whole, mut whole_time) = (0, std::time::Duration::ZERO);
    let reads = beside_a_reader(&files, || {
        for round in 1..=rounds() {
            send(round);
            if round % ANEW == 1 {
                let begun = Instant::now();
                let daemon = world.started();
                whole_time = begun.elapsed();
                // Nothing is left of the killed ones, and what was due is done.
                until("the upstream's versions are published", || has(round));
                assert!(daemon.stop().0.success());
                assert!(temporary(&world.mirror()).is_empty());
                send(round + 1);
            }
            let daemon = world.start();
            wait_for_a_moment(whole_time.mul_f64(0.5), &mut chance);
            if chance.u8(..4) == 0 {
                // A file is edited in place, not atomically, with whatever comes of it.
                let other = &versions[0].1[chance.usize(..2)].0;
                std::fs::write(world.legacy(versions[0].0), other).unwrap();
            }
            wait_for_a_moment(whole_time.mul_f64(0.5), &mut chance);
            whole += usize::from(daemon.cycles() > 0);
            daemon.kill();
        }
    });
    println!(
        "{} rounds of run, {whole} of them killed after a cycle, {reads} read",
        rounds()
    );
    assert!(whole < rounds(), "nothing was ever killed in time");
    send(0);
    let daemon = world.started();
    until("the upstream's versions are published", || has(0));
    daemon.wait_state("blip", "fresh");
    assert!(daemon.stop().0.success());
    assert_eq!(world.assert_whole(), 10);
    assert!(temporary(&world.mirror()).is_empty());
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
