//! System calls of the daemon fail, once and for good, while it runs: readers see whole files all the time, the status does
//! not call fresh what was not published, and when the cause is gone the next cycle heals, without a restart.

use std::fs;
use std::process::{Child, Command, Stdio};

use horde_refd::category::Category;
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;
use rustix::process::{Pid, Signal, kill_process};

use super::{Reader, force};
use crate::common::need::need;
use crate::common::{Daemon, World, legacy, temporary, until};

const CLIP: Category = Category::Clip;

/// Call, what it answers: `error@which`, where `1+` is all of its calls from the first one on.
const FAULTS: &[(&str, &str)] = &[
    // On the loop's thread that is files alone: the log has a thread of its own.
    ("write", "ENOSPC@1 EDQUOT@2 EIO@3 ESTALE@4 EDQUOT@5"),
    ("fsync", "EIO@1 ENOSPC@2 EDQUOT@3 ESTALE@4 EIO@1+"),
    (
        "?rename,?renameat,?renameat2",
        "EIO@1 EROFS@2 EACCES@3 ESTALE@1+ EROFS@1+",
    ),
    (
        "openat,openat2",
        "EMFILE@1 EIO@2 EACCES@4 ENOSPC@6 EDQUOT@8 ESTALE@3 EROFS@10 EMFILE@1+ EACCES@1+ EROFS@1+ ESTALE@1+",
    ),
    ("statx", "EIO@1 ESTALE@3 EACCES@1+"),
    ("read", "EIO@1 ESTALE@2 EIO@1+"),
    ("?fchmod,?fchmodat,?utimensat,?linkat", "EPERM@1+"),
    ("?unlink,?unlinkat", "EIO@1+"),
];

/// strace at the thread of a daemon's loop; it lets go when dropped.
struct Injected(Child);

impl Injected {
    fn into(daemon: &Daemon, world: &World, call: &str, error: &str, which: &str) -> Self {
        let inject = format!("inject={call}:error={error}:when={which}");
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", &inject]);
        // The names of temporary files are not known before, so what is done by descriptor alone is hit anywhere.
        if call != "write" && call != "fsync" {
            for below in [
                "",
                "legacy",
                ".horde-refd",
                ".horde-refd/state.json",
                ".horde-refd/generations",
                ".horde-refd/generations/clip",
                "manifest.json",
                "clip.json",
                "legacy/clip.json",
            ] {
                strace.arg("-P").arg(world.mirror().join(below));
            }
        }
        strace.arg("-p").arg(daemon.pid().to_string());
        let child = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let status = format!("/proc/{}/status", daemon.pid());
        until("strace holds the daemon", || {
            let status = fs::read_to_string(&status).unwrap();
            !status.contains("TracerPid:\t0\n")
        });
        Self(child.unwrap())
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        // It has ended already where the daemon has, and then the test fails by itself.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

#[test]
fn whatever_call_of_the_daemon_fails_files_stay_whole_and_its_next_cycle_heals() {
    need!("strace");
    let world = World::marked();
    let daemon = world.started();
    let versions = ["one", "two"].map(|mark| {
        let sent = legacy("clip.json", mark);
        let v2 = convert(CLIP, &sent, OnInvalidRecord::Reject).unwrap().v2;
        (sent, v2)
    });
    world.rename_into(&world.sent(CLIP), &versions[1].0);
    force(&daemon);
    let reader = Reader::of(&world);
    let (mut faults, mut felt, mut withheld) = (0, 0, 0);
    for (call, errors) in FAULTS {
        for fault in errors.split(' ') {
            let (error, which) = fault.split_once('@').unwrap();
            let (sent, v2) = &versions[faults % 2];
            faults += 1;
            world.rename_into(&world.sent(CLIP), sent);
            let lines = daemon.log().len();
            {
                let _injected = Injected::into(&daemon, &world, call, error, which);
                force(&daemon);
            }
            let said = daemon.log().split_off(lines);
            // A sentence that is said again and again is counted by the log, so not each of them has its line.
            let troubles = [" WARN ", " ERROR "];
            felt += usize::from(
                said.iter()
                    .any(|line| troubles.iter().any(|word| line.contains(word))),
            );
            for file in [world.v2(CLIP), world.legacy(CLIP)] {
                let bytes = fs::read(&file).unwrap();
                let known = versions
                    .iter()
                    .any(|(sent, v2)| bytes == *sent || bytes == *v2);
                assert!(known, "{call} {fault}: {} is torn", file.display());
            }
            if fs::read(world.v2(CLIP)).unwrap() != *v2 {
                withheld += 1;
                // A status that could not be written either is the one before, and the log says so.
                until(&format!("{call} {fault}: the status tells"), || {
                    let status = daemon.status().unwrap();
                    let unwritten = daemon.lines(&["cannot write our own report"]);
                    status["categories"]["clip"]["state"] != "fresh" || !unwritten.is_empty()
                });
            }
            // The cause is gone.
            force(&daemon);
            for (file, bytes) in [(world.v2(CLIP), v2), (world.legacy(CLIP), sent)] {
                let healed = fs::read(&file).unwrap() == *bytes;
                assert!(healed, "{call} {fault}: {} is not healed", file.display());
            }
            assert_eq!(world.assert_whole(), 10, "{call} {fault}");
            daemon.wait_state("clip", "fresh");
        }
    }
    reader.end();
    println!(
        "{faults} faults of a running daemon, {felt} of them said, {withheld} published later"
    );
    assert!(
        felt > 8,
        "the faults hit next to nothing: {felt} of {faults}"
    );
    assert!(withheld > 5, "{withheld} of {faults}");
    assert!(daemon.stop().0.success());
    // What could not be removed then is removed at the next start.
    world.sync(&[]).expect(0);
    assert!(temporary(&world.mirror()).is_empty());
}
