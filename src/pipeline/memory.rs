//! How each legacy file converted, so that no file is converted twice.

use std::collections::BTreeMap;

use crate::category::Category;
use crate::legacy::Rejected;
use crate::mirror::Digest;

/// What is kept from cycle to cycle beside the mirror: how each legacy file converted.
#[derive(Debug, Default)]
pub struct Memory {
    conversions: BTreeMap<Category, Conversion>,
}

impl Memory {
    /// How a legacy file with this digest converted, if that is known.
    pub(super) fn recall(
        &self,
        category: Category,
        legacy: Digest,
    ) -> Option<Result<Summary, Rejected>> {
        let known = self.conversions.get(&category)?;
        (known.of == legacy).then(|| known.result.clone())
    }

    /// How the category's last legacy file converted, if it did.
    pub(super) fn converted(&self, category: Category) -> Option<Summary> {
        let known = self.conversions.get(&category)?;
        known.result.as_ref().ok().copied()
    }

    pub(super) fn keep(
        &mut self,
        category: Category,
        legacy: Digest,
        result: Result<Summary, Rejected>,
    ) {
        let conversion = Conversion { of: legacy, result };
        self.conversions.insert(category, conversion);
    }
}

#[derive(Debug)]
struct Conversion {
    of: Digest,
    result: Result<Summary, Rejected>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Summary {
    pub(super) v2: Digest,
    pub(super) models: u64,
    pub(super) issues: usize,
}
