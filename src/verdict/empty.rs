//! A reference is not emptied by what may be a fault: a `models.csv` that was cut off after its header looks like one
//! without models, and a PRIMARY that lost its data answers `{}`.

use crate::legacy::Rejected;

/// Why a draft that would leave no model is not taken.
pub(super) fn refuses(published: u64, draft: u64) -> Option<Rejected> {
    (draft == 0 && published > 0).then(|| {
        Rejected::file(format!(
            "no model at all would be left of the {published} that are published: is it cut off, or its header changed?"
        ))
    })
}
