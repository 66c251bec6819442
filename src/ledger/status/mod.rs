//! The status file: what a process knows of itself and its mirror, written after every cycle.
//!
//! It is one JSON object ([`Status`]), replaced atomically. Times are RFC 3339, `null` is "never" or "not known".
//!
//! 1. A reader needs no writer to see that time passed: `stale` comes from the age of the last success
//!    ([`ItemStatus::state_at`]) and the threshold that the writer noted, [`Status::overdue`] from the poll it promised.
//! 2. The file is looked for where the writer puts it ([`locate()`]): `$RUNTIME_DIRECTORY`, else `/run/horde-refd` if the
//!    file there is about the same mirror, else `.horde-refd` in the mirror.
//! 3. Healthy means: the daemon lives and polls when it promised to, and every category is fresh, modified or pinned
//!    ([`Status::complaints`]). A `sync` promises neither.
//! 4. The next process goes on from it ([`Ledger::resume`](super::Ledger::resume)), and a standby repeats it.

mod file;
mod health;
mod locate;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::file::StatusError;
pub use self::health::SPEAKS;
pub use self::locate::{FILE, Located, locate, path_for_writer, paths};
pub use self::words::{ago, span};
use super::Ledger;
use super::facts::{Facts, State, UpstreamFacts, is_outdated};
use super::process::Process;
use crate::category::Category;
use crate::cycle::{Breaker, Held};
use crate::item::Item;

/// The version of the file's format.
pub const FORMAT: u32 = 2;

/// What a process knows of itself and its mirror.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`FORMAT`]
    pub format: u32,
    /// The process: `pid`, `host`, `boot_id`, `start_ticks`, `pid_namespace`.
    #[serde(flatten)]
    pub process: Process,
    /// Its version.
    pub version: String,
    /// When it started.
    pub since: Timestamp,
    /// What it does.
    pub role: Role,
    /// The mirror.
    pub base_path: PathBuf,
    /// When this was written.
    pub updated_at: Timestamp,
    /// When the next poll is due.
    pub next_poll: Option<Timestamp>,
    /// The last forced cycle that ended; `refresh --wait` waits for it.
    pub last_forced: Option<ForcedCycle>,
    /// How many cycles there were.
    pub cycles: u64,
    /// The age of the last success from which a category is stale: `stale_after` in seconds.
    pub stale_after_seconds: u64,
    /// The categories that are served or were published once, in the order of [`Category::ALL`].
    #[serde(with = "by_name")]
    pub categories: BTreeMap<Category, ItemStatus>,
    /// Extra files, by their paths below the mirror's base.
    #[serde(default)]
    pub files: BTreeMap<String, FileStatus>,
    /// The upstreams, by their names.
    #[serde(default)]
    pub upstreams: BTreeMap<String, UpstreamStatus>,
}

/// What a process does with its mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A daemon that holds the lock and publishes.
    Writer,
    /// A daemon that waits for the lock.
    Standby,
    /// A `sync`: one cycle.
    Once,
}

impl Role {
    /// The role's name, as in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Standby => "standby",
            Self::Once => "once",
        }
    }
}

/// A forced cycle that ended. The times are of `CLOCK_MONOTONIC`: comparable on one host, whatever the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedCycle {
    /// When it began, in microseconds.
    pub began_monotonic_us: u64,
    /// When it ended, in microseconds.
    pub ended_monotonic_us: u64,
    /// What `sync` would have exited with.
    pub exit_code: u8,
}

/// How one category is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemStatus {
    /// How it was when this was written; [`ItemStatus::state_at`] is how it is.
    pub state: State,
    /// The upstream that last gave or confirmed what is published.
    pub source: Option<String>,
    /// The preferred upstreams that failed, where a fallback serves it.
    pub instead_of: Vec<String>,
    /// The last time that an upstream was asked.
    pub last_check: Option<Timestamp>,
    /// The last time that what is published was found to be what the upstream has.
    pub last_success: Option<Timestamp>,
    /// The last time that something else was published.
    pub last_change: Option<Timestamp>,
    /// When an upstream is asked next.
    pub next_poll: Option<Timestamp>,
    /// How many polls failed since the last that did not.
    pub consecutive_failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last of them failed.
    pub last_error: Option<String>,
    /// How many models are published.
    pub models: Option<u64>,
    /// How many records were left out.
    pub dropped: u64,
    /// The size of the published v2 file in bytes.
    pub bytes: Option<u64>,
    /// The update that a guard holds back.
    pub held: Option<Held>,
    /// The generation that is pinned.
    pub pinned: Option<String>,
}

/// How one extra file is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileStatus {
    /// How it was when this was written.
    pub state: State,
    /// The upstream that last gave or confirmed it.
    pub source: Option<String>,
    /// The last time that it was found to be what the upstream has.
    pub last_success: Option<Timestamp>,
    /// Why it is not.
    pub last_error: Option<String>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
}

/// How one upstream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Whether it answered when it was last asked.
    pub up: bool,
    /// Since when it did not.
    pub failing_since: Option<Timestamp>,
    /// Why not.
    pub last_error: Option<String>,
    /// The breaker of its host.
    pub breaker: Breaker,
    /// Until when its host asked to be left alone.
    pub limited_until: Option<Timestamp>,
}

