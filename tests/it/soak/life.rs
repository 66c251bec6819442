//! What happens to a mirror in its life, one event after the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::Signal;
use serde_json::Value;

use super::ground::{self, Ground};
use crate::common::origin::{Mood, Origin};
use crate::common::{Daemon, FILES, World, legacy, until};

/// The v2 files that events damage; readers hold the others to be whole at every moment.
pub(super) const DAMAGED: [&str; 3] = ["blip.json", "clip.json", "codeformer.json"];

/// What a process weighs.
#[derive(Debug)]
pub(super) struct Weight {
    pub(super) kilobytes: u64,
    pub(super) descriptors: usize,
}

/// A world, its upstream, and the daemons on it.
pub(super) struct Life {
    // In the order in which they go.
    writer: Option<Daemon>,
    standby: Option<Daemon>,
    ground: Ground,
    world: World,
    origin: Origin,
    chance: Rng,
    marks: BTreeMap<&'static str, String>,
    counts: BTreeMap<&'static str, u32>,
    started: u32,
    /// The upstream answers everything with a limit.
    limits: bool,
}

impl Life {
    /// A first daemon has published everything, and a second one stands by.
    pub(super) fn begin(seed: u64) -> Self {
        let world = World::empty();
        let mut life = Self {
            ground: Ground::below(&world),
            world,
            origin: Origin::start(Mood::Serve),
            chance: Rng::with_seed(seed),
            writer: None,
            standby: None,
            marks: FILES
                .map(|(_, file, _)| (file, "upstream".to_owned()))
                .into(),
            counts: BTreeMap::new(),
            started: 0,
            limits: false,
        };
        let writer = life.start();
        writer.wait_cycles(1);
        life.writer = Some(writer);
        life.standby = Some(life.start());
        life
    }

    fn start(&mut self) -> Daemon {
        self.started += 1;
        let mut setup = self.origin.of(self.world.setup());
        for (key, value) in [
            ("schedule.cron", "\"* * * * * *\""),
            ("http.timeout", "\"2s\""),
            ("http.read_timeout", "\"1s\""),
            ("http.connect_timeout", "\"1s\""),
            ("http.retry_backoff", "\"1s\""),
        ] {
            setup = setup.set(key, value);
        }
        for (name, value) in self.ground.environment() {
            setup = setup.env(name, &value);
        }
        let daemon = setup.runtime(&format!("run-{}", self.started)).start();
        // Before that it has no lock, ends where it cannot make one, and dies of a signal like any other process.
        daemon.wait_lines(1, &["horde-refd has started"]);
        daemon
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// What the upstream's file has now.
    pub(super) fn mark(&self, file: &str) -> &str {
        &self.marks[file]
    }

    pub(super) fn cycles(&self) -> u64 {
        self.writer.as_ref().unwrap().cycles()
    }

    /// How often each event came.
    pub(super) fn events(&self) -> String {
        let counts = self.counts.iter();
        let counts: Vec<_> = counts
            .map(|(event, count)| format!("{event} {count}"))
            .collect();
        counts.join(", ")
    }

    /// One event, and a moment for its consequences.
    pub(super) fn event(&mut self, with_deaths: bool) {
        let kinds = if with_deaths { 21 } else { 18 };
        let event = match self.chance.u8(..kinds) {
            0..=2 => self.publish(),
            3..=5 => self.mood(),
            6 => self.edit(),
            7 => self.damage(),
            8 => self.remove(),
            9 => self.notes(),
            10 => self.signal(),
            11 => self.pause(),
            12 | 13 => self.order(),
            14 => self.ground.fill(&mut self.chance),
            15 => self.ground.forbid(&mut self.chance),
            16 => self.clock(),
            17 => self.touch(),
            18 => self.die(Signal::KILL),
            19 => self.die(Signal::TERM),
            _ => self.beside(),
        };
        *self.counts.entry(event).or_default() += 1;
        std::thread::sleep(Duration::from_millis(self.chance.u64(20..400)));
    }

    fn file(&mut self) -> (&'static str, &'static str) {
        let (_, file, v2) = FILES[self.chance.usize(..FILES.len())];
        (file, v2)
    }

    fn publish(&mut self) -> &'static str {
        let (file, _) = self.file();
        let mark = format!("version {}", self.chance.u64(..));
        self.origin.publish(file, &mark);
        self.marks.insert(file, mark);
        "publish"
    }

