//! The same cycle on other file systems: a mirror there is published, followed by readers, and edited.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use horde_refd::category::Category;

use super::{Reader, can_mount, run};
use crate::common::World;
use crate::common::need::{need, skip};

const CLIP: Category = Category::Clip;

/// A file system that is unmounted when dropped.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        // The test has failed or is over: there is nothing to say.
        let _ = umount.arg("-l").arg(self.0).stderr(Stdio::null()).status();
    }
}

/// Whether this kernel can mount with these arguments of `mount`.
fn mounts(arguments: &[&str]) -> bool {
    let mut mount = Command::new("mount");
    mount.args(arguments).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// A mirror is published, a change is followed with its mtime, damage is mended, a second sync writes nothing.
fn works(world: &World) {
    world.sync(&[]).expect(0);
    let reader = Reader::of(world);
    let mut versions = Vec::new();
    for name in ["one name", "two names", "three names"] {
        let bytes = fs::read_to_string(world.sent(CLIP)).unwrap();
        let before = versions.last().map_or("another name", |(_, _, name)| *name);
        fs::write(world.sent(CLIP), bytes.replacen(before, name, 1)).unwrap();
        world.sync(&[]).expect(0);
        let v2 = world.v2(CLIP);
        let mtime = fs::metadata(&v2).unwrap().modified().unwrap();
        versions.push((fs::read(&v2).unwrap(), mtime, name));
    }
    reader.end();
    for pair in versions.windows(2) {
        assert_ne!(pair[0].0, pair[1].0);
        assert_ne!(pair[0].1, pair[1].1, "bytes changed, the mtime did not");
    }
    let before = world.published();
    world.sync(&[]).expect(0);
    assert_eq!(world.published(), before);
    fs::write(world.v2(CLIP), "{").unwrap();
    world.sync(&[]).expect(0);
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), versions[2].0);
    world.assert_whole();
}

#[test]
fn overlayfs_as_in_a_container() {
    if !can_mount("overlayfs") {
        return;
    }
    let world = World::new();
    let layers = world.path("layers");
    // An overlay cannot lie on another one, which a container's own file system is.
    fs::create_dir_all(&layers).unwrap();
    let at = layers.to_str().unwrap();
    assert!(mounts(&["-t", "tmpfs", "-o", "size=32m", "none", at]));
    let _layers = Mounted(&layers);
    for name in ["lower", "upper", "work"] {
        fs::create_dir(layers.join(name)).unwrap();
    }
    // The lower layer has a whole mirror, as an image that was built with one.
    let mirror = world.mirror();
    world.sync(&[]).expect(0);
    let lower = layers.join("lower");
    run(
        "cp",
        &[
            "-a",
            &format!("{}/.", mirror.display()),
            lower.to_str().unwrap(),
        ],
    );
    fs::remove_dir_all(&mirror).unwrap();
    fs::create_dir(&mirror).unwrap();
    let options = format!("lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work");
    if !mounts(&[
        "-t",
        "overlay",
        "-o",
        &options,
        "none",
        mirror.to_str().unwrap(),
    ]) {
        skip!("this kernel mounts no overlay here");
    }
    let _mirror = Mounted(&mirror);
    works(&world);
}

#[test]
fn ext4_with_the_smallest_stamps_and_a_full_disk() {
    need!("mkfs.ext4", "losetup");
    if !can_mount("ext4") {
        return;
    }
    let world = World::new();
    let (image, mirror) = (world.path("image"), world.mirror());
    fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
    // Inodes of 128 bytes keep whole seconds only.
    run("mkfs.ext4", &["-q", "-I", "128", image.to_str().unwrap()]);
    fs::create_dir(&mirror).unwrap();
    if !mounts(&[
        "-o",
        "loop",
        image.to_str().unwrap(),
        mirror.to_str().unwrap(),
    ]) {
        skip!("this machine has no loop devices");
    }
    let _mirror = Mounted(&mirror);
    works(&world);
    let reader = Reader::of(&world);
    let filler = mirror.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    let bytes = vec![1; 4096];
    while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
    drop(file);
    world.edit(CLIP, "three names", "four names");
    let ran = world.sync(&[]).expect(1);
    assert!(ran.error(CLIP).contains("bytes left"), "{ran:#?}");
    fs::remove_file(&filler).unwrap();
    world.sync(&[]).expect(0);
    reader.end();
    assert!(
        fs::read_to_string(world.v2(CLIP))
            .unwrap()
            .contains("four names")
    );
    world.assert_whole();
}
