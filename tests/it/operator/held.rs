//! What a daemon says and does about an update that a guard holds.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{CLIP, assert_published, models, send, waiting};
use crate::common::{World, text, until};

#[test]
fn a_daemon_holds_says_so_once_and_publishes_what_is_accepted() {
    let (full, less) = (models(0..40, "full"), models(0..9, "less"));
    let world = World::new();
    send(&world, &full);
    let metrics = world.path("metrics.prom");
    let daemon = world.setup().text("metrics_file", &metrics).started();
    send(&world, &less);
    daemon.signal(Signal::HUP);
    let held = daemon.wait_state("clip", "held");
    assert_eq!(held["held"]["removed"], 31);
    let words = [
        "clip",
        "held back",
        "it would remove 31 of 40 models",
        "horde-refd accept clip",
    ];
    daemon.wait_lines(1, &words);
    daemon.signal(Signal::HUP);
    daemon.wait_cycles(3);
    assert_eq!(daemon.lines(&["WARN", "held back"]).len(), 1);
    let gauge = |line: &str| fs::read_to_string(&metrics).is_ok_and(|text| text.contains(line));
    until("the metrics have it", || {
        gauge("horde_refd_held{category=\"clip\"} 1")
            && gauge("horde_refd_guard_removed_models{category=\"clip\"} 31")
    });
    assert_published(&world, &full);
    let check = daemon.command(&["status", "--check"]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    // A restart goes on where it was.
    daemon.stop();
    let daemon = world.setup().text("metrics_file", &metrics).started();
    let again = daemon.wait_state("clip", "held");
    assert_eq!(again["held"], held["held"]);
    let accept = daemon.command(&["accept", "clip"]);
    assert_eq!(accept.status.code(), Some(0), "{accept:?}");
    assert_published(&world, &less);
    // Its bytes go once the state that no longer names them is on the disk.
    until("its bytes are gone", || !waiting(&world).exists());
    assert_eq!(daemon.wait_state("clip", "fresh")["held"], Value::Null);
    until("the metrics have it", || {
        gauge("horde_refd_held{category=\"clip\"} 0")
    });
    let nothing = daemon.command(&["accept", "clip"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("nothing of clip is held"));
}

#[test]
fn an_edit_that_empties_is_held_at_once() {
    let full = models(0..40, "full");
    let world = World::new();
    send(&world, &full);
    let daemon = world.started();
    world.rename_into(&world.legacy(CLIP), b"{}\n");
    let held = daemon.wait_state("clip", "held");
    assert_eq!(held["held"]["until"], Value::Null);
    world.rename_into(&world.legacy(CLIP), &full);
    daemon.wait_state("clip", "fresh");
    assert_published(&world, &full);
}
