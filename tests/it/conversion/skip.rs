//! `on_invalid_record = "skip"`: what is left out, and that the rest is the reference's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::may_be_refused;
use crate::common::need::{need, need_shared};
use crate::common::{Ran, fixtures};
use horde_refd::category::Category;
use horde_refd::convert::{Converted, convert};
use horde_refd::item::OnInvalidRecord::{Reject, Skip};

const BLIP: Category = Category::Blip;
const TEXT: Category = Category::TextGeneration;

/// The key of every record that was left out.
fn dropped(converted: &Converted) -> Vec<&str> {
    let dropped = converted.dropped.iter();
    dropped
        .map(|rejected| rejected.model.as_deref().unwrap())
        .collect()
}

/// The file without its bad records, converted as the reference would.
fn assert_rest(category: Category, legacy: &str, rest: &str, left_out: &[&str]) {
    assert!(
        convert(category, legacy.as_bytes(), Reject).is_err(),
        "{legacy}"
    );
    let skipped = convert(category, legacy.as_bytes(), Skip).unwrap();
    let expected = convert(category, rest.as_bytes(), Reject).unwrap();
    assert_eq!(dropped(&skipped), left_out, "{legacy}");
    assert_eq!(
        String::from_utf8(skipped.v2).unwrap(),
        String::from_utf8(expected.v2).unwrap(),
        "{legacy}"
    );
    assert_eq!(skipped.models, expected.models);
    assert_eq!(skipped.issues, expected.issues, "{legacy}");
    assert_eq!(expected.dropped, []);
}

#[test]
fn a_member_is_left_out_after_duplicate_keys_are_resolved() {
    assert_rest(
        BLIP,
        r#"{"a": {"name": 1}, "b": {"name": "b"}, "c": [], "d": {"name": "d", "nsfw": "maybe"}}"#,
        r#"{"b": {"name": "b"}}"#,
        &["a", "c", "d"],
    );
    // The last value of a key counts, be it the good or the bad one.
    assert_rest(
        BLIP,
        r#"{"a": {"name": 1}, "b": {"name": "b"}, "a": {"name": "a"}, "c": {}}"#,
        r#"{"a": {"name": "a"}, "b": {"name": "b"}}"#,
        &["c"],
    );
    assert_rest(
        BLIP,
        r#"{"a": {"name": "a"}, "b": {"name": "b"}, "a": {"name": 1}}"#,
        r#"{"b": {"name": "b"}}"#,
        &["a"],
    );
}

#[test]
fn a_bad_row_replaces_nothing() {
    assert_rest(
        TEXT,
        "name,parameters_bn,settings\nm,1,\n,1,\nn,1e999,\nm,nan,\nx,seven,\no,2,\"{\"\"a\"\": [1, \"\"b\"\"]}\"\n",
        "name,parameters_bn,settings\nm,1,\n,1,\nx,seven,\n",
        &["n", "m", "o"],
    )
}

#[test]
fn a_row_that_the_reference_skips_itself_is_not_counted() {
    let legacy = "name,parameters_bn\n,1\nx,seven\nm,1\n";
    let converted = convert(TEXT, legacy.as_bytes(), Skip).unwrap();
    assert_eq!(converted, convert(TEXT, legacy.as_bytes(), Reject).unwrap());
    assert_eq!(converted.models, 1);
    assert_eq!(converted.dropped, []);
}

