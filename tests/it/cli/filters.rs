//! `convert`, `check`, `show` and `refresh` without a daemon: filters and questions, through the real binary.

use std::path::PathBuf;
use std::process::Stdio;

use crate::common::{Ran, World, corpora, fixtures, github, json, program};
use horde_refd::category::Category;
use serde_json::{Value, json};

fn sample(category: Category) -> PathBuf {
    fixtures().join("upstream").join(github(category))
}

/// A synced mirror of the sample.
fn synced() -> World {
    let world = World::new();
    world.sync(&[]).expect(0);
    world
}

fn run(args: &[&str]) -> Ran {
    Ran::of(program().args(args))
}

#[test]
fn convert_filters_stdin_and_files_alike() {
    for (upstream, expected) in corpora() {
        for category in Category::with_legacy() {
            let legacy = upstream.join(github(category));
            let v2 = std::fs::read_to_string(expected.join(category.v2_file())).unwrap();
            let name = category.name();
            let of_file = Ran::of(program().args(["convert", name]).arg(&legacy)).expect(0);
            let bytes = std::fs::read(&legacy).unwrap();
            let of_stdin = Ran::fed(program().args(["convert", name]), &bytes).expect(0);
            let of_dash = Ran::fed(program().args(["convert", name, "-"]), &bytes).expect(0);
            assert!(of_file.stdout == v2, "{category}");
            assert!(of_stdin.stdout == v2, "{category}");
            assert!(of_dash.stdout == v2, "{category}");
            assert_eq!(of_file.stderr, "");
        }
    }
}

#[test]
fn convert_follows_the_reference_for_an_empty_file() {
    for category in Category::with_legacy() {
        let ran = Ran::fed(program().args(["convert", category.name()]), b"").expect(0);
        assert_eq!(ran.stdout, "{}\n", "{category}");
    }
}

#[test]
fn convert_says_that_there_is_nothing_to_convert() {
    let ran = run(&["convert", "lora"]).expect(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("no legacy format"), "{ran:#?}");
}

#[test]
fn convert_rejects_with_file_model_field_and_reason_and_no_output() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.json");
    let legacy =
        b"{\"good\": {\"name\": \"good\"}, \"bad\": {\"name\": \"bad\", \"nsfw\": \"maybe\"}}";
    std::fs::write(&file, legacy).unwrap();
    let ran = Ran::of(program().args(["convert", "blip"]).arg(&file)).expect(1);
    assert_eq!(ran.stdout, "");
    for word in [file.to_str().unwrap(), "'bad'", "nsfw", "must be", "maybe"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:#?}");
    }
    let ran = Ran::fed(program().args(["convert", "blip"]), b"{").expect(1);
    assert!(ran.stderr.contains("stdin"), "{ran:#?}");
    let ran = run(&["convert", "blip", "/missing.json"]).expect(1);
    assert!(ran.stderr.contains("/missing.json"), "{ran:#?}");
    assert!(ran.stderr.contains("No such file"), "{ran:#?}");
}

#[test]
fn convert_names_the_issues_when_asked_to() {
    let mut command = program();
    let ran = Ran::of(
        command
            .args(["convert", "-v", "blip"])
            .arg(sample(Category::Blip)),
    );
    assert!(
        ran.expect(0)
            .stderr
            .contains("warning: bare: has no config."),
    );
}

#[test]
fn the_legacy_view_has_every_model_thrice_or_once() {
    let csv = sample(Category::TextGeneration);
    let view = |args: &[&str]| -> Value {
        let mut command = program();
        let command = command.args(["convert", "--legacy-view", "text_generation"]);
        serde_json::from_str(&Ran::of(command.arg(&csv).args(args)).expect(0).stdout).unwrap()
    };
    let keys =
        |view: &Value| -> Vec<String> { view.as_object().unwrap().keys().cloned().collect() };
    let once = keys(&view(&["--no-backend-prefixes"]));
    let thrice = keys(&view(&[]));
    assert!(once.contains(&"tiny-0.5B-2024-10".to_owned()), "{once:?}");
    for prefixed in [
        "tiny-0.5B-2024-10",
        "aphrodite/tiny-0.5B-2024-10",
        "koboldcpp/tiny-0.5B-2024-10",
    ] {
        assert!(thrice.contains(&prefixed.to_owned()), "{thrice:?}");
    }
    let ran = Ran::fed(
        program().args(["convert", "--legacy-view", "text_generation"]),
        &std::fs::read(&csv).unwrap(),
    );
    assert_eq!(
        keys(&serde_json::from_str(&ran.expect(0).stdout).unwrap()),
        thrice
    );
    let ran = run(&["convert", "--legacy-view", "blip"]).expect(2);
    assert!(ran.stderr.contains("text_generation"), "{ran:#?}");
}

