//! A first sync: from everywhere that files can come from, and what it says.

use std::collections::BTreeSet;

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::need::need;
use crate::common::nginx::Nginx;
use crate::common::{PROGRAM, Ran, World, bare, corpora, fixtures, sha256};

/// Asserts that the mirror holds exactly what it must: v2 as expected, legacy as the upstream sent it.
#[track_caller]
fn holds(world: &World, expected: &std::path::Path) {
    for category in Category::with_legacy() {
        let wanted = std::fs::read(expected.join(category.v2_file())).unwrap();
        let found = std::fs::read(world.v2(category)).unwrap();
        assert!(found == wanted, "{category} is not as expected");
        let wanted = std::fs::read(world.sent(category)).unwrap();
        let found = std::fs::read(world.legacy(category)).unwrap();
        assert!(found == wanted, "{category}: the legacy file is another");
    }
    let names = |directory: &std::path::Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let entries = entries.map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    };
    let mut published: BTreeSet<String> = Category::with_legacy()
        .map(|category| category.v2_file().to_owned())
        .collect();
    published.insert("manifest.json".to_owned());
    assert_eq!(names(&world.mirror()), published);
}

#[test]
fn from_a_directory_every_file_is_byte_for_byte_what_it_must_be() {
    for (upstream, expected) in corpora() {
        let world = World::with(&upstream);
        world.sync(&[]).expect(0).all("updated", "downloaded");
        holds(&world, &expected);
    }
}

#[test]
fn from_a_directory_in_github_layout() {
    for (upstream, expected) in corpora() {
        let world = World::with(&upstream);
        let mut command = world.command(&["sync", "--layout", "github", "--json"]);
        Ran::of(command.arg("--upstream").arg(&upstream))
            .expect(0)
            .all("updated", "downloaded");
        holds(&world, &expected);
    }
}

#[test]
fn from_a_file_url_and_from_another_mirrors_legacy_directory() {
    let first = World::new();
    let url = format!("file://{}", first.upstream().display());
    first.sync_from(&url, &[]).expect(0);
    holds(&first, &fixtures().join("expected"));
    // A directory is flat by default.
    let second = World::new();
    let mut command = second.command(&["sync", "--json", "--upstream"]);
    Ran::of(command.arg(first.mirror().join("legacy")))
        .expect(0)
        .all("updated", "downloaded");
    holds(&second, &fixtures().join("expected"));
}

#[test]
fn from_a_real_nginx_in_github_layout_and_over_tls() {
    need!("nginx", "openssl");
    for (upstream, expected) in corpora() {
        let nginx = Nginx::serve(&upstream);
        let world = World::with(&upstream);
        let mut command = world.command(&["sync", "--json", "--upstream", &nginx.url()]);
        Ran::of(&mut command).expect(0).all("updated", "downloaded");
        holds(&world, &expected);
        let world = World::with(&upstream);
        let mut command = world.command(&["sync", "--json", "--upstream", &nginx.tls_url()]);
        command.env("SSL_CERT_FILE", nginx.authority());
        Ran::of(&mut command).expect(0).all("updated", "downloaded");
        holds(&world, &expected);
    }
}

#[test]
fn the_json_has_the_shape_of_the_contract() {
    let world = World::new();
    let json = world.sync(&[]).expect(0).json();
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let set = |words: &[&str]| -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    };
    assert_eq!(
        keys(&json),
        set(&["categories", "files", "elapsed_seconds"])
    );
    assert_eq!(json["files"], serde_json::json!({}));
    assert!(json["elapsed_seconds"].as_f64().unwrap() > 0.0);
    let names: Vec<&str> = Category::ALL.map(Category::name).to_vec();
    assert_eq!(keys(&json["categories"]), set(&names));
    for category in Category::ALL {
        let entry = &json["categories"][category.name()];
        let mut expected = set(&[
            "outcome",
            "upstream",
            "downloaded_bytes",
            "models",
            "dropped",
            "v2_sha256",
            "issues",
        ]);
        if category.has_legacy() {
            expected.extend(set(&["source", "changes"]));
        }
        assert_eq!(keys(entry), expected, "{category}");
        if !category.has_legacy() {
            assert_eq!(entry["outcome"], "skipped", "{category}");
            assert_eq!(entry["upstream"], "none", "{category}");
            continue;
        }
        let sent = std::fs::read(world.sent(category)).unwrap();
        let v2 = std::fs::read(world.v2(category)).unwrap();
        let records: Value = serde_json::from_slice(&v2).unwrap();
        assert_eq!(entry["outcome"], "updated");
        assert_eq!(entry["upstream"], "downloaded");
        assert_eq!(entry["downloaded_bytes"], sent.len());
        assert_eq!(entry["models"], records.as_object().unwrap().len());
        assert_eq!(entry["dropped"], 0);
        assert_eq!(entry["source"], "flat");
        let changes = serde_json::json!({"added": entry["models"], "removed": 0, "changed": 0});
        assert_eq!(entry["changes"], changes, "{category}");
        assert_eq!(entry["v2_sha256"], sha256(&v2));
        let report = horde_refd::convert::check(category, &sent);
        assert_eq!(entry["issues"], report.issues.len(), "{category}");
    }
}

