//! The disk fills up, or becomes read-only, under a running daemon: readers keep what they have, the status tells, and the
//! next cycle after the cause heals, without a restart.

use std::fs;

use super::{Reader, Tmpfs, can_mount, force, run};
use crate::common::{Daemon, World};

/// A change upstream meets a broken disk, and is published when it is mended.
fn waits_for_the_disk(world: &World, daemon: &Daemon, words: &str, mend: impl FnOnce()) {
    let reader = Reader::of(world);
    let before = world.published();
    world.publish("stable_diffusion.json", "newer");
    force(daemon);
    let failing = daemon.wait_state("image_generation", "failing");
    let error = failing["last_error"].as_str().unwrap();
    assert!(error.contains(words), "{error}");
    let after = world.published();
    let published = |path: &std::path::Path| path.extension().is_some_and(|kind| kind == "json");
    for (path, entry) in before.iter().filter(|(path, _)| published(path)) {
        assert_eq!(after.get(path), Some(entry), "{}", path.display());
    }
    mend();
    force(daemon);
    world.wait_v2("stable_diffusion.json", "newer");
    daemon.wait_state("image_generation", "fresh");
    reader.end();
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_disk_that_fills_up_under_the_daemon_is_named_and_the_next_cycle_heals() {
    if !can_mount("a disk that fills up") {
        return;
    }
    let world = World::marked();
    let _disk = Tmpfs::mount(&world.mirror(), "size=4m");
    let daemon = world.started();
    let filler = world.mirror().join("filler");
    for _ in 0..2 {
        let mut file = fs::File::create(&filler).unwrap();
        let bytes = vec![1; 4096];
        while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
        drop(file);
        waits_for_the_disk(&world, &daemon, "bytes left", || {
            fs::remove_file(&filler).unwrap();
        });
        world.publish("stable_diffusion.json", "older");
        force(&daemon);
        world.wait_v2("stable_diffusion.json", "older");
    }
    assert!(daemon.stop().0.success());
}

/// The disk of a mirror, mounted at its place in this way.
fn mounted(world: &World, how: &str) {
    let (disk, mirror) = (world.path("disk"), world.mirror());
    let mirror = mirror.to_str().unwrap();
    run("mount", &["--bind", disk.to_str().unwrap(), mirror]);
    run("mount", &["-o", &format!("remount,bind,{how}"), mirror]);
}

#[test]
fn a_disk_that_is_mounted_again_read_only_is_named_and_the_next_cycle_heals() {
    if !can_mount("a disk that becomes read-only") {
        return;
    }
    let world = World::marked();
    let _disk = Tmpfs::mount(&world.path("disk"), "size=16m");
    fs::create_dir(world.mirror()).unwrap();
    mounted(&world, "rw");
    let daemon = world.started();
    let unmount = || run("umount", &["-l", world.mirror().to_str().unwrap()]);
    unmount();
    mounted(&world, "ro");
    let reader = Reader::of(&world);
    world.publish("stable_diffusion.json", "newer");
    force(&daemon);
    let failing = daemon.wait_state("image_generation", "failing");
    let error = failing["last_error"].as_str().unwrap();
    assert!(error.contains("read-only"), "{error}");
    reader.end();
    unmount();
    mounted(&world, "rw");
    force(&daemon);
    world.wait_v2("stable_diffusion.json", "newer");
    daemon.wait_state("image_generation", "fresh");
    // It holds the lock of the mirror that is there now.
    world.sync(&[]).expect(3);
    assert_eq!(world.assert_whole(), 10);
    assert!(daemon.stop().0.success());
    unmount();
}
