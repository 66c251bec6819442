//! Writes JSON text as the reference does: indent 4, ASCII only, Python's floats (docs/conversion.md, section 11).
//!
//! Written by hand because a `serde_json` formatter sees numbers after they were read, and cannot escape U+007F.
//!
//! 1. The writer goes straight to bytes; there is no tree of output values.
//! 2. v2 files and the text legacy view differ in two things only, see [`Flavour`].

use std::io::Write as _;

use crate::python::numbers::Whole;

use super::value::{Object, Value, float_value};

/// Which of Python's two writers is imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `json`: U+007F is escaped, exponents have two digits at least.
    V2,
    /// `ujson`: neither.
    View,
    /// As `json`, but number literals stay as they are.
    AsWritten,
}

/// Text in the making. Members and items bring their own comma, line and indent.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    flavour: Flavour,
    depth: usize,
    /// Nothing was written yet inside the innermost container.
    empty: bool,
}

impl<'o> Writer<'o> {
    /// A writer whose first container is `depth` levels deep.
    pub(crate) fn new(out: &'o mut Vec<u8>, flavour: Flavour, depth: usize) -> Self {
        Self {
            out,
            flavour,
            depth,
            empty: true,
        }
    }

    /// A writer of members `depth` levels deep that follow others.
    pub(crate) fn among_members(out: &'o mut Vec<u8>, flavour: Flavour, depth: usize) -> Self {
        Self {
            empty: false,
            ..Self::new(out, flavour, depth)
        }
    }

    /// Members, or what stands between two values, that another writer has written for this depth.
    pub(crate) fn written(&mut self, members: &[u8]) {
        self.out.extend_from_slice(members);
        self.empty = false;
    }

    pub(crate) fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.depth += 1;
        self.empty = true;
    }

    pub(crate) fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        if !self.empty {
            push_line(self.out, false, self.depth);
        }
        self.out.push(bracket);
        self.empty = false;
    }

    /// Before an item of a list.
    pub(crate) fn item(&mut self) {
        push_line(self.out, !self.empty, self.depth);
        self.empty = false;
    }

    /// Before a member's value.
    pub(crate) fn key(&mut self, key: &str) {
        self.item();
        self.string(key);
        self.out.extend_from_slice(b": ");
    }

    /// [`Writer::key`] for names that need no escaping.
    #[inline]
    pub(crate) fn field(&mut self, name: &'static str) {
        self.item();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\": ");
    }

    pub(crate) fn string(&mut self, text: &str) {
        push_string(self.out, text, self.flavour);
    }

    /// A string whose quotes are [written](Self::written).
    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            push_text(self.out, text, self.flavour);
        }
    }

    /// Something that is JSON text already.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn whole(&mut self, number: Whole) {
        match number.as_i64() {
            Some(number) => self.raw(itoa::Buffer::new().format(number)),
            None => self.raw(&number.to_string()),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn float(&mut self, value: f64) {
        push_float(self.out, value, self.flavour);
    }

    /// Members of string type, absent ones left out.
    pub(crate) fn optional(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name);
            self.string(value);
        }
    }

    pub(crate) fn strings<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) {
        self.open(b'[');
        for item in items {
            self.item();
            self.string(item.as_ref());
        }
        self.close(b']');
    }

    pub(crate) fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(value) => self.bool(*value),
            Value::Int(literal) | Value::Float(literal) if self.flavour == Flavour::AsWritten => {
                self.raw(literal);
            }
            Value::Int(literal) => self.raw(canonical_int(literal)),
            Value::Float(literal) => self.float(float_value(literal)),
            Value::String(text) => self.string(text),
            Value::List(items) => {
                self.open(b'[');
                for item in items {
                    self.item();
                    self.value(item);
                }
                self.close(b']');
            }
            Value::Object(object) => self.object(object),
        }
    }

    pub(crate) fn object(&mut self, object: &Object<'_>) {
        self.open(b'{');
        for (key, value) in object {
            self.key(key);
            self.value(value);
        }
        self.close(b'}');
    }
}

