use super::*;
use crate::python::json::parse;

fn reasons(category: Category, record: &str) -> Vec<String> {
    let text = format!("{{\"a\": {record}}}");
    let value = parse(&text).unwrap();
    let found = findings(category, value.as_object().unwrap());
    assert!(found.iter().all(|finding| finding.model == "a"));
    found.into_iter().map(|finding| finding.reason).collect()
}

/// What every part of a rule is there for: each row fails or passes by one of them alone.
#[test]
fn every_part_of_a_rule_counts() {
    use Category::{AudioGeneration, ImageGeneration, Lora, TextGeneration};
    let with = |field: &str, value: &str| {
        let given = "\"baseline\": \"x\", \"parameters\": 7";
        let given = given.replace(&format!("\"{field}\": 7"), "\"x\": 7");
        let nsfw = if field == "nsfw" {
            ""
        } else {
            ", \"nsfw\": false"
        };
        format!("{{\"name\": \"a\", {given}{nsfw}, \"{field}\": {value}}}")
    };
    let licence = |expression: &str, ids: &str, rights: [&str; 2]| {
        format!(
            "{{\"license_expression\": \"{expression}\", \"license_ids\": [{ids}], \"commercial_use\": \"{}\", \"redistribution\": \"{}\"}}",
            rights[0], rights[1]
        )
    };
    let of_file = |name: &str, file: &str| {
        let all = licence("MIT", "\"MIT\"", ["allowed"; 2]);
        let all = all.strip_suffix('}').unwrap();
        let value = format!("{all}, \"files\": {{\"{name}\": {file}}}}}");
        let record = with("licensing", &value);
        let record = record.strip_suffix('}').unwrap();
        format!(
            "{record}, \"config\": {{\"download\": [{{\"file_name\": \"f\", \"file_url\": \"u\"}}]}}}}"
        )
    };
    let unknown = licence("NOASSERTION", "", ["unknown"; 2]);
    for (category, record, passes) in [
        (AudioGeneration, with("nsfw", "1"), true),
        (AudioGeneration, with("nsfw", "0.0"), true),
        (AudioGeneration, with("nsfw", "2"), false),
        (TextGeneration, with("parameters", "7.0"), true),
        (
            ImageGeneration,
            with("requirements", "{\"a\": [\"x\"]}"),
            true,
        ),
        (
            ImageGeneration,
            with("requirements", "{\"a\": [1, \"x\"]}"),
            false,
        ),
        (
            ImageGeneration,
            with("requirements", "{\"a\": [{}]}"),
            false,
        ),
        (Lora, with("metadata", "{}"), true),
        (
            Lora,
            with("metadata", "{\"created_at\": null, \"updated_at\": 2}"),
            true,
        ),
        (Lora, with("metadata", "{\"updated_at\": \"now\"}"), false),
        (
            Lora,
            with("licensing", &licence("MIT", "\"MIT\"", ["allowed"; 2])),
            true,
        ),
        (
            Lora,
            with("licensing", &licence("MIT", "\"MIT\"", ["allowed", "?"])),
            false,
        ),
        (
            Lora,
            with("licensing", &licence("MIT", "\"MIT\"", ["?", "allowed"])),
            false,
        ),
        (
            Lora,
            with("licensing", &licence("MIT", "\"GPL-3.0\"", ["allowed"; 2])),
            false,
        ),
        (Lora, with("licensing", &unknown), true),
        (
            Lora,
            with(
                "licensing",
                &licence("NOASSERTION", "\"MIT\"", ["unknown"; 2]),
            ),
            false,
        ),
        (
            Lora,
            with("licensing", &licence("NOASSERTION", "", ["allowed"; 2])),
            false,
        ),
        (Lora, of_file("f", &unknown), true),
        (Lora, of_file("g", &unknown), false),
        (Lora, of_file("f", "{}"), false),
    ] {
        let found = reasons(category, &record);
        assert_eq!(found.is_empty(), passes, "{record}: {found:?}");
    }
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
