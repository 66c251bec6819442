//! The status file and `horde-refd status` through a daemon's life.

use std::fs;

use serde_json::Value;

use crate::common::origin::{Mood, Origin};
use crate::common::{Daemon, FILES, World, legacy, models, text, time, until};
use rustix::process::Signal;

fn json(daemon: &Daemon) -> Value {
    let output = daemon.command(&["status", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `status --check`: its exit code and its one line.
fn check(daemon: &Daemon) -> (i32, String) {
    let output = daemon.command(&["status", "--check"]);
    let line = text(&output.stdout);
    assert_eq!(line.lines().count(), 1, "{line}");
    (output.status.code().unwrap(), line)
}

#[test]
fn a_fresh_mirror_says_all_that_the_contract_names() {
    let world = World::marked();
    let begun = jiff::Timestamp::now().as_duration().as_secs_f64();
    let daemon = world.started();
    let status = daemon.status().unwrap();
    assert_eq!(status["format"], 2);
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["role"], "writer");
    assert_eq!(status["base_path"], world.mirror().to_str().unwrap());
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    let between = |value: &Value| assert!((begun..=now).contains(&time(value)), "{value}");
    between(&status["since"]);
    between(&status["updated_at"]);
    let categories = status["categories"].as_object().unwrap();
    let names: Vec<_> = categories.keys().map(String::as_str).collect();
    assert_eq!(names, FILES.map(|(category, _, _)| category));
    for (category, _, v2) in FILES {
        let status = &categories[category];
        assert_eq!(status["state"], "fresh", "{category}");
        for key in ["last_check", "last_success", "last_change"] {
            between(&status[key]);
        }
        assert_eq!(status["consecutive_failures"], 0);
        assert!(status["last_error"].is_null() && status["failing_since"].is_null());
        assert_eq!(status["models"], models(v2));
        assert_eq!(status["bytes"], fs::metadata(world.v2(v2)).unwrap().len());
        assert!(status["next_poll"].is_string());
    }
    assert_eq!(check(&daemon).0, 0);
    assert_eq!(json(&daemon)["categories"], status["categories"]);
    let table = text(&daemon.command(&["status"]).stdout);
    for (category, _, v2) in FILES {
        let row = table.lines().find(|line| line.starts_with(category));
        let words: Vec<_> = row.unwrap().split_whitespace().collect();
        let expected = ["fresh", "flat", &models(v2).to_string()];
        assert_eq!(words[1..4], expected, "{table}");
    }
    assert!(!table.contains('\u{1b}'), "no colours for a pipe");
}

#[test]
fn states_come_and_go_and_each_change_is_one_line_in_the_log() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let refresh = || {
        let before = daemon.begun("force");
        let output = daemon.command(&["refresh", "--wait"]);
        assert_eq!(daemon.begun("force"), before + 1);
        output.status.code()
    };
    // failing
    origin.mood(Mood::Fail(404));
    for round in 1..=3 {
        assert_eq!(refresh(), Some(1));
        let status = daemon.wait_state("blip", "failing");
        assert_eq!(status["consecutive_failures"], round);
        assert!(status["last_error"].as_str().unwrap().contains("404"));
        assert!(time(&status["last_check"]) > time(&status["last_success"]));
        assert!(time(&status["failing_since"]) > time(&status["last_success"]));
        assert_eq!(status["models"], 2, "the last good file stays");
    }
    let failing = &["WARN", "category=blip", "404"];
    assert_eq!(daemon.lines(failing).len(), 1, "repeats are for debugging");
    let (code, line) = check(&daemon);
    assert_eq!(code, 1);
    assert!(
        line.contains("blip is failing") && line.contains("404"),
        "{line}"
    );
    // recovered
    origin.mood(Mood::Serve);
    assert_eq!(refresh(), Some(0));
    daemon.wait_state("blip", "fresh");
    let recovered = daemon.lines(&["INFO", "recovered", "category=blip"]);
    assert_eq!(recovered.len(), 1);
    let counted = recovered[0].contains("failures=3") && recovered[0].contains("failing_seconds=");
    assert!(counted, "{recovered:?}");
    assert_eq!(check(&daemon).0, 0);
    // modified counts as healthy
    fs::write(world.legacy("clip.json"), legacy("clip.json", "edited")).unwrap();
    daemon.wait_state("clip", "modified");
    assert_eq!(check(&daemon).0, 0);
    // rejected does not
    fs::write(world.legacy("clip.json"), "{").unwrap();
    let status = daemon.wait_state("clip", "rejected");
    assert!(status["last_error"].as_str().unwrap().contains("clip.json"));
    assert_eq!(check(&daemon).0, 1);
    assert_eq!(refresh(), Some(0));
    daemon.wait_state("clip", "fresh");
    // limited
    origin.mood(Mood::Limit(600));
    assert_eq!(refresh(), Some(1));
    let status = daemon.wait_state("blip", "limited");
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    assert!(time(&status["next_poll"]) > now + 500.0, "{status}");
    let (code, line) = check(&daemon);
    assert!(code == 1 && line.contains("blip is limited"), "{line}");
}

#[test]
fn what_was_never_fetched_is_absent() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(404)));
    let daemon = origin.of(world.setup()).started();
    let status = daemon.wait_state("blip", "absent");
    assert!(status["last_success"].is_null() && status["models"].is_null());
    assert!(status["last_error"].as_str().unwrap().contains("404"));
    let (code, line) = check(&daemon);
    assert!(code == 1 && line.contains("blip is absent"), "{line}");
    origin.mood(Mood::Serve);
    daemon.signal(Signal::HUP);
    daemon.wait_state("blip", "fresh");
}

