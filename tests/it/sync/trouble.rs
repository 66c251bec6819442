//! The mirror's own troubles: who may write it, with what modes, and what a crash left.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use horde_refd::category::Category;

use crate::common::need::{is_root, need};
use crate::common::scripted::{Action, Scripted};
use crate::common::{PROGRAM, Ran, World, bare, program, program_under};

#[test]
fn a_second_writer_ends_with_3_and_learns_who_holds_the_mirror() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.tree();
    let server = Scripted::start(|_, _| Action::Stall(Vec::new()));
    let mut first = world
        .command(&["sync", "--upstream", &server.url(), "--layout", "flat"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    server.wait_for(1, Duration::from_secs(20));
    let ran = world.sync(&[]).expect(3);
    assert!(
        ran.stderr.contains("another writer holds the mirror"),
        "{ran:#?}"
    );
    let holder = format!("process {}", first.id());
    assert!(ran.stderr.contains(&holder), "{holder}: {ran:#?}");
    assert_eq!(world.tree(), before);
    first.kill().unwrap();
    first.wait().unwrap();
    world.sync(&[]).expect(0);
}

#[test]
fn files_are_0644_and_directories_0755_whatever_the_umask() {
    let world = World::new();
    let mut command = program_under(&["sh", "-c", "umask 077; exec \"$0\" \"$@\""]);
    command.args(["sync", "--base-path"]).arg(world.mirror());
    command.arg("--upstream").arg(world.upstream());
    Ran::of(&mut command).expect(0);
    world.edit(Category::Blip, "Writes", "Sings");
    Ran::of(&mut command).expect(0);
    for (path, entry) in world.tree() {
        let directory = world.mirror().join(&path).is_dir();
        let expected = if directory { 0o755 } else { 0o644 };
        assert_eq!(
            entry.mode,
            expected,
            "{} is {:o}",
            path.display(),
            entry.mode
        );
    }
    // A chmod is put right without moving the mtime.
    let v2 = world.v2(Category::Blip);
    let before = world.tree()[Path::new("blip.json")].mtime;
    std::fs::set_permissions(&v2, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.sync(&["--force"]).expect(0);
    let after = &world.tree()[Path::new("blip.json")];
    assert_eq!(after.mtime, before);
}

#[test]
fn modes_come_from_the_configuration() {
    let world = World::new();
    let config = world.root().join("config.toml");
    let metrics = world.root().join("horde-refd.prom");
    let text =
        format!("file_mode = \"0640\"\ndirectory_mode = \"0750\"\nmetrics_file = {metrics:?}\n");
    std::fs::write(&config, &text).unwrap();
    world.sync(&["-c", config.to_str().unwrap()]).expect(0);
    let tree = world.tree();
    assert_eq!(tree[Path::new("blip.json")].mode, 0o640);
    assert_eq!(tree[Path::new("legacy")].mode, 0o750);
    // Monitoring runs as another user, which file_mode is not about.
    assert_eq!(tree[Path::new(".horde-refd/status.json")].mode, 0o644);
    let mode = std::fs::metadata(&metrics).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn what_a_crash_left_is_swept_and_nothing_else() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let left = [
        ".blip.json.aB3.tmp",
        "legacy/.models.csv.x.tmp",
        ".horde-refd/.state.json.q.tmp",
        ".horde-refd/generations/blip/.0123456789ab.v2.link.tmp",
    ];
    let foreign = [".hidden", "notes.tmp", "custom.json", "legacy/db.json"];
    for name in left.iter().chain(&foreign) {
        std::fs::write(world.mirror().join(name), "half").unwrap();
    }
    world.sync(&[]).expect(0);
    for name in left {
        assert!(!world.mirror().join(name).exists(), "{name}");
    }
    for name in foreign {
        assert!(world.mirror().join(name).exists(), "{name}");
    }
}

#[test]
fn a_file_in_the_place_of_a_directory_gives_way_and_is_named() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let v2 = std::fs::read(world.v2(Category::Blip)).unwrap();
    std::fs::remove_dir_all(world.mirror().join("legacy")).unwrap();
    std::fs::write(world.mirror().join("legacy"), "").unwrap();
    let ran = world.sync(&[]).expect(0);
    let named = world.mirror().join("legacy");
    assert!(named.is_dir());
    assert!(ran.stderr.contains(named.to_str().unwrap()), "{ran:#?}");
    assert_eq!(std::fs::read(world.v2(Category::Blip)).unwrap(), v2);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_moved_aside_with_what_it_holds() {
    let world = World::new();
    for file in [
        world.v2(Category::Clip),
        world.mirror().join("manifest.json"),
    ] {
        std::fs::create_dir_all(&file).unwrap();
        std::fs::write(file.join("notes"), "mine").unwrap();
    }
    let ran = world.sync(&[]).expect(0);
    assert_eq!(ran.fared(Category::Clip).0, "updated");
    assert!(world.v2(Category::Clip).is_file());
    assert!(world.mirror().join("manifest.json").is_file());
    let tree = world.tree();
    let notes = tree.keys().filter(|path| path.ends_with("notes"));
    assert_eq!(notes.count(), 2, "{ran:#?}");
}

/// The binary as a user who owns nothing: another user when we are root, ourselves otherwise.
fn unprivileged(world: &World) -> Command {
    if !is_root() {
        return program();
    }
    // Where any user reaches it.
    let reachable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.root(), reachable).unwrap();
    let copy = world.root().join("horde-refd");
    std::fs::copy(PROGRAM, &copy).unwrap();
    let mut command = bare("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(copy);
    command
}

#[test]
fn an_unwritable_mirror_is_an_error_that_names_the_path_and_good_data_stays() {
    need!("setpriv");
    let world = World::new();
    world.sync(&[]).expect(0);
    let read_only = std::fs::Permissions::from_mode(0o555);
    let v2 = std::fs::read(world.v2(Category::Blip)).unwrap();
    for directory in ["", "legacy", ".horde-refd"] {
        let directory = world.mirror().join(directory);
        std::fs::set_permissions(directory, read_only.clone()).unwrap();
    }
    let lock = world.private().join("lock");
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o444)).unwrap();
    world.edit(Category::Blip, "Writes", "Sings");
    let mut command = unprivileged(&world);
    command.args(["sync", "--upstream"]).arg(world.upstream());
    command.arg("--base-path").arg(world.mirror());
    let ran = Ran::of(&mut command).expect(1);
    assert!(ran.stderr.contains(lock.to_str().unwrap()), "{ran:#?}");
    assert!(ran.stderr.contains("ermission denied"), "{ran:#?}");
    assert_eq!(std::fs::read(world.v2(Category::Blip)).unwrap(), v2);
    // A program that reads JSON gets JSON.
    let mut command = unprivileged(&world);
    command.args(["sync", "--json", "--upstream"]);
    command.arg(world.upstream());
    command.arg("--base-path").arg(world.mirror());
    let ran = Ran::of(&mut command).expect(1);
    ran.all("failed", "none");
    let error = ran.error(Category::Blip);
    assert!(error.contains(lock.to_str().unwrap()), "{error}");
    // And where there is nothing yet.
    let parent = world.root().join("parent");
    std::fs::create_dir(&parent).unwrap();
    std::fs::set_permissions(&parent, read_only).unwrap();
    let mut command = unprivileged(&world);
    command.args(["sync", "--upstream"]).arg(world.upstream());
    command.arg("--base-path").arg(parent.join("mirror"));
    let ran = Ran::of(&mut command).expect(1);
    let named = parent.join("mirror");
    assert!(ran.stderr.contains(named.to_str().unwrap()), "{ran:#?}");
    assert!(ran.stderr.contains("ermission denied"), "{ran:#?}");
}
