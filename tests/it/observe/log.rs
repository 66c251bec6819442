//! Where the lines of a whole process go. Each case is a process of its own, since there is one log in each.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use horde_refd::config::{Level, LogConfig, LogFormat};
use horde_refd::observe::log::{Audience, flush, init};

/// The child of the tests below: this very program, running only this test.
#[test]
#[ignore = "started by the tests of the log"]
fn child() {
    if std::env::var_os("HORDE_REFD_TEST_CHILD").is_none() {
        return;
    }
    let format = match std::env::var("FORMAT").as_deref() {
        Ok("json") => LogFormat::Json,
        Ok("journald") => LogFormat::Journald,
        _ => LogFormat::Auto,
    };
    let config = LogConfig {
        format,
        level: Level::parse("info,log=info").unwrap(),
    };
    init(&config, 0, false, Audience::Service).unwrap();
    assert!(init(&config, 0, false, Audience::Service).is_err());
    for _ in 0..3 {
        tracing::info!(category = "lora", elapsed_ms = 12, "published");
    }
    tracing::debug!("too quiet to hear");
    flush(Duration::from_secs(10));
    println!("lived");
}

fn run(format: &str, under_systemd: bool) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stderr");
    let stderr = File::create(&path).unwrap();
    let metadata = stderr.metadata().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "observe::log::child", "--ignored", "--nocapture"])
        .env("HORDE_REFD_TEST_CHILD", "1")
        .env("FORMAT", format)
        .env_remove("JOURNAL_STREAM")
        .stdout(Stdio::null())
        .stderr(stderr);
    if under_systemd {
        let stream = format!("{}:{}", metadata.dev(), metadata.ino());
        command.env("JOURNAL_STREAM", stream);
    }
    assert!(command.status().unwrap().success());
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn elsewhere_lines_are_text_with_the_time() {
    let lines = run("auto", false);
    assert_eq!(lines.len(), 3);
    let (time, rest) = lines[0].split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok());
    assert_eq!(rest, "INFO  published category=lora elapsed_ms=12");
}

#[test]
fn json_is_one_object_a_line() {
    for line in run("json", false) {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["message"], "published");
        assert_eq!(object["category"], "lora");
        assert_eq!(object["elapsed_ms"], 12);
    }
}

#[test]
fn under_systemd_the_journal_gets_every_line_and_a_missing_one_is_said_on_stderr() {
    if fs::exists("/run/systemd/journal/socket").unwrap() {
        assert_eq!(run("auto", true), Vec::<String>::new());
        return;
    }
    let lines = run("auto", true);
    assert!(
        lines[0].starts_with("<4>WARN  the journal cannot be reached, logging to stderr error="),
        "{lines:?}"
    );
    assert_eq!(lines[1], "<6>INFO  published category=lora elapsed_ms=12");
    let lines = run("journald", false);
    assert!(
        lines[0].contains("the journal cannot be reached"),
        "{lines:?}"
    );
}

#[test]
fn a_closed_stderr_kills_no_process() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "observe::log::child", "--ignored", "--nocapture"])
        .env("HORDE_REFD_TEST_CHILD", "1")
        .env_remove("JOURNAL_STREAM")
        .stderr(writer)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("lived"));
}
