//! What is wrong with a value: a path inside it, and the reason.
//!
//! Flaws are built from the inside out: the place that finds one knows the value, its callers add where it was.
//! Nothing is allocated before something is wrong.

use super::json::Value;

/// A defect in a value. Boxed, so that the results of the many small readers stay one word wide.
#[derive(Debug)]
pub(crate) struct Flaw(Box<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    reason: String,
}

impl Flaw {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            path: String::new(),
            reason: reason.into(),
        }))
    }

    /// `expected` completes the sentence "must be ...".
    pub(crate) fn expected(expected: &str, found: &Value<'_>) -> Self {
        Self::new(format!("must be {expected}, found {}", found.describe()))
    }

    /// The path inside the record, empty for the record itself, and the reason.
    pub(crate) fn into_parts(self) -> (String, String) {
        let Inner { path, reason } = *self.0;
        (path, reason)
    }

    fn prefix(mut self, step: &str) -> Self {
        let joint = match self.0.path.as_bytes().first() {
            None | Some(b'[') => "",
            Some(_) => ".",
        };
        self.0.path = format!("{step}{joint}{}", self.0.path);
        self
    }
}

/// Where, on the way out.
pub(crate) trait At {
    /// In the member `key` of an object.
    fn at(self, key: &str) -> Self;
    /// In the item `index` of a list.
    fn at_index(self, index: usize) -> Self;
}

impl<T> At for Result<T, Flaw> {
    fn at(self, key: &str) -> Self {
        self.map_err(|flaw| flaw.prefix(key))
    }

    fn at_index(self, index: usize) -> Self {
        self.map_err(|flaw| flaw.prefix(&format!("[{index}]")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_the_file() {
        let result: Result<(), Flaw> = Err(Flaw::expected("a string", &Value::Null));
        let flaw = result.at("path").at_index(0).at("files").at("config");
        let (path, reason) = flaw.unwrap_err().into_parts();
        assert_eq!(path, "config.files[0].path");
        assert_eq!(reason, "must be a string, found null");
    }
}