/// What the ledger does not know of the process that writes the status.
#[derive(Debug, Clone)]
pub struct About {
    /// The process.
    pub process: Process,
    /// When it started.
    pub since: Timestamp,
    /// What it does.
    pub role: Role,
    /// The mirror.
    pub base_path: PathBuf,
    /// When the next poll is due; `None`: it promises none.
    pub next_poll: Option<Timestamp>,
    /// The last forced cycle that ended.
    pub last_forced: Option<ForcedCycle>,
}

/// How a state that was noted is at a time: as noted, unless the last success has become too old since.
///
/// What comes before `stale` in the order of states stays what it is: waiting does not change it.
fn aged(state: State, success: Option<Timestamp>, now: Timestamp, stale_after: Duration) -> State {
    if state > State::Stale && is_outdated(success, now, stale_after) {
        State::Stale
    } else {
        state
    }
}

impl ItemStatus {
    fn of(item: &Item, facts: &Facts, state: State, next_poll: Option<Timestamp>) -> Self {
        let last = facts.last.as_ref();
        let limited = facts.limited_until();
        Self {
            state,
            source: facts.source.clone(),
            instead_of: last.map_or_else(Vec::new, |last| last.instead_of.clone()),
            last_check: facts.last_check,
            last_success: facts.last_success,
            last_change: facts.last_change,
            next_poll: next_poll.max(limited.filter(|_| next_poll.is_some())),
            consecutive_failures: facts.failures,
            failing_since: facts.failing_since,
            last_error: facts.last_error.clone(),
            models: facts.models(),
            dropped: last.map_or(0, |last| last.dropped),
            bytes: facts.bytes(item),
            held: last.and_then(|last| last.held.clone()),
            pinned: last.and_then(|last| last.pinned.clone()),
        }
    }

    /// How the category is at a time.
    #[must_use]
    pub fn state_at(&self, now: Timestamp, stale_after: Duration) -> State {
        aged(self.state, self.last_success, now, stale_after)
    }
}

impl FileStatus {
    /// How the file is at a time.
    #[must_use]
    pub fn state_at(&self, now: Timestamp, stale_after: Duration) -> State {
        aged(self.state, self.last_success, now, stale_after)
    }
}

impl UpstreamStatus {
    fn of(facts: &UpstreamFacts) -> Self {
        Self {
            up: facts.up,
            failing_since: facts.failing_since,
            last_error: facts.last_error.clone(),
            breaker: facts.breaker,
            limited_until: facts.limited_until,
        }
    }
}

impl Status {
    /// What a ledger says at a time.
    #[must_use]
    pub fn of(ledger: &Ledger, about: About, now: Timestamp) -> Self {
        let mut categories = BTreeMap::new();
        let mut files = BTreeMap::new();
        for (item, facts) in &ledger.items {
            let state = facts.state(item, now, ledger.stale_after);
            match item {
                Item::Category(category) => {
                    let status = ItemStatus::of(item, facts, state, about.next_poll);
                    categories.insert(*category, status);
                }
                Item::File(_) => {
                    let status = FileStatus {
                        state,
                        source: facts.source.clone(),
                        last_success: facts.last_success,
                        last_error: facts.last_error.clone(),
                        bytes: facts.bytes(item),
                    };
                    files.insert(item.to_string(), status);
                }
            }
        }
        let upstreams = ledger.upstreams.iter();
        Self {
            format: FORMAT,
            process: about.process,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: about.since,
            role: about.role,
            base_path: about.base_path,
            updated_at: now,
            next_poll: about.next_poll,
            last_forced: about.last_forced,
            cycles: ledger.cycles,
            stale_after_seconds: ledger.stale_after.as_secs(),
            categories,
            files,
            upstreams: upstreams
                .map(|(name, facts)| (name.clone(), UpstreamStatus::of(facts)))
                .collect(),
        }
    }

    /// The threshold of `stale`.
    #[must_use]
    pub const fn stale_after(&self) -> Duration {
        Duration::from_secs(self.stale_after_seconds)
    }

    /// The same, with every state as it is at a time.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let stale_after = self.stale_after();
        for category in self.categories.values_mut() {
            category.state = category.state_at(now, stale_after);
        }
        for file in self.files.values_mut() {
            file.state = file.state_at(now, stale_after);
        }
        self
    }
}

/// Categories by their names, in the order of [`Category::ALL`]; names that this version does not know are left out.
mod by_name {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Category, ItemStatus};

    pub(super) fn serialize<S: Serializer>(
        categories: &BTreeMap<Category, ItemStatus>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(
            categories
                .iter()
                .map(|(category, status)| (category.name(), status)),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Category, ItemStatus>, D::Error> {
        let named = BTreeMap::<String, ItemStatus>::deserialize(from)?;
        let known = named
            .into_iter()
            .filter_map(|(name, status)| Some((name.parse().ok()?, status)));
        Ok(known.collect())
    }
}

#[cfg(test)]
mod tests;
