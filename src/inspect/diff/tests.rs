use super::*;
use crate::mirror::Changes;

/// The fields of the model `m` that differ, a line each.
fn fields(old: &str, new: &str) -> Vec<String> {
    let file = |record: &str| format!("{{\"m\": {record}, \"same\": {{\"x\": 1}}}}");
    let (old, new) = (file(old), file(new));
    let diff = Diff::between(old.as_bytes(), new.as_bytes()).unwrap();
    // What is different is what a publication counts.
    let counted = Changes::between(Some(old.as_bytes()), new.as_bytes());
    assert_eq!(counted.changed, diff.changed.len(), "{old} {new}");
    assert!(diff.added.is_empty() && diff.removed.is_empty());
    let fields = diff.changed.into_iter().flat_map(|(name, fields)| {
        assert_eq!(name, "m");
        fields
    });
    let shown = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
    fields
        .map(|field| {
            format!(
                "{}: {} > {}",
                field.path,
                shown(field.from),
                shown(field.to)
            )
        })
        .collect()
}

#[test]
fn every_kind_of_field_has_its_path_and_both_texts() {
    for (old, new, expected) in [
        // What does not count.
        ("{}", "{}", vec![]),
        (r#"{"a": 1, "b": [1]}"#, r#"{ "b":[1],"a":1 }"#, vec![]),
        (r#"{"a": 1.50, "b": -0}"#, r#"{"a": 15e-1, "b": 0}"#, vec![]),
        (
            r#"{"a": {"x": 1, "y": 2}}"#,
            r#"{"a": {"y": 2, "x": 1}}"#,
            vec![],
        ),
        (r#"{"a": "\u00e9"}"#, r#"{"a": "é"}"#, vec![]),
        // Plain values, and numbers as they are written.
        (r#"{"a": 1}"#, r#"{"a": 2}"#, vec!["a: 1 > 2"]),
        (r#"{"a": 1}"#, r#"{"a": 1.0}"#, vec!["a: 1 > 1.0"]),
        (r#"{"a": 1}"#, r#"{"a": "1"}"#, vec![r#"a: 1 > "1""#]),
        (r#"{"a": true}"#, r#"{"a": null}"#, vec!["a: true > null"]),
        (
            r#"{"a": 123456789012345678901234567890}"#,
            r#"{"a": 0.10000000000000000555}"#,
            vec!["a: 123456789012345678901234567890 > 0.10000000000000000555"],
        ),
        (
            r#"{"a": 9007199254740993}"#,
            r#"{"a": 9007199254740992}"#,
            vec!["a: 9007199254740993 > 9007199254740992"],
        ),
        (
            r#"{"a": NaN}"#,
            r#"{"a": -Infinity}"#,
            vec![r#"a: "NaN" > "-Infinity""#],
        ),
        (
            r#"{"a": "x\n\""}"#,
            r#"{"a": ""}"#,
            vec![r#"a: "x\n\"" > """#],
        ),
        // A field that is not there is another thing than null.
        (r#"{"a": 1}"#, "{}", vec!["a: 1 > -"]),
        (
            "{}",
            r#"{"a": {"b": [1, {"c": 2}]}}"#,
            vec![r#"a: - > {"b": [1, {"c": 2}]}"#],
        ),
        (r#"{"a": null}"#, "{}", vec!["a: null > -"]),
        ("{}", r#"{"a": null}"#, vec!["a: - > null"]),
        // Nested.
        (
            r#"{"a": {"b": {"c": 1, "d": 2}}, "e": 1}"#,
            r#"{"e": 2, "a": {"b": {"c": 3, "f": 4}}}"#,
            vec!["e: 1 > 2", "a.b.c: 1 > 3", "a.b.f: - > 4", "a.b.d: 2 > -"],
        ),
        (r#"{"a": {}}"#, r#"{"a": {"b": 1}}"#, vec!["a.b: - > 1"]),
        (r#"{"a": {}}"#, r#"{"a": []}"#, vec!["a: {} > []"]),
        (
            r#"{"a": {"b": 1}}"#,
            r#"{"a": "b"}"#,
            vec![r#"a: {"b": 1} > "b""#],
        ),
        // Lists.
        (
            r#"{"a": ["x", "y"]}"#,
            r#"{"a": ["y", "x"]}"#,
            vec![r#"a: ["x", "y"] > ["y", "x"]"#],
        ),
        (r#"{"a": []}"#, r#"{"a": ["x"]}"#, vec![r#"a: [] > ["x"]"#]),
        (
            r#"{"a": [{"b": 1, "c": 1}, {"b": 2}]}"#,
            r#"{"a": [{"b": 1, "c": 2}, {"b": 3}]}"#,
            vec!["a[0].c: 1 > 2", "a[1].b: 2 > 3"],
        ),
        (
            r#"{"a": [{"b": 1}]}"#,
            r#"{"a": [{"b": 1}, {}]}"#,
            vec![r#"a: [{"b": 1}] > [{"b": 1}, {}]"#],
        ),
        (
            r#"{"a": [{"b": 1}]}"#,
            r#"{"a": [1]}"#,
            vec![r#"a: [{"b": 1}] > [1]"#],
        ),
        (
            r#"{"a": [[1]]}"#,
            r#"{"a": [[2]]}"#,
            vec!["a: [[1]] > [[2]]"],
        ),
        // Names that are no plain words.
        (
            r#"{"a": {"b.c": 1, "": 1, "d\"": 1, "ä-1_": 1}}"#,
            r#"{"a": {"b.c": 2, "": 2, "d\"": 2, "ä-1_": 2}}"#,
            vec![
                r#"a["b.c"]: 1 > 2"#,
                r#"a[""]: 1 > 2"#,
                r#"a["d\""]: 1 > 2"#,
                "a.ä-1_: 1 > 2",
            ],
        ),
        (
            r#"{"x y": {"z": 1}}"#,
            r#"{"x y": {"z": 2}}"#,
            vec![r#"["x y"].z: 1 > 2"#],
        ),
        // A record that is no object, as an edit may leave it.
        ("1", r#""x""#, vec![r#": 1 > "x""#]),
    ] {
        assert_eq!(fields(old, new), expected, "{old} {new}");
    }
}

#[test]
fn models_differ_by_their_very_names() {
    let old = r#"{"a": {}, "A": {}, "a ": {}, "b": {"x": 1}, "é": {}}"#;
    let new = r#"{"new": {}, "a": {}, "b": {"x": 2}, "a  ": {}, "e\u0301": {}, "\u00e9": {}}"#;
    let diff = Diff::between(old.as_bytes(), new.as_bytes()).unwrap();
    assert_eq!(diff.added, ["new", "a  ", "e\u{301}"]);
    assert_eq!(diff.removed, ["A", "a "]);
    assert_eq!(diff.counts(), "+3 -2 ~1");
    // Of a name that stands there twice the last record counts, as in Python.
    let twice = br#"{"a": {"x": 1}, "a": {"x": 2}}"#;
    assert!(
        Diff::between(twice, br#"{"a": {"x": 2}}"#)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_json_is_the_contract() {
    let old = r#"{"gone": {}, "m": {"a": {"b": 1}, "c": "x"}}"#;
    let new = r#"{"m": {"a": {"b": 20000000000000000000001}, "d": [1]}, "new\n": {}}"#;
    let diff = Diff::between(old.as_bytes(), new.as_bytes()).unwrap();
    let expected = r#"{
  "added": [
    "new\n"
  ],
  "removed": [
    "gone"
  ],
  "changed": {
    "m": {
      "a.b": {
        "from": 1,
        "to": 20000000000000000000001
      },
      "d": {
        "from": null,
        "to": [1]
      },
      "c": {
        "from": "x",
        "to": null
      }
    }
  }
}"#;
    assert_eq!(diff.to_json(), expected);
    let parsed: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(parsed["changed"]["m"]["d"]["to"][0], 1);
    let empty = "{\n  \"added\": [],\n  \"removed\": [],\n  \"changed\": {}\n}";
    assert_eq!(Diff::default().to_json(), empty);
}

#[test]
fn what_is_no_reference_cannot_be_compared() {
    for (file, words) in [
        ("", "it is not JSON"),
        ("{\"a\": ", "it is not JSON"),
        ("[]", "it is not a JSON object of models"),
    ] {
        let of_old = Diff::between(file.as_bytes(), b"{}").unwrap_err();
        let of_new = Diff::between(b"{}", file.as_bytes()).unwrap_err();
        assert_eq!(of_old.to_string(), words, "{file}");
        assert_eq!(of_new.to_string(), words, "{file}");
    }
}
