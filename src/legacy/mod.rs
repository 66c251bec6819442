//! What a legacy file is: its records, its rows, what is odd about them, and whether bytes are such a file at all.
//!
//! 1. A whole file is read or none of it: the first flaw ends the conversion, with the model and field named.
//! 2. Oddities that do not stop the conversion are [`Issues`], in the reference's words and order.
//! 3. Everything here is a pure function of bytes.

mod findings;
pub(crate) mod record;
mod rejected;
pub(crate) mod row;
mod view;
mod whole;

use crate::category::Category;
use crate::python::json;

pub use findings::Issues;
pub use rejected::Rejected;
pub use view::legacy_view;
pub use whole::whole_check;

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
        return Err(Rejected::damaged("the file is empty"));
    }
    let text = utf8(legacy).map_err(|flaw| Rejected {
        // A table in another encoding is what was sent; JSON in another one does not parse.
        damaged: flaw.damaged || category != Category::TextGeneration,
        ..flaw
    })?;
    if looks_like_a_page(text) {
        return Err(a_page());
    }
    if category == Category::TextGeneration {
        return row::table::check(text);
    }
    match json::parse_loosely(text) {
        Ok(json::Value::Object(_)) => Ok(()),
        Ok(other) => Err(not_an_object(&other)),
        Err(error) => Err(unreadable(error, text)),
    }
}

/// Why a text is not JSON. A byte order mark is what was sent; everything else that does not parse is damage.
fn unreadable(error: json::JsonError, text: &str) -> Rejected {
    let is_syntax = matches!(error.problem, json::Problem::Syntax(_));
    Rejected {
        damaged: is_syntax && !text.starts_with('\u{feff}'),
        ..Rejected::file(error.describe(text))
    }
}

/// The members of a v2 file or body, which is to be one JSON object that Python reads.
pub(crate) fn v2_records(body: &[u8]) -> Result<json::Value<'_>, Rejected> {
    let text = utf8(body).map_err(|flaw| Rejected {
        damaged: true,
        ..flaw
    })?;
    match json::parse(text) {
        Ok(value @ json::Value::Object(_)) => Ok(value),
        Ok(other) => Err(not_an_object(&other)),
        Err(_) if looks_like_a_page(text) => Err(a_page()),
        Err(error) => Err(unreadable(error, text)),
    }
}

/// The text of a file.
pub(crate) fn utf8(legacy: &[u8]) -> Result<&str, Rejected> {
    std::str::from_utf8(legacy).map_err(|error| {
        let at = error.valid_up_to();
        if error.error_len().is_none() {
            let reason = format!("not UTF-8: cut off inside a character at byte {at}");
            return Rejected::damaged(reason);
        }
        let before = legacy.iter().take(at);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        Rejected::file(format!(
            "not UTF-8: invalid byte at byte {at} (line {line})"
        ))
    })
}

/// The records of a JSON file by key.
pub(crate) fn records(text: &str) -> Result<json::Object<'_>, Rejected> {
    match json::parse(text) {
        Ok(json::Value::Object(object)) => Ok(object),
        Ok(other) => Err(not_an_object(&other)),
        Err(_) if looks_like_a_page(text) => Err(a_page()),
        Err(error) => Err(unreadable(error, text)),
    }
}

fn a_page() -> Rejected {
    Rejected::damaged(
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
