//! The PRIMARY API before legacy files: two lanes a category, and what each of them does when the other has trouble.

use horde_refd::category::Category;
use serde_json::json;

use super::{Peer, said_of, sync_with, upstream};
use crate::common::scripted::{Action, answer_with, header};
use crate::common::{Ran, World, json as read_json};

const CLIP: Category = Category::Clip;
const LORA: Category = Category::Lora;
const PREFIX: &str = "api/model_references/v2/";

/// A v2 body as a service sends it: compact, not escaped.
fn body(mark: &str) -> String {
    format!("{{\"é\":{{\"name\":\"é\",\"description\":\"{mark}\",\"size\":1E3}}}}")
}

/// The same as the package's replica leaves it.
fn laid_out(mark: &str) -> String {
    format!(
        "{{\"\\u00e9\": {{\"name\": \"\\u00e9\", \"description\": \"{mark}\", \"size\": 1000.0}}}}"
    )
}

struct Pair {
    world: World,
    primary: Peer,
    github: Peer,
}

impl Pair {
    fn new() -> Self {
        let world = World::marked();
        let github = Peer::flat(&world);
        let primary = Peer::bare(|path| {
            let category = path.strip_prefix(PREFIX)?;
            ["clip", "lora", "blip"].contains(&category).then(|| {
                match category {
                    "lora" => "{}".to_owned(),
                    name => body(&format!("primary {name}")),
                }
                .into_bytes()
            })
        });
        Self {
            world,
            primary,
            github,
        }
    }

    fn upstreams(&self, after: &str) -> [String; 2] {
        [
            upstream(
                "primary",
                &format!("{}/api", self.primary.url()),
                "primary",
                "30m",
            ),
            upstream("github", &self.github.url(), "flat", after),
        ]
    }

    fn sync(&self, after: &str, args: &[&str]) -> Ran {
        sync_with(&self.world, &self.upstreams(after), args)
    }

    fn v2(&self, category: Category) -> String {
        std::fs::read_to_string(self.world.v2(category)).unwrap_or_default()
    }
}

#[test]
fn v2_files_are_the_primary_s_and_legacy_files_stay_github_s() {
    let pair = Pair::new();
    let ran = pair.sync("1h", &[]).expect(0);
    let said = said_of(&ran, CLIP);
    assert_eq!(said["outcome"], "updated", "{ran:#?}");
    assert_eq!(said["source"], "primary");
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
    let legacy = std::fs::read(pair.world.legacy(CLIP)).unwrap();
    assert_eq!(legacy, std::fs::read(pair.world.sent(CLIP)).unwrap());
    let entry = pair.world.manifest()["categories"]["clip"].clone();
    let digest = crate::common::sha256(body("primary clip").as_bytes());
    assert_eq!(
        entry["made_from"],
        json!({"form": "v2", "sha256": digest, "on_invalid_record": null})
    );
    assert_eq!(entry["source"]["upstream"], "primary");
    assert_eq!(entry["legacy"]["source"]["upstream"], "github");
    assert_eq!(entry["v2"]["models"], 1);
    // What the PRIMARY does not have is GitHub's at once; what neither has is passed over.
    let said = said_of(&ran, Category::Esrgan);
    assert_eq!(
        (&said["source"], &said["outcome"]),
        (&json!("github"), &json!("updated"))
    );
    assert!(pair.v2(Category::Esrgan).contains("upstream"));
    assert_eq!(said_of(&ran, Category::Ti)["outcome"], "skipped");
    // A category without a legacy format, empty as the service makes it at its start.
    assert_eq!(said_of(&ran, LORA)["outcome"], "updated");
    assert_eq!(pair.v2(LORA), "{}");
    assert_eq!(
        pair.world.manifest()["categories"]["lora"]["legacy"],
        json!(null)
    );
    assert!(!pair.world.legacy(LORA).exists());
    let status = read_json(&pair.world.private().join("status.json"));
    assert_eq!(status["categories"]["lora"]["state"], "fresh");
    assert_eq!(status["categories"]["lora"]["source"], "primary");
    assert!(status["categories"].get("ti").is_none(), "{status:#}");
    assert_eq!(status["upstreams"]["primary"]["up"], true);
}

