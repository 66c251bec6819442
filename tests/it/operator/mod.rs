//! In the operator's hands: what a guard holds, what a pin keeps, and the commands that decide.

mod beside;
mod crash;
mod edits;
mod guard;
mod held;
mod lanes;
mod orders;

use std::ops::Range;
use std::path::PathBuf;

use horde_refd::category::Category;
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;
use serde_json::Value;

use crate::common::{Ran, World, kills, sha256};

const CLIP: Category = Category::Clip;

/// A legacy file with the models of these numbers, `mark` in each.
fn models(numbers: Range<u32>, mark: &str) -> Vec<u8> {
    let one =
        |number| format!("\"m{number}\": {{\"name\": \"m{number}\", \"description\": \"{mark}\"}}");
    let all: Vec<String> = numbers.map(one).collect();
    format!("{{{}}}\n", all.join(",\n")).into_bytes()
}

/// The v2 file that a legacy file of [`CLIP`] gives.
fn v2_of(legacy: &[u8]) -> Vec<u8> {
    convert(CLIP, legacy, OnInvalidRecord::Reject).unwrap().v2
}

/// The id of the generation that a legacy file gives.
fn id(legacy: &[u8]) -> String {
    sha256(&v2_of(legacy))[..12].to_owned()
}

/// A mirror of an upstream with 40 models, as `legacy` has them.
fn world(legacy: &[u8]) -> World {
    published(World::new(), legacy)
}

/// The same in a world of the test's choice.
fn published(world: World, legacy: &[u8]) -> World {
    send(&world, legacy);
    world.sync(&[]).expect(0);
    world
}

fn send(world: &World, legacy: &[u8]) {
    world.rename_into(&world.sent(CLIP), legacy);
}

/// What `sync --json` says of [`CLIP`].
fn clip(ran: &Ran) -> Value {
    ran.json()["categories"]["clip"].clone()
}

/// What the mirror has, both files and the manifest, is what this legacy file gives.
#[track_caller]
fn assert_published(world: &World, legacy: &[u8]) {
    let read = |path| String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    assert_eq!(read(world.v2(CLIP)).into_bytes(), v2_of(legacy));
    assert_eq!(read(world.legacy(CLIP)).into_bytes(), legacy);
    let entry = &world.manifest()["categories"]["clip"];
    assert_eq!(entry["v2"]["sha256"], sha256(&v2_of(legacy)));
    assert_eq!(entry["made_from"]["sha256"], sha256(legacy));
    world.assert_whole();
}

/// Where what waits lies.
fn waiting(world: &World) -> PathBuf {
    world.private().join("waiting/clip")
}

/// Whether this body waits, whole.
fn waits(world: &World, legacy: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(waiting(world)) else {
        return false;
    };
    let files: Vec<_> = entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    files.contains(&legacy.to_vec()) && files.contains(&v2_of(legacy))
}

/// A command of the operator; it needs no upstream.
fn order(world: &World, args: &[&str]) -> Ran {
    let mut command = world.command(args);
    command.args(["--layout", "flat", "--upstream"]);
    Ran::of(command.arg(world.upstream()))
}

fn intent(world: &World) -> Value {
    crate::common::json(&world.private().join("intent.json"))
}

/// Runs `act` beside a reader that holds the v2 file of [`CLIP`] to be one of these, at every moment; how often it read.
fn beside_a_reader(world: &World, versions: &[Vec<u8>], act: impl FnOnce()) -> usize {
    kills::beside_a_reader(&[(world.v2(CLIP), versions.to_vec())], act)
}
