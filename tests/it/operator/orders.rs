//! `rollback` and `unpin` without a daemon: what they publish, what they refuse, and what a pin keeps out.

use std::fs;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::{CLIP, assert_published, clip, id, intent, models, order, send, v2_of, waits, world};
use crate::common::{World, json, sha256};

/// A mirror that published each of these, one after the other.
fn history(versions: &[&[u8]]) -> World {
    let world = world(versions[0]);
    for version in &versions[1..] {
        send(&world, version);
        world.sync(&[]).expect(0);
    }
    world
}

fn mtime(world: &World) -> SystemTime {
    fs::metadata(world.v2(CLIP)).unwrap().modified().unwrap()
}

#[test]
fn each_rollback_goes_one_further_back_and_unpin_follows_the_upstream_again() {
    let [a, b, c] = ["a", "b", "c"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b, &c]);
    for (version, name) in [(&b, "b"), (&a, "a")] {
        let before = mtime(&world);
        let said = order(&world, &["rollback", "clip"]).expect(0);
        assert!(said.stdout.contains(&id(version)), "{said:#?}");
        assert_published(&world, version);
        assert_ne!(mtime(&world), before, "{name}");
        let pinned = sha256(&v2_of(version));
        assert_eq!(intent(&world)["pin"]["clip"], pinned);
        // Polls go on, and nothing is published.
        let published = mtime(&world);
        for args in [&[][..], &["--force"]] {
            let said = clip(&world.sync(args).expect(0));
            assert_eq!(
                (&said["outcome"], &said["pinned"]),
                (&json!("unchanged"), &json!(true))
            );
            assert_eq!(said["v2_sha256"], pinned);
            assert_eq!(
                said["held"]["v2_sha256"],
                sha256(&v2_of(&c)),
                "what waits is said"
            );
        }
        assert_published(&world, version);
        assert_eq!(mtime(&world), published);
        assert!(waits(&world, &c));
        let status = json(&world.private().join("status.json"));
        let status = &status["categories"]["clip"];
        assert_eq!(
            (&status["state"], &status["pinned"]),
            (&json!("pinned"), &json!(id(version)))
        );
        let check = order(&world, &["status", "--check"]);
        assert!(
            !check.stdout.contains("clip"),
            "pinned is healthy: {check:#?}"
        );
    }
    let refused = order(&world, &["rollback", "clip"]).expect(1);
    assert!(
        refused.stderr.contains("there is nothing to go back to"),
        "{refused:#?}"
    );
    let accept = order(&world, &["accept", "clip"]).expect(1);
    assert!(
        accept.stderr.contains("horde-refd unpin clip"),
        "{accept:#?}"
    );
    // Without asking the upstream: what it sent last waits here.
    fs::remove_file(world.sent(CLIP)).unwrap();
    order(&world, &["unpin", "clip"]).expect(0);
    assert_published(&world, &c);
    assert_eq!(intent(&world)["pin"], json!({}));
    let state = json(&world.private().join("status.json"))["categories"]["clip"]["pinned"].clone();
    assert_eq!(state, Value::Null);
    // Nothing to take off.
    let again = order(&world, &["unpin", "clip"]).expect(0);
    assert!(again.stderr.contains("clip is not pinned"), "{again:#?}");
}

#[test]
fn a_generation_is_named_by_any_unique_beginning() {
    let [a, b, c] = ["a", "b", "c"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b, &c]);
    let before = world.tree();
    for (to, words) in [
        ("0000", "no generation of clip begins with 0000"),
        ("nonsense", "'nonsense' names no generation"),
        (&id(&a)[..3], "write at least 4 of its hexadecimal digits"),
        ("", "write at least 4 of its hexadecimal digits"),
    ] {
        let refused = order(&world, &["rollback", "clip", "--to", to]).expect(1);
        assert!(refused.stderr.contains(words), "{refused:#?}");
        assert!(
            to.len() < 4 || refused.stderr.contains(&id(&b)),
            "{refused:#?}"
        );
    }
    let refused = order(&world, &["rollback", "lora"]).expect(1);
    assert!(
        refused.stderr.contains("no generation of lora is kept"),
        "{refused:#?}"
    );
    assert_eq!(world.tree(), before, "nothing is written");
    order(&world, &["rollback", "clip", "--to", &id(&a)[..4]]).expect(0);
    assert_published(&world, &a);
    order(&world, &["rollback", "clip", "--to", &sha256(&v2_of(&b))]).expect(0);
    assert_published(&world, &b);
    // The published one can be pinned as it is.
    order(&world, &["unpin", "clip"]).expect(0);
    let published = mtime(&world);
    order(&world, &["rollback", "clip", "--to", &id(&c)]).expect(0);
    assert_published(&world, &c);
    assert_eq!(mtime(&world), published);
    // A kept file that is damaged is not published.
    let generation = world
        .private()
        .join(format!("generations/clip/{}.v2", id(&a)));
    fs::write(generation, "damaged").unwrap();
    let refused = order(&world, &["rollback", "clip", "--to", &id(&a)]).expect(1);
    assert!(refused.stderr.contains("is damaged"), "{refused:#?}");
}

