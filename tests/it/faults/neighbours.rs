//! Other programs in the mirror that go on and on.

use std::collections::BTreeSet;
use std::fs;

use horde_refd::category::Category;

use crate::common::{World, until};

/// There were 869 lines in ten seconds once, ten of every eleven of them "published".
#[test]
fn v2_files_damaged_in_a_loop_are_mended_each_time_and_said_a_few_times() {
    let world = World::new();
    let daemon = world.started();
    let good: Vec<_> = Category::with_legacy()
        .map(|category| (category, fs::read(world.v2(category)).unwrap()))
        .collect();
    let before = daemon.log().len();
    let said = |daemon: &crate::common::Daemon| {
        let mut lines = daemon.log().split_off(before);
        lines.retain(|line| !line.contains(" DEBUG "));
        lines
    };
    for round in 1..=13 {
        for (category, _) in &good {
            fs::write(world.v2(*category), "{}").unwrap();
        }
        until(&format!("everything is mended, round {round}"), || {
            let mut good = good.iter();
            good.all(|(category, bytes)| {
                fs::read(world.v2(*category)).is_ok_and(|read| read == *bytes)
            })
        });
    }
    let mut lines = said(&daemon);
    let noticed = |line: &String| line.contains("another program goes on changing our files");
    assert_eq!(lines.iter().filter(|line| noticed(line)).count(), 1);
    lines.retain(|line| !noticed(line));
    // A line for each file when it begins.
    assert!((10..=12).contains(&lines.len()), "{lines:#?}");
    let categories: BTreeSet<_> = good.iter().map(|(category, _)| category.name()).collect();
    for category in &categories {
        let of = lines
            .iter()
            .filter(|line| line.contains(&format!("category={category} ")));
        assert_eq!(of.count(), 1, "{category}: {lines:#?}");
    }
    world.assert_whole();
    let log = daemon.stopped();
    // And one at the end with how often.
    for category in categories {
        let line =
            format!("a file of {category} was damaged or gone and is brought back as it was (");
        assert_eq!(
            log.iter().filter(|other| other.contains(&line)).count(),
            1,
            "{log:#?}"
        );
    }
}

/// The reference package of before does this at every access, with a layout of its own.
#[test]
fn a_program_that_goes_on_rewriting_a_file_is_named_once_and_answered_once_a_second() {
    let world = World::new();
    let daemon = world.started();
    let path = world.v2(Category::Clip);
    let good = fs::read(&path).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&good).unwrap();
    let theirs = value.to_string().into_bytes();
    let began = std::time::Instant::now();
    for round in 1..=12 {
        fs::write(&path, &theirs).unwrap();
        until(&format!("it is brought back, round {round}"), || {
            fs::read(&path).is_ok_and(|read| read == good)
        });
    }
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    let lines = daemon.wait_lines(1, &["another program goes on changing our files"]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let words = "clip.json is the same data in another layout";
    assert!(lines[0].contains(words), "{lines:#?}");
    // An edited legacy file is converted all the same, and at once.
    fs::write(&path, &theirs).unwrap();
    let began = std::time::Instant::now();
    let legacy = crate::common::legacy("blip.json", "edited");
    fs::write(world.legacy(Category::Blip), legacy).unwrap();
    world.wait_v2("blip.json", "edited");
    assert!(began.elapsed() < std::time::Duration::from_millis(900));
    until("it is brought back", || {
        fs::read(&path).is_ok_and(|read| read == good)
    });
}
