//! The records of a reference as they stand in its file: cut out, not read and written again.
//!
//! 1. A record's text is the file's own bytes, so numbers of any size and `NaN` come out as they went in.
//! 2. The file may be laid out in any way; of a name that stands there twice the last record counts, as in Python.
//! 3. A damaged record damages no other: values are passed over by their quotes and brackets alone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::category::Category;
use crate::legacy::{Rejected, legacy_view};

/// The records of one file. Programs that want values parse [`Records::get`]'s text.
///
/// ```
/// use horde_refd::inspect::records::Records;
/// let file = r#"{"a": {"size": 12345678901234567890123}, "b": NaN}"#;
/// let records = Records::of_json(file).unwrap();
/// assert_eq!(records.get("a").unwrap().text(), r#"{"size": 12345678901234567890123}"#);
/// assert_eq!(records.names().collect::<Vec<_>>(), ["a", "b"]);
/// ```
#[derive(Debug, Clone)]
pub struct Records<'f> {
    records: Vec<Record<'f>>,
    places: HashMap<Cow<'f, str>, usize>,
}

/// One record: its name, and its text in the file.
#[derive(Debug, Clone)]
pub struct Record<'f> {
    name: Cow<'f, str>,
    value: &'f str,
    /// The white space before the name on its line.
    indent: &'f str,
}

/// A file has no records to cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a JSON object of models: something is wrong at byte {at}")]
pub struct NoObject {
    /// Where the object ends or breaks off, in bytes from the file's begin.
    pub at: usize,
}

impl<'f> Records<'f> {
    /// The records of a JSON file: a v2 file, or a legacy file that is JSON.
    ///
    /// # Errors
    /// The text is no JSON object. Values are not looked into.
    pub fn of_json(file: &'f str) -> Result<Self, NoObject> {
        let mut cursor = Cursor { file, at: 0 };
        let broken = |cursor: &Cursor<'_>| NoObject {
            at: cursor.at.min(file.len()),
        };
        let mut found = Self {
            records: Vec::new(),
            places: HashMap::new(),
        };
        cursor.blank();
        if !cursor.eat(b'{') {
            return Err(broken(&cursor));
        }
        cursor.blank();
        let mut more = !cursor.eat(b'}');
        while more {
            cursor.blank();
            let start = cursor.at;
            let name = cursor.string().ok_or_else(|| broken(&cursor))?;
            cursor.blank();
            if !cursor.eat(b':') {
                return Err(broken(&cursor));
            }
            cursor.blank();
            let value = cursor.value().ok_or_else(|| broken(&cursor))?;
            let record = Record {
                name: unescaped(name),
                value,
                indent: indent(file, start),
            };
            found.insert(record);
            cursor.blank();
            more = cursor.eat(b',');
            if !more && !cursor.eat(b'}') {
                return Err(broken(&cursor));
            }
        }
        cursor.blank();
        if cursor.at < file.len() {
            return Err(broken(&cursor));
        }
        Ok(found)
    }

    /// As in a Python dict: the place of the first, the value of the last.
    fn insert(&mut self, record: Record<'f>) {
        match self.places.entry(record.name.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(self.records.len());
                self.records.push(record);
            }
            Entry::Occupied(place) => {
                if let Some(known) = self.records.get_mut(*place.get()) {
                    *known = record;
                }
            }
        }
    }

    /// The names, unescaped, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|record| record.name.as_ref())
    }

    /// The record of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Record<'f>> {
        self.records.get(*self.places.get(name)?)
    }
}

impl<'f> Record<'f> {
    /// The record's bytes in the file.
    #[must_use]
    pub fn text(&self) -> &'f str {
        self.value
    }

    /// The same moved to the margin: each line without the white space that its name's line begins with.
    #[must_use]
    pub fn at_the_margin(&self) -> String {
        // A string holds no line end, so every line begins outside of one.
        let mut lines = self.value.split('\n');
        let mut text = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            text.push('\n');
            text.push_str(line.strip_prefix(self.indent).unwrap_or(line));
        }
        text
    }
}

/// The JSON text whose records a category's legacy file has: the file itself, or for `text_generation` the view that
/// the package makes of `models.csv`, with every model under its own name and under its backends' prefixes.
///
/// # Errors
/// The CSV cannot be read, or the bytes are not UTF-8.
pub fn legacy_text(category: Category, legacy: &[u8]) -> Result<Cow<'_, str>, Rejected> {
    if category == Category::TextGeneration {
        return legacy_view(legacy, true).map(Cow::Owned);
    }
    match std::str::from_utf8(legacy) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(Rejected {
            model: None,
            field: None,
            reason: format!("not UTF-8: invalid byte at byte {}", error.valid_up_to()),
            damaged: false,
        }),
    }
}

