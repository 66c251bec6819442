//! The layers, put on top of each other.
//!
//! 1. The `[[upstream]]` tables of the file replace the default one, and `--upstream` replaces all of them.
//! 2. Rules between keys are checked last, and only between keys whose own rules hold.

mod between;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::{self, Lookup};
use super::rules::tidy;
use super::{
    Config, ConfigErrors, ConfigFile, KEYS, Key, Layout, Origin, Problem, Source, UpstreamConfig,
    Value, warnings,
};

/// The file that is read when none is named, if it exists.
pub const DEFAULT_FILE: &str = "/etc/horde-refd/config.toml";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-c`: this file, and it must exist.
    pub config_file: Option<PathBuf>,
    /// `--base-path`; may be relative.
    pub base_path: Option<PathBuf>,
    /// `--upstream`: a URL or a directory, which may be relative; instead of the configured ones.
    pub upstream: Option<OsString>,
    /// `--layout`: that of `--upstream`.
    pub layout: Option<Layout>,
}

/// A key, and the index of the `[[upstream]]` that it is in (0 for every other key).
type Spot = (&'static str, usize);

/// A checked configuration, and how it came about.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// Where each key's value came from; a key that is not here has its default.
    origins: BTreeMap<Spot, Source>,
    /// What is allowed and rarely meant.
    pub warnings: Vec<String>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
}

/// One line of an effective configuration.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The key.
    pub key: &'static Key,
    /// The index of the `[[upstream]]` that it is in, for a key of those.
    pub upstream: Option<usize>,
    /// Its value.
    pub value: Value,
    /// Where the value came from.
    pub source: &'a Source,
}

impl Effective {
    /// The configuration without a file, an environment and a command line.
    #[must_use]
    pub fn defaults(base_path: PathBuf) -> Self {
        Self {
            config: Config::default_for(base_path),
            origins: BTreeMap::new(),
            warnings: Vec::new(),
            file: None,
        }
    }

    /// Every key that is in use, in the order of the documentation, those of `[[upstream]]` once for each entry.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting<'_>> {
        let setting = |key: &'static Key, upstream: Option<usize>| {
            let index = upstream.unwrap_or_default();
            let value = match key.get(&self.config, index) {
                // The default mirror depends on the environment, so it has no value by itself.
                Value::Path(path) if path.as_os_str().is_empty() => Value::Unset,
                value => value,
            };
            let source = self.origins.get(&(key.name, index));
            Setting {
                key,
                upstream,
                value,
                source: source.unwrap_or(&Source::Default),
            }
        };
        let keys: Vec<_> = KEYS.iter().collect();
        let groups = keys.chunk_by(|a, b| a.is_of_upstreams() == b.is_of_upstreams());
        let mut settings = Vec::new();
        for group in groups {
            if group.iter().all(|key| key.is_of_upstreams()) {
                for index in 0..self.config.upstreams.len() {
                    settings.extend(group.iter().map(|key| setting(key, Some(index))));
                }
            } else {
                settings.extend(group.iter().map(|key| setting(key, None)));
            }
        }
        settings
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

pub(super) fn load_with(
    overrides: &Overrides,
    env: Lookup<'_>,
    cwd: &Path,
    default_file: &Path,
) -> Result<Effective, ConfigErrors> {
    let mut layers = Layers {
        effective: Effective::defaults(PathBuf::new()),
        refused: BTreeSet::new(),
        problems: Vec::new(),
        for_github: None,
    };
    layers.environment(env, cwd);
    layers.file(overrides.config_file.as_deref(), cwd, default_file);
    layers.flags(overrides, cwd);
    layers.finish(env)
}

struct Layers {
    effective: Effective,
    /// Values that break their rule, so that no other rule says anything about them.
    refused: BTreeSet<Spot>,
    problems: Vec<Problem>,
    /// The proxy prefix that the environment has for upstreams of layout `github`.
    for_github: Option<(url::Url, Source)>,
}

impl Layers {
    fn problem(&mut self, source: Option<Source>, key: Option<&str>, message: String) {
        self.problems.push(Problem {
            source,
            key: key.map(str::to_owned),
            message,
        });
    }

    fn set(&mut self, key: &'static Key, upstream: usize, value: &Value, source: Source) {
        let spot = (key.name, upstream);
        let config = &mut self.effective.config;
        let rule = key.set(config, upstream, value);
        // On the command line a path may be relative: it has been made absolute before.
        let rule = rule.map_err(|rule| match source {
            Source::Flag(_) => rule
                .replace("an absolute path of a directory", "the path of a directory")
                .replace("an absolute path", "the path of a directory"),
            _ => rule,
        });
        match rule {
            Ok(()) => {
                self.refused.remove(&spot);
            }
            Err(rule) => {
                self.refused.insert(spot);
                let message = format!("{rule}, is {value}");
                self.problem(Some(source.clone()), Some(key.name), message);
            }
        }
        self.effective.origins.insert(spot, source);
    }

    fn set_named(&mut self, name: &str, value: &Value, source: Source) {
        if let Some(key) = Key::named(name) {
            self.set(key, 0, value, source);
        }
    }

    fn environment(&mut self, env: Lookup<'_>, cwd: &Path) {
        if let Some((path, variable)) = environment::base_path(env, cwd) {
            let source = Source::Environment(variable);
            self.set_named("base_path", &Value::Path(path), source);
        }
        for variable in environment::variables(env) {
            let source = Source::Environment(variable.name);
            match variable.value {
                // The default upstream takes the value in, checked; `complete` gives it to those that it is for.
                Ok(value) => self.set(variable.key, 0, &value, source),
                Err(rule) => {
                    let message = format!("{rule}, is {}", Value::Text(variable.text));
                    self.problem(Some(source), Some(variable.key.name), message);
                }
            }
        }
        let proxy = self.effective.config.first_upstream().proxy_url;
        let source = self.effective.origins.get(&("upstream.proxy_url", 0));
        self.for_github = proxy.zip(source.cloned());
        self.begin_upstreams(0);
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
        self.effective.file = Some(path);
        self.problems.extend(problems);
        self.begin_upstreams(file.upstreams.len());
        for written in file.values {
            self.set(
                written.key,
                written.upstream,
                &written.value,
                written.source,
            );
        }
        self.complete_upstreams(&file.upstreams);
    }

    fn flags(&mut self, overrides: &Overrides, cwd: &Path) {
        if let Some(path) = &overrides.base_path {
            // An empty path is an unset shell variable, not the working directory.
            let empty = path.as_os_str().is_empty();
            let value = Value::Path(if empty { path.clone() } else { cwd.join(path) });
            self.set_named("base_path", &value, Source::Flag("--base-path"));
        }
        let flag = Source::Flag("--layout");
        let layout = overrides
            .layout
            .map(|layout| Value::Text(layout.to_string()));
        let Some(upstream) = &overrides.upstream else {
            if layout.is_some() {
                let message =
                    "needs --upstream: it says how that one lays its files out".to_owned();
                self.problem(Some(flag), None, message);
            }
            return;
        };
        let value = match upstream.to_str() {
            Some(text) if text.contains("://") || text.is_empty() => Value::Text(text.to_owned()),
            _ => Value::Path(cwd.join(upstream)),
        };
        self.begin_upstreams(1);
        self.set_named("upstream.url", &value, Source::Flag("--upstream"));
        if let Some(layout) = layout {
            self.set_named("upstream.layout", &layout, flag);
        }
        self.complete_upstreams(&[Source::Flag("--upstream")]);
    }

    /// Forgets the upstreams of a weaker layer for `count` new ones.
    fn begin_upstreams(&mut self, count: usize) {
        let of_upstreams = |(name, _): &Spot| name.starts_with("upstream.");
        self.effective.origins.retain(|spot, _| !of_upstreams(spot));
        self.refused.retain(|spot| !of_upstreams(spot));
        self.effective.config.upstreams = vec![UpstreamConfig::github(); count];
    }

    /// Gives what is not set in an upstream the default that depends on what is set.
    fn complete_upstreams(&mut self, places: &[Source]) {
        for (index, place) in places.iter().enumerate() {
            let known = |name| self.effective.origins.contains_key(&(name, index));
            let (url, layout) = (known("upstream.url"), known("upstream.layout"));
            let (name, categories) = (known("upstream.name"), known("upstream.categories"));
            let Some(upstream) = self.effective.config.upstreams.get_mut(index) else {
                continue;
            };
            if !layout && url {
                upstream.layout = upstream.origin.default_layout();
            }
            if !name {
                upstream.name = upstream.layout.to_string();
            }
            if !categories {
                upstream.categories = upstream.layout.categories().collect();
            }
            let is = upstream.layout;
            if !url && is != Layout::Github {
                let message = format!("must be set: layout {is} has no default");
                self.problem(Some(place.clone()), Some("upstream.url"), message);
                self.refused.insert(("upstream.url", index));
            }
        }
        self.between_upstreams(places);
    }

    /// Gives upstreams of layout `github` the proxy prefix of the environment, unless they have their own.
    fn proxy_from_environment(&mut self) {
        let Some((proxy, source)) = &self.for_github else {
            return;
        };
        let upstreams = self.effective.config.upstreams.iter_mut();
        for (index, upstream) in upstreams.enumerate() {
            let meant = upstream.layout == Layout::Github
                && upstream.proxy_url.is_none()
                && matches!(upstream.origin, Origin::Http(_));
            if meant {
                upstream.proxy_url = Some(proxy.clone());
                let spot = ("upstream.proxy_url", index);
                self.effective.origins.insert(spot, source.clone());
            }
        }
    }

    fn finish(mut self, env: Lookup<'_>) -> Result<Effective, ConfigErrors> {
        if self.effective.config.upstreams.is_empty() {
            self.effective.config.upstreams = vec![UpstreamConfig::github()];
        }
        self.proxy_from_environment();
        let known = !self.effective.config.base_path.as_os_str().is_empty();
        if !known && !self.refused.contains(&("base_path", 0)) {
            self.problem(
                None,
                Some("base_path"),
                "must be set: by --base-path, in the configuration file, or by AIWORKER_CACHE_HOME, \
                 STATE_DIRECTORY, XDG_CACHE_HOME or HOME"
                    .to_owned(),
            );
        }
        self.between();
        if !self.problems.is_empty() {
            return Err(ConfigErrors {
                problems: self.problems,
            });
        }
        self.effective.warnings = warnings::warnings(&self.effective.config);
        let base_path = self.effective.origins.get(&("base_path", 0));
        if base_path == Some(&Source::Environment(environment::CACHE_HOME)) {
            let path = &self.effective.config.base_path;
            let warning = environment::cache_home_warning(env, path);
            self.effective.warnings.extend(warning);
        }
        Ok(self.effective)
    }
}

#[cfg(test)]
mod tests;
