//! What another mirror says that it publishes: its `manifest.json`, read as a stranger's.
//!
//! 1. Only what this program could publish itself is listed: a category's v2 file and legacy file under our own names,
//!    and the extra files that are asked for. Every other name, digest or shape in it is passed over, whatever it is.
//! 2. A listing says what to ask for; the bytes count only when their SHA-256 is the one listed. That is checked where
//!    digests are made, by the caller.
//! 3. A manifest that is no JSON object with categories is damage, not an empty mirror.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use serde_json::Value;

use super::UpstreamError;
use crate::category::Category;
use crate::item::{ExtraFile, Form, Item};

/// One file of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes, where the manifest says it.
    pub bytes: Option<u64>,
}

/// The files that a mirror publishes, by item and form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(pub BTreeMap<(Item, Form), Listed>);

impl Listing {
    /// Reads the manifest at `url`; `extra` are the extra files that are asked for.
    ///
    /// # Errors
    /// It is no manifest.
    pub fn read(url: &str, manifest: &[u8], extra: &[ExtraFile]) -> Result<Self, UpstreamError> {
        let damaged = |how: String| UpstreamError::Undecodable {
            url: url.to_owned(),
            how,
        };
        let manifest: Value = serde_json::from_slice(manifest)
            .map_err(|error| damaged(format!("it is no JSON ({error})")))?;
        let Some(categories) = manifest.get("categories").and_then(Value::as_object) else {
            return Err(damaged("it is no manifest of a mirror".to_owned()));
        };
        let mut listed = BTreeMap::new();
        for (name, published) in categories {
            let Ok(category) = Category::from_str(name) else {
                continue;
            };
            let item = Item::from(category);
            for form in [Form::V2, Form::Legacy] {
                let entry = published.get(form.as_str());
                if let Some(file) = entry.and_then(|entry| named(entry, &item, form)) {
                    listed.insert((item.clone(), form), file);
                }
            }
        }
        let files = manifest.get("files");
        for file in extra {
            let item = Item::File(file.clone());
            let path = item.path(Form::Raw).unwrap_or_default();
            if let Some(file) = files.and_then(|files| files.get(path)).and_then(digest) {
                listed.insert((item, Form::Raw), file);
            }
        }
        Ok(Self(listed))
    }
}

/// An entry of a category, if it has our own name for the file.
fn named(entry: &Value, item: &Item, form: Form) -> Option<Listed> {
    let ours = item.path(form)?;
    let name = entry.get("file")?.as_str()?;
    (name == ours).then(|| digest(entry)).flatten()
}

/// The digest and the size in an entry.
fn digest(entry: &Value) -> Option<Listed> {
    let sha256 = entry.get("sha256")?.as_str()?;
    let is_digest = sha256.len() == 64
        && sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then(|| Listed {
        sha256: sha256.to_owned(),
        bytes: entry.get("bytes").and_then(Value::as_u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Repository;

    fn extra(name: &str) -> ExtraFile {
        ExtraFile {
            repository: Repository::Text,
            name: name.to_owned(),
        }
    }

    fn read(manifest: &Value) -> Vec<(String, Form)> {
        let extra = [extra("db.json")];
        let listing = Listing::read("u", manifest.to_string().as_bytes(), &extra).unwrap();
        let files = listing.0.into_keys();
        files.map(|(item, form)| (item.to_string(), form)).collect()
    }

    #[test]
    fn a_manifest_lists_its_files() {
        let sha256 = "0123456789abcdef".repeat(4);
        let manifest = serde_json::json!({
            "format": 2,
            "categories": {
                "text_generation": {
                    "v2": {"file": "text_generation.json", "sha256": sha256, "bytes": 7},
                    "legacy": {"file": "legacy/models.csv", "sha256": sha256},
                },
                "lora": {"v2": {"file": "lora.json", "sha256": sha256}, "legacy": null},
            },
            "files": {"legacy/db.json": {"sha256": sha256, "bytes": 9}},
        });
        let expected = [
            ("text_generation", Form::Legacy),
            ("text_generation", Form::V2),
            ("lora", Form::V2),
            ("legacy/db.json", Form::Raw),
        ];
        let expected = expected.map(|(item, form)| (item.to_owned(), form));
        assert_eq!(read(&manifest), expected);
    }

    #[test]
    fn invariant_1_a_stranger_s_names_are_trusted_for_nothing() {
        let sha256 = "0".repeat(64);
        for (name, file, digest) in [
            ("lora", "../lora.json", sha256.as_str()),
            ("lora", "/etc/passwd", &sha256),
            ("lora", ".horde-refd/state.json", &sha256),
            ("lora", "clip.json", &sha256),
            ("lora", "lora.json", "../../x"),
            ("lora", "lora.json", &"A".repeat(64)),
            ("lora", "lora.json", ""),
            ("../lora", "lora.json", &sha256),
            ("unheard_of", "unheard_of.json", &sha256),
        ] {
            let manifest = serde_json::json!({
                "categories": {name: {
                    "v2": {"file": file, "sha256": digest},
                    "legacy": {"file": "legacy/lora.json", "sha256": digest},
                }},
                "files": {"legacy/../x": {"sha256": sha256}, "legacy/other.json": {"sha256": sha256}},
            });
            assert_eq!(read(&manifest), [], "{manifest}");
        }
    }

    #[test]
    fn invariant_3_what_is_no_manifest_is_damage() {
        for manifest in ["", "{", "[]", "null", "{}", r#"{"categories": []}"#] {
            let error = Listing::read("u", manifest.as_bytes(), &[]).unwrap_err();
            assert!(error.class().is_failure(), "{error}");
        }
        let none = Listing::read("u", br#"{"categories": {}}"#, &[]).unwrap();
        assert_eq!(none, Listing::default());
    }
}
