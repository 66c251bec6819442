//! JSON in Python's dialect: values that keep their text, a reader, a writer (docs/conversion.md, sections 4 and 11).

mod dumps;
mod error;
mod keyed;
mod read;
mod value;
mod write;

pub(crate) use dumps::dumps;
pub use error::Unreadable;
pub(crate) use error::{JsonError, MAX_INTEGER_DIGITS, Problem};
pub(crate) use keyed::KeyedObject;
pub use read::read;
pub(crate) use read::{is_whole, parse, parse_loosely};
pub(crate) use value::float_value;
pub use value::{Members, Object, Value};
pub(crate) use write::{Flavour, Writer, canonical_int};
