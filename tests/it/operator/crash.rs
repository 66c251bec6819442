//! SIGKILL at any moment of the operator's commands, beside a reader that parses everything: files stay whole, and an order
//! is carried out or still there.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{CLIP, assert_published, id, intent, models, order, published, send, v2_of};
use crate::common::kills::{beside_a_reader, rounds, wait_for_a_moment};
use crate::common::{World, sha256, temporary};

/// After so many rounds the time of a command that is not killed is taken anew: machines have moods.
const ANEW: usize = 50;

/// Starts a command of the operator and kills it at any moment. Whether it had ended before, and was good.
fn killed(world: &World, args: &[&str], whole: Duration, chance: &mut fastrand::Rng) -> bool {
    let mut command = world.command(args);
    command
        .args(["--layout", "flat", "--upstream"])
        .arg(world.upstream());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_for_a_moment(whole, chance);
    child.kill().unwrap();
    child.wait().unwrap().success()
}

/// A command of the operator that ends by itself, and how long that takes.
fn timed(world: &World, args: &[&str]) -> Duration {
    let begun = Instant::now();
    order(world, args).expect(0);
    begun.elapsed()
}

/// Whether an order is written down that no cycle has carried out yet.
fn is_due(world: &World) -> bool {
    let written = fs::read(world.private().join("intent.json")).ok();
    let carried = &world.state()["intent"]["sha256"];
    written.is_some_and(|written| *carried != sha256(&written))
}

#[test]
fn a_rollback_or_an_unpin_killed_at_any_moment_is_carried_out_or_still_to_be() {
    let [a, b] = ["a", "b"].map(|mark| models(0..40, mark));
    let world = published(World::in_memory(), &a);
    send(&world, &b);
    world.sync(&[]).expect(0);
    let mut chance = fastrand::Rng::with_seed(11);
    let mut whole_time = timed(&world, &["rollback", "clip"]);
    order(&world, &["unpin", "clip"]).expect(0);
    let (mut whole, mut ordered, mut is_a) = (0, 0, false);
    let versions = vec![(world.v2(CLIP), vec![v2_of(&a), v2_of(&b)])];
    let reads = beside_a_reader(&versions, || {
        for round in 0..rounds() {
            let (args, target): (&[&str], _) = if is_a {
                (&["unpin", "clip"], &b)
            } else {
                (&["rollback", "clip", "--to", &id(&a)], &a)
            };
            let done = killed(&world, args, whole_time, &mut chance);
            whole += usize::from(done);
            let pin = world
                .private()
                .join("intent.json")
                .exists()
                .then(|| intent(&world));
            let pinned = pin.is_some_and(|intent| intent["pin"]["clip"] == sha256(&v2_of(&a)));
            // What is written down is what the next cycle publishes, whatever the killed one had done of it.
            let due = if pinned { &a } else { &b };
            assert!(
                !done || due == target,
                "round {round}: it ended, and left no order"
            );
            ordered += usize::from(due == target);
            if done {
                assert_published(&world, target);
            }
            world.sync(&[]).expect(0);
            assert_published(&world, due);
            assert!(temporary(&world.mirror()).is_empty());
            if round % ANEW == ANEW - 1 {
                whole_time = timed(&world, args);
                assert_published(&world, target);
                is_a = target == &a;
            } else {
                is_a = due == &a;
            }
        }
    });
    println!(
        "{} rounds of rollback and unpin, {whole} ended before the kill, {ordered} left their order, {reads} read",
        rounds()
    );
    assert!(whole < rounds() && ordered > 0, "{whole} {ordered}");
}

/// Everything is published again, and an update that lacks most of it waits.
fn hold(world: &World, all: &[u8], few: &[u8]) {
    // Growing is held by no guard.
    send(world, all);
    world.sync(&[]).expect(0);
    send(world, few);
    world.sync(&[]).expect(1);
    assert_published(world, all);
}

#[test]
fn an_acceptance_killed_at_any_moment_is_carried_out_or_still_to_be() {
    let mut chance = fastrand::Rng::with_seed(12);
    let (all, few) = (models(0..40, "all"), models(0..5, "few"));
    let world = published(World::in_memory(), &all);
    let mut whole_time = Duration::ZERO;
    let (mut whole, mut ordered) = (0, 0);
    let versions = vec![(world.v2(CLIP), vec![v2_of(&all), v2_of(&few)])];
    let reads = beside_a_reader(&versions, || {
        hold(&world, &all, &few);
        for round in 0..rounds() {
            if round % ANEW == 0 {
                whole_time = timed(&world, &["accept", "clip"]);
                assert_published(&world, &few);
                hold(&world, &all, &few);
            }
            let done = killed(&world, &["accept", "clip"], whole_time, &mut chance);
            whole += usize::from(done);
            let is_published = fs::read(world.v2(CLIP)).unwrap() == v2_of(&few);
            assert!(
                !done || is_published,
                "round {round}: it ended, and nothing is published"
            );
            let is_ordered = is_published || is_due(&world);
            if is_ordered {
                ordered += 1;
                world.sync(&[]).expect(0);
                assert_published(&world, &few);
            } else {
                world.sync(&[]).expect(1);
                assert_published(&world, &all);
            }
            assert!(temporary(&world.mirror()).is_empty());
            if is_ordered {
                hold(&world, &all, &few);
            }
        }
    });
    println!(
        "{} rounds of accept, {whole} ended before the kill, {ordered} left their order, {reads} read",
        rounds()
    );
    assert!(whole < rounds() && ordered > 0, "{whole} {ordered}");
}
