//! Whose the files of a mirror are: the owner of its base, whichever user writes; and what a stranger may do.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use horde_refd::category::Category;

use super::can_mount;
use crate::common::need::skip_in_ci_too;
use crate::common::{Ran, World, bare, program};

const NOBODY: u32 = 65534;

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_base() {
    if !can_mount("owners") {
        return;
    }
    let world = World::new();
    fs::create_dir(world.mirror()).unwrap();
    chown(world.mirror(), Some(NOBODY), Some(NOBODY)).unwrap();
    world.sync(&[]).expect(0);
    let mut left = vec![world.mirror()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(
            (metadata.uid(), metadata.gid()),
            (NOBODY, NOBODY),
            "{path:?}"
        );
        seen += 1;
        if metadata.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_mirror_of_another_user_is_named_with_the_chown_that_cures_it() {
    if !can_mount("owners") {
        return;
    }
    let world = World::new();
    world.sync(&[]).expect(0);
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o755)).unwrap();
    // The program may lie where only root may go.
    let copy = world.path("horde-refd");
    fs::copy(program().get_program(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let sync_to = |base: &Path| {
        let mut command = bare("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&copy).args(["sync", "--layout", "flat"]);
        command.arg("--base-path").arg(base);
        command.arg("--upstream").arg(world.upstream());
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        ran.stderr
    };
    let said = sync_to(&world.mirror());
    for words in ["belongs to user root", "`chown "] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Nobody is to own what lies above the mirror.
    let said = sync_to(&world.root().join("a/b"));
    let cure = format!(
        "`install -d -o nobody {}`",
        world.root().join("a").display()
    );
    assert!(said.contains(&cure) && !said.contains("chown"), "{said}");
    // Nor is another user in the way of what its own bits forbid.
    let closed = world.root().join("closed");
    fs::create_dir(&closed).unwrap();
    chown(&closed, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let said = sync_to(&closed);
    let cure = format!("`chmod u+rwX {}`", closed.display());
    assert!(said.contains(&cure) && !said.contains("chown"), "{said}");
}

#[test]
fn a_file_of_another_user_with_the_right_bytes_is_cured_by_replacing_it() {
    if !can_mount("owners") {
        return;
    }
    let world = World::new();
    world.sync(&[]).expect(0);
    let v2 = world.v2(Category::Clip);
    let before = fs::metadata(&v2).unwrap();
    chown(&v2, Some(12345), Some(12345)).unwrap();
    fs::set_permissions(&v2, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = bare("setpriv");
    // Root without its rights is a user like any other.
    command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    command.arg(program().get_program());
    command.args(["sync", "--json", "--layout", "flat", "--base-path"]);
    command
        .arg(world.mirror())
        .arg("--upstream")
        .arg(world.upstream());
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let after = fs::metadata(&v2).unwrap();
    assert_eq!((after.uid(), after.mode() & 0o777), (0, 0o644));
    assert_ne!(after.ino(), before.ino());
    world.assert_whole();
}

#[test]
fn a_stranger_reads_the_mirror_through_the_packages_own_offline_client() {
    if !can_mount("a stranger's client") {
        return;
    }
    let Some(python) = std::env::var_os("HORDE_REFD_PYTHON") else {
        skip_in_ci_too!("HORDE_REFD_PYTHON names no Python with horde_model_reference");
    };
    let world = World::new();
    let base = world.path("cache/horde_model_reference");
    let sync = || {
        let mut command = program();
        command.args(["sync", "-q", "--layout", "flat"]);
        command.arg("--upstream").arg(world.upstream());
        command.arg("--base-path").arg(&base);
        Ran::of(&mut command)
    };
    let read = || {
        let mut command = bare("setpriv");
        // Root without its rights is a user like any other; and it may enter wherever the package is installed.
        command
            .args(["--bounding-set=-all", "--inh-caps=-all"])
            .arg(&python);
        command.arg("-B").arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/faults/stranger.py"
        ));
        command.arg(world.path("cache"));
        command.args(["clip", "image_generation", "text_generation"]);
        Ran::of(command.current_dir("/"))
    };
    fs::create_dir_all(&base).unwrap();
    chown(&base, Some(NOBODY), Some(NOBODY)).unwrap();
    for _ in 0..2 {
        sync().expect(0);
        let ran = read().expect(0);
        let models = ran.json();
        for (category, file) in [
            ("clip", "clip.json"),
            ("text_generation", "text_generation.json"),
        ] {
            let v2 = crate::common::json(&base.join(file));
            assert_eq!(models[category], v2.as_object().unwrap().len(), "{ran:#?}");
        }
        // Without this directory it does not start; the next sync makes it again.
        fs::remove_dir(base.join("audit")).unwrap();
        let ran = read();
        assert!(
            ran.code != Some(0) && ran.stderr.contains("audit"),
            "{ran:#?}"
        );
    }
}
