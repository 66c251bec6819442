//! What the configuration's form has and this version does not do: refused with words that say so, never ignored.
//!
//! The whole form is read and checked today. Whatever takes a key or a value into use deletes its line here; then it is
//! accepted, printed by `config`, and shown in `config.example.toml` (`just example-config` writes that anew).

use super::Key;
use crate::config::Value;

enum NotYet {
    /// A key, or a table with all of its keys.
    Key(&'static str),
    /// One word of a key.
    Word(&'static str, &'static str),
}

const NOT_YET: &[NotYet] = &[
    NotYet::Word("on_invalid_record", "skip"),
    NotYet::Key("guard"),
    NotYet::Key("hooks.on_trouble"),
];

impl Key {
    /// Whether the key is in use; a key that is not is refused and shown nowhere.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        !NOT_YET.iter().any(|entry| match entry {
            NotYet::Key(name) => self
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            NotYet::Word(..) => false,
        })
    }

    /// The words that have no effect yet.
    pub(in crate::config) fn words_not_in_use(&self) -> impl Iterator<Item = &'static str> {
        let name = self.name;
        NOT_YET.iter().filter_map(move |entry| match entry {
            NotYet::Word(key, word) if *key == name => Some(*word),
            NotYet::Word(..) | NotYet::Key(_) => None,
        })
    }

    /// Refuses a value that has no effect yet.
    pub(in crate::config) fn check_in_use(&self, value: &Value) -> Result<(), String> {
        let version = env!("CARGO_PKG_VERSION");
        if !self.is_in_use() {
            return Err(format!("has no effect yet in version {version}: remove it"));
        }
        let word = match value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let mut refused = self.words_not_in_use();
        if refused.any(|refused| refused.eq_ignore_ascii_case(word)) {
            return Err(format!("has no \"{word}\" yet in version {version}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    #[test]
    fn every_line_names_something_that_exists() {
        for entry in NOT_YET {
            let (name, word) = match entry {
                NotYet::Key(name) => (name, None),
                NotYet::Word(name, word) => (name, Some(word)),
            };
            let keys = KEYS.iter().filter(|key| {
                let rest = key.name.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            assert!(keys.count() > 0, "{name}");
            if let Some(word) = word {
                let key = Key::named(name).unwrap();
                let text = Value::Text((*word).to_owned());
                let mut config = crate::config::Config::default_for("/m".into());
                key.set(&mut config, 0, &text).unwrap();
                assert!(key.check_in_use(&text).is_err(), "{name} {word}");
            }
        }
    }

    #[test]
    fn what_is_in_use_is_not_refused() {
        for (name, text) in [("upstream.layout", "flat"), ("on_invalid_record", "reject")] {
            let key = Key::named(name).unwrap();
            assert_eq!(key.check_in_use(&Value::Text(text.to_owned())), Ok(()));
        }
        let guard = Key::named("guard.hold").unwrap();
        assert!(guard.check_in_use(&Value::Text("1h".to_owned())).is_err());
    }
}
