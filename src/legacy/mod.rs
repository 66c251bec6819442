//! What legacy bytes mean: records, coercions, issues.

use crate::category::Category;

/// Lint findings: record key -> messages, in order of first message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issues(pub Vec<(String, Vec<String>)>);

/// Why a legacy file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// The record at fault, where there is one.
    pub model: Option<String>,
    /// The path of the field at fault inside the record, e.g. `config.files[0].path`.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
}

/// Whether upstream bytes are a legacy file at all: complete, well-formed, of the right shape.
///
/// # Errors
/// They are not; the error says why.
pub fn parse_check(_category: Category, _legacy: &[u8]) -> Result<(), Rejected> {
    todo!()
}