#[test]
fn a_success_that_is_too_long_ago_is_stale_without_a_writer_saying_so() {
    let world = World::marked();
    let daemon = world.setup().set("stale_after", "\"1s\"").started();
    let fresh = daemon.status().unwrap();
    until("stale", || check(&daemon).0 == 1);
    let (_, line) = check(&daemon);
    assert!(line.contains("blip is stale"), "{line}");
    assert_eq!(json(&daemon)["categories"]["blip"]["state"], "stale");
    // Each success has its own time, so they grow old one after the other.
    until("all are stale", || {
        let table = text(&daemon.command(&["status"]).stdout);
        table.matches("stale").count() == 10
    });
    // The file itself says what it said.
    let written = daemon.status().unwrap();
    let blip = |status: &Value| status["categories"]["blip"].clone();
    assert_eq!(written["categories"], fresh["categories"]);
    daemon.command(&["refresh", "--wait"]);
    let again = blip(&daemon.status().unwrap());
    assert_eq!(again["state"], "fresh");
    assert!(time(&again["last_success"]) > time(&blip(&written)["last_success"]));
}

#[test]
fn a_dead_daemon_is_unhealthy() {
    let world = World::marked();
    let mut daemon = world.started();
    daemon.signal(Signal::KILL);
    daemon.wait();
    let (code, line) = check(&daemon);
    assert!(code == 1 && line.contains("is not running"), "{line}");
}

#[test]
fn a_local_look_does_not_end_a_failure_of_the_upstream() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Fail(404));
    daemon.command(&["refresh", "--wait"]);
    let before = daemon.wait_state("blip", "failing");
    daemon.cycles_caused_by(|| fs::write(world.v2("blip.json"), "nonsense").unwrap());
    world.wait_v2("blip.json", "upstream");
    let after = daemon.wait_state("blip", "failing");
    assert_eq!(after["last_success"], before["last_success"]);
    assert_eq!(after["last_check"], before["last_check"]);
    assert_eq!(after["consecutive_failures"], 1);
    assert!(daemon.lines(&["recovered"]).is_empty());
}

#[test]
fn a_restart_knows_what_was_before_it_even_while_the_upstream_hangs() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    let before = daemon.wait_state("blip", "fresh");
    let _ = daemon.stop();
    origin.mood(Mood::Hang);
    let daemon = origin.of(world.setup()).start();
    origin.requests_after(10, 1);
    let after = daemon.wait_state("blip", "fresh");
    for key in ["last_success", "last_change", "models", "bytes"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(check(&daemon).0, 0);
}

#[test]
fn a_rate_limit_is_one_line_however_often_its_end_moves() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Limit(1)));
    let daemon = origin.of(world.setup()).started();
    let mut ends = std::collections::BTreeSet::new();
    until("a hold that was lengthened twice", || {
        daemon.command(&["refresh", "--wait"]);
        let status = daemon.status().unwrap();
        ends.insert(status["categories"]["blip"]["last_error"].to_string());
        ends.len() >= 3
    });
    let said = daemon.lines(&["WARN", "category=blip", "cannot be refreshed"]);
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn the_first_status_after_a_restart_knows_of_a_limit() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let daemon = origin.of(world.setup()).started();
    origin.mood(Mood::Limit(3600));
    daemon.command(&["refresh", "--wait"]);
    daemon.wait_state("blip", "limited");
    let _ = daemon.stop();
    let daemon = origin.of(world.setup()).start();
    let first = daemon.wait_status("the first status", |_| true);
    assert_eq!(first["categories"]["blip"]["state"], "limited");
}

#[test]
fn a_momentary_emptiness_is_no_line_in_the_log() {
    let world = World::marked();
    let daemon = world.started();
    let file = fs::File::create(world.legacy("clip.json")).unwrap();
    daemon.wait_state("clip", "failing");
    fs::write(world.legacy("clip.json"), legacy("clip.json", "edited")).unwrap();
    drop(file);
    daemon.wait_state("clip", "modified");
    let lines = daemon.lines(&["category=clip", "cannot be refreshed", "WARN"]);
    assert_eq!(lines, [""; 0]);
    assert_eq!(daemon.lines(&["recovered"]), [""; 0]);
}

