//! Triggers on a real file system and with real signals.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use horde_refd::config::{WatchBackend, WatchConfig};
use horde_refd::depth::Depth;
use horde_refd::trigger::Trigger;
use horde_refd::trigger::signals::{Signal, Signals};
use horde_refd::trigger::watch::filter::Kind;
use horde_refd::trigger::watch::{Backend, Names, Watch};

struct Mirror {
    root: tempfile::TempDir,
    trigger: Trigger,
    watch: Watch,
}

impl Mirror {
    fn with(backend: WatchBackend, prepare: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        prepare(root.path());
        let trigger = Trigger::new();
        let directories = vec![root.path().to_owned(), root.path().join("legacy")];
        let config = WatchConfig {
            backend,
            debounce: Duration::from_millis(10),
            poll_interval: Duration::from_millis(20),
        };
        let watch = Watch::start(
            directories,
            Names::new(std::iter::empty()),
            &config,
            trigger.clone(),
        )
        .unwrap();
        Self {
            root,
            trigger,
            watch,
        }
    }

    fn new(backend: WatchBackend) -> Self {
        Self::with(backend, |root| fs::create_dir(root.join("legacy")).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn triggered(&self, what: &str) {
        let reason = tokio::time::timeout(Duration::from_secs(10), self.trigger.next())
            .await
            .unwrap_or_else(|_| panic!("no trigger: {what}"));
        assert_eq!(reason, Depth::Disk, "{what}");
    }

    /// Changes a file that is known to wake, until all that came before it has been seen.
    async fn rest(&self) {
        let seen = |mirror: &Self| {
            mirror.watch.counts().get(Kind::Remove) + mirror.watch.counts().get(Kind::Create)
        };
        let before = seen(self);
        let sentinel = self.path("ti.json");
        if sentinel.exists() {
            fs::remove_file(sentinel).unwrap();
        } else {
            fs::write(sentinel, "{}").unwrap();
        }
        self.until("the sentinel", || seen(self) > before).await;
        self.triggered("the sentinel").await;
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(10), async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
    }

    fn accepted(&self) -> u64 {
        self.watch.counts().iter().map(|(_, count)| count).sum()
    }
}

fn replace(path: &Path, bytes: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let staged = path.with_file_name(format!(".{name}.1.x.tmp"));
    fs::write(&staged, bytes).unwrap();
    fs::rename(staged, path).unwrap();
}

#[tokio::test]
async fn auto_takes_inotify_on_a_local_file_system() {
    assert_eq!(
        Mirror::new(WatchBackend::Auto).watch.backend(),
        Backend::Inotify
    );
    assert_eq!(
        Mirror::new(WatchBackend::Poll).watch.backend(),
        Backend::Poll
    );
    assert_eq!(Mirror::new(WatchBackend::Off).watch.backend(), Backend::Off);
}

#[tokio::test]
async fn reading_touching_and_our_own_files_cause_no_work() {
    let mirror = Mirror::with(WatchBackend::Inotify, |root| {
        fs::create_dir(root.join("legacy")).unwrap();
        fs::write(root.join("legacy/lora.json"), "{}").unwrap();
    });
    for _ in 0..50 {
        fs::read(mirror.path("legacy/lora.json")).unwrap();
        fs::read_dir(mirror.path("legacy")).unwrap().count();
    }
    fs::write(mirror.path("manifest.json"), "{}").unwrap();
    fs::create_dir(mirror.path(".horde-refd")).unwrap();
    fs::write(mirror.path(".horde-refd/state.json"), "{}").unwrap();
    fs::hard_link(
        mirror.path("legacy/lora.json"),
        mirror.path(".horde-refd/lora.json"),
    )
    .unwrap();
    fs::write(mirror.path("legacy/.lora.json.1.x.tmp"), "{}").unwrap();
    fs::write(mirror.path("horde.prom"), "x 1\n").unwrap();
    replace(&mirror.path("manifest.json"), "{}");
    // inotify keeps the order: once the sentinel is seen, all of the above has been judged.
    fs::write(mirror.path("ti.json"), "{}").unwrap();
    let counts = mirror.watch.counts();
    mirror
        .until("the sentinel", || counts.get(Kind::CloseWrite) == 1)
        .await;
    mirror.triggered("the sentinel").await;
    assert_eq!(counts.get(Kind::Create), 1);
    assert_eq!(counts.get(Kind::Modify), 1);
    assert_eq!(mirror.accepted(), 3);
    assert_eq!(mirror.trigger.pending(), None);
}

#[tokio::test]
async fn every_way_to_change_a_file_triggers() {
    let mirror = Mirror::new(WatchBackend::Inotify);
    let file = mirror.path("legacy/stable_diffusion.json");
    fs::write(&file, "{}").unwrap();
    mirror.triggered("create").await;
    mirror.rest().await;
    fs::write(&file, "{\"a\": 1}").unwrap();
    mirror.triggered("edit in place").await;
    mirror.rest().await;
    for round in 0..3 {
        replace(&file, "{}");
        mirror
            .triggered(&format!("atomic replacement {round}"))
            .await;
        mirror.rest().await;
    }
    fs::rename(&file, mirror.path("legacy/old")).unwrap();
    mirror.triggered("moved away").await;
    mirror.rest().await;
    fs::rename(mirror.path("legacy/old"), &file).unwrap();
    mirror.triggered("moved back").await;
    mirror.rest().await;
    fs::remove_file(&file).unwrap();
    mirror.triggered("removed").await;
}

#[tokio::test]
async fn a_truncation_without_an_open_triggers() {
    let mirror = Mirror::with(WatchBackend::Inotify, |root| {
        fs::create_dir(root.join("legacy")).unwrap();
        fs::write(root.join("lora.json"), "{}").unwrap();
    });
    // An open for writing that is never closed: like truncate(2), it reports Modify alone.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(mirror.path("lora.json"))
        .unwrap();
    file.set_len(0).unwrap();
    mirror.triggered("truncate").await;
    assert_eq!(mirror.watch.counts().get(Kind::CloseWrite), 0);
}

#[tokio::test]
async fn a_burst_of_changes_is_one_request() {
    let root = tempfile::tempdir().unwrap();
    let trigger = Trigger::new();
    let config = WatchConfig {
        backend: WatchBackend::Inotify,
        debounce: Duration::from_secs(1),
        poll_interval: Duration::from_secs(1),
    };
    let watch = Watch::start(
        vec![root.path().to_owned()],
        Names::new(std::iter::empty()),
        &config,
        trigger.clone(),
    )
    .unwrap();
    for index in 0..20 {
        replace(&root.path().join("lora.json"), &index.to_string());
    }
    let taken = tokio::time::timeout(Duration::from_secs(10), trigger.next()).await;
    assert_eq!(taken, Ok(Depth::Disk));
    assert_eq!(watch.counts().get(Kind::Rename), 20);
    // Every event came within the window, and a window that closes leaves nothing behind.
    tokio::task::yield_now().await;
    assert_eq!(trigger.pending(), None);
}

#[tokio::test]
async fn a_directory_removed_and_made_again_is_watched_again() {
    for backend in [WatchBackend::Inotify, WatchBackend::Poll] {
        let mirror = Mirror::new(backend);
        for round in 0..3 {
            let what = format!("{backend:?}, round {round}");
            let counts = mirror.watch.counts();
            let removed = counts.get(Kind::Remove);
            fs::remove_dir_all(mirror.path("legacy")).unwrap();
            mirror
                .until(&what, || counts.get(Kind::Remove) > removed)
                .await;
            mirror.triggered(&what).await;
            fs::create_dir(mirror.path("legacy")).unwrap();
            mirror.watch.check().unwrap();
            // These kinds come from a file alone, so the directory itself is watched.
            let inside = || counts.get(Kind::CloseWrite) + counts.get(Kind::Modify);
            let before = inside();
            mirror
                .until(&what, || {
                    let bytes = format!("{:?}", SystemTime::now());
                    fs::write(mirror.path("legacy/lora.json"), bytes).unwrap();
                    inside() > before
                })
                .await;
            mirror.triggered(&what).await;
        }
    }
}

#[tokio::test]
async fn the_whole_mirror_removed_and_made_again_is_watched_again() {
    let outer = tempfile::tempdir().unwrap();
    let base = outer.path().join("mirror");
    let legacy = base.join("legacy");
    fs::create_dir_all(&legacy).unwrap();
    let trigger = Trigger::new();
    let config = WatchConfig {
        backend: WatchBackend::Inotify,
        debounce: Duration::from_millis(5),
        poll_interval: Duration::from_secs(1),
    };
    let watch = Watch::start(
        vec![base.clone(), legacy.clone()],
        Names::new(std::iter::empty()),
        &config,
        trigger.clone(),
    )
    .unwrap();
    fs::remove_dir_all(&base).unwrap();
    // `check` is not called: the look every second finds it.
    tokio::time::timeout(Duration::from_secs(10), trigger.next())
        .await
        .unwrap();
    fs::create_dir_all(&legacy).unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while watch.counts().get(Kind::CloseWrite) == 0 {
            fs::write(legacy.join("lora.json"), "{}").unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_directory_that_appears_later_is_watched() {
    for backend in [WatchBackend::Inotify, WatchBackend::Poll] {
        let mirror = Mirror::with(backend, |_| {});
        fs::create_dir(mirror.path("legacy")).unwrap();
        mirror.triggered("made").await;
        let file = mirror.path("legacy/lora.json");
        let counts = mirror.watch.counts();
        let before = counts.get(Kind::Create);
        mirror
            .until("seen inside", || {
                let _ = fs::remove_file(&file);
                fs::write(&file, "{}").unwrap();
                counts.get(Kind::Create) > before
            })
            .await;
    }
}

#[tokio::test]
async fn the_poll_watcher_sees_the_same_second_and_times_that_go_backwards() {
    let mirror = Mirror::with(WatchBackend::Poll, |root| {
        fs::create_dir(root.join("legacy")).unwrap();
        fs::write(root.join("lora.json"), "{}").unwrap();
    });
    let file = mirror.path("lora.json");
    let stamp = fs::metadata(&file).unwrap().modified().unwrap();
    for (time, bytes) in [
        (stamp, "{ }"),
        (stamp, "{  }"),
        (stamp - Duration::from_hours(1), "{   }"),
        (SystemTime::UNIX_EPOCH, "{}"),
    ] {
        let staged = mirror.path(".lora.json.1.x.tmp");
        fs::write(&staged, bytes).unwrap();
        fs::File::options()
            .write(true)
            .open(&staged)
            .unwrap()
            .set_modified(time)
            .unwrap();
        fs::rename(&staged, &file).unwrap();
        mirror.triggered(bytes).await;
    }
    assert_eq!(mirror.watch.counts().get(Kind::Modify), 4);
    fs::remove_file(&file).unwrap();
    mirror.triggered("removed").await;
}

// --- signals: a process each, since handlers belong to a process ---

/// The child of the tests below: this very program, running only this test.
#[test]
#[ignore = "started by the tests of signals"]
fn child() {
    if std::env::var_os("HORDE_REFD_TEST_CHILD").is_none() {
        return;
    }
    let registered = Signals::register().unwrap();
    println!("registered");
    // Waiting for stdin with no runtime in sight: signals that arrive now must be kept.
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut signals = registered.listen().unwrap();
        loop {
            let signal = signals.next().await.unwrap();
            println!("{signal:?}");
            if matches!(signal, Signal::Stop { .. }) {
                // A stop that hangs: only a second signal ends it.
                std::future::pending::<()>().await;
            }
        }
    });
}

struct Process {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start() -> Self {
        use std::io::BufRead;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "trigger::child", "--ignored", "--nocapture"])
            .env("HORDE_REFD_TEST_CHILD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, lines };
        process.expect("registered");
        process
    }

    fn listen(&mut self) {
        use std::io::Write;
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    }

    fn expect(&mut self, line: &str) {
        let found = self
            .lines
            .by_ref()
            .map(Result::unwrap)
            .find(|found| found.contains(line));
        assert!(found.is_some(), "{line}");
    }

    fn send(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn end(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn signals_before_the_runtime_do_not_kill_and_are_kept() {
    let mut process = Process::start();
    process.send(rustix::process::Signal::HUP);
    process.send(rustix::process::Signal::USR1);
    process.listen();
    process.expect("Refresh");
    process.expect("DumpStatus");
}

#[test]
fn each_signal_says_what_it_asks_for() {
    let mut process = Process::start();
    process.listen();
    for (signal, line) in [
        (rustix::process::Signal::USR1, "DumpStatus"),
        (rustix::process::Signal::HUP, "Refresh"),
        (rustix::process::Signal::HUP, "Refresh"),
        (rustix::process::Signal::TERM, "Stop { name: \"SIGTERM\" }"),
    ] {
        process.send(signal);
        process.expect(line);
    }
}

#[test]
fn the_second_stop_kills_at_once() {
    for (first, second, name, code) in [
        (
            rustix::process::Signal::TERM,
            rustix::process::Signal::TERM,
            "SIGTERM",
            143,
        ),
        (
            rustix::process::Signal::INT,
            rustix::process::Signal::INT,
            "SIGINT",
            130,
        ),
        (
            rustix::process::Signal::TERM,
            rustix::process::Signal::INT,
            "SIGTERM",
            130,
        ),
    ] {
        let mut process = Process::start();
        process.listen();
        process.send(first);
        process.expect(name);
        process.send(second);
        let status = process.end();
        assert_eq!((status.code(), status.signal()), (Some(code), None));
    }
}
