//! What legacy bytes mean: JSON and CSV as Python reads them, records, coercions, findings.
//!
//! 1. A whole file is read or none of it: the first flaw ends the conversion, with the model and field named.
//! 2. Oddities that do not stop the conversion are [`Issues`], in the reference's words and order.
//! 3. Everything here is a pure function of bytes.

mod cells;
mod characters;
pub(crate) mod claims;
mod coerce;
pub(crate) mod config;
pub(crate) mod csv;
mod dates;
pub(crate) mod flat;
pub(crate) mod flaw;
mod issues;
pub(crate) mod json;
mod json_reader;
mod license_expression;
pub(crate) mod licensing;
pub(crate) mod members;
pub(crate) mod model;
mod numbers;
pub(crate) mod python_json;
pub(crate) mod row;
mod swar;
mod urls;
mod view;

#[cfg(test)]
mod tables;

use std::fmt;

use crate::category::Category;

pub(crate) use characters::{contains_lowered, is_decimal, is_letter_or_number, python_trim};
pub use issues::Issues;
pub(crate) use issues::{IssueLog, Keys, Topic};
pub(crate) use numbers::exact_integer;
pub use view::legacy_view;

/// Why a legacy file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The record at fault, where there is one.
    pub model: Option<String>,
    /// The path of the field at fault inside the record, e.g. `config.files[0].path`.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
}

impl Rejected {
    /// Something about the file as a whole.
    pub(crate) fn file(reason: impl Into<String>) -> Self {
        Self {
            model: None,
            field: None,
            reason: reason.into(),
        }
    }
}

/// One line: `model 'X', field config.files[0].path: must be a string, found a number`.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.model, &self.field) {
            (Some(model), Some(field)) => write!(
                f,
                "model '{}', field {}: ",
                model.escape_debug(),
                field.escape_debug()
            )?,
            (Some(model), None) => write!(f, "model '{}': ", model.escape_debug())?,
            (None, Some(field)) => write!(f, "field {}: ", field.escape_debug())?,
            (None, None) => {}
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Rejected {}

/// Whether upstream bytes are a legacy file at all: complete, well-formed, of the right shape.
///
/// Nothing is checked that makes a file merely unconvertible: such a file is upstream's word and is kept.
///
/// # Errors
/// They are not; the error says why.
pub fn parse_check(category: Category, legacy: &[u8]) -> Result<(), Rejected> {
    if !category.has_legacy() {
        return Err(Rejected::file(format!(
            "the category {category} has no legacy format"
        )));
    }
    if legacy.is_empty() {
        return Err(Rejected::file("the file is empty"));
    }
    let text = utf8(legacy)?;
    if looks_like_a_page(text) {
        return Err(a_page());
    }
    if category == Category::TextGeneration {
        return csv::check(text);
    }
    match json_reader::parse_loosely(text) {
        Ok(json::Value::Object(_)) => Ok(()),
        Ok(other) => Err(not_an_object(&other)),
        Err(error) => Err(Rejected::file(error.describe(text))),
    }
}

/// Whether bytes are one whole JSON object, in the JSON that Python reads and writes.
pub(crate) fn is_whole(json: &[u8]) -> bool {
    let text = std::str::from_utf8(json).ok();
    text.is_some_and(|text| matches!(json_reader::parse_loosely(text), Ok(json::Value::Object(_))))
}

/// The records of a v2 file by name, each in one canonical form: members sorted, no layout. None of a file that is no
/// JSON object.
pub(crate) fn v2_records(v2: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(v2).unwrap_or_default();
    let Ok(json::Value::Object(records)) = json_reader::parse_loosely(text) else {
        return Vec::new();
    };
    let canonical = |value: &json::Value<'_>| {
        let mut out = String::new();
        push_canonical(&mut out, value);
        out
    };
    records
        .iter()
        .map(|(name, record)| (name.to_owned(), canonical(record)))
        .collect()
}

