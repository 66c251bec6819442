//! What the reference package says of the records of a v2 file: those that it would leave out are findings.
//!
//! Nothing here changes a file. The rules are those of release 8.6.2 for ready-made records; a newer PRIMARY may send
//! values that this release does not know, and its readers then lose the records, which is worth knowing.

use crate::category::Category;
use crate::legacy::record::licence::{OBLIGATIONS, PERMISSIONS};
use crate::python::identifiers;
use crate::python::json::{Object, Value, float_value};

const STYLES: &str = "generalist anime furry artistic other realistic";
const LICENSING: [&str; 11] = [
    "license_expression",
    "license_ids",
    "commercial_use",
    "redistribution",
    "obligations",
    "attribution",
    "evidence",
    "reviewed_by",
    "reviewed_at",
    "notes",
    "files",
];
const GUIDANCE: [&str; 3] = ["status", "primary_profile_id", "supplemental_profile_ids"];
const STATUSES: [&str; 3] = ["published", "legacy_label", "undocumented"];

/// A record that readers leave out or take for another one: its key, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) model: String,
    pub(super) reason: String,
}

/// Every finding, in the order of the records.
pub(super) fn findings(category: Category, models: &Object<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (key, record) in models {
        let mut flaws = Vec::new();
        match record.as_object() {
            None => flaws.push(format!("must be an object, found {}", record.describe())),
            Some(record) => of_record(category, key, record, &mut flaws),
        }
        found.extend(flaws.into_iter().map(|reason| Finding {
            model: key.to_owned(),
            reason,
        }));
    }
    found
}

fn of_record(category: Category, key: &str, record: &Object<'_>, flaws: &mut Vec<String>) {
    let mut say = |field: &str, rule: &str| flaws.push(format!("{field} {rule}"));
    match record.get("name").map(Value::as_str) {
        Some(Some(name)) if name == key => {}
        Some(Some(_)) => say("name", "is not the record's key"),
        _ => say("name", "must be a string"),
    }
    if category == Category::ImageGeneration {
        if !matches!(record.get("baseline"), Some(Value::String(_))) {
            say("baseline", "must be a string");
        }
        if !record.get("nsfw").is_some_and(is_flag) {
            say("nsfw", "must be true or false");
        }
        let style = record.get("style");
        let known = |style: &Value<'_>| {
            style
                .as_str()
                .is_some_and(|it| STYLES.split(' ').any(|known| known == it))
        };
        if !style.is_none_or(|style| is_null(style) || known(style)) {
            say("style", "is none that is known");
        }
        if !record.get("requirements").is_none_or(is_flat) {
            say("requirements", "must be flat");
        }
    }
    if category == Category::TextGeneration {
        if !record.get("parameters").is_some_and(is_whole) {
            say("parameters", "must be a whole number");
        }
        if !record.get("settings").is_none_or(is_flat) {
            say("settings", "must be flat");
        }
    }
    if matches!(
        category,
        Category::VideoGeneration | Category::AudioGeneration
    ) && !record.get("nsfw").is_none_or(is_flag)
    {
        say("nsfw", "must be true or false");
    }
    if !record
        .get("tags")
        .is_none_or(|tags| is_null(tags) || is_strings(tags))
    {
        say("tags", "must be a list of strings");
    }
    if !record.get("config").is_none_or(is_config) {
        say("config", "must name the file and the URL of every download");
    }
    if !record.get("metadata").is_none_or(is_metadata) {
        say("metadata", "must be an object with whole numbers for times");
    }
    if !record
        .get("licensing")
        .is_none_or(|it| is_null(it) || is_licensing(it, record))
    {
        say(
            "licensing",
            "has what this release of the package does not know",
        );
    }
    if !record
        .get("guidance")
        .is_none_or(|it| is_null(it) || is_guidance(it))
    {
        say(
            "guidance",
            "has what this release of the package does not know",
        );
    }
}

const fn is_null(value: &Value<'_>) -> bool {
    matches!(value, Value::Null)
}

