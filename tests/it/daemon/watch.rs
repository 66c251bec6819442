//! Changes on disk: whatever is done to the files, the mirror ends right, and comes to rest.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::common::origin::{Mood, Origin};
use crate::common::{Daemon, FILES, World, legacy, until};
use rustix::process::Signal;

/// Both ways to watch, with the poll watcher made fast.
fn both_backends(test: impl Fn(&World, Daemon)) {
    for backend in ["inotify", "poll"] {
        let world = World::marked();
        let setup = world.setup().text("watch.backend", backend);
        let daemon = setup.set("watch.poll_interval", "\"20ms\"").started();
        let started = daemon.wait_lines(1, &["horde-refd has started"]);
        assert!(started[0].contains(&format!("watch={backend}")));
        test(&world, daemon);
    }
}

#[test]
fn a_legacy_file_edited_in_place_is_converted_at_once_and_gives_way_at_the_next_poll() {
    both_backends(|world, daemon| {
        fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
        world.wait_v2("blip.json", "edited");
        let status = daemon.wait_state("blip", "modified");
        assert_eq!(status["consecutive_failures"], 0);
        assert_eq!(daemon.begun("poll"), 1, "it was not a poll");
        daemon.signal(Signal::HUP);
        world.wait_v2("blip.json", "upstream");
        daemon.wait_state("blip", "fresh");
        assert_eq!(world.assert_whole(), 10);
    });
}

#[test]
fn a_local_edit_gives_way_to_a_poll_by_the_clock_too() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup.set("schedule.cron", "\"*/2 * * * * *\"").started();
    fs::write(world.legacy("clip.json"), legacy("clip.json", "edited")).unwrap();
    // The next poll may come at any moment now: what it must leave is the upstream's file.
    daemon.wait_lines(2, &["published", "category=clip"]);
    world.wait_v2("clip.json", "upstream");
    daemon.wait_state("clip", "fresh");
}

/// It stayed unreadable until the next poll.
#[test]
fn a_file_that_readers_may_not_read_is_mended_at_once() {
    both_backends(|world, daemon| {
        let (v2, legacy) = (world.v2("blip.json"), world.legacy("blip.json"));
        for path in [v2, legacy] {
            let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
            until("it is readable again", || mode() == 0o644);
        }
        assert_eq!(daemon.begun("poll"), 1, "it was not a poll");
    });
}

#[test]
fn a_legacy_file_replaced_by_rename_is_converted_at_once() {
    both_backends(|world, daemon| {
        let bytes = legacy("models.csv", "replaced");
        world.rename_into(&world.legacy("models.csv"), &bytes);
        world.wait_v2("text_generation.json", "replaced");
        daemon.wait_state("text_generation", "modified");
        assert_eq!(fs::read(world.legacy("models.csv")).unwrap(), bytes);
    });
}

#[test]
fn a_file_that_is_written_slowly_ends_right() {
    both_backends(|world, daemon| {
        let bytes = legacy("clip.json", "slow");
        let mut file = File::create(world.legacy("clip.json")).unwrap();
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first).unwrap();
        // A look finds the half of it: it cannot be converted, and the last good v2 file stays.
        daemon.wait_state("clip", "rejected");
        assert!(
            fs::read_to_string(world.v2("clip.json"))
                .unwrap()
                .contains("upstream")
        );
        file.write_all(rest).unwrap();
        drop(file);
        world.wait_v2("clip.json", "slow");
        daemon.wait_state("clip", "modified");
    });
}

#[test]
fn a_file_that_stays_empty_is_neither_published_nor_taken_from_its_writer() {
    both_backends(|world, daemon| {
        let mut file = File::create(world.legacy("clip.json")).unwrap();
        let status = daemon.wait_state("clip", "failing");
        assert!(status["last_error"].as_str().unwrap().contains("is empty"));
        assert!(
            fs::read_to_string(world.v2("clip.json"))
                .unwrap()
                .contains("upstream")
        );
        file.write_all(&legacy("clip.json", "after all")).unwrap();
        drop(file);
        world.wait_v2("clip.json", "after all");
        daemon.wait_state("clip", "modified");
        // Left empty, it is the next poll's.
        drop(File::create(world.legacy("clip.json")).unwrap());
        daemon.wait_state("clip", "failing");
        daemon.signal(Signal::HUP);
        daemon.wait_state("clip", "fresh");
    });
}

