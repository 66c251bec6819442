//! Why a legacy file cannot be converted.

use std::fmt;

use crate::python::flaw::Flaw;

/// Why a legacy file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The record at fault, where there is one.
    pub model: Option<String>,
    /// The path of the field at fault inside the record, e.g. `config.files[0].path`.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
    /// The bytes are no whole file: cut off, a web page, no JSON. That is a fault of the way that they came, not the
    /// word of the one that sent them.
    pub damaged: bool,
}

impl Rejected {
    /// Something about the file as a whole.
    pub(crate) fn file(reason: impl Into<String>) -> Self {
        Self {
            model: None,
            field: None,
            reason: reason.into(),
            damaged: false,
        }
    }

    /// The bytes are no whole file.
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self {
            damaged: true,
            ..Self::file(reason)
        }
    }

    /// Something about one record.
    pub(crate) fn of_model(model: &str, flaw: Flaw) -> Self {
        let (path, reason) = flaw.into_parts();
        Self {
            model: Some(model.to_owned()),
            field: (!path.is_empty()).then_some(path),
            reason,
            damaged: false,
        }
    }
}

/// One line: `model 'X', field config.files[0].path: must be a string, found a number`.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.model, &self.field) {
            (Some(model), Some(field)) => write!(
                f,
                "model '{}', field {}: ",
                model.escape_debug(),
                field.escape_debug()
            )?,
            (Some(model), None) => write!(f, "model '{}': ", model.escape_debug())?,
            (None, Some(field)) => write!(f, "field {}: ", field.escape_debug())?,
            (None, None) => {}
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Rejected {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::flaw::At as _;

    #[test]
    fn the_model_the_field_and_the_reason_in_one_line() {
        let flaw =
            |result: Result<(), Flaw>| result.at("path").at_index(0).at("files").unwrap_err();
        let rejected = Rejected::of_model("X", flaw(Err(Flaw::new("must be a string"))));
        assert_eq!(
            rejected.to_string(),
            "model 'X', field files[0].path: must be a string"
        );
        let rejected = Rejected::of_model("X", Flaw::new("must be an object"));
        assert_eq!(rejected.to_string(), "model 'X': must be an object");
        assert_eq!(Rejected::file("cut off").to_string(), "cut off");
    }
}
