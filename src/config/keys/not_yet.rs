//! What the configuration's form has and this version does not do: refused with words that say so, never ignored.
//!
//! The whole form is read and checked today. Whatever takes a key or a value into use deletes its line here; then it is
//! accepted, printed by `config`, and shown in `config.example.toml` (`just example-config` writes that anew).

use super::Key;

enum NotYet {
    /// A key, or a table with all of its keys.
    Key(&'static str),
}

const NOT_YET: &[NotYet] = &[NotYet::Key("hooks.on_trouble")];

impl Key {
    /// Whether the key is in use; a key that is not is refused and shown nowhere.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        !NOT_YET.iter().any(|entry| match entry {
            NotYet::Key(name) => self
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        })
    }

    /// Refuses a key that has no effect yet.
    pub(in crate::config) fn check_in_use(&self) -> Result<(), String> {
        if self.is_in_use() {
            return Ok(());
        }
        let version = env!("CARGO_PKG_VERSION");
        Err(format!("has no effect yet in version {version}: remove it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    #[test]
    fn every_line_names_something_that_exists() {
        for NotYet::Key(name) in NOT_YET {
            let mut keys = KEYS.iter().filter(|key| {
                let rest = key.name.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            assert!(keys.all(|key| key.check_in_use().is_err()), "{name}");
        }
    }
}
