//! A status for tests: a writer that is this process, with a category that is well, one that is not, and one without data.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::category::Category;
use crate::cycle::Breaker;
use crate::ledger::State;
use crate::ledger::process::Process;
use crate::ledger::status::{FORMAT, ItemStatus, Role, Status, UpstreamStatus};

/// The time of the tests that use it.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn status() -> Status {
    let fresh = ItemStatus {
        state: State::Fresh,
        source: Some("github".to_owned()),
        last_success: Some(time("2026-11-22T11:59:48Z")),
        last_change: Some(time("2026-11-19T10:00:00Z")),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        models: Some(231),
        ..ItemStatus::default()
    };
    let failing = ItemStatus {
        state: State::Failing,
        last_success: Some(time("2026-11-22T11:15:00Z")),
        last_error: Some(format!(
            "HTTP 503\nfrom \x1b[31m{}",
            "https://h/ ".repeat(20)
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
        updated_at: time("2026-11-22T11:59:48Z"),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        last_forced: None,
        cycles: 42,
        stale_after_seconds: 3600,
        files: BTreeMap::new(),
        upstreams: BTreeMap::from([
            (
                "github".to_owned(),
                upstream(true, Some("2026-11-22T12:30:00Z")),
            ),
            ("primary".to_owned(), upstream(false, None)),
        ]),
        categories: BTreeMap::from([
            (Category::TextGeneration, failing),
            (Category::ImageGeneration, fresh),
            (Category::Lora, ItemStatus::default()),
        ]),
    }
}

fn upstream(up: bool, limited_until: Option<&str>) -> UpstreamStatus {
    UpstreamStatus {
        up,
        failing_since: (!up).then(|| time("2026-11-22T11:30:00Z")),
        last_error: (!up).then(|| "cannot connect".to_owned()),
        breaker: if up { Breaker::Closed } else { Breaker::Open },
        limited_until: limited_until.map(time),
    }
}
