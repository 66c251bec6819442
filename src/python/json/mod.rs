//! JSON in Python's dialect: values that keep their text, a reader, a writer.

pub(crate) mod keyed;
mod read;
mod value;
mod write;

pub(crate) use read::{JsonError, MAX_INTEGER_DIGITS, Problem, parse, parse_loosely};
pub(crate) use value::{Object, Value, float_value};
pub(crate) use write::{Flavour, Writer, canonical_int, push_plain_string, push_string};
