//! horde-refd.toml(5): the configuration file, from the table of keys.
//!
//! 1. Every key has an entry, with its default; a table's keys stand together, in the table's order.
//! 2. What the example configuration shows of upstreams stands here too, in the same words.

use std::fmt::Write;
use std::path::PathBuf;

use crate::config::{Effective, KEYS, Key, Setting, Value, table_help, ways};

/// The page's file name.
pub(super) const NAME: &str = "horde-refd.toml.5";

/// What precedes the keys.
const HEAD: &str = include_str!("configuration.roff");

/// What follows them.
const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n.BR horde\\-refd (1),\n.BR horde\\-refd\\-config (1)\n";

/// The page.
pub(super) fn page() -> String {
    let version = escaped(concat!("horde-refd ", env!("CARGO_PKG_VERSION")));
    let mut page = format!(".TH horde\\-refd.toml 5  \"{version}\" \"horde\\-refd\"\n{HEAD}");
    let defaults = Effective::defaults(PathBuf::new());
    let settings = defaults.settings();
    let mut table = None;
    for key in KEYS {
        let (its_table, name) = key.table_and_name();
        if table != Some(its_table) {
            page += &heading(key, its_table);
            table = Some(its_table);
        }
        let setting = settings.iter().find(|setting| setting.key.name == key.name);
        page += &entry(key, name, setting);
    }
    page += ".SH \"EXAMPLES\"\n";
    for (what, text) in ways() {
        let (what, text) = (escaped(what), verbatim(&text));
        let _infallible = write!(page, "{what}:\n.PP\n.RS 4\n.nf\n{text}.fi\n.RE\n.PP\n");
    }
    page + SEE_ALSO
}

/// The heading of a table, and what it is for.
fn heading(key: &Key, table: &str) -> String {
    let (name, help) = match (table, key.is_of_upstreams()) {
        ("", _) => ("KEYS AT THE TOP".to_owned(), None),
        (_, true) => (format!("[[{table}]]"), Some(UPSTREAMS)),
        (_, false) => (format!("[{table}]"), table_help(table)),
    };
    let help = help.map(|help| escaped(help) + "\n").unwrap_or_default();
    format!(".SH \"{}\"\n{help}", escaped(&name))
}

/// What `[[upstream]]` is, in the first words of the example's.
const UPSTREAMS: &str = "One table for each place that references come from, in order of preference. Without any it is \
                         GitHub alone. The command line's --upstream is used instead of all of them.";

/// A key: its name, what it is for, its default.
fn entry(key: &Key, name: &str, setting: Option<&Setting>) -> String {
    let mut entry = format!(".TP\n.B {}\n{}\n", escaped(name), escaped(key.help));
    // The help of an upstream's key says its default itself: it depends on the layout.
    if key.is_of_upstreams() {
        return entry;
    }
    match setting.map(|setting| &setting.value) {
        Some(Value::Unset) | None => {}
        Some(_) if key.sample.is_some() => {}
        Some(value) => {
            let default = escaped(&value.to_string());
            let _infallible = write!(entry, ".br\nDefault:\n.B {default}\n");
        }
    }
    if let Some(sample) = key.sample {
        let _infallible = write!(entry, ".br\nFor example:\n.B {}\n", escaped(sample));
    }
    entry
}

/// Text for a line of its own: nothing in it is an instruction to the formatter.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('"', "\\(dq");
    let guard = if text.starts_with(['.', '\'']) {
        "\\&"
    } else {
        ""
    };
    guard.to_owned() + &text
}

/// Lines as they are.
fn verbatim(text: &str) -> String {
    text.lines().map(|line| escaped(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_1_every_key_has_its_entry_in_the_tables_order() {
        let page = page();
        let mut rest = page.as_str();
        for key in KEYS {
            let entry = format!(".TP\n.B {}\n", escaped(key.table_and_name().1));
            let (_, after) = rest.split_once(&entry).unwrap_or_else(|| panic!("{key:?}"));
            rest = after;
        }
    }

    #[test]
    fn a_default_is_the_one_that_the_program_has() {
        let page = page();
        let (_, after) = page.split_once(".B retry_attempts\n").unwrap();
        let (_, default) = after.split_once("Default:\n.B ").unwrap();
        let attempts = crate::config::Config::default_for("/m".into())
            .http
            .retry_attempts;
        assert_eq!(default.lines().next(), Some(attempts.to_string().as_str()));
    }

    #[test]
    fn text_is_no_instruction() {
        let table = [
            ("a-b", "a\\-b"),
            (".TH x", "\\&.TH x"),
            ("'quoted'", "\\&'quoted'"),
            ("C:\\new", "C:\\enew"),
        ];
        for (text, expected) in table {
            assert_eq!(escaped(text), expected);
        }
    }
}
