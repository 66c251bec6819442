//! What has happened so far, a category each: the source of the status file, the metrics and the log.
//!
//! 1. A change of state is one line in the log: when a category begins to fail or fails in another way, when it
//!    recovers (with how long and how often it failed), when something was published. Repeats are for debugging,
//!    however their words differ.
//! 2. Only a cycle that asked the upstream tells whether the upstream is well; a look at the files alone neither ends
//!    a failure nor counts as a success, nor as a refresh unless it changed something or found a new trouble.
//! 3. What can be gone the next moment is no news yet: a failure that a forced cycle is about to try again, and an empty
//!    file that a look at the files met, which an editor is about to fill.
//! 4. A daemon that stands by has nothing of its own to tell: it repeats what is known of the writer.

mod history;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::history::History;
use super::metrics::{Format, MetricsSnapshot};
use super::status::{CategoryStatus, Status, age};
use crate::category::Category;
use crate::mirror::Published;
use crate::pipeline::{CategoryReport, Outcome, Report};

/// The board: one per daemon.
#[derive(Debug, Default)]
pub struct Board {
    categories: BTreeMap<Category, History>,
    cycles: u64,
}

/// What a report came from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Occasion {
    /// A cycle that was to ask the upstream, not a look at the files alone.
    pub polled: bool,
    /// A forced cycle waits to do all of it again.
    pub superseded: bool,
}

impl Board {
    /// A board that goes on where an earlier daemon's status ended, so that an age survives a restart.
    ///
    /// `held_until` is the deadline of the upstream's host, if it still asks to be left alone.
    #[must_use]
    pub fn resume(earlier: Option<&Status>, held_until: Option<Timestamp>) -> Self {
        let mut board = Self::default();
        for category in Category::with_legacy() {
            board.categories.insert(category, History::default());
        }
        if let Some(earlier) = earlier {
            board.inherit(earlier, held_until);
        }
        board
    }

    /// Goes on where another writer's status ended.
    pub fn inherit(&mut self, earlier: &Status, held_until: Option<Timestamp>) {
        for (&category, known) in &earlier.categories {
            self.categories
                .entry(category)
                .or_default()
                .inherit(known, held_until);
        }
    }

    /// What the manifest says of a category whose files are on disk, until the first cycle has looked at them.
    pub fn published(&mut self, category: Category, entry: &Published) {
        self.categories
            .entry(category)
            .or_default()
            .published(entry);
    }

    /// Takes in what a cycle reports.
    pub fn apply(&mut self, report: &Report, occasion: Occasion, now: Timestamp) {
        self.cycles += 1;
        for (&category, fared) in &report.categories {
            if fared.outcome != Outcome::Skipped {
                let history = self.categories.entry(category).or_default();
                history.apply(category, fared, occasion, now);
            }
        }
    }

    /// Takes in what a cycle that still waits for the upstream has put in order.
    pub fn mended(&mut self, category: Category, fared: &CategoryReport, now: Timestamp) {
        let history = self.categories.entry(category).or_default();
        history.apply(category, fared, Occasion::default(), now);
    }

    /// Repeats what is known of the writer, until [`Board::lead`].
    pub fn follow(&mut self, report: &Report, known: BTreeMap<Category, CategoryStatus>) {
        for (category, status) in known {
            let history = self.categories.entry(category).or_default();
            history.follow(report.categories.get(&category), status);
        }
    }

    /// Counts a cycle that had nothing of its own to tell.
    pub fn followed(&mut self) {
        self.cycles += 1;
    }

    /// This daemon has become the writer: what it repeated is not its own.
    pub fn lead(&mut self) {
        self.categories.values_mut().for_each(History::lead);
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
            let legacy = history.legacy_bytes();
            snapshot
                .published_bytes
                .extend(legacy.map(|bytes| ((category, Format::Legacy), bytes)));
            for (outcome, count) in history.outcomes() {
                snapshot
                    .refreshes
                    .insert((category, outcome.to_owned()), count);
            }
            let convert_seconds = history.convert_seconds();
            snapshot
                .convert_seconds
                .extend(convert_seconds.map(|seconds| (category, seconds)));
            let outdated = success.is_none_or(|at| age(at, now) > stale_after);
            snapshot.stale.insert(category, outdated);
        }
    }
}

#[cfg(test)]
mod tests;
