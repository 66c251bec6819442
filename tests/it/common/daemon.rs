//! The daemon in a test's world.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::world::{World, replace};

/// No wait is longer, and none that succeeds comes near it.
pub const LONG: Duration = Duration::from_secs(30);
/// A schedule that does not come due in a test.
pub const NEVER: &str = "0 0 0 1 1 *";

impl World {
    /// The daemon on a directory upstream and a schedule that does not come due.
    pub fn start(&self) -> Daemon {
        self.setup().start()
    }

    /// The same, with its first cycle behind it.
    pub fn started(&self) -> Daemon {
        self.setup().started()
    }

    pub fn setup(&self) -> Setup<'_> {
        let mut keys = BTreeMap::new();
        let mut set = |key: &str, value: String| keys.insert(key.to_owned(), value);
        set("base_path", quoted(&self.mirror()));
        set("upstream.url", quoted(&self.upstream()));
        set("upstream.layout", "\"flat\"".to_owned());
        set("schedule.cron", format!("\"{NEVER}\""));
        set("schedule.splay", "\"0s\"".to_owned());
        Setup {
            world: self,
            keys,
            env: BTreeMap::new(),
            runtime: self.path("run"),
        }
    }
}

/// How a daemon is to be started.
pub struct Setup<'a> {
    world: &'a World,
    keys: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    runtime: PathBuf,
}

impl Setup<'_> {
    /// Sets a key of the configuration, e.g. `watch.backend`, to a TOML value.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.keys.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets a key to a path or another string.
    pub fn text(self, key: &str, value: impl AsRef<Path>) -> Self {
        let value = quoted(value.as_ref());
        self.set(key, &value)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A runtime directory of its own, for the second daemon of a test.
    pub fn runtime(mut self, name: &str) -> Self {
        self.runtime = self.world.path(name);
        fs::create_dir_all(&self.runtime).unwrap();
        self
    }

    pub fn start(self) -> Daemon {
        let config = self.runtime.join("config.toml");
        // The keys of the one upstream come last: a table goes on to the end of the file.
        let (mut top, mut upstream) = (String::new(), "[[upstream]]\n".to_owned());
        for (key, value) in &self.keys {
            match key.strip_prefix("upstream.") {
                Some(key) => upstream += &format!("{key} = {value}\n"),
                None => top += &format!("{key} = {value}\n"),
            }
        }
        fs::write(&config, top + &upstream).unwrap();
        let mut child = program(&self.runtime)
            .args(["run", "-v", "-c"])
            .arg(&config)
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                lines.lock().unwrap().push(line.unwrap());
            }
        });
        Daemon {
            child,
            config,
            runtime: self.runtime,
            scratch: self.world.path("scratch"),
            log,
        }
    }

    /// Starts it and waits for the end of its first cycle.
    pub fn started(self) -> Daemon {
        let daemon = self.start();
        daemon.wait_cycles(1);
        daemon
    }
}

/// The program with this runtime directory.
fn program(runtime: &Path) -> Command {
    let mut command = super::program();
    command
        .env("HOME", runtime)
        .env("RUNTIME_DIRECTORY", runtime);
    command
}

/// The running daemon; killed when dropped, with its log on stderr when the test fails.
pub struct Daemon {
    child: Child,
    config: PathBuf,
    runtime: PathBuf,
    scratch: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The status file as it is; `None` before it is written by this process. It is never half-written.
    pub fn status(&self) -> Option<Value> {
        let bytes = fs::read(self.runtime.join("status.json")).ok()?;
        let status: Value = serde_json::from_slice(&bytes).unwrap();
        (status["pid"] == self.pid()).then_some(status)
    }

    pub fn wait_status(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        until(what, || {
            last = self.status();
            last.as_ref().is_some_and(&condition)
        });
        last.unwrap()
    }

    /// Waits for a category to have this state.
    pub fn wait_state(&self, category: &str, state: &str) -> Value {
        let status = self.wait_status(&format!("{category} is {state}"), |status| {
            status["categories"][category]["state"] == state
        });
        status["categories"][category].clone()
    }

    pub fn cycles(&self) -> u64 {
        self.status()
            .map_or(0, |status| status["cycles"].as_u64().unwrap())
    }

    pub fn wait_cycles(&self, count: u64) -> u64 {
        until(&format!("{count} cycles"), || self.cycles() >= count);
        self.cycles()
    }

    /// Runs `act`, and counts the cycles it led to, directly or in their wake.
    ///
    /// Events come in order, so when the cycle for a last event has run, all before it have been seen. Three of those
    /// in a row, each giving exactly one cycle, show that nothing goes on by itself.
    pub fn cycles_caused_by(&self, act: impl FnOnce()) -> u64 {
        self.barrier();
        let before = self.barrier();
        act();
        let after = self.barrier();
        let (mut quiet, mut last) = (0, after);
        while quiet < 3 {
            let next = self.barrier();
            quiet = if next == last + 1 { quiet + 1 } else { 0 };
            assert!(next < before + 60, "the daemon does not come to rest");
            last = next;
        }
        after - before - 1
    }

    /// One event, one cycle: waits for it.
    fn barrier(&self) -> u64 {
        let before = self.cycles();
        let mirror = self.status().unwrap()["base_path"]
            .as_str()
            .unwrap()
            .to_owned();
        // A name that wakes a cycle and that no cycle touches.
        replace(&self.scratch, &Path::new(&mirror).join("..data"), b"");
        self.wait_cycles(before + 1)
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The lines with all of these words.
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        let mut lines = self.log();
        lines.retain(|line| words.iter().all(|word| line.contains(word)));
        lines
    }

    pub fn wait_lines(&self, count: usize, words: &[&str]) -> Vec<String> {
        until(&format!("{count} lines with {words:?}"), || {
            self.lines(words).len() >= count
        });
        self.lines(words)
    }

    /// How many cycles of this depth have begun.
    pub fn begun(&self, depth: &str) -> usize {
        self.lines(&["a cycle begins", &format!("depth={depth}")])
            .len()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the daemon ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    /// SIGTERM, and the time until the process is gone.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        (self.wait(), begun.elapsed())
    }

    /// Stops it, and gives all that it has logged.
    pub fn stopped(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        self.wait();
        let log = Arc::clone(&self.log);
        // The thread that reads has its own hold on the log until the pipe is closed.
        until("the log is read to its end", || {
            Arc::strong_count(&log) <= 2
        });
        self.log()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Another command with the daemon's configuration and runtime directory.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait_with_output().unwrap()
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        program(&self.runtime)
            .args(arguments)
            .arg("-c")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}\n---", self.log().join("\n"));
        }
    }
}

/// Waits for a condition, for a bounded time.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// A value of the status file as a time in seconds.
pub fn time(value: &Value) -> f64 {
    let time: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    time.as_duration().as_secs_f64()
}

fn quoted(path: &Path) -> String {
    Value::from(path.to_str().unwrap()).to_string()
}
