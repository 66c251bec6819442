//! Reads JSON as Python 3.13 does (docs/conversion.md, section 4).
//!
//! Written by hand because the differences are output: `serde_json` has other error texts (the findings about a row
//! quote Python's), refuses `NaN` and integers of 4,300 digits, and keeps no literals.
//!
//! 1. `NaN`, `Infinity` and `-Infinity` are numbers; a byte order mark is an error.
//! 2. Errors carry Python's words; a place in the text becomes a line and column only when the error is shown.
//! 3. Strings are Rust strings, so a lone surrogate escape is refused (after the syntax was found good), and so
//!    is nesting deeper than [`MAX_DEPTH`]: the reader and everything that walks its tree recurse.

use std::borrow::Cow;

use super::error::{JsonError, MAX_DEPTH, MAX_INTEGER_DIGITS, Problem, Unreadable};
use super::value::{Object, Value};

/// Reads a whole text.
pub(crate) fn parse(text: &str) -> Result<Value<'_>, JsonError> {
    let mut reader = Reader::new(text);
    let value = reader.document()?;
    match reader.lone_surrogate {
        Some(at) => Err(JsonError {
            problem: Problem::LoneSurrogate,
            at,
        }),
        None => Ok(value),
    }
}

/// Whether a text is JSON, whatever we could do with it: surrogates and integers do not matter.
pub(crate) fn parse_loosely(text: &str) -> Result<Value<'_>, JsonError> {
    let mut reader = Reader::new(text);
    reader.any_integer = true;
    reader.document()
}

/// Reads JSON as exact as its bytes: numbers of any size, `NaN`, whatever Python writes. Lone surrogate escapes, which
/// no Rust string holds, become U+FFFD.
///
/// # Errors
/// The bytes are no JSON, or nest deeper than we read; the error says where.
pub fn read(json: &[u8]) -> Result<Value<'_>, Unreadable> {
    let text = std::str::from_utf8(json)
        .map_err(|error| Unreadable::new(format!("not UTF-8: {error}")))?;
    parse_loosely(text).map_err(|error| Unreadable::new(error.describe(text)))
}

