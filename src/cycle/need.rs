//! What the files of a category need, where its v2 file is made from its legacy file; pure.
//!
//! 1. A v2 file is made anew only when something says that it is not what the legacy file on disk gives.

use crate::digest::Digest;
use crate::draft::MadeFrom;
use crate::item::OnInvalidRecord;

/// What is known of a category's files when they are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    /// The legacy file on disk.
    pub(super) legacy: Digest,
    /// The v2 file on disk; `None` when there is none that can be read.
    pub(super) v2: Option<Digest>,
    /// What the manifest says: the v2 file, and what it was made from.
    pub(super) published: Option<(Digest, MadeFrom)>,
    /// Whether the manifest's word on what it was made from counts.
    pub(super) trusted: bool,
    /// The legacy file that is known to give no v2 file.
    pub(super) refused: Option<Digest>,
}

/// What a category's files need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: the v2 file is what the legacy file gives.
    Nothing,
    /// The v2 file is made from the legacy file, and compared.
    Draft,
    /// The legacy file gives none. The last good v2 file is there.
    Stay,
    /// The legacy file gives none, and the last good v2 file is not there: it is brought back.
    Restore,
}

/// What a category's files need (invariant 1).
pub(super) fn need(files: &Compared, policy: OnInvalidRecord) -> Need {
    let stands = |v2| files.v2 == Some(v2);
    if files.refused == Some(files.legacy) {
        let good = files.published.is_none_or(|(v2, _)| stands(v2));
        return if good { Need::Stay } else { Need::Restore };
    }
    let in_line = files.published.is_some_and(|(v2, made_from)| {
        files.trusted
            && made_from.sha256 == files.legacy
            && made_from.on_invalid_record == Some(policy)
            && stands(v2)
    });
    if in_line { Need::Nothing } else { Need::Draft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Form;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn what_the_files_of_a_category_need() {
        let made = |sha256| MadeFrom {
            form: Form::Legacy,
            sha256: digest(sha256),
            on_invalid_record: Some(OnInvalidRecord::Reject),
        };
        // v2 on disk, published (v2, made from), trusted, refused, expected; the legacy file is "l".
        for (v2, published, trusted, refused, expected) in [
            (Some("v"), Some(("v", "l")), true, None, Need::Nothing),
            (Some("v"), Some(("v", "l")), false, None, Need::Draft),
            (Some("v"), Some(("v", "older")), true, None, Need::Draft),
            (Some("x"), Some(("v", "l")), true, None, Need::Draft),
            (None, Some(("v", "l")), true, None, Need::Draft),
            (Some("v"), None, true, None, Need::Draft),
            (None, None, true, None, Need::Draft),
            (Some("v"), Some(("v", "older")), true, Some("l"), Need::Stay),
            (
                Some("x"),
                Some(("v", "older")),
                true,
                Some("l"),
                Need::Restore,
            ),
            (None, Some(("v", "older")), true, Some("l"), Need::Restore),
            (None, None, true, Some("l"), Need::Stay),
            (
                Some("v"),
                Some(("v", "l")),
                true,
                Some("older"),
                Need::Nothing,
            ),
        ] {
            let files = Compared {
                legacy: digest("l"),
                v2: v2.map(digest),
                published: published.map(|(v2, from)| (digest(v2), made(from))),
                trusted,
                refused: refused.map(digest),
            };
            assert_eq!(need(&files, OnInvalidRecord::Reject), expected, "{files:?}");
        }
    }
}
