//! Edits in the mirror are guarded as downloads are.

use std::fs;

use serde_json::json;

use super::{CLIP, assert_published, clip, models, order, send, v2_of, waiting, world};
use crate::common::sha256;

#[test]
fn an_edit_that_shrinks_is_held_until_the_upstreams_file_is_back() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    world.rename_into(&world.legacy(CLIP), &less);
    // The upstream cannot be asked: the edit is looked at alone.
    let ran = world
        .sync_from("/nonexistent/upstream", &["clip"])
        .expect(1);
    let said = clip(&ran);
    assert_eq!(said["held"]["removed"], 31, "{said}");
    assert_eq!(fs::read(world.v2(CLIP)).unwrap(), v2_of(&full));
    assert_eq!(fs::read(world.legacy(CLIP)).unwrap(), less);
    world.assert_whole();
    world.sync(&["clip"]).expect(0);
    assert_published(&world, &full);
    assert!(!waiting(&world).exists());
}

#[test]
fn an_edit_of_the_origin_is_held_and_accepted() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    let config = world.path("config.toml");
    fs::write(&config, "replicate_mode = \"primary\"\n").unwrap();
    let args = ["-c", config.to_str().unwrap()];
    world.rename_into(&world.legacy(CLIP), &less);
    let said = clip(&world.sync(&args).expect(1));
    assert_eq!(
        (&said["outcome"], &said["held"]["models"]),
        (&json!("held"), &json!(9))
    );
    let again = clip(&world.sync(&args).expect(1));
    assert_eq!(again["held"], said["held"], "it goes on");
    order(&world, &[&["accept", "clip"], &args[..]].concat()).expect(0);
    assert_published(&world, &less);
    world.sync(&args).expect(0);
    // A pin keeps edits out, and leaves them where they are; without it they are published.
    order(&world, &[&["rollback", "clip"], &args[..]].concat()).expect(0);
    assert_published(&world, &full);
    let more = models(0..45, "more");
    world.rename_into(&world.legacy(CLIP), &more);
    let said = clip(&world.sync(&args).expect(0));
    assert_eq!(
        (&said["outcome"], &said["pinned"]),
        (&json!("unchanged"), &json!(true))
    );
    assert_eq!(said["v2_sha256"], sha256(&v2_of(&full)));
    assert_eq!(fs::read(world.legacy(CLIP)).unwrap(), more);
    order(&world, &[&["unpin", "clip"], &args[..]].concat()).expect(0);
    assert_published(&world, &more);
}

#[test]
fn beside_what_an_upstream_sent_that_waits_an_edit_is_published() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = world(&full);
    send(&world, &less);
    world.sync(&["clip"]).expect(1);
    let edited = models(0..39, "edited");
    world.rename_into(&world.legacy(CLIP), &edited);
    let said = clip(&world.sync(&["clip"]).expect(1));
    assert_eq!(
        (&said["outcome"], &said["held"]["removed"]),
        (&json!("held"), &json!(30))
    );
    assert_eq!(said["changes"]["removed"], 1);
    assert_published(&world, &edited);
    assert!(super::waits(&world, &less));
}
