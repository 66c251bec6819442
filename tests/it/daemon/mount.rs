//! A mirror on a real FUSE mount: inotify is blind to what happens under it, the poll watcher is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::need::{need, skip};
use crate::common::{World, legacy, until};

/// A directory mounted once more by bindfs; unmounted when dropped.
struct Mount {
    point: PathBuf,
}

impl Mount {
    fn of(under: &Path, point: PathBuf) -> Self {
        fs::create_dir_all(under).unwrap();
        fs::create_dir_all(&point).unwrap();
        let status = Command::new("bindfs")
            .args([under, &point])
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "bindfs: {status}");
        Self { point }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a daemon that is killed with the test may still have a file open.
        for (program, arguments) in [
            ("fusermount", "-uzq"),
            ("fusermount3", "-uzq"),
            ("umount", "-l"),
        ] {
            let mut command = Command::new(program);
            command
                .arg(arguments)
                .arg(&self.point)
                .stderr(Stdio::null());
            if command.status().is_ok_and(|status| status.success()) {
                return;
            }
        }
    }
}

#[test]
fn a_change_under_a_fuse_mount_is_seen_through_it() {
    need!("bindfs", "fusermount3");
    if fs::File::open("/dev/fuse").is_err() {
        skip!("/dev/fuse cannot be opened");
    }
    let world = World::marked();
    let under = world.path("under");
    let mount = Mount::of(&under, world.path("mount"));
    let mirror = mount.point.join("mirror");
    let setup = world.setup().text("base_path", &mirror);
    let daemon = setup.set("watch.poll_interval", "\"50ms\"").started();
    let started = daemon.wait_lines(1, &["horde-refd has started"]);
    assert!(started[0].contains("watch=poll"), "{started:?}");
    let chosen = daemon.lines(&["polling instead"]);
    assert!(chosen[0].to_lowercase().contains("fuse"), "{chosen:?}");
    let v2 = |name: &str, mark: &str| {
        until(&format!("{name} with {mark}"), || {
            fs::read_to_string(under.join("mirror").join(name))
                .is_ok_and(|text| text.contains(mark))
        });
    };
    v2("blip.json", "upstream");
    let path = under.join("mirror/legacy/blip.json");
    world.rename_into(&path, &legacy("blip.json", "replaced"));
    v2("blip.json", "replaced");
    fs::write(&path, legacy("blip.json", "edited")).unwrap();
    v2("blip.json", "edited");
    fs::write(under.join("mirror/clip.json"), "nonsense").unwrap();
    v2("clip.json", "upstream");
    fs::remove_file(under.join("mirror/legacy/models.csv")).unwrap();
    until("fetched again", || {
        under.join("mirror/legacy/models.csv").exists()
    });
    daemon.wait_state("blip", "modified");
    let (status, _) = daemon.stop();
    assert!(status.success(), "{status}");
    assert_eq!(crate::common::assert_whole(&mirror), 10);
    drop(mount);
}

#[test]
fn what_cached_attributes_hide_is_seen_all_the_same() {
    need!("bindfs", "fusermount3");
    if fs::File::open("/dev/fuse").is_err() {
        skip!("/dev/fuse cannot be opened");
    }
    let world = World::marked();
    let under = world.path("under");
    let mount = Mount::of(&under, world.path("mount"));
    let setup = world.setup().text("base_path", mount.point.join("mirror"));
    let daemon = setup.set("watch.poll_interval", "\"20ms\"").started();
    let legacy_directory = under.join("mirror/legacy");
    // The mount's attributes of these files are fresh in the cache when they go: the daemon has just looked at them.
    for _ in 0..5 {
        for (_, file, _) in crate::common::FILES {
            fs::remove_file(legacy_directory.join(file)).unwrap();
        }
        until("fetched again", || {
            let here = |(_, file, _)| legacy_directory.join(file).exists();
            crate::common::FILES.into_iter().all(here)
        });
    }
    daemon.wait_state("blip", "fresh");
}
