//! The hook of a running daemon.

use std::fs;

use crate::common::{Setup, World, legacy, until};
use rustix::process::Signal;

fn with_script<'a>(world: &'a World, script: &str) -> Setup<'a> {
    let hook = serde_json::json!(["sh", "-c", script, "hook", world.path("out")]);
    world.setup().set("hooks.on_change", &hook.to_string())
}

fn lines(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.path("out")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn it_runs_after_a_change_and_learns_what_changed() {
    let world = World::marked();
    let script = r#"echo "$HORDE_REFD_CHANGED|$HORDE_REFD_BASE_PATH" >> "$1"; echo some output"#;
    let daemon = with_script(&world, script).started();
    until("the first run", || lines(&world).len() == 1);
    let all: Vec<_> = lines(&world)[0].split('|').map(str::to_owned).collect();
    assert_eq!(all[0].split(' ').count(), 10, "{all:?}");
    assert_eq!(all[1], world.mirror().to_str().unwrap());
    daemon.wait_lines(1, &["some output"]);
    // Nothing changed, nothing runs.
    daemon.signal(Signal::HUP);
    daemon.wait_status("the refresh", |status| !status["last_forced"].is_null());
    fs::write(world.legacy("clip.json"), legacy("clip.json", "edited")).unwrap();
    until("the second run", || lines(&world).len() >= 2);
    assert_eq!(lines(&world)[1..], [format!("clip|{}", all[1])]);
    // What the upstream brings counts as well, and so does what was restored for the readers.
    world.publish("blip.json", "newer");
    daemon.signal(Signal::HUP);
    until("the third run", || lines(&world).len() >= 3);
    assert!(
        lines(&world)[2].starts_with("blip clip|"),
        "{:?}",
        lines(&world)
    );
    fs::write(world.v2("esrgan.json"), "nonsense").unwrap();
    until("the fourth run", || lines(&world).len() >= 4);
    assert!(
        lines(&world)[3].starts_with("esrgan|"),
        "{:?}",
        lines(&world)
    );
}

#[test]
fn it_never_runs_beside_itself_and_misses_nothing() {
    let world = World::marked();
    // A run that finds another at work says so.
    let script = r#"mkdir "$1.lock" || echo TWICE >> "$1"
        echo "$HORDE_REFD_CHANGED" >> "$1"
        until [ -e "$1.go" ]; do sleep 0.01; done
        rmdir "$1.lock""#;
    let daemon = with_script(&world, script).started();
    until("the first run", || lines(&world).len() == 1);
    for file in ["blip.json", "clip.json", "esrgan.json"] {
        fs::write(world.legacy(file), legacy(file, "edited")).unwrap();
        world.wait_v2(file, "edited");
    }
    daemon.wait_state("esrgan", "modified");
    assert_eq!(lines(&world).len(), 1, "it still runs");
    fs::write(world.path("out.go"), "").unwrap();
    until("the second run", || lines(&world).len() >= 2);
    assert_eq!(lines(&world)[1], "blip clip esrgan");
    fs::write(world.legacy("blip.json"), legacy("blip.json", "again")).unwrap();
    until("the third run", || lines(&world).len() >= 3);
    assert_eq!(lines(&world)[2..], ["blip"]);
}

#[test]
fn one_that_does_not_end_is_killed() {
    let world = World::marked();
    let script = r#"echo $$ >> "$1"; sleep 600; echo survived >> "$1""#;
    let setup = with_script(&world, script);
    let daemon = setup.set("hooks.timeout", "\"200ms\"").started();
    daemon.wait_lines(1, &["hook", "timeout", "killed"]);
    let pid = lines(&world)[0].clone();
    until("it is gone", || {
        !std::path::Path::new(&format!("/proc/{pid}")).exists()
    });
    // The next change runs the next one.
    fs::write(world.legacy("blip.json"), legacy("blip.json", "edited")).unwrap();
    until("the second run", || lines(&world).len() >= 2);
    daemon.wait_state("blip", "modified");
}

#[test]
fn its_failure_is_reported_and_changes_nothing() {
    let world = World::marked();
    let daemon = with_script(&world, "exit 7").started();
    daemon.wait_lines(1, &["WARN", "the hook failed", "7"]);
    daemon.wait_state("blip", "fresh");
    assert_eq!(
        daemon.command(&["status", "--check"]).status.code(),
        Some(0)
    );
    drop(daemon);
    let world = World::marked();
    let missing = world.path("missing");
    let hook = serde_json::json!([missing]).to_string();
    let daemon = world.setup().set("hooks.on_change", &hook).started();
    daemon.wait_lines(1, &["WARN", "the hook cannot be started"]);
    assert_eq!(world.assert_whole(), 10);
}

/// Waits until the state says that the hook saw everything as it is published.
fn wait_noted(world: &World) {
    until("what the hook saw is noted", || {
        let (manifest, state) = (world.manifest(), world.state());
        let mut published = manifest["categories"].as_object().unwrap().iter();
        published.all(|(category, entry)| {
            let digests = [&entry["v2"]["sha256"], &entry["legacy"]["sha256"]];
            let saw = state["hook_saw"][category].as_array();
            saw.is_some_and(|saw| saw.iter().eq(digests))
        })
    });
}

/// A hook that a stop cut short, or whose change was published while no daemon ran, was lost for ever.
#[test]
fn what_it_has_not_seen_to_its_end_is_handed_to_it_after_a_restart() {
    for signal in [Signal::TERM, Signal::KILL] {
        let world = World::marked();
        let script = r#"echo "begins $HORDE_REFD_CHANGED" >> "$1"
            until [ -e "$1.go" ]; do sleep 0.01; done
            echo "ends $HORDE_REFD_CHANGED" >> "$1""#;
        let go = world.path("out.go");
        fs::write(&go, "").unwrap();
        let daemon = with_script(&world, script).started();
        until("the first run", || lines(&world).len() == 2);
        wait_noted(&world);
        fs::remove_file(&go).unwrap();
        world.publish("clip.json", "newer");
        daemon.signal(Signal::HUP);
        until("the run for the change", || lines(&world).len() == 3);
        if signal == Signal::KILL {
            daemon.kill();
        } else {
            daemon.stop();
        }
        world.publish("blip.json", "newer");
        world.sync(&["blip"]).expect(0);
        fs::write(&go, "").unwrap();
        let daemon = with_script(&world, script).started();
        until("both are handed on", || {
            lines(&world).iter().any(|line| line == "ends blip clip")
        });
        wait_noted(&world);
        daemon.stop();
        // What it has seen is not handed on again.
        let seen = lines(&world);
        let daemon = with_script(&world, script).started();
        daemon.wait_cycles(1);
        daemon.stop();
        assert_eq!(lines(&world), seen, "{signal:?}");
    }
}

#[test]
fn trouble_is_said_once_when_it_begins_and_once_when_it_ends() {
    use crate::common::origin::{Mood, Origin};
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let script = r#"echo "$HORDE_REFD_CATEGORY$HORDE_REFD_UPSTREAM|$HORDE_REFD_STATE|$HORDE_REFD_ERROR|$HORDE_REFD_BASE_PATH" >> "$1""#;
    let hook = serde_json::json!(["sh", "-c", script, "hook", world.path("out")]);
    let setup = || {
        origin
            .of(world.setup())
            .set("hooks.on_trouble", &hook.to_string())
    };
    let daemon = setup().started();
    let refresh = |daemon: &crate::common::Daemon| {
        daemon.command(&["refresh", "--wait"]);
    };
    refresh(&daemon);
    assert_eq!(lines(&world), [""; 0], "all was well from the beginning");
    origin.mood(Mood::Fail(503));
    refresh(&daemon);
    refresh(&daemon);
    // Ten categories and their upstream, each once.
    until("eleven runs", || lines(&world).len() >= 11);
    let mut heard = lines(&world);
    heard.sort();
    let base = world.mirror();
    let clip = heard.iter().find(|line| line.starts_with("clip|")).unwrap();
    assert!(
        clip.starts_with("clip|failing|") && clip.contains("503"),
        "{clip}"
    );
    assert!(clip.ends_with(base.to_str().unwrap()), "{clip}");
    assert!(
        heard.iter().any(|line| line.starts_with("flat|down|")),
        "{heard:?}"
    );
    // A restart in the middle is no news.
    let (status, _) = daemon.stop();
    assert!(status.success());
    let daemon = setup().started();
    refresh(&daemon);
    origin.mood(Mood::Serve);
    refresh(&daemon);
    until("all are heard well", || lines(&world).len() >= 22);
    let again = lines(&world).split_off(11);
    assert!(
        again.iter().any(|line| line.starts_with("clip|fresh||")),
        "{again:?}"
    );
    assert!(
        again.iter().any(|line| line.starts_with("flat|up||")),
        "{again:?}"
    );
    refresh(&daemon);
    assert_eq!(lines(&world).len(), 22);
}
