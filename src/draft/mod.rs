//! What a cycle would publish for a category: body in, draft out; pure.
//!
//! 1. The same body under the same policy gives the same draft, in every process of the same version.
//! 2. A body that is no reference at all is another thing than one whose records are refused; one that the way has
//!    damaged (cut off, a web page, no JSON) is a third, and no answer of the one that sent it.
//! 3. A ready-made v2 body is published in the bytes that the reference package's replica would leave of it; from another
//!    mirror, as it was sent.

mod records;
mod v2;

use serde::{Deserialize, Serialize};

use crate::category::Category;
use crate::convert::convert;
use crate::digest::Digest;
use crate::item::{Form, OnInvalidRecord};
use crate::legacy::{self, Rejected};

pub use v2::{Laid, from_v2};

/// How many of the records that are left out are named in the log.
const NAMED: usize = 3;

/// What a cycle would publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The v2 file.
    pub v2: Vec<u8>,
    /// Its SHA-256.
    pub sha256: Digest,
    /// How many records it holds.
    pub models: u64,
    /// How many records were left out of it.
    pub dropped: u64,
    /// The first few of them, each with what is wrong with it.
    pub left_out: Vec<Rejected>,
    /// How many findings lint has in the records.
    pub issues: u64,
    /// The body that it was made from.
    pub made_from: MadeFrom,
    /// Another mirror publishes it, so its guards have judged it.
    pub judged: bool,
}

/// The body that a v2 file was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFrom {
    /// Its form: legacy or v2.
    pub form: Form,
    /// Its SHA-256 as it was received.
    pub sha256: Digest,
    /// What was done with records that the reference refuses; null for a v2 body, which is published as it is.
    pub on_invalid_record: Option<OnInvalidRecord>,
}

/// Why a body gives no draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDraft {
    /// The way has damaged it: cut off, a web page, not JSON.
    Damaged(Rejected),
    /// It is no reference at all: another table, a list.
    NoReference(Rejected),
    /// It is a reference, and its records cannot be converted.
    Rejected(Rejected),
}

/// Makes the draft of a legacy body.
///
/// `received` says that the body came over a way that may have cut it: a CSV must then end in a whole row. A file that
/// is edited on disk need not.
///
/// # Errors
/// The body is no reference, or one whose records cannot be converted.
pub fn from_legacy(
    category: Category,
    body: &[u8],
    sha256: Digest,
    policy: OnInvalidRecord,
    received: bool,
) -> Result<Draft, NoDraft> {
    let mut converted =
        convert(category, body, policy).map_err(|reason| {
            match legacy::parse_check(category, body) {
                Err(flaw) if received => no_reference(flaw),
                _ => NoDraft::Rejected(reason),
            }
        })?;
    if received && converted.is_part {
        legacy::parse_check(category, body).map_err(no_reference)?;
    }
    let dropped = converted.dropped.len() as u64;
    converted.dropped.truncate(NAMED);
    Ok(Draft {
        sha256: Digest::of(&converted.v2),
        models: converted.models as u64,
        dropped,
        left_out: converted.dropped,
        issues: converted.issues.len() as u64,
        v2: converted.v2,
        made_from: MadeFrom {
            form: Form::Legacy,
            sha256,
            on_invalid_record: Some(policy),
        },
        judged: false,
    })
}

const fn no_reference(flaw: Rejected) -> NoDraft {
    if flaw.damaged {
        NoDraft::Damaged(flaw)
    } else {
        NoDraft::NoReference(flaw)
    }
}

/// Why a received body is no answer: the way has damaged it.
///
/// It is parsed for that alone, so this is asked where another upstream could answer in its place.
#[must_use]
pub fn damage(category: Category, form: Form, body: &[u8]) -> Option<Rejected> {
    let flaw = match form {
        Form::Legacy => legacy::parse_check(category, body).err(),
        Form::V2 => legacy::v2_records(body).err(),
        Form::Raw => None,
    };
    flaw.filter(|flaw| flaw.damaged)
}

