//! Faults of the ground below a mirror, from real file systems and failing system calls; never mocks of our own code.

mod calls;
mod calls_of_run;
mod disks;
mod filesystems;
mod fuse;
mod neighbours;
mod noted;
mod owners;
mod page;
mod power;
mod process;
mod running;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use horde_refd::category::Category;

use rustix::process::Signal;

use crate::common::{Daemon, World, until};

/// Reads and parses every published v2 file again and again, as the readers of a mirror do, while a test breaks what
/// lies below.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Reader {
    /// Begins with the files that are published now.
    fn of(world: &World) -> Self {
        let files = Category::with_legacy().map(|category| world.v2(category));
        let files: Vec<_> = files.filter(|file| file.exists()).collect();
        assert!(!files.is_empty(), "there is nothing to read");
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut reads = 0;
            while !ends.load(Ordering::Relaxed) || reads == 0 {
                for file in &files {
                    let bytes = std::fs::read(file);
                    let bytes = bytes.unwrap_or_else(|error| panic!("{file:?}: {error}"));
                    let models: serde_json::Map<_, _> = serde_json::from_slice(&bytes)
                        .unwrap_or_else(|error| panic!("{file:?} is not whole: {error}"));
                    assert!(!models.is_empty(), "{file:?} is empty");
                    reads += 1;
                }
                // The two cores are for what is tested.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            reads
        });
        Self { stop, thread }
    }

    /// Ends the reader; fails when it ever saw anything but a whole file.
    #[track_caller]
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let reads = self.thread.join();
        assert!(
            reads.is_ok_and(|reads| reads > 0),
            "a reader saw less than a whole file"
        );
    }
}

/// Whether this test can mount; says so where it cannot.
fn can_mount(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED {test}: mounting needs root");
    }
    root
}

fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
}

/// A forced cycle, from its signal to its end.
fn force(daemon: &Daemon) {
    let over = || daemon.lines(&["a cycle is over", "depth=force"]).len();
    let before = over();
    daemon.signal(Signal::HUP);
    until("a forced cycle is over", || over() > before);
}

/// A tmpfs, unmounted when dropped.
pub(crate) struct Tmpfs(PathBuf);

impl Tmpfs {
    pub(crate) fn mount(at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        run(
            "mount",
            &["-t", "tmpfs", "-o", options, "none", at.to_str().unwrap()],
        );
        Self(at.to_owned())
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        run("mount", &["-o", &options, self.0.to_str().unwrap()]);
    }

    fn unmount(&self) {
        run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        let _ = command
            .arg("-l")
            .arg(&self.0)
            .stderr(Stdio::null())
            .status();
    }
}