#[test]
fn check_groups_the_issues_by_model_and_ends_with_a_summary() {
    let mut command = program();
    let target = |category: Category| format!("{category}={}", sample(category).display());
    let ran = Ran::of(command.args([
        "check",
        &target(Category::Blip),
        &target(Category::ImageGeneration),
    ]));
    let out = ran.expect(0).stdout;
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("blip ("), "{out}");
    let at = lines.iter().position(|line| *line == "  bare").unwrap();
    assert_eq!(lines[at + 1], "    has no config.");
    assert_eq!(lines[at + 2], "    has no description.");
    assert!(lines.contains(&"  Unheard Of"), "{out}");
    let last = lines[lines.len() - 1];
    assert!(
        last.starts_with("2 files checked: none rejected, "),
        "{last}"
    );
    assert!(last.ends_with(" issues"), "{last}");
}

#[test]
fn check_reports_every_rejection_and_goes_on_past_unreadable_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two.json");
    let two = "{\"a\": {\"name\": \"a\", \"nsfw\": \"maybe\"}, \"fine\": {\"name\": \"fine\"},
        \"b\": {\"name\": \"b\", \"config\": 5}}";
    std::fs::write(&file, two).unwrap();
    let args = [
        "check".to_owned(),
        "clip=/missing.json".to_owned(),
        format!("blip={}", file.display()),
    ];
    let ran = Ran::of(program().args(&args)).expect(1);
    for line in [
        "  REJECTED model 'a', field nsfw: must be true or false, found \"maybe\"",
        "  REJECTED cannot read /missing.json: No such file or directory (os error 2)",
        "    has no description.",
    ] {
        assert!(
            ran.stdout.lines().any(|found| found == line),
            "{line}: {ran:#?}"
        );
    }
    assert!(ran.stdout.contains("model 'b', field config"), "{ran:#?}");
    assert!(
        ran.stdout
            .contains("2 files checked: 2 rejected for 3 reasons"),
        "{ran:#?}"
    );
    let json = Ran::of(program().args(&args).arg("--json"))
        .expect(1)
        .json();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["blip", "clip"]);
    let clip = json["clip"]["rejected"].as_str().unwrap();
    assert!(clip.contains("/missing.json"), "{clip}");
    let blip = json["blip"]["rejected"].as_str().unwrap();
    assert!(blip.contains("'a'") && blip.contains("'b'"), "{blip}");
}

#[test]
fn check_prints_the_json_of_the_contract() {
    let target = format!("blip={}", sample(Category::Blip).display());
    let json = run(&["check", "--json", &target]).expect(0).json();
    let expected =
        json!({"blip": {"issues": {"bare": ["bare has no config.", "bare has no description."]}}});
    assert_eq!(json, expected);
}

#[test]
fn check_of_a_mirror_checks_its_own_legacy_files() {
    let world = synced();
    let all = world.run(&["check", "--json"]).expect(0).json();
    assert_eq!(
        all.as_object().unwrap().len(),
        Category::with_legacy().count()
    );
    let one = world
        .run(&["check", "blip", "lora", "--json"])
        .expect(0)
        .json();
    assert_eq!(one.as_object().unwrap().len(), 1);
    let none = world.run(&["check", "lora"]).expect(0);
    assert_eq!(none.stdout, "");
    assert!(
        none.stderr.contains("lora has no legacy format"),
        "{none:#?}"
    );
    assert_eq!(one["blip"], all["blip"]);
    std::fs::write(world.legacy(Category::Clip), "[]").unwrap();
    let ran = world.run(&["check"]).expect(1);
    assert!(ran.stdout.contains("REJECTED"), "{ran:#?}");
    assert!(
        ran.stdout.contains("10 files checked: 1 rejected"),
        "{ran:#?}"
    );
}

#[test]
fn what_strangers_wrote_reaches_the_terminal_without_its_escapes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("evil.json");
    let evil = "{\"\\u001b[2J it's\": {\"name\": \"x\"}, \"\\u001b]0;\": {\"name\": \"y\", \"nsfw\": \"?\"}}";
    std::fs::write(&file, evil).unwrap();
    let target = format!("blip={}", file.display());
    let ran = run(&["check", &target]).expect(1);
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:#?}");
    assert!(ran.stdout.contains("\\u{1b}[2J it's"), "{ran:#?}");
    let ran = Ran::of(program().args(["convert", "-v", "blip"]).arg(&file)).expect(1);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:#?}");
}

#[test]
fn show_prints_a_category_as_it_is_published_or_stored() {
    let world = synced();
    for category in Category::with_legacy() {
        let v2 = world.run(&["show", category.name()]).expect(0).stdout;
        assert_eq!(v2, std::fs::read_to_string(world.v2(category)).unwrap());
        let legacy = world
            .run(&["show", category.name(), "--legacy"])
            .expect(0)
            .stdout;
        assert_eq!(
            legacy,
            std::fs::read_to_string(world.legacy(category)).unwrap()
        );
    }
    let ran = world.run(&["show", "lora"]).expect(1);
    assert!(ran.stderr.contains("lora.json does not exist"), "{ran:#?}");
}

