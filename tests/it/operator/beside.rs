//! The operator's orders beside a daemon: another user's, one that stands still, one on standby, one that starts again.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    CLIP, assert_published, beside_a_reader, id, intent, models, order, send, v2_of, world,
};
use crate::common::{Daemon, World, bare, program, text, until};

const STRANGER: u32 = 65534;

#[track_caller]
fn good(daemon: &Daemon, args: &[&str]) -> String {
    let ran = daemon.command(args);
    assert_eq!(ran.status.code(), Some(0), "{args:?}: {ran:?}");
    text(&ran.stdout)
}

/// A mirror with two versions, and the older and newer one's legacy files.
fn two() -> (World, [Vec<u8>; 2]) {
    let versions = ["a", "b"].map(|mark| models(0..40, mark));
    let world = world(&versions[0]);
    send(&world, &versions[1]);
    world.sync(&[]).expect(0);
    (world, versions)
}

#[test]
fn a_reader_that_parses_all_the_time_sees_whole_versions_only() {
    let (world, [a, b]) = two();
    let daemon = world.started();
    let versions = [&a, &b].map(|legacy| v2_of(legacy));
    let reads = beside_a_reader(&world, &versions, || {
        for _ in 0..5 {
            let said = good(&daemon, &["rollback", "clip"]);
            assert!(said.contains(&id(&a)), "{said}");
            assert_published(&world, &a);
            assert_eq!(daemon.wait_state("clip", "pinned")["pinned"], id(&a));
            daemon.signal(Signal::HUP);
            let said = good(&daemon, &["unpin", "clip"]);
            assert!(said.contains(&id(&b)), "{said}");
            assert_published(&world, &b);
            daemon.wait_state("clip", "fresh");
        }
    });
    assert!(reads > 100, "{reads}");
}

#[test]
fn a_pin_outlives_a_restart() {
    let (world, [a, b]) = two();
    let versions = [&a, &b].map(|legacy| v2_of(legacy));
    beside_a_reader(&world, &versions, || {
        let daemon = world.started();
        good(&daemon, &["rollback", "clip"]);
        daemon.kill();
        let daemon = world.started();
        daemon.signal(Signal::HUP);
        daemon.wait_cycles(2);
        daemon.wait_state("clip", "pinned");
        assert_published(&world, &a);
        assert!(daemon.lines(&["clip", "recovered"]).is_empty());
        daemon.stop();
        // Without a daemon, and then with one again.
        order(&world, &["unpin", "clip"]).expect(0);
        assert_published(&world, &b);
        order(&world, &["rollback", "clip"]).expect(0);
        let daemon = world.started();
        daemon.wait_state("clip", "pinned");
        assert_published(&world, &a);
    });
}

#[test]
fn an_order_that_is_not_carried_out_in_time_stays_written() {
    let (world, [a, _]) = two();
    let daemon = world.started();
    daemon.signal(Signal::STOP);
    let late = daemon.command(&["rollback", "clip", "--timeout", "1s"]);
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(text(&late.stderr).contains("is written down"), "{late:?}");
    assert!(intent(&world)["pin"]["clip"].is_string());
    daemon.signal(Signal::CONT);
    daemon.wait_state("clip", "pinned");
    assert_published(&world, &a);
}

#[test]
fn when_the_daemon_ends_while_it_is_waited_for_the_command_takes_its_place() {
    let (world, [a, _]) = two();
    let daemon = world.started();
    daemon.signal(Signal::STOP);
    let command = daemon.spawn(&["rollback", "clip"]);
    until("the order is written", || {
        world.private().join("intent.json").exists()
    });
    daemon.signal(Signal::KILL);
    let ran = command.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_published(&world, &a);
}

