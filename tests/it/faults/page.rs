//! The pages about reliability and threats name tests that exist, and the first is made from its table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether `theme::file::test` stands in `tests/it`.
fn exists(test: &str) -> bool {
    let (file, name) = test.rsplit_once("::").unwrap();
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let place = place.join(file.replace("::", "/"));
    let texts = [place.with_extension("rs"), place.join("mod.rs")];
    let mut texts = texts
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    // The tests of `fuzz` are made by a macro, from lines of their names.
    texts.any(|text| {
        text.contains(&format!("fn {name}(")) || text.contains(&format!("    {name} \""))
    })
}

/// Everything between backticks that looks like the name of a test.
fn named(page: &str) -> BTreeSet<&str> {
    let spans = page.split('`').skip(1).step_by(2);
    spans.filter(|span| span.contains("::")).collect()
}

#[test]
fn every_test_that_a_page_names_exists() {
    for page in ["docs/reliability.md", "docs/threat-model.md"] {
        let text = read(page);
        let named = named(&text);
        assert!(named.len() > 15, "{page} names next to no tests");
        for test in named {
            assert!(exists(test), "{page}: {test}");
        }
    }
}

#[test]
fn the_page_about_reliability_is_that_of_its_table() {
    let (table, page) = (read("tests/reliability.txt"), read("docs/reliability.md"));
    let rows = table
        .lines()
        .filter(|line| line.contains(" | ") && !line.starts_with("# "));
    let mut count = 0;
    for row in rows {
        let [fault, promise, tests] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        assert!(
            page.contains(&format!("| {fault} | {promise} | ")),
            "{fault}: run tests/reliability"
        );
        for test in tests.split(' ') {
            assert!(
                page.contains(&format!("`{test}`")),
                "{test}: run tests/reliability"
            );
        }
        count += 1;
    }
    assert!(count > 30, "{count}");
    let bad = page
        .lines()
        .filter(|line| line.contains("FAILED") || line.contains("not run"));
    assert_eq!(bad.collect::<Vec<_>>(), [""; 0]);
}
