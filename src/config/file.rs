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
    pub values: Vec<Written>,
    /// Where each `[[upstream]]` begins.
    pub upstreams: Vec<Source>,
}

/// One value as written.
#[derive(Debug)]
pub struct Written {
    /// Its key.
    pub key: &'static Key,
    /// The index of the `[[upstream]]` that it is in; 0 for every other key.
    pub upstream: usize,
    /// The value.
    pub value: Value,
    /// The file and the line.
    pub source: Source,
}

impl ConfigFile {
    /// Reads the text of a configuration file; `path` is for messages.
    #[must_use]
    pub fn parse(path: &Path, text: &str) -> (Self, Vec<Problem>) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut walk = Walk {
            path,
            text,
            upstream: 0,
            upstreams: Vec::new(),
            values: Vec::new(),
            problems: Vec::new(),
        };
        for error in &errors {
            let line = walk.line(error.span().map_or(0, |span| span.start));
            let written = text.lines().nth(line - 1).unwrap_or_default().trim();
            let hint = match written {
                // The form before there were several, beside the present one.
                "[upstream]" => "; write [[upstream]]",
                _ => "",
            };
            let message = format!("is not TOML: {}{hint}", error.message());
            walk.problem(line, None, message);
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
        walk.values.retain(|(line, _)| !broken.contains(line));
        walk.values.sort_by_key(|(line, _)| *line);
        let file = Self {
            values: walk.values.into_iter().map(|(_, value)| value).collect(),
            upstreams: walk.upstreams,
        };
        let problems = walk.problems.into_iter().map(|(_, problem)| problem);
        (file, problems.collect())
    }
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    /// The index of the `[[upstream]]` that is being read.
    upstream: usize,
    upstreams: Vec<Source>,
    values: Vec<(usize, Written)>,
    problems: Vec<(usize, Problem)>,
}

impl Walk<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }

    fn source(&self, line: usize) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line,
        }
    }

    fn problem(&mut self, line: usize, key: Option<&str>, message: String) {
        let problem = Problem {
            source: Some(self.source(line)),
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
                let written = Written {
                    key,
                    upstream: self.upstream,
                    value: from_toml(value),
                    source: self.source(line),
                };
                self.values.push((line, written));
            } else if name == UPSTREAM {
                self.upstreams(line, value.get_ref());
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
                let message = format!("is not a known key{}", Hint(&name));
                self.problem(line, Some(&name), message);
            }
        }
    }

    /// Reads the entries of the list `[[upstream]]`.
    fn upstreams(&mut self, line: usize, value: &DeValue<'_>) {
        const RULE: &str = "must be a list of tables: write [[upstream]]";
        let prefix = format!("{UPSTREAM}.");
        match value {
            DeValue::Array(entries) => {
                for entry in entries {
                    let line = self.line(entry.span().start);
                    match entry.get_ref() {
                        DeValue::Table(table) => {
                            self.upstream = self.upstreams.len();
                            self.upstreams.push(self.source(line));
                            self.table(&prefix, table);
                            self.upstream = 0;
                        }
                        other => {
                            let message =
                                format!("{RULE}, has an entry of type {}", other.type_str());
                            self.problem(line, Some(UPSTREAM), message);
                        }
                    }
                }
            }
            // The form before there were several: what has another place now is reported too.
            DeValue::Table(table) => {
                self.problem(line, Some(UPSTREAM), RULE.to_owned());
                let values = self.values.len();
                self.table(&prefix, table);
                self.values.truncate(values);
            }
            other => {
                let message = format!("{RULE}, is of type {}", other.type_str());
                self.problem(line, Some(UPSTREAM), message);
            }
        }
    }
}

