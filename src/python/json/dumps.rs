//! Writes a value on one line as Python's `json.dumps` does by default: `", "` and `": "`, ASCII only, no line end.
//!
//! These are the bytes that the reference package's own replica leaves of a body from a PRIMARY.

use super::value::{Value, float_value};
use super::write::{Flavour, canonical_int, push_float, push_string};

/// The bytes of a value.
pub(crate) fn dumps(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, value);
    out
}

fn push(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(literal) => out.extend_from_slice(canonical_int(literal).as_bytes()),
        Value::Float(literal) => push_float(out, float_value(literal), Flavour::V2),
        Value::String(text) => push_string(out, text, Flavour::V2),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                push(out, item);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (at, (key, value)) in object.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                push_string(out, key, Flavour::V2);
                out.extend_from_slice(b": ");
                push(out, value);
            }
            out.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn one_line_as_python_writes_it() {
        for (text, expected) in [
            ("{}", "{}"),
            (" [ ] ", "[]"),
            (
                "{\"a\":1,\n\"b\":[1,2,{}]}",
                "{\"a\": 1, \"b\": [1, 2, {}]}",
            ),
            (
                "[1E5, 1.50, -0, -0.0, 1e22, 0.00001, 123456789012345678901234567890]",
                "[100000.0, 1.5, 0, -0.0, 1e+22, 1e-05, 123456789012345678901234567890]",
            ),
            ("[true,false,null]", "[true, false, null]"),
            (
                "\"\\/\\u00e9é\\ud83d\\ude00\u{7f}\\u0007\\n\"",
                "\"/\\u00e9\\u00e9\\ud83d\\ude00\\u007f\\u0007\\n\"",
            ),
            // Of a key that is there twice the last value, in the place of the first.
            ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}"),
        ] {
            let bytes = dumps(&parse(text).unwrap());
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{text}");
        }
    }
}