/// Whether bytes are one whole JSON object, in the JSON that Python reads and writes.
pub(crate) fn is_whole(json: &[u8]) -> bool {
    matches!(read(json), Ok(Value::Object(_)))
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// How many members the last object of each depth had: the next one is likely to have as many.
    members: Vec<usize>,
    lone_surrogate: Option<usize>,
    any_integer: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
            members: Vec::new(),
            lone_surrogate: None,
            any_integer: false,
        }
    }

    fn document(&mut self) -> Result<Value<'a>, JsonError> {
        if self.text.starts_with('\u{feff}') {
            return self.syntax("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0);
        }
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        if self.at == self.bytes.len() {
            Ok(value)
        } else {
            self.syntax("Extra data", self.at)
        }
    }

    #[expect(clippy::unused_self, reason = "reads better at a dozen call sites")]
    fn syntax<T>(&self, words: &'static str, at: usize) -> Result<T, JsonError> {
        Err(JsonError {
            problem: Problem::Syntax(words),
            at,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
            // Nearly all of it is indent.
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let indents = rest
                .as_chunks()
                .0
                .iter()
                .take_while(|four| *four == b"    ");
            self.at += 4 * indents.count();
        }
    }

    fn value(&mut self) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.name("null", Value::Null),
            Some(b't') => self.name("true", Value::Bool(true)),
            Some(b'f') => self.name("false", Value::Bool(false)),
            Some(b'N') => self.name("NaN", Value::Float("NaN".into())),
            Some(b'I') => self.name("Infinity", Value::Float("Infinity".into())),
            _ => self.syntax("Expecting value", self.at),
        }
    }

    fn name(&mut self, name: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        let end = self.at + name.len();
        if self.bytes.get(self.at..end) == Some(name.as_bytes()) {
            self.at = end;
            Ok(value)
        } else {
            self.syntax("Expecting value", self.at)
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, JsonError>,
    ) -> Result<Value<'a>, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError {
                problem: Problem::TooDeep,
                at: self.at,
            });
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// After `{` and white space.
    fn object(&mut self) -> Result<Value<'a>, JsonError> {
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Object::default()));
        }
        let expected = self.members.get(self.depth).copied().unwrap_or_default();
        let mut object = Object::with_capacity(expected);
        loop {
            if self.peek() != Some(b'"') {
                return self.syntax("Expecting property name enclosed in double quotes", self.at);
            }
            let key = self.string()?;
            if self.peek() != Some(b':') {
                self.skip_space();
                if self.peek() != Some(b':') {
                    return self.syntax("Expecting ':' delimiter", self.at);
                }
            }
            self.at += 1;
            self.skip_space();
            let value = self.value()?;
            object.insert(key, value);
            if self.another(b'}', "Illegal trailing comma before end of object")? {
                continue;
            }
            if self.members.len() <= self.depth {
                self.members.resize(self.depth + 1, 0);
            }
            if let Some(members) = self.members.get_mut(self.depth) {
                *members = object.len();
            }
            return Ok(Value::Object(object));
        }
    }

    /// After `[` and white space.
    fn list(&mut self) -> Result<Value<'a>, JsonError> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if !self.another(b']', "Illegal trailing comma before end of array")? {
                return Ok(Value::List(items));
            }
        }
    }

    /// After an item: true past a comma, false past the closing bracket.
    fn another(&mut self, close: u8, trailing: &'static str) -> Result<bool, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {}
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            _ => return self.syntax("Expecting ',' delimiter", self.at),
        }
        let comma = self.at;
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            return self.syntax(trailing, comma);
        }
        Ok(true)
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        let mut at = start;
        if self.bytes.get(at) == Some(&b'-') {
            at += 1;
            if self.bytes.get(at) == Some(&b'I') {
                return self.name("-Infinity", Value::Float("-Infinity".into()));
            }
        }
        let digits = at;
        match self.bytes.get(at) {
            Some(b'0') => at += 1,
            Some(b'1'..=b'9') => at = self.digits_end(at),
            _ => return self.syntax("Expecting value", start),
        }
        let integer_end = at;
        if self.bytes.get(at) == Some(&b'.') && self.is_digit(at + 1) {
            at = self.digits_end(at + 1);
        }
        if let Some(b'e' | b'E') = self.bytes.get(at) {
            let sign = matches!(self.bytes.get(at + 1), Some(b'+' | b'-'));
            let exponent = at + 1 + usize::from(sign);
            if self.is_digit(exponent) {
                at = self.digits_end(exponent);
            }
        }
        self.at = at;
        let literal = self.slice(start, at);
        if at > integer_end {
            Ok(Value::Float(literal.into()))
        } else if at - digits > MAX_INTEGER_DIGITS && !self.any_integer {
            Err(JsonError {
                problem: Problem::IntegerTooLong,
                at: start,
            })
        } else {
            Ok(Value::Int(literal.into()))
        }
    }

    fn is_digit(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(u8::is_ascii_digit)
    }

    fn digits_end(&self, mut at: usize) -> usize {
        while self.is_digit(at) {
            at += 1;
        }
        at
    }

    /// At an opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let opening = self.at;
        let start = opening + 1;
        let end = self.plain_end(start);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(self.slice(start, end)));
        }
        self.escaped_string(opening, end).map(Cow::Owned)
    }

    /// Where the next `"`, `\\` or control character is; the end when there is none.
    fn plain_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let plain = rest.get(..end).unwrap_or_default();
        // Without a way out the compiler looks at many bytes at once, and nearly all strings have no control character.
        if plain.iter().copied().fold(u8::MAX, u8::min) >= b' ' {
            return from + end;
        }
        from + plain.iter().take_while(|byte| **byte >= b' ').count()
    }

    /// A string with something in it at `special` that is no plain character.
    fn escaped_string(&mut self, opening: usize, special: usize) -> Result<String, JsonError> {
        let mut out = String::new();
        let (mut plain, mut special) = (opening + 1, special);
        loop {
            out.push_str(self.slice(plain, special));
            match self.bytes.get(special) {
                Some(b'"') => {
                    self.at = special + 1;
                    return Ok(out);
                }
                Some(b'\\') => plain = self.escape(opening, special, &mut out)?,
                Some(_) => return self.syntax("Invalid control character at", special),
                None => return self.syntax("Unterminated string starting at", opening),
            }
            special = self.plain_end(plain);
        }
    }

    /// One escape sequence, or a pair of surrogate escapes; returns where it ends.
    fn escape(
        &mut self,
        opening: usize,
        backslash: usize,
        out: &mut String,
    ) -> Result<usize, JsonError> {
        let c = match self.bytes.get(backslash + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(backslash, out),
            Some(_) => return self.syntax("Invalid \\escape", backslash),
            None => return self.syntax("Unterminated string starting at", opening),
        };
        out.push(c);
        Ok(backslash + 2)
    }

    fn unicode_escape(&mut self, backslash: usize, out: &mut String) -> Result<usize, JsonError> {
        let after = backslash + 6;
        // Python wants one more character after the four digits, whatever it is.
        let code = match self.hex4(backslash + 2) {
            Some(code) if after < self.bytes.len() => code,
            _ => return self.syntax("Invalid \\uXXXX escape", backslash + 1),
        };
        if let Some(c) = char::from_u32(code) {
            out.push(c);
            return Ok(after);
        }
        let low = (self.bytes.get(after..after + 2) == Some(b"\\u"))
            .then(|| self.hex4(after + 2))
            .flatten();
        if let (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) = (code, low) {
            let astral = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            out.push(char::from_u32(astral).unwrap_or(char::REPLACEMENT_CHARACTER));
            return Ok(after + 6);
        }
        self.lone_surrogate.get_or_insert(backslash);
        out.push(char::REPLACEMENT_CHARACTER);
        Ok(after)
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        self.bytes
            .get(at..at + 4)?
            .iter()
            .try_fold(0, |code, byte| {
                Some(code * 16 + char::from(*byte).to_digit(16)?)
            })
    }
}
