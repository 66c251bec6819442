//! What the reference's runtime does, Python's own library and pydantic's: JSON and CSV, numbers, dates, URLs,
//! license expressions, coercions. It knows no category and no record.
//!
//! 1. Everything here is a pure function of text or of a JSON value.
//! 2. What cannot be read is a `flaw::Flaw`: where inside the value, and why.

pub(crate) mod characters;
pub(crate) mod coerce;
pub(crate) mod csv;
pub(crate) mod dates;
pub(crate) mod flat_value;
pub(crate) mod flaw;
pub mod json;
mod license_expression;
pub(crate) mod numbers;
pub(crate) mod urls;

#[cfg(test)]
pub(crate) mod recorded_tests;

pub(crate) use license_expression::identifiers;
