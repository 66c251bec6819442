//! The power fails: a recording of a real run's system calls, cut off after each of them, with what was not synced lost in
//! every combination that a journalling file system allows.
//!
//! What such a file system may lose: bytes of a file that were not synced before its name, and names of a directory that
//! was not synced after them, each by itself. What it keeps: everything before an fsync that returned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use horde_refd::category::Category;

use crate::common::need::need;
use crate::common::{World, json, sha256};
use crate::sync::durability::{Call, recorded_of, recorded_of_run};

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
            // What they claim is done.
            Call::Exit | Call::Ready | Call::Program(_) => {
                assert!(may.is_empty(), "{call:?}, and these may be lost: {may:?}");
            }
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
    order: Option<Order>,
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
        Some(Order::Keeps) => &[],
        None | Some(Order::Accepts) => &["v2", "legacy", "json"],
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
    // An order that was lost is as if it had not been given.
    let given = order.is_none_or(|_| became.contains(Path::new(ORDERS)));
    let complete = given || order != Some(Order::Accepts);
    let ran = world.sync(&[]);
    assert_eq!(ran.code, Some(i32::from(!complete)), "{became:?}: {ran:?}");
    world.assert_whole();
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

/// The file with the operator's orders.
const ORDERS: &str = ".horde-refd/intent.json";

/// What an order is about. Without it a sync of everything is complete, or is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// A generation that was kept.
    Keeps,
    /// What a guard holds, which it goes on to do where the order is lost.
    Accepts,
}

/// Records a command, and tries everything that the power may leave of it. An order says what the command wants; without
/// one the upstream does.
fn survives(world: &World, args: &[&str], order: Option<Order>, least: usize) {
    survives_recorded(world, |world| recorded_of(world, args), order, least);
}

fn survives_recorded(
    world: &World,
    recorded: impl FnOnce(&World) -> Vec<Call>,
    order: Option<Order>,
    least: usize,
) {
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
    let calls = recorded(world);
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
    eprintln!(
        "{} system calls of a recording, {} outcomes of a power loss",
        calls.len(),
        outcomes.len()
    );
}

#[test]
fn power_that_fails_during_a_sync_of_changes_leaves_whole_files_and_no_manifest_ahead_of_them() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    for (category, from, to) in [
        (Category::TextGeneration, "patient", "restless"),
        (Category::Clip, "another name inside", "a third name inside"),
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
    world.edit(Category::Clip, "another name inside", "a third name inside");
    world.sync(&[]).expect(0);
    survives(&world, &["rollback", "clip"], Some(Order::Keeps), 6);
}

#[test]
fn power_that_fails_during_an_unpin_leaves_whole_files_and_the_pin_or_nothing_of_it() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    world.edit(Category::Clip, "another name inside", "a third name inside");
    world.sync(&[]).expect(0);
    ordered(&world, &["rollback", "clip"]);
    survives(&world, &["unpin", "clip"], Some(Order::Keeps), 6);
}

#[test]
fn power_that_fails_during_an_acceptance_leaves_whole_files_and_the_order_or_nothing_of_it() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    // An update without any model, which waits for the operator.
    world.rename_into(&world.sent(Category::Clip), b"{}\n");
    world.sync(&[]).expect(1);
    survives(&world, &["accept", "clip"], Some(Order::Accepts), 6);
}

#[test]
fn power_that_fails_under_a_daemon_leaves_whole_files_and_what_its_ready_and_its_hook_claim() {
    need!("strace");
    let world = World::new();
    world.sync(&[]).expect(0);
    world.edit(Category::TextGeneration, "patient", "restless");
    let recorded = |world: &World| {
        let published = || {
            let v2 = fs::read_to_string(world.v2(Category::TextGeneration)).unwrap();
            let entry = &world.manifest()["categories"]["text_generation"];
            v2.contains("restless") && entry["v2"]["sha256"] == sha256(v2.as_bytes())
        };
        let calls = recorded_of_run(world, published);
        assert!(calls.contains(&Call::Ready));
        calls
    };
    survives_recorded(&world, recorded, None, 4 + 2);
}

/// An order of the operator, carried out.
fn ordered(world: &World, args: &[&str]) {
    let mut command = world.command(args);
    command.args(["--layout", "flat", "--upstream"]);
    crate::common::Ran::of(command.arg(world.upstream())).expect(0);
}