#[test]
fn a_second_sync_writes_nothing_whether_or_not_the_primary_gives_validators() {
    for tags in [false, true] {
        let pair = Pair::new();
        if tags {
            pair.primary.script(|head, path| {
                let category = path.strip_prefix(PREFIX)?;
                let body = body(&format!("tagged {category}"));
                Some(Action::Send(crate::common::answer(head, body.as_bytes())))
            });
        }
        pair.sync("1h", &[]).expect(0);
        let before = pair.world.published();
        let seen = pair.primary.server.requests().len();
        let ran = pair.sync("1h", &[]).expect(0);
        let said = said_of(&ran, CLIP);
        assert_eq!(said["outcome"], "unchanged", "{ran:#?}");
        let answer = if tags { "not_modified" } else { "downloaded" };
        assert_eq!(said["upstream"], answer);
        assert_eq!(said["source"], "primary");
        assert_eq!(pair.world.published(), before);
        let requests = pair.primary.server.requests().split_off(seen);
        assert_eq!(requests.len(), 15);
        for head in requests {
            assert_eq!(header(&head, "if-none-match").is_some(), tags, "{head}");
        }
        // The same content in another layout is the same file.
        pair.primary.script(|_, path| {
            let category = path.strip_prefix(PREFIX)?;
            let mark = format!("primary {category}");
            let spaced = body(&mark).replace(':', " : ").replace("1E3", "1000.0");
            (category == "clip").then(|| Action::Send(answer_with(200, &[], spaced.as_bytes())))
        });
        if !tags {
            let ran = pair.sync("1h", &["clip"]).expect(0);
            assert_eq!(said_of(&ran, CLIP)["outcome"], "unchanged", "{ran:#?}");
            assert_eq!(pair.world.published(), before);
        }
    }
}

#[test]
fn an_outage_keeps_the_primary_s_file_and_the_conversion_takes_its_place_after_a_while() {
    let pair = Pair::new();
    pair.sync("1h", &[]).expect(0);
    pair.primary.down();
    let before = pair.world.published();
    let ran = pair.sync("1h", &[]).expect(1);
    let said = said_of(&ran, CLIP);
    assert_eq!(said["outcome"], "failed", "{ran:#?}");
    assert_eq!(said["source"], "primary");
    let error = ran.error(CLIP);
    assert!(error.starts_with("v2 lane: "), "{error}");
    assert_eq!(pair.world.published(), before);
    // The legacy lane goes on meanwhile, and an edit in it is not converted.
    pair.world.publish(CLIP.legacy_file(), "newer");
    pair.sync("1h", &["clip"]).expect(1);
    let legacy = std::fs::read(pair.world.legacy(CLIP)).unwrap();
    assert_eq!(legacy, std::fs::read(pair.world.sent(CLIP)).unwrap());
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
    let ran = pair.sync("0s", &["clip", "lora"]).expect(1);
    let said = said_of(&ran, CLIP);
    assert_eq!(said["outcome"], "updated", "{ran:#?}");
    assert_eq!(said["source"], "github");
    assert_eq!(said["instead_of"], json!(["primary"]));
    assert!(pair.v2(CLIP).contains("newer"));
    let made_from = &pair.world.manifest()["categories"]["clip"]["made_from"];
    assert_eq!(made_from["form"], "legacy");
    // No other upstream has it.
    assert_eq!(said_of(&ran, LORA)["outcome"], "failed");
    assert_eq!(pair.v2(LORA), "{}");
    // A new legacy file is converted as long as the conversion serves.
    pair.world.publish(CLIP.legacy_file(), "newest");
    let ran = pair.sync("0s", &["clip"]).expect(0);
    assert_eq!(said_of(&ran, CLIP)["instead_of"], json!(["primary"]));
    assert!(pair.v2(CLIP).contains("newest"));
    pair.primary.well();
    let ran = pair.sync("0s", &[]).expect(0);
    let said = said_of(&ran, CLIP);
    assert_eq!(said["source"], "primary", "{ran:#?}");
    assert_eq!(said["instead_of"], json!(null));
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
}

