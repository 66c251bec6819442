//! What is known of one item and of one upstream, and what is read from it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::transition::{Kind, Trouble};
use crate::cycle::{Breaker, ItemReport, Outcome};
use crate::item::Item;

/// How far the clocks of two hosts on one mirror may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// How an item is: the first that applies.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is published.
    #[default]
    Absent,
    /// The operator keeps a generation, whatever the upstream says.
    Pinned,
    /// The upstream's file cannot be converted; what is published is the last good one.
    Rejected,
    /// A good update is held back by a guard.
    Held,
    /// The last success is too long ago.
    Stale,
    /// The upstream asked to be left alone.
    Limited,
    /// The last poll failed; what is published is the last good one.
    Failing,
    /// Published from a legacy file that was edited here; the next poll replaces it.
    Modified,
    /// Published, and lately found to be what the upstream has.
    Fresh,
}

impl State {
    /// The state's name, as in the status file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Pinned => "pinned",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Stale => "stale",
            Self::Limited => "limited",
            Self::Failing => "failing",
            Self::Modified => "modified",
            Self::Fresh => "fresh",
        }
    }

    /// Whether all is as it should be.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Pinned | Self::Modified | Self::Fresh)
    }
}

/// How long ago a time was; `None` for one in the future, which only a wrong clock gives.
///
/// A time that is ahead by less than a minute is now: the clocks of two hosts are never quite the same.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> Option<Duration> {
    if let Ok(age) = Duration::try_from(now.duration_since(then)) {
        return Some(age);
    }
    let ahead = Duration::try_from(then.duration_since(now)).ok()?;
    (ahead <= SKEW).then_some(Duration::ZERO)
}

/// Whether a last success is too long ago, or never was.
pub(super) fn is_outdated(success: Option<Timestamp>, now: Timestamp, limit: Duration) -> bool {
    success
        .and_then(|time| age(time, now))
        .is_none_or(|age| age > limit)
}

/// Whether a guard holds an update of an item back.
pub(super) fn is_held(report: &ItemReport) -> bool {
    let waits = report.held.is_some() && report.pinned.is_none();
    waits || report.outcome == Outcome::Held
}

/// All that is known of an item.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How it fared in the last cycle, with the upstream's trouble where that goes on.
    pub last: Option<ItemReport>,
    /// The last time that an upstream was asked.
    pub last_check: Option<Timestamp>,
    /// The last time that what is published was found to be what the upstream has.
    pub last_success: Option<Timestamp>,
    /// The last time that something else was published.
    pub last_change: Option<Timestamp>,
    /// How many polls failed since the last that did not.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last of them failed.
    pub last_error: Option<String>,
    /// The upstream that last gave or confirmed what is published.
    pub source: Option<String>,
    /// How often each outcome was had since the process began.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How long the last conversion took.
    pub convert_seconds: Option<f64>,
    /// What is on disk is not what the manifest says, and no process writes that could put it right.
    pub(super) doubtful: bool,
    /// What the upstream's last answer was, if it was no good; a look at the files cannot end that.
    pub(super) upstream_trouble: Option<Lasting>,
    /// The last look at the files met an empty or missing one.
    pub(super) empty: bool,
    /// The same, for the first time: an editor may be about to fill it.
    pub(super) passing: bool,
    /// What the last report found, until it is announced.
    pub(super) found: Option<Found>,
    /// The trouble that was announced last and has not ended.
    pub(super) announced: Option<Announced>,
    /// The health that was announced last.
    pub(super) healthy: Option<bool>,
}

/// The upstream's trouble, which outlives looks at the files.
#[derive(Debug, Clone)]
pub(super) struct Lasting {
    pub(super) outcome: Outcome,
    pub(super) limited_until: Option<Timestamp>,
    pub(super) error: String,
}

/// What a report says about the trouble of an item.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// There is none, or no more.
    Well,
    /// There is one.
    Bad(Trouble),
}

/// A trouble that was news.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) kind: Kind,
    pub(super) since: Timestamp,
    pub(super) failures: u32,
}

impl Facts {
    /// Whether a file is published: the v2 file, or the extra file itself.
    #[must_use]
    pub fn is_published(&self, item: &Item) -> bool {
        self.bytes(item).is_some()
    }

    /// The size of the published file that readers read.
    #[must_use]
    pub fn bytes(&self, item: &Item) -> Option<u64> {
        let last = self.last.as_ref()?;
        match item {
            Item::Category(_) => last.v2.map(|(_, bytes)| bytes),
            Item::File(_) => last.legacy_bytes,
        }
    }

    /// How many models are published.
    #[must_use]
    pub fn models(&self) -> Option<u64> {
        self.last.as_ref()?.models
    }

    /// Until when the upstream asked to be left alone.
    #[must_use]
    pub fn limited_until(&self) -> Option<Timestamp> {
        self.last.as_ref()?.limited_until
    }

    /// Whether a guard holds an update back; what waits behind a pin is not held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.last.as_ref().is_some_and(is_held)
    }

    /// Whether the last success is too long ago or never was, whatever else is wrong.
    #[must_use]
    pub fn is_outdated(&self, now: Timestamp, stale_after: Duration) -> bool {
        self.doubtful || is_outdated(self.last_success, now, stale_after)
    }

    /// How the item is at a time.
    #[must_use]
    pub fn state(&self, item: &Item, now: Timestamp, stale_after: Duration) -> State {
        let Some(last) = self.last.as_ref().filter(|_| self.is_published(item)) else {
            return State::Absent;
        };
        if last.pinned.is_some() {
            State::Pinned
        } else if last.outcome == Outcome::Rejected {
            State::Rejected
        } else if self.is_held() {
            State::Held
        } else if self.is_outdated(now, stale_after) {
            State::Stale
        } else if last.limited_until.is_some() {
            State::Limited
        } else if self.failures > 0 {
            State::Failing
        } else if last.modified {
            State::Modified
        } else {
            State::Fresh
        }
    }
}

/// All that is known of an upstream; nothing bad until it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamFacts {
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
    /// Whether it was well when that was last announced.
    pub(super) announced: bool,
    /// When it began to be unwell, as far as that was announced.
    pub(super) announced_since: Option<Timestamp>,
}

impl Default for UpstreamFacts {
    fn default() -> Self {
        Self {
            up: true,
            failing_since: None,
            last_error: None,
            breaker: Breaker::Closed,
            limited_until: None,
            announced: true,
            announced_since: None,
        }
    }
}
