//! A configuration file as written: every value with its line, and everything that is not a value of a known key.
//!
//! serde's `deny_unknown_fields` stops at the first surprise. This walks the whole document and reports all of them.

use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{KEYS, Key, Problem, Source, Value};

/// What one file says, before any rule but "the key exists".
#[derive(Debug)]
pub struct ConfigFile {
    /// The values, in the file's order.
    pub values: Vec<(&'static Key, Value, Source)>,
}

impl ConfigFile {
    /// Reads the text of a configuration file; `path` is for messages.
    #[must_use]
    pub fn parse(path: &Path, text: &str) -> (Self, Vec<Problem>) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut walk = Walk {
            path,
            text,
            values: Vec::new(),
            problems: Vec::new(),
        };
        for error in &errors {
            let line = walk.line(error.span().map_or(0, |span| span.start));
            walk.problem(line, None, format!("is not TOML: {}", error.message()));
        }
        let broken: Vec<_> = walk.problems.iter().map(|(line, _)| *line).collect();
        walk.table("", document.get_ref());
        // What recovery made of a broken line is not what the user wrote.
        let mut nth = 0;
        walk.problems.retain(|(line, _)| {
            nth += 1;
            nth <= errors.len() || !broken.contains(line)
        });
        walk.problems.sort_by_key(|(line, _)| *line);
        walk.problems.dedup();
        walk.values.retain(|(line, ..)| !broken.contains(line));
        walk.values.sort_by_key(|(line, ..)| *line);
        let source = |line| Source::File {
            path: path.to_owned(),
            line,
        };
        let values = walk
            .values
            .into_iter()
            .map(|(line, key, value)| (key, value, source(line)))
            .collect();
        let problems = walk.problems.into_iter().map(|(_, problem)| problem);
        (Self { values }, problems.collect())
    }
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    values: Vec<(usize, &'static Key, Value)>,
    problems: Vec<(usize, Problem)>,
}

impl Walk<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }

    fn problem(&mut self, line: usize, key: Option<&str>, message: String) {
        let source = Source::File {
            path: self.path.to_owned(),
            line,
        };
        let problem = Problem {
            source: Some(source),
            key: key.map(str::to_owned),
            message,
        };
        self.problems.push((line, problem));
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let line = self.line(key.span().start);
            if let Some(key) = Key::named(&name) {
                self.values.push((line, key, from_toml(value)));
            } else if is_table(&name) {
                match value.get_ref() {
                    DeValue::Table(table) => self.table(&format!("{name}."), table),
                    other => {
                        let is = other.type_str();
                        let message = format!("must be a table ([{name}]), is of type {is}");
                        self.problem(line, Some(&name), message);
                    }
                }
            } else {
                self.problem(
                    line,
                    Some(&name),
                    format!("is not a known key{}", Hint(&name)),
                );
            }
        }
    }
}

fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn from_toml(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("number beyond 64 bits"), Value::Integer),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map_or(
                Value::Other("list with something else than strings"),
                Value::List,
            ),
        other => Value::Other(other.type_str()),
    }
}

/// The known key that was perhaps meant.
struct Hint<'a>(&'a str);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALIKE: f64 = 0.8;
        // A key of three letters is one letter away from it, a long one two.
        const LETTERS_A_SLIP: usize = 3;
        let split = |name| str::rsplit_once(name, '.').unwrap_or(("", name));
        let (table, last) = split(self.0);
        let displaced = KEYS.iter().find(|key| split(key.name).1 == last);
        // A table that is right says nothing for the key in it, so it does not count towards the likeness.
        let neighbour = || {
            KEYS.iter()
                .filter(|key| split(key.name).0 == table)
                .map(|key| (strsim::jaro_winkler(split(key.name).1, last), key))
                .filter(|(likeness, _)| *likeness > ALIKE)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, key)| key)
        };
        let misspelt = || {
            KEYS.iter()
                .map(|key| (strsim::osa_distance(key.name, self.0), key))
                .filter(|(slips, _)| *slips <= 2 && slips * LETTERS_A_SLIP <= self.0.len())
                .min_by_key(|(slips, _)| *slips)
                .map(|(_, key)| key)
        };
        match displaced.or_else(neighbour).or_else(misspelt) {
            Some(key) => write!(f, "; did you mean {}?", key.name),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<String>, Vec<String>) {
        let (file, problems) = ConfigFile::parse(Path::new("f"), text);
        let values = file.values.iter();
        (
            values
                .map(|(key, value, source)| format!("{source} {} {value}", key.name))
                .collect(),
            problems.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn values_keep_their_lines() {
        let (values, problems) = parse(
            "seed = true\n\n[upstream]\nconcurrency = 0x10\nimage.owner = \"me\"\n[hooks]\non_change = [\n  \"a\",\n  \"b\",\n]\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            values,
            [
                "f:1 seed true",
                "f:4 upstream.concurrency 16",
                "f:5 upstream.image.owner \"me\"",
                "f:7 hooks.on_change [\"a\", \"b\"]",
            ]
        );
    }

    #[test]
    fn every_unknown_key_is_reported_with_a_suggestion() {
        let (values, problems) = parse(
            "base_pth = 1\ncron = \"x\"\nupstream.retry_attempt = 3\nwatch = \"off\"\nzzz = 1\n[upstream.image]\nbranches = \"x\"\n[logs]\nlevel = \"info\"\n",
        );
        assert_eq!(values, [""; 0]);
        assert_eq!(
            problems,
            [
                "f:1: base_pth: is not a known key; did you mean base_path?",
                "f:2: cron: is not a known key; did you mean schedule.cron?",
                "f:3: upstream.retry_attempt: is not a known key; did you mean upstream.retry_attempts?",
                "f:4: watch: must be a table ([watch]), is of type string",
                "f:5: zzz: is not a known key",
                "f:7: upstream.image.branches: is not a known key; did you mean upstream.image.branch?",
                "f:8: logs: is not a known key",
            ]
        );
    }

    #[test]
    fn only_a_near_key_is_suggested() {
        let table = [
            ("upstream.nope", None),
            ("schedule.nope", None),
            ("abc", None),
            ("upstream.text.nam", Some("upstream.text.name")),
            ("upstrem.concurency", Some("upstream.concurrency")),
            ("upstream.owner", Some("upstream.image.owner")),
            ("hook.on_chnage", Some("hooks.on_change")),
            ("tttl", Some("ttl")),
        ];
        for (key, meant) in table {
            let expected = meant.map_or_else(String::new, |key| format!("; did you mean {key}?"));
            assert_eq!(Hint(key).to_string(), expected, "{key}");
        }
    }

    #[test]
    fn what_is_not_toml_is_reported_once_and_the_rest_is_read() {
        let (values, problems) = parse("seed = true\nttl = \nready = \"complete\nbogus = 1\n");
        assert!(values.contains(&"f:1 seed true".to_owned()), "{values:?}");
        assert!(problems.iter().any(|p| p.starts_with("f:2: is not TOML")));
        assert!(problems.iter().any(|p| p.starts_with("f:3: is not TOML")));
        assert_eq!(problems.iter().filter(|p| p.starts_with("f:2")).count(), 1);
        assert!(problems.iter().any(|p| p.starts_with("f:4: bogus")));
    }

    #[test]
    fn a_key_given_twice_is_reported() {
        let (_, problems) = parse("seed = true\nseed = false\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("f:2: is not TOML: duplicate key"),
            "{problems:?}"
        );
    }
}
