//! What the parent left the process: signals, limits, a working directory, a stderr that is not read.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use horde_refd::category::Category;

use crate::common::{World, program};
use rustix::process::{Pid, Signal, kill_process};

/// A shell that prepares, then becomes the program.
fn after(prepare: &str, args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("{prepare}; exec \"$@\""), "bash"])
        .arg(program().get_program())
        .args(args);
    command
}

fn sync_of(world: &World) -> Vec<String> {
    let (mirror, upstream) = (world.mirror(), world.upstream());
    ["sync", "--json", "--layout", "flat", "--base-path"]
        .into_iter()
        .map(str::to_owned)
        .chain([mirror.display().to_string(), "--upstream".to_owned()])
        .chain([upstream.display().to_string()])
        .collect()
}

fn ran(prepare: &str, world: &World) -> (Option<i32>, String, String) {
    let args = sync_of(world);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let output = after(prepare, &args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_file_size_limit_is_an_error_of_the_files_that_are_too_large() {
    let world = World::new();
    // One block of 1024 bytes.
    let (code, stdout, _) = ran("ulimit -f 1", &world);
    assert_eq!(code, Some(1));
    let result: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let error = |category: &str| result["categories"][category]["error"].to_string();
    assert!(
        error("image_generation").contains("File too large"),
        "{stdout}"
    );
    // A small file is published; the manifest that should say so is too large as well.
    assert!(world.v2(Category::SafetyChecker).exists(), "{stdout}");
    assert!(
        error("safety_checker").contains("the manifest does not say so"),
        "{stdout}"
    );
}

#[test]
fn too_few_descriptors_are_one_clear_message() {
    let world = World::new();
    for limit in [6, 8, 12] {
        let (code, _, stderr) = ran(&format!("ulimit -n {limit}"), &world);
        assert_eq!(code, Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.contains(&format!("open files is {limit}")),
            "{stderr}"
        );
    }
}

#[test]
fn a_removed_working_directory_matters_to_relative_paths_only() {
    let world = World::new();
    let prepare = "d=$(mktemp -d); cd $d; rmdir $d";
    let (code, _, stderr) = ran(prepare, &world);
    assert_eq!(code, Some(0), "{stderr}");
    let output = after(prepare, &["sync", "--base-path", "here"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("working directory"), "{stderr}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Killed {
    /// Waits until the daemon has published, then stops it; whether that took less than two seconds.
    fn stops(&mut self, published: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !published() {
            assert!(Instant::now() < deadline, "it does not publish");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let asked = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            if asked.elapsed() > Duration::from_secs(5) {
                return false;
            }
            std::thread::yield_now();
        }
        asked.elapsed() < Duration::from_secs(2)
    }
}

fn daemon(prepare: &str, world: &World, stderr: Stdio) -> Killed {
    let (mirror, upstream) = (world.mirror(), world.upstream());
    let mut command = after(prepare, &["run", "-vv", "--layout", "flat", "--base-path"]);
    command.arg(mirror).arg("--upstream").arg(upstream);
    command.env_remove("RUNTIME_DIRECTORY").stderr(stderr);
    Killed(command.spawn().unwrap())
}

#[test]
fn signals_that_the_parent_has_blocked_are_heard() {
    let world = World::new();
    let manifest = world.mirror().join("manifest.json");
    let mut daemon = daemon(
        "set -- env --block-signal=TERM,HUP,INT \"$@\"",
        &world,
        Stdio::null(),
    );
    assert!(daemon.stops(|| manifest.exists()));
}

#[test]
fn a_stderr_that_is_not_read_stops_neither_the_loop_nor_the_end() {
    let world = World::new();
    let (unread, stderr) = std::io::pipe().unwrap();
    // As full as a pipe gets, so that not one line of the daemon finds room.
    let full = stderr.try_clone().unwrap();
    rustix::fs::fcntl_setfl(&full, rustix::fs::OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&full, &[b'x'; 4096]).is_ok() {}
    while rustix::io::write(&full, b"x").is_ok() {}
    rustix::fs::fcntl_setfl(&full, rustix::fs::OFlags::empty()).unwrap();
    let manifest = world.mirror().join("manifest.json");
    let mut daemon = daemon(":", &world, stderr.into());
    assert!(daemon.stops(|| manifest.exists()));
    drop(unread);
}
