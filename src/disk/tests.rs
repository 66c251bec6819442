//! Each invariant of the module, tried on a real file system.

use super::*;

const PLAIN: Placement<'_> = Placement {
    mode: 0o644,
    previous: None,
    durable: true,
};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn invariant_3_equal_bytes_cause_no_write() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    assert_eq!(
        replace(&target, b"one", PLAIN).unwrap(),
        Replaced::Written(None)
    );
    let before = stamp(&target, Links::Refuse).unwrap();
    assert_eq!(replace(&target, b"one", PLAIN).unwrap(), Replaced::Equal);
    assert_eq!(stamp(&target, Links::Refuse).unwrap(), before);
}

#[test]
fn invariant_3_a_wrong_mode_is_set_right_without_moving_the_mtime() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    replace(&target, b"one", PLAIN).unwrap();
    let before = stamp(&target, Links::Refuse).unwrap().unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
    replace(&target, b"one", PLAIN).unwrap();
    let metadata = fs::metadata(&target).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o644);
    assert_eq!((metadata.mtime(), metadata.mtime_nsec()), before.mtime);
}

#[test]
fn invariant_4_every_change_gets_a_later_mtime() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    let mut last = 0.0;
    for round in 0..200 {
        replace(&target, format!("{round}").as_bytes(), PLAIN).unwrap();
        let mtime = stamp(&target, Links::Refuse).unwrap().unwrap().mtime();
        assert!(mtime > last, "round {round}: {mtime} is not after {last}");
        last = mtime;
    }
}

#[test]
fn invariant_4_holds_against_a_file_from_the_future() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    replace(&target, b"one", PLAIN).unwrap();
    let future = SystemTime::now() + Duration::from_secs(1_000_000);
    File::options()
        .write(true)
        .open(&target)
        .unwrap()
        .set_modified(future)
        .unwrap();
    replace(&target, b"two", PLAIN).unwrap();
    assert!(fs::metadata(&target).unwrap().modified().unwrap() > future);
}

#[test]
fn the_previous_generation_stays_reachable() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    let previous = directory.path().join("previous.json");
    let placement = Placement {
        previous: Some(&previous),
        ..PLAIN
    };
    for text in ["one", "two", "three"] {
        replace(&target, text.as_bytes(), placement).unwrap();
    }
    assert_eq!(fs::read(&previous).unwrap(), b"two");
    assert_eq!(names(directory.path()), ["a.json", "previous.json"]);
}

#[test]
fn invariant_5_a_failed_replace_leaves_the_target_and_no_temporary_file() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    fs::create_dir(&target).unwrap();
    let error = replace(&target, b"one", PLAIN).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot rename onto "),
        "{error}"
    );
    assert_eq!(names(directory.path()), ["a.json"]);
}

#[test]
fn invariant_5_sweep_removes_our_leftovers_only() {
    let directory = tempfile::tempdir().unwrap();
    for name in [".a.json.x.tmp", "b.tmp", ".hidden", "a.json"] {
        fs::write(directory.path().join(name), "x").unwrap();
    }
    sweep(directory.path()).unwrap();
    assert_eq!(names(directory.path()), [".hidden", "a.json", "b.tmp"]);
}

#[test]
fn the_mode_is_the_one_asked_for_whatever_the_umask() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    let placement = Placement {
        mode: 0o666,
        ..PLAIN
    };
    replace(&target, b"one", placement).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o666);
}

#[test]
fn invariant_6_no_mode_is_set_and_no_byte_written_through_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let outside = directory.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    fs::set_permissions(&outside, Permissions::from_mode(0o600)).unwrap();
    let target = directory.path().join("a.json");
    for bytes in [b"secret".as_slice(), b"other"] {
        std::os::unix::fs::symlink(&outside, &target).unwrap();
        set_mode(&target, 0o644).unwrap_err();
        assert!(matches!(
            replace(&target, bytes, PLAIN).unwrap(),
            Replaced::Written(None)
        ));
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
        assert_eq!(fs::read(&outside).unwrap(), b"secret");
        assert_eq!(fs::metadata(&outside).unwrap().mode() & 0o7777, 0o600);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn the_mode_of_an_unreadable_file_can_be_set() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.json");
    fs::write(&target, "one").unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o000)).unwrap();
    set_mode(&target, 0o644).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o644);
}
