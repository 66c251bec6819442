//! What a life stands on: a disk that fills up and becomes read-only, and a clock that is set.
//!
//! 1. Readers find every file at every moment: what is mounted lies over what is there, which is not taken away.
//! 2. A fault of the disk is over when its function returns.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;

use crate::common::World;
use crate::common::need::{is_root, skipped};
use crate::faults::Tmpfs;

/// How far a clock is set, in seconds: a moment, an hour, days, and back to the truth.
const STEPS: [i64; 8] = [-90, 90, -3600, 3600, -86_400, 86_400, 30 * 86_400, 0];

/// The disk of a mirror, and the clock of the daemons on it.
pub(super) struct Ground {
    mirror: PathBuf,
    disk: Option<Tmpfs>,
    clock: Option<(PathBuf, PathBuf)>,
}

impl Ground {
    /// A disk of its own for the mirror, as root, and a clock of its own, where libfaketime is installed.
    pub(super) fn below(world: &World) -> Self {
        let mirror = world.mirror();
        let disk = is_root().then(|| Tmpfs::mount(&mirror, "size=16m,mode=755"));
        if disk.is_none() {
            skipped("the faults of the disk: mounting needs root", false);
        }
        let library = library();
        if library.is_none() {
            skipped("the steps of the clock: faketime is not installed", false);
        }
        let clock = library.map(|library| (library, world.path("clock")));
        let ground = Self {
            mirror,
            disk,
            clock,
        };
        ground.set_clock(0);
        ground
    }

    /// What a daemon needs in its environment to go by this clock; the one that measures is the kernel's.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let Some((library, file)) = &self.clock else {
            return Vec::new();
        };
        let words = |path: &PathBuf| path.to_str().unwrap().to_owned();
        vec![
            ("LD_PRELOAD", words(library)),
            ("FAKETIME_TIMESTAMP_FILE", words(file)),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    /// The clock is so many seconds ahead of the truth, from now on.
    pub(super) fn set_clock(&self, ahead: i64) {
        let Some((_, file)) = &self.clock else {
            return;
        };
        let staged = file.with_extension("new");
        fs::write(&staged, format!("{ahead:+}\n")).unwrap();
        fs::rename(staged, file).unwrap();
    }

    pub(super) fn step_clock(&self, chance: &mut Rng) -> &'static str {
        self.set_clock(STEPS[chance.usize(..STEPS.len())]);
        match self.clock {
            Some(_) => "clock",
            None => "no clock",
        }
    }

    /// The disk has no byte left, for a moment.
    pub(super) fn fill(&self, chance: &mut Rng) -> &'static str {
        if self.disk.is_none() {
            return "no disk";
        }
        let filler = self.mirror.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        let bytes = vec![1; 4096];
        while file.write_all(&bytes).is_ok() {}
        std::thread::sleep(Duration::from_millis(chance.u64(100..2500)));
        fs::remove_file(filler).unwrap();
        "full disk"
    }

    /// The disk is read-only, for a moment.
    pub(super) fn forbid(&self, chance: &mut Rng) -> &'static str {
        if self.disk.is_none() {
            return "no disk";
        }
        let mirror = self.mirror.to_str().unwrap();
        assert!(mount(&["--bind", mirror, mirror]));
        // What the daemon has just opened for writing keeps a mount from becoming read-only.
        let done = (0..50).any(|_| mount(&["-o", "remount,bind,ro", mirror]));
        if done {
            std::thread::sleep(Duration::from_millis(chance.u64(100..2500)));
        }
        unmount(mirror);
        if done { "read-only" } else { "busy disk" }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.disk.is_some() && std::thread::panicking() {
            // It may lie over the disk.
            unmount(self.mirror.to_str().unwrap());
        }
    }
}

/// Removes what libfaketime leaves of a process in shared memory.
pub(super) fn sweep(pid: u32) {
    for name in ["faketime_shm", "sem.faketime_sem"] {
        let _ = fs::remove_file(format!("/dev/shm/{name}_{pid}"));
    }
}

fn library() -> Option<PathBuf> {
    let of_architectures = fs::read_dir("/usr/lib").ok()?;
    let mut places = of_architectures.map(|entry| entry.unwrap().path());
    places.find_map(|place| {
        let library = place.join("faketime/libfaketimeMT.so.1");
        library.is_file().then_some(library)
    })
}

fn mount(arguments: &[&str]) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).stderr(Stdio::null());
    command.status().unwrap().success()
}

fn unmount(place: &str) {
    let mut command = Command::new("umount");
    let _ = command.args(["-l", place]).stderr(Stdio::null()).status();
}