#[test]
fn a_daemon_that_hangs_with_a_poll_overdue_is_unhealthy() {
    let world = World::marked();
    let daemon = world
        .setup()
        .set("schedule.cron", "\"* * * * * *\"")
        .started();
    daemon.wait_cycles(2);
    assert_eq!(check(&daemon).0, 0);
    daemon.signal(Signal::STOP);
    until("it is overdue", || check(&daemon).0 == 1);
    let (_, line) = check(&daemon);
    let pid = daemon.pid();
    assert!(
        line.starts_with(&format!(
            "WARNING: the daemon (pid {pid}) hangs: its poll is overdue"
        )),
        "{line}"
    );
    daemon.signal(Signal::CONT);
    until("it goes on", || check(&daemon).0 == 0);
}

#[test]
fn a_daemon_that_waits_for_an_upstream_is_not_overdue() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let setup = origin.of(world.setup());
    let setup = setup.set("schedule.cron", "\"* * * * * *\"");
    let daemon = setup.set("http.read_timeout", "\"20s\"").started();
    origin.mood(Mood::Hang);
    let asked = origin.requests().len();
    origin.requests_after(asked, 1);
    let cycles = daemon.cycles();
    let first = daemon.status().unwrap()["updated_at"].clone();
    // It speaks while it waits, so what it promised is never long ago.
    daemon.wait_status("it speaks", |status| {
        status["updated_at"] != first && time(&status["updated_at"]) > time(&first) + 5.0
    });
    assert_eq!(daemon.cycles(), cycles, "the cycle was over");
    let (_, line) = check(&daemon);
    assert!(!line.contains("overdue"), "{line}");
}

#[test]
fn a_status_that_cannot_be_written_is_unhealthy() {
    if !crate::common::need::is_root() {
        crate::common::need::skip!("mounting needs root");
    }
    let world = World::marked();
    let runtime = world.path("run");
    let mount = |options: &str| {
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]);
        assert!(command.arg(&runtime).status().unwrap().success());
    };
    mount("size=1m");
    let daemon = world
        .setup()
        .set("schedule.cron", "\"* * * * * *\"")
        .started();
    daemon.wait_cycles(2);
    assert_eq!(check(&daemon).0, 0);
    // The disk that the status lies on is full, also of what a status leaves that was being replaced meanwhile.
    let fill = || {
        let mut options = fs::OpenOptions::new();
        let file = options.append(true).create(true);
        let mut file = file.open(runtime.join("fill")).unwrap();
        while std::io::Write::write(&mut file, &[0; 512]).is_ok() {}
    };
    until("it is overdue", || {
        fill();
        check(&daemon).0 == 1
    });
    let (_, line) = check(&daemon);
    assert!(line.contains("its poll is overdue"), "{line}");
    fs::remove_file(runtime.join("fill")).unwrap();
    until("it is well", || check(&daemon).0 == 0);
    daemon.kill();
    let mut command = std::process::Command::new("umount");
    let _ = command.arg("-l").arg(&runtime).status();
}

#[test]
fn a_wait_ends_when_every_category_is_published_also_before_there_is_anything() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(503)));
    // Neither mirror nor daemon.
    let over = world.run(&["status", "--wait", "200ms"]).expect(1);
    assert!(over.stderr.contains("still not published in"), "{over:?}");
    assert!(over.stderr.contains("image_generation"), "{over:?}");
    assert_eq!(over.stdout, "");
    assert!(!world.mirror().exists());
    let mut waiting = world.command(&["status", "--wait", "30s"]);
    waiting.env("RUNTIME_DIRECTORY", world.path("run"));
    let mut waiting = waiting.stdout(std::process::Stdio::null()).spawn().unwrap();
    let daemon = origin.of(world.setup()).started();
    // It has said that everything is absent.
    daemon.wait_state("blip", "absent");
    assert!(
        waiting.try_wait().unwrap().is_none(),
        "nothing was published"
    );
    origin.mood(Mood::Serve);
    daemon.signal(Signal::HUP);
    assert!(waiting.wait().unwrap().success());
    assert_eq!(world.assert_whole(), FILES.len());
    // Afterwards it is `status`, or its check.
    let output = daemon.command(&["status", "--wait", "1s", "--check"]);
    assert!(text(&output.stdout).starts_with("OK: "), "{output:?}");
}

#[test]
fn a_clock_that_was_ahead_leaves_nothing_that_looks_fresh() {
    crate::common::need::need!("faketime");
    let world = World::marked();
    let mut sync = crate::common::program_under(&["faketime", "-f", "+9y"]);
    sync.args(["sync", "-q", "--layout", "flat", "--base-path"]);
    sync.arg(world.mirror())
        .arg("--upstream")
        .arg(world.upstream());
    assert!(sync.status().unwrap().success());
    let shown = world.run(&["status", "--check"]).expect(1);
    assert!(shown.stdout.contains("clip is stale"), "{shown:?}");
}
