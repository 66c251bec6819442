use super::*;

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) const NOW: &str = "2026-11-22T12:00:00Z";

pub(super) fn sample() -> Status {
    let fresh = ItemStatus {
        state: State::Fresh,
        source: Some("primary".into()),
        last_check: Some(time("2026-11-22T11:59:48Z")),
        last_success: Some(time("2026-11-22T11:59:48Z")),
        last_change: Some(time("2026-11-19T10:00:00Z")),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        models: Some(231),
        bytes: Some(400_000),
        ..ItemStatus::default()
    };
    let failing = ItemStatus {
        state: State::Failing,
        source: Some("github".into()),
        instead_of: vec!["primary".into()],
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
    let up = UpstreamStatus {
        up: true,
        failing_since: None,
        last_error: None,
        breaker: Breaker::Closed,
        limited_until: None,
    };
    let down = UpstreamStatus {
        up: false,
        failing_since: Some(time("2026-11-22T11:30:00Z")),
        last_error: Some("cannot connect".into()),
        breaker: Breaker::Open,
        limited_until: None,
    };
    Status {
        format: FORMAT,
        process: Process::current(),
        version: "0.1.0".into(),
        since: time("2026-11-22T08:55:00Z"),
        role: Role::Writer,
        base_path: "/m".into(),
        updated_at: time("2026-11-22T11:59:48Z"),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        last_forced: Some(ForcedCycle {
            began_monotonic_us: 1,
            ended_monotonic_us: 2,
            exit_code: 1,
        }),
        cycles: 42,
        stale_after_seconds: 3600,
        categories: BTreeMap::from([
            (Category::TextGeneration, failing),
            (Category::ImageGeneration, fresh),
            (Category::Lora, ItemStatus::default()),
        ]),
        files: BTreeMap::from([(
            "legacy/db.json".into(),
            FileStatus {
                state: State::Fresh,
                last_success: Some(time("2026-11-22T11:59:48Z")),
                bytes: Some(9),
                ..FileStatus::default()
            },
        )]),
        upstreams: BTreeMap::from([
            ("github".into(), up.clone()),
            (
                "leaf".into(),
                UpstreamStatus {
                    limited_until: Some(time("2026-11-22T12:30:00Z")),
                    ..down.clone()
                },
            ),
            ("primary".into(), down),
        ]),
    }
}

#[test]
fn the_file_is_read_back_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    std::fs::write(&path, sample().to_bytes()).unwrap();
    assert_eq!(Status::read(&path).unwrap(), sample());
}

#[test]
fn the_file_is_the_contract() {
    let json: serde_json::Value = serde_json::from_slice(&sample().to_bytes()).unwrap();
    let keys = |at: &str| -> Vec<String> {
        let object = json.pointer(at).unwrap().as_object().unwrap();
        object.keys().cloned().collect()
    };
    let sorted = |names: &str| -> Vec<String> {
        let mut names: Vec<_> = names.split_whitespace().map(str::to_owned).collect();
        names.sort();
        names
    };
    let found = |at: &str| {
        let mut keys = keys(at);
        keys.sort();
        keys
    };
    assert_eq!(
        found(""),
        sorted(
            "format pid host boot_id start_ticks pid_namespace version since role base_path updated_at next_poll last_forced cycles \
             stale_after_seconds categories files upstreams"
        )
    );
    assert_eq!(
        keys("/categories"),
        ["image_generation", "text_generation", "lora"]
    );
    assert_eq!(
        found("/categories/lora"),
        sorted(
            "state source instead_of last_check last_success last_change next_poll consecutive_failures failing_since \
             last_error models dropped bytes held pinned"
        )
    );
    assert_eq!(
        found("/files/legacy~1db.json"),
        sorted("state source last_success last_error bytes")
    );
    assert_eq!(
        found("/upstreams/primary"),
        sorted("up failing_since last_error breaker limited_until")
    );
    assert_eq!(json["format"], 2);
    assert_eq!(json["pid"], std::process::id());
    assert_eq!(json["role"], "writer");
    assert_eq!(json["last_forced"]["exit_code"], 1);
    assert_eq!(json["upstreams"]["primary"]["breaker"], "open");
    let lora = &json["categories"]["lora"];
    assert_eq!(lora["state"], "absent");
    assert_eq!(lora["dropped"], 0);
    assert_eq!(lora["instead_of"], serde_json::json!([]));
    for name in ["source", "last_success", "held", "pinned"] {
        assert!(lora[name].is_null(), "{name}");
    }
}

