//! The metrics file of a running daemon, read as node_exporter reads it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::origin::{Mood, Origin};
use crate::common::prometheus::{Family, parse};
use crate::common::{FILES, World, legacy, models, until};

fn read(path: &Path) -> BTreeMap<String, Family> {
    parse(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_family_of_the_contract_is_there_and_tells_the_truth() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let path = world.path("horde-refd.prom");
    let setup = origin.of(world.setup());
    let daemon = setup.text("metrics_file", &path).started();
    until("the metrics file", || path.exists());
    let first = read(&path);
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    let contract = [
        "horde_refd_build_info",
        "horde_refd_convert_seconds",
        "horde_refd_downloaded_bytes_total",
        "horde_refd_dropped_records",
        "horde_refd_guard_removed_models",
        "horde_refd_held",
        "horde_refd_last_change_timestamp_seconds",
        "horde_refd_last_success_timestamp_seconds",
        "horde_refd_models",
        "horde_refd_pinned",
        "horde_refd_published_bytes",
        "horde_refd_refreshes_total",
        "horde_refd_served_by",
        "horde_refd_stale",
        "horde_refd_upstream_requests_total",
        "horde_refd_upstream_up",
        "horde_refd_watch_events_total",
    ];
    assert_eq!(names, contract);
    assert_eq!(first["horde_refd_build_info"].kind, "gauge");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(first["horde_refd_build_info"].get(&version), Some(1.0));
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    for (category, file, v2) in FILES {
        let label = [("category", category)];
        let get = |family: &str| first[family].get(&label).unwrap();
        assert_eq!(get("horde_refd_models"), models(v2) as f64);
        assert_eq!(get("horde_refd_stale"), 0.0);
        assert!(get("horde_refd_convert_seconds") > 0.0);
        for family in [
            "horde_refd_last_success_timestamp_seconds",
            "horde_refd_last_change_timestamp_seconds",
        ] {
            assert!((now - 60.0..=now).contains(&get(family)), "{family}");
        }
        let updated = [("category", category), ("outcome", "updated")];
        assert_eq!(first["horde_refd_refreshes_total"].get(&updated), Some(1.0));
        for (format, path) in [("legacy", world.legacy(file)), ("v2", world.v2(v2))] {
            let bytes = fs::metadata(path).unwrap().len() as f64;
            let labels = [("category", category), ("format", format)];
            assert_eq!(
                first["horde_refd_published_bytes"].get(&labels),
                Some(bytes)
            );
        }
    }
    let bodies: usize = FILES
        .iter()
        .map(|(_, file, _)| legacy(file, "upstream").len())
        .sum();
    assert_eq!(
        first["horde_refd_downloaded_bytes_total"].get(&[]),
        Some(bodies as f64)
    );
    let answered = |families: &BTreeMap<String, Family>, code: &str| {
        families["horde_refd_upstream_requests_total"].get(&[("upstream", "flat"), ("code", code)])
    };
    assert_eq!(answered(&first, "200"), Some(10.0));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    // It is written after every cycle, failed ones too.
    origin.mood(Mood::Fail(404));
    daemon.command(&["refresh", "--wait"]);
    until("the failures", || {
        answered(&read(&path), "404") == Some(10.0)
    });
    let second = read(&path);
    let failed = [("category", "blip"), ("outcome", "failed")];
    assert_eq!(second["horde_refd_refreshes_total"].get(&failed), Some(1.0));
    let success = "horde_refd_last_success_timestamp_seconds";
    assert_eq!(first[success].samples, second[success].samples);
    // An edit is an event, and a conversion.
    fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
    world.wait_v2("blip.json", "edited");
    let closed = [("kind", "close_write")];
    let events = |families: &BTreeMap<String, Family>| {
        families["horde_refd_watch_events_total"]
            .get(&closed)
            .unwrap_or_default()
    };
    until("the event", || events(&read(&path)) > events(&second));
    let updated = [("category", "blip"), ("outcome", "updated")];
    until("the update", || {
        read(&path)["horde_refd_refreshes_total"].get(&updated) == Some(2.0)
    });
}

#[test]
fn counters_are_there_before_they_count() {
    // A directory is no host: there is no request to count.
    let world = World::marked();
    let path = world.path("horde-refd.prom");
    let _daemon = world.setup().text("metrics_file", &path).started();
    until("the metrics file", || path.exists());
    let families = read(&path);
    let requests = &families["horde_refd_upstream_requests_total"];
    assert!(
        requests
            .get(&[("upstream", "flat"), ("code", "200")])
            .is_some()
    );
    for outcome in ["updated", "unchanged", "rejected", "failed"] {
        let labels = [("category", "blip"), ("outcome", outcome)];
        let count = families["horde_refd_refreshes_total"].get(&labels);
        assert_eq!(count, Some(f64::from(outcome == "updated")), "{outcome}");
    }
    let events = &families["horde_refd_watch_events_total"];
    assert_eq!(events.samples.len(), 7);
}

#[test]
fn counters_never_fall_and_the_file_is_never_half_written() {
    let world = World::marked();
    let path = world.path("horde-refd.prom");
    let setup = world.setup().text("metrics_file", &path);
    let daemon = setup.set("schedule.cron", "\"* * * * * *\"").started();
    until("the metrics file", || path.exists());
    let (mut last, mut seen) = (0.0, 0);
    let begun = daemon.cycles();
    // A tick and a signal a second, which meet or follow each other.
    until("eight writes", || {
        daemon.signal(rustix::process::Signal::HUP);
        let now = read(&path)["horde_refd_refreshes_total"].sum();
        assert!(now >= last, "{now} after {last}");
        seen += usize::from(now > last);
        last = now;
        seen >= 8
    });
    assert!(daemon.cycles() >= begun + 7);
}

#[test]
fn a_metrics_file_that_cannot_be_written_is_reported_once_and_harms_nothing() {
    let world = World::marked();
    let path = world.path("nowhere/horde-refd.prom");
    let daemon = world.setup().text("metrics_file", &path).started();
    for _ in 0..3 {
        let refresh = daemon.command(&["refresh", "--wait"]);
        assert_eq!(refresh.status.code(), Some(0), "{refresh:?}");
    }
    assert_eq!(
        daemon
            .lines(&["ERROR", "horde-refd.prom", "cannot write our own report"])
            .len(),
        1
    );
    fs::create_dir(world.path("nowhere")).unwrap();
    daemon.command(&["refresh", "--wait"]);
    until("it is written", || path.exists());
}