#[test]
fn the_manifest_names_what_is_published() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let manifest = world.manifest();
    assert_eq!(manifest["format"], 2);
    assert_eq!(manifest["files"], serde_json::json!({}));
    let version = concat!("horde-refd ", env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["generator"], version);
    let categories = manifest["categories"].as_object().unwrap();
    assert_eq!(categories.len(), Category::with_legacy().count());
    for category in Category::with_legacy() {
        let entry = &categories[category.name()];
        for (part, models) in [("v2", true), ("legacy", false)] {
            let part = &entry[part];
            let file = part["file"].as_str().unwrap();
            let bytes = std::fs::read(world.mirror().join(file)).unwrap();
            assert_eq!(part["bytes"], bytes.len());
            assert_eq!(part["sha256"], sha256(&bytes));
            if models {
                let records: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(part["models"], records.as_object().unwrap().len());
            }
        }
        let made_from = serde_json::json!({
            "form": "legacy",
            "sha256": entry["legacy"]["sha256"],
            "on_invalid_record": "reject",
        });
        assert_eq!(entry["made_from"], made_from);
        assert_eq!(entry["v2"]["dropped"], 0);
        let source = serde_json::json!({
            "upstream": "flat",
            "url": world.sent(category).to_str().unwrap(),
            "etag": null,
            "last_modified": null,
        });
        assert_eq!(entry["source"], source);
        assert_eq!(entry["legacy"]["source"], source);
        let published: jiff::Timestamp = entry["published_at"].as_str().unwrap().parse().unwrap();
        assert!(published <= jiff::Timestamp::now());
    }
}

#[test]
fn the_manifest_of_an_http_mirror_names_url_and_validators() {
    need!("nginx", "openssl");
    let world = World::new();
    let nginx = Nginx::serve(&world.upstream());
    world.sync_from(&nginx.url(), &[]).expect(0);
    let entry = &world.manifest()["categories"]["image_generation"]["source"];
    assert_eq!(
        entry["url"],
        format!("{}/stable_diffusion.json", nginx.url())
    );
    assert!(entry["etag"].as_str().unwrap().contains('"'), "{entry}");
    assert!(entry["last_modified"].as_str().unwrap().ends_with("GMT"));
}

#[test]
fn the_table_tells_what_changed() {
    let world = World::new();
    let upstream = world.upstream();
    let table = |world: &World| {
        let mut command = world.command(&["sync", "--upstream"]);
        let ran = Ran::of(command.arg(&upstream)).expect(0);
        assert_eq!(ran.stderr, "", "not a terminal: no progress, no noise");
        ran.stdout
    };
    let row = |table: &str, name: &str| -> Vec<String> {
        let line = table
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        let words = line.unwrap().split_whitespace().skip(1);
        words.map(str::to_owned).collect()
    };
    let first = table(&world);
    assert_eq!(
        row(&first, "CATEGORY"),
        ["OUTCOME", "SOURCE", "MODELS", "BYTES", "CHANGES"]
    );
    let bytes = std::fs::metadata(world.v2(Category::Blip)).unwrap().len();
    let expected = ["updated", "flat", "2", &bytes.to_string(), "+2", "-0", "~0"];
    assert_eq!(row(&first, "blip"), expected);
    assert_eq!(row(&first, "lora")[0], "skipped");
    // One model in the place of another, and one changed.
    world.edit(Category::Blip, "\"bare\"", "\"renamed\"");
    world.edit(Category::Blip, "Writes captions.", "Writes titles.");
    let second = table(&world);
    assert_eq!(row(&second, "blip")[4..], ["+1", "-1", "~1"]);
    assert_eq!(row(&second, "clip")[0], "unchanged");
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    need!("script");
    let world = World::new();
    let line = format!(
        "{PROGRAM} sync --base-path {} --upstream {}",
        world.mirror().display(),
        world.upstream().display()
    );
    // script(1) gives it a terminal.
    let mut command = bare("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm");
    let ran = Ran::of(&mut command).expect(0);
    assert!(ran.stdout.contains("\u{1b}["), "{ran:#?}");
    assert!(ran.stdout.contains("image_generation"), "{ran:#?}");
}

#[test]
fn only_the_categories_that_were_asked_for() {
    let world = World::new();
    let ran = world.sync(&["clip", "lora"]).expect(0);
    let json = ran.json();
    let asked: Vec<&String> = json["categories"].as_object().unwrap().keys().collect();
    assert_eq!(asked, ["clip", "lora"]);
    assert!(world.v2(Category::Clip).exists());
    assert!(!world.v2(Category::Blip).exists());
    assert!(!world.legacy(Category::Blip).exists());
    // What others published before stays in the manifest.
    world.sync(&["blip"]).expect(0);
    let manifest = world.manifest();
    assert_eq!(manifest["categories"].as_object().unwrap().len(), 2);
}

#[test]
fn a_wrong_command_line_or_configuration_touches_nothing() {
    let world = World::new();
    let config = world.root().join("config.toml");
    std::fs::write(&config, "bas_path = 1\n[schedule]\nsplay = \"soon\"\n").unwrap();
    let upstream = world.upstream();
    let upstream = upstream.to_str().unwrap();
    for args in [
        &["sync", "image_generatio", "--upstream", upstream][..],
        &["sync", "--layout", "nested", "--upstream", upstream],
        &["sync", "--upstream", "ftp://example.org/"],
        &["sync", "-c", config.to_str().unwrap()],
        &["sync", "-c", "/missing.toml", "--upstream", upstream],
        &["sink"],
    ] {
        let ran = world.run(args).expect(2);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert_ne!(ran.stderr, "", "{args:?}");
        assert!(!world.mirror().exists(), "{args:?}");
    }
    let ran = world.run(&["sync", "-c", config.to_str().unwrap()]);
    assert!(ran.stderr.contains("bas_path"), "{ran:#?}");
    assert!(ran.stderr.contains("splay"), "{ran:#?}");
}
