use super::*;
use std::ffi::OsStr;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-22T12:00:00Z";

fn sample() -> Status {
    let fresh = CategoryStatus {
        state: State::Fresh,
        last_check: Some(time("2026-11-22T11:59:48Z")),
        last_success: Some(time("2026-11-22T11:59:48Z")),
        last_change: Some(time("2026-11-19T10:00:00Z")),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        models: Some(231),
        bytes: Some(400_000),
        ..CategoryStatus::default()
    };
    let failing = CategoryStatus {
        state: State::Failing,
        consecutive_failures: 3,
        failing_since: Some(time("2026-11-22T11:30:00Z")),
        last_success: Some(time("2026-11-22T11:15:00Z")),
        last_error: Some(format!(
            "HTTP 503\nfrom \x1b[31m{}",
            "https://h/".repeat(20)
        )),
        models: Some(719),
        next_poll: Some(time("2026-11-22T11:59:59Z")),
        ..fresh.clone()
    };
    Status {
        format: FORMAT,
        process: Process::current(),
        version: "0.1.0".into(),
        since: time("2026-11-22T08:55:00Z"),
        role: Role::Writer,
        base_path: "/m".into(),
        upstream: "https://raw.githubusercontent.com".into(),
        updated_at: time("2026-11-22T11:59:48Z"),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        last_forced: Some(ForcedCycle {
            began_monotonic_us: 1,
            ended_monotonic_us: 2,
            exit_code: 1,
        }),
        cycles: 42,
        stale_after_seconds: 3600,
        held_until: BTreeMap::from([(
            "raw.githubusercontent.com".into(),
            time("2026-11-22T12:30:00Z"),
        )]),
        categories: BTreeMap::from([
            (Category::TextGeneration, failing),
            (Category::ImageGeneration, fresh),
            (Category::Lora, CategoryStatus::default()),
        ]),
    }
}

#[test]
fn the_file_is_read_back_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    std::fs::write(&path, sample().to_bytes()).unwrap();
    assert_eq!(Status::read(&path).unwrap(), sample());

    let json: serde_json::Value = serde_json::from_slice(&sample().to_bytes()).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["pid"], std::process::id());
    assert_eq!(json["role"], "writer");
    assert_eq!(json["last_forced"]["exit_code"], 1);
    assert_eq!(json["categories"]["text_generation"]["state"], "failing");
    assert_eq!(
        json["categories"]["lora"]["last_success"],
        serde_json::Value::Null
    );
    let names: Vec<_> = json["categories"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["image_generation", "text_generation", "lora"]);
}

#[test]
fn a_file_that_is_no_status_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    assert!(matches!(Status::read(&path), Err(StatusError::Read { .. })));
    for text in ["", "{", "[]", "{}", "{\"format\": 1}"] {
        std::fs::write(&path, text).unwrap();
        assert!(
            matches!(Status::read(&path), Err(StatusError::Parse { .. })),
            "{text}"
        );
    }
    std::fs::write(&path, "{\"format\": 2}").unwrap();
    let error = Status::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("has format 2, this program reads format 1"),
        "{error}"
    );
}

#[test]
fn a_category_that_a_later_version_knows_is_left_out() {
    let mut json: serde_json::Value = serde_json::from_slice(&sample().to_bytes()).unwrap();
    json["categories"]["hologram"] = serde_json::json!({"state": "fresh"});
    json["later"] = true.into();
    let status: Status = serde_json::from_value(json).unwrap();
    assert_eq!(status, sample());
}

#[test]
fn the_state_ages_without_a_writer() {
    let hour = Duration::from_hours(1);
    let table = [
        (State::Fresh, Some("2026-11-22T11:00:00Z"), State::Fresh),
        (State::Fresh, Some("2026-11-22T10:59:59Z"), State::Stale),
        (State::Fresh, Some("2026-11-22T13:00:00Z"), State::Fresh),
        (State::Fresh, None, State::Fresh),
        (State::Modified, Some("2026-11-22T01:00:00Z"), State::Stale),
        (State::Failing, Some("2026-11-22T11:30:00Z"), State::Failing),
        (State::Failing, Some("2026-11-22T01:00:00Z"), State::Stale),
        (State::Held, Some("2026-11-22T01:00:00Z"), State::Stale),
        (
            State::Rejected,
            Some("2026-11-22T01:00:00Z"),
            State::Rejected,
        ),
        (State::Absent, Some("2026-11-22T01:00:00Z"), State::Absent),
        (State::Failing, None, State::Failing),
    ];
    for (state, success, expected) in table {
        let category = CategoryStatus {
            state,
            last_success: success.map(time),
            ..CategoryStatus::default()
        };
        let found = category.state_at(time(NOW), hour);
        assert_eq!(found, expected, "{state:?} {success:?}");
    }
    let later = sample().at(time("2026-11-22T13:30:00Z"));
    assert_eq!(
        later.categories[&Category::ImageGeneration].state,
        State::Stale
    );
}

#[test]
fn another_hosts_daemon_is_believed_for_as_long_as_it_spoke_lately() {
    let mut status = sample();
    assert!(status.is_alive(time(NOW)));
    status.process.start_ticks += 1;
    assert!(!status.is_alive(time(NOW)));
    status.process.host = "elsewhere".into();
    assert!(status.is_alive(time(NOW)));
    status.updated_at = time("2026-11-22T10:00:00Z");
    assert!(!status.is_alive(time(NOW)));
}

#[test]
fn the_file_is_found_where_the_writer_puts_it() {
    let root = tempfile::tempdir().unwrap();
    let (runtime, shipped, mirror) = (
        root.path().join("runtime"),
        root.path().join("shipped"),
        root.path().join("mirror"),
    );
    for directory in [&runtime, &shipped, &mirror.join(".horde-refd")] {
        std::fs::create_dir_all(directory).unwrap();
    }
    let find = |runtime: Option<&OsStr>| locate::locate_in(runtime, &shipped, &mirror).found;
    let own = mirror.join(".horde-refd").join(FILE);
    assert_eq!(find(None), None);
    assert_eq!(path_for_writer(None, &mirror), own);

    let mut status = sample();
    std::fs::write(&own, status.to_bytes()).unwrap();
    std::fs::write(shipped.join(FILE), status.to_bytes()).unwrap();
    assert_eq!(
        find(None),
        Some(own.clone()),
        "the unit's status is about another mirror"
    );

    status.base_path = mirror.join(".");
    std::fs::write(shipped.join(FILE), status.to_bytes()).unwrap();
    assert_eq!(find(None), Some(shipped.join(FILE)));

    let several = format!("{}:/run/other", runtime.display());
    let several = Some(OsStr::new(&several));
    assert_eq!(find(several), None);
    let path = path_for_writer(several, &mirror);
    assert_eq!(path, runtime.join(FILE));
    std::fs::write(&path, status.to_bytes()).unwrap();
    assert_eq!(find(several), Some(path));
    assert_eq!(find(Some(OsStr::new(""))), Some(shipped.join(FILE)));
}
