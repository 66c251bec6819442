use super::*;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::cycle::{Breaker, Held};
use crate::digest::Digest;
use crate::item::Item;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sample() -> Ledger {
    let mut ledger = Ledger::new(
        [Item::Category(Category::Blip)],
        ["github".to_owned(), "primary".to_owned()],
        Duration::from_mins(1),
    );
    let image = ledger
        .items
        .entry(Category::ImageGeneration.into())
        .or_default();
    image.last = Some(ItemReport {
        models: Some(231),
        dropped: 3,
        v2: Some((Digest::of(b"v2"), 400)),
        legacy_bytes: Some(219),
        held: Some(Held {
            models: 1,
            removed: 230,
            since: Timestamp::UNIX_EPOCH,
            until: None,
            v2_sha256: Digest::of(b"less"),
        }),
        ..ItemReport::unchanged()
    });
    image.last_success = Some(time("2026-11-22T12:00:00.25Z"));
    image.last_change = Some(Timestamp::UNIX_EPOCH);
    image.outcomes = BTreeMap::from([(Outcome::Updated, 1), (Outcome::Failed, 2)]);
    image.convert_seconds = Some(0.001_5);
    image.source = Some("odd \"\\\n".to_owned());
    if let Some(primary) = ledger.upstreams.get_mut("primary") {
        primary.up = false;
        primary.breaker = Breaker::Open;
    }
    ledger
}

fn rendered(ledger: &Ledger) -> String {
    let codes = BTreeMap::from([("200".to_owned(), 3), ("error".to_owned(), 1)]);
    render(&Measured {
        ledger,
        now: time("2026-11-22T12:00:30Z"),
        requests: &BTreeMap::from([("github".to_owned(), codes)]),
        downloaded_bytes: 12_345,
        watch_events: &[("rename", 1)],
    })
}

#[test]
fn the_text_is_the_contract() {
    let contract = include_str!("tests/contract.prom");
    let contract = contract.replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(rendered(&sample()), contract);
}

#[test]
fn every_family_of_the_contract_is_there_once_there_is_something_to_say() {
    let text = rendered(&sample());
    for family in &FAMILIES {
        assert!(
            text.contains(&format!("# TYPE {} ", family.name)),
            "{}",
            family.name
        );
    }
}

/// What the collector refuses: a sample before its TYPE, a family in two places, a timestamp, a bad number.
#[test]
fn the_text_is_what_the_collector_reads() {
    for ledger in [sample(), Ledger::default()] {
        let text = rendered(&ledger);
        assert!(text.ends_with('\n') && !text.contains("# EOF"));
        let mut families = BTreeSet::new();
        let mut series = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            match words.as_slice() {
                ["#", "HELP", name, _, ..] => {
                    assert!(families.insert((*name).to_owned()), "{line}");
                    (*name).clone_into(&mut current);
                }
                ["#", "TYPE", name, kind] => {
                    assert_eq!(*name, current);
                    assert_eq!(name.ends_with("_total"), *kind == "counter", "{line}");
                }
                _ => {
                    let (name, value) = line.rsplit_once(' ').unwrap();
                    assert!(series.insert(name.to_owned()), "{line}");
                    assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
                    let family = name.split('{').next().unwrap();
                    assert_eq!(family, current);
                    let labels = &name[family.len()..];
                    assert!(
                        labels.is_empty() || (labels.starts_with('{') && labels.ends_with("\"}"))
                    );
                }
            }
        }
    }
}
