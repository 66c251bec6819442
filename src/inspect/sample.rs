//! A status for tests: a writer that is this process, with a category that is well, one that is not, and one without data.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::category::Category;
use crate::observe::process::Process;
use crate::observe::status::{CategoryStatus, FORMAT, Role, State, Status};

/// The time of the tests that use it.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn status() -> Status {
    let fresh = CategoryStatus {
        state: State::Fresh,
        last_success: Some(time("2026-11-22T11:59:48Z")),
        last_change: Some(time("2026-11-19T10:00:00Z")),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        models: Some(231),
        ..CategoryStatus::default()
    };
    let failing = CategoryStatus {
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
        upstream: "https://raw.githubusercontent.com".into(),
        updated_at: time("2026-11-22T11:59:48Z"),
        next_poll: Some(time("2026-11-22T12:15:00Z")),
        last_forced: None,
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
