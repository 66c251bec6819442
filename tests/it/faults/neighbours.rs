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
    for round in 1..=30 {
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
    let lines = said(&daemon);
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
