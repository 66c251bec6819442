//! The power fails: a recording of a real run's system calls, cut off after each of them, with what was not synced lost in
//! every combination that a journalling file system allows.
//!
//! What such a file system may lose: bytes of a file that were not synced before its name, and names of a directory that
//! was not synced after them, each by itself. What it keeps: everything before an fsync that returned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::need::need;
use crate::common::{World, json, sha256};
use crate::sync::durability::{Call, recorded_of};

use super::run;

/// Up to so many names are lost in every combination; of more, each alone, each but one, all and none.
const ALL_COMBINATIONS: usize = 6;

/// Bytes by their path below the mirror.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The names of a mirror that are promised to last, with their bytes.
fn lasting(mirror: &Path) -> Files {
    let mut files = BTreeMap::new();
    for directory in ["", "legacy", ".horde-refd"] {
        let Ok(entries) = fs::read_dir(mirror.join(directory)) else {
            continue;
        };
        for entry in entries.map(Result::unwrap) {
            let path = Path::new(directory).join(entry.file_name());
            // The status is for information, and not synced.
            let informs = ["status.json", "lock", "intent.lock"]
                .iter()
                .any(|name| path.ends_with(name));
            if entry.file_type().unwrap().is_file() && !informs {
                files.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// The sets of names that may have become the new ones when the power fails, at any moment of the recording.
fn outcomes(calls: &[Call], mirror: &Path, new: &BTreeSet<PathBuf>) -> BTreeSet<BTreeSet<PathBuf>> {
    let mut outcomes = BTreeSet::new();
    let (mut unsynced, mut synced) = (BTreeSet::new(), BTreeSet::new());
    // Names that may or may not be there, and those that are.
    let (mut may, mut are) = (BTreeSet::new(), BTreeSet::new());
    for call in calls {
        match call {
            Call::Write(file) => {
                synced.remove(file);
                unsynced.insert(file.clone());
            }
            Call::Sync(path) => {
                if unsynced.remove(path) {
                    synced.insert(path.clone());
                }
                let lasts = |name: &PathBuf| mirror.join(name).parent() == Some(path);
                let here: Vec<_> = may.iter().filter(|name| lasts(name)).cloned().collect();
                for name in here {
                    may.remove(&name);
                    are.insert(name);
                }
            }
            Call::Rename(from, to) => {
                let Ok(name) = to.strip_prefix(mirror) else {
                    continue;
                };
                if new.contains(name) {
                    // A name that may last before its bytes do is a torn file.
                    assert!(synced.contains(from), "{} could be torn", to.display());
                    may.insert(name.to_owned());
                }
            }
            Call::Exit => assert!(may.is_empty(), "exit 0, and these may be lost: {may:?}"),
            _ => {}
        }
        for some in combinations(&may) {
            outcomes.insert(are.union(&some).cloned().collect());
        }
    }
    assert_eq!(are, *new, "not all of it was published");
    outcomes
}

fn combinations(names: &BTreeSet<PathBuf>) -> Vec<BTreeSet<PathBuf>> {
    let names: Vec<_> = names.iter().cloned().collect();
    if names.len() <= ALL_COMBINATIONS {
        let sets = (0..1 << names.len()).map(|set: usize| {
            let some = names
                .iter()
                .enumerate()
                .filter(|(bit, _)| set >> bit & 1 == 1);
            some.map(|(_, name)| name.clone()).collect()
        });
        return sets.collect();
    }
    let all: BTreeSet<_> = names.iter().cloned().collect();
    let mut sets = vec![BTreeSet::new(), all.clone()];
    for name in names {
        let mut others = all.clone();
        others.remove(&name);
        sets.push(others);
        sets.push([name].into());
    }
    sets
}

/// Makes of the mirror before the run what the power left, and holds it against the promise.
#[track_caller]
fn assert_survives(
    world: &World,
    before: &Path,
    (old, new): (&Files, &Files),
    became: &BTreeSet<PathBuf>,
    order: Option<&Path>,
) {
    let mirror = world.mirror();
    fs::remove_dir_all(&mirror).unwrap();
    run(
        "cp",
        &["-a", before.to_str().unwrap(), mirror.to_str().unwrap()],
    );
    for directory in ["legacy", ".horde-refd"] {
        fs::create_dir_all(mirror.join(directory)).unwrap();
    }
    for name in became {
        fs::write(mirror.join(name), &new[name]).unwrap();
    }
    // Whatever else was being written lies about: half a file, and a generation, which is not synced, without bytes.
    let half = &new[Path::new("clip.json")];
    fs::write(mirror.join(".clip.json.1a2b.tmp"), &half[..half.len() / 2]).unwrap();
    let generation = sha256(half)[..12].to_owned();
    let generations = mirror.join(".horde-refd/generations/clip");
    fs::create_dir_all(&generations).unwrap();
    // What an order brings back was kept long before.
    let unsynced: &[&str] = match order {
        None => &["v2", "legacy", "json"],
        Some(_) => &[],
    };
    for form in unsynced {
        fs::write(generations.join(format!("{generation}.{form}")), "").unwrap();
    }
    // Readers see whole files, and the manifest is true, absent, or older than the files.
    let bytes = |name: &str| fs::read(mirror.join(name)).ok();
    if mirror.join("manifest.json").exists() {
        let manifest = json(&mirror.join("manifest.json"));
        for (category, entry) in manifest["categories"].as_object().unwrap() {
            for form in ["v2", "legacy"] {
                let name = entry[form]["file"].as_str().unwrap();
                let (says, has) = (entry[form]["sha256"].as_str(), bytes(name).unwrap());
                let older = old.get(Path::new(name)).map(|old| sha256(old));
                let is_new = has == new[Path::new(name)];
                let holds = says == Some(&sha256(&has)) || (is_new && says == older.as_deref());
                assert!(
                    holds,
                    "{category}: the manifest is ahead of {name} with {became:?}"
                );
            }
        }
    }
    world.sync(&[]).expect(0);
    world.assert_whole();
    // An order that was lost is as if it had not been given.
    let given = order.is_none_or(|order| became.contains(order));
    for (name, bytes) in if given { new } else { old }
        .iter()
        .filter(|(name, _)| name.parent() != Some(Path::new(".horde-refd")))
    {
        if !name.ends_with("manifest.json") {
            assert!(
                fs::read(mirror.join(name)).unwrap() == *bytes,
                "{name:?} with {became:?}"
            );
        }
    }
}

/// Records a command, and tries everything that the power may leave of it. `order` is the file that says what the command
/// wants; without it the upstream does.
fn survives(world: &World, args: &[&str], order: Option<&Path>, least: usize) {
    let mirror = world.mirror();
    let before = world.path("before");
    if mirror.exists() {
        run(
            "cp",
            &["-a", mirror.to_str().unwrap(), before.to_str().unwrap()],
        );
    } else {
        fs::create_dir_all(&before).unwrap();
    }
    let old = lasting(&before);
    let calls = recorded_of(world, args);
    let new = lasting(&mirror);
    let changed = new
        .iter()
        .filter(|(name, bytes)| old.get(*name) != Some(bytes));
    let changed: BTreeSet<_> = changed.map(|(name, _)| name.clone()).collect();
    let outcomes = outcomes(&calls, &mirror, &changed);
    assert!(outcomes.len() >= least, "{} outcomes only", outcomes.len());
    for became in &outcomes {
        assert_survives(world, &before, (&old, &new), became, order);
    }
}

#[test]
fn power_that_fails_during_a_sync_of_changes_leaves_whole_files_and_no_manifest_ahead_of_them() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    for (category, from, to) in [
        (
            horde_refd::category::Category::TextGeneration,
            "patient",
            "restless",
        ),
        (
            horde_refd::category::Category::Clip,
            "another name inside",
            "a third name inside",
        ),
    ] {
        world.edit(category, from, to);
    }
    // Four files in every combination, then manifest and state.
    survives(&world, &["sync"], None, 16 + 3);
}

#[test]
fn power_that_fails_during_the_first_sync_leaves_whole_files_and_no_manifest_ahead_of_them() {
    need!("strace");
    survives(&World::new(), &["sync"], None, 60);
}

#[test]
fn power_that_fails_during_a_rollback_leaves_whole_files_and_the_order_or_nothing_of_it() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    world.edit(
        horde_refd::category::Category::Clip,
        "another name inside",
        "a third name inside",
    );
    world.sync(&[]).expect(0);
    let order = Path::new(".horde-refd/intent.json");
    survives(&world, &["rollback", "clip"], Some(order), 6);
}
