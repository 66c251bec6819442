//! Whole files in, whole files out: every recorded case and every file of the corpus, byte for byte.
//!
//! The project ships its sample and the recorded cases with invented data. All recorded cases and the corpus of real
//! references run when `HORDE_REFD_SHARED` names their directory, and then something that is missing is a failure.

use std::fs;
use std::path::{Path, PathBuf};

use super::{issues_json, may_be_refused};
use crate::common::fixtures;
use crate::common::need::need_shared;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use horde_refd::category::{Category, Repository};
use horde_refd::convert::{check, convert};
use horde_refd::item::OnInvalidRecord;
use horde_refd::legacy::{legacy_view, parse_check};
use serde_json::Value;

/// The recorded cases: those with invented data ship with the project, all of them are where the environment says.
fn recorded() -> PathBuf {
    match std::env::var_os("HORDE_REFD_SHARED") {
        Some(shared) => PathBuf::from(shared).join("spec/cases"),
        None => fixtures().join("cases"),
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = String::from_utf8(read(path)).unwrap();
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!cases.is_empty(), "{}: no cases", path.display());
    cases
}

/// Equal with the same order of keys, which `Value` does not compare.
fn assert_same_json(id: &str, ours: &Value, theirs: &Value) {
    assert_eq!(
        serde_json::to_string_pretty(ours).unwrap(),
        serde_json::to_string_pretty(theirs).unwrap(),
        "{id}"
    );
}

fn text<'c>(case: &'c Value, member: &str) -> &'c str {
    case[member].as_str().unwrap_or_default()
}

fn legacy_of(case: &Value, member: &str) -> Vec<u8> {
    match case.get(format!("{member}_b64")) {
        Some(encoded) => BASE64_STANDARD.decode(encoded.as_str().unwrap()).unwrap(),
        None => text(case, member).into(),
    }
}

/// True when a file that the package converts is one of the two kinds that we refuse.
fn run_case(case: &Value) -> bool {
    let id = text(case, "id");
    let category: Category = text(case, "category").parse().unwrap();
    let legacy = legacy_of(case, "legacy");
    let report = check(category, &legacy);
    match convert(category, &legacy, OnInvalidRecord::Reject) {
        Ok(converted) => {
            assert_eq!(case["ok"], true, "{id} must fail: {}", case["error"]);
            let v2 = String::from_utf8(converted.v2).unwrap();
            assert_eq!(v2, text(case, "v2"), "{id}");
            let records: Value = serde_json::from_str(&v2).unwrap_or_default();
            if let Some(records) = records.as_object() {
                assert_eq!(converted.models, records.len(), "{id}");
            }
            assert_same_json(id, &issues_json(&converted.issues), &case["issues"]);
            assert_eq!(report.issues, converted.issues, "{id}");
            assert_eq!(report.rejections, [], "{id}");
            false
        }
        Err(rejected) => {
            assert_eq!(report.rejections.first(), Some(&rejected), "{id}");
            if case["ok"] == true {
                assert!(may_be_refused(&rejected), "{id}: {rejected}");
                return true;
            }
            // Python's own words are kept where it says what is wrong with the JSON of the whole file.
            if let Some(words) = text(case, "error").strip_prefix("JSONDecodeError: ") {
                assert_eq!(rejected.to_string(), words, "{id}");
                assert!(parse_check(category, &legacy).is_err(), "{id}");
            }
            false
        }
    }
}

/// Written by `fresh.py`, judged by the package (see `tests/fixtures/cases/README.md`).
#[test]
fn every_case_of_our_own() {
    let cases = lines(&fixtures().join("cases/fresh.jsonl"));
    let refused = cases.iter().filter(|case| run_case(case)).count();
    assert_eq!(refused, 0);
    for case in &cases {
        run_views(case);
    }
    let converted = cases.iter().filter(|case| case["ok"] == true).count();
    assert!(
        cases.len() > 250 && converted > 120,
        "{converted} of {}",
        cases.len()
    );
}

