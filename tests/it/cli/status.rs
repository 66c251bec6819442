//! `horde-refd status`, through the real program, on status files that a daemon could have written.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use horde_refd::disk::Dir;
use horde_refd::ledger::process::Process as Writer;
use horde_refd::mirror::Lock;
use serde_json::{Value, json};

use crate::common::{PROGRAM, Ran, World, bare, program, until};

fn status(mirror: &Path) -> Command {
    let mut command = program();
    command.args(["status", "--base-path"]).arg(mirror);
    command
}

fn stdout(command: &mut Command, code: i32) -> String {
    Ran::of(command).expect(code).stdout
}

/// A status file of a daemon that is this test, with one category of which the last success was so long ago.
fn write_status(directory: &Path, mirror: &Path, seconds_ago: i64) {
    let now = jiff::Timestamp::now();
    let then = jiff::Timestamp::from_second(now.as_second() - seconds_ago).unwrap();
    let writer = serde_json::to_value(Writer::current()).unwrap();
    let mut file = json!({
        "format": 2, "version": "0.1.0", "since": then, "role": "writer", "base_path": mirror,
        "updated_at": then, "next_poll": null, "last_forced": null,
        "cycles": 1, "stale_after_seconds": 3600,
        "categories": {"image_generation": {"state": "fresh", "last_success": then, "models": 231}},
    });
    file.as_object_mut()
        .unwrap()
        .extend(writer.as_object().unwrap().clone());
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("status.json"), file.to_string()).unwrap();
}

#[test]
fn a_healthy_daemon_is_shown_and_passes_the_check() {
    let mirror = tempfile::tempdir().unwrap();
    write_status(&mirror.path().join(".horde-refd"), mirror.path(), 5);
    let text = stdout(&mut status(mirror.path()), 0);
    assert!(text.contains(": writer, pid "), "{text}");
    let row = text
        .lines()
        .find(|line| line.starts_with("image_generation"))
        .unwrap();
    assert_eq!(row.split_whitespace().nth(1), Some("fresh"));
    assert!(!text.contains('\u{1b}'), "no colours into a pipe: {text:?}");
    let colored = stdout(status(mirror.path()).args(["--color", "always"]), 0);
    assert!(colored.contains("\u{1b}[32mfresh\u{1b}[0m"), "{colored:?}");
    let check = stdout(status(mirror.path()).arg("--check"), 0);
    assert_eq!(check, "OK: every category is fresh (1)\n");
}

#[test]
fn old_success_is_stale_without_the_daemon_saying_so() {
    let (mirror, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_status(runtime.path(), mirror.path(), 7200);
    let with_runtime = |args: &[&str]| {
        let mut command = status(mirror.path());
        command.env("RUNTIME_DIRECTORY", runtime.path()).args(args);
        command
    };
    let json: Value = serde_json::from_str(&stdout(&mut with_runtime(&["--json"]), 0)).unwrap();
    assert_eq!(json["categories"]["image_generation"]["state"], "stale");
    assert_eq!(json["pid"], std::process::id());
    let check = stdout(&mut with_runtime(&["--check"]), 1);
    assert_eq!(
        check,
        "WARNING: image_generation is stale, last success 2h 0m ago\n"
    );
    let check: Value =
        serde_json::from_str(&stdout(&mut with_runtime(&["--check", "--json"]), 1)).unwrap();
    assert_eq!(check["healthy"], false);
}

#[test]
fn without_a_daemon_the_manifest_says_what_is_there() {
    let mirror = tempfile::tempdir().unwrap();
    let sha256 = "0".repeat(64);
    let url = "https://example.org/clip.json";
    let source = json!({"upstream": "github", "url": url, "etag": null, "last_modified": null});
    let manifest = json!({"format": 2, "generator": "horde-refd 0.1.0", "categories": {"clip": {
        "v2": {"file": "clip.json", "sha256": sha256, "bytes": 10, "models": 2, "dropped": 0},
        "made_from": {"form": "legacy", "sha256": sha256, "on_invalid_record": "reject"},
        "legacy": {"file": "legacy/clip.json", "sha256": sha256, "bytes": 10, "source": source},
        "source": source,
        "published_at": "2026-01-01T00:00:00Z",
    }}});
    std::fs::write(mirror.path().join("manifest.json"), manifest.to_string()).unwrap();
    let v2 = mirror.path().join("clip.json");
    std::fs::write(&v2, "{\"a\": 123}").unwrap();
    let text = stdout(&mut status(mirror.path()), 0);
    let own = mirror.path().join(".horde-refd/status.json");
    let first = format!(
        "no daemon has run on the mirror {} (looked for /run/horde-refd/status.json and {})",
        mirror.path().display(),
        own.display()
    );
    assert!(text.starts_with(&first), "{text}");
    let state = |name: &str| {
        let row = text
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name))
            .unwrap();
        row.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(state("clip"), "stale");
    assert_eq!(state("blip"), "absent");
    let json: Value =
        serde_json::from_str(&stdout(status(mirror.path()).arg("--json"), 0)).unwrap();
    assert_eq!(json["categories"]["clip"]["models"], 2);
    assert_eq!(json["categories"]["clip"]["source"], "github");
    // Everything that a status file has, as far as it is known.
    for unknown in "pid host version since role updated_at next_poll stale_after_seconds".split(' ')
    {
        assert_eq!(json.get(unknown), Some(&Value::Null), "{unknown}");
    }
    assert_eq!(json["upstreams"], json!({}));
    let check = stdout(status(mirror.path()).arg("--check"), 1);
    assert!(check.starts_with("WARNING: no daemon has run"), "{check}");
    std::fs::remove_file(v2).unwrap();
    let json = stdout(status(mirror.path()).arg("--json"), 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["categories"]["clip"]["state"], "absent");
}

