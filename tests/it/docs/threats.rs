//! Every line of the threat model is held by something that is there: a test by its name, or a file.
//!
//! 1. In a table whose last column is `held by` each row names what holds it, in backticks.
//! 2. `theme::file::name` is a test of `tests/it/theme/`; anything with a slash is a file of the repository.
//! 3. A row that nothing can hold says so in words, in that column.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 2] = ["SECURITY.md", "docs/threat-model.md"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The last cells of the rows of every table that ends in `held by`, each with its row.
fn held_by(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut held = false;
    for line in text.lines() {
        let row = line.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
        let Some((_, last)) = row.and_then(|row| row.rsplit_once('|')) else {
            held = false;
            continue;
        };
        match last.trim() {
            "held by" => held = true,
            "---" => {}
            last if held => found.push((line, last)),
            _ => {}
        }
    }
    found
}

/// The name that a line declares: after `fn`, or, where a macro makes tests of words, before a quoted one.
fn declared(line: &str, made: bool) -> Option<&str> {
    let line = line.trim_start();
    let function = line
        .strip_prefix("async fn ")
        .or_else(|| line.strip_prefix("fn "));
    match function {
        Some(rest) => rest.split(['(', '<']).next(),
        None if made => line.split_once(" \"").map(|(name, _)| name),
        None => None,
    }
}

/// The names of a source's tests.
fn tests_of(source: &str) -> BTreeSet<&str> {
    let made = source.contains("\nmacro_rules! ");
    let (mut found, mut marked) = (BTreeSet::new(), false);
    for line in source.lines() {
        if line.trim_start().starts_with(['#', '/']) {
            marked |= line.trim_start().starts_with("#[") && line.contains("test");
            continue;
        }
        if let Some(name) = declared(line, made)
            && (marked || !line.contains("fn "))
        {
            found.insert(name);
        }
        marked = false;
    }
    found
}

/// The file of a test's module: `a::b` is `a/b.rs` or `a/b/mod.rs` below `tests/it`.
fn file_of(module: &str) -> Option<PathBuf> {
    let below = repository()
        .join("tests/it")
        .join(module.replace("::", "/"));
    [below.with_extension("rs"), below.join("mod.rs")]
        .into_iter()
        .find(|file| file.is_file())
}

/// Why a name holds nothing, if it does not.
fn missing(name: &str) -> Option<String> {
    if name.contains('/') {
        let there = repository().join(name).exists();
        return (!there).then(|| format!("there is no file {name}"));
    }
    let Some((module, test)) = name.rsplit_once("::") else {
        return Some(format!("{name} is neither a file nor a test"));
    };
    let Some(file) = file_of(module) else {
        return Some(format!("there is no module {module} for {name}"));
    };
    let there = tests_of(&read(&file)).contains(test);
    (!there).then(|| format!("there is no test {test} in {}", file.display()))
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for document in DOCUMENTS {
        let text = read(&repository().join(document));
        for (row, held) in held_by(&text) {
            if held.is_empty() {
                wrong.push(format!("{document}: nothing holds {row}"));
            }
            for name in quoted(held) {
                count += 1;
                wrong.extend(missing(name).map(|why| format!("{document}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 30, "{count} names");
}

#[test]
fn a_name_that_holds_nothing_would_be_found() {
    let here = "docs::threats::a_name_that_holds_nothing_would_be_found";
    for (name, there) in [
        (here, true),
        ("fuzz::any_json_is_read_and_written_or_refused", true),
        ("tests/run", true),
        ("docs::threats::a_name_that_is_not_there", false),
        // A function, but no test.
        ("docs::threats::held_by", false),
        ("docs::nowhere::a_name", false),
        ("tests/nothing", false),
        ("a word", false),
    ] {
        assert_eq!(missing(name).is_none(), there, "{name}");
    }
    let table = "| a | held by |\n| --- | --- |\n| row | `x::y` |\n| bare | |\n\n| a | b |\n| --- | --- |\n| c | d |\n";
    let held: Vec<&str> = held_by(table).into_iter().map(|(_, held)| held).collect();
    assert_eq!(held, ["`x::y`", ""]);
}
