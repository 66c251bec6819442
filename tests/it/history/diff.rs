//! `diff`.

use std::fs;

use horde_refd::category::Category;
use serde_json::json;

use super::{CLIP, ONE, THREE, TWO, publish};
use crate::common::{Ran, World, edit};

const TEXT: Category = Category::TextGeneration;

fn diff(world: &World, args: &[&str]) -> Ran {
    world.run(&[&["diff", "clip"], args].concat())
}

#[test]
fn models_and_fields_that_differ_between_generations() {
    let world = World::empty();
    let [one, two, three] = [ONE, TWO, THREE].map(|legacy| publish(&world, legacy));
    let description = json!({"description": {"from": "first", "to": "second"}});
    let newest = json!({"added": ["c"], "removed": ["b"], "changed": {}});
    let oldest = json!({"added": [], "removed": [], "changed": {"a": description}});
    let both = json!({"added": ["c"], "removed": ["b"], "changed": {"a": description}});
    // By default the next older one against the present one.
    assert_eq!(diff(&world, &["--json"]).expect(0).json(), newest);
    assert_eq!(diff(&world, &["--json", &two]).expect(0).json(), newest);
    assert_eq!(diff(&world, &["--json", &one]).expect(0).json(), both);
    assert_eq!(
        diff(&world, &["--json", &one[..4], &two[..5]])
            .expect(0)
            .json(),
        oldest
    );
    let same = diff(&world, &["--json", &three, &three, "--exit-code"])
        .expect(0)
        .json();
    assert_eq!(same, json!({"added": [], "removed": [], "changed": {}}));
    for args in [["--exit-code"].as_slice(), &["--exit-code", "--json"]] {
        diff(&world, args).expect(1);
    }
    let text = diff(&world, &[&one]).expect(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains(&format!("clip: {one} (")), "{text}");
    assert!(lines[0].ends_with("Z): +1 -1 ~1"), "{text}");
    assert_eq!(
        lines[1..],
        [
            "+ c",
            "- b",
            "~ a",
            "    description: \"first\" -> \"second\""
        ]
    );
    let colored = diff(&world, &[&one, "--color", "always"]).expect(0).stdout;
    assert!(colored.contains("\u{1b}[32m+ c\u{1b}[0m"), "{colored}");
}

#[test]
fn numbers_are_as_exact_as_in_the_file() {
    let world = World::empty();
    for number in ["9007199254740992", "9007199254740993"] {
        let csv = format!("name,parameters_bn,settings\na,1,\"{{\"\"x\"\": {number}}}\"\n");
        fs::write(world.sent(TEXT), csv).unwrap();
        world.sync(&["text_generation"]).expect(0);
    }
    let ran = world.run(&["diff", "text_generation", "--json"]).expect(0);
    let json = ran.stdout;
    assert!(json.contains("\"to\": 9007199254740993"), "{json}");
}

#[test]
fn an_edited_file_is_compared_with_the_newest_generation() {
    let world = World::empty();
    publish(&world, TWO);
    edit(&world.legacy(CLIP), "second", "edited");
    fs::remove_file(world.sent(CLIP)).unwrap();
    world.sync(&["clip"]).expect(1);
    let json = diff(&world, &["--json"]).expect(0).json();
    let expected = json!({"description": {"from": "second", "to": "edited"}});
    assert_eq!(json["changed"]["a"], expected);
}

#[test]
fn what_cannot_be_compared_is_said_and_exits_with_1() {
    let world = World::empty();
    let said = |args: &[&str], words: &str| {
        let ran = diff(&world, args).expect(1);
        assert!(
            ran.stdout.is_empty() && ran.stderr.contains(words),
            "{ran:?}"
        );
    };
    said(&[], "no clip is published yet: there is nothing to compare");
    assert!(!world.mirror().exists());
    let one = publish(&world, ONE);
    said(
        &[],
        &format!("no generation of clip is older than the present one ({one})"),
    );
    said(
        &["0f3"],
        "'0f3' names no generation: write at least 4 of its hexadecimal digits",
    );
    said(&["newest"], "'newest' names no generation");
    said(
        &["ffff0000ffff"],
        "no generation of clip begins with ffff0000ffff; kept are ",
    );
    said(
        &[&one, "ffff0000ffff"],
        "no generation of clip begins with ffff0000ffff",
    );
}
