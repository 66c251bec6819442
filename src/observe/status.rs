//! The status file: how fresh every category is, written after every poll and read by `horde-refd status`.
//!
//! It is one JSON object ([`Status`]), replaced atomically. Times are RFC 3339, `null` is "never" or "not known".
//!
//! 1. A reader needs no writer to see that time passed: `stale` comes from the age of the last success
//!    ([`CategoryStatus::state_at`]) and the threshold that the writer noted.
//! 2. The file is looked for where the writer puts it ([`locate()`]): `$RUNTIME_DIRECTORY`, else `/run/horde-refd` if the
//!    file there is about the same mirror, else `.horde-refd` in the mirror.
//! 3. Healthy means: the writer lives, and every category is fresh or modified ([`crate::inspect::status`]).

mod locate;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::process::Process;
use crate::category::Category;
pub use locate::{FILE, Located, locate, path_for_writer};

/// The version of the file's format.
pub const FORMAT: u32 = 1;

/// What a daemon knows of itself and its mirror.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`FORMAT`]
    pub format: u32,
    /// The daemon: `pid`, `host`, `boot_id`, `start_ticks`.
    #[serde(flatten)]
    pub process: Process,
    /// The daemon's version.
    pub version: String,
    /// When it started.
    pub since: Timestamp,
    /// What it does.
    pub role: Role,
    /// The mirror.
    pub base_path: PathBuf,
    /// Where legacy files come from, for people: without a password.
    pub upstream: String,
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
    /// Hosts that asked to be left alone, and until when.
    #[serde(default)]
    pub held_until: BTreeMap<String, Timestamp>,
    /// Every category that has a legacy file, in the order of [`Category::ALL`].
    #[serde(with = "by_name")]
    pub categories: BTreeMap<Category, CategoryStatus>,
}

/// What a daemon does with its mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It holds the lock and publishes.
    Writer,
    /// It waits for the lock.
    Standby,
}

impl Role {
    /// The role's name, as in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Standby => "standby",
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

/// How a category is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Published, and lately found to be what the upstream has.
    Fresh,
    /// Published from a legacy file that somebody edited here; the next poll replaces it.
    Modified,
    /// Published, but the last success is too long ago.
    Stale,
    /// The upstream's file cannot be converted; what is published is the last good one.
    Rejected,
    /// The upstream asked to be left alone, or an update is held back.
    Held,
    /// The last poll failed; what is published is the last good one.
    Failing,
    /// Nothing is published.
    #[default]
    Absent,
}

impl State {
    /// The state's name, as in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Modified => "modified",
            Self::Stale => "stale",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Failing => "failing",
            Self::Absent => "absent",
        }
    }

    /// Whether nobody need look.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Fresh | Self::Modified)
    }
}

/// How one category is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CategoryStatus {
    /// How it was when this was written; [`CategoryStatus::state_at`] is how it is.
    pub state: State,
    /// The last time the upstream was asked.
    pub last_check: Option<Timestamp>,
    /// The last time that what is published was found to be what the upstream has.
    pub last_success: Option<Timestamp>,
    /// The last time that something else was published.
    pub last_change: Option<Timestamp>,
    /// When the upstream is asked next.
    pub next_poll: Option<Timestamp>,
    /// How many polls failed since the last that did not.
    pub consecutive_failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last of them failed.
    pub last_error: Option<String>,
    /// How many models are published.
    pub models: Option<u64>,
    /// The size of the published v2 file.
    pub bytes: Option<u64>,
}

impl CategoryStatus {
    /// How the category is at a time: what was noted, unless the last success has become too old since.
    ///
    /// `absent` and `rejected` stay what they are: both are worse than old, and waiting does not change them.
    #[must_use]
    pub fn state_at(&self, now: Timestamp, stale_after: Duration) -> State {
        let ages = !matches!(self.state, State::Absent | State::Rejected);
        match self.last_success {
            Some(success) if ages && age(success, now) > stale_after => State::Stale,
            _ => self.state,
        }
    }
}

/// How long ago something was; zero for a time in the future.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}

/// The status file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// It cannot be read.
    #[error("cannot read the status file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not a status file.
    #[error("{} is not a status file", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// It was written by a daemon whose format this program does not know.
    #[error("the status file {} has format {found}, this program reads format {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

impl Status {
    /// Reads a status file.
    ///
    /// # Errors
    /// It cannot be read, is no status file, or is of another format.
    pub fn read(path: &Path) -> Result<Self, StatusError> {
        let bytes = fs::read(path).map_err(|source| StatusError::Read {
            path: path.to_owned(),
            source,
        })?;
        let parse = |source| StatusError::Parse {
            path: path.to_owned(),
            source,
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(parse)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => Err(StatusError::Format {
                path: path.to_owned(),
                found,
            }),
            _ => serde_json::from_value(value).map_err(parse),
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys cannot fail to be written.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
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
        self
    }

    /// Whether the daemon lives. Of another host's only its last words are known, so those must not be too old.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        let recent = || age(self.updated_at, now) <= self.stale_after();
        self.process.is_alive().unwrap_or_else(recent)
    }
}

/// Categories by their names, in the order of [`Category::ALL`]; names that this version does not know are left out.
mod by_name {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Category, CategoryStatus};

    pub(super) fn serialize<S: Serializer>(
        categories: &BTreeMap<Category, CategoryStatus>,
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
    ) -> Result<BTreeMap<Category, CategoryStatus>, D::Error> {
        let named = BTreeMap::<String, CategoryStatus>::deserialize(from)?;
        let known = named
            .into_iter()
            .filter_map(|(name, status)| Some((name.parse().ok()?, status)));
        Ok(known.collect())
    }
}

#[cfg(test)]
mod tests;
