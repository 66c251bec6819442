//! `on_invalid_record = "skip"`: a bad record is left out and counted, everywhere the same.

use std::fs;

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::{Ran, World};

const CLIP: Category = Category::Clip;
const TEXT: Category = Category::TextGeneration;

const MIXED: &str =
    r#"{"good": {"name": "good"}, "bad": {"name": 1}, "worse": {}, "odd": [], "last": 7}"#;
const GOOD: &str = r#"{"good": {"name": "good"}}"#;

/// A world with the sample and this policy; its arguments.
fn world(policy: &str) -> (World, [String; 2]) {
    let world = World::new();
    let config = configure(&world, policy);
    (world, config)
}

fn configure(world: &World, policy: &str) -> [String; 2] {
    let config = world.path("config.toml");
    let metrics = world.path("metrics.prom");
    let lines = format!(
        "on_invalid_record = \"{policy}\"\nmetrics_file = \"{}\"\n",
        metrics.display()
    );
    fs::write(&config, lines).unwrap();
    ["-c".to_owned(), config.display().to_string()]
}

fn sync(world: &World, config: &[String; 2], args: &[&str]) -> Ran {
    let config = config.each_ref().map(String::as_str);
    world.sync(&[&config, args].concat())
}

fn clip(ran: &Ran) -> Value {
    ran.json()["categories"]["clip"].clone()
}

#[test]
fn what_is_left_out_is_counted_in_every_place() {
    let (world, config) = world("skip");
    fs::write(world.sent(CLIP), MIXED).unwrap();
    let ran = sync(&world, &config, &[]).expect(0);
    let of_clip = clip(&ran);
    assert_eq!(
        (&of_clip["dropped"], &of_clip["models"]),
        (&4.into(), &1.into())
    );
    assert_eq!(of_clip["outcome"], "updated");
    // The rest is what the reference makes of the rest, and the legacy file is the upstream's.
    let rest = Ran::fed(&mut world.command(&["convert", "clip"]), GOOD.as_bytes()).expect(0);
    assert_eq!(fs::read_to_string(world.v2(CLIP)).unwrap(), rest.stdout);
    assert_eq!(fs::read_to_string(world.legacy(CLIP)).unwrap(), MIXED);
    let entry = &world.manifest()["categories"]["clip"];
    assert_eq!(entry["v2"]["dropped"], 4);
    assert_eq!(entry["made_from"]["on_invalid_record"], "skip");
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["categories"]["clip"]["dropped"], 4);
    assert_eq!(status["categories"]["blip"]["dropped"], 0);
    let shown = world.run(&["status"]).expect(0).stdout;
    let words = "clip: 4 records are left out of what is published";
    assert!(shown.contains(words), "{shown}");
    let metrics = fs::read_to_string(world.path("metrics.prom")).unwrap();
    let sample = "horde_refd_dropped_records{category=\"clip\"} 4";
    assert!(metrics.contains(sample), "{metrics}");
    let check = world.run(&["check", "clip"]).expect(1).stdout;
    for name in ["bad", "worse", "odd", "last"] {
        assert!(
            check.contains(&format!("REJECTED model '{name}'")),
            "{check}"
        );
    }
    let check = world.run(&["check", "--json", "clip"]).expect(1).json();
    let rejected = check["clip"]["rejected"].as_str().unwrap();
    assert_eq!(rejected.matches("model '").count(), 4, "{rejected}");
    world.assert_whole();
}

