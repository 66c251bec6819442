//! The draft of a ready-made v2 body: checked, laid out, and otherwise as it was sent.

use super::{Draft, MadeFrom, NoDraft, no_reference, records};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::Form;
use crate::legacy::{Rejected, v2_records};
use crate::python::json::{self, Value, float_value};

/// How the published bytes come from a v2 body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Laid {
    /// As the reference package's replica writes them: on one line, ASCII, numbers as Python has them.
    AsReplica,
    /// As they are: another mirror publishes them, or they are edited here, where they are the origin.
    AsSent,
}

/// What a byte order mark looks like in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Makes the draft of a v2 body; records that the reference package would leave out are counted as findings and stay.
///
/// # Errors
/// It is no JSON object that the reference package could read.
pub fn from_v2(
    category: Category,
    body: &[u8],
    sha256: Digest,
    laid: Laid,
) -> Result<Draft, NoDraft> {
    let text = match laid {
        Laid::AsReplica => body.strip_prefix(BOM).unwrap_or(body),
        Laid::AsSent => body,
    };
    let value = v2_records(text).map_err(no_reference)?;
    if let Some(path) = no_number(&value) {
        let reason = format!("{path} is no number that JSON has (NaN or Infinity)");
        return Err(NoDraft::Rejected(Rejected::file(reason)));
    }
    let v2 = match laid {
        Laid::AsReplica => json::dumps(&value),
        Laid::AsSent => body.to_vec(),
    };
    let models = value.as_object().map_or(0, json::Object::len);
    let issues = value
        .as_object()
        .map_or(0, |models| records::findings(category, models).len());
    Ok(Draft {
        sha256: if v2 == body { sha256 } else { Digest::of(&v2) },
        models: models as u64,
        dropped: 0,
        left_out: Vec::new(),
        issues: issues as u64,
        v2,
        made_from: MadeFrom {
            form: Form::V2,
            sha256,
            on_invalid_record: None,
        },
        judged: false,
    })
}

/// The path of the first number that is none: `NaN`, infinity, or too large for a double.
fn no_number(value: &Value<'_>) -> Option<String> {
    let within = |step: String, value| {
        let path = no_number(value)?;
        let dot = if path.is_empty() { "" } else { "." };
        Some(format!("{step}{dot}{path}"))
    };
    match value {
        Value::Float(literal) if !float_value(literal).is_finite() => Some(String::new()),
        Value::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(at, value)| within(at.to_string(), value))
        }
        Value::Object(object) => object
            .iter()
            .find_map(|(key, value)| within(key.to_owned(), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(body: &[u8], laid: Laid) -> Result<(String, u64), NoDraft> {
        let sha256 = Digest::of(body);
        let draft = from_v2(Category::Lora, body, sha256, laid)?;
        assert_eq!(draft.sha256, Digest::of(&draft.v2));
        assert_eq!(draft.made_from.sha256, sha256);
        assert_eq!(draft.made_from.form, Form::V2);
        assert_eq!(draft.made_from.on_invalid_record, None);
        Ok((String::from_utf8(draft.v2).unwrap(), draft.models))
    }

    #[test]
    fn a_body_is_laid_out_as_the_replica_does_or_left_as_it_is() {
        let body = "\u{feff}{\"a\":{\"name\":\"é\",\"n\":1E5}}\n".as_bytes();
        let laid_out = "{\"a\": {\"name\": \"\\u00e9\", \"n\": 100000.0}}";
        let made_of = made(body, Laid::AsReplica);
        assert_eq!(made_of, Ok((laid_out.to_owned(), 1)));
        assert!(matches!(
            made(body, Laid::AsSent),
            Err(NoDraft::NoReference(_))
        ));
        let body = "{\n    \"a\": {\"name\": \"é\"}\n}\n";
        assert_eq!(
            made(body.as_bytes(), Laid::AsSent),
            Ok((body.to_owned(), 1))
        );
        assert_eq!(made(b" {} ", Laid::AsReplica), Ok(("{}".to_owned(), 0)));
    }

    #[test]
    fn what_is_no_v2_file() {
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(200), "]".repeat(200));
        for (body, damaged) in [
            (&b""[..], true),
            (b"{\"a\": {\"name\": ", true),
            (b"<html><body>login</body></html>", true),
            (b"{\"a\": \"\xff\"}", true),
            (b"{} trailing", true),
            (b"[]", false),
            (b"null", false),
            (b"1", false),
            (b"{\"a\": {\"x\": NaN}}", false),
            (b"{\"a\": {\"x\": [1, -Infinity]}}", false),
            (b"{\"a\": 1e999}", false),
            (b"{\"a\": \"\\ud800\"}", false),
            (deep.as_bytes(), false),
        ] {
            for laid in [Laid::AsReplica, Laid::AsSent] {
                let error = made(body, laid).unwrap_err();
                let is_damage = matches!(error, NoDraft::Damaged(_));
                assert_eq!(is_damage, damaged, "{error:?}");
            }
        }
        let error = made(b"{\"a\": {\"x\": [1, NaN]}}", Laid::AsReplica).unwrap_err();
        assert!(
            format!("{error:?}").contains("a.x.1 is no number"),
            "{error:?}"
        );
    }
}
