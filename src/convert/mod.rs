//! Legacy bytes to v2 bytes, as `horde_model_reference` 8.6.2 converts them: a pure function.

use crate::category::Category;
use crate::legacy::{Issues, Rejected};

/// The result of a conversion that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The finished v2 file.
    pub v2: Vec<u8>,
    /// How many records it holds.
    pub models: usize,
    /// Lint findings that did not stop the conversion.
    pub issues: Issues,
}

/// Converts one whole legacy file.
///
/// # Errors
/// The file cannot be converted; the error names the model, the field and the reason.
pub fn convert(_category: Category, _legacy: &[u8]) -> Result<Converted, Rejected> {
    todo!()
}
