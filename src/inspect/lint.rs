//! What is wrong with a legacy file, before it is merged or fetched: every issue and every reason for a rejection.
//!
//! A file without a rejection here is one that a refresh publishes, and the other way round.

use crate::category::Category;
use crate::convert::{Report, check};
use crate::legacy::parse_check;

/// Lints the bytes of a category's legacy file.
///
/// `rejections` holds one entry for each record that cannot be converted and, in front of them, what a refresh refuses
/// although the conversion bears it: an empty file, a CSV that is cut off or has another header. It is empty exactly
/// when a refresh takes the file. A category without a legacy format is one rejection.
#[must_use]
pub fn lint(category: Category, legacy: &[u8]) -> Report {
    let mut report = check(category, legacy);
    if let Err(refused) = parse_check(category, legacy) {
        let words = refused.to_string();
        let mut found = report.rejections.iter();
        if !found.any(|found| found.to_string() == words) {
            report.rejections.insert(0, refused);
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refresh_refuses_comes_first_and_once() {
        let table: &[(Category, &[u8], &[&str])] = &[
            (Category::Blip, b"{}", &[]),
            (Category::Blip, b"", &["the file is empty"]),
            (
                Category::Blip,
                b"[]",
                &["the file must be a JSON object of models, found a list"],
            ),
            (
                Category::Blip,
                br#"{"a": {"name": "a", "nsfw": "?"}, "b": {"name": 1}}"#,
                &[
                    "model 'a', field nsfw: must be true or false, found \"?\"",
                    "model 'b', field name: must be a string, found a number",
                ],
            ),
            (
                Category::TextGeneration,
                b"name,parameters_bn\na/b,x\nc/d,1",
                &["cut off: the last row has no line end"],
            ),
            (
                Category::Lora,
                b"{}",
                &["the category lora has no legacy format"],
            ),
        ];
        for (category, legacy, expected) in table {
            let found: Vec<String> = lint(*category, legacy)
                .rejections
                .iter()
                .map(ToString::to_string)
                .collect();
            let text = String::from_utf8_lossy(legacy);
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for (found, expected) in found.iter().zip(*expected) {
                assert!(found.starts_with(expected), "{text}: {found:?}");
            }
        }
    }
}
