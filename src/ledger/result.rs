//! The result of one `sync`, for programs and for people.

use serde_json::{Map, Value, json};

use super::facts::is_held;
use crate::cycle::{ItemError, ItemReport, Outcome, Report};
use crate::item::Item;
use crate::mirror::Changes;

/// The object that `sync --json` prints.
#[must_use]
pub fn sync_json(report: &Report, dry_run: bool) -> Value {
    let (mut categories, mut files) = (Map::new(), Map::new());
    for (item, report) in &report.items {
        match item {
            Item::Category(category) => {
                categories.insert(category.name().to_owned(), of_category(report));
            }
            Item::File(_) => {
                let mut object = json!({"outcome": report.outcome});
                add_error(&mut object, report);
                files.insert(item.to_string(), object);
            }
        }
    }
    let mut object = json!({
        "categories": categories,
        "files": files,
        "elapsed_seconds": report.elapsed.as_secs_f64(),
    });
    if dry_run {
        add(&mut object, "dry_run", true);
    }
    object
}

fn of_category(report: &ItemReport) -> Value {
    let mut object = json!({
        "outcome": report.outcome,
        "upstream": report.answered,
        "downloaded_bytes": report.downloaded_bytes,
        "models": report.models.unwrap_or_default(),
        "dropped": report.dropped,
        "v2_sha256": report.v2.map(|(sha256, _)| sha256),
        "issues": report.issues,
    });
    if let Some(origin) = &report.origin {
        add(&mut object, "source", origin.upstream.as_str());
    }
    if let Some(changes) = report.changes {
        add(&mut object, "changes", json!(changes));
    }
    if let Some(held) = &report.held {
        add(&mut object, "held", json!(held));
    }
    if report.pinned.is_some() {
        add(&mut object, "pinned", true);
    }
    if !report.instead_of.is_empty() {
        add(&mut object, "instead_of", json!(report.instead_of));
    }
    add_error(&mut object, report);
    object
}

fn add_error(object: &mut Value, report: &ItemReport) {
    if let Some(error) = &report.error {
        add(object, "error", error.chain());
    }
}

