//! A v2 file is never larger than what is read of one: the next look would take it for damage.

use crate::legacy::Rejected;

/// Why a draft of so many bytes is not taken, where at most `most` are ever read.
pub(super) fn refuses(bytes: u64, most: u64) -> Option<Rejected> {
    (bytes > most).then(|| {
        Rejected::file(format!(
            "its v2 file would have {bytes} bytes, more than the {most} that are read of one: is http.max_body_bytes too small?"
        ))
    })
}