/// Whether a legacy body is a reference, for a cycle that does not convert it.
///
/// # Errors
/// The body is no reference, or it was damaged in transit.
pub fn check_legacy(category: Category, body: &[u8]) -> Result<(), NoDraft> {
    legacy::parse_check(category, body).map_err(no_reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Kind {
        Draft { models: u64 },
        Damaged,
        NoReference,
        Rejected,
    }

    fn kind(category: Category, body: &str, received: bool) -> Kind {
        let sha256 = Digest::of(body.as_bytes());
        let policy = OnInvalidRecord::Reject;
        match from_legacy(category, body.as_bytes(), sha256, policy, received) {
            Ok(draft) => {
                assert_eq!(draft.sha256, Digest::of(&draft.v2));
                assert_eq!(draft.made_from.sha256, sha256);
                let models = draft.models;
                Kind::Draft { models }
            }
            Err(NoDraft::Damaged(_)) => Kind::Damaged,
            Err(NoDraft::NoReference(_)) => Kind::NoReference,
            Err(NoDraft::Rejected(_)) => Kind::Rejected,
        }
    }

    #[test]
    fn every_body_gives_one_of_three_answers() {
        let text = Category::TextGeneration;
        let clip = Category::Clip;
        for (category, body, received, on_disk) in [
            (
                clip,
                "{\"a\":{\"name\":\"a\"}}",
                Kind::Draft { models: 1 },
                Kind::Draft { models: 1 },
            ),
            (
                clip,
                "{}",
                Kind::Draft { models: 0 },
                Kind::Draft { models: 0 },
            ),
            (
                clip,
                "{\"a\":{\"name\":\"a\"}",
                Kind::Damaged,
                Kind::Rejected,
            ),
            (clip, "<html>", Kind::Damaged, Kind::Rejected),
            (clip, "[]", Kind::NoReference, Kind::Rejected),
            (clip, "{\"a\":{}}", Kind::Rejected, Kind::Rejected),
            (
                text,
                "name,parameters_bn\na,1\n",
                Kind::Draft { models: 1 },
                Kind::Draft { models: 1 },
            ),
            // Cut off within a row, and at its end: the second looks like an editor's habit on disk.
            (
                text,
                "name,parameters_bn\na,1\nb,\"",
                Kind::Damaged,
                Kind::Draft { models: 2 },
            ),
            (
                text,
                "name,parameters_bn\na,1",
                Kind::Damaged,
                Kind::Draft { models: 1 },
            ),
            (
                text,
                "name,parameters_bn\na,inf\n",
                Kind::Rejected,
                Kind::Rejected,
            ),
            (
                text,
                "model,size\na,1\n",
                Kind::NoReference,
                Kind::Draft { models: 0 },
            ),
        ] {
            assert_eq!(kind(category, body, true), received, "received {body:?}");
            assert_eq!(kind(category, body, false), on_disk, "on disk {body:?}");
        }
    }

    /// The conversion notices what is not whole, and `parse_check` says why: two readings of one rule.
    #[test]
    fn what_the_conversion_takes_for_a_part_is_what_the_check_refuses() {
        let header = "name,parameters_bn\n";
        let of = |rows: &str| format!("{header}{rows}");
        for (text, is_part) in [
            (String::new(), true),
            (header.to_owned(), false),
            (of("a,1\n"), false),
            (of("a,1\r\n\r\n"), false),
            (of("a,1"), true),
            (of("a,\"1\n"), true),
            (of("a,\"1\"\n"), false),
            ("parameters_bn,style,name\n1,x,a\n".to_owned(), false),
            ("model,size\na,1\n".to_owned(), true),
            ("name\na\n".to_owned(), true),
            ("../elsewhere/models.csv".to_owned(), true),
            ("<!DOCTYPE html>\n<html>\n".to_owned(), true),
            ("\n".to_owned(), true),
        ] {
            let (category, body) = (Category::TextGeneration, text.as_bytes());
            let converted = convert(category, body, OnInvalidRecord::Reject).unwrap();
            assert_eq!(converted.is_part, is_part, "{text:?}");
            let checked = legacy::parse_check(category, body);
            assert_eq!(checked.is_err(), is_part, "{text:?}: {checked:?}");
        }
    }

    #[test]
    fn what_is_not_converted_is_checked_for_what_the_way_did_to_it() {
        let check = |body: &str| match check_legacy(Category::Clip, body.as_bytes()) {
            Ok(()) => None,
            Err(NoDraft::Damaged(_)) => Some(true),
            Err(_) => Some(false),
        };
        for (body, found) in [("{}", None), ("{\"a\": ", Some(true)), ("[]", Some(false))] {
            assert_eq!(check(body), found, "{body}");
            for (form, tells) in [(Form::Legacy, true), (Form::V2, true), (Form::Raw, false)] {
                let damage = damage(Category::Clip, form, body.as_bytes());
                assert_eq!(
                    damage.is_some(),
                    tells && found == Some(true),
                    "{form:?} {body}"
                );
            }
        }
    }
}
