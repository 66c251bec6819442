//! What holds for every input, sensible or not. `PROPTEST_CASES` sets how many are tried.

use horde_refd::category::Category;
use horde_refd::convert::{check, convert};
use horde_refd::item::OnInvalidRecord;
use horde_refd::legacy::{legacy_view, parse_check};
use proptest::prelude::*;

fn categories() -> impl Strategy<Value = Category> {
    prop::sample::select(Category::ALL.to_vec())
}

/// JSON of any shape, its keys taken from those that mean something as a rule.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("NaN".to_owned()),
        Just("-0".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        "[ -~]{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let key = prop_oneof![
        8 => prop::sample::select(vec![
            "name", "type", "description", "style", "config", "files", "download", "path", "file_name", "file_url",
            "sha256sum", "metadata", "created_at", "licensing", "license_expression", "license_ids", "baseline",
            "requirements", "karras", "tags", "showcases", "inpainting", "embedded_component_hashes",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    scalar.prop_recursive(5, 64, 8, move |inner| {
        let member = (key.clone(), inner.clone())
            .prop_map(|(key, value)| format!("{}: {value}", serde_json::Value::from(key)));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..8)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn records() -> impl Strategy<Value = String> {
    let record = json().prop_map(|json| {
        json.strip_prefix('{').map_or(json.clone(), |rest| {
            let comma = if rest == "}" { "" } else { "," };
            format!("{{\"name\": \"m\", \"baseline\": \"flux_1\"{comma}{rest}")
        })
    });
    prop::collection::vec(record, 0..4).prop_map(|records| {
        let members = records.iter().enumerate();
        let members: Vec<String> = members
            .map(|(index, record)| format!("\"m{index}\": {record}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn table() -> impl Strategy<Value = String> {
    let cell = prop_oneof![
        4 => "[a-zA-Z0-9./_ -]{0,24}",
        2 => "[0-9.eE_-]{0,6}",
        1 => any::<String>(),
        1 => json(),
    ]
    .prop_map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
    let row = prop::collection::vec(cell, 0..8).prop_map(|cells| cells.join(","));
    prop::collection::vec(row, 0..6).prop_map(|rows| {
        format!(
            "name,parameters_bn,settings,tags,description,style,url\n{}\n",
            rows.join("\r\n")
        )
    })
}

fn holds(category: Category, legacy: &[u8]) -> Result<(), TestCaseError> {
    let first = convert(category, legacy, OnInvalidRecord::Reject);
    prop_assert_eq!(&first, &convert(category, legacy, OnInvalidRecord::Reject));
    let report = check(category, legacy);
    let _ = parse_check(category, legacy);
    for prefixes in [true, false] {
        if let Ok(view) = legacy_view(legacy, prefixes) {
            let is_object = view.starts_with('{') && view.ends_with('}');
            prop_assert!(is_object);
        }
    }
    match first {
        Ok(converted) => {
            prop_assert_eq!(report.rejections, []);
            prop_assert_eq!(report.issues, converted.issues);
            prop_assert!(converted.v2.is_ascii());
            if category.has_legacy() {
                let ends_well = converted.v2.ends_with(b"}\n");
                prop_assert!(ends_well);
                well_formed(&converted.v2, converted.models)?;
            } else {
                prop_assert!(converted.v2.is_empty());
            }
        }
        Err(rejected) => {
            prop_assert_eq!(report.rejections.first(), Some(&rejected));
            prop_assert!(!rejected.to_string().contains('\n'), "{}", rejected);
        }
    }
    Ok(())
}

/// Valid JSON but for the names that Python gives to numbers that are none.
fn well_formed(v2: &[u8], models: usize) -> Result<(), TestCaseError> {
    let text = String::from_utf8_lossy(v2);
    let unnamed = text
        .lines()
        .map(|line| {
            let value = line.trim_end_matches(',');
            let name = ["-Infinity", "Infinity", "NaN"].into_iter().find(|name| {
                value
                    .strip_suffix(name)
                    .is_some_and(|before| before.ends_with(' '))
            });
            name.map_or(line.to_owned(), |name| line.replace(name, "0"))
        })
        .collect::<Vec<_>>()
        .join("\n");
    // Integers may have any size, which serde_json reads as doubles, and some are too large for that.
    match serde_json::from_str::<serde_json::Value>(&unnamed) {
        Ok(value) => prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(models)),
        Err(error) => prop_assert!(
            error.to_string().contains("out of range"),
            "{}: {}",
            error,
            text
        ),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(category in categories(), legacy in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(category, &legacy)?;
    }

    #[test]
    fn any_text(category in categories(), legacy in any::<String>()) {
        holds(category, legacy.as_bytes())?;
    }

    #[test]
    fn any_records(category in categories(), legacy in records()) {
        holds(category, legacy.as_bytes())?;
    }

    #[test]
    fn any_table(legacy in table()) {
        holds(Category::TextGeneration, legacy.as_bytes())?;
    }

    #[test]
    fn a_file_cut_anywhere(legacy in records(), at in any::<prop::sample::Index>()) {
        let end = at.index(legacy.len());
        let cut = legacy.as_bytes().get(..end).unwrap_or_default();
        prop_assert!(parse_check(Category::ImageGeneration, cut).is_err());
        holds(Category::ImageGeneration, cut)?;
    }
}