/// A name without its JSON escapes. One that is no Unicode text (a lone surrogate) stays as the file has it.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return Cow::Borrowed(name);
    }
    let read = serde_json::from_str(&format!("\"{name}\""));
    read.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// The white space from a line's begin to `at`; nothing when something else stands between.
fn indent(file: &str, at: usize) -> &str {
    let before = file.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.bytes().all(|byte| byte == b' ' || byte == b'\t') {
        line
    } else {
        ""
    }
}

/// A place in a JSON text.
struct Cursor<'f> {
    file: &'f str,
    at: usize,
}

impl<'f> Cursor<'f> {
    fn peek(&self) -> Option<u8> {
        self.file.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// JSON's white space.
    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// A string; what stands between its quotes.
    fn string(&mut self) -> Option<&'f str> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let text = self.file.get(start..self.at);
        self.at += 1;
        text
    }

    /// Any value, by its quotes and brackets alone.
    fn value(&mut self) -> Option<&'f str> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b'}' | b']' | b',' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        let value = self.file.get(start..self.at)?.trim_ascii_end();
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(file: &str) -> Result<Vec<(String, String)>, usize> {
        let records = Records::of_json(file).map_err(|error| error.at)?;
        let names: Vec<String> = records.names().map(str::to_owned).collect();
        let text = |name: String| {
            let text = records.get(&name).unwrap().at_the_margin();
            (name, text)
        };
        Ok(names.into_iter().map(text).collect())
    }

    #[test]
    fn records_come_out_as_they_stand() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("{}", &[]),
            (" {\n} \n", &[]),
            ("{\"a\":1}", &[("a", "1")]),
            (
                "{\"a\": -0, \"b\": 1e400 , \"c\":NaN}",
                &[("a", "-0"), ("b", "1e400"), ("c", "NaN")],
            ),
            (
                "{\n    \"a\": {\n        \"n\": 12345678901234567890.10\n    },\n    \"b\": {}\n}\n",
                &[
                    ("a", "{\n    \"n\": 12345678901234567890.10\n}"),
                    ("b", "{}"),
                ],
            ),
            // Another layout: two blanks, Windows line ends, a line that is less indented than the name.
            (
                "{\r\n  \"a\": [\r\n 1\r\n  ]\r\n}",
                &[("a", "[\r\n 1\r\n]")],
            ),
            // Brackets, quotes and commas in strings.
            (
                r#"{"a\"}": {"x": "]},\\", "y": [{}, "\""]}, "b": ","}"#,
                &[
                    ("a\"}", r#"{"x": "]},\\", "y": [{}, "\""]}"#),
                    ("b", "\",\""),
                ],
            ),
            // Escaped names, and one that is no text.
            (
                r#"{"\u00e9\ud83d\ude00": 1, "\ud800": 2}"#,
                &[("é😀", "1"), (r"\ud800", "2")],
            ),
            // The first's place, the last's value.
            (r#"{"a": 1, "b": 2, "a": 3}"#, &[("a", "3"), ("b", "2")]),
        ];
        for (file, expected) in table {
            let expected: Vec<(String, String)> = expected
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect();
            assert_eq!(pairs(file), Ok(expected), "{file}");
        }
    }

    #[test]
    fn what_is_no_object_says_where() {
        let table = [
            ("", 0),
            ("[]", 0),
            ("{", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("{\"a\": 1", 7),
            ("{\"a\": 1,}", 8),
            ("{\"a\": 1} x", 9),
            ("{\"a", 3),
            ("{\"a\\", 4),
            ("<html>", 0),
        ];
        for (file, at) in table {
            assert_eq!(pairs(file), Err(at), "{file}");
        }
    }

    #[test]
    fn the_text_models_are_cut_out_of_the_view() {
        let csv = b"name,parameters_bn,display_name\nacme/First-3B,3.10,First\n";
        let text = legacy_text(Category::TextGeneration, csv).unwrap();
        let records = Records::of_json(&text).unwrap();
        assert_eq!(records.names().count(), 3, "{text}");
        let record = records.get("acme/First-3B").unwrap().at_the_margin();
        assert!(record.starts_with("{\n    \""), "{record}");
        assert!(legacy_text(Category::Blip, b"{\"\xff\"").is_err());
    }
}
