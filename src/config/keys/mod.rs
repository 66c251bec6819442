//! The keys: what may be configured, by which rule, how it is shown, and what it is for.
//!
//! 1. `table.rs` is the one table. Whatever lists keys (checks, suggestions, `config`, `config.example.toml`) reads it.
//! 2. A key of `[[upstream]]` is set in the entry that it is written in; every other key is there once.

mod table;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use table::KEYS;

use super::rules::Checked;
use super::{Config, ExtraFile, UpstreamConfig, Value, address};
use crate::category::Category;

/// One key of the configuration.
pub struct Key {
    /// The dotted name, e.g. `github.image.owner`; that of a key of `[[upstream]]` begins with `upstream.`.
    pub name: &'static str,
    /// What the key is for, in sentences.
    pub help: &'static str,
    /// A value to show where the default is none, or depends on something else.
    pub sample: Option<&'static str>,
    access: Access,
}

enum Access {
    Once {
        set: fn(&mut Config, &Value) -> Checked<()>,
        get: fn(&Config) -> Value,
    },
    EachUpstream {
        set: fn(&mut UpstreamConfig, &Value) -> Checked<()>,
        get: fn(&UpstreamConfig) -> Value,
    },
}

impl Key {
    /// The key with this dotted name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The table the key is in (`github.image`; empty at the top) and its name there.
    #[must_use]
    pub fn table_and_name(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }

    /// Whether each `[[upstream]]` has a value of its own.
    #[must_use]
    pub const fn is_of_upstreams(&self) -> bool {
        matches!(self.access, Access::EachUpstream { .. })
    }

    /// The value a configuration has for this key; `upstream` is the entry's index, for a key of `[[upstream]]`.
    #[must_use]
    pub fn get(&self, config: &Config, upstream: usize) -> Value {
        match self.access {
            Access::Once { get, .. } => get(config),
            Access::EachUpstream { get, .. } => {
                config.upstreams.get(upstream).map_or(Value::Unset, get)
            }
        }
    }

    /// Gives a configuration another value for this key; `upstream` as in [`Key::get`].
    ///
    /// # Errors
    /// The value breaks the key's rule; the error is the rule.
    pub fn set(&self, config: &mut Config, upstream: usize, value: &Value) -> Result<(), String> {
        match self.access {
            Access::Once { set, .. } => set(config, value),
            Access::EachUpstream { set, .. } => match config.upstreams.get_mut(upstream) {
                Some(upstream) => set(upstream, value),
                None => Err("must be in an [[upstream]] table".to_owned()),
            },
        }
    }
}

/// What a table is for, where its keys do not say it.
#[must_use]
pub fn table_help(table: &str) -> Option<&'static str> {
    let (_, help) = table::TABLES.iter().find(|(name, _)| *name == table)?;
    Some(help)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

fn shown<T: Show>(value: &T) -> Value {
    value.show()
}

fn word(word: &impl fmt::Display) -> Value {
    Value::Text(word.to_string())
}

fn octal(mode: &impl fmt::Octal) -> Value {
    Value::Text(format!("{mode:04o}"))
}

/// How a field's type is shown.
trait Show {
    fn show(&self) -> Value;
}

macro_rules! show {
    ($($type:ty: |$value:ident| $shown:expr;)+) => {
        $(impl Show for $type {
            fn show(&self) -> Value {
                let $value = self;
                $shown
            }
        })+
    };
}

show! {
    bool: |flag| Value::Boolean(*flag);
    f64: |number| Value::Float(*number);
    u32: |number| Value::Integer(i64::from(*number));
    u64: |number| i64::try_from(*number).map_or(Value::Unset, Value::Integer);
    usize: |number| i64::try_from(*number).map_or(Value::Unset, Value::Integer);
    Duration: |duration| Value::Duration(*duration);
    PathBuf: |path| Value::Path(path.clone());
    Option<PathBuf>: |path| path.clone().map_or(Value::Unset, Value::Path);
    Option<url::Url>: |url| url.as_ref().map_or(Value::Unset, |url| {
        Value::Text(address::without_password(url))
    });
    Vec<String>: |words| Value::List(words.clone());
    Vec<Category>: |names| Value::List(names.iter().map(ToString::to_string).collect());
    Vec<ExtraFile>: |files| Value::List(files.iter().map(ToString::to_string).collect());
}
