//! What has happened so far, a category each: the source of the status file, the metrics and the log.
//!
//! 1. A change of state is one line in the log: when a category begins to fail, when it recovers (with how long and how
//!    often it failed), when something was published. Repeats are for debugging.
//! 2. Only a cycle that asked the upstream tells whether the upstream is well; a look at the files alone neither ends
//!    a failure nor counts as a success.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::metrics::{Format, MetricsSnapshot};
use super::status::{CategoryStatus, State, Status};
use crate::category::Category;
use crate::mirror::Published;
use crate::pipeline::{Answer, CategoryReport, Outcome, Report};

/// The board: one per daemon.
#[derive(Debug, Default)]
pub struct Board {
    categories: BTreeMap<Category, History>,
    cycles: u64,
}

#[derive(Debug, Default)]
struct History {
    last: Option<CategoryReport>,
    last_check: Option<Timestamp>,
    last_success: Option<Timestamp>,
    last_change: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    failures: u32,
    last_error: Option<String>,
    /// What the upstream's last answer was, if it was no good; a look at the files cannot end that.
    upstream_trouble: Option<Trouble>,
    outcomes: BTreeMap<&'static str, u64>,
    convert_seconds: Option<f64>,
}

#[derive(Debug, Clone)]
struct Trouble {
    outcome: Outcome,
    held_until: Option<Timestamp>,
    error: String,
}

impl Board {
    /// A board that goes on where an earlier daemon's status ended, so that an age survives a restart.
    #[must_use]
    pub fn resume(earlier: Option<&Status>) -> Self {
        let mut board = Self::default();
        for category in Category::with_legacy() {
            let mut history = History::default();
            if let Some(known) = earlier.and_then(|status| status.categories.get(&category)) {
                history.last_check = known.last_check;
                history.last_success = known.last_success;
                history.last_change = known.last_change;
                history.failing_since = known.failing_since;
                history.failures = known.consecutive_failures;
                history.last_error.clone_from(&known.last_error);
                let outcome = match known.state {
                    State::Rejected => Outcome::Rejected,
                    _ => Outcome::Failed,
                };
                history.upstream_trouble = known.last_error.clone().map(|error| Trouble {
                    outcome,
                    held_until: None,
                    error,
                });
            }
            board.categories.insert(category, history);
        }
        board
    }

    /// What the manifest says of a category whose files are on disk, until the first cycle has looked at them.
    pub fn published(&mut self, category: Category, entry: &Published) {
        let history = self.categories.entry(category).or_default();
        history.last_change = history.last_change.or(Some(entry.published_at));
        let trouble = history.upstream_trouble.as_ref();
        history.last = Some(CategoryReport {
            outcome: trouble.map_or(Outcome::Unchanged, |trouble| trouble.outcome),
            ..CategoryReport::published(entry)
        });
    }

    /// Takes in what a cycle reports; `polled` tells whether it was to ask the upstream.
    pub fn apply(&mut self, report: &Report, polled: bool, now: Timestamp) {
        self.cycles += 1;
        for (&category, fared) in &report.categories {
            if fared.outcome != Outcome::Skipped {
                let history = self.categories.entry(category).or_default();
                history.apply(category, fared, polled, now);
            }
        }
    }

    /// Takes in what one category's files became while a cycle still waits for the upstream.
    pub fn apply_one(
        &mut self,
        category: Category,
        fared: &CategoryReport,
        polled: bool,
        now: Timestamp,
    ) {
        let history = self.categories.entry(category).or_default();
        history.apply(category, fared, polled, now);
    }

    /// Cycles run so far.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Whether every category has a published v2 file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.categories.values().all(History::is_published)
    }

    /// The categories' part of the status file.
    #[must_use]
    pub fn statuses(&self, next_poll: Option<Timestamp>) -> BTreeMap<Category, CategoryStatus> {
        self.categories
            .iter()
            .map(|(&category, history)| (category, history.status(next_poll)))
            .collect()
    }

    /// One line for the supervisor and the log.
    #[must_use]
    pub fn summary(&self, next_poll: Option<Timestamp>) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut models = 0;
        for history in self.categories.values() {
            *counts.entry(history.state().as_str()).or_default() += 1;
            models += history.models().unwrap_or_default();
        }
        let states: Vec<String> = counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let next = next_poll.map_or(String::new(), |at| format!("; next poll {at:.0}"));
        format!("{} ({models} models){next}", states.join(", "))
    }

    /// The categories' part of the metrics.
    pub fn measure(
        &self,
        snapshot: &mut MetricsSnapshot,
        now: Timestamp,
        stale_after: std::time::Duration,
    ) {
        for (&category, history) in &self.categories {
            let status = history.status(None);
            let success = status.last_success;
            snapshot
                .last_success
                .extend(success.map(|at| (category, at)));
            let change = status.last_change;
            snapshot.last_change.extend(change.map(|at| (category, at)));
            snapshot
                .models
                .extend(status.models.map(|models| (category, models)));
            snapshot
                .published_bytes
                .extend(status.bytes.map(|bytes| ((category, Format::V2), bytes)));
            let legacy = history.last.as_ref().and_then(|last| last.legacy_bytes);
            snapshot
                .published_bytes
                .extend(legacy.map(|bytes| ((category, Format::Legacy), bytes)));
            for (&outcome, &count) in &history.outcomes {
                snapshot
                    .refreshes
                    .insert((category, outcome.to_owned()), count);
            }
            let convert_seconds = history.convert_seconds;
            snapshot
                .convert_seconds
                .extend(convert_seconds.map(|seconds| (category, seconds)));
            let state = status.state_at(now, stale_after);
            let outdated = success.is_none() || matches!(state, State::Stale | State::Absent);
            snapshot.stale.insert(category, outdated);
        }
    }
}