#[test]
fn the_dances_of_rsync_and_of_editors_end_right() {
    both_backends(|world, daemon| {
        let target = world.legacy("esrgan.json");
        let directory = target.parent().unwrap();
        // rsync: a hidden temporary file in the same directory, renamed.
        let staged = directory.join(".esrgan.json.Xy12Zz");
        fs::write(&staged, legacy("esrgan.json", "by rsync")).unwrap();
        fs::rename(&staged, &target).unwrap();
        world.wait_v2("esrgan.json", "by rsync");
        // vim: the old file moved aside, a new one written, the old one removed.
        let aside = directory.join("esrgan.json~");
        fs::rename(&target, &aside).unwrap();
        fs::write(&target, legacy("esrgan.json", "by an editor")).unwrap();
        fs::remove_file(&aside).unwrap();
        world.wait_v2("esrgan.json", "by an editor");
        daemon.wait_state("esrgan", "modified");
    });
}

#[test]
fn a_rename_dance_that_the_daemon_sees_half_of_ends_right() {
    let world = World::marked();
    let daemon = world.started();
    let target = world.legacy("gfpgan.json");
    let aside = world.path("aside");
    // Between the two steps the file is missing, so it is fetched; the editor's version still wins.
    fs::rename(&target, &aside).unwrap();
    until("fetched again", || target.exists());
    daemon.wait_state("gfpgan", "fresh");
    world.rename_into(&target, &legacy("gfpgan.json", "the editor's"));
    world.wait_v2("gfpgan.json", "the editor's");
}

#[test]
fn a_damaged_v2_file_is_restored() {
    both_backends(|world, daemon| {
        let path = world.v2("stable_diffusion.json");
        let good = fs::read(&path).unwrap();
        let restored = || fs::read(&path).is_ok_and(|bytes| bytes == good);
        let damages: [(&str, &dyn Fn()); 5] = [
            ("edited", &|| fs::write(&path, "{\"another\": {}}").unwrap()),
            ("truncated", &|| {
                File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(40)
                    .unwrap();
            }),
            ("emptied", &|| drop(File::create(&path).unwrap())),
            ("deleted", &|| fs::remove_file(&path).unwrap()),
            ("replaced", &|| world.rename_into(&path, b"nonsense")),
        ];
        for (what, damage) in damages {
            damage();
            assert!(!restored() || what == "truncated" || daemon.cycles() > 1);
            until(&format!("{what}, restored"), restored);
        }
        daemon.wait_state("image_generation", "fresh");
        assert_eq!(daemon.begun("poll"), 1, "no poll was needed");
        assert_eq!(world.assert_whole(), 10);
    });
}

#[test]
fn a_deleted_legacy_file_is_fetched_again() {
    both_backends(|world, daemon| {
        let path = world.legacy("controlnet.json");
        let good = fs::read(&path).unwrap();
        let v2 = fs::metadata(world.v2("controlnet.json"))
            .unwrap()
            .mtime_nsec();
        fs::remove_file(&path).unwrap();
        until("fetched again", || {
            fs::read(&path).is_ok_and(|bytes| bytes == good)
        });
        daemon.wait_state("controlnet", "fresh");
        let after = fs::metadata(world.v2("controlnet.json")).unwrap();
        assert_eq!(after.mtime_nsec(), v2, "readers see no change");
    });
}

#[test]
fn the_legacy_directory_removed_is_made_and_filled_again() {
    both_backends(|world, daemon| {
        for round in 0..3 {
            // Aside and away, as below.
            let aside = world.path("aside");
            fs::rename(world.mirror().join("legacy"), &aside).unwrap();
            // A cycle that has begun holds the directory, wherever it is now.
            until("it is away", || fs::remove_dir_all(&aside).is_ok());
            until("filled again", || {
                FILES.iter().all(|(_, file, _)| world.legacy(file).exists())
            });
            // The new directory is watched.
            let mark = format!("round {round}");
            world.rename_into(&world.legacy("blip.json"), &legacy("blip.json", &mark));
            world.wait_v2("blip.json", &mark);
            daemon.wait_state("blip", "modified");
        }
    });
}