fn run_views(case: &Value) {
    let Some(views) = case.get("views") else {
        return;
    };
    let id = text(case, "id");
    let legacy = legacy_of(case, "legacy");
    for (index, prefixes) in [true, false].into_iter().enumerate() {
        match legacy_view(&legacy, prefixes) {
            Ok(view) => assert_eq!(views[index], view, "{id}"),
            Err(rejected) => assert!(views.is_null(), "{id}: {rejected}"),
        }
    }
}

#[test]
fn every_recorded_conversion() {
    let mut refused = 0;
    let files = Category::with_legacy()
        .map(Category::name)
        .chain(["numbers"]);
    for file in files {
        let path = recorded().join(format!("{file}.jsonl"));
        for case in lines(&path) {
            refused += usize::from(run_case(&case));
        }
    }
    assert!(
        refused < 40,
        "{refused} cases with surrogates or deep nesting"
    );
}

#[test]
fn every_recorded_legacy_view() {
    for case in lines(&recorded().join("legacy_view.jsonl")) {
        let id = text(&case, "id");
        let csv = legacy_of(&case, "csv");
        for (prefixes, member) in [(true, "with_prefixes"), (false, "without_prefixes")] {
            match legacy_view(&csv, prefixes) {
                Ok(view) => {
                    assert_eq!(case["ok"], true, "{id} must fail");
                    assert_eq!(view, text(&case, member), "{id}");
                }
                Err(rejected) => assert!(
                    case["ok"] == false || may_be_refused(&rejected),
                    "{id}: {rejected}"
                ),
            }
        }
    }
}

fn upstream_file(root: &Path, category: Category) -> PathBuf {
    let repository = match category.repository() {
        Some(Repository::Text) => "AI-Horde-text-model-reference",
        _ => "AI-Horde-image-model-reference",
    };
    root.join("Haidra-Org")
        .join(repository)
        .join("refs/heads/main")
        .join(category.legacy_file())
}

fn assert_corpus(upstream: &Path, expected: &Path) {
    for category in Category::with_legacy() {
        let legacy = read(&upstream_file(upstream, category));
        parse_check(category, &legacy).unwrap();
        let converted = convert(category, &legacy, OnInvalidRecord::Reject).unwrap();
        let expected = read(&expected.join(category.v2_file()));
        assert_eq!(
            String::from_utf8(converted.v2).unwrap(),
            String::from_utf8(expected).unwrap(),
            "{category}"
        );
        assert!(converted.models > 0, "{category}");
    }
}

#[test]
fn our_own_fixtures() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    assert_corpus(&fixtures.join("upstream"), &fixtures.join("expected"));
}

#[test]
fn the_corpus_and_its_history() {
    let shared = need_shared!();
    let corpus = shared.join("corpus");
    assert_corpus(&corpus.join("upstream"), &corpus.join("expected"));
    let (mut converted, mut rejected) = (0, 0);
    for category in Category::with_legacy() {
        let folder = corpus.join("history").join(category.legacy_file());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_none_or(|extension| extension != "legacy")
            {
                continue;
            }
            let shown = path.display();
            let legacy = read(&path);
            match convert(category, &legacy, OnInvalidRecord::Reject) {
                Ok(ours) => {
                    assert!(
                        ours.v2 == read(&path.with_extension("v2")),
                        "{shown}: different"
                    );
                    converted += 1;
                }
                Err(reason) => {
                    assert!(
                        path.with_extension("rejected").exists(),
                        "{shown}: {reason}"
                    );
                    // Only a file that is no JSON is refused as a legacy file; the others are merely wrong.
                    let is_json = serde_json::from_slice::<Value>(&legacy).is_ok();
                    assert_eq!(parse_check(category, &legacy).is_ok(), is_json, "{shown}");
                    rejected += 1;
                }
            }
        }
    }
    assert!(
        converted > 20 && rejected > 10,
        "{converted} converted, {rejected} rejected"
    );
}

#[test]
fn categories_without_a_legacy_format_convert_to_nothing() {
    for category in Category::ALL {
        let converted = convert(category, b"", OnInvalidRecord::Reject).unwrap();
        assert_eq!(converted.models, 0);
        let expected: &[u8] = if category.has_legacy() { b"{}\n" } else { b"" };
        assert_eq!(converted.v2, expected, "{category}");
    }
}