impl History {
    fn apply(&mut self, category: Category, fared: &CategoryReport, polled: bool, now: Timestamp) {
        let failed = matches!(fared.outcome, Outcome::Failed | Outcome::Rejected);
        *self.outcomes.entry(fared.outcome.as_str()).or_default() += 1;
        if let Some(time) = fared.convert_time {
            self.convert_seconds = Some(time.as_secs_f64());
        }
        if fared.changes.is_some() || fared.outcome == Outcome::Updated {
            self.last_change = Some(now);
            log_change(category, fared);
        }
        let asked = polled || fared.upstream != Answer::None;
        if asked {
            self.last_check = Some(now);
            let of_upstream = fared.error.as_ref().filter(|error| error.is_of_upstream());
            self.upstream_trouble = of_upstream.map(|error| Trouble {
                outcome: fared.outcome,
                held_until: fared.held_until,
                error: error.chain(),
            });
        }
        let mut last = fared.clone();
        if failed {
            self.fail(category, fared, now);
        } else if let Some(trouble) = &self.upstream_trouble {
            // The files are in order; the upstream's trouble stays (invariant 2).
            last.outcome = trouble.outcome;
            last.held_until = trouble.held_until;
            self.last_error = Some(trouble.error.clone());
        } else {
            self.recover(category, now);
            if asked {
                self.last_success = Some(now);
            }
        }
        self.last = Some(last);
    }

    fn fail(&mut self, category: Category, fared: &CategoryReport, now: Timestamp) {
        let error = fared
            .error
            .as_ref()
            .map(crate::pipeline::CategoryError::chain)
            .unwrap_or_default();
        let news = self.failures == 0 || self.last_error.as_deref() != Some(error.as_str());
        self.failures = self.failures.saturating_add(1);
        self.failing_since = self.failing_since.or(Some(now));
        let outcome = fared.outcome.as_str();
        let name = category.name();
        if news {
            tracing::warn!(
                category = name,
                outcome,
                error = error.as_str(),
                failures = self.failures,
                "a category cannot be refreshed; its last good file stays"
            );
        } else {
            tracing::debug!(
                category = name,
                outcome,
                error = error.as_str(),
                failures = self.failures,
                "a category still cannot be refreshed"
            );
        }
        self.last_error = Some(error);
    }

    fn recover(&mut self, category: Category, now: Timestamp) {
        if self.failures > 0 {
            let since = self.failing_since.unwrap_or(now);
            let seconds = now.duration_since(since).as_secs();
            tracing::info!(
                category = category.name(),
                outcome = "recovered",
                failures = self.failures,
                failing_seconds = seconds,
                "a category has recovered"
            );
        }
        self.failures = 0;
        self.failing_since = None;
        self.last_error = None;
    }

    fn is_published(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.v2.is_some())
    }

    fn models(&self) -> Option<u64> {
        self.last.as_ref().and_then(|last| last.models)
    }

    /// The worst thing that can be said of the category, whatever its age.
    fn state(&self) -> State {
        let Some(last) = &self.last else {
            return State::Absent;
        };
        if last.v2.is_none() {
            State::Absent
        } else if last.outcome == Outcome::Rejected {
            State::Rejected
        } else if last.held_until.is_some() {
            State::Held
        } else if self.failures > 0 {
            State::Failing
        } else if self.last_success.is_none() {
            State::Stale
        } else if last.modified {
            State::Modified
        } else {
            State::Fresh
        }
    }

    fn status(&self, next_poll: Option<Timestamp>) -> CategoryStatus {
        let last = self.last.as_ref();
        let held = last.and_then(|last| last.held_until);
        CategoryStatus {
            state: self.state(),
            last_check: self.last_check,
            last_success: self.last_success,
            last_change: self.last_change,
            next_poll: next_poll.max(held.filter(|_| next_poll.is_some())),
            consecutive_failures: self.failures,
            failing_since: self.failing_since,
            last_error: self.last_error.clone(),
            models: self.models(),
            bytes: last.and_then(|last| last.v2).map(|(_, bytes)| bytes),
        }
    }
}

fn log_change(category: Category, fared: &CategoryReport) {
    let changes = fared.changes.unwrap_or_default();
    let elapsed_ms = fared
        .convert_time
        .map_or(0.0, |time| time.as_secs_f64() * 1e3);
    tracing::info!(
        category = category.name(),
        outcome = fared.outcome.as_str(),
        url = fared.url.as_deref().unwrap_or_default(),
        models = fared.models.unwrap_or_default(),
        added = changes.added,
        removed = changes.removed,
        changed = changes.changed,
        downloaded_bytes = fared.downloaded_bytes,
        modified = fared.modified,
        elapsed_ms,
        "published"
    );
}