#[test]
fn what_is_damaged_is_passed_over_on_the_way_back() {
    let [a, b, c] = ["a", "b", "c"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b, &c]);
    let copy = |legacy: &[u8]| {
        let name = format!("generations/clip/{}.v2", id(legacy));
        world.private().join(name)
    };
    fs::write(copy(&b), "damaged").unwrap();
    order(&world, &["rollback", "clip"]).expect(0);
    assert_published(&world, &a);
    order(&world, &["unpin", "clip"]).expect(0);
    // The copy of what is published is damaged as well, and still the place to go back from.
    fs::write(copy(&c), "damaged").unwrap();
    fs::remove_file(copy(&a)).unwrap();
    let before = world.tree();
    let refused = order(&world, &["rollback", "clip"]).expect(1);
    assert!(
        refused.stderr.contains("no older generation"),
        "{refused:#?}"
    );
    assert_eq!(world.tree(), before, "nothing is written");
}

#[test]
fn a_pin_keeps_out_whatever_the_upstream_says_and_lets_the_guard_judge_what_waited() {
    let [a, b] = ["a", "b"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b]);
    order(&world, &["rollback", "clip"]).expect(0);
    for body in [
        &b"{}\n"[..],
        b"{\"a\": {}}\n",
        &models(0..41, "d"),
        &models(0..5, "less"),
    ] {
        send(&world, body);
        let said = clip(&world.sync(&[]).expect(0));
        assert_eq!(
            (&said["outcome"], &said["error"]),
            (&json!("unchanged"), &Value::Null)
        );
        assert_published(&world, &a);
    }
    // The last one lacks too many models of what is published: unpinned it is held.
    order(&world, &["unpin", "clip"]).expect(0);
    assert_published(&world, &a);
    let said = clip(&world.sync(&[]).expect(1));
    assert_eq!(
        (&said["outcome"], &said["held"]["removed"]),
        (&json!("held"), &json!(35))
    );
    order(&world, &["accept", "clip"]).expect(0);
    assert_published(&world, &models(0..5, "less"));
}

#[test]
fn what_is_pinned_is_mended_and_never_pruned() {
    let [a, b] = ["a", "b"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b]);
    order(&world, &["rollback", "clip"]).expect(0);
    fs::write(world.v2(CLIP), "damaged").unwrap();
    fs::remove_file(world.legacy(CLIP)).unwrap();
    world.sync(&["clip"]).expect(0);
    assert_published(&world, &a);
    // An edit gives way at the next poll.
    world.rename_into(&world.legacy(CLIP), &models(0..40, "edited"));
    world.sync(&["clip"]).expect(0);
    assert_published(&world, &a);
    // Without a manifest and a state it is published all the same.
    for file in ["manifest.json", ".horde-refd/state.json"] {
        fs::remove_file(world.mirror().join(file)).unwrap();
    }
    world.sync(&[]).expect(0);
    assert_published(&world, &a);
    order(&world, &["unpin", "clip"]).expect(0);
    let config = world.path("config.toml");
    fs::write(&config, "[history]\nkeep = 1\n").unwrap();
    let args = ["-c", config.to_str().unwrap()];
    order(&world, &["rollback", "clip", "--to", &id(&a)]).expect(0);
    // Another category publishes, and so does this one when nothing is pinned: only then the old one goes.
    world.edit(horde_refd::category::Category::Blip, "Writes", "Sings");
    world.sync(&args).expect(0);
    let kept = world
        .private()
        .join(format!("generations/clip/{}.v2", id(&a)));
    assert!(kept.exists());
    order(&world, &["unpin", "clip"]).expect(0);
    send(&world, &models(0..40, "e"));
    world.sync(&args).expect(0);
    assert!(!kept.exists());
}

#[test]
fn orders_that_cannot_be_read_are_said_and_the_pins_stay() {
    let [a, b] = ["a", "b"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b]);
    order(&world, &["rollback", "clip"]).expect(0);
    let file = world.private().join("intent.json");
    for text in ["", "{", "[]", "{\"pin\": {\"clip\": 1}}"] {
        fs::write(&file, text).unwrap();
        let ran = world.sync(&[]).expect(0);
        assert!(ran.stderr.contains("intent.json"), "{text}: {ran:#?}");
        assert_published(&world, &a);
        let refused = order(&world, &["unpin", "clip"]).expect(1);
        assert!(
            refused.stderr.contains("mend it, or remove it"),
            "{refused:#?}"
        );
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            text,
            "it is the operator's"
        );
    }
    // Removed, it orders nothing.
    fs::remove_file(&file).unwrap();
    world.sync(&[]).expect(0);
    assert_published(&world, &b);
}

#[test]
fn an_order_for_another_category_is_carried_out_by_any_cycle() {
    let [a, b] = ["a", "b"].map(|mark| models(0..40, mark));
    let world = history(&[&a, &b]);
    let wanted =
        json!({"pin": {"clip": sha256(&v2_of(&a))}, "accept": {"blip": sha256(b"not here")}});
    let file = world.private().join("intent.json");
    fs::write(&file, wanted.to_string()).unwrap();
    world.sync(&["esrgan"]).expect(0);
    assert_published(&world, &a);
    assert_eq!(
        world.state()["intent"]["sha256"],
        sha256(wanted.to_string().as_bytes())
    );
    assert_eq!(json(&file), wanted, "it is written by commands alone");
    // A pin of what is gone: what is published stays, and the words say what to do.
    let gone = json!({"pin": {"clip": sha256(b"gone")}});
    fs::write(&file, gone.to_string()).unwrap();
    let ran = world.sync(&[]).expect(1);
    assert!(
        ran.error(CLIP).contains("horde-refd unpin clip"),
        "{ran:#?}"
    );
    assert_published(&world, &a);
}
