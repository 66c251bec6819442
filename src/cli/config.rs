//! `horde-refd config`: the configuration in effect as TOML, each value with where it came from.
//!
//! What is printed is itself a configuration file that gives the same configuration (passwords in addresses aside).

use std::path::PathBuf;

use serde_json::{Map, json};

use super::Exit;
use super::args::{Common, ConfigArgs};
use super::output::{self, Output};
use crate::config::{Effective, KEYS, Key, Value};

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

/// A key's value; the default mirror depends on the environment, so it has none by itself.
fn value(effective: &Effective, key: &Key) -> Value {
    match key.get(&effective.config) {
        Value::Path(path) if path.as_os_str().is_empty() => Value::Unset,
        value => value,
    }
}

fn as_json(effective: &Effective) -> serde_json::Value {
    let values: Map<_, _> = KEYS
        .iter()
        .map(|key| {
            let origin = effective.origin(key);
            let entry = json!({
                "value": value(effective, key).to_json(),
                "source": origin.kind(),
                "from": origin.from(),
            });
            (key.name.to_owned(), entry)
        })
        .collect();
    json!({"values": values, "warnings": effective.warnings})
}

fn as_toml(effective: &Effective) -> String {
    let lines: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let (table, name) = key.table_and_name();
            let shown = match value(effective, key) {
                Value::Unset => format!("# {name} is not set"),
                value => format!("{name} = {value}"),
            };
            (table, shown, effective.origin(key))
        })
        .collect();
    // One long value must not push every comment off the screen.
    let usual = |line: &&str| line.chars().count() <= 60;
    let lengths = lines
        .iter()
        .map(|(_, shown, _)| shown.as_str())
        .filter(usual);
    let width = lengths
        .map(|shown| shown.chars().count())
        .max()
        .unwrap_or(0);

    let mut current = "";
    let with_headers = lines.into_iter().map(|(table, shown, origin)| {
        let header = if table == current {
            String::new()
        } else {
            format!("\n[{table}]\n")
        };
        current = table;
        format!("{header}{shown:width$}  # {origin}\n")
    });
    with_headers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;
    use std::path::Path;

    #[test]
    fn what_is_printed_gives_the_same_configuration() {
        let mut effective = Effective::defaults("/m".into());
        let config = &mut effective.config;
        config.hooks.on_change = vec!["a \"b\"".into(), "c#d".into()];
        config.metrics_file = Some("/x/y.prom".into());
        config.file_mode = 0o640;
        let text = as_toml(&effective);
        let (file, problems) = ConfigFile::parse(Path::new("printed"), &text);
        assert_eq!(problems, [], "{text}");
        let mut read = crate::config::Config::default_for("/other".into());
        for (key, value, _) in file.values {
            key.set(&mut read, &value).unwrap();
        }
        assert_eq!(read, effective.config);
    }

    #[test]
    fn the_printed_defaults_are_the_defaults() {
        let text = as_toml(&Effective::defaults(PathBuf::new()));
        assert!(text.starts_with("# base_path is not set"), "{text}");
        let (file, problems) = ConfigFile::parse(Path::new("printed"), &text);
        assert_eq!(problems, [], "{text}");
        assert_eq!(file.values.len(), KEYS.len() - 3, "{text}");
        let mut read = crate::config::Config::default_for(PathBuf::new());
        for (key, value, _) in file.values {
            key.set(&mut read, &value).unwrap();
        }
        assert_eq!(read, crate::config::Config::default_for(PathBuf::new()));
    }
}
