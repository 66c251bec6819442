//! `horde-refd config`: the configuration in effect as TOML, each value with where it came from.
//!
//! What is printed is itself a configuration file that gives the same configuration (passwords in addresses aside).

use std::path::PathBuf;

use serde_json::{Map, json};

use super::Exit;
use super::args::{Common, ConfigArgs};
use super::output::{self, Output};
use crate::config::{Effective, Setting, Value};

pub(super) fn main(common: &Common, args: &ConfigArgs) -> anyhow::Result<Exit> {
    let effective = if args.default {
        Effective::defaults(PathBuf::new())
    } else {
        common.load()?
    };
    let mut out = Output::stdout();
    if common.json {
        out.json(&as_json(&effective))?;
    } else {
        out.bytes(as_toml(&effective).as_bytes())?;
        out.finish()?;
        effective.warnings.iter().for_each(output::warn);
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// `values` has every key that is there once, `upstreams` the keys of each `[[upstream]]`.
fn as_json(effective: &Effective) -> serde_json::Value {
    let (mut values, mut upstreams) = (Map::new(), Vec::new());
    for setting in effective.settings() {
        let entry = json!({
            "value": setting.value.to_json(),
            "source": setting.source.kind(),
            "from": setting.source.from(),
            "line": setting.source.line(),
        });
        let (_, name) = setting.key.table_and_name();
        match setting.upstream {
            None => {
                values.insert(setting.key.name.to_owned(), entry);
            }
            Some(index) => {
                if index == upstreams.len() {
                    upstreams.push(Map::new());
                }
                if let Some(upstream) = upstreams.last_mut() {
                    upstream.insert(name.to_owned(), entry);
                }
            }
        }
    }
    json!({"values": values, "upstreams": upstreams, "warnings": effective.warnings})
}

fn as_toml(effective: &Effective) -> String {
    let settings = effective.settings();
    let shown = |setting: &Setting<'_>| {
        let (_, name) = setting.key.table_and_name();
        match &setting.value {
            Value::Unset => format!("# {name} is not set"),
            value => format!("{name} = {value}"),
        }
    };
    // One long value must not push every comment off the screen.
    let lengths = settings
        .iter()
        .map(|setting| shown(setting).chars().count());
    let width = lengths.filter(|length| *length <= 60).max().unwrap_or(0);

    let mut text = String::new();
    let mut current = ("", None);
    for setting in &settings {
        let (table, _) = setting.key.table_and_name();
        if current != (table, setting.upstream) {
            current = (table, setting.upstream);
            let header = match setting.upstream {
                Some(_) => format!("\n[[{table}]]\n"),
                None => format!("\n[{table}]\n"),
            };
            text.push_str(&header);
        }
        let line = format!("{:width$}  # {}\n", shown(setting), setting.source);
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Layout, Origin, Overrides, UpstreamConfig, load};

    /// The configuration that a file with this text gives.
    fn read(text: &str) -> Config {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let overrides = Overrides {
            config_file: Some(file.path().to_owned()),
            ..Overrides::default()
        };
        let loaded = load(
            &overrides,
            &|name| (name == "HOME").then(|| "/home".into()),
            Path::new("/"),
        );
        loaded
            .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
            .config
    }

    #[test]
    fn what_is_printed_gives_the_same_configuration() {
        let mut effective = Effective::defaults("/m".into());
        let config = &mut effective.config;
        config.hooks.on_change = vec!["a \"b\"".into(), "c#d".into()];
        config.metrics_file = Some("/x/y.prom".into());
        config.file_mode = 0o640;
        config.upstreams = vec![UpstreamConfig::new(
            Origin::Directory("/u".into()),
            Layout::Github,
        )];
        config.upstreams[0].name = "mine".to_owned();
        assert_eq!(read(&as_toml(&effective)), effective.config);
    }

    #[test]
    fn the_printed_defaults_are_the_defaults() {
        let text = as_toml(&Effective::defaults(PathBuf::new()));
        assert!(text.starts_with("# base_path is not set"), "{text}");
        let mut config = read(&text);
        config.base_path = PathBuf::new();
        assert_eq!(config, Config::default_for(PathBuf::new()));
    }
}
