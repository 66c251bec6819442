//! The table of keys: what may be configured, by which rule, and how it is shown.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::rules::{self, Checked};
use super::{Config, Value};

/// One key of the configuration.
pub struct Key {
    /// The dotted name, e.g. `upstream.image.owner`.
    pub name: &'static str,
    set: fn(&mut Config, &Value) -> Checked<()>,
    get: fn(&Config) -> Value,
}

impl Key {
    /// The key with this dotted name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The table the key is in (`upstream.image`; empty at the top) and its name there.
    #[must_use]
    pub fn table_and_name(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }

    /// The value a configuration has for this key.
    #[must_use]
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }

    /// Gives a configuration another value for this key.
    ///
    /// # Errors
    /// The value breaks the key's rule; the error is the rule.
    pub fn set(&self, config: &mut Config, value: &Value) -> Result<(), String> {
        (self.set)(config, value)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

/// `key!(name, field, rule(bounds), shown)`
macro_rules! key {
    ($name:literal, $($field:ident).+, $rule:ident($($bound:expr),*), $shown:ident) => {
        Key {
            name: $name,
            set: |config, value| {
                config.$($field).+ = rules::$rule(value $(, $bound)*)?;
                Ok(())
            },
            get: |config| $shown(&config.$($field).+),
        }
    };
}

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);
const GIB: i64 = 1024 * 1024 * 1024;

/// Every key, in the order of the documentation: the top level first, then table by table.
pub const KEYS: &[Key] = &[
    key!("base_path", base_path, path(), shown),
    key!("replicate_mode", replicate_mode, word(), word),
    key!("seed", seed, boolean(), shown),
    key!("ttl", ttl, duration(SECOND, MONTH), shown),
    key!("stale_after", stale_after, duration(SECOND, MONTH), shown),
    key!("ready", ready, word(), word),
    key!("on_locked", on_locked, word(), word),
    key!("metrics_file", metrics_file, optional_path(), shown),
    key!("file_mode", file_mode, mode(0o600, 0o777), octal),
    key!("directory_mode", directory_mode, mode(0o700, 0o7777), octal),
    Key {
        name: "upstream.url",
        set: |config, value| {
            config.upstream.origin = rules::origin(value)?;
            Ok(())
        },
        get: |config| word(&config.upstream.origin),
    },
    key!("upstream.layout", upstream.layout, word(), word),
    key!("upstream.proxy_url", upstream.proxy_url, proxy(), shown),
    key!(
        "upstream.concurrency",
        upstream.concurrency,
        integer(1, 64),
        shown
    ),
    key!(
        "upstream.connect_timeout",
        upstream.connect_timeout,
        duration(MS, HOUR),
        shown
    ),
    key!(
        "upstream.read_timeout",
        upstream.read_timeout,
        duration(MS, HOUR),
        shown
    ),
    key!(
        "upstream.timeout",
        upstream.timeout,
        duration(MS, HOUR),
        shown
    ),
    key!(
        "upstream.retry_attempts",
        upstream.retry_attempts,
        integer(1, 10),
        shown
    ),
    key!(
        "upstream.retry_backoff",
        upstream.retry_backoff,
        duration(Duration::ZERO, 5 * MINUTE),
        shown
    ),
    key!(
        "upstream.max_body_bytes",
        upstream.max_body_bytes,
        integer(1, GIB),
        shown
    ),
    key!(
        "upstream.image.owner",
        upstream.image.owner,
        repository(false),
        word
    ),
    key!(
        "upstream.image.name",
        upstream.image.name,
        repository(false),
        word
    ),
    key!(
        "upstream.image.branch",
        upstream.image.branch,
        repository(true),
        word
    ),
    key!(
        "upstream.text.owner",
        upstream.text.owner,
        repository(false),
        word
    ),
    key!(
        "upstream.text.name",
        upstream.text.name,
        repository(false),
        word
    ),
    key!(
        "upstream.text.branch",
        upstream.text.branch,
        repository(true),
        word
    ),
    key!("schedule.cron", schedule.cron, cron(), word),
    key!(
        "schedule.splay",
        schedule.splay,
        duration(Duration::ZERO, DAY),
        shown
    ),
    key!("watch.backend", watch.backend, word(), word),
    key!(
        "watch.debounce",
        watch.debounce,
        duration(Duration::ZERO, MINUTE),
        shown
    ),
    key!(
        "watch.poll_interval",
        watch.poll_interval,
        duration(10 * MS, HOUR),
        shown
    ),
    key!("hooks.on_change", hooks.on_change, command(), shown),
    key!("hooks.timeout", hooks.timeout, duration(MS, DAY), shown),
    key!("log.format", log.format, word(), word),
    key!("log.level", log.level, level(), word),
];

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
    u32: |number| Value::Integer(i64::from(*number));
    u64: |number| i64::try_from(*number).map_or(Value::Unset, Value::Integer);
    usize: |number| i64::try_from(*number).map_or(Value::Unset, Value::Integer);
    Duration: |duration| Value::Duration(*duration);
    PathBuf: |path| Value::Path(path.clone());
    Option<PathBuf>: |path| path.clone().map_or(Value::Unset, Value::Path);
    Option<url::Url>: |url| url.as_ref().map_or(Value::Unset, |url| {
        Value::Text(rules::without_password(url))
    });
    Vec<String>: |words| Value::List(words.clone());
}
