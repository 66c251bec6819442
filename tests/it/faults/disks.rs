//! Full, read-only and vanished disks: readers keep what they have, people get words, and the next cycle heals.

use std::fs;

use horde_refd::category::Category;
use rustix::process::Signal;

use super::{Reader, Tmpfs, can_mount, run};
use crate::common::{World, temporary, until};

const CLIP: Category = Category::Clip;

/// A mirror on a tmpfs, with everything published, and another version of clip upstream.
fn published(options: &str) -> (World, Tmpfs, Vec<u8>) {
    let world = World::new();
    let disk = Tmpfs::mount(&world.mirror(), options);
    world.sync(&[]).expect(0);
    let old = fs::read(world.v2(CLIP)).unwrap();
    let sent = fs::read_to_string(world.sent(CLIP)).unwrap();
    fs::write(
        world.sent(CLIP),
        sent.replacen("\"description\": \"", "\"description\": \"new ", 1),
    )
    .unwrap();
    (world, disk, old)
}

/// The sync fails with these words and leaves the old bytes; after `cure` the next one publishes.
fn fails_and_heals(world: &World, old: &[u8], words: &str, cure: impl FnOnce()) {
    let reader = Reader::of(world);
    let ran = world.sync(&[]).expect(1);
    assert!(ran.error(CLIP).contains(words), "{ran:#?}");
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), old);
    assert_eq!(
        temporary(&world.mirror()),
        [""; 0].map(std::path::PathBuf::from)
    );
    cure();
    let ran = world.sync(&[]).expect(0);
    assert_eq!(ran.fared(CLIP).0, "updated");
    assert_ne!(fs::read(world.v2(CLIP)).unwrap(), old);
    reader.end();
    world.assert_whole();
}

#[test]
fn a_full_disk_is_named_with_the_bytes_that_are_left_and_heals() {
    if !can_mount("a full disk") {
        return;
    }
    let (world, _disk, old) = published("size=4m");
    let filler = world.mirror().join("filler");
    let bytes = vec![1; 64 << 10];
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
    drop(file);
    fails_and_heals(&world, &old, "bytes left", || {
        fs::remove_file(&filler).unwrap()
    });
}

#[test]
fn a_full_inode_table_is_named_and_heals() {
    if !can_mount("a full inode table") {
        return;
    }
    let (world, _disk, old) = published("size=16m,nr_inodes=200");
    let fillers = world.mirror().join("fillers");
    fs::create_dir(&fillers).unwrap();
    let filled = (0..200).find(|number| fs::write(fillers.join(number.to_string()), "").is_err());
    assert!(filled.is_some());
    fails_and_heals(&world, &old, "no inode left", || {
        fs::remove_dir_all(&fillers).unwrap()
    });
}

#[test]
fn a_disk_that_became_read_only_is_named_and_heals() {
    if !can_mount("a read-only disk") {
        return;
    }
    let (world, disk, old) = published("size=16m");
    let reader = Reader::of(&world);
    disk.remount("ro");
    let ran = world.sync(&[]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let text = format!("{}{}", ran.stdout, ran.stderr);
    assert!(text.contains("mounted read-only"), "{text}");
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), old);
    disk.remount("rw");
    world.sync(&[]).expect(0);
    assert_ne!(fs::read(world.v2(CLIP)).unwrap(), old);
    reader.end();
}

#[test]
fn a_time_at_the_end_of_time_is_only_a_time() {
    if !can_mount("a time at the end of time") {
        return;
    }
    let (world, _disk, _) = published("size=16m");
    for file in [
        world.v2(CLIP),
        world.legacy(CLIP),
        world.mirror().join("manifest.json"),
    ] {
        for time in ["@9223372036854775807", "@-9223372036854775807"] {
            let damaged = if file.ends_with("legacy/clip.json") {
                "{}"
            } else {
                "{"
            };
            fs::write(&file, damaged).unwrap();
            run("touch", &["-d", time, file.to_str().unwrap()]);
            world.sync(&[]).expect(0);
            world.assert_whole();
            assert_ne!(fs::read(&file).unwrap(), damaged.as_bytes());
        }
    }
}

#[test]
fn an_unmounted_mirror_is_waited_for_and_never_filled() {
    if !can_mount("an unmounted mirror") {
        return;
    }
    let world = World::marked();
    let disk = Tmpfs::mount(&world.mirror(), "size=16m");
    let daemon = world.started();
    disk.unmount();
    daemon.signal(Signal::HUP);
    daemon.wait_lines(1, &["unmounted"]);
    daemon.signal(Signal::HUP);
    let cycles = daemon.cycles();
    daemon.wait_cycles(cycles + 1);
    assert_eq!(fs::read_dir(world.mirror()).unwrap().count(), 0);
    let _again = Tmpfs::mount(&world.mirror(), "size=16m");
    daemon.signal(Signal::HUP);
    until("the mirror is published again", || {
        let mut files = Category::with_legacy();
        files.all(|category| world.v2(category).exists())
    });
    let cycles = daemon.cycles();
    daemon.wait_cycles(cycles + 1);
    world.assert_whole();
}
