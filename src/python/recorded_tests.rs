//! The recorded unit tables of scalars, URLs, licence expressions and floats: those of `tests/fixtures/cases`, or all of
//! them where `HORDE_REFD_SHARED` says.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::coerce::boolean;
use super::dates::date;
use super::flat_value::lenient_float;
use super::json::{Flavour, Value, Writer, parse};
use super::license_expression::identifiers;
use super::numbers::integer;
use super::urls::http_url;

pub(crate) fn cases(file: &str) -> Vec<Json> {
    let directory = match std::env::var_os("HORDE_REFD_SHARED") {
        Some(shared) => PathBuf::from(shared).join("spec/cases"),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases"),
    };
    let path = directory.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!cases.is_empty(), "{file}");
    cases
}

fn text<'c>(case: &'c Json, member: &str) -> &'c str {
    case[member].as_str().unwrap()
}

fn written(flavour: Flavour, write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out, flavour, 0));
    String::from_utf8(out).unwrap()
}

#[test]
fn scalars() {
    for case in cases("extra/scalars.jsonl") {
        let input = text(&case, "input_json");
        let Ok(value) = parse(input) else {
            assert!(input.contains("\\ud") || input.len() > 4300, "{input}");
            continue;
        };
        let ours = match text(&case, "kind") {
            "int" => integer(&value).map(std::borrow::Cow::into_owned).ok(),
            "bool" => boolean(&value).map(|value| value.to_string()).ok(),
            "date" => date(&value).map(|date| format!("\"{date}\"")).ok(),
            "float" => lenient_float(&value)
                .map(|value| written(Flavour::V2, |writer| writer.float(value))),
            kind => panic!("no such kind: {kind}"),
        };
        assert_eq!(ours.is_some(), case["ok"] == true, "{case}");
        if let Some(ours) = ours {
            assert_eq!(ours, text(&case, "out_json"), "{case}");
        }
    }
}

#[test]
fn urls() {
    for case in cases("extra/urls.jsonl") {
        let url = Value::String(text(&case, "url").into());
        match http_url(&url) {
            Ok(ours) => assert_eq!(case["out"], ours, "{case}"),
            Err(flaw) => assert_eq!(case["ok"], false, "{case}: {flaw:?}"),
        }
    }
}

#[test]
fn license_expressions() {
    for case in cases("extra/license_expressions.jsonl") {
        let ours = serde_json::to_value(identifiers(text(&case, "expression"))).unwrap();
        assert_eq!(ours, case["identifiers"], "{case}");
    }
}

#[test]
fn floats() {
    for case in cases("floats.jsonl") {
        let value = parse(text(&case, "literal")).unwrap();
        for (flavour, member) in [(Flavour::V2, "json"), (Flavour::View, "ujson")] {
            let ours = written(flavour, |writer| writer.value(&value));
            assert_eq!(ours, text(&case, member), "{case}");
        }
    }
}
