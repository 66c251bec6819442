//! What a guard holds is whole, waits across restarts, and ends in one of three ways.

use std::fs;

use serde_json::{Value, json};

use super::{
    CLIP, assert_published, clip, id, intent, models, order, send, v2_of, waiting, waits, world,
};
use crate::common::scripted::header;
use crate::common::{World, json, sha256};

#[test]
fn a_shrunk_update_is_held_and_said_everywhere() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    let published = world.tree();
    send(&world, &less);
    let ran = world.sync(&[]).expect(1);
    let said = clip(&ran);
    assert_eq!(
        (&said["outcome"], &said["upstream"]),
        (&json!("held"), &json!("downloaded"))
    );
    // What is published, not what waits.
    assert_eq!(
        (&said["models"], &said["v2_sha256"]),
        (&json!(40), &json!(sha256(&v2_of(&full))))
    );
    assert!(
        said["error"].is_null() && said["pinned"].is_null(),
        "{said}"
    );
    let held = &said["held"];
    assert_eq!((&held["models"], &held["removed"]), (&json!(9), &json!(31)));
    assert_eq!(held["v2_sha256"], sha256(&v2_of(&less)));
    let time = |value: &Value| -> jiff::Timestamp { value.as_str().unwrap().parse().unwrap() };
    let hold = time(&held["until"]).duration_since(time(&held["since"]));
    assert_eq!(hold, jiff::SignedDuration::from_hours(24));
    // The command that accepts is named.
    assert!(
        ran.stderr.contains("it would remove 31 of 40 models"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("horde-refd accept clip"), "{ran:#?}");
    let status = json(&world.private().join("status.json"));
    let status = &status["categories"]["clip"];
    assert_eq!((&status["state"], &status["held"]), (&json!("held"), held));
    assert_eq!(status["pinned"], Value::Null);
    let check = order(&world, &["status", "--check"]);
    assert!(check.stdout.contains("clip is held"), "{check:#?}");
    // Nothing that is published was touched, and what waits is whole.
    assert_published(&world, &full);
    for (path, entry) in &published {
        if !path.starts_with(".horde-refd") {
            assert_eq!(world.tree().get(path), Some(entry), "{path:?}");
        }
    }
    assert!(waits(&world, &less));
    let table = order(&world, &["sync"]).expect(1);
    assert!(
        table.stdout.contains("held: it would remove 31 models"),
        "{table:#?}"
    );
}

#[test]
fn what_waits_is_not_downloaded_again_and_neither_force_nor_a_restart_passes() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = World::new();
    send(&world, &full);
    let server = world.serve();
    let url = server.url();
    world.sync_from(&url, &["clip"]).expect(0);
    send(&world, &less);
    let first = clip(&world.sync_from(&url, &["clip"]).expect(1));
    for args in [&["clip"][..], &["--force", "clip"], &["clip"]] {
        let again = clip(&world.sync_from(&url, args).expect(1));
        assert_eq!(again["held"], first["held"], "{args:?}");
        assert_eq!(again["outcome"], "held");
        let forced = args.len() > 1;
        let answer = if forced { "downloaded" } else { "not_modified" };
        assert_eq!(again["upstream"], answer, "{args:?}");
        let request = server.requests().pop().unwrap();
        let sent = header(&request, "if-none-match").is_some();
        assert_eq!(sent, !forced, "{request}");
    }
    assert!(waits(&world, &less));
    assert_published(&world, &full);
    // What waits is damaged: it is asked for again, whole.
    for entry in fs::read_dir(waiting(&world)).unwrap() {
        fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    let whole = clip(&world.sync_from(&url, &["clip"]).expect(1));
    assert_eq!(whole["upstream"], "downloaded");
    assert_eq!(whole["held"], first["held"], "and its time goes on");
    assert!(waits(&world, &less));
}

#[test]
fn what_is_accepted_is_the_version_that_waits() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    send(&world, &less);
    world.sync(&[]).expect(1);
    // The upstream has another one by now, which is not known here.
    let later = models(0..3, "later");
    send(&world, &later);
    let before = fs::metadata(world.v2(CLIP)).unwrap().modified().unwrap();
    let said = order(&world, &["accept", "clip"]).expect(0);
    assert!(said.stdout.contains(&id(&less)), "{said:#?}");
    assert_published(&world, &less);
    assert!(fs::metadata(world.v2(CLIP)).unwrap().modified().unwrap() > before);
    assert!(!waiting(&world).exists());
    assert_eq!(intent(&world)["accept"]["clip"], sha256(&v2_of(&less)));
    let carried = world.state()["intent"]["sha256"].clone();
    assert_eq!(
        carried,
        sha256(&fs::read(world.private().join("intent.json")).unwrap())
    );
    let status = json(&world.private().join("status.json"));
    assert_eq!(status["categories"]["clip"]["held"], Value::Null);
    // The next one is another: 3 of 9 is no shrink of a category that small.
    world.sync(&[]).expect(0);
    assert_published(&world, &later);
}

#[test]
fn an_acceptance_counts_once() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    for round in 0..3 {
        send(&world, &less);
        let ran = world.sync(&[]).expect(1);
        assert_eq!(clip(&ran)["outcome"], "held", "round {round}");
        assert_published(&world, &full);
        order(&world, &["accept", "clip"]).expect(0);
        assert_published(&world, &less);
        send(&world, &full);
        world.sync(&[]).expect(0);
        assert_published(&world, &full);
    }
}

