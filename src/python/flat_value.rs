//! Flat values: the values of `requirements` and `settings` (docs/conversion.md, section 6.6).
//!
//! A scalar stays what it is. A list has items of one kind: integers, floats or strings; a mixed list becomes a
//! list of integers or of floats as pydantic's smart union would make it.

use std::borrow::Cow;

use super::coerce::object;
use super::flaw::{At as _, Flaw};
use super::json::{Value, Writer, float_value};
use super::numbers::{int_as_float, lenient_integer, rust_float};

/// A flat value.
#[derive(Debug)]
pub(crate) enum Flat<'t, 'a> {
    AsIs(&'t Value<'a>),
    Integers(Vec<Cow<'t, str>>),
    Floats(Vec<f64>),
}

/// Flat values by name, in the order of the file.
pub(crate) type FlatMap<'t, 'a> = Vec<(&'t str, Flat<'t, 'a>)>;

/// Reads a map of flat values.
pub(crate) fn flat_map<'t, 'a>(value: &'t Value<'a>) -> Result<FlatMap<'t, 'a>, Flaw> {
    object(value)?
        .iter()
        .map(|(key, value)| Ok((key, flat(value).at(key)?)))
        .collect()
}

fn flat<'t, 'a>(value: &'t Value<'a>) -> Result<Flat<'t, 'a>, Flaw> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            Ok(Flat::AsIs(value))
        }
        Value::List(items) => flat_list(value, items),
        other => Err(Flaw::expected(
            "a number, a string, a boolean or a list of these",
            other,
        )),
    }
}

fn flat_list<'t, 'a>(value: &'t Value<'a>, items: &'t [Value<'a>]) -> Result<Flat<'t, 'a>, Flaw> {
    let all = |wanted: fn(&Value<'_>) -> bool| items.iter().all(wanted);
    let is_int = |item: &Value<'_>| matches!(item, Value::Int(_));
    let is_float = |item: &Value<'_>| matches!(item, Value::Float(_));
    let is_string = |item: &Value<'_>| matches!(item, Value::String(_));
    if all(is_int) || all(is_float) || all(is_string) {
        return Ok(Flat::AsIs(value));
    }
    let floats = || items.iter().map(lenient_float).collect::<Option<Vec<_>>>();
    // Numbers read as floats lose less than numbers read as integers; with anything else among them it is a draw,
    // and integers come first.
    if all(|item| matches!(item, Value::Int(_) | Value::Float(_)))
        && let Some(floats) = floats()
    {
        return Ok(Flat::Floats(floats));
    }
    if let Some(integers) = items.iter().map(lenient_integer).collect() {
        return Ok(Flat::Integers(integers));
    }
    floats().map(Flat::Floats).ok_or_else(|| {
        Flaw::new("must be a list of integers, of floats or of strings, found a mixed list")
    })
}

pub(crate) fn lenient_float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(literal) => int_as_float(literal),
        Value::Float(literal) => Some(float_value(literal)),
        Value::String(text) => rust_float(text),
        _ => None,
    }
}

/// Writes a flat value.
pub(crate) fn write_flat(writer: &mut Writer<'_>, value: &Flat<'_, '_>) {
    match value {
        Flat::AsIs(value) => writer.value(value),
        Flat::Integers(items) => {
            writer.open(b'[');
            for item in items {
                writer.item();
                writer.raw(item);
            }
            writer.close(b']');
        }
        Flat::Floats(items) => {
            writer.open(b'[');
            for item in items {
                writer.item();
                writer.float(*item);
            }
            writer.close(b']');
        }
    }
}

/// Writes an object of flat values.
pub(crate) fn write_flat_map(writer: &mut Writer<'_>, map: &FlatMap<'_, '_>) {
    writer.open(b'{');
    for (key, value) in map {
        writer.key(key);
        write_flat(writer, value);
    }
    writer.close(b'}');
}
