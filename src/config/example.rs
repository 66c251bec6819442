//! `config.example.toml`, generated from the table of keys and the defaults.
//!
//! 1. Every key that is in use is in it, at its default; those of `[[upstream]]` are described.
//! 2. All of its `[[upstream]]` tables are comments, so that one appended to it is the only one.
//! 3. Without the "# " before its keys it is a configuration, and gives the defaults.

use std::path::PathBuf;

use super::keys::table_help;
use super::{Effective, KEYS, Layout, Setting};

/// The width of its lines.
const WIDTH: usize = 118;

const HEAD: &str = "\
# horde-refd configuration. Every key is shown at its default; remove the \"# \" before a key to change it.
# Read from /etc/horde-refd/config.toml, or from the file given with -c. The command line is stronger than this file,
# this file is stronger than the environment. \"horde-refd config\" prints what is in effect, and why.
# Durations have a unit: \"50ms\", \"60s\", \"15m\", \"1h 30m\", \"7d\".
";

const UPSTREAMS: &str = "Where references come from: one [[upstream]] table for each place, in order of preference. \
     Without any it is GitHub alone. --upstream on the command line is used instead of all of them. The keys of each:";

/// Ways to write the upstreams: what for, and the tables.
const WAYS: [(&str, &[(Layout, &str)]); 4] = [
    (
        "GitHub alone, which is the default",
        &[(Layout::Github, GITHUB)],
    ),
    (
        "A PRIMARY service before GitHub, which takes its place after it has failed for 30 minutes",
        &[(Layout::Primary, PRIMARY), (Layout::Github, GITHUB)],
    ),
    (
        "A mirror in the local network before both",
        &[
            (Layout::Mirror, MIRROR),
            (Layout::Primary, PRIMARY_SOON),
            (Layout::Github, GITHUB),
        ],
    ),
    (
        "A directory, for hosts without a network: an rsync drop, or a checkout",
        &[(Layout::Flat, DIRECTORY)],
    ),
];

const GITHUB: &str = "url = \"https://raw.githubusercontent.com\"\nlayout = \"github\"\n";
const PRIMARY: &str = "url = \"https://models.aihorde.net/api\"\nlayout = \"primary\"\n";
const PRIMARY_SOON: &str =
    "url = \"https://models.aihorde.net/api\"\nlayout = \"primary\"\nfallback_after = \"5m\"\n";
const MIRROR: &str = "url = \"http://mirror.lan:8099\"\nlayout = \"mirror\"\n";
const DIRECTORY: &str = "url = \"/srv/references\"\nlayout = \"flat\"\n";

/// The text of `config.example.toml`.
#[must_use]
pub fn example() -> String {
    let defaults = Effective::defaults(PathBuf::new());
    let mut lines: Vec<String> = HEAD.lines().map(str::to_owned).collect();
    let mut table = "";
    for Setting { key, value, .. } in defaults.settings() {
        let (its_table, name) = key.table_and_name();
        let begins = its_table != table;
        table = its_table;
        if begins || !key.is_of_upstreams() {
            lines.push(String::new());
        }
        if key.is_of_upstreams() {
            if begins {
                lines.extend(upstreams());
            }
            continue;
        }
        if begins {
            let help = table_help(its_table);
            lines.extend(help.into_iter().flat_map(|help| comment(help, "# ", "# ")));
            lines.push(format!("[{its_table}]"));
        }
        let shown = key.sample.map_or_else(|| value.to_string(), str::to_owned);
        lines.extend(comment(key.help, "# ", "# "));
        lines.push(format!("# {name} = {shown}"));
    }
    lines.join("\n") + "\n"
}

/// Ways to write the upstreams: what for, and the text of the tables.
pub fn ways() -> impl Iterator<Item = (&'static str, String)> {
    WAYS.into_iter().map(|(what, tables)| {
        let text = tables
            .iter()
            .map(|(_, table)| format!("[[upstream]]\n{table}"));
        (what, text.collect())
    })
}

