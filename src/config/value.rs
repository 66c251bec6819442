//! A value on its way in, before its rule, or on its way out, to be shown: TOML's kinds and a few of ours.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::friendly::{Designator, SpanPrinter};

/// One value of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: the key has no value.
    Unset,
    /// A string.
    Text(String),
    /// A path that need not be UTF-8.
    Path(PathBuf),
    /// A whole number.
    Integer(i64),
    /// A number that need not be whole.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list of strings.
    List(Vec<String>),
    /// A length of time, from a source that has its own unit.
    Duration(Duration),
    /// Something that no key takes: the name of its kind, e.g. `datetime`.
    Other(&'static str),
}

impl Value {
    /// The value as JSON; a duration is its text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unset | Self::Other(_) => serde_json::Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Path(path) => path.to_string_lossy().into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::List(items) => items.clone().into(),
            Self::Duration(duration) => show_duration(*duration).into(),
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("unset"),
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Path(path) => f.write_str(&quote(&path.to_string_lossy())),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Boolean(flag) => flag.fmt(f),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| quote(item)).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Duration(duration) => f.write_str(&quote(&show_duration(*duration))),
            Self::Other(kind) => write!(f, "a {kind}"),
        }
    }
}

/// A length of time without an end ([`Duration::MAX`]), as the configuration writes it.
pub(super) const NEVER: &str = "never";

/// A length of time as the configuration writes it: `50ms`, `60s`, `15m`, `1h 30m`, `never`.
pub(super) fn show_duration(duration: Duration) -> String {
    if duration == Duration::MAX {
        return NEVER.to_owned();
    }
    // As people write it: 60s and 90s, not 1m and 1m 30s.
    if duration < Duration::from_mins(2) && duration.subsec_nanos() == 0 {
        return format!("{}s", duration.as_secs());
    }
    SpanPrinter::new()
        .designator(Designator::Compact)
        .unsigned_duration_to_string(&duration)
}

/// A TOML basic string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_toml() {
        let table = [
            (
                Value::Text("a \"b\" \\ \u{7f}\n".into()),
                r#""a \"b\" \\ \u007f\n""#,
            ),
            (Value::Path("/x y".into()), "\"/x y\""),
            (Value::Integer(33_554_432), "33554432"),
            (Value::Float(0.75), "0.75"),
            (Value::Float(1.0), "1.0"),
            (Value::Boolean(true), "true"),
            (Value::List(vec![]), "[]"),
            (
                Value::List(vec!["a".into(), "b c".into()]),
                r#"["a", "b c"]"#,
            ),
            (Value::Duration(Duration::from_millis(50)), "\"50ms\""),
            (Value::Duration(Duration::from_mins(90)), "\"1h 30m\""),
            (Value::Duration(Duration::from_mins(1)), "\"60s\""),
            (Value::Duration(Duration::ZERO), "\"0s\""),
        ];
        for (value, shown) in table {
            assert_eq!(value.to_string(), shown);
            let text = format!("key = {shown}");
            assert!(toml::de::DeTable::parse(&text).is_ok(), "{text}");
        }
    }
}
