//! What people see on a terminal: `status --watch`, in place.

use std::fs;

use horde_refd::category::Category;
use rustix::process::Signal;

use crate::common::need::need;
use crate::common::terminal::Terminal;
use crate::common::{Daemon, PROGRAM, World};

/// To the first line and column, then everything below gone.
const IN_PLACE: &str = "\u{1b}[H\u{1b}[J";

fn watch(world: &World) -> Terminal {
    let base = world.mirror().display().to_string();
    Terminal::start(PROGRAM, &["status", "--watch", "--base-path", &base])
}

/// What the terminal shows of each look, without colours.
fn frames(shown: &str) -> Vec<String> {
    let frames = shown.split(IN_PLACE).skip(1);
    let plain = |frame: &str| {
        let mut parts = frame.split("\u{1b}[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
    };
    frames.map(plain).collect()
}

/// The line of a category in the last whole look that has one.
fn row(shown: &str, category: &str) -> String {
    let frames = frames(shown);
    let mut rows = frames.iter().flat_map(|frame| frame.lines());
    let last = rows.rfind(|row| row.starts_with(category) && row.contains("ago"));
    last.unwrap_or_default().to_owned()
}

fn started(world: &World) -> Daemon {
    let daemon = world.started();
    daemon.wait_state("clip", "fresh");
    daemon
}

#[test]
fn watch_updates_in_place_and_a_key_ends_it() {
    need!("python3");
    let world = World::new();
    let daemon = started(&world);
    let mut terminal = watch(&world);
    terminal.wait("a first look", |shown| row(shown, "clip").contains("fresh"));
    fs::write(world.sent(Category::Clip), "{}").unwrap();
    daemon.signal(Signal::HUP);
    let shown = terminal.wait("the news", |shown| row(shown, "clip").contains("held"));
    // Nothing is written but looks in one place, none of which is larger than the terminal.
    assert!(shown.starts_with(IN_PLACE), "{shown:?}");
    let looks = frames(&shown);
    assert!(looks.len() >= 2, "{shown:?}");
    for look in &looks {
        assert!(look.lines().count() <= 24, "{look}");
        for line in look.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    assert!(
        shown.contains("\u{1b}[33mheld\u{1b}[0m"),
        "coloured: {shown:?}"
    );
    // Control and C: the shell learns that it was interrupted, and finds its terminal as it was.
    terminal.keys("\u{3}");
    assert_eq!(terminal.ended(), (-2, true));
    drop(daemon);
}

#[test]
fn watch_goes_on_while_the_daemon_starts_again_and_while_its_status_is_damaged() {
    need!("python3");
    let world = World::new();
    let daemon = started(&world);
    let terminal = watch(&world);
    terminal.wait("a first look", |shown| shown.contains("writer, pid"));
    daemon.kill();
    terminal.wait("its end", |shown| shown.contains("not running (was"));
    let status = world.private().join("status.json");
    fs::write(&status, "{").unwrap();
    let shown = terminal.wait("the damage", |shown| shown.contains("status.json"));
    let damaged = frames(&shown).last().unwrap().clone();
    assert!(
        !damaged.contains("CATEGORY"),
        "an old table stays: {damaged}"
    );
    let daemon = started(&world);
    let pid = format!("pid {}", daemon.pid());
    terminal.wait("the next daemon", |shown| {
        frames(shown).last().is_some_and(|look| look.contains(&pid))
    });
}

#[test]
fn diff_is_coloured_and_as_wide_as_the_terminal() {
    need!("python3");
    let world = World::empty();
    let long = |mark: &str| {
        let words = format!("{mark} {}", "words ".repeat(40));
        format!("{{\"a\": {{\"name\": \"a\", \"description\": \"{words}\"}}}}")
    };
    for mark in ["old", "new"] {
        fs::write(world.sent(Category::Clip), long(mark)).unwrap();
        world.sync(&["clip"]).expect(0);
    }
    let base = world.mirror().display().to_string();
    let terminal = Terminal::start(PROGRAM, &["diff", "clip", "--base-path", &base]);
    let shown = terminal.wait("its end", |shown| shown.contains("\nENDED "));
    let field = shown
        .lines()
        .find(|line| line.contains("description"))
        .unwrap();
    assert!(field.contains("\u{1b}[31m\"old words") && field.contains("\u{1b}[32m\"new words"));
    assert!(field.contains('…'), "{field}");
    let plain = field.replace("\u{1b}[31m", "").replace("\u{1b}[32m", "");
    let plain = plain.replace("\u{1b}[0m", "");
    assert!(plain.trim_end().chars().count() <= 80, "{plain}");
    assert_eq!(terminal.ended(), (0, true));
    // Elsewhere it is plain and whole.
    let piped = world.run(&["diff", "clip"]).expect(0).stdout;
    assert!(!piped.contains('\u{1b}') && piped.contains(&"words ".repeat(40)));
}
