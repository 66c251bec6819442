//! A mirror on FUSE: where no mode can be set, and where the program behind the mount dies under a running daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use horde_refd::category::Category;
use rustix::process::Signal;

use super::{Reader, can_mount};
use crate::common::need::{need, skip};
use crate::common::{World, until};

const CLIP: Category = Category::Clip;

/// A directory seen through bindfs; unmounted when dropped.
struct Fuse {
    program: Child,
    point: PathBuf,
}

impl Fuse {
    fn mount(under: &Path, point: &Path, options: &[&str]) -> Self {
        for directory in [under, point] {
            fs::create_dir_all(directory).unwrap();
        }
        let mut bindfs = Command::new("bindfs");
        bindfs.arg("-f").args(options).arg(under).arg(point);
        let program = bindfs.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let mount = Self {
            program: program.unwrap(),
            point: point.to_owned(),
        };
        until("bindfs has mounted", || {
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            mounts.contains(&format!(" {} fuse", point.display()))
        });
        mount
    }

    /// The program behind it dies; the mount stays and answers nothing.
    fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        let _ = umount
            .arg("-l")
            .arg(&self.point)
            .stderr(Stdio::null())
            .status();
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn where_no_mode_can_be_set_everything_is_published_and_that_is_said_once() {
    need!("bindfs");
    if !can_mount("a file system that refuses chmod") {
        return;
    }
    if fs::File::open("/dev/fuse").is_err() {
        skip!("/dev/fuse cannot be opened");
    }
    let world = World::new();
    let options = ["--chmod-deny", "--chown-deny", "--create-with-perms=0600"];
    let _mount = Fuse::mount(&world.path("under"), &world.mirror(), &options);
    let refused = fs::write(world.mirror().join("probe"), "").and_then(|()| {
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(world.mirror().join("probe"), mode)
    });
    assert!(refused.is_err(), "this bindfs refuses nothing");
    fs::remove_file(world.mirror().join("probe")).unwrap();
    let modes = |stderr: &str| {
        let about = |line: &&str| line.contains("WARN") && line.contains("mode");
        stderr.lines().filter(about).count()
    };
    let first = world.sync(&[]).expect(0);
    assert_eq!(modes(&first.stderr), 1, "{first:#?}");
    let reader = Reader::of(&world);
    let before = world.published();
    world.sync(&[]).expect(0).all("unchanged", "not_modified");
    assert_eq!(world.published(), before);
    world.edit(CLIP, "another name inside", "a third name inside");
    let changed = world.sync(&[]).expect(0);
    assert_eq!(changed.fared(CLIP).0, "updated");
    assert!(modes(&changed.stderr) <= 1, "{changed:#?}");
    reader.end();
    fs::write(world.v2(CLIP), "{}").unwrap();
    world.sync(&[]).expect(0);
    let v2 = fs::read_to_string(world.v2(CLIP)).unwrap();
    assert!(v2.contains("a third name inside"));
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_mount_whose_program_died_is_waited_for_and_healed_without_a_restart() {
    need!("bindfs");
    if !can_mount("a FUSE mount without its program") {
        return;
    }
    if fs::File::open("/dev/fuse").is_err() {
        skip!("/dev/fuse cannot be opened");
    }
    let world = World::marked();
    let (under, point) = (world.path("under"), world.path("point"));
    let mut mount = Fuse::mount(&under, &point, &[]);
    let setup = world.setup().text("base_path", point.join("mirror"));
    let daemon = setup.set("watch.poll_interval", "\"100ms\"").started();
    let published = under.join("mirror/clip.json");
    let has = |mark: &str| fs::read_to_string(&published).is_ok_and(|v2| v2.contains(mark));
    assert!(has("upstream"));
    mount.kill();
    // What the kernel has cached of it is still to be had for a second.
    until("it answers no more", || {
        fs::metadata(point.join("mirror")).is_err()
    });
    world.publish("clip.json", "newer");
    daemon.signal(Signal::HUP);
    // Nothing is to be had by readers there, and the status says so.
    let clip = daemon.wait_state("clip", "absent");
    assert!(clip["last_error"].is_string(), "{clip:#}");
    assert!(has("upstream"), "the file below was touched");
    // The next mount comes up in the same place, as systemd or an operator makes it, with what a write left that it cut
    // short.
    drop(mount);
    fs::write(under.join("mirror/.clip.json.0123456789.tmp"), "half").unwrap();
    let mount = Fuse::mount(&under, &point, &[]);
    daemon.signal(Signal::HUP);
    until("the change is published", || has("newer"));
    daemon.wait_state("clip", "fresh");
    let (status, _) = daemon.stop();
    assert!(status.success(), "{status}");
    assert_eq!(crate::common::assert_whole(&point.join("mirror")), 10);
    drop(mount);
}
