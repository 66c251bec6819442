//! What really happened upstream, version after version: the guard as it is by default never held any of it.

use std::fs;

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::need::need_shared;
use crate::common::{Ran, World};

#[test]
fn no_update_that_really_happened_is_held() {
    let history = need_shared!().join("corpus/history");
    let index = fs::read_to_string(history.join("index.jsonl")).unwrap();
    let versions: Vec<Value> = index
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for policy in ["reject", "skip"] {
        let world = World::empty();
        let config = world.path("config.toml");
        fs::write(&config, format!("on_invalid_record = {policy:?}\n")).unwrap();
        let (mut published, mut left_out) = (0, 0);
        for version in &versions {
            let file = version["file"].as_str().unwrap();
            let category = Category::with_legacy()
                .find(|category| category.legacy_file() == file)
                .unwrap();
            let path = history.join(file).join(version["id"].as_str().unwrap());
            let legacy = fs::read(path.with_extension("legacy")).unwrap();
            world.rename_into(&world.sent(category), &legacy);
            let ran = world.sync(&["-c", config.to_str().unwrap(), category.name()]);
            let said = &ran.json()["categories"][category.name()];
            let outcome = said["outcome"].as_str().unwrap();
            assert_ne!(outcome, "held", "{policy} {}: {said}", path.display());
            // What the reference makes models of is published, and by `reject` nothing else. Of a `models.csv` without a
            // header it makes none, and here that is no reference at all.
            let v2 = fs::read_to_string(path.with_extension("v2")).ok();
            let v2 = v2.filter(|v2| v2.trim_end() != "{}");
            let is_published = ["updated", "unchanged"].contains(&outcome);
            assert!(is_published || v2.is_none(), "{}: {said}", path.display());
            if let Some(v2) = &v2 {
                assert!(fs::read_to_string(world.v2(category)).unwrap() == *v2);
            }
            assert!(policy == "skip" || is_published == v2.is_some(), "{said}");
            assert_eq!(ran.code, Some(i32::from(!is_published)), "{ran:?}");
            published += usize::from(is_published);
            left_out += said["dropped"].as_u64().unwrap();
        }
        let enough = match policy {
            "reject" => published > 20 && left_out == 0,
            _ => published > 35 && left_out > 200,
        };
        assert!(
            enough,
            "{policy}: {published} published, {left_out} left out"
        );
        world.assert_whole();
    }
}

/// The real drops by more than a tenth, of which no version is at hand: what was there, and what was left of it.
#[test]
fn the_real_drops_are_published_at_once() {
    let drops = [(231, 177), (734, 250), (5, 2), (20, 16), (5, 3)];
    for (before, after) in drops {
        let world = super::world(&super::models(0..before, "before"));
        let left = super::models(0..after, "after");
        super::send(&world, &left);
        let ran: Ran = world.sync(&["clip"]).expect(0);
        assert_eq!(super::clip(&ran)["changes"]["removed"], before - after);
        super::assert_published(&world, &left);
    }
}
