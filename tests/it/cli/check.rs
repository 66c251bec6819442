//! `horde-refd check` as the lint before a merge: it must not pass what a refresh refuses.

use crate::common::{Ran, World, program};
use horde_refd::category::Category;
use serde_json::json;

/// `check --json` of one file of a category; why it is rejected.
fn rejected(category: Category, legacy: &[u8]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, legacy).unwrap();
    let target = format!("{category}={}", file.display());
    let ran = Ran::of(program().args(["check", "--json", &target]));
    let reason = ran.json()[category.name()]["rejected"]
        .as_str()
        .map(str::to_owned);
    ran.expect(i32::from(reason.is_some()));
    reason
}

#[test]
fn what_a_refresh_refuses_is_rejected_once() {
    let table: &[(Category, &[u8], &str)] = &[
        (Category::Blip, b"", "the file is empty"),
        (Category::TextGeneration, b"", "the file is empty"),
        (
            Category::TextGeneration,
            b"name,parameters_bn\na/b,1",
            "cut off: the last row has no line end",
        ),
        (
            Category::TextGeneration,
            b"name,parameters\na/b,1\n",
            "header changed: there is no column 'parameters_bn'",
        ),
        (
            Category::TextGeneration,
            b"title,parameters_bn\na/b,1\n",
            "header changed: there is no column 'name'",
        ),
        (
            Category::Blip,
            b"[]",
            "the file must be a JSON object of models, found a list",
        ),
        (
            Category::Blip,
            b"{\"a\": 1,}",
            "Illegal trailing comma before end of object: line 1 column 8 (char 7)",
        ),
        (
            Category::Blip,
            b"{\"\xff\": {}}",
            "not UTF-8: invalid byte at byte 2 (line 1)",
        ),
    ];
    for (category, legacy, reason) in table {
        let text = String::from_utf8_lossy(legacy);
        let found = rejected(*category, legacy);
        assert_eq!(found.as_deref(), Some(*reason), "{category} {text:?}");
        // And a refresh does refuse it.
        let world = World::new();
        std::fs::write(world.sent(*category), legacy).unwrap();
        world.sync(&[category.name()]).expect(1);
        assert!(!world.v2(*category).exists(), "{category} {text:?}");
    }
    let whole = b"name,parameters_bn\na/b,1\n";
    assert_eq!(rejected(Category::TextGeneration, whole), None);
}

#[test]
fn the_json_has_the_models_in_the_order_of_their_first_message() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("models.csv");
    // What is wrong with a row is said before anything about records, as in the reference.
    std::fs::write(&file, "name,parameters_bn\nz,1\na,1\nm,\n").unwrap();
    let target = format!("text_generation={}", file.display());
    let json = Ran::of(program().args(["check", "--json", &target])).json();
    let issues = json["text_generation"]["issues"].as_object().unwrap();
    assert_eq!(issues.keys().collect::<Vec<_>>(), ["m", "z", "a"]);
}

#[test]
fn several_files_of_a_category_are_all_in_the_json() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        format!("clip={}", file.display())
    };
    let first = write(
        "first.json",
        "{\"a\": {\"name\": \"a\", \"description\": \"x\"}}",
    );
    let second = write(
        "second.json",
        "{\"a\": {\"name\": \"a\", \"config\": {\"files\": [], \"download\": []}}}",
    );
    let bad = write("bad.json", "[]");
    let worse = write("worse.json", "");
    let alone = |target: &str| {
        let json = Ran::of(program().args(["check", "--json", target])).json();
        json["clip"]["issues"]["a"].as_array().unwrap().clone()
    };
    let both = Ran::of(program().args(["check", "--json", &first, &second, &bad, &worse]));
    let both = both.expect(1).json();
    let all = [alone(&first), alone(&second)].concat();
    assert_eq!(both["clip"]["issues"], json!({"a": all}));
    let rejected = both["clip"]["rejected"].as_str().unwrap();
    for word in [
        "bad.json: the file must be",
        "; ",
        "worse.json: the file is empty",
    ] {
        assert!(rejected.contains(word), "{word}: {rejected}");
    }
}

#[test]
fn the_json_keeps_the_order_of_the_first_messages() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("clip.json");
    std::fs::write(
        &file,
        "{\"z\": {\"name\": \"z\"}, \"a\": {\"name\": \"a\"}}",
    )
    .unwrap();
    let target = format!("clip={}", file.display());
    let json = Ran::of(program().args(["check", "--json", &target])).json();
    let issues = json["clip"]["issues"].as_object().unwrap();
    assert_eq!(issues.keys().collect::<Vec<_>>(), ["z", "a"]);
}

#[test]
fn a_configuration_file_that_was_named_is_looked_at_by_the_filters() {
    let directory = tempfile::tempdir().unwrap();
    let legacy = directory.path().join("clip.json");
    std::fs::write(&legacy, "{}").unwrap();
    let wrong = directory.path().join("wrong.toml");
    std::fs::write(&wrong, "tttl = 1\n").unwrap();
    let right = directory.path().join("right.toml");
    std::fs::write(&right, "ttl = \"2m\"\n").unwrap();
    let target = format!("clip={}", legacy.display());
    for args in [
        &["convert", "clip", legacy.to_str().unwrap()][..],
        &["check", &target],
    ] {
        let with = |config: &str| Ran::of(program().args(args).args(["-c", config]));
        let ran = with(wrong.to_str().unwrap()).expect(2);
        assert!(ran.stderr.contains("did you mean ttl?"), "{ran:#?}");
        assert_eq!(ran.stdout, "");
        with("/missing.toml").expect(2);
        with(right.to_str().unwrap()).expect(0);
    }
}

#[test]
fn the_name_of_a_file_in_the_place_of_a_category_leads_to_it() {
    for args in [
        &["convert", "stable_diffusion"][..],
        &["sync", "stable_diffusion"],
        &["show", "stable_diffusion"],
        &["check", "stable_diffusion=x.json"],
        &["check", "stable_diffusion"],
    ] {
        let ran = Ran::of(program().args(args)).expect(2);
        let hint = "did you mean image_generation (its file is stable_diffusion.json)?";
        assert!(ran.stderr.contains(hint), "{args:?}: {ran:#?}");
        assert!(!ran.stderr.contains("'ti'"), "{args:?}: {ran:#?}");
    }
}