#[test]
fn where_nothing_is_held_nothing_is_written() {
    let full = models(0..40, "full");
    let mirror = world(&full);
    let before = mirror.tree();
    let refused = order(&mirror, &["accept", "clip"]).expect(1);
    assert!(
        refused.stderr.contains("nothing of clip is held"),
        "{refused:#?}"
    );
    assert_eq!(mirror.tree(), before);
    // One of two is not held: neither is accepted.
    send(&mirror, &models(0..1, "less"));
    mirror.sync(&[]).expect(1);
    let before = mirror.tree();
    order(&mirror, &["accept", "clip", "blip"]).expect(1);
    assert_eq!(mirror.tree(), before);
    // And a mirror that is not there is not made.
    let none = World::empty();
    order(&none, &["accept", "clip"]).expect(1);
    assert!(!none.mirror().exists());
}

#[test]
fn after_its_hold_the_poll_that_still_says_so_publishes() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    let config = world.path("config.toml");
    fs::write(&config, "[guard]\nhold = \"2s\"\n").unwrap();
    let args = ["-c", config.to_str().unwrap(), "clip"];
    send(&world, &less);
    let first = clip(&world.sync(&args).expect(1))["held"].clone();
    // Another one that would be held too: the time goes on.
    let other = models(0..8, "other");
    send(&world, &other);
    let second = clip(&world.sync(&args).expect(1))["held"].clone();
    assert_eq!(second["since"], first["since"]);
    assert_ne!(second["v2_sha256"], first["v2_sha256"]);
    let until: jiff::Timestamp = second["until"].as_str().unwrap().parse().unwrap();
    let mut last = Value::Null;
    crate::common::until("the hold is over", || {
        let now = jiff::Timestamp::now();
        let ran = world.sync(&args);
        last = clip(&ran);
        let over = last["outcome"] == "updated";
        assert!(over || last["outcome"] == "held", "{ran:#?}");
        assert!(!over || jiff::Timestamp::now() >= until, "too early");
        assert!(over || now < until, "too late");
        over
    });
    assert_eq!(last["changes"]["removed"], 32);
    assert_published(&world, &other);
    assert!(!waiting(&world).exists());
    world.sync(&args).expect(0);
}

#[test]
fn when_the_upstream_thinks_better_of_it_nothing_is_held() {
    let full = models(0..40, "full");
    let world = world(&full);
    let server = world.serve();
    let url = server.url();
    world.sync_from(&url, &["clip"]).expect(0);
    let more = models(0..41, "more");
    for recovered in [&full, &more] {
        send(&world, &models(0..9, "less"));
        world.sync_from(&url, &["clip"]).expect(1);
        assert!(waiting(&world).exists());
        send(&world, recovered);
        let ran = world.sync_from(&url, &["clip"]).expect(0);
        assert!(clip(&ran)["held"].is_null(), "{ran:#?}");
        assert!(!waiting(&world).exists());
        assert_published(&world, recovered);
        // And the next poll is conditional again.
        let ran = world.sync_from(&url, &["clip"]).expect(0);
        assert_eq!(clip(&ran)["upstream"], "not_modified");
    }
}

#[test]
fn an_emptied_reference_is_held_until_it_is_accepted_however_small_it_is() {
    // Two models, and a hold of nothing: that is for what has shrunk.
    let world = world(&models(0..2, "two"));
    let config = world.path("config.toml");
    fs::write(
        &config,
        "[guard]\nhold = \"0s\"\nmin_models = 0\nmax_removed = 1.0\n",
    )
    .unwrap();
    let args = ["-c", config.to_str().unwrap(), "clip"];
    send(&world, b"{}\n");
    for _ in 0..2 {
        let held = clip(&world.sync(&args).expect(1))["held"].clone();
        assert_eq!((&held["models"], &held["removed"]), (&json!(0), &json!(2)));
        assert_eq!(held["until"], Value::Null);
    }
    // 0 bytes are no reference at all, and what waits goes on waiting.
    send(&world, b"");
    assert_eq!(clip(&world.sync(&args).expect(1))["outcome"], "failed");
    assert_published(&world, &models(0..2, "two"));
    order(&world, &["accept", "clip"]).expect(0);
    assert_published(&world, b"{}\n");
}

#[test]
fn a_text_reference_cut_after_its_header_is_held_and_not_stored() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let text = horde_refd::category::Category::TextGeneration;
    let files = [world.v2(text), world.legacy(text)];
    let good = files.each_ref().map(|file| fs::read(file).unwrap());
    fs::write(world.sent(text), "name,parameters_bn\r\n").unwrap();
    let ran = world.sync(&[]).expect(1);
    assert_eq!(ran.fared(text).0, "held");
    assert_eq!(files.each_ref().map(|file| fs::read(file).unwrap()), good);
}

#[test]
fn where_nothing_is_published_nothing_is_guarded() {
    let world = World::new();
    send(&world, b"{}\n");
    world.sync(&[]).expect(0);
    assert_published(&world, b"{}\n");
    send(&world, &models(0..40, "full"));
    world.sync(&[]).expect(0);
    assert_published(&world, &models(0..40, "full"));
}

#[test]
fn models_are_counted_by_their_names() {
    let world = world(&models(0..40, "old"));
    // As many as before, and no name is left.
    send(&world, &models(100..140, "new"));
    let held = clip(&world.sync(&[]).expect(1))["held"].clone();
    assert_eq!(
        (&held["models"], &held["removed"]),
        (&json!(40), &json!(40))
    );
    // Three quarters may go.
    send(&world, &models(30..40, "new"));
    world.sync(&[]).expect(0);
    assert_published(&world, &models(30..40, "new"));
}