/// What Pydantic takes for a boolean.
fn is_flag(value: &Value<'_>) -> bool {
    const WORDS: [&str; 12] = [
        "0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes",
    ];
    match value {
        Value::Bool(_) => true,
        Value::Int(_) | Value::Float(_) => matches!(value.as_f64(), Some(0.0 | 1.0)),
        Value::String(text) => WORDS.contains(&text.to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// What Pydantic takes for an integer.
fn is_whole(value: &Value<'_>) -> bool {
    match value {
        Value::Int(_) | Value::Bool(_) => true,
        Value::Float(literal) => float_value(literal).fract() == 0.0,
        Value::String(text) => text.trim().parse::<f64>().is_ok_and(|it| it.fract() == 0.0),
        _ => false,
    }
}

fn is_strings(value: &Value<'_>) -> bool {
    let items = value.as_list();
    items.is_some_and(|items| items.iter().all(|item| item.as_str().is_some()))
}

/// An object of numbers, strings, booleans, and lists of numbers or of strings; or nothing.
fn is_flat(value: &Value<'_>) -> bool {
    let number =
        |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_));
    let flat = |value: &Value<'_>| match value {
        Value::List(items) => items.iter().all(number) || is_strings(value),
        Value::Object(_) | Value::Null => false,
        _ => true,
    };
    let members = value.as_object();
    is_null(value) || members.is_some_and(|members| members.iter().all(|(_, value)| flat(value)))
}

fn is_config(value: &Value<'_>) -> bool {
    let Some(config) = value.as_object() else {
        return false;
    };
    let named = |download: &Value<'_>| {
        let text = |field| download.get(field).is_some_and(|it| it.as_str().is_some());
        text("file_name") && text("file_url")
    };
    let downloads = config.get("download");
    downloads.is_none_or(|it| it.as_list().is_some_and(|list| list.iter().all(named)))
}

fn is_metadata(value: &Value<'_>) -> bool {
    let Some(metadata) = value.as_object() else {
        return false;
    };
    ["created_at", "updated_at"].iter().all(|field| {
        let time = metadata.get(field);
        time.is_none_or(|time| is_null(time) || is_whole(time))
    })
}

fn is_licensing(value: &Value<'_>, record: &Object<'_>) -> bool {
    let Some(licensing) = value.as_object() else {
        return false;
    };
    let files = licensing.get("files").map(Value::as_object);
    let declared = |name: &str| {
        let downloads = record
            .get("config")
            .and_then(|config| config.get("download"));
        let downloads = downloads.and_then(Value::as_list).unwrap_or_default();
        let mut names = downloads
            .iter()
            .filter_map(|it| it.get("file_name")?.as_str());
        names.any(|file| file == name)
    };
    let of_files = match files {
        None => true,
        Some(None) => false,
        Some(Some(files)) => files.iter().all(|(name, assignment)| {
            let assignment = assignment.as_object();
            declared(name) && assignment.is_some_and(|it| is_assignment(it, false))
        }),
    };
    is_assignment(licensing, true) && of_files
}

fn is_assignment(licensing: &Object<'_>, with_files: bool) -> bool {
    let closed = licensing
        .keys()
        .all(|key| LICENSING.contains(&key) && (with_files || key != "files"));
    let among = |field: &str, words: &[&str]| {
        let word = licensing.get(field).and_then(Value::as_str);
        word.is_some_and(|word| words.contains(&word))
    };
    let strings = |field: &str| -> Option<Vec<&str>> {
        match licensing.get(field) {
            None => Some(Vec::new()),
            Some(list) => list.as_list()?.iter().map(Value::as_str).collect(),
        }
    };
    let Some(expression) = licensing.get("license_expression").and_then(Value::as_str) else {
        return false;
    };
    let (Some(mut ids), Some(obligations)) = (strings("license_ids"), strings("obligations"))
    else {
        return false;
    };
    ids.sort_unstable();
    let rights = |words: &[&str]| among("commercial_use", words) && among("redistribution", words);
    let agrees = if expression == "NOASSERTION" {
        ids.is_empty() && rights(&["unknown"])
    } else {
        let named = identifiers(expression);
        rights(&PERMISSIONS) && named.is_some_and(|named| named.iter().eq(ids.iter()))
    };
    closed && agrees && obligations.iter().all(|it| OBLIGATIONS.contains(it))
}

