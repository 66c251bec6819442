//! The layers, put on top of each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::{self, Lookup};
use super::rules::tidy;
use super::{Config, ConfigErrors, ConfigFile, Key, Layout, Problem, Source, Value, warnings};

/// The file that is read when none is named, if it exists.
pub const DEFAULT_FILE: &str = "/etc/horde-refd/config.toml";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-c`: this file, and it must exist.
    pub config_file: Option<PathBuf>,
    /// `--base-path`; may be relative.
    pub base_path: Option<PathBuf>,
    /// `--upstream`: a URL or a directory, which may be relative.
    pub upstream: Option<OsString>,
    /// `--layout`
    pub layout: Option<Layout>,
}

/// A checked configuration, and how it came about.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// Where each key's value came from; a key that is not here has its default.
    origins: BTreeMap<&'static str, Source>,
    /// What is allowed and rarely meant.
    pub warnings: Vec<String>,
}

impl Effective {
    /// A configuration that nobody configured.
    #[must_use]
    pub fn defaults(base_path: PathBuf) -> Self {
        Self {
            config: Config::default_for(base_path),
            origins: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Where a key's value came from.
    #[must_use]
    pub fn origin(&self, key: &Key) -> &Source {
        self.origins.get(key.name).unwrap_or(&Source::Default)
    }
}

/// Reads and checks the whole configuration.
///
/// `env` looks up an environment variable and `cwd` is what relative paths on the command line are relative to;
/// nothing below here asks the process for either.
///
/// # Errors
/// Every broken rule, in every layer.
pub fn load(
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<OsString>,
    cwd: &Path,
) -> Result<Effective, ConfigErrors> {
    load_with(overrides, env, cwd, Path::new(DEFAULT_FILE))
}

fn load_with(
    overrides: &Overrides,
    env: Lookup<'_>,
    cwd: &Path,
    default_file: &Path,
) -> Result<Effective, ConfigErrors> {
    let mut layers = Layers {
        effective: Effective::defaults(PathBuf::new()),
        problems: Vec::new(),
    };
    layers.environment(env, cwd);
    layers.file(overrides.config_file.as_deref(), cwd, default_file);
    layers.flags(overrides, cwd);
    layers.finish()
}

struct Layers {
    effective: Effective,
    problems: Vec<Problem>,
}

impl Layers {
    fn problem(&mut self, source: Option<Source>, key: Option<&str>, message: String) {
        self.problems.push(Problem {
            source,
            key: key.map(str::to_owned),
            message,
        });
    }

    fn set(&mut self, key: &'static Key, value: &Value, source: Source) {
        match key.set(&mut self.effective.config, value) {
            Ok(()) => {
                self.effective.origins.insert(key.name, source);
            }
            Err(rule) => {
                // On the command line a path may be relative: it has been made absolute before.
                let rule = match source {
                    Source::Flag(_) => rule
                        .replace("an absolute path of a directory", "the path of a directory")
                        .replace("an absolute path", "the path of a directory"),
                    _ => rule,
                };
                self.problem(Some(source), Some(key.name), format!("{rule}, is {value}"));
            }
        }
    }

    fn set_named(&mut self, name: &str, value: &Value, source: Source) {
        if let Some(key) = Key::named(name) {
            self.set(key, value, source);
        }
    }

    fn environment(&mut self, env: Lookup<'_>, cwd: &Path) {
        if let Some((path, variable)) = environment::base_path(env, cwd) {
            self.set_named(
                "base_path",
                &Value::Path(path),
                Source::Environment(variable),
            );
        }
        for variable in environment::variables(env) {
            let source = Source::Environment(variable.name);
            match variable.value {
                Ok(value) => self.set(variable.key, &value, source),
                Err(rule) => {
                    let message = format!("{rule}, is {}", Value::Text(variable.text));
                    self.problem(Some(source), Some(variable.key.name), message);
                }
            }
        }
    }

    fn file(&mut self, named: Option<&Path>, cwd: &Path, default: &Path) {
        let path = named.map_or_else(|| default.to_owned(), |path| tidy(&cwd.join(path)));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                let message = format!("{}: cannot be read: {error}", path.display());
                return self.problem(None, None, message);
            }
        };
        let (file, problems) = ConfigFile::parse(&path, &text);
        self.problems.extend(problems);
        for (key, value, source) in file.values {
            self.set(key, &value, source);
        }
    }

    fn flags(&mut self, overrides: &Overrides, cwd: &Path) {
        if let Some(path) = &overrides.base_path {
            // An empty path is an unset shell variable, not the working directory.
            let empty = path.as_os_str().is_empty();
            let value = Value::Path(if empty { path.clone() } else { cwd.join(path) });
            self.set_named("base_path", &value, Source::Flag("--base-path"));
        }
        if let Some(upstream) = &overrides.upstream {
            let value = match upstream.to_str() {
                Some(text) if text.contains("://") || text.is_empty() => {
                    Value::Text(text.to_owned())
                }
                _ => Value::Path(cwd.join(upstream)),
            };
            self.set_named("upstream.url", &value, Source::Flag("--upstream"));
        }
        if let Some(layout) = overrides.layout {
            let value = Value::Text(layout.to_string());
            self.set_named("upstream.layout", &value, Source::Flag("--layout"));
        }
    }

    fn finish(mut self) -> Result<Effective, ConfigErrors> {
        let config = &mut self.effective.config;
        if !self.effective.origins.contains_key("upstream.layout") {
            config.upstream.layout = config.upstream.origin.default_layout();
        }
        let known = !config.base_path.as_os_str().is_empty();
        let refused = |problem: &Problem| problem.key.as_deref() == Some("base_path");
        if !known && !self.problems.iter().any(refused) {
            self.problem(
                None,
                Some("base_path"),
                "must be set: by --base-path, in the configuration file, or by AIWORKER_CACHE_HOME, \
                 STATE_DIRECTORY, XDG_CACHE_HOME or HOME"
                    .to_owned(),
            );
        }
        // Rules between keys say nothing sensible about values that are wrong in themselves.
        if self.problems.is_empty() {
            for (name, message) in warnings::contradictions(&self.effective.config) {
                let source = self.effective.origins.get(name).cloned();
                let value = Key::named(name).map(|key| key.get(&self.effective.config));
                let value = value.unwrap_or(Value::Unset);
                self.problem(source, Some(name), format!("{message}, is {value}"));
            }
        }
        if !self.problems.is_empty() {
            return Err(ConfigErrors {
                problems: self.problems,
            });
        }
        self.effective.warnings = warnings::warnings(&self.effective.config);
        Ok(self.effective)
    }
}

#[cfg(test)]
mod tests;
