//! What has happened to one category.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Occasion;
use crate::category::Category;
use crate::mirror::Published;
use crate::observe::status::{CategoryStatus, State};
use crate::pipeline::{Answer, CategoryError, CategoryReport, Outcome};

/// The outcomes that are counted, from the first on.
const COUNTED: [Outcome; 4] = [
    Outcome::Updated,
    Outcome::Unchanged,
    Outcome::Rejected,
    Outcome::Failed,
];

#[derive(Debug, Default)]
pub(super) struct History {
    last: Option<CategoryReport>,
    last_check: Option<Timestamp>,
    last_success: Option<Timestamp>,
    last_change: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    failures: u32,
    last_error: Option<String>,
    /// What the upstream's last answer was, if it was no good; a look at the files cannot end that.
    upstream_trouble: Option<Trouble>,
    /// The kind of trouble that the log was last told of; none when all is well as far as the log knows.
    told: Option<Kind>,
    /// The last look at the files met an empty or missing one.
    empty: bool,
    /// Of the writer, for as long as this daemon stands by.
    followed: Option<CategoryStatus>,
    outcomes: BTreeMap<&'static str, u64>,
    convert_seconds: Option<f64>,
}

#[derive(Debug, Clone)]
struct Trouble {
    outcome: Outcome,
    held_until: Option<Timestamp>,
    error: String,
}

/// What makes one trouble another one, whatever its words: the outcome, and whether the upstream asked for peace.
type Kind = (Outcome, bool);

impl History {
    pub(super) fn inherit(&mut self, known: &CategoryStatus, held_until: Option<Timestamp>) {
        self.last_check = known.last_check;
        self.last_success = known.last_success;
        self.last_change = known.last_change;
        self.failing_since = known.failing_since;
        self.failures = known.consecutive_failures;
        self.last_error.clone_from(&known.last_error);
        let outcome = match known.state {
            State::Rejected => Outcome::Rejected,
            _ => Outcome::Failed,
        };
        let held_until = held_until.filter(|_| known.state == State::Held);
        self.upstream_trouble = known.last_error.clone().map(|error| Trouble {
            outcome,
            held_until,
            error,
        });
        // The log of the earlier daemon has it.
        self.told = (self.failures > 0).then_some((outcome, known.state == State::Held));
    }

    pub(super) fn published(&mut self, entry: &Published) {
        self.last_change = self.last_change.or(Some(entry.published_at));
        let trouble = self.upstream_trouble.as_ref();
        self.last = Some(CategoryReport {
            outcome: trouble.map_or(Outcome::Unchanged, |trouble| trouble.outcome),
            held_until: trouble.and_then(|trouble| trouble.held_until),
            ..CategoryReport::published(entry)
        });
    }

    pub(super) fn apply(
        &mut self,
        category: Category,
        fared: &CategoryReport,
        occasion: Occasion,
        now: Timestamp,
    ) {
        let mut last = fared.clone();
        let asked = occasion.polled || last.upstream != Answer::None;
        let failed = matches!(last.outcome, Outcome::Failed | Outcome::Rejected);
        let news = last.outcome == Outcome::Updated || (failed && self.failures == 0);
        if asked || news {
            *self.outcomes.entry(last.outcome.as_str()).or_default() += 1;
        }
        if let Some(time) = last.convert_time {
            self.convert_seconds = Some(time.as_secs_f64());
        }
        if last.changes.is_some() || last.outcome == Outcome::Updated {
            self.last_change = Some(now);
            log_change(category, &last);
        }
        if asked {
            self.last_check = Some(now);
            let of_upstream = last.error.as_ref().filter(|error| error.is_of_upstream());
            self.upstream_trouble = of_upstream.map(|error| Trouble {
                outcome: last.outcome,
                held_until: last.held_until,
                error: error.chain(),
            });
        }
        let empty = matches!(last.error, Some(CategoryError::NoLegacy { .. }));
        let passing = empty && !asked && !self.empty;
        self.empty = empty;
        if failed {
            let quiet = passing || occasion.superseded;
            self.fail(category, &last, asked, quiet, now);
        } else if let Some(trouble) = &self.upstream_trouble {
            // The files are in order; the upstream's trouble stays (the board's invariant 2).
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

    pub(super) fn follow(&mut self, report: Option<&CategoryReport>, status: CategoryStatus) {
        self.last = report.cloned();
        self.followed = Some(status);
    }

    pub(super) fn lead(&mut self) {
        self.followed = None;
    }

    fn fail(
        &mut self,
        category: Category,
        fared: &CategoryReport,
        asked: bool,
        quiet: bool,
        now: Timestamp,
    ) {
        let error = fared.error.as_ref().map(CategoryError::chain);
        let error = error.unwrap_or_default();
        if asked || self.failures == 0 {
            self.failures = self.failures.saturating_add(1);
        }
        self.failing_since = self.failing_since.or(Some(now));
        let outcome = fared.outcome.as_str();
        let name = category.name();
        let kind = Some((fared.outcome, fared.held_until.is_some()));
        if self.told != kind && !quiet {
            tracing::warn!(
                category = name,
                outcome,
                error = error.as_str(),
                failures = self.failures,
                "a category cannot be refreshed; its last good file stays"
            );
            self.told = kind;
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
        // Of what the log was never told it needs no end.
        if self.told.take().is_some() {
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

    pub(super) fn is_published(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.v2.is_some())
    }

    pub(super) fn models(&self) -> Option<u64> {
        self.last.as_ref().and_then(|last| last.models)
    }

    pub(super) fn legacy_bytes(&self) -> Option<u64> {
        self.last.as_ref().and_then(|last| last.legacy_bytes)
    }

    /// How often each outcome was had; a counter that appears with its first event hides that event from `increase()`.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTED.map(Outcome::as_str).into_iter().map(|outcome| {
            let count = self.outcomes.get(outcome).copied();
            (outcome, count.unwrap_or_default())
        })
    }

    pub(super) fn convert_seconds(&self) -> Option<f64> {
        self.convert_seconds
    }

    /// The worst thing that can be said of the category, whatever its age.
    pub(super) fn state(&self) -> State {
        if let Some(followed) = &self.followed {
            return followed.state;
        }
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

    pub(super) fn status(&self, next_poll: Option<Timestamp>) -> CategoryStatus {
        if let Some(followed) = &self.followed {
            return followed.clone();
        }
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
