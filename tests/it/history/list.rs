//! `history`.

use std::fs;

use serde_json::{Value, json};

use super::{CLIP, ONE, THREE, TWO, publish};
use crate::common::{World, edit, sha256};

fn list(world: &World) -> Vec<Value> {
    let ran = world.run(&["history", "clip", "--json"]).expect(0);
    ran.json()["clip"].as_array().unwrap().clone()
}

fn ids(list: &[Value], which: impl Fn(&Value) -> bool) -> Vec<&str> {
    let chosen = list.iter().filter(|one| which(one));
    chosen
        .map(|one| one["generation"].as_str().unwrap())
        .collect()
}

#[test]
fn each_generation_says_when_from_where_how_many_and_what_changed() {
    let world = World::empty();
    let [one, two, three] = [ONE, TWO, THREE].map(|legacy| publish(&world, legacy));
    let list = list(&world);
    assert_eq!(ids(&list, |_| true), [&three, &two, &one]);
    assert_eq!(ids(&list, |one| one["current"] == true), [&three]);
    assert_eq!(ids(&list, |one| one["pinned"] == true), [""; 0]);
    let changes = list.iter().map(|one| one["changes"].clone());
    let counts =
        |added, removed, changed| json!({"added": added, "removed": removed, "changed": changed});
    let expected = [counts(1, 1, 0), counts(0, 0, 1), counts(2, 0, 0)];
    assert_eq!(changes.collect::<Vec<_>>(), expected);
    let newest = list[0].as_object().unwrap();
    let keys: Vec<_> = newest.keys().collect();
    let contract = "generation published_at v2_sha256 models source changes current pinned";
    assert_eq!(keys, contract.split(' ').collect::<Vec<_>>());
    assert_eq!(
        newest["v2_sha256"],
        sha256(&fs::read(world.v2(CLIP)).unwrap())
    );
    assert_eq!(
        (&newest["models"], &newest["source"]),
        (&json!(2), &json!("flat"))
    );
    let at = &world.manifest()["categories"]["clip"]["published_at"];
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(
        time(at)
            .duration_since(time(&newest["published_at"]))
            .as_secs()
            < 60
    );
    // All of the mirror: one key a category that has some.
    let all = world.run(&["history", "--json"]).expect(0).json();
    assert_eq!(all, json!({"clip": list}));
    let text = world.run(&["history"]).expect(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "clip");
    assert!(
        lines[2].starts_with(&three) && lines[2].ends_with("current"),
        "{text}"
    );
    assert!(lines[3].contains("+0 -0 ~1"), "{text}");
    assert!(lines.iter().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn a_version_that_comes_again_is_the_newest() {
    let world = World::empty();
    let [one, two] = [ONE, TWO].map(|legacy| publish(&world, legacy));
    assert_eq!(publish(&world, ONE), one);
    assert_eq!(ids(&list(&world), |_| true), [&one, &two]);
}

#[test]
fn the_pinned_one_is_what_the_intent_says() {
    let world = World::empty();
    let [one, two] = [ONE, TWO].map(|legacy| publish(&world, legacy));
    let intent = world.private().join("intent.json");
    let pinned = || {
        let list = list(&world);
        ids(&list, |one| one["pinned"] == true).join(" ")
    };
    let sha256 = list(&world)[1]["v2_sha256"].clone();
    fs::write(
        &intent,
        json!({"pin": {"clip": sha256}, "accept": {}}).to_string(),
    )
    .unwrap();
    assert_eq!(pinned(), one);
    let text = world.run(&["history", "clip"]).expect(0).stdout;
    assert!(text.lines().nth(3).unwrap().ends_with("pinned"), "{text}");
    // What cannot be read pins nothing.
    for damage in ["", "{\"pin\": 7}", "{\"pin\": {\"clip\": \"01\"}}", "[]"] {
        fs::write(&intent, damage).unwrap();
        assert_eq!(pinned(), "", "{damage}");
    }
    assert_ne!(one, two);
}

#[test]
fn a_damaged_generation_is_not_listed_and_an_edit_is_said_to_be_none() {
    let world = World::empty();
    let [one, two] = [ONE, TWO].map(|legacy| publish(&world, legacy));
    let copy = world.private().join(format!("generations/clip/{one}.v2"));
    fs::write(&copy, "damaged").unwrap();
    assert_eq!(ids(&list(&world), |_| true), [&two]);
    fs::remove_file(world.sent(CLIP)).unwrap();
    edit(&world.legacy(CLIP), "second", "edited");
    world.sync(&["clip"]).expect(1);
    assert_eq!(ids(&list(&world), |one| one["current"] == true), [""; 0]);
    let text = world.run(&["history", "clip"]).expect(0).stdout;
    assert!(
        text.contains("is no generation: a file was edited in place"),
        "{text}"
    );
}

#[test]
fn a_mirror_without_generations_has_no_history() {
    let world = World::empty();
    let text = world.run(&["history"]).expect(0).stdout;
    assert_eq!(text, "no generation is kept yet\n");
    let one = world.run(&["history", "clip", "--json"]).expect(0).json();
    assert_eq!(one, json!({"clip": []}));
    assert_eq!(
        world.run(&["history", "--json"]).expect(0).json(),
        json!({})
    );
    assert!(!world.mirror().exists());
}