#[test]
fn the_outcome_is_the_worse_of_the_lanes() {
    let pair = Pair::new();
    pair.sync("1h", &[]).expect(0);
    pair.github.down();
    pair.primary.script(|_, path| {
        path.ends_with("clip")
            .then(|| Action::Send(answer_with(200, &[], body("newer").as_bytes())))
    });
    let ran = pair.sync("1h", &["clip"]).expect(1);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "failed");
    assert_eq!(said_of(&ran, CLIP)["source"], "primary");
    assert!(ran.error(CLIP).starts_with("legacy lane: "), "{ran:#?}");
    assert_eq!(pair.v2(CLIP), laid_out("newer"));
}

#[test]
fn bodies_that_no_reader_could_read_are_refused_and_the_good_file_stays() {
    // body, outcome
    let table: [(&'static [u8], &str); 7] = [
        (b"[]", "rejected"),
        (b"null", "rejected"),
        (b"{\"a\": {\"name\": \"a\", \"x\": NaN}}", "rejected"),
        (b"{\"a\": {\"name\":", "failed"),
        (b"", "failed"),
        (b"<html>sign in</html>", "failed"),
        (b"{\"a\": \"\xff\"}", "failed"),
    ];
    for (sent, outcome) in table {
        let pair = Pair::new();
        pair.sync("1h", &["clip"]).expect(0);
        let before = pair.world.published();
        pair.primary.always(200, &[], sent);
        let ran = pair.sync("1h", &["clip"]).expect(1);
        let shown = String::from_utf8_lossy(sent);
        assert_eq!(said_of(&ran, CLIP)["outcome"], outcome, "{shown}: {ran:#?}");
        assert_eq!(pair.world.published(), before, "{shown}");
        pair.primary.well();
        pair.sync("1h", &["clip"]).expect(0);
    }
}

#[test]
fn records_that_readers_leave_out_are_published_and_counted() {
    let pair = Pair::new();
    pair.primary.always(
        200,
        &[],
        b"{\"a\":{\"name\":\"a\",\"licensing\":{\"new\":1}},\"b\":1}",
    );
    let ran = pair.sync("1h", &["lora"]).expect(0);
    assert_eq!(said_of(&ran, LORA)["issues"], 2, "{ran:#?}");
    assert_eq!(said_of(&ran, LORA)["models"], 2);
    assert_eq!(
        pair.v2(LORA),
        "{\"a\": {\"name\": \"a\", \"licensing\": {\"new\": 1}}, \"b\": 1}"
    );
}

#[test]
fn a_damaged_v2_file_is_brought_back_from_its_generation_or_a_fetch() {
    let pair = Pair::new();
    pair.sync("1h", &[]).expect(0);
    let good = pair.v2(CLIP);
    for keep in [true, false] {
        std::fs::write(pair.world.v2(CLIP), "{").unwrap();
        if !keep {
            std::fs::remove_dir_all(pair.world.private().join("generations")).unwrap();
        }
        let ran = pair.sync("1h", &["clip"]).expect(0);
        assert_eq!(said_of(&ran, CLIP)["outcome"], "updated", "{ran:#?}");
        assert_eq!(pair.v2(CLIP), good);
    }
    // Whether or not the upstream answers.
    std::fs::write(pair.world.v2(CLIP), "{").unwrap();
    pair.primary.down();
    pair.sync("1h", &["clip"]).expect(1);
    assert_eq!(pair.v2(CLIP), good);
}

#[test]
fn a_primary_that_lost_its_file_is_a_failure_and_404_of_one_that_never_had_it_is_none() {
    let pair = Pair::new();
    pair.sync("1h", &[]).expect(0);
    for status in [404, 422] {
        let lost = answer_with(status, &[], b"{\"detail\":\"Not Found\"}");
        pair.primary
            .script(move |_, _| Some(Action::Send(lost.clone())));
        let ran = pair.sync("1h", &["clip", "lora", "esrgan", "ti"]).expect(1);
        assert_eq!(said_of(&ran, CLIP)["outcome"], "failed", "{ran:#?}");
        assert_eq!(said_of(&ran, LORA)["outcome"], "failed", "{ran:#?}");
        assert_eq!(said_of(&ran, Category::Esrgan)["outcome"], "unchanged");
        assert_eq!(said_of(&ran, Category::Ti)["outcome"], "skipped");
        assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
    }
}

#[test]
fn what_a_primary_never_had_is_no_trouble_while_it_is_down() {
    let pair = Pair::new();
    pair.primary.down();
    // It might have it: nothing is known.
    let ran = pair.sync("1h", &["ti"]).expect(1);
    assert_eq!(said_of(&ran, Category::Ti)["outcome"], "failed");
    pair.primary.well();
    pair.sync("1h", &["ti", "lora"]).expect(0);
    pair.primary.down();
    let ran = pair.sync("1h", &["ti"]).expect(0);
    assert_eq!(said_of(&ran, Category::Ti)["outcome"], "skipped");
    let ran = pair.sync("1h", &["ti", "lora"]).expect(1);
    assert_eq!(said_of(&ran, LORA)["outcome"], "failed");
    let status = read_json(&pair.world.private().join("status.json"));
    assert_eq!(status["categories"].get("ti"), None, "{status:#}");
    assert_eq!(status["upstreams"]["primary"]["up"], false);
    // What it has from now on is looked for again.
    pair.primary.well();
    pair.primary.script(|_, path| {
        let body = b"{\"a\": {\"name\": \"a\"}}";
        (path.ends_with("/ti")).then(|| Action::Send(answer_with(200, &[], body)))
    });
    let ran = pair.sync("1h", &["ti"]).expect(0);
    assert_eq!(said_of(&ran, Category::Ti)["outcome"], "updated");
}

#[test]
fn a_manifest_that_is_gone_is_rebuilt_and_a_ready_made_file_stays_until_its_upstream_answers() {
    let pair = Pair::new();
    pair.sync("1h", &[]).expect(0);
    let before = pair.world.manifest();
    std::fs::remove_file(pair.world.mirror().join("manifest.json")).unwrap();
    pair.primary.down();
    pair.sync("1h", &["blip"]).expect(1);
    let after = pair.world.manifest();
    assert_eq!(
        after["categories"]["clip"]["v2"],
        before["categories"]["clip"]["v2"]
    );
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
    // Without generations too.
    std::fs::remove_file(pair.world.mirror().join("manifest.json")).unwrap();
    std::fs::remove_dir_all(pair.world.private().join("generations")).unwrap();
    pair.sync("1h", &["blip"]).expect(1);
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
    let after = pair.world.manifest();
    assert_eq!(
        after["categories"]["clip"]["v2"],
        before["categories"]["clip"]["v2"]
    );
    pair.primary.well();
    pair.sync("1h", &[]).expect(0);
    assert_eq!(pair.v2(CLIP), laid_out("primary clip"));
}

#[test]
fn where_the_files_are_the_origin_a_v2_file_is_published_as_it_is() {
    let world = World::empty();
    std::fs::create_dir_all(world.mirror()).unwrap();
    let config = world.path("config.toml");
    std::fs::write(
        &config,
        "replicate_mode = \"primary\"\nseed = true\n[[upstream]]\nurl = \"/nowhere\"\n",
    )
    .unwrap();
    let sync = || {
        let args = [
            "sync",
            "--json",
            "-c",
            config.to_str().unwrap(),
            "lora",
            "ti",
        ];
        Ran::of(&mut world.command(&args))
    };
    let text = "{\n  \"a\": {\"name\": \"a\"}\n}\n";
    std::fs::write(world.v2(LORA), text).unwrap();
    let ran = sync().expect(0);
    assert_eq!(said_of(&ran, LORA)["models"], 1, "{ran:#?}");
    assert_eq!(
        world.manifest()["categories"]["lora"]["made_from"]["form"],
        "v2"
    );
    assert_eq!(said_of(&ran, Category::Ti)["outcome"], "skipped");
    std::fs::write(world.v2(LORA), "{ broken").unwrap();
    let ran = sync().expect(1);
    assert_eq!(said_of(&ran, LORA)["outcome"], "rejected", "{ran:#?}");
    assert_eq!(std::fs::read_to_string(world.v2(LORA)).unwrap(), "{ broken");
    std::fs::write(world.v2(LORA), text).unwrap();
    let ran = sync().expect(0);
    assert_eq!(said_of(&ran, LORA)["outcome"], "unchanged", "{ran:#?}");
    assert!(said_of(&ran, LORA).get("source").is_none(), "{ran:#?}");
}
