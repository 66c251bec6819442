//! References: legacy JSON, `models.csv`, and JSON as Python reads it.

use horde_refd::category::Category;
use horde_refd::convert::{check, convert};
use horde_refd::digest::Digest;
use horde_refd::draft::{self, Laid, NoDraft};
use horde_refd::inspect::records::{Records, legacy_text};
use horde_refd::item::OnInvalidRecord;
use horde_refd::legacy::legacy_view;
use horde_refd::python::json;

use super::kind;

/// The first byte says which category, the rest is its file.
pub(super) fn legacy_json(data: &[u8]) -> String {
    let Some((first, body)) = data.split_first() else {
        return String::new();
    };
    let categories: Vec<_> = Category::with_legacy()
        .filter(|category| *category != Category::TextGeneration)
        .collect();
    let category = categories[usize::from(*first) % categories.len()];
    if let Ok(text) = legacy_text(category, body) {
        // Reading records by their text is another reader: it must not fail where the conversion reads.
        let records = Records::of_json(&text);
        let converts = convert(category, body, OnInvalidRecord::Reject).is_ok();
        let nothing = body.iter().all(u8::is_ascii_whitespace);
        assert!(
            records.is_ok() || !converts || nothing,
            "converted, and not shown"
        );
    }
    reference(category, body)
}

/// A `models.csv`.
pub(super) fn legacy_csv(data: &[u8]) -> String {
    for prefixes in [false, true] {
        if let Ok(view) = legacy_view(data, prefixes) {
            let read = json::read(view.as_bytes());
            assert!(read.is_ok(), "the legacy view is no JSON: {view}");
        }
    }
    reference(Category::TextGeneration, data)
}

/// The first byte says which category, the rest is a v2 file that another service sends.
pub(super) fn v2(data: &[u8]) -> String {
    let Some((first, body)) = data.split_first() else {
        return String::new();
    };
    let category = Category::ALL[usize::from(*first) % Category::ALL.len()];
    let sha256 = Digest::of(body);
    let sent = draft::from_v2(category, body, sha256, Laid::AsSent);
    if let Ok(draft) = &sent {
        assert!(draft.v2 == body && draft.sha256 == sha256);
    }
    match draft::from_v2(category, body, sha256, Laid::AsReplica) {
        Ok(draft) => {
            assert_eq!(draft.sha256, Digest::of(&draft.v2));
            assert!(draft.v2.is_ascii(), "a replica writes ASCII");
            let again = draft::from_v2(category, &draft.v2, draft.sha256, Laid::AsReplica);
            let again = again.expect("what a replica wrote is taken");
            assert!(again.v2 == draft.v2, "laid out twice, and otherwise");
            assert_eq!((again.models, again.issues), (draft.models, draft.issues));
            let value: Result<serde_json::Value, _> = serde_json::from_slice(&draft.v2);
            assert!(value.is_ok(), "it is no JSON: {value:?}");
            format!(
                "{} {} {}",
                draft.models.min(3),
                draft.issues.min(3),
                sent.is_ok()
            )
        }
        Err(NoDraft::NoReference(why)) => format!("none {}", kind(&why.to_string())),
        Err(NoDraft::Damaged(why)) => format!("damaged {}", kind(&why.to_string())),
        Err(NoDraft::Rejected(why)) => format!("rejected {}", kind(&why.to_string())),
    }
}

/// What holds for every legacy file.
fn reference(category: Category, body: &[u8]) -> String {
    let strict = convert(category, body, OnInvalidRecord::Reject);
    let skipping = convert(category, body, OnInvalidRecord::Skip);
    let report = check(category, body);
    let sha256 = Digest::of(body);
    let policy = OnInvalidRecord::Reject;
    for received in [false, true] {
        match (
            draft::from_legacy(category, body, sha256, policy, received),
            &strict,
        ) {
            (Ok(draft), Ok(converted)) => {
                assert_eq!(draft.v2, converted.v2);
                assert_eq!(draft.sha256, Digest::of(&draft.v2));
                assert_eq!(draft.models, converted.models as u64);
            }
            (Ok(_), Err(why)) => panic!("a draft of what does not convert: {why}"),
            (Err(NoDraft::Rejected(_)), Ok(_)) => panic!("rejected, although it converts"),
            (Err(_), _) => {}
        }
    }
    if let Ok(converted) = &strict {
        assert!(converted.dropped.is_empty());
        assert!(report.rejections.is_empty(), "{:?}", report.rejections);
        let other = skipping
            .as_ref()
            .expect("what is taken whole is taken in parts");
        assert!(converted.v2 == other.v2 && other.dropped.is_empty());
    } else {
        assert!(!report.rejections.is_empty());
    }
    let Ok(converted) = skipping else {
        let why = strict.expect_err("checked above");
        return kind(&why.to_string());
    };
    let value = json::read(&converted.v2).expect("a v2 file is JSON");
    let models = value.as_object().expect("a v2 file is an object");
    assert_eq!(models.len(), converted.models);
    // What is published here is what another mirror takes, but for numbers that are none.
    let taken = draft::from_v2(category, &converted.v2, sha256, Laid::AsSent);
    if let Err(NoDraft::NoReference(why) | NoDraft::Damaged(why)) = taken {
        panic!("published, and no other mirror would take it: {why}");
    }
    let mut words = match &strict {
        Ok(_) => "converted".to_owned(),
        Err(why) => format!("in parts: {why}"),
    };
    for (_, messages) in converted.issues.iter().take(1) {
        for message in messages.take(1) {
            words = format!("{words}; {message}");
        }
    }
    kind(&words)
}

/// Bytes as Python's `json` module reads them: all that is JSON, and some more.
pub(super) fn json(data: &[u8]) -> String {
    let strict = serde_json::from_slice::<serde_json::Value>(data);
    match json::read(data) {
        Err(why) => {
            let why = why.to_string();
            let known = why.contains("digits") || strict.is_err();
            assert!(known, "JSON, and not read: {why}");
            kind(&why)
        }
        Ok(value) => {
            assert_eq!(value.clone().into_owned(), value);
            let records = Records::of_json(std::str::from_utf8(data).unwrap_or_default());
            let what = match value.as_object() {
                Some(object) => format!("an object of {}", object.len().min(3)),
                None => "no object".to_owned(),
            };
            format!("{what}, {} {}", strict.is_ok(), records.is_ok())
        }
    }
}