    fn mood(&mut self) -> &'static str {
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"first\": ".to_vec();
        let (file, _) = self.file();
        let (event, mood) = match self.chance.u8(..7) {
            0 => ("refused", Mood::Fail(503)),
            1 => ("missing", Mood::Fail(404)),
            2 => ("limited", Mood::Limit(1)),
            3 => ("hanging", Mood::Hang),
            4 => ("cut", Mood::HangOn(file, cut)),
            _ => ("serving", Mood::Serve),
        };
        self.limits = event == "limited";
        if self.limits {
            self.ground.set_clock(0);
        }
        self.origin.mood(mood);
        event
    }

    /// The clock is set, but not while hosts set limits: a limit is a time, and one that is heard by a clock which is ahead
    /// lasts, as it should, until that time has really come.
    fn clock(&mut self) -> &'static str {
        if self.limits {
            return "no clock";
        }
        self.ground.step_clock(&mut self.chance)
    }

    /// Puts a file into the mirror from beside it, which may be a disk of its own.
    fn put(&self, target: &Path, bytes: &[u8]) {
        let staged = self.world.mirror().join(".edited");
        fs::write(&staged, bytes).unwrap();
        fs::rename(staged, target).unwrap();
    }

    /// The operator goes back to an older generation, or lets it go on. A poll that hangs may take longer than the command
    /// waits, and then the order stays written.
    fn order(&mut self) -> &'static str {
        let kept = |category: &str| {
            let kept = self.world.private().join("generations").join(category);
            fs::read_dir(kept).map_or(0, Iterator::count) > 3
        };
        let all = FILES.map(|(category, _, _)| category);
        let intent = fs::read(self.world.private().join("intent.json")).unwrap_or_default();
        let intent: Value = serde_json::from_slice(&intent).unwrap_or_default();
        let (pinned, free): (Vec<_>, Vec<_>) = all
            .into_iter()
            .filter(|category| kept(category))
            .partition(|category| !intent["pin"][category].is_null());
        let unpins = !pinned.is_empty() && self.chance.bool();
        let (order, of) = if unpins {
            ("unpin", pinned)
        } else {
            ("rollback", free)
        };
        let Some(category) = self.chance.choice(of) else {
            return "no order";
        };
        let writer = self.writer.as_ref().unwrap();
        let ran = writer.command(&[order, category, "--timeout", "5s"]);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran:?}");
        if ran.status.success() {
            order
        } else {
            "order left"
        }
    }

    /// A file has the time of another age: a backup was put back, or a clock was wrong.
    fn touch(&mut self) -> &'static str {
        let (file, v2) = self.file();
        let path = [self.world.legacy(file), self.world.v2(v2)][self.chance.usize(..2)].clone();
        let age = Duration::from_secs(self.chance.u64(..4_000_000_000));
        // It may be gone.
        if let Ok(file) = fs::File::open(path) {
            file.set_modified(std::time::UNIX_EPOCH + age).unwrap();
        }
        "touch"
    }

    fn edit(&mut self) -> &'static str {
        let (file, _) = self.file();
        let mark = format!("edit {}", self.chance.u64(..));
        let (path, bytes) = (self.world.legacy(file), legacy(file, &mark));
        if self.chance.bool() {
            self.put(&path, &bytes);
        } else {
            fs::write(path, bytes).unwrap();
        }
        "edit"
    }

    fn damage(&mut self) -> &'static str {
        let v2 = self.world.v2(DAMAGED[self.chance.usize(..DAMAGED.len())]);
        let damage = ["", "{", "{}", "[1]"][self.chance.usize(..4)];
        self.put(&v2, damage.as_bytes());
        "damage"
    }

    fn remove(&mut self) -> &'static str {
        let name = DAMAGED[self.chance.usize(..DAMAGED.len())];
        // It may be gone already.
        let _ = fs::remove_file(self.world.v2(name));
        let _ = fs::remove_file(self.world.legacy(name));
        "remove"
    }

    /// The program's own notes are damaged, or gone.
    fn notes(&mut self) -> &'static str {
        let name = ["manifest.json", ".horde-refd/state.json"][self.chance.usize(..2)];
        let path = self.world.mirror().join(name);
        match self.chance.u8(..3) {
            0 => drop(fs::remove_file(path)),
            1 => self.put(&path, b"{\"format\": 2, "),
            _ => drop(fs::remove_dir_all(self.world.private().join("generations"))),
        }
        "notes"
    }

    fn signal(&mut self) -> &'static str {
        let signal = if self.chance.bool() {
            Signal::HUP
        } else {
            Signal::USR1
        };
        for daemon in [&self.writer, &self.standby].into_iter().flatten() {
            daemon.signal(signal);
        }
        "signal"
    }

    /// The writer stands still for a moment, as on a machine that is suspended.
    fn pause(&mut self) -> &'static str {
        let writer = self.writer.as_ref().unwrap();
        writer.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(self.chance.u64(..1500)));
        writer.signal(Signal::CONT);
        "pause"
    }

    /// The writer ends; the one that stood by takes over, and another one stands by.
    fn die(&mut self, signal: Signal) -> &'static str {
        let writer = self.writer.take().unwrap();
        let pid = writer.pid();
        if signal == Signal::KILL {
            writer.kill();
        } else {
            let (status, _) = writer.stop();
            assert!(status.success(), "{status}");
        }
        ground::sweep(pid);
        let next = self.standby.take().unwrap();
        next.wait_status("the one that stood by writes", |status| {
            status["role"] == "writer"
        });
        self.writer = Some(next);
        self.standby = Some(self.start());
        if signal == Signal::KILL {
            "kill"
        } else {
            "stop"
        }
    }

    /// A sync beside the daemons.
    fn beside(&mut self) -> &'static str {
        let upstream = self.world.path("no such upstream");
        let ran = self.world.sync_from(upstream.to_str().unwrap(), &[]);
        assert_eq!(ran.code, Some(3), "{ran:#?}");
        "sync"
    }

    /// Nothing goes wrong any more: waits until everything is as the upstream has it.
    pub(super) fn calm(&mut self) {
        self.origin.mood(Mood::Serve);
        self.limits = false;
        self.ground.set_clock(0);
        let begun = Instant::now();
        let writer = self.writer.as_ref().unwrap();
        let everything = FILES.map(|(category, _, _)| category);
        until("nothing is pinned", || {
            let unpin = [&["unpin"], &everything[..], &["--timeout", "5s"]].concat();
            writer.command(&unpin).status.success()
        });
        until("everything is the upstream's, and fresh", || {
            // The schedule comes by itself; the signal is for a limit that is over and a poll that waits for it.
            if begun.elapsed() > Duration::from_secs(10) {
                writer.signal(Signal::HUP);
                std::thread::sleep(Duration::from_millis(500));
            }
            let fresh = writer.status().is_some_and(|status| {
                let categories = status["categories"].as_object().unwrap().values();
                categories
                    .filter(|category| category["state"] == "fresh")
                    .count()
                    == FILES.len()
            });
            let same = |(_, file, v2): (&str, &str, &str)| {
                let mark = self.mark(file);
                let has = |path| fs::read_to_string(path).is_ok_and(|text| text.contains(mark));
                has(self.world.legacy(file)) && has(self.world.v2(v2))
            };
            fresh && FILES.into_iter().all(same)
        });
    }

    /// A few cycles of everything, so that what is kept once is there.
    pub(super) fn warm_up(&self) {
        let writer = self.writer.as_ref().unwrap();
        writer.signal(Signal::HUP);
        let cycles = writer.cycles();
        writer.wait_cycles(cycles + 3);
    }

    pub(super) fn weight(&self) -> Weight {
        let pid = self.writer.as_ref().unwrap().pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        Weight {
            kilobytes: line.split_whitespace().nth(1).unwrap().parse().unwrap(),
            descriptors: descriptors.count(),
        }
    }

    pub(super) fn end(mut self) {
        for daemon in [self.standby.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            let pid = daemon.pid();
            let (status, elapsed) = daemon.stop();
            ground::sweep(pid);
            assert!(status.success(), "{status}");
            assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
        }
    }
}
