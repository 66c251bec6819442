//! The shipped rules and the dashboard with the monitors that they are for: Debian's node_exporter and Prometheus.

mod stale;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::need::{need, program_path};
use crate::common::prometheus::parse;
use crate::common::{Ran, World, bare, json, until};

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(name)
}

#[test]
fn the_rules_load_and_pass_their_own_tests() {
    need!("promtool");
    for (verb, file) in [
        ("check", "prometheus/horde-refd.rules.yml"),
        ("test", "prometheus/horde-refd.rules.test.yml"),
    ] {
        let mut command = bare(program_path("promtool").unwrap());
        Ran::of(command.args([verb, "rules"]).arg(packaging(file))).expect(0);
    }
    // Each alert has a test in which it fires.
    let tests = fs::read_to_string(packaging("prometheus/horde-refd.rules.test.yml")).unwrap();
    let rules = fs::read_to_string(packaging("prometheus/horde-refd.rules.yml")).unwrap();
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 9);
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n");
        assert!(tests.contains(&fires), "{alert}");
    }
}

/// Every query of the dashboard.
fn queries() -> Vec<String> {
    fn collect(value: &Value, queries: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(text) if ["expr", "query", "definition"].contains(&name.as_str()) => {
                            queries.push(text.to_owned());
                        }
                        _ => collect(value, queries),
                    }
                }
            }
            Value::Array(members) => {
                for value in members {
                    collect(value, queries);
                }
            }
            _ => {}
        }
    }
    let mut queries = Vec::new();
    collect(&json(&packaging("grafana/horde-refd.json")), &mut queries);
    queries.retain(|query| query != "prometheus");
    queries
}

/// The words of a query that name a metric of ours, with the labels that it filters by.
fn named(query: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (at, _) in query.match_indices("horde_refd_") {
        let rest = &query[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let filter = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .map_or("", |(filter, _)| filter);
        found.insert((name.to_owned(), String::new()));
        for label in filter.split(',').filter(|label| !label.is_empty()) {
            let label = label.split(['=', '!']).next().unwrap();
            found.insert((name.to_owned(), label.to_owned()));
        }
    }
    found
}

#[test]
fn every_query_names_metrics_and_labels_that_exist() {
    let world = World::marked();
    let path = world.path("horde-refd.prom");
    let _daemon = world.setup().text("metrics_file", &path).started();
    until("the metrics file", || path.exists());
    let families = parse(&fs::read_to_string(&path).unwrap()).unwrap();
    let rules = fs::read_to_string(packaging("prometheus/horde-refd.rules.yml")).unwrap();
    let mut asked = queries();
    let panels = asked.len();
    assert!(panels >= 18, "{panels} queries");
    asked.extend(
        rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("expr: "))
            .map(str::to_owned),
    );
    let mut seen = BTreeSet::new();
    for query in &asked {
        for (name, label) in named(query) {
            let family = families.get(&name);
            let family = family.unwrap_or_else(|| panic!("{query}: no metric {name}"));
            // The label of the machine is Prometheus's own.
            let known = label.is_empty()
                || label == "instance"
                || family
                    .samples
                    .keys()
                    .flatten()
                    .any(|(known, _)| *known == label);
            assert!(known, "{query}: {name} has no label {label}");
            seen.insert(name);
        }
    }
    // And the dashboard shows all that is measured.
    let all: BTreeSet<String> = families.into_keys().collect();
    assert_eq!(seen, all);
}
