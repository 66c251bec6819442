//! What is done with a draft: publish it, find it equal, or refuse it; pure.
//!
//! Each guard is a file of its own: a function of what is published and the draft. The first that objects decides.

mod empty;
mod size;

use crate::category::Category;
use crate::digest::Digest;
use crate::draft::Draft;
use crate::item::Form;
use crate::legacy::Rejected;

/// What is published of a category, as far as a verdict needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The SHA-256 of the v2 file.
    pub sha256: Digest,
    /// How many records it holds.
    pub models: u64,
}

/// What is done with a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is published.
    Publish,
    /// Its bytes are the published ones already.
    Equal,
    /// It is not taken, and what it was made from is not stored.
    Refused(Rejected),
}

/// Judges a draft against what is published; `most` is how many bytes are ever read of a v2 file.
#[must_use]
pub fn judge(
    category: Category,
    published: Option<Published>,
    draft: &Draft,
    most: u64,
) -> Verdict {
    if let Some(reason) = size::refuses(draft.v2.len() as u64, most) {
        return Verdict::Refused(reason);
    }
    let Some(published) = published else {
        return Verdict::Publish;
    };
    if published.sha256 == draft.sha256 {
        return Verdict::Equal;
    }
    let guarded = !draft.judged && (category == Category::TextGeneration || is_ready(draft));
    if let Some(reason) = empty::refuses(published.models, draft.models).filter(|_| guarded) {
        return Verdict::Refused(reason);
    }
    Verdict::Publish
}

/// Whether the draft is of a body that was v2 already.
fn is_ready(draft: &Draft) -> bool {
    draft.made_from.form == Form::V2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::MadeFrom;
    use crate::item::OnInvalidRecord;

    fn draft(v2: &str, models: u64) -> Draft {
        let sha256 = Digest::of(v2.as_bytes());
        Draft {
            v2: v2.into(),
            sha256,
            models,
            dropped: 0,
            left_out: Vec::new(),
            issues: 0,
            made_from: MadeFrom {
                form: Form::Legacy,
                sha256,
                on_invalid_record: Some(OnInvalidRecord::Reject),
            },
            judged: false,
        }
    }

    #[test]
    fn a_ready_made_file_is_not_emptied_unless_a_mirror_has_judged_it() {
        let published = Some(Published {
            sha256: Digest::of(b"a"),
            models: 1,
        });
        for (judged, published, refused) in [
            (false, published, true),
            (true, published, false),
            (false, None, false),
        ] {
            let mut draft = draft("{}", 0);
            draft.made_from.form = Form::V2;
            draft.judged = judged;
            let verdict = judge(Category::Lora, published, &draft, 8);
            let is_refused = matches!(verdict, Verdict::Refused(_));
            assert_eq!(is_refused, refused, "{judged} {published:?}");
        }
    }

    #[test]
    fn every_verdict() {
        let text = Category::TextGeneration;
        let published = |v2: &str, models| {
            let sha256 = Digest::of(v2.as_bytes());
            Some(Published { sha256, models })
        };
        let name = |verdict| match verdict {
            Verdict::Publish => "publish",
            Verdict::Equal => "equal",
            Verdict::Refused(_) => "refused",
        };
        for (category, published, draft, expected) in [
            (text, None, draft("a", 1), "publish"),
            (text, None, draft("{}", 0), "publish"),
            (text, published("a", 1), draft("a", 1), "equal"),
            (text, published("a", 1), draft("b", 1), "publish"),
            (text, published("a", 1), draft("{}", 0), "refused"),
            (text, published("{ }", 0), draft("{}", 0), "publish"),
            (Category::Blip, published("a", 1), draft("{}", 0), "publish"),
            (text, None, draft("{\"a\": {}}", 1), "refused"),
            (text, published("a", 1), draft("{\"a\": {}}", 1), "refused"),
        ] {
            assert_eq!(
                name(judge(category, published, &draft, 8)),
                expected,
                "{draft:?}"
            );
        }
    }
}