#[test]
fn the_whole_mirror_removed_is_made_again_with_its_one_writer() {
    both_backends(|world, daemon| {
        for _ in 0..3 {
            // Aside and away: removing it where it is would race with the daemon that fills it again.
            let aside = world.path("aside");
            fs::rename(world.mirror(), &aside).unwrap();
            // A cycle that has begun holds the directory, wherever it is now.
            until("it is away", || fs::remove_dir_all(&aside).is_ok());
            until("filled again", || {
                world.v2("manifest.json").exists()
                    && FILES.iter().all(|(_, _, v2)| world.v2(v2).exists())
            });
            daemon.wait_state("blip", "fresh");
        }
        assert_eq!(daemon.status().unwrap()["role"], "writer");
        // Its lock is on the new lock file: no other process becomes the writer.
        let sync = daemon.command(&["sync"]);
        assert_eq!(sync.status.code(), Some(3), "{sync:?}");
        // The new directories are watched.
        world.rename_into(
            &world.legacy("blip.json"),
            &legacy("blip.json", "after all"),
        );
        world.wait_v2("blip.json", "after all");
        world.rename_into(&world.v2("clip.json"), b"nonsense");
        world.wait_v2("clip.json", "upstream");
        daemon.wait_state("blip", "modified");
        assert_eq!(world.assert_whole(), 10);
    });
}

#[test]
fn a_mirror_removed_in_place_under_the_daemon_ends_right() {
    let world = World::marked();
    let daemon = world.started();
    // The daemon may fill the directory while it is being emptied; try until it is gone or full again.
    let _ = fs::remove_dir_all(world.mirror());
    until("filled again", || {
        world.v2("manifest.json").exists()
            && FILES
                .iter()
                .all(|(_, file, v2)| world.v2(v2).exists() && world.legacy(file).exists())
    });
    daemon.wait_state("text_generation", "fresh");
    world.rename_into(
        &world.legacy("blip.json"),
        &legacy("blip.json", "after all"),
    );
    world.wait_v2("blip.json", "after all");
}

#[test]
fn an_invalid_edit_is_rejected_and_fixing_it_recovers() {
    both_backends(|world, daemon| {
        let before = fs::metadata(world.v2("clip.json")).unwrap();
        let bad = "{\"first\": {\"name\": \"first\", \"type\": \"no such type\"}}";
        fs::write(world.legacy("clip.json"), bad).unwrap();
        let status = daemon.wait_state("clip", "rejected");
        let error = status["last_error"].as_str().unwrap();
        assert!(error.contains("first") && error.contains("type"), "{error}");
        let after = fs::metadata(world.v2("clip.json")).unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert_eq!(before.ino(), after.ino());
        fs::write(world.legacy("clip.json"), legacy("clip.json", "fixed")).unwrap();
        world.wait_v2("clip.json", "fixed");
        let status = daemon.wait_state("clip", "modified");
        assert!(status["last_error"].is_null(), "{status}");
        assert_eq!(daemon.wait_lines(1, &["recovered", "clip"]).len(), 1);
    });
}