#[test]
fn a_file_that_is_no_status_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    assert!(matches!(Status::read(&path), Err(StatusError::Read { .. })));
    for text in ["", "{", "[]", "{}", "{\"format\": 2}"] {
        std::fs::write(&path, text).unwrap();
        assert!(
            matches!(Status::read(&path), Err(StatusError::Parse { .. })),
            "{text}"
        );
    }
    std::fs::write(&path, "{\"format\": 1}").unwrap();
    let error = Status::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("has format 1, this program reads format 2"),
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
    let old = Some("2026-11-22T01:00:00Z");
    let table = [
        (State::Fresh, Some("2026-11-22T11:00:00Z"), State::Fresh),
        (State::Fresh, Some("2026-11-22T10:59:59Z"), State::Stale),
        // A clock that was ahead.
        (State::Fresh, Some("2026-11-22T13:00:00Z"), State::Stale),
        (State::Fresh, None, State::Stale),
        (State::Modified, old, State::Stale),
        (State::Failing, Some("2026-11-22T11:30:00Z"), State::Failing),
        (State::Failing, old, State::Stale),
        (State::Limited, old, State::Stale),
        (State::Held, old, State::Held),
        (State::Rejected, old, State::Rejected),
        (State::Pinned, old, State::Pinned),
        (State::Absent, old, State::Absent),
    ];
    for (state, success, expected) in table {
        let category = ItemStatus {
            state,
            last_success: success.map(time),
            ..ItemStatus::default()
        };
        let found = category.state_at(time(NOW), hour);
        assert_eq!(found, expected, "{state:?} {success:?}");
    }
    let later = sample().at(time("2026-11-22T13:30:00Z"));
    let image = &later.categories[&Category::ImageGeneration];
    assert_eq!(image.state, State::Stale);
    assert_eq!(later.files["legacy/db.json"].state, State::Stale);
}

#[test]
fn a_daemon_is_overdue_when_it_breaks_its_promise() {
    let writer = sample();
    let standby = Status {
        role: Role::Standby,
        ..sample()
    };
    let once = Status {
        role: Role::Once,
        ..sample()
    };
    let no_promise = Status {
        next_poll: None,
        ..sample()
    };
    // It was written when the poll was due, and then the daemon hung: it was never late.
    let written = Status {
        updated_at: time("2026-11-22T12:15:01Z"),
        ..sample()
    };
    let table = [
        (&writer, NOW, None),
        (&writer, "2026-11-22T12:16:00Z", None),
        (&writer, "2026-11-22T12:16:01Z", Some(61)),
        (&standby, "2026-11-22T12:20:00Z", Some(300)),
        (&once, "2026-11-22T12:20:00Z", None),
        (&no_promise, "2026-11-22T12:20:00Z", None),
        (&written, "2026-11-22T12:15:06Z", None),
        (&written, "2026-11-22T12:20:00Z", Some(299)),
    ];
    for (number, (status, now, late)) in table.into_iter().enumerate() {
        let late = late.map(Duration::from_secs);
        assert_eq!(status.overdue(time(now)), late, "row {number}");
    }
}

#[test]
fn healthy_is_what_is_fresh_modified_or_pinned() {
    let mut status = sample();
    let complaints = status.complaints(time(NOW));
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    let text = "text_generation is failing, last success 45m ago (HTTP 503\\nfrom \\u{1b}[31mhttps";
    assert!(complaints[0].starts_with(text), "{complaints:?}");
    assert_eq!(complaints[1], "lora is absent");

    status
        .categories
        .retain(|name, _| *name == Category::ImageGeneration);
    assert_eq!(status.complaints(time(NOW)), [""; 0]);

    status.categories.clear();
    let unknown = ["no category is known yet"];
    assert_eq!(status.complaints(time(NOW)), unknown);
}

#[test]
fn a_dead_host_is_one_complaint_and_a_held_category_is_its_own() {
    let mut status = sample();
    let one = status.categories[&Category::TextGeneration].clone();
    let failing = |success: &str, error: &str| ItemStatus {
        last_success: Some(time(success)),
        last_error: Some(error.to_owned()),
        ..one.clone()
    };
    let dead = "cannot connect to http://h:1/blip.json: Connection refused";
    let unasked = "not asking for http://h:1/clip.json: h:1 does not answer in this cycle";
    let held = ItemStatus {
        state: State::Held,
        ..failing("2026-11-22T11:59:00Z", dead)
    };
    status.categories = [
        (Category::Blip, failing("2026-11-22T11:59:00Z", dead)),
        (Category::Clip, failing("2026-11-22T11:50:00Z", unasked)),
        (Category::Esrgan, held),
        (
            Category::Gfpgan,
            failing("2026-11-22T11:59:00Z", "HTTP 404"),
        ),
    ]
    .into();
    let expected = [
        "blip is failing, clip is failing, last success 10m ago (cannot connect to http://h:1/…: Connection refused)",
        "esrgan is held, last success 1m 0s ago (cannot connect to http://h:1/blip.json: Connection refused)",
        "gfpgan is failing, last success 1m 0s ago (HTTP 404)",
    ];
    assert_eq!(status.complaints(time(NOW)), expected);
}