#[test]
fn no_reference_at_all_or_nothing_left_is_rejected() {
    for (category, legacy) in [
        (BLIP, "[]"),
        (BLIP, "{\"a\": {\"name\": \"a\"}"),
        (BLIP, r#"{"a": {"name": 1}, "b": {}}"#),
        (TEXT, "name,parameters_bn\nm,nan\n"),
        (TEXT, "name,parameters_bn\nm,nan\nkoboldcpp/m,1\n"),
    ] {
        let reject = convert(category, legacy.as_bytes(), Reject).unwrap_err();
        let skip = convert(category, legacy.as_bytes(), Skip).unwrap_err();
        assert_eq!(reject, skip, "{legacy}");
    }
    for (category, legacy) in [(BLIP, "{}"), (TEXT, "name\n"), (TEXT, "name\n,\n")] {
        let converted = convert(category, legacy.as_bytes(), Skip).unwrap();
        assert_eq!(converted.v2, b"{}\n", "{legacy}");
    }
}

/// What a file becomes, against what the specification makes of it without its bad records.
#[track_caller]
fn assert_judged(category: Category, legacy: &[u8], judged: &Value) -> usize {
    let id = &judged["id"];
    let skipped = match convert(category, legacy, Skip) {
        Ok(skipped) => skipped,
        Err(rejected) => {
            assert!(
                judged["v2"].is_null() || may_be_refused(&rejected),
                "{id}: {rejected}"
            );
            return 0;
        }
    };
    // A record that we may refuse is left out as well.
    if skipped.dropped.iter().any(may_be_refused) {
        return 0;
    }
    assert_eq!(judged["left_out"], json!(dropped(&skipped)), "{id}");
    let v2 = String::from_utf8(skipped.v2).unwrap();
    assert!(judged["v2"] == v2, "{id}: {v2}");
    skipped.dropped.len()
}

fn decoded(case: &Value) -> (Category, Vec<u8>) {
    let legacy = BASE64_STANDARD.decode(case["legacy_b64"].as_str().unwrap());
    let category = case["category"].as_str().unwrap().parse();
    (category.unwrap(), legacy.unwrap())
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

#[test]
fn invented_files_become_what_the_specification_makes_of_them_without_their_bad_records() {
    let cases = fixtures().join("cases");
    let fresh = std::fs::read_to_string(cases.join("fresh.jsonl")).unwrap();
    let fresh: BTreeMap<String, Value> = lines(&fresh)
        .map(|case| (case["id"].as_str().unwrap().to_owned(), case))
        .collect();
    let judged = std::fs::read_to_string(cases.join("extra/skip.jsonl")).unwrap();
    let (mut files, mut left_out) = (0, 0);
    for judged in lines(&judged) {
        let (category, legacy) = decoded(&fresh[judged["id"].as_str().unwrap()]);
        left_out += assert_judged(category, &legacy, &judged);
        files += 1;
    }
    assert!(
        files > 100 && left_out > 30,
        "{files} files, {left_out} records left out"
    );
}

#[test]
fn every_version_of_the_history_becomes_what_the_specification_makes_of_it_without_its_bad_records()
{
    need!("python3");
    let shared = need_shared!();
    let mut cases = BTreeMap::new();
    for category in Category::with_legacy() {
        let folder = shared.join("corpus/history").join(category.legacy_file());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "legacy") {
                cases.insert(path.display().to_string(), (category, path));
            }
        }
    }
    let mut input = String::new();
    for (id, (category, path)) in &cases {
        let legacy = BASE64_STANDARD.encode(std::fs::read(path).unwrap());
        let case = json!({"id": id, "category": category.name(), "legacy_b64": legacy});
        input.push_str(&format!("{case}\n"));
    }
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conversion/skip.py");
    let mut python = Command::new("python3");
    python.arg(driver).arg(shared.join("spec"));
    let answers = Ran::fed(&mut python, input.as_bytes()).expect(0).stdout;
    let (mut judged, mut left_out, mut saved) = (0, 0, 0);
    for answer in lines(&answers) {
        let (category, path) = &cases[answer["id"].as_str().unwrap()];
        let legacy = std::fs::read(path).unwrap();
        let some = assert_judged(*category, &legacy, &answer);
        left_out += some;
        saved += usize::from(some > 0);
        judged += 1;
        // A file that the reference converts is converted without a loss.
        let whole = path.with_extension("v2");
        if whole.exists() {
            assert_eq!(some, 0, "{}", path.display());
            assert!(
                answer["v2"] == std::fs::read_to_string(&whole).unwrap(),
                "{}",
                path.display()
            );
        }
    }
    assert_eq!(
        judged,
        cases.len(),
        "the specification left some to the package"
    );
    assert!(
        saved > 10 && left_out > 100,
        "{saved} files saved, {left_out} records left out"
    );
}
