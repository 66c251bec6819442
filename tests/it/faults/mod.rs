//! Faults of the ground below a mirror, from real file systems and failing system calls; never mocks of our own code.

mod calls;
mod disks;
mod noted;
mod owners;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// A tmpfs, unmounted when dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: &Path, options: &str) -> Self {
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