fn add(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

/// The header of the table that `sync` prints.
pub const COLUMNS: [&str; 6] = [
    "CATEGORY", "OUTCOME", "SOURCE", "MODELS", "BYTES", "CHANGES",
];

/// The rows of that table.
#[must_use]
pub fn sync_rows(report: &Report) -> Vec<[String; 6]> {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let rows = report.items.iter().map(|(item, report)| {
        let source = report.origin.as_ref().map(|origin| origin.upstream.clone());
        let bytes = match item {
            Item::Category(_) => report.v2.map(|(_, bytes)| bytes),
            Item::File(_) => report.legacy_bytes,
        };
        [
            item.to_string(),
            report.outcome.as_str().to_owned(),
            source.unwrap_or_else(|| "-".to_owned()),
            number(report.models),
            number(bytes),
            changes_words(report),
        ]
    });
    rows.collect()
}

/// What became of an item, or why nothing did.
#[must_use]
pub fn changes_words(report: &ItemReport) -> String {
    let counts = report.changes.map(|changes| {
        let Changes {
            added,
            removed,
            changed,
        } = changes;
        format!("+{added} -{removed} ~{changed}")
    });
    let error = report.error.as_ref().map(ItemError::of_lane);
    let words = match (counts, error, report.outcome) {
        (Some(counts), None, _) => counts,
        // A local edit is published although the upstream has trouble.
        (Some(counts), Some(ItemError::Upstream(_)), _) => {
            format!("{counts}, upstream failed, see below")
        }
        (Some(counts), Some(_), _) => format!("{counts}, but see below"),
        (None, Some(_), _) if report.v2.is_none() && report.legacy_bytes.is_none() => {
            "nothing published, see below".to_owned()
        }
        (None, Some(_), _) => "old data stays, see below".to_owned(),
        (None, None, Outcome::Held) => report.held.as_ref().map_or_else(String::new, |held| {
            format!("held: it would remove {} models", held.removed)
        }),
        (None, None, Outcome::Skipped) => "no upstream has it".to_owned(),
        (None, None, Outcome::Updated) if report.v2.is_some() => "legacy file only".to_owned(),
        (None, None, _) => String::new(),
    };
    let instead = match report.instead_of.as_slice() {
        [] => String::new(),
        names => format!("instead of {}", names.join(", ")),
    };
    let pinned = report.pinned.as_ref().map(|id| {
        let waits = report.held.is_some();
        let waits = if waits { " (an update waits)" } else { "" };
        format!("pinned to {id}{waits}")
    });
    let left_out = match report.dropped {
        0 => String::new(),
        some => format!("{some} left out"),
    };
    let parts = [pinned.unwrap_or_default(), words, left_out, instead];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// What a guard holds back of an item, in words, with the command that publishes it.
#[must_use]
pub fn held_words(item: &Item, report: &ItemReport) -> Option<String> {
    let held = report.held.as_ref().filter(|_| is_held(report))?;
    Some(super::transition::held_words(item, held, report.models))
}

/// What went wrong, each thing once, with all items that it concerns: none for the mirror's own state.
#[must_use]
pub fn troubles(report: &Report) -> Vec<(Vec<String>, String)> {
    let mut troubles: Vec<(Vec<String>, String)> = Vec::new();
    for (item, report) in &report.items {
        let held = held_words(item, report);
        let error = report.error.as_ref().map(ItemError::chain);
        let Some(error) = error.or(held) else {
            continue;
        };
        match troubles.iter_mut().find(|(_, known)| *known == error) {
            Some((items, _)) => items.push(item.to_string()),
            None => troubles.push((vec![item.to_string()], error)),
        }
    }
    if let Some(error) = &report.unwritten {
        let error = crate::error::chain(&**error);
        if !troubles.iter().any(|(_, known)| known.contains(&error)) {
            troubles.push((Vec::new(), error));
        }
    }
    troubles
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, missing, well};
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    use crate::category::{Category, Repository};
    use crate::cycle::{Held, Origin};
    use crate::item::ExtraFile;
    use crate::mirror::Digest;

    fn report(items: Vec<(Item, ItemReport)>) -> Report {
        Report {
            items: items.into_iter().collect::<BTreeMap<_, _>>(),
            elapsed: Duration::from_millis(1500),
            unwritten: None,
            troubled: false,
            postponed: None,
        }
    }

    fn held() -> ItemReport {
        ItemReport {
            outcome: Outcome::Held,
            held: Some(Held {
                models: 3,
                removed: 9,
                since: at(0),
                until: Some(at(86_400)),
                v2_sha256: Digest::of(b"less"),
            }),
            ..well()
        }
    }

    fn updated() -> ItemReport {
        ItemReport {
            outcome: Outcome::Updated,
            origin: Some(Origin {
                upstream: "github".into(),
                url: "https://h/blip.json".into(),
            }),
            instead_of: vec!["primary".into()],
            changes: Some(Changes {
                added: 1,
                removed: 2,
                changed: 3,
            }),
            pinned: Some("0123456789ab".into()),
            ..well()
        }
    }

    fn file(report: ItemReport) -> (Item, ItemReport) {
        let file = ExtraFile {
            repository: Repository::Text,
            name: "db.json".into(),
        };
        (Item::File(file), report)
    }

    #[test]
    fn the_object_is_the_contract() {
        let items = vec![
            (Category::Blip.into(), updated()),
            (Category::Clip.into(), held()),
            (Category::Lora.into(), ItemReport::skipped()),
            file(missing("x")),
        ];
        let sha256 = Digest::of(b"v2");
        let error = "x does not exist (404); ";
        let expected = json!({
            "categories": {
                "blip": {
                    "outcome": "updated", "upstream": "not_modified", "source": "github", "downloaded_bytes": 0,
                    "models": 2, "dropped": 0, "v2_sha256": sha256, "issues": 0,
                    "changes": {"added": 1, "removed": 2, "changed": 3}, "pinned": true,
                    "instead_of": ["primary"],
                },
                "clip": {
                    "outcome": "held", "upstream": "not_modified", "downloaded_bytes": 0,
                    "models": 2, "dropped": 0, "v2_sha256": sha256, "issues": 0,
                    "held": {
                        "models": 3, "removed": 9, "since": "2027-01-15T08:00:00Z",
                        "until": "2027-01-16T08:00:00Z", "v2_sha256": Digest::of(b"less"),
                    },
                },
                "lora": {
                    "outcome": "skipped", "upstream": "none", "downloaded_bytes": 0, "models": 0, "dropped": 0,
                    "v2_sha256": null, "issues": 0,
                },
            },
            "files": {"legacy/db.json": {"outcome": "failed", "error": error}},
            "elapsed_seconds": 1.5,
        });
        assert_eq!(sync_json(&report(items.clone()), false), expected);
        let dry = sync_json(&report(items), true);
        assert_eq!(dry["dry_run"], true);
    }

    #[test]
    fn the_rows_say_what_became_of_each_item() {
        let table = [
            (well(), "2", ""),
            (
                updated(),
                "2",
                "pinned to 0123456789ab, +1 -2 ~3, instead of primary",
            ),
            (held(), "2", "held: it would remove 9 models"),
            (missing("x"), "2", "old data stays, see below"),
            (
                ItemReport {
                    v2: None,
                    models: None,
                    ..missing("x")
                },
                "-",
                "nothing published, see below",
            ),
            (
                ItemReport {
                    changes: Some(Changes::default()),
                    ..missing("x")
                },
                "2",
                "+0 -0 ~0, upstream failed, see below",
            ),
            (
                ItemReport {
                    dropped: 3,
                    ..updated()
                },
                "2",
                "pinned to 0123456789ab, +1 -2 ~3, 3 left out, instead of primary",
            ),
            (ItemReport::skipped(), "-", "no upstream has it"),
            (
                ItemReport {
                    outcome: Outcome::Updated,
                    ..well()
                },
                "2",
                "legacy file only",
            ),
        ];
        for (fared, bytes, words) in table {
            let rows = sync_rows(&report(vec![(Category::Blip.into(), fared)]));
            assert_eq!((rows[0][4].as_str(), rows[0][5].as_str()), (bytes, words));
        }
    }

    #[test]
    fn one_cause_is_one_line() {
        let items = vec![
            (Category::Blip.into(), missing("x")),
            (Category::Clip.into(), missing("x")),
            (Category::Esrgan.into(), well()),
            (Category::Gfpgan.into(), held()),
        ];
        let names: Vec<String> = troubles(&report(items))
            .into_iter()
            .map(|(items, error)| format!("{}: {error}", items.join(", ")))
            .collect();
        let held = "gfpgan: it would remove 9 of 2 models and is held back until 2027-01-16T08:00:00Z, or until it is accepted (horde-refd accept gfpgan)";
        assert_eq!(names, ["blip, clip: x does not exist (404); ", held]);
    }
}
