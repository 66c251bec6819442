//! Which models and fields differ between two v2 files; pure.
//!
//! 1. What counts as different is what [`Changes`](crate::mirror::Changes) counts: the order of members, the layout of the
//!    file and the spelling of a number do not.
//! 2. Objects are looked into, and so are two lists of equally many objects, item by item. Any other list is one value.
//! 3. A path is `config.download[0].file_url`; a name that is no plain word stands in it as `["x.y"]`, so that every path
//!    leads to one field.
//! 4. Values are the JSON text of the file on one line, numbers as they are written there. A field that one side does not
//!    have is [`None`] there; as JSON it is null, so that `from` and `to` are always there.

use std::fmt::Write as _;

use crate::mirror::changes::same;
use crate::python::json::{Object, Unreadable, Value, read};

/// What differs between two v2 files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The models that only the new file has, in its order.
    pub added: Vec<String>,
    /// The models that only the old file has, in its order.
    pub removed: Vec<String>,
    /// The models that differ, in the order of the new file, with their fields.
    pub changed: Vec<(String, Vec<Field>)>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it is in its record (invariant 3); empty where the record itself is no object.
    pub path: String,
    /// Its JSON text in the old file; none where it is not there.
    pub from: Option<String>,
    /// Its JSON text in the new file; none where it is not there.
    pub to: Option<String>,
}

/// A file that holds no models to compare.
#[derive(Debug, thiserror::Error)]
pub enum NoModels {
    /// It is no JSON.
    #[error("it is not JSON")]
    Unreadable(#[source] Unreadable),
    /// It is something else than an object.
    #[error("it is not a JSON object of models")]
    NoObject,
}

impl Diff {
    /// Compares two v2 files.
    ///
    /// # Errors
    /// One of them is not a JSON object of models.
    pub fn between(old: &[u8], new: &[u8]) -> Result<Self, NoModels> {
        let (old, new) = (value(old)?, value(new)?);
        let (old, new) = (models(&old)?, models(&new)?);
        let mut diff = Self::default();
        for (name, model) in new {
            let Some(earlier) = old.get(name) else {
                diff.added.push(name.to_owned());
                continue;
            };
            let mut fields = Vec::new();
            compare("", earlier, model, &mut fields);
            if !fields.is_empty() {
                diff.changed.push((name.to_owned(), fields));
            }
        }
        let gone = old.keys().filter(|name| new.get(name).is_none());
        diff.removed = gone.map(str::to_owned).collect();
        Ok(diff)
    }

    /// Whether the files have the same models with the same fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// `+1 -2 ~3`
    #[must_use]
    pub fn counts(&self) -> String {
        let (added, removed) = (self.added.len(), self.removed.len());
        format!("+{added} -{removed} ~{}", self.changed.len())
    }

    /// The JSON object of the contract, indented by two. It is written here since numbers are as exact as their text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let names = |names: &[String]| {
            let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
            laid_out(&names, ['[', ']'], 1)
        };
        let or_null = |text: &Option<String>| text.as_deref().unwrap_or("null").to_owned();
        let field = |field: &Field| {
            let sides = [
                format!("\"from\": {}", or_null(&field.from)),
                format!("\"to\": {}", or_null(&field.to)),
            ];
            let sides = laid_out(&sides, ['{', '}'], 3);
            format!("{}: {sides}", quoted(&field.path))
        };
        let changed = self.changed.iter().map(|(name, fields)| {
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("{}: {}", quoted(name), laid_out(&fields, ['{', '}'], 2))
        });
        let changed: Vec<_> = changed.collect();
        let members = [
            format!("\"added\": {}", names(&self.added)),
            format!("\"removed\": {}", names(&self.removed)),
            format!("\"changed\": {}", laid_out(&changed, ['{', '}'], 1)),
        ];
        laid_out(&members, ['{', '}'], 0)
    }
}

/// Items between brackets, a line each, as deep as this.
fn laid_out(items: &[String], [open, close]: [char; 2], depth: usize) -> String {
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let items = items.join(&format!(",\n{inner}"));
    format!("{open}\n{inner}{items}\n{outer}{close}")
}

fn value(file: &[u8]) -> Result<Value<'_>, NoModels> {
    read(file).map_err(NoModels::Unreadable)
}

fn models<'v, 'f>(value: &'v Value<'f>) -> Result<&'v Object<'f>, NoModels> {
    value.as_object().ok_or(NoModels::NoObject)
}

/// Notes the fields at `path` and below it that differ.
fn compare(path: &str, old: &Value<'_>, new: &Value<'_>, fields: &mut Vec<Field>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                let path = below(path, name);
                match old.get(name) {
                    Some(earlier) => compare(&path, earlier, value, fields),
                    None => fields.push(Field {
                        path,
                        from: None,
                        to: Some(text(value)),
                    }),
                }
            }
            for (name, value) in old.iter().filter(|(name, _)| new.get(name).is_none()) {
                fields.push(Field {
                    path: below(path, name),
                    from: Some(text(value)),
                    to: None,
                });
            }
        }
        (Value::List(old), Value::List(new)) if are_alike(old, new) => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{at}]"), old, new, fields);
            }
        }
        _ if same(old, new) => {}
        _ => fields.push(Field {
            path: path.to_owned(),
            from: Some(text(old)),
            to: Some(text(new)),
        }),
    }
}

/// Whether two lists are compared item by item (invariant 2).
fn are_alike(old: &[Value<'_>], new: &[Value<'_>]) -> bool {
    let is_object = |value: &Value<'_>| value.as_object().is_some();
    old.len() == new.len() && old.iter().chain(new).all(is_object)
}

/// The path of a member.
fn below(path: &str, name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || !name.chars().all(is_plain) {
        return format!("{path}[{}]", quoted(name));
    }
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{name}")
}

/// The value as JSON on one line. Python's `NaN` and infinities, which JSON has not, are strings.
fn text(value: &Value<'_>) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{value}");
        }
        Value::Float(name) if name.ends_with(['N', 'y']) => out.push_str(&quoted(name)),
        Value::Int(literal) | Value::Float(literal) => out.push_str(literal),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                out.push_str(&quoted(name));
                out.push_str(": ");
                write(out, value);
            }
            out.push('}');
        }
    }
}

/// The text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