/// The list of tables.
const UPSTREAM: &str = "upstream";

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
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or(Value::Other("float"), Value::Float),
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
        let keys = || KEYS.iter();
        let displaced = keys().find(|key| split(key.name).1 == last);
        // A table that is right says nothing for the key in it, so it does not count towards the likeness.
        let neighbour = || {
            keys()
                .filter(|key| split(key.name).0 == table)
                .map(|key| (strsim::jaro_winkler(split(key.name).1, last), key))
                .filter(|(likeness, _)| *likeness > ALIKE)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, key)| key)
        };
        let misspelt = || {
            keys()
                .map(|key| (strsim::osa_distance(key.name, self.0), key))
                .filter(|(slips, key)| {
                    let same_table = split(key.name).0 == table;
                    let letters = if same_table { last } else { self.0 }.len();
                    *slips <= 2 && slips * LETTERS_A_SLIP <= letters
                })
                .min_by_key(|(slips, _)| *slips)
                .map(|(_, key)| key)
        };
        if let Some(key) = displaced.or_else(neighbour).or_else(misspelt) {
            return write!(f, "; did you mean {}?", key.name);
        }
        // A table that is elsewhere ([upstream.image] was what [github.image] is), or misspelt.
        let tables = || keys().map(|key| key.table_and_name().0);
        let displaced = tables().find(|table| split(table).1 == last);
        let misspelt = || {
            tables()
                .map(|table| (strsim::osa_distance(table, self.0), table))
                .filter(|(slips, _)| *slips <= 2 && slips * LETTERS_A_SLIP <= self.0.len())
                .min_by_key(|(slips, _)| *slips)
                .map(|(_, table)| table)
        };
        match displaced.or_else(misspelt) {
            Some(UPSTREAM) => f.write_str("; did you mean [[upstream]]?"),
            Some(table) => write!(f, "; did you mean [{table}]?"),
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
                .map(
                    |Written {
                         key,
                         value,
                         source,
                         upstream,
                     }| {
                        format!("{source} {}[{upstream}] {value}", key.name).replace("[0]", "")
                    },
                )
                .collect(),
            problems.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn values_keep_their_lines() {
        let (values, problems) = parse(
            "seed = true\n\n[http]\nconcurrency = 0x10\n[github]\nimage.owner = \"me\"\n[hooks]\non_change = [\n  \"a\",\n  \"b\",\n]\n[[upstream]]\nname = \"a\"\n[[upstream]]\n\nname = \"b\"\n[guard]\nmax_removed = 0.5\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            values,
            [
                "f:1 seed true",
                "f:4 http.concurrency 16",
                "f:6 github.image.owner \"me\"",
                "f:8 hooks.on_change [\"a\", \"b\"]",
                "f:13 upstream.name \"a\"",
                "f:16 upstream.name[1] \"b\"",
                "f:18 guard.max_removed 0.5",
            ]
        );
    }

    #[test]
    fn every_unknown_key_is_reported_with_a_suggestion() {
        let (values, problems) = parse(
            "base_pth = 1\ncron = \"x\"\nhttp.retry_attempt = 3\nwatch = \"off\"\nzzz = 1\n[github.image]\nbranches = \"x\"\n[logs]\nlevel = \"info\"\n",
        );
        assert_eq!(values, [""; 0]);
        assert_eq!(
            problems,
            [
                "f:1: base_pth: is not a known key; did you mean base_path?",
                "f:2: cron: is not a known key; did you mean schedule.cron?",
                "f:3: http.retry_attempt: is not a known key; did you mean http.retry_attempts?",
                "f:4: watch: must be a table ([watch]), is of type string",
                "f:5: zzz: is not a known key",
                "f:7: github.image.branches: is not a known key; did you mean github.image.branch?",
                "f:8: logs: is not a known key; did you mean [log]?",
            ]
        );
    }

    #[test]
    fn only_a_near_key_is_suggested() {
        let table = [
            ("upstream.nope", None),
            ("schedule.nope", None),
            ("abc", None),
            ("github.text.nam", Some("github.text.name")),
            ("htp.concurency", Some("http.concurrency")),
            ("upstream.concurrency", Some("http.concurrency")),
            ("upstream.owner", Some("github.image.owner")),
            ("upstream.text", Some("[github.text]")),
            ("upstream.layuot", Some("upstream.layout")),
            ("upstreams", Some("[[upstream]]")),
            ("htpp", Some("[http]")),
            ("max_removed", Some("guard.max_removed")),
            ("on_trouble", Some("hooks.on_trouble")),
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
    fn the_old_table_beside_the_new_one_is_refused() {
        let (_, problems) = parse("[[upstream]]\nurl = \"/x\"\n[upstream]\nconcurrency = 3\n");
        assert_eq!(
            problems,
            [
                "f:3: is not TOML: duplicate key; write [[upstream]]",
                "f:4: upstream.concurrency: is not a known key; did you mean http.concurrency?",
            ]
        );
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