#[test]
fn the_log_says_it_once_when_it_begins_and_when_the_number_changes() {
    let (world, config) = world("skip");
    let lines = |ran: &Ran| {
        let lines = ran.stderr.lines();
        let lines = lines.filter(|line| line.contains("left out"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&sync(&world, &config, &[]).expect(0)), [""; 0]);
    fs::write(world.sent(CLIP), MIXED).unwrap();
    let said = lines(&sync(&world, &config, &[]).expect(0));
    assert_eq!(said.len(), 1, "{said:?}");
    for words in [
        "clip: 4 records cannot be converted and are left out",
        "model 'bad', field name: must be a string",
        "model 'worse'",
        "model 'odd'",
        "and 1 more",
    ] {
        assert!(said[0].contains(words), "{said:?}");
    }
    for args in [[].as_slice(), &["--force"]] {
        assert_eq!(lines(&sync(&world, &config, args).expect(0)), [""; 0]);
    }
    fs::write(world.sent(CLIP), GOOD).unwrap();
    let said = lines(&sync(&world, &config, &[]).expect(0));
    assert!(
        said.len() == 1 && said[0].contains("no record is left out any more"),
        "{said:?}"
    );
}

#[test]
fn changing_the_key_converts_everything_once() {
    let (world, config) = world("reject");
    sync(&world, &config, &[]).expect(0);
    let policy = |world: &World, policy: &str| {
        let manifest = world.manifest();
        for (category, entry) in manifest["categories"].as_object().unwrap() {
            assert_eq!(
                entry["made_from"]["on_invalid_record"], policy,
                "{category}"
            );
        }
        manifest
    };
    let before = policy(&world, "reject");
    let published = fs::metadata(world.v2(CLIP)).unwrap().modified().unwrap();
    configure(&world, "skip");
    sync(&world, &config, &[])
        .expect(0)
        .all("unchanged", "not_modified");
    let after = policy(&world, "skip");
    let at = |manifest: &Value| manifest["categories"]["clip"]["published_at"].clone();
    assert_eq!(at(&before), at(&after), "no file changed");
    let modified = fs::metadata(world.v2(CLIP)).unwrap().modified().unwrap();
    assert_eq!(published, modified);
    let tree = world.published();
    sync(&world, &config, &[]).expect(0);
    assert_eq!(world.published(), tree);
}

#[test]
fn a_rejected_file_that_is_stored_is_published_when_skip_comes_and_stays_when_it_goes() {
    let (world, config) = world("reject");
    sync(&world, &config, &[]).expect(0);
    fs::write(world.sent(CLIP), MIXED).unwrap();
    sync(&world, &config, &[]).expect(1);
    configure(&world, "skip");
    let ran = sync(&world, &config, &[]).expect(0);
    assert_eq!(clip(&ran)["dropped"], 4);
    let v2 = fs::read(world.v2(CLIP)).unwrap();
    configure(&world, "reject");
    let ran = sync(&world, &config, &[]).expect(1);
    assert_eq!(clip(&ran)["outcome"], "rejected");
    assert_eq!(
        fs::read(world.v2(CLIP)).unwrap(),
        v2,
        "the last good version"
    );
    world.assert_whole();
}

#[test]
fn no_reference_at_all_or_nothing_left_is_rejected() {
    let (world, config) = world("skip");
    sync(&world, &config, &[]).expect(0);
    let good = [CLIP, TEXT].map(|category| fs::read(world.v2(category)).unwrap());
    let nothing_left = r#"{"bad": {"name": 1}}"#;
    // What is sent, what becomes of it, and whether it is stored in legacy/.
    for (category, sent, outcome, stored) in [
        (CLIP, "[]", "rejected", false),
        (CLIP, "{\"good\": {\"name\": \"good\"}", "failed", false),
        (CLIP, nothing_left, "rejected", true),
        (TEXT, "title\nx\n", "rejected", false),
        (TEXT, "name,parameters_bn\na,inf\n", "rejected", true),
    ] {
        fs::write(world.sent(category), sent).unwrap();
        let ran = sync(&world, &config, &[]).expect(1);
        assert_eq!(ran.fared(category).0, outcome, "{sent}");
        let kept = fs::read_to_string(world.legacy(category)).unwrap();
        assert_eq!(kept == sent, stored, "{sent}");
    }
    assert_eq!(
        [CLIP, TEXT].map(|category| fs::read(world.v2(category)).unwrap()),
        good
    );
}

#[test]
fn a_bad_row_replaces_nothing() {
    let (world, config) = world("skip");
    fs::write(world.sent(TEXT), "name,parameters_bn\nm,1\nn,2\nm,inf\n").unwrap();
    let ran = sync(&world, &config, &[]).expect(0);
    assert_eq!(ran.json()["categories"]["text_generation"]["dropped"], 1);
    let v2: Value = serde_json::from_slice(&fs::read(world.v2(TEXT)).unwrap()).unwrap();
    assert_eq!(v2["m"]["parameters"], 1_000_000_000);
}

#[test]
fn a_daemon_leaves_out_what_is_edited_into_a_legacy_file() {
    let world = World::new();
    let setup = world.setup().set("on_invalid_record", "\"skip\"");
    let daemon = setup.started();
    world.rename_into(&world.legacy(CLIP), MIXED.as_bytes());
    daemon.wait_status("what is left out", |status| {
        status["categories"]["clip"]["dropped"] == 4
    });
}