#[test]
fn an_invalid_edit_gives_way_at_the_next_poll_like_any_other() {
    let world = World::marked();
    let daemon = world.started();
    fs::write(world.legacy("blip.json"), "{").unwrap();
    daemon.wait_state("blip", "rejected");
    daemon.signal(Signal::HUP);
    daemon.wait_state("blip", "fresh");
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn reading_causes_no_cycle() {
    let world = World::marked();
    let daemon = world.started();
    let caused = daemon.cycles_caused_by(|| {
        for _ in 0..20 {
            for (_, file, v2) in FILES {
                for path in [world.legacy(file), world.v2(v2)] {
                    File::open(path)
                        .unwrap()
                        .read_to_end(&mut Vec::new())
                        .unwrap();
                }
            }
            fs::read_dir(world.mirror()).unwrap().for_each(drop);
        }
    });
    assert_eq!(caused, 0);
}

#[test]
fn files_that_are_no_references_cause_no_cycle() {
    let world = World::marked();
    let daemon = world.started();
    let caused = daemon.cycles_caused_by(|| {
        for name in [
            "notes.txt",
            "workflow.json",
            ".hidden.json",
            ".blip.json.1.tmp",
            "legacy/x.swp",
        ] {
            fs::write(world.mirror().join(name), "x").unwrap();
        }
        fs::create_dir(world.mirror().join("somewhere")).unwrap();
        fs::write(world.mirror().join(".horde-refd/x.json"), "x").unwrap();
    });
    assert_eq!(caused, 0);
}

#[test]
fn our_own_writes_come_to_rest() {
    let world = World::marked();
    let metrics = world.mirror().join("horde.prom");
    fs::create_dir(world.mirror()).unwrap();
    let daemon = world.setup().text("metrics_file", &metrics).started();
    // Ten legacy files and ten v2 files are written, and the manifest, the state, the status and the metrics.
    for (_, file, _) in FILES {
        world.publish(file, "a new one");
    }
    let caused = daemon.cycles_caused_by(|| {
        daemon.signal(Signal::HUP);
        world.wait_v2("miscellaneous.json", "a new one");
        daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    });
    // The forced cycle itself, and one look at what it wrote.
    assert!((1..=2).contains(&caused), "{caused} cycles");
}

#[test]
fn touching_a_v2_file_changes_nothing() {
    let world = World::marked();
    let daemon = world.started();
    let path = world.v2("blip.json");
    let before = fs::read(&path).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    let manifest = fs::metadata(world.v2("manifest.json"))
        .unwrap()
        .mtime_nsec();
    let caused = daemon.cycles_caused_by(|| {
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
    });
    assert!(caused <= 1, "{caused} cycles");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    let after = fs::metadata(world.v2("manifest.json"))
        .unwrap()
        .mtime_nsec();
    assert_eq!(after, manifest);
    daemon.wait_state("blip", "fresh");
}

#[test]
fn a_directory_replaced_by_another_is_taken_as_it_is() {
    both_backends(|world, daemon| {
        let (aside, other) = (world.path("aside"), world.path("other"));
        fs::create_dir(&other).unwrap();
        for (_, file, _) in FILES {
            fs::write(other.join(file), legacy(file, "another")).unwrap();
        }
        fs::rename(world.mirror().join("legacy"), &aside).unwrap();
        // The daemon may have made the directory again already.
        until("moved in", || {
            let target = world.mirror().join("legacy");
            let _ = fs::remove_dir_all(&target);
            fs::rename(&other, &target).is_ok()
        });
        world.wait_v2("clip.json", "another");
        world.wait_v2("text_generation.json", "another");
        daemon.wait_state("clip", "modified");
    });
}

#[test]
fn a_storm_of_edits_ends_with_the_last() {
    both_backends(|world, daemon| {
        for round in 0..200 {
            let mark = format!("round {round}.");
            fs::write(world.legacy("blip.json"), legacy("blip.json", &mark)).unwrap();
            if round % 7 == 0 {
                fs::write(world.v2("blip.json"), "x").unwrap();
            }
        }
        world.wait_v2("blip.json", "round 199.");
        daemon.wait_state("blip", "modified");
    });
}

#[test]
fn without_a_watch_the_schedule_finds_changes() {
    let world = World::marked();
    let setup = world.setup().text("watch.backend", "off");
    let daemon = setup.set("schedule.cron", "\"* * * * * *\"").started();
    assert_eq!(daemon.lines(&["has started", "watch=off"]).len(), 1);
    world.rename_into(&world.v2("blip.json"), b"nonsense");
    world.wait_v2("blip.json", "upstream");
    fs::remove_file(world.legacy("clip.json")).unwrap();
    until("fetched again", || world.legacy("clip.json").exists());
    assert_eq!(daemon.begun("disk"), 0);
}

#[test]
fn a_change_is_published_while_a_poll_hangs() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let daemon = setup
        .set("http.read_timeout", "\"1h\"")
        .set("http.timeout", "\"1h\"")
        .started();
    origin.mood(Mood::Hang);
    daemon.signal(Signal::HUP);
    origin.requests_after(10, 1);
    fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
    world.wait_v2("blip.json", "edited");
    fs::write(world.v2("clip.json"), "nonsense").unwrap();
    world.wait_v2("clip.json", "upstream");
}

#[test]
fn what_is_no_file_gives_way_in_a_running_daemon_too() {
    let world = World::marked();
    let daemon = world.started();
    // A FIFO under both names: neither can be looked at, and what was seen before proves nothing.
    for path in [world.v2("clip.json"), world.legacy("clip.json")] {
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
    }
    daemon.signal(Signal::HUP);
    until("both are files again", || {
        [world.v2("clip.json"), world.legacy("clip.json")]
            .iter()
            .all(|path| path.is_file())
    });
    world.wait_v2("clip.json", "upstream");
    daemon.wait_state("clip", "fresh");
    assert_eq!(world.assert_whole(), 10);
}