fn is_guidance(value: &Value<'_>) -> bool {
    let Some(guidance) = value.as_object() else {
        return false;
    };
    let status = guidance.get("status").and_then(Value::as_str);
    let primary = guidance.get("primary_profile_id");
    guidance.keys().all(|key| GUIDANCE.contains(&key))
        && status.is_some_and(|status| STATUSES.contains(&status))
        && primary.is_none_or(|it| is_null(it) || it.as_str().is_some())
        && guidance
            .get("supplemental_profile_ids")
            .is_none_or(is_strings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::json::parse;

    fn reasons(category: Category, record: &str) -> Vec<String> {
        let text = format!("{{\"a\": {record}}}");
        let value = parse(&text).unwrap();
        let found = findings(category, value.as_object().unwrap());
        assert!(found.iter().all(|finding| finding.model == "a"));
        found.into_iter().map(|finding| finding.reason).collect()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn records_that_readers_leave_out_are_findings() {
        use Category::{AudioGeneration, ImageGeneration, Lora, TextGeneration};
        let image =
            |more: &str| format!("{{\"name\": \"a\", \"baseline\": \"x\", \"nsfw\": false{more}}}");
        let text = |more: &str| format!("{{\"name\": \"a\", \"parameters\": 7{more}}}");
        let plain = |more: &str| format!("{{\"name\": \"a\"{more}}}");
        let licence = |more: &str| {
            format!(
                ", \"config\": {{\"download\": [{{\"file_name\": \"f\", \"file_url\": \"u\"}}]}}, \"licensing\": {{\"license_expression\": \"MIT\", \"license_ids\": [\"MIT\"], \"commercial_use\": \"allowed\", \"redistribution\": \"unknown\"{more}}}"
            )
        };
        let no_licence = ", \"licensing\": {\"license_expression\": \"NOASSERTION\", \"license_ids\": [], \"commercial_use\": \"unknown\", \"redistribution\": \"unknown\", \"obligations\": [], \"evidence\": [], \"notes\": \"n\", \"files\": {}}";
        let guidance = |status: &str| {
            format!(
                ", \"guidance\": {{\"status\": \"{status}\", \"primary_profile_id\": null, \"supplemental_profile_ids\": []}}"
            )
        };
        for (category, record, expected) in [
            (Lora, plain(""), ""),
            (Lora, "1".to_owned(), "must be an object, found a number"),
            (Lora, "{}".to_owned(), "name must be a string"),
            (
                Lora,
                "{\"name\": \"b\"}".to_owned(),
                "name is not the record's key",
            ),
            (Lora, plain(", \"unheard_of\": [{}]"), ""),
            (Lora, plain(", \"tags\": \"x\""), "tags must be"),
            (Lora, plain(", \"tags\": null"), ""),
            (Lora, plain(", \"config\": null"), "config must"),
            (
                Lora,
                plain(", \"config\": {\"download\": [{\"file_name\": \"f\"}]}"),
                "config must",
            ),
            (Lora, plain(", \"metadata\": null"), "metadata must"),
            (
                Lora,
                plain(", \"metadata\": {\"created_at\": 1.5}"),
                "metadata must",
            ),
            (Lora, plain(no_licence), ""),
            (Lora, plain(&licence("")), ""),
            (
                Lora,
                plain(&licence(
                    ", \"files\": {\"f\": {\"license_expression\": \"NOASSERTION\", \"commercial_use\": \"unknown\", \"redistribution\": \"unknown\"}}",
                )),
                "",
            ),
            (
                Lora,
                plain(&licence(", \"files\": {\"g\": {}}")),
                "licensing has",
            ),
            (Lora, plain(&licence(", \"new\": 1")), "licensing has"),
            (
                Lora,
                plain(&licence(", \"obligations\": [\"sing\"]")),
                "licensing has",
            ),
            (AudioGeneration, plain(", \"nsfw\": null"), "nsfw must"),
            (AudioGeneration, plain(", \"nsfw\": \"true\""), ""),
            (ImageGeneration, image(""), ""),
            (ImageGeneration, plain(", \"nsfw\": true"), "baseline must"),
            (
                ImageGeneration,
                image(", \"style\": \"Anime\""),
                "style is none",
            ),
            (ImageGeneration, image(", \"style\": null"), ""),
            (
                ImageGeneration,
                image(", \"requirements\": {\"a\": [1, 2]}"),
                "",
            ),
            (
                ImageGeneration,
                image(", \"requirements\": {\"a\": null}"),
                "requirements must",
            ),
            (TextGeneration, text(&guidance("undocumented")), ""),
            (TextGeneration, text(&guidance("reviewed")), "guidance has"),
            (
                TextGeneration,
                text(", \"settings\": {\"a\": {}}"),
                "settings must",
            ),
            (TextGeneration, plain(", \"parameters\": \"7\""), ""),
            (
                TextGeneration,
                plain(", \"parameters\": 7.5"),
                "parameters must",
            ),
        ] {
            let found = reasons(category, &record);
            match expected {
                "" => assert_eq!(found, [""; 0], "{record}"),
                expected => {
                    assert_eq!(found.len(), 1, "{record}: {found:?}");
                    assert!(found[0].starts_with(expected), "{record}: {found:?}");
                }
            }
        }
    }
}
