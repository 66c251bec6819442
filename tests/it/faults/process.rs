//! Faults of what surrounds the process.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use horde_refd::category::Category;
use rustix::process::{Pid, Signal, kill_process};

use super::{Reader, can_mount};
use crate::common::need::need;
use crate::common::{World, program_under, until};

/// A daemon that another program starts; killed with it when dropped.
struct Under(Child);

impl Drop for Under {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `run` on this world, started by `prefix`, which becomes the program or ends with it.
fn run_under(prefix: &[&str], world: &World, more: &[(&str, &str)]) -> Under {
    let config = world.path("config.toml");
    let mut keys = format!("base_path = {:?}\n", world.mirror());
    for (key, value) in more {
        keys += &format!("{key} = {value}\n");
    }
    keys += &format!(
        "[[upstream]]\nurl = {:?}\nlayout = \"flat\"\n",
        world.upstream()
    );
    fs::write(&config, keys).unwrap();
    let mut command: Command = program_under(prefix);
    command.args(["run", "-c"]).arg(&config);
    command.env("RUNTIME_DIRECTORY", world.path("run"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Under(command.spawn().unwrap())
}

#[test]
fn a_journal_that_takes_nothing_stops_neither_the_loop_nor_the_end() {
    need!("unshare", "mount");
    if !can_mount("a journal that hangs") {
        return;
    }
    let world = World::marked();
    let (sockets, journal) = (world.path("sockets"), "/run/systemd/journal");
    fs::create_dir(&sockets).unwrap();
    let hangs = UnixDatagram::bind(sockets.join("socket")).unwrap();
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p {journal} && mount --bind {} {journal} && exec \"$@\"",
        sockets.display()
    );
    let prefix = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    let keys = [("log.format", "\"journald\""), ("log.level", "\"debug\"")];
    let mut daemon = run_under(&prefix, &world, &keys);
    world.wait_v2("blip.json", "upstream");
    // It is the journal that gets the lines, until that reads no more.
    hangs
        .set_read_timeout(Some(std::time::Duration::from_secs(30)))
        .unwrap();
    let mut entry = [0; 4096];
    while !entry.starts_with(b"MESSAGE=") {
        hangs.recv(&mut entry).unwrap();
    }
    // As full as a socket gets.
    let full = UnixDatagram::unbound().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.send_to(&[b'x'; 1024], sockets.join("socket")).is_ok() {}
    let reader = Reader::of(&world);
    // Its lines pile up, and the loop goes on.
    for round in 0..20 {
        world.rename_into(&world.v2("blip.json"), b"{\"damaged\": {}}");
        world.wait_v2("blip.json", "upstream");
        assert!(
            daemon.0.try_wait().unwrap().is_none(),
            "it ended in round {round}"
        );
    }
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    until("it ends", || daemon.0.try_wait().unwrap().is_some());
    reader.end();
    drop(hangs);
    world.assert_whole();
}

#[test]
fn as_process_1_it_waits_for_what_its_hooks_leave_behind() {
    need!("unshare");
    if !can_mount("process 1") {
        return;
    }
    let world = World::marked();
    let out = world.path("out");
    // Each run leaves a process that outlives it and then ends.
    let script = format!(
        "(sleep 0.05; echo left >> {out}) & echo run >> {out}; cp /proc/1/status {out}.1; :",
        out = out.display()
    );
    let hook = serde_json::json!(["sh", "-c", script]).to_string();
    let prefix = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let daemon = run_under(&prefix, &world, &[("hooks.on_change", &hook)]);
    let count = |word: &str| {
        let text = fs::read_to_string(&out).unwrap_or_default();
        text.lines().filter(|line| *line == word).count()
    };
    for run in 1..=3 {
        until(&format!("run {run} and what it left"), || {
            count("run") >= run && count("left") >= run
        });
        world.rename_into(
            &world.legacy("blip.json"),
            &crate::common::legacy("blip.json", &format!("edit {run}")),
        );
        world.wait_v2("blip.json", &format!("edit {run}"));
    }
    let first = fs::read_to_string(world.path("out.1")).unwrap();
    assert!(first.contains("horde-refd"), "it is not process 1: {first}");
    let init = {
        let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.0.id()));
        text.unwrap().trim().parse::<u32>().unwrap()
    };
    until("no process waits to be waited for", || {
        let children = fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap();
        let mut children = children.split_whitespace();
        children.all(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            !status.contains("State:\tZ")
        })
    });
    assert_eq!(
        Category::with_legacy()
            .filter(|category| world.v2(*category).exists())
            .count(),
        10
    );
}
