//! Going on from an earlier status: a restart, a takeover and a standby begin with what the last writer knew.

use jiff::Timestamp;

use super::Ledger;
use super::facts::{Announced, Facts, Lasting, State, UpstreamFacts, age};
use super::status::{FileStatus, ItemStatus, Status, UpstreamStatus};
use crate::cycle::{Breaker, ItemReport, Outcome};
use crate::item::Item;
use crate::mirror::Digest;

/// What the manifest says of an item whose file is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The v2 file's digest and size.
    pub v2: Option<(Digest, u64)>,
    /// The size of the file below `legacy/`.
    pub legacy_bytes: Option<u64>,
    /// How many models the v2 file has.
    pub models: Option<u64>,
    /// How many records were left out of it.
    pub dropped: u64,
    /// The upstream that gave it.
    pub source: Option<String>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
}

impl Ledger {
    /// Goes on where another writer's status ended, so that ages survive a restart. Times that are in the future are
    /// left out.
    ///
    /// `limited_until` is the deadline of an upstream's host that still asks to be left alone.
    pub fn resume(&mut self, earlier: &Status, limited_until: Option<Timestamp>, now: Timestamp) {
        for (&category, known) in &earlier.categories {
            let facts = self.items.entry(Item::Category(category)).or_default();
            *facts = resumed(facts, known, limited_until, now);
        }
        for (item, facts) in &mut self.items {
            let known = earlier.files.get(&item.to_string());
            if let (Item::File(_), Some(known)) = (item, known) {
                *facts = resumed(facts, &known.into(), limited_until, now);
            }
        }
        for (name, facts) in &mut self.upstreams {
            if let Some(known) = earlier.upstreams.get(name) {
                *facts = resumed_upstream(known, now);
            }
        }
    }

    /// Takes in what the manifest says of an item, until the first cycle has looked at its files.
    pub fn published(&mut self, item: &Item, listed: &Listed) {
        let facts = self.items.entry(item.clone()).or_default();
        facts.list(listed);
    }
}

impl Facts {
    pub(super) fn list(&mut self, listed: &Listed) {
        self.last_change = self.last_change.max(listed.published_at);
        if self.source.is_none() {
            self.source.clone_from(&listed.source);
        }
        let last = self.last.get_or_insert_with(ItemReport::unchanged);
        last.v2 = listed.v2;
        last.legacy_bytes = listed.legacy_bytes;
        last.models = listed.models;
        last.dropped = listed.dropped;
    }
}

/// The facts that a status gives; how often each outcome was had is this process's own.
pub(super) fn resumed(
    own: &Facts,
    known: &ItemStatus,
    limited_until: Option<Timestamp>,
    now: Timestamp,
) -> Facts {
    let past = |time: Option<Timestamp>| time.filter(|time| age(*time, now).is_some());
    // What waits behind a pin is not held.
    let held = known.held.as_ref().filter(|_| known.pinned.is_none());
    let outcome = match known.state {
        State::Rejected => Outcome::Rejected,
        _ if known.last_error.is_some() => Outcome::Failed,
        _ if held.is_some() => Outcome::Held,
        _ => Outcome::Unchanged,
    };
    let limited_until = limited_until.filter(|_| known.state == State::Limited);
    let lasting = known.last_error.clone().map(|error| Lasting {
        outcome,
        limited_until,
        error,
    });
    let failing_since = past(known.failing_since);
    let held_since = held.map(|held| held.since);
    // The log of the earlier process has it.
    let announced = (known.consecutive_failures > 0 || held_since.is_some()).then(|| Announced {
        kind: (outcome, known.state == State::Limited),
        since: failing_since.or(past(held_since)).unwrap_or(now),
        failures: known.consecutive_failures,
    });
    let looked_at = known.last_check.is_some() || known.consecutive_failures > 0;
    Facts {
        last: Some(ItemReport {
            outcome,
            limited_until,
            instead_of: known.instead_of.clone(),
            held: known.held.clone(),
            pinned: known.pinned.clone(),
            modified: known.state == State::Modified,
            ..ItemReport::unchanged()
        }),
        last_check: past(known.last_check),
        last_success: past(known.last_success),
        last_change: past(known.last_change),
        failures: known.consecutive_failures,
        failing_since,
        last_error: known.last_error.clone(),
        source: known.source.clone(),
        outcomes: own.outcomes.clone(),
        convert_seconds: own.convert_seconds,
        upstream_trouble: lasting,
        announced,
        healthy: looked_at.then(|| known.state.is_healthy()),
        ..Facts::default()
    }
}

fn resumed_upstream(known: &UpstreamStatus, now: Timestamp) -> UpstreamFacts {
    let failing_since = known.failing_since.filter(|time| age(*time, now).is_some());
    UpstreamFacts {
        up: known.up,
        failing_since,
        last_error: known.last_error.clone(),
        breaker: Breaker::Closed,
        limited_until: known.limited_until.filter(|until| *until > now),
        announced: known.up,
        announced_since: failing_since,
    }
}

impl From<&FileStatus> for ItemStatus {
    fn from(file: &FileStatus) -> Self {
        Self {
            state: file.state,
            source: file.source.clone(),
            last_success: file.last_success,
            last_error: file.last_error.clone(),
            consecutive_failures: u32::from(file.last_error.is_some()),
            ..Self::default()
        }
    }
}
