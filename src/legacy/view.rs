//! The text category's legacy JSON, which exists nowhere as a file: made from `models.csv` on request
//! (docs/conversion.md, section 14).
//!
//! Each row gives one entry, or with backend prefixes three; an entry whose key comes again is replaced in place.
//! Rows are taken as they are: the checks of the conversion do not apply here.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::row::Row;
use super::row::table::for_each_row;
use super::{Issues, Rejected, utf8};
use crate::python::characters::python_trim;
use crate::python::json::{Flavour, KeyedObject, Value, Writer};
use crate::python::numbers::Whole;

/// Each entry of a model may have this many times the bytes of its row, over the whole file.
const GROWTH: usize = 8;

/// A CSV that is smaller counts as one of this size.
const SMALL: usize = 16 << 20;

/// The legacy JSON of the text category: all models by name, as the reference serves it (it has no final newline).
///
/// With `backend_prefixes` every model is there three times: as `{name}`, `aphrodite/{name}` and
/// `koboldcpp/{model name}`.
///
/// # Errors
/// The CSV cannot be read, or one of its rows makes it unusable as a whole.
pub fn legacy_view(csv: &[u8], backend_prefixes: bool) -> Result<String, Rejected> {
    render(csv, backend_prefixes, &mut Issues::default())
}

fn render(csv: &[u8], backend_prefixes: bool, issues: &mut Issues) -> Result<String, Rejected> {
    let copies = if backend_prefixes { 3 } else { 1 };
    let most = csv.len().max(SMALL).saturating_mul(GROWTH * copies);
    let (bytes, rows) = (csv.len() * 6 * copies, csv.len() / 128 * copies);
    let mut view = KeyedObject::with_capacity(Flavour::View, bytes, rows);
    for_each_row(utf8(csv)?, issues, |row| {
        add(&mut view, row?, backend_prefixes);
        if view.len() > most {
            return Err(Rejected::file(format!(
                "its JSON view would have more than {most} bytes: so many rows of so little in them are no reference"
            )));
        }
        Ok(())
    })?;
    let (text, _) = view.finish();
    String::from_utf8(text).map_err(|error| Rejected::file(error.to_string()))
}

fn add(view: &mut KeyedObject, row: &Row<'_>, backend_prefixes: bool) {
    if row.name.contains("://") {
        return;
    }
    let model_name = row.name.split('/').nth(1).unwrap_or(row.name);
    let mut add = |key: &str| {
        let Ok(()) = view.member(key, |writer| {
            entry(writer, key, model_name, row);
            Ok::<_, Infallible>(())
        });
    };
    add(row.name);
    if backend_prefixes {
        add(&format!("aphrodite/{}", row.name));
        add(&format!("koboldcpp/{model_name}"));
    }
}

fn entry(writer: &mut Writer<'_>, key: &str, model_name: &str, row: &Row<'_>) {
    writer.open(b'{');
    writer.field("name");
    writer.string(key);
    writer.field("model_name");
    writer.string(model_name);
    writer.field("baseline");
    writer.string(row.baseline);
    writer.field("parameters");
    if row.parameters == 0.0 {
        writer.raw("null");
    } else {
        writer.whole(Whole(row.parameters));
    }
    writer.field("description");
    writer.string(row.description);
    writer.field("version");
    writer.string("1");
    writer.field("style");
    writer.string(if row.style.is_empty() {
        "generalist"
    } else {
        row.style
    });
    writer.field("nsfw");
    writer.bool(false);
    writer.field("tags");
    writer.strings(tags(row));
    object(writer, "settings", row.settings.as_ref());
    let display_name = if row.display_name.is_empty() {
        spoken(model_name)
    } else {
        row.display_name.to_owned()
    };
    for (name, text) in [
        ("display_name", display_name.as_str()),
        ("url", row.url),
        ("instruct_format", row.instruct_format),
    ] {
        writer.optional(name, Some(text).filter(|text| !text.is_empty()));
    }
    for (name, value) in [
        ("context_window", &row.context_window),
        ("interaction_modes", &row.interaction_modes),
        ("capabilities", &row.capabilities),
    ] {
        object(writer, name, value.as_ref());
    }
    writer.close(b'}');
}

/// Objects with something in them.
fn object(writer: &mut Writer<'_>, name: &'static str, value: Option<&Value<'_>>) {
    if let Some(Value::Object(object)) = value.filter(|value| !value.is_falsy()) {
        writer.field(name);
        writer.object(object);
    }
}

/// The row's tags, its style and its size, sorted.
fn tags(row: &Row<'_>) -> BTreeSet<String> {
    let mut tags: BTreeSet<String> = row.tags().map(str::to_owned).collect();
    if !row.style.is_empty() {
        tags.insert(row.style.to_owned());
    }
    tags.insert(format!("{:.0}B", row.parameters_bn.round_ties_even()));
    tags
}

/// A model's name as a person would write it.
fn spoken(model_name: &str) -> String {
    let mut spoken = String::with_capacity(model_name.len());
    for c in model_name.chars() {
        let c = if matches!(c, '-' | '_') { ' ' } else { c };
        if c != ' ' || !spoken.ends_with(' ') {
            spoken.push(c);
        }
    }
    python_trim(&spoken).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::recorded_tests::cases as recorded;

    #[test]
    fn findings_about_rows() {
        for case in recorded("legacy_view.jsonl") {
            let Some(csv) = case["csv"].as_str().filter(|_| case["ok"] == true) else {
                continue;
            };
            let mut log = Issues::default();
            if render(csv.as_bytes(), false, &mut log).is_err() {
                continue;
            }
            let mut expected = Issues::default();
            for pair in case["issues"].as_array().unwrap() {
                expected.add(
                    pair[0].as_str().unwrap(),
                    pair[1].as_str().unwrap().to_owned(),
                );
            }
            assert_eq!(log, expected, "{}", case["id"]);
        }
    }
}