#[test]
fn a_published_file_that_is_gone_or_cut_is_not_fresh_whatever_was_noted() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let state = |category: &str| {
        let json: Value =
            serde_json::from_str(&stdout(status(&world.mirror()).arg("--json"), 0)).unwrap();
        json["categories"][category]["state"].clone()
    };
    assert_eq!(
        (state("clip"), state("blip")),
        (json!("fresh"), json!("fresh"))
    );
    std::fs::remove_file(world.mirror().join("clip.json")).unwrap();
    std::fs::write(world.mirror().join("blip.json"), "x").unwrap();
    assert_eq!(
        (state("clip"), state("blip")),
        (json!("absent"), json!("stale"))
    );
    let check = stdout(status(&world.mirror()).arg("--check"), 1);
    assert!(
        check.contains("clip is absent") && check.contains("blip is stale"),
        "{check}"
    );
    world.sync(&[]).expect(0);
    assert_eq!(
        (state("clip"), state("blip")),
        (json!("fresh"), json!("fresh"))
    );
}

#[test]
fn a_writer_without_a_status_file_is_no_missing_daemon() {
    let mirror = tempfile::tempdir().unwrap();
    let private = Dir::make(&mirror.path().join(".horde-refd"), 0o755).unwrap();
    let _lock = Lock::acquire(&private, 0o644).unwrap();
    let check = stdout(status(mirror.path()).arg("--check"), 1);
    assert!(
        check.starts_with("WARNING: a writer holds the mirror"),
        "{check}"
    );
}

#[test]
fn an_unreadable_status_file_is_a_clear_error() {
    let mirror = tempfile::tempdir().unwrap();
    std::fs::create_dir(mirror.path().join(".horde-refd")).unwrap();
    let path = mirror.path().join(".horde-refd/status.json");
    std::fs::write(&path, "{").unwrap();
    let mut command = status(mirror.path());
    let text = Ran::of(&mut command).expect(1).stderr;
    assert!(
        text.contains(&format!("{} is not a status file", path.display())),
        "{text}"
    );
    let check = stdout(status(mirror.path()).arg("--check"), 1);
    assert!(
        check.starts_with("WARNING: ") && check.contains("is not a status file"),
        "{check}"
    );
}

#[test]
fn watch_prints_again_until_the_reader_leaves() {
    let mirror = tempfile::tempdir().unwrap();
    write_status(&mirror.path().join(".horde-refd"), mirror.path(), 5);
    let mut child = status(mirror.path())
        .arg("--watch")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    // A watch that only complains prints nothing here; its end would end the lines.
    let bound = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while seen < 2 {
        assert!(std::time::Instant::now() < bound, "never printed twice");
        let line = lines.next().unwrap().unwrap();
        seen += usize::from(line.starts_with("horde-refd "));
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    drop(lines);
    assert!(child.wait().unwrap().success());
}

/// A daemon in a PID namespace of its own: what `docker run --network host` gives it, with the host's name.
struct Contained {
    outer: Child,
}

impl Contained {
    /// `None` where this machine makes no namespaces.
    fn start(mirror: &Path, upstream: &Path) -> Option<Self> {
        let unshare = || {
            let mut command = bare("unshare");
            command.args([
                "--map-root-user",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ]);
            command
        };
        let works = unshare()
            .arg("true")
            .status()
            .is_ok_and(|status| status.success());
        works.then(|| {
            let outer = unshare()
                .arg(PROGRAM)
                .args(["run", "--layout", "flat", "--base-path"])
                .arg(mirror)
                .arg("--upstream")
                .arg(upstream)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            Self { outer }
        })
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

#[test]
fn a_daemon_in_another_pid_namespace_lives_and_can_be_asked() {
    let (mirror, upstream) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let legacy =
        r#"{"a": {"name": "a", "description": "x", "config": {"files": [], "download": []}}}"#;
    std::fs::write(upstream.path().join("blip.json"), legacy).unwrap();
    let Some(contained) = Contained::start(mirror.path(), upstream.path()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "unshare(1) must work in CI"
        );
        eprintln!("SKIPPED: unshare(1) makes no user and PID namespace here");
        return;
    };
    let file = mirror.path().join(".horde-refd/status.json");
    until("a daemon came up", || file.exists());
    // Its pid is another process's here, or none's; the lock and its start tell which one it is.
    let json: Value =
        serde_json::from_str(&stdout(status(mirror.path()).arg("--json"), 0)).unwrap();
    assert_eq!(json["pid"], 1);
    let text = stdout(&mut status(mirror.path()), 0);
    assert!(
        text.starts_with("horde-refd ") && !text.contains("not running"),
        "{text}"
    );
    // Only blip has a file upstream, so the refresh ends as a sync would.
    let mut refresh = program();
    refresh
        .args(["refresh", "--wait", "--timeout", "20s", "--base-path"])
        .arg(mirror.path());
    let why = Ran::of(&mut refresh).expect(1).stderr;
    assert!(why.contains("the refresh is over"), "{why}");
    assert!(
        why.contains("clip is absent") && !why.contains("blip"),
        "{why}"
    );
    drop(contained);
    until("the daemon is gone", || {
        let check = stdout(status(mirror.path()).arg("--check"), 1);
        check.contains("the daemon (pid 1) is not running")
    });
}