/// A comma, where there is to be one, and a new line, indented.
fn push_line(out: &mut Vec<u8>, comma: bool, depth: usize) {
    if comma {
        out.push(b',');
    }
    let end = out.len() + 1 + 4 * depth;
    // Nearly always there is something to take back, which costs less than to append just as many as it takes.
    out.extend_from_slice(b"\n                                ");
    out.resize(end, b' ');
}

/// A quoted string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str, flavour: Flavour) {
    out.push(b'"');
    push_text(out, text, flavour);
    out.push(b'"');
}

/// What stands between the quotes of a string: only printing ASCII stands for itself.
fn push_text(out: &mut Vec<u8>, text: &str, flavour: Flavour) {
    // Nearly all strings are plain.
    if are_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(out, text, flavour);
    }
}

#[cold]
fn push_escaped(out: &mut Vec<u8>, text: &str, flavour: Flavour) {
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if is_plain(byte) => out.push(byte),
            _ => push_escape(out, c, flavour),
        }
    }
}

/// Whether every byte is: looked at in blocks, which the compiler takes as a whole. The last one may overlap the one before.
fn are_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        let (blocks, _) = bytes.as_chunks();
        return is_plain_block(last) && blocks.iter().all(is_plain_block::<16>);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk()) {
        (Some(first), Some(last)) => is_plain_block(first) && is_plain_block::<8>(last),
        _ => bytes.iter().all(|byte| is_plain(*byte)),
    }
}

/// Whether every byte is, without a branch.
fn is_plain_block<const SIZE: usize>(block: &[u8; SIZE]) -> bool {
    block.iter().fold(true, |all, byte| all & is_plain(*byte))
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_escape(out: &mut Vec<u8>, c: char, flavour: Flavour) {
    let short: &[u8] = match c {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\u{8}' => b"\\b",
        '\u{c}' => b"\\f",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\u{7f}' if flavour == Flavour::View => b"\x7f",
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    out.extend(HEX.get(usize::from(*unit >> shift & 15)));
                }
            }
            return;
        }
    };
    out.extend_from_slice(short);
}

/// Integers come out as written, but for minus zero.
pub(crate) fn canonical_int(literal: &str) -> &str {
    if literal == "-0" { "0" } else { literal }
}

/// A double as Python writes it (section 11): of the shortest decimals that read back as the same double the nearest,
/// of two equally near ones the even one. Rust's own formatting breaks such ties upwards, `zmij` and Python to even.
pub(crate) fn push_float(out: &mut Vec<u8>, value: f64, flavour: Flavour) {
    if !value.is_finite() {
        let name: &[u8] = match value {
            f64::INFINITY => b"Infinity",
            f64::NEG_INFINITY => b"-Infinity",
            _ => b"NaN",
        };
        out.extend_from_slice(name);
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let (digits, exponent) = decimal(value.abs());
    let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
    // Writing to a vector cannot fail.
    let _ = match exponent {
        -4..0 => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            write!(out, "0.{zeros}{digits}")
        }
        0..16 => {
            let whole = exponent.unsigned_abs() as usize + 1;
            let padded = format!("{digits:0<whole$}");
            let (whole, fraction) = padded.split_at_checked(whole).unwrap_or((&padded, ""));
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            write!(out, "{whole}.{fraction}")
        }
        _ => {
            let point = if rest.is_empty() { "" } else { "." };
            let sign = if exponent < 0 { '-' } else { '+' };
            let exponent = exponent.unsigned_abs();
            match flavour {
                Flavour::V2 | Flavour::AsWritten => {
                    write!(out, "{first}{point}{rest}e{sign}{exponent:02}")
                }
                Flavour::View => write!(out, "{first}{point}{rest}e{sign}{exponent}"),
            }
        }
    };
}

/// The significant digits of a finite double that is not negative, and the decimal exponent of the first.
fn decimal(value: f64) -> (String, i32) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return ("0".to_owned(), 0);
    }
    let length = |text: &str| i32::try_from(text.len()).unwrap_or_default();
    let leading_zeros = length(&digits) - length(significant);
    let exponent = exponent.parse().unwrap_or(0) + length(whole) - 1 - leading_zeros;
    (significant.trim_end_matches('0').to_owned(), exponent)
}