#[test]
fn show_prints_one_model_of_either_format() {
    let world = synced();
    for category in Category::with_legacy() {
        let published = json(&world.v2(category));
        // No argument can hold a NUL.
        let records = published.as_object().unwrap().iter();
        for (model, record) in records.filter(|(model, _)| !model.contains('\0')) {
            let ran = world.run(&["show", category.name(), model]).expect(0);
            assert_eq!(ran.json(), *record, "{category} {model}");
            assert!(ran.stdout.starts_with("{\n    \""), "{ran:#?}");
        }
    }
    let ran = world.run(&["show", "image_generation", "Lantern XL", "--legacy"]);
    assert_eq!(ran.expect(0).json()["style"], "anime");
    // The text models' legacy file is a CSV: its record is the view's.
    let ran = world.run(&[
        "show",
        "text_generation",
        "koboldcpp/tiny-0.5B-2024-10",
        "--legacy",
    ]);
    assert_eq!(ran.expect(0).json()["instruct_format"], "Alpaca");
}

#[test]
fn show_changes_no_number() {
    let world = synced();
    let file = "{\"x\": {\"name\": \"x\", \"n\": [4154764326612.7812, 123456789012345678901234567890, NaN, 1.50]}}";
    std::fs::write(world.legacy(Category::Clip), file).unwrap();
    let ran = world.run(&["show", "clip", "x", "--legacy"]).expect(0);
    let numbers = [
        "4154764326612.7812",
        "123456789012345678901234567890",
        "NaN",
        "1.50",
    ]
    .join(",\n        ");
    let expected =
        format!("{{\n    \"name\": \"x\",\n    \"n\": [\n        {numbers}\n    ]\n}}\n");
    assert_eq!(ran.stdout, expected);
}

#[test]
fn a_model_that_is_not_there_is_answered_with_those_that_look_like_it() {
    let world = synced();
    let show = |model: &str| {
        let ran = world.run(&["show", "image_generation", model]).expect(1);
        assert_eq!(ran.stdout, "");
        ran.stderr
    };
    assert!(show("lantern").contains("did you mean Lantern XL?"));
    assert!(show("Meadwo Difusion").contains("did you mean Meadow Diffusion?"));
    assert!(show("zzz").contains("3 models are there"));
    let file = world.v2(Category::ImageGeneration);
    assert!(show("zzz").contains(file.to_str().unwrap()));
    let ran = world
        .run(&["show", "image_generation", "zzz", "--legacy"])
        .expect(1);
    let file = world.legacy(Category::ImageGeneration);
    assert!(ran.stderr.contains(file.to_str().unwrap()), "{ran:#?}");
}

#[test]
fn refresh_without_a_daemon_says_what_to_do() {
    let world = synced();
    for args in [&["refresh"][..], &["refresh", "--wait", "--timeout", "5s"]] {
        let ran = world.run(args).expect(1);
        assert!(ran.stderr.contains("horde-refd run"), "{ran:#?}");
        assert!(ran.stderr.contains("horde-refd sync"), "{ran:#?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let world = synced();
    // Larger than a pipe holds, so that the writer meets the closed end.
    let large: String = (0..20_000)
        .map(|n| format!("a/m{n},7,{}\n", "x".repeat(20)))
        .collect();
    let file = world.root().join("large.csv");
    std::fs::write(&file, format!("name,parameters_bn,display_name\n{large}")).unwrap();
    let file = file.to_str().unwrap();
    for args in [
        &["convert", "text_generation", file][..],
        &["convert", "--legacy-view", "text_generation", file],
        &["check", &format!("text_generation={file}")],
        &["show", "image_generation"],
    ] {
        let mut child = world
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_device_is_an_error() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = program();
    command
        .args(["convert", "blip"])
        .arg(sample(Category::Blip));
    let mut child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn usage_errors_exit_with_2_and_touch_nothing() {
    let world = World::new();
    for args in [
        &["convert"][..],
        &["convert", "blipp"],
        &["convert", "--no-backend-prefixes", "text_generation"],
        &["check", "blip="],
        &["check", "blipp=x.json"],
        &["show"],
        &["show", "nothing"],
        &["refresh", "--timeout", "5"],
        &["sync", "--unknown"],
        &[],
    ] {
        let ran = world.run(args).expect(2);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert_ne!(ran.stderr, "", "{args:?}");
        assert!(!world.mirror().exists(), "{args:?}");
    }
    // Reading an absent mirror makes none.
    world.run(&["show", "blip"]).expect(1);
    world.run(&["check"]).expect(1);
    world.run(&["status"]).expect(0);
    assert!(!world.mirror().exists());
}
