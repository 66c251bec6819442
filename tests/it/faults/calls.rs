//! Every system call of the write path fails, once and for good, in every way: readers see whole files all the time, and
//! the next sync heals.

use std::fs;
use std::process::{Command, Stdio};

use horde_refd::category::Category;

use super::Reader;
use crate::common::need::need;
use crate::common::{Ran, World, temporary};

const CLIP: Category = Category::Clip;

/// Call, what it answers, how many of its calls are tried in turn.
const FAULTS: &[(&str, &[&str], usize)] = &[
    ("write", &["ENOSPC", "EDQUOT", "EIO"], 4),
    ("fsync", &["EIO", "ENOSPC", "EDQUOT"], 8),
    (
        "?rename,?renameat,?renameat2",
        &["EIO", "EROFS", "EBUSY", "ENOSPC", "ESTALE"],
        4,
    ),
    ("openat", &["EMFILE", "EACCES", "EROFS", "ENOSPC"], 8),
    ("openat2", &["EIO", "ESTALE", "EMFILE"], 8),
    ("statx", &["EIO", "ESTALE"], 6),
    ("?fchmod,?fchmodat", &["EPERM"], 2),
    ("utimensat", &["EPERM"], 1),
    ("linkat", &["EPERM"], 1),
    ("?unlink,?unlinkat", &["EIO"], 2),
];

#[test]
fn whatever_call_fails_files_stay_whole_and_the_next_sync_heals() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    let sent = fs::read_to_string(world.sent(CLIP)).unwrap();
    // Two versions of equal worth, with the v2 file that each becomes.
    let versions = ["one", "two"].map(|mark| {
        let mark = format!("\"description\": \"{mark} ");
        let legacy = sent.replacen("\"description\": \"", &mark, 1);
        assert_ne!(legacy, sent);
        fs::write(world.sent(CLIP), &legacy).unwrap();
        world.sync(&["clip"]).expect(0);
        (legacy.into_bytes(), fs::read(world.v2(CLIP)).unwrap())
    });
    let base = world.mirror();
    let reader = Reader::of(&world);
    let mut runs = 0;
    let mut failures = 0;
    for (calls, errors, count) in FAULTS {
        for error in *errors {
            // Each of the first calls in turn, then all of them.
            let turns = (1..=*count).map(|when| when.to_string());
            for when in turns.chain(["1+".to_owned()]) {
                // Without a descriptor or with no word written at all, not even a message is to be had.
                if when == "1+" && matches!(*calls, "write") {
                    continue;
                }
                let (legacy, v2) = &versions[runs % 2];
                runs += 1;
                fs::write(world.sent(CLIP), legacy).unwrap();
                let inject = format!("inject={calls}:error={error}:when={when}");
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject]);
                // What the loader opens is no fault of a disk.
                if *calls != "write" && *calls != "fsync" {
                    for below in [
                        "",
                        "legacy",
                        ".horde-refd",
                        ".horde-refd/generations",
                        ".horde-refd/generations/clip",
                    ] {
                        strace.arg("-P").arg(base.join(below));
                    }
                }
                let command = world.command(&["sync", "--json", "--layout", "flat"]);
                strace.arg(command.get_program()).args(command.get_args());
                strace.arg("--upstream").arg(world.upstream()).arg("clip");
                strace.env("HOME", "/nonexistent").stdin(Stdio::null());
                let ran = Ran::of(&mut strace);
                let shown = format!("{inject}: {ran:#?}");
                // A write that wakes the runtime must not fail; a process that dies of it is as good as killed.
                let died = *calls == "write" && shown.contains("failed to wake");
                assert!(died || matches!(ran.code, Some(0 | 1)), "{shown}");
                failures += usize::from(ran.code == Some(1));
                let whole = |bytes: &[u8]| {
                    versions
                        .iter()
                        .any(|(legacy, v2)| bytes == legacy || bytes == v2)
                };
                assert!(whole(&fs::read(world.v2(CLIP)).unwrap()), "{shown}");
                assert!(whole(&fs::read(world.legacy(CLIP)).unwrap()), "{shown}");

                let healed = world.sync(&[]);
                assert_eq!(healed.code, Some(0), "{shown} then {healed:#?}");
                assert_eq!(&fs::read(world.v2(CLIP)).unwrap(), v2, "{shown}");
                assert_eq!(&fs::read(world.legacy(CLIP)).unwrap(), legacy, "{shown}");
                assert!(
                    temporary(&base).is_empty(),
                    "{shown}: {:?}",
                    temporary(&base)
                );
                world.assert_whole();
            }
        }
    }
    reader.end();
    println!("{runs} runs with a failing call, {failures} of them failed");
    assert!(
        failures > 20,
        "the faults hit next to nothing: {failures} of {runs}"
    );
}
