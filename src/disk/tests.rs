//! Each invariant of the module, tried on a real file system.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;

const PLAIN: Write<'static> = Write::published(0o644);
const MIB: u64 = 1 << 20;

fn scratch() -> (tempfile::TempDir, Dir) {
    let root = tempfile::tempdir().unwrap();
    let directory = Dir::open(root.path()).unwrap();
    (root, directory)
}

fn names(directory: &Dir) -> Vec<String> {
    let names = directory.names().unwrap().into_iter();
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn stamp_at(directory: &Dir, name: &str) -> Stamp {
    directory.stamp(name, Links::Refuse).unwrap().unwrap()
}

fn set_time(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn invariant_3_equal_bytes_cause_no_write() {
    let (_root, directory) = scratch();
    let written = directory.replace("a.json", b"one", &PLAIN).unwrap();
    let Replaced::Written(written) = written else {
        panic!("{written:?}")
    };
    let before = stamp_at(&directory, "a.json");
    assert_eq!(written.stamp, Some(before));
    let again = directory.replace("a.json", b"one", &PLAIN).unwrap();
    assert!(matches!(again, Replaced::Equal));
    assert_eq!(stamp_at(&directory, "a.json"), before);
}

#[test]
fn invariant_3_a_wrong_mode_is_mended_without_moving_the_mtime() {
    let (root, directory) = scratch();
    let target = root.path().join("a.json");
    directory.write("a.json", b"one", &PLAIN).unwrap();
    let before = stamp_at(&directory, "a.json").modified();
    for wrong in [0o600, 0o000, 0o666] {
        fs::set_permissions(&target, Permissions::from_mode(wrong)).unwrap();
        let mended = directory.mend_mode("a.json", 0o644, MIB).unwrap();
        assert_eq!(mended, ModeNow::Right);
        assert_eq!(mode(&target), 0o644);
        assert_eq!(stamp_at(&directory, "a.json").modified(), before);
    }
}

#[test]
fn invariant_4_every_change_gets_a_later_mtime() {
    let (_root, directory) = scratch();
    let mut last = 0.0;
    for round in 0..200 {
        let text = format!("{round}");
        directory.write("a.json", text.as_bytes(), &PLAIN).unwrap();
        let mtime = stamp_at(&directory, "a.json").mtime();
        assert!(mtime > last, "round {round}: {mtime} is not after {last}");
        last = mtime;
    }
}

#[test]
fn invariant_4_holds_against_a_file_from_the_future_and_in_whole_seconds() {
    let (root, directory) = scratch();
    let target = root.path().join("a.json");
    directory.write("a.json", b"one", &PLAIN).unwrap();
    let future = SystemTime::now() + Duration::from_secs(1_000_000);
    set_time(&target, future);
    directory.write("a.json", b"two", &PLAIN).unwrap();
    assert!(stamp_at(&directory, "a.json").modified() > FileTime::from(future));
    let how = Write {
        mtime: Mtime::MovesBySeconds,
        ..PLAIN
    };
    let mut last = stamp_at(&directory, "a.json").modified();
    for text in [b"one".as_slice(), b"two", b"six"] {
        directory.write("a.json", text, &how).unwrap();
        let now = stamp_at(&directory, "a.json").modified();
        assert!(now.seconds > last.seconds, "{now:?} after {last:?}");
        last = now;
    }
}

#[test]
fn a_kept_file_keeps_its_inode_in_the_place_of_the_copy() {
    let (root, directory) = scratch();
    let kept = directory
        .make_child("kept", 0o755, Obstacle::Stays)
        .unwrap();
    for (name, text) in [("1", "one"), ("2", "two"), ("3", "three")] {
        let inode = directory.stamp("a.json", Links::Refuse).unwrap();
        let old = fs::read(root.path().join("a.json")).ok();
        // The copy that lies there already is as good as the file, but not what readers hold.
        if let Some(old) = &old {
            kept.write(name, old, &Write::note(0o644)).unwrap();
        }
        let how = Write {
            keep: Some((&kept, name)),
            ..PLAIN
        };
        let written = directory.write("a.json", text.as_bytes(), &how).unwrap();
        match (inode, written.kept) {
            (None, Kept::Nothing) => {}
            (Some(inode), Kept::Linked) => {
                assert!(stamp_at(&kept, name).is_same_file(&inode));
                assert_eq!(
                    fs::read(root.path().join("kept").join(name)).unwrap(),
                    old.unwrap()
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names(&kept), ["2", "3"]);
}

#[test]
fn what_cannot_be_kept_stops_no_publication() {
    let (root, directory) = scratch();
    let kept = directory
        .make_child("kept", 0o755, Obstacle::Stays)
        .unwrap();
    directory.write("a.json", b"one", &PLAIN).unwrap();
    fs::remove_dir(root.path().join("kept")).unwrap();
    let how = Write {
        keep: Some((&kept, "1")),
        ..PLAIN
    };
    let written = directory.write("a.json", b"two", &how).unwrap();
    assert!(matches!(written.kept, Kept::Failed(_)), "{written:?}");
    assert_eq!(fs::read(root.path().join("a.json")).unwrap(), b"two");
}

#[test]
fn invariant_5_a_failed_write_leaves_the_target_and_no_temporary_file() {
    let (root, directory) = scratch();
    directory.write("a.json", b"one", &PLAIN).unwrap();
    // A name of the longest length leaves no room for the temporary file's.
    let long = "n".repeat(255);
    fs::write(root.path().join(&long), "one").unwrap();
    let error = directory.write(&long, b"two", &PLAIN).unwrap_err();
    assert_eq!(error.operation, "create a temporary file in");
    for name in ["", ".", "..", "x/y", "/etc/x"] {
        directory.write(name, b"two", &PLAIN).unwrap_err();
        directory.remove(name).unwrap_err();
        directory.set_mode(name, 0o644).unwrap_err();
    }
    assert_eq!(names(&directory), ["a.json", long.as_str()]);
    assert_eq!(fs::read(root.path().join(&long)).unwrap(), b"one");
}

#[test]
fn invariant_5_sweep_removes_our_leftovers_only() {
    let (root, directory) = scratch();
    for name in [".a.json.x.tmp", "b.tmp", ".hidden", "a.json"] {
        fs::write(root.path().join(name), "x").unwrap();
    }
    fs::create_dir(root.path().join(".d.tmp")).unwrap();
    symlink("a.json", root.path().join(".l.tmp")).unwrap();
    assert!(directory.sweep().is_empty());
    assert_eq!(
        names(&directory),
        [".d.tmp", ".hidden", ".l.tmp", "a.json", "b.tmp"]
    );
}

#[test]
fn invariant_6_no_mode_is_set_and_no_byte_written_through_a_link() {
    let (root, directory) = scratch();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(&outside, "secret").unwrap();
    let target = root.path().join("a.json");
    for bytes in [b"secret".as_slice(), b"other"] {
        symlink(&outside, &target).unwrap();
        directory.set_mode("a.json", 0o644).unwrap_err();
        directory.mend_mode("a.json", 0o644, MIB).unwrap_err();
        let replaced = directory.replace("a.json", bytes, &PLAIN).unwrap();
        assert!(matches!(replaced, Replaced::Written(_)));
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
        assert_eq!(fs::read(&outside).unwrap(), b"secret");
        assert_eq!(mode(outside.path()), 0o600);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn what_is_no_file_gives_way_and_what_has_contents_is_moved_aside() {
    let (root, directory) = scratch();
    let target = root.path().join("a.json");
    let make: [&dyn Fn(); 5] = [
        &|| fs::create_dir(&target).unwrap(),
        &|| symlink("nowhere", &target).unwrap(),
        &|| symlink(".", &target).unwrap(),
        &|| {
            let made = std::process::Command::new("mkfifo").arg(&target).status();
            assert!(made.unwrap().success());
        },
        &|| drop(std::os::unix::net::UnixListener::bind(&target).unwrap()),
    ];
    for (index, make) in make.iter().enumerate() {
        make();
        let error = directory.read("a.json", Links::Refuse, MIB).unwrap_err();
        assert!(error.is_damage(), "{index}: {error:?}");
        assert!(
            directory
                .stamp("a.json", Links::Refuse)
                .unwrap_err()
                .is_damage()
        );
        directory.write("a.json", b"one", &PLAIN).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"one", "{index}");
        fs::remove_file(&target).unwrap();
        assert_eq!(names(&directory), [""; 0], "{index}");
    }
    fs::create_dir(&target).unwrap();
    fs::write(target.join("notes"), "mine").unwrap();
    directory.write("a.json", b"one", &PLAIN).unwrap();
    let [file, aside] = &names(&directory)[..] else {
        panic!("{:?}", names(&directory))
    };
    assert!(
        file == "a.json" && aside.starts_with("a.json.aside-"),
        "{aside}"
    );
    assert_eq!(
        fs::read(root.path().join(aside).join("notes")).unwrap(),
        b"mine"
    );
}

#[test]
fn reads_follow_only_the_links_that_they_may() {
    let (root, directory) = scratch();
    let outside = tempfile::NamedTempFile::new().unwrap();
    for name in ["data", "legacy"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    fs::write(root.path().join("data/x"), "beneath").unwrap();
    let links = [
        ("legacy/up", Path::new("../data/x")),
        ("legacy/out", Path::new("../../etc/hostname")),
        ("legacy/absolute", outside.path()),
        ("legacy/dangling", Path::new("nothing")),
        ("linked", Path::new("data")),
        ("legacy/loop", Path::new("loop")),
    ];
    for (name, target) in links {
        symlink(target, root.path().join(name)).unwrap();
    }
    let read = |name: &str, links| {
        let whole = directory.read(name, links, MIB);
        let stamp = directory.stamp(name, links);
        assert_eq!(whole.is_ok(), stamp.is_ok(), "{name} {links:?}");
        whole.map(|whole| whole.map(|whole| whole.bytes))
    };
    let beneath = Some(b"beneath".to_vec());
    assert_eq!(read("data/x", Links::Refuse).unwrap(), beneath);
    assert_eq!(read("data/none", Links::Refuse).unwrap(), None);
    assert_eq!(read("none/x", Links::Refuse).unwrap(), None);
    for name in ["legacy/up", "linked/x"] {
        assert!(read(name, Links::Refuse).unwrap_err().is_damage(), "{name}");
        assert_eq!(read(name, Links::Beneath).unwrap(), beneath, "{name}");
        assert_eq!(read(name, Links::Follow).unwrap(), beneath, "{name}");
    }
    for name in [
        "legacy/out",
        "legacy/absolute",
        "legacy/dangling",
        "legacy/loop",
        "../x",
    ] {
        assert!(read(name, Links::Refuse).unwrap_err().is_damage(), "{name}");
        assert!(
            read(name, Links::Beneath).unwrap_err().is_damage(),
            "{name}"
        );
    }
    assert_eq!(
        read("legacy/absolute", Links::Follow).unwrap(),
        Some(Vec::new())
    );
}

#[test]
fn where_the_kernel_cannot_resolve_beneath_no_link_is_followed() {
    use rustix::fs::OFlags;
    let (root, directory) = scratch();
    fs::create_dir(root.path().join("data")).unwrap();
    fs::write(root.path().join("data/x"), "beneath").unwrap();
    symlink("data", root.path().join("linked")).unwrap();
    symlink("x", root.path().join("data/link")).unwrap();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
    let open = |name: &str| directory.open_step_by_step(Path::new(name), flags);
    assert!(open("data/x").is_ok());
    for name in [
        "linked/x",
        "data/link",
        "data/../data/x",
        "/etc/hostname",
        "data/none",
        "",
    ] {
        assert!(open(name).is_err(), "{name}");
    }
}

#[test]
fn invariant_8_a_file_is_never_believed_about_its_size() {
    let (root, directory) = scratch();
    let target = root.path().join("a.json");
    let file = File::create(&target).unwrap();
    file.set_len(200 << 30).unwrap();
    let error = directory.read("a.json", Links::Refuse, MIB).unwrap_err();
    let expected = Damage::TooLarge {
        bytes: 200 << 30,
        cap: MIB,
    };
    assert_eq!(error.damage(), Some(expected));
    assert_eq!(error.source.kind(), std::io::ErrorKind::FileTooLarge);
    file.set_len(MIB).unwrap();
    let whole = directory
        .read("a.json", Links::Refuse, MIB)
        .unwrap()
        .unwrap();
    assert_eq!(whole.bytes.len() as u64, MIB);
    // A file of /proc claims to have no bytes at all.
    let proc = Dir::open(Path::new("/proc/self")).unwrap();
    let status = proc.read("status", Links::Refuse, MIB).unwrap().unwrap();
    assert!(status.bytes.len() > 100);
    assert!(
        proc.read("status", Links::Refuse, 10)
            .unwrap_err()
            .is_damage()
    );
}

#[test]
fn modes_are_those_asked_for_whatever_the_umask_and_special_bits_stay() {
    let (root, directory) = scratch();
    directory
        .write("a.json", b"one", &Write::published(0o666))
        .unwrap();
    assert_eq!(mode(&root.path().join("a.json")), 0o666);
    fs::set_permissions(root.path(), Permissions::from_mode(0o2775)).unwrap();
    let child = directory
        .make_child("child", 0o755, Obstacle::Stays)
        .unwrap();
    let path = root.path().join("child");
    assert_eq!(mode(&path) & 0o777, 0o755);
    fs::set_permissions(&path, Permissions::from_mode(0o2700)).unwrap();
    child.mend_own_mode(0o755);
    assert_eq!(mode(&path), 0o2755);
    let made = Dir::make(&root.path().join("x/y"), 0o751).unwrap();
    assert!(made.is_in_place());
    assert_eq!(mode(&root.path().join("x")) & 0o777, 0o751);
}

#[test]
fn a_directory_that_was_replaced_is_no_longer_in_place() {
    let (root, directory) = scratch();
    let base = root.path().join("base");
    let held = directory
        .make_child("base", 0o755, Obstacle::Stays)
        .unwrap();
    assert!(held.is_in_place());
    fs::rename(&base, root.path().join("old")).unwrap();
    assert!(!held.is_in_place());
    fs::create_dir(&base).unwrap();
    assert!(!held.is_in_place());
    // What is written now goes where the descriptor leads.
    held.write("a.json", b"one", &PLAIN).unwrap();
    assert!(root.path().join("old/a.json").exists() && !base.join("a.json").exists());
}