#[test]
fn an_upstream_that_hangs_delays_no_order() {
    let (world, [a, b]) = two();
    let server = crate::common::scripted::Scripted::start(|_, _| {
        crate::common::scripted::Action::Stall(Vec::new())
    });
    let daemon = world
        .setup()
        .set("upstream.url", &json!(server.url()).to_string())
        .start();
    server.wait_for(1, Duration::from_secs(20));
    good(&daemon, &["rollback", "clip", "--timeout", "10s"]);
    assert_published(&world, &a);
    good(
        &daemon,
        &["rollback", "clip", "--to", &id(&b), "--timeout", "10s"],
    );
    assert_published(&world, &b);
}

#[test]
fn on_a_standbys_host_the_writer_carries_it_out() {
    let (world, [a, b]) = two();
    let versions = [&a, &b].map(|legacy| v2_of(legacy));
    beside_a_reader(&world, &versions, || {
        let writer = world.started();
        let standby = world.setup().runtime("standby").started();
        assert_eq!(standby.status().unwrap()["role"], "standby");
        good(&standby, &["rollback", "clip"]);
        assert_published(&world, &a);
        writer.wait_state("clip", "pinned");
        standby.wait_state("clip", "pinned");
        // The standby takes over, pins and all.
        writer.kill();
        standby.wait_status("the takeover", |status| status["role"] == "writer");
        standby.wait_state("clip", "pinned");
        assert_published(&world, &a);
        good(&standby, &["unpin", "clip"]);
        assert_published(&world, &b);
    });
}

#[test]
fn root_orders_beside_a_daemon_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED orders: another user needs root");
        return;
    }
    let (world, [a, b]) = two();
    for path in world.tree().into_keys() {
        chown(world.mirror().join(path), Some(STRANGER), Some(STRANGER)).unwrap();
    }
    for directory in [world.root().to_owned(), world.path("run")] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // The program may lie where only root may go.
    let copy = world.path("horde-refd");
    fs::copy(program().get_program(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = bare("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
        .arg(&copy)
        .args(["run", "-q", "--layout", "flat", "--upstream"]);
    command
        .arg(world.upstream())
        .arg("--base-path")
        .arg(world.mirror());
    let mut daemon = command.spawn().unwrap();
    until("the daemon is the writer", || {
        let status = world.private().join("status.json");
        let status = fs::read(status)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        status
            .is_some_and(|status| status["role"] == "writer" && status["cycles"].as_u64() > Some(0))
    });
    let (mut ran, mut then) = (None, None);
    let versions = [&a, &b].map(|legacy| v2_of(legacy));
    let reads = beside_a_reader(&world, &versions, || {
        ran = Some(order(&world, &["rollback", "clip"]));
        then = Some(order(&world, &["unpin", "clip"]));
    });
    // Killed, it could leave the temporary file of a status behind, for the next one to sweep.
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
    ran.unwrap().expect(0);
    then.unwrap().expect(0);
    assert!(reads > 10, "{reads}");
    assert_published(&world, &b);
    for name in ["intent.json", "intent.lock", "state.json"] {
        let owner = fs::metadata(world.private().join(name)).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (STRANGER, STRANGER), "{name}");
        assert_eq!(owner.mode() & 0o777, 0o644, "{name}");
    }
}

#[test]
fn an_order_is_seen_where_nothing_else_is_watched() {
    let (world, [a, b]) = two();
    let setup = world.setup().set("watch.backend", "\"off\"");
    let daemon = setup.set("watch.poll_interval", "\"1h\"").started();
    // Damage waits for the next poll, which is far; an order does not.
    fs::write(world.v2(CLIP), "damaged").unwrap();
    let before = daemon.begun("disk");
    good(&daemon, &["rollback", "clip"]);
    assert_published(&world, &a);
    daemon.wait_state("clip", "pinned");
    good(&daemon, &["unpin", "clip"]);
    assert_published(&world, &b);
    send(&world, b"{}");
    daemon.signal(Signal::HUP);
    daemon.wait_state("clip", "held");
    good(&daemon, &["accept", "clip"]);
    assert_published(&world, b"{}");
    // One cycle an order, and none for what the cycles wrote.
    assert_eq!(daemon.begun("disk"), before + 3);
}