/// The part about `[[upstream]]`: its keys, and ways to write it.
fn upstreams() -> Vec<String> {
    let mut lines = comment(UPSTREAMS, "# ", "# ");
    for key in KEYS.iter().filter(|key| key.is_of_upstreams()) {
        let text = format!("{}: {}", key.table_and_name().1, key.help);
        lines.extend(comment(&text, "#   ", "#     "));
    }
    for (what, tables) in WAYS {
        lines.push("#".to_owned());
        lines.extend(comment(&format!("{what}:"), "# ", "# "));
        for (_, table) in tables {
            lines.push("# [[upstream]]".to_owned());
            lines.extend(table.lines().map(|line| format!("# {line}")));
        }
    }
    lines
}

/// Sentences as lines of a comment; `first` and `next` are what the first line and the others begin with.
fn comment(text: &str, first: &str, next: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut words = 0;
    for word in text.split_whitespace() {
        if words > 0 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, next.to_owned()));
            words = 0;
        }
        if words > 0 {
            line.push(' ');
        }
        line.push_str(word);
        words += 1;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigFile, Overrides, Source, UpstreamConfig, load};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");

    fn loaded(text: &str) -> Result<Effective, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let overrides = Overrides {
            config_file: Some(file.path().to_owned()),
            base_path: Some("/m".into()),
            ..Overrides::default()
        };
        load(&overrides, &|_| None, Path::new("/")).map_err(|errors| errors.to_string())
    }

    #[test]
    fn the_shipped_example_is_the_generated_one() {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(FILE, example()).unwrap();
        }
        let shipped = std::fs::read_to_string(FILE).unwrap();
        assert_eq!(shipped, example(), "`just example-config` writes it anew");
        assert!(shipped.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn invariant_2_an_upstream_appended_is_the_only_one() {
        let text = example() + "\n[[upstream]]\nurl = \"/srv/up\"\nlayout = \"github\"\n";
        let upstreams = loaded(&text).unwrap().config.upstreams;
        let expected = UpstreamConfig::new(
            crate::config::Origin::Directory("/srv/up".into()),
            Layout::Github,
        );
        assert_eq!(upstreams, [expected]);
        assert_eq!(
            loaded(&example()).unwrap().config,
            Config::default_for("/m".into())
        );
    }

    #[test]
    fn invariant_3_without_the_marks_it_gives_the_defaults() {
        let is_key = |line: &str| {
            let name = line.split_once(" = ").map(|(name, _)| name);
            name.is_some_and(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        };
        let mut in_upstreams = false;
        let mut live = String::new();
        for line in example().lines() {
            in_upstreams |= line.starts_with("# Where references come from");
            in_upstreams &= !line.is_empty();
            let shown = line
                .strip_prefix("# ")
                .filter(|rest| is_key(rest) && !in_upstreams);
            live.push_str(shown.unwrap_or(line));
            live.push('\n');
        }
        let (file, problems) = ConfigFile::parse(Path::new("config.example.toml"), &live);
        assert_eq!(problems, []);
        let shown: Vec<_> = file.values.iter().map(|written| written.key.name).collect();
        let known = KEYS.iter().filter(|key| !key.is_of_upstreams());
        assert_eq!(shown, known.map(|key| key.name).collect::<Vec<_>>());

        let effective = loaded(&live).unwrap();
        let mut config = effective.config.clone();
        // Off by default; the example shows what it looks like.
        assert!(config.metrics_file.take().is_some());
        assert_eq!(config, Config::default_for("/m".into()));
        assert_eq!(effective.warnings, [""; 0]);
        let given = effective.settings().into_iter();
        let given = given.filter(|setting| matches!(setting.source, Source::File { .. }));
        assert_eq!(
            given.count() + 1,
            shown.len(),
            "all but base_path, which a flag has"
        );
    }

    #[test]
    fn every_way_is_accepted() {
        for (what, tables) in WAYS {
            let tables_only = tables.iter().map(|(_, table)| *table);
            let text =
                tables_only.fold(String::new(), |text, table| text + "[[upstream]]\n" + table);
            let effective = loaded(&text).unwrap();
            let layouts = effective.config.upstreams.iter();
            let layouts = layouts.map(|upstream| upstream.layout);
            let expected = tables.iter().map(|(layout, _)| *layout);
            assert!(layouts.eq(expected), "{what}");
            assert_eq!(effective.warnings, [""; 0]);
        }
    }
}
