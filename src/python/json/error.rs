//! Why a text is no JSON, in Python's words (docs/conversion.md, section 4).

use std::borrow::Cow;

/// How deep lists and objects may nest.
pub(crate) const MAX_DEPTH: usize = 128;
/// Python refuses to read longer integers.
pub(crate) const MAX_INTEGER_DIGITS: usize = 4300;

/// Why a text is not JSON, or not JSON that can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// In Python's words.
    Syntax(&'static str),
    IntegerTooLong,
    TooDeep,
    LoneSurrogate,
}

/// A problem and the byte it was found at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub(crate) problem: Problem,
    pub(crate) at: usize,
}

impl JsonError {
    /// The problem with its line and column, in Python's form.
    pub(crate) fn describe(self, text: &str) -> String {
        let what = match self.problem {
            Problem::Syntax(words) => Cow::Borrowed(words),
            Problem::IntegerTooLong => Cow::Owned(format!(
                "Integer of more than {MAX_INTEGER_DIGITS} digits at"
            )),
            Problem::TooDeep => Cow::Owned(format!(
                "Nesting deeper than {MAX_DEPTH} levels starting at"
            )),
            Problem::LoneSurrogate => Cow::Borrowed("Lone surrogate escape at"),
        };
        // Python's text mode has turned every line end into one line feed before it counts.
        let (mut line, mut column, mut char_index, mut previous) = (1_usize, 1_usize, 0_usize, ' ');
        for c in text.get(..self.at).unwrap_or(text).chars() {
            match c {
                '\n' if previous == '\r' => {}
                '\n' | '\r' => {
                    (line, column) = (line + 1, 1);
                    char_index += 1;
                }
                _ => {
                    column += 1;
                    char_index += 1;
                }
            }
            previous = c;
        }
        format!("{what}: line {line} column {column} (char {char_index})")
    }
}

/// Why bytes cannot be read as JSON: what is wrong, and its line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub(super) fn new(what: String) -> Self {
        Self(what)
    }
}
