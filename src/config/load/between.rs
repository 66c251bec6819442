//! The rules that take more than one key.

use super::Layers;
use crate::config::{Config, Key, Layout, Origin, Source, Value};

/// A rule between keys that is broken: the key at fault, the index of its `[[upstream]]`, and the rule.
type Fault = (&'static str, usize, String);

impl Layers {
    /// Checks the upstreams of one layer against each other and in themselves.
    pub(super) fn between_upstreams(&mut self, places: &[Source]) {
        let sound = |name, index| !self.refused.contains(&(name, index));
        let faults = upstreams(&self.effective.config, &sound);
        for (name, index, rule) in faults {
            let source = self.effective.origins.get(&(name, index));
            let source = source.or_else(|| places.get(index)).cloned();
            self.fault(name, index, &rule, source);
        }
    }

    /// Checks everything else that is between keys.
    pub(super) fn between(&mut self) {
        let sound = |name, index| !self.refused.contains(&(name, index));
        let faults = paths(&self.effective.config, &sound);
        for (name, index, rule) in faults {
            let source = self.effective.origins.get(&(name, index)).cloned();
            self.fault(name, index, &rule, source);
        }
    }

    fn fault(&mut self, name: &'static str, index: usize, rule: &str, source: Option<Source>) {
        let value = Key::named(name).map(|key| key.get(&self.effective.config, index));
        let value = value.unwrap_or(Value::Unset);
        self.problem(source, Some(name), format!("{rule}, is {value}"));
    }
}

fn upstreams(config: &Config, sound: &dyn Fn(&'static str, usize) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, upstream) in config.upstreams.iter().enumerate() {
        let named = |index| sound("upstream.name", index) && sound("upstream.layout", index);
        let mut earlier = config.upstreams.iter().enumerate().take(index);
        if named(index) && earlier.any(|(index, other)| named(index) && other.name == upstream.name)
        {
            let rule = "must be another name than those of the upstreams before it (the default is the layout)";
            faults.push(("upstream.name", index, rule.to_owned()));
        }
        if !sound("upstream.layout", index) {
            continue;
        }
        let layout = upstream.layout;
        let directory = matches!(upstream.origin, Origin::Directory(_));
        if sound("upstream.url", index) && directory && !layout.reads_directories() {
            let rule = format!("must be an http:// or https:// URL with layout {layout}");
            faults.push(("upstream.url", index, rule));
        }
        let beyond = upstream
            .categories
            .iter()
            .find(|category| layout.categories().all(|served| served != **category));
        if let (true, Some(category)) = (sound("upstream.categories", index), beyond) {
            let rule = format!(
                "must name categories that layout {layout} serves; {category} has no legacy file, \
                 so only layouts {} and {} serve it",
                Layout::Primary,
                Layout::Mirror
            );
            faults.push(("upstream.categories", index, rule));
        }
    }
    faults
}

fn paths(config: &Config, sound: &dyn Fn(&'static str, usize) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !sound("base_path", 0) || config.base_path.as_os_str().is_empty() {
        return faults;
    }
    for (index, upstream) in config.upstreams.iter().enumerate() {
        if let Origin::Directory(directory) = &upstream.origin
            && sound("upstream.url", index)
            && directory.starts_with(&config.base_path)
        {
            let rule = "must not be the mirror itself or a directory in it".to_owned();
            faults.push(("upstream.url", index, rule));
        }
    }
    if sound("metrics_file", 0) && config.metrics_file.as_deref() == Some(&config.base_path) {
        let rule = "must not be the mirror itself".to_owned();
        faults.push(("metrics_file", 0, rule));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use crate::config::UpstreamConfig;

    /// What is wrong with these upstreams; `refused` are keys whose own rule is broken.
    fn faults(list: Vec<UpstreamConfig>, refused: &[&str]) -> Vec<String> {
        let mut config = Config::default_for("/m".into());
        config.upstreams = list;
        let sound = |name: &'static str, _| !refused.contains(&name);
        let mut faults = upstreams(&config, &sound);
        faults.extend(paths(&config, &sound));
        faults
            .into_iter()
            .map(|(name, index, rule)| format!("{name} {index}: {rule}"))
            .collect()
    }

    #[test]
    fn upstreams_fit_their_layouts_and_each_other() {
        let server = || Origin::Http("https://h.example/api".parse().unwrap());
        let directory = |path: &str| Origin::Directory(path.into());
        let named = |name: &str, mut upstream: UpstreamConfig| {
            upstream.name = name.to_owned();
            upstream
        };
        let serving = |category, layout| {
            let mut upstream = UpstreamConfig::new(server(), layout);
            upstream.categories = vec![Category::Clip, category];
            upstream
        };
        let github = UpstreamConfig::github;
        let new = UpstreamConfig::new;
        let table: [(Vec<UpstreamConfig>, &[&str], &[&str]); 12] = [
            (vec![github()], &[], &[]),
            (vec![new(server(), Layout::Primary), github()], &[], &[]),
            (
                vec![github(), github()],
                &[],
                &["upstream.name 1: must be another name"],
            ),
            (vec![github(), named("b", github())], &[], &[]),
            (vec![github(), github()], &["upstream.name"], &[]),
            (
                vec![new(directory("/d"), Layout::Primary)],
                &[],
                &["upstream.url 0: must be an http:// or https:// URL with layout primary"],
            ),
            (vec![new(directory("/d"), Layout::Mirror)], &[], &[]),
            (vec![new(directory("/d"), Layout::Github)], &[], &[]),
            (
                vec![serving(Category::Lora, Layout::Flat)],
                &[],
                &[
                    "upstream.categories 0: must name categories that layout flat serves; lora has no",
                ],
            ),
            (vec![serving(Category::Lora, Layout::Mirror)], &[], &[]),
            (
                vec![serving(Category::Lora, Layout::Flat)],
                &["upstream.layout"],
                &[],
            ),
            (
                vec![github(), new(directory("/m/legacy"), Layout::Flat)],
                &[],
                &["upstream.url 1: must not be the mirror itself"],
            ),
        ];
        for (list, refused, expected) in table {
            let shown = format!("{list:?} {refused:?}");
            let found = faults(list, refused);
            assert_eq!(found.len(), expected.len(), "{shown}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{found}");
            }
        }
    }
}
