//! `on_invalid_record = "skip"`: what is left out, and that the rest is the reference's.

use crate::common::need::need_shared;
use horde_refd::category::Category;
use horde_refd::convert::{Converted, convert};
use horde_refd::item::OnInvalidRecord::{Reject, Skip};

const BLIP: Category = Category::Blip;
const TEXT: Category = Category::TextGeneration;

/// The key of every record that was left out.
fn dropped(converted: &Converted) -> Vec<&str> {
    let dropped = converted.dropped.iter();
    dropped
        .map(|rejected| rejected.model.as_deref().unwrap())
        .collect()
}

/// The file without its bad records, converted as the reference would.
fn assert_rest(category: Category, legacy: &str, rest: &str, left_out: &[&str]) {
    assert!(
        convert(category, legacy.as_bytes(), Reject).is_err(),
        "{legacy}"
    );
    let skipped = convert(category, legacy.as_bytes(), Skip).unwrap();
    let expected = convert(category, rest.as_bytes(), Reject).unwrap();
    assert_eq!(dropped(&skipped), left_out, "{legacy}");
    assert_eq!(
        String::from_utf8(skipped.v2).unwrap(),
        String::from_utf8(expected.v2).unwrap(),
        "{legacy}"
    );
    assert_eq!(skipped.models, expected.models);
    assert_eq!(skipped.issues, expected.issues, "{legacy}");
    assert_eq!(expected.dropped, []);
}

#[test]
fn a_member_is_left_out_after_duplicate_keys_are_resolved() {
    assert_rest(
        BLIP,
        r#"{"a": {"name": 1}, "b": {"name": "b"}, "c": [], "d": {"name": "d", "nsfw": "maybe"}}"#,
        r#"{"b": {"name": "b"}}"#,
        &["a", "c", "d"],
    );
    // The last value of a key counts, be it the good or the bad one.
    assert_rest(
        BLIP,
        r#"{"a": {"name": 1}, "b": {"name": "b"}, "a": {"name": "a"}, "c": {}}"#,
        r#"{"a": {"name": "a"}, "b": {"name": "b"}}"#,
        &["c"],
    );
    assert_rest(
        BLIP,
        r#"{"a": {"name": "a"}, "b": {"name": "b"}, "a": {"name": 1}}"#,
        r#"{"b": {"name": "b"}}"#,
        &["a"],
    );
}

#[test]
fn a_bad_row_replaces_nothing() {
    assert_rest(
        TEXT,
        "name,parameters_bn,settings\nm,1,\n,1,\nn,1e999,\nm,nan,\nx,seven,\no,2,\"{\"\"a\"\": [1, \"\"b\"\"]}\"\n",
        "name,parameters_bn,settings\nm,1,\n,1,\nx,seven,\n",
        &["n", "m", "o"],
    )
}

#[test]
fn a_row_that_the_reference_skips_itself_is_not_counted() {
    let legacy = "name,parameters_bn\n,1\nx,seven\nm,1\n";
    let converted = convert(TEXT, legacy.as_bytes(), Skip).unwrap();
    assert_eq!(converted, convert(TEXT, legacy.as_bytes(), Reject).unwrap());
    assert_eq!(converted.models, 1);
    assert_eq!(converted.dropped, []);
}

#[test]
fn no_reference_at_all_or_nothing_left_is_rejected() {
    for (category, legacy) in [
        (BLIP, "[]"),
        (BLIP, "{\"a\": {\"name\": \"a\"}"),
        (BLIP, r#"{"a": {"name": 1}, "b": {}}"#),
        (TEXT, "name,parameters_bn\nm,nan\n"),
        (TEXT, "name,parameters_bn\nm,nan\nkoboldcpp/m,1\n"),
    ] {
        let reject = convert(category, legacy.as_bytes(), Reject).unwrap_err();
        let skip = convert(category, legacy.as_bytes(), Skip).unwrap_err();
        assert_eq!(reject, skip, "{legacy}");
    }
    for (category, legacy) in [(BLIP, "{}"), (TEXT, "name\n"), (TEXT, "name\n,\n")] {
        let converted = convert(category, legacy.as_bytes(), Skip).unwrap();
        assert_eq!(converted.v2, b"{}\n", "{legacy}");
    }
}

#[test]
fn skip_over_the_history_leaves_out_what_each_record_alone_is_rejected_for() {
    let shared = need_shared!();
    let image = Category::ImageGeneration;
    let folder = shared.join("corpus/history/stable_diffusion.json");
    let (mut files, mut left_out) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let legacy = std::fs::read(&path).unwrap();
        let Ok(mut records) = serde_json::from_slice::<serde_json::Map<_, _>>(&legacy) else {
            continue;
        };
        if path
            .extension()
            .is_none_or(|extension| extension != "legacy")
        {
            continue;
        }
        let mut bad = Vec::new();
        records.retain(|key, record| {
            let alone = serde_json::json!({ key.as_str(): record }).to_string();
            let good = convert(image, alone.as_bytes(), Reject).is_ok();
            if !good {
                bad.push(key.clone());
            }
            good
        });
        let Ok(converted) = convert(image, &legacy, Skip) else {
            assert!(records.is_empty(), "{}", path.display());
            continue;
        };
        let rest = serde_json::to_vec(&records).unwrap();
        let expected = convert(image, &rest, Reject).unwrap();
        assert_eq!(dropped(&converted), bad, "{}", path.display());
        assert!(converted.v2 == expected.v2, "{}", path.display());
        files += 1;
        left_out += bad.len();
    }
    assert!(
        files > 10 && left_out > 100,
        "{files} files, {left_out} records left out"
    );
}