fn push_canonical(out: &mut String, value: &json::Value<'_>) {
    match value {
        json::Value::Null => out.push_str("null"),
        json::Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        json::Value::Int(text) => out.push_str(python_json::canonical_int(text)),
        json::Value::Float(text) => {
            let value = json::float_value(text);
            out.push_str(&format!("{value:?}"));
        }
        json::Value::String(text) => out.push_str(&format!("{text:?}")),
        json::Value::List(items) => {
            out.push('[');
            for item in items {
                push_canonical(out, item);
                out.push(',');
            }
            out.push(']');
        }
        json::Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in members {
                out.push_str(&format!("{key:?}:"));
                push_canonical(out, value);
                out.push(',');
            }
            out.push('}');
        }
    }
}

/// The text of a file.
pub(crate) fn utf8(legacy: &[u8]) -> Result<&str, Rejected> {
    std::str::from_utf8(legacy).map_err(|error| {
        let at = error.valid_up_to();
        let cut_off = error.error_len().is_none();
        Rejected::file(if cut_off {
            format!("not UTF-8: cut off inside a character at byte {at}")
        } else {
            let line = legacy
                .iter()
                .take(at)
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            format!("not UTF-8: invalid byte at byte {at} (line {line})")
        })
    })
}

/// The records of a JSON file by key.
pub(crate) fn records(text: &str) -> Result<json::Object<'_>, Rejected> {
    match json_reader::parse(text) {
        Ok(json::Value::Object(object)) => Ok(object),
        Ok(other) => Err(not_an_object(&other)),
        Err(_) if looks_like_a_page(text) => Err(a_page()),
        Err(error) => Err(Rejected::file(error.describe(text))),
    }
}

fn a_page() -> Rejected {
    Rejected::file(
        "the file is an HTML or XML page, not a model reference: a proxy, a captive portal or a wrong address?",
    )
}

fn not_an_object(value: &json::Value<'_>) -> Rejected {
    Rejected::file(format!(
        "the file must be a JSON object of models, found {}",
        value.describe()
    ))
}

fn looks_like_a_page(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype", "<html", "<?xml", "<head", "<body"]
        .iter()
        .any(|tag| {
            start
                .get(..tag.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(tag))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(category: Category, legacy: &str) -> String {
        parse_check(category, legacy.as_bytes())
            .map_or_else(|rejected| rejected.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn json_files() {
        for (legacy, expected) in [
            ("{}", "fine"),
            ("{\"a\": 1, \"b\": \"\\ud800\"}\n", "fine"),
            ("", "the file is empty"),
            (
                "[]",
                "the file must be a JSON object of models, found a list",
            ),
            (
                "{\"a\": {\"name\": \"a\"}",
                "Expecting ',' delimiter: line 1 column 20 (char 19)",
            ),
            (
                "{\r\n\"a\": [1\r\n,]}",
                "Illegal trailing comma before end of array: line 3 column 1 (char 10)",
            ),
        ] {
            assert_eq!(reason(Category::Blip, legacy), expected, "{legacy:?}");
        }
        assert!(reason(Category::Blip, " <!DOCTYPE html><html>").contains("page"));
        assert!(reason(Category::Lora, "{}").contains("no legacy format"));
        let deep = "[".repeat(100_000);
        assert!(reason(Category::Clip, &deep).starts_with("Nesting deeper than 128"));
    }

    #[test]
    fn csv_files() {
        let check = |legacy: &str| reason(Category::TextGeneration, legacy);
        assert_eq!(check("name,parameters_bn\na,1\n"), "fine");
        assert_eq!(check("name,parameters_bn\r\na,inf\r\n"), "fine");
        assert!(check("name,parameters_bn\na,1").contains("cut off"));
        assert!(check("name,parameters_bn\na,\"1\n").contains("cut off"));
        assert!(check("model,parameters_bn\na,1\n").contains("header changed"));
        assert!(check("\u{feff}name,parameters_bn\na,1\n").contains("header changed"));
        assert!(check("<html>\n").contains("page"));
        assert!(check("\nname,parameters_bn\n").contains("header changed"));
    }

    #[test]
    fn cut_off_characters_are_named() {
        let rejected = parse_check(Category::Blip, b"{\"\xc3").unwrap_err();
        assert!(rejected.reason.contains("cut off inside a character"));
    }
}
