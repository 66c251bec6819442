//! What is known of every item and every upstream: the one place that status, metrics, log, tables, hooks, the
//! supervisor's line and the library's health are read from.
//!
//! 1. Facts change by [`fold()`] alone, one [`Event`] after the other; it is pure and answers with the [`Transition`]s:
//!    what has become another than it was.
//! 2. A transition is news once. When an item begins to fail or fails in another way, when it recovers, when something
//!    was published, when another upstream serves it: each is one transition; a repeat is [`Transition::StillFailing`],
//!    however its words differ.
//! 3. Only a cycle that asked the upstream shows whether the upstream is well: a look at the files alone neither ends a
//!    failure nor counts as a success, nor as a refresh unless it changed something or found a new trouble.
//! 4. What can be gone the next moment is no news yet: a failure that a forced cycle is about to try again, and an empty
//!    file that a look at the files met, which an editor is about to fill.
//! 5. What hits many items is one transition each, all at the cycle's end, so that one cause can be one line.
//! 6. A process that stands by has no facts of its own: it repeats the writer's ([`Ledger::follow`]), and begins anew
//!    when it becomes the writer ([`Ledger::lead`]).
//! 7. A time in the future is no time: a clock that was ahead leaves nothing that looks fresh for years.

pub mod causes;
mod facts;
mod fold;
pub mod follow;
pub mod process;
pub mod result;
mod resume;
pub mod status;
mod transition;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub use self::facts::{Facts, State, UpstreamFacts, age};
pub use self::fold::{Context, fold};
pub use self::resume::Listed;
pub use self::transition::{Subject, Transition, Trouble};
use crate::category::Category;
use crate::cycle::Event;
use crate::item::Item;

/// Sees every event of a cycle as soon as the ledger has it.
pub trait Witness: Send + Sync {
    /// An event, and what it has changed.
    fn saw(&self, event: &Event, transitions: &[Transition]);
}

/// For callers that want the result alone.
impl Witness for () {
    fn saw(&self, _: &Event, _: &[Transition]) {}
}

/// Everything that is known: one a process.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The items that are served, or were published once.
    pub items: BTreeMap<Item, Facts>,
    /// The configured upstreams.
    pub upstreams: BTreeMap<String, UpstreamFacts>,
    /// Cycles that ended.
    pub cycles: u64,
    /// The age of the last success from which an item is stale.
    pub stale_after: Duration,
    /// What a `sync` that was the last cycle would have exited with.
    pub exit_code: u8,
    /// Why manifest or state could not be written in the last cycle.
    pub unwritten: Option<String>,
    /// The cycle that has not ended yet.
    running: Running,
}

/// What a cycle has brought before its end.
#[derive(Debug, Clone, Default)]
struct Running {
    /// Whether an item ended badly.
    bad: bool,
    /// The items that another upstream serves than before, and which one that was.
    moved: BTreeMap<Item, String>,
    /// The items that are done.
    done: BTreeSet<Item>,
}

impl Ledger {
    /// A ledger of nothing but what is to be expected: items that an upstream serves, and the upstreams' names.
    pub fn new(
        items: impl IntoIterator<Item = Item>,
        upstreams: impl IntoIterator<Item = String>,
        stale_after: Duration,
    ) -> Self {
        let expected = items.into_iter().map(|item| (item, Facts::default()));
        let named = upstreams
            .into_iter()
            .map(|name| (name, UpstreamFacts::default()));
        Self {
            items: expected.collect(),
            upstreams: named.collect(),
            stale_after,
            ..Self::default()
        }
    }

    /// The facts of the categories, in their order.
    pub fn categories(&self) -> impl Iterator<Item = (Category, &Facts)> {
        let items = self.items.iter();
        items.filter_map(|(item, facts)| Some((item.category()?, facts)))
    }

    /// How an item is at a time; an item that is not known is absent.
    #[must_use]
    pub fn state(&self, item: &Item, now: Timestamp) -> State {
        let facts = self.items.get(item);
        facts.map_or(State::Absent, |facts| {
            facts.state(item, now, self.stale_after)
        })
    }

    /// Whether every category is published.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.categories()
            .all(|(category, facts)| facts.is_published(&category.into()))
    }

    /// One line for the supervisor and the log: `9 fresh, 1 failing (1234 models); next poll 2026-11-25T12:00:00Z`.
    #[must_use]
    pub fn summary(&self, now: Timestamp, next_poll: Option<Timestamp>) -> String {
        let mut counts: BTreeMap<State, usize> = BTreeMap::new();
        for item in self.items.keys() {
            *counts.entry(self.state(item, now)).or_default() += 1;
        }
        let states: Vec<String> = counts
            .iter()
            .rev()
            .map(|(state, count)| format!("{count} {}", state.as_str()))
            .collect();
        let models: u64 = self.items.values().filter_map(Facts::models).sum();
        let next = next_poll.map_or(String::new(), |at| format!("; next poll {at:.0}"));
        format!("{} ({models} models){next}", states.join(", "))
    }
}

#[cfg(test)]
mod tests;
