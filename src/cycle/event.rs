//! What a cycle says while it runs, as values: how each item fared, and how the whole ended.
//!
//! The ledger folds these into facts, and everything that anybody is shown is read from there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::ItemError;
use crate::category::Category;
use crate::depth::Depth;
use crate::disk::DiskError;
use crate::item::Item;
use crate::mirror::{Changes, Digest};
use crate::upstream::UpstreamError;

/// One thing that happened in a cycle.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request for an item was begun.
    Asked(Item),
    /// The files of an item were put in order while the cycle still waits for an upstream.
    Mended(Item, ItemReport),
    /// Another program goes on changing the files of an item: what it does to them. They are brought back at a slower pace
    /// from now on.
    Rewritten(Item, String),
    /// An item is done for this cycle.
    Done(Item, ItemReport),
    /// How an upstream that was asked in this cycle is; one event an upstream, before [`Event::Ended`].
    Upstream(String, UpstreamReport),
    /// The cycle is over: the manifest and the state are written, or `unwritten` says why not.
    Ended {
        /// How deep it went.
        depth: Depth,
        /// From its beginning to its end.
        elapsed: Duration,
        /// Why `manifest.json` or `state.json` could not be written.
        unwritten: Option<Arc<DiskError>>,
    },
}

/// How a cycle ended for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A published file changed.
    Updated,
    /// Everything was as it should be.
    Unchanged,
    /// The upstream's body cannot be converted or is no reference at all; the v2 file stays as it was.
    Rejected,
    /// A good update is held back by a guard.
    Held,
    /// A body could not be had or a file could not be written; what was published before stays.
    Failed,
    /// No upstream serves the item, and it never was published.
    Skipped,
}

impl Outcome {
    /// Every outcome, best first.
    pub const ALL: [Self; 6] = [
        Self::Skipped,
        Self::Unchanged,
        Self::Updated,
        Self::Held,
        Self::Rejected,
        Self::Failed,
    ];

    /// The name in results, statuses, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a `sync` that met it exits with 0.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Updated | Self::Unchanged | Self::Skipped)
    }
}

/// What the upstreams answered for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A body was received.
    Downloaded,
    /// What is published, or waits, is still what the upstream has.
    NotModified,
    /// None could be asked, or no answer could be used.
    Failed,
    /// None was asked.
    None,
}

/// Who gave or confirmed what is published.
pub use crate::upstream::Source as Origin;

/// A good update that a guard holds back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Held {
    /// How many models it has.
    pub models: u64,
    /// How many of the published models it lacks.
    pub removed: u64,
    /// When the first such update was held.
    pub since: Timestamp,
    /// When it is published all the same; `None`: not before it is accepted.
    pub until: Option<Timestamp>,
    /// The SHA-256 of the v2 file that it would give.
    pub v2_sha256: Digest,
}

/// How one item fared in one cycle, and how it is published now.
#[derive(Debug, Clone)]
pub struct ItemReport {
    /// The outcome.
    pub outcome: Outcome,
    /// What the upstreams answered.
    pub answered: Answered,
    /// Who gave or confirmed the published v2 bytes in this cycle.
    pub origin: Option<Origin>,
    /// The preferred upstreams that failed, where a fallback serves the item.
    pub instead_of: Vec<String>,
    /// Decoded bytes received for it.
    pub downloaded_bytes: u64,
    /// Records in the published v2 file, where there is one.
    pub models: Option<u64>,
    /// Records that were left out of it (`on_invalid_record = "skip"`).
    pub dropped: u64,
    /// The first few of them, each with what is wrong with it, where this cycle converted the file.
    pub left_out: Vec<String>,
    /// The published v2 file's digest and size in bytes, where there is one.
    pub v2: Option<(Digest, u64)>,
    /// The size in bytes of the file below `legacy/`, where there is one.
    pub legacy_bytes: Option<u64>,
    /// Findings of lint in the records.
    pub issues: u64,
    /// What an update changed.
    pub changes: Option<Changes>,
    /// The legacy file on disk is not the upstream's: it was edited.
    pub modified: bool,
    /// The update that is held back.
    pub held: Option<Held>,
    /// The generation that is pinned.
    pub pinned: Option<String>,
    /// Until when the host of the upstream asked to be left alone.
    pub limited_until: Option<Timestamp>,
    /// How long the conversion took, where one ran.
    pub convert_time: Option<Duration>,
    /// Why the outcome is not good.
    pub error: Option<ItemError>,
}

impl ItemReport {
    /// An item of which nothing is known, in order.
    #[must_use]
    pub const fn unchanged() -> Self {
        Self {
            outcome: Outcome::Unchanged,
            answered: Answered::None,
            origin: None,
            instead_of: Vec::new(),
            downloaded_bytes: 0,
            models: None,
            dropped: 0,
            left_out: Vec::new(),
            v2: None,
            legacy_bytes: None,
            issues: 0,
            changes: None,
            modified: false,
            held: None,
            pinned: None,
            limited_until: None,
            convert_time: None,
            error: None,
        }
    }

    /// Adds what an earlier look of the same cycle changed.
    pub(super) fn mended(&mut self, changes: Option<Changes>) {
        if self.changes.is_none() {
            self.changes = changes;
        }
        if self.outcome == Outcome::Unchanged {
            self.outcome = Outcome::Updated;
        }
    }

    /// An item that no upstream serves.
    #[must_use]
    pub fn skipped() -> Self {
        Self {
            outcome: Outcome::Skipped,
            ..Self::unchanged()
        }
    }

    /// An item that failed.
    #[must_use]
    pub fn failed(error: ItemError) -> Self {
        Self {
            outcome: Outcome::Failed,
            error: Some(error),
            ..Self::unchanged()
        }
    }
}

/// How an upstream is, as its hosts answered in this cycle.
#[derive(Debug, Clone)]
pub struct UpstreamReport {
    /// Why it is not well: its last failure of this cycle, if none of its answers came after that.
    pub error: Option<Arc<UpstreamError>>,
    /// Until when its host asked to be left alone.
    pub limited_until: Option<Timestamp>,
    /// The breaker of its host.
    pub breaker: Breaker,
}

/// Whether a host is asked at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// It is asked.
    #[default]
    Closed,
    /// It is not, until the next cycle.
    Open,
    /// One request finds out.
    Probing,
}

/// How a whole cycle fared.
#[derive(Debug, Clone)]
pub struct Report {
    /// How each item fared, categories first, in the categories' order.
    pub items: BTreeMap<Item, ItemReport>,
    /// From the cycle's beginning to its end.
    pub elapsed: Duration,
    /// Why `manifest.json` or `state.json` could not be written.
    pub unwritten: Option<Arc<DiskError>>,
    /// Whether a host was dead or answered with an error of its own (5xx): a reason to poll again soon.
    pub troubled: bool,
    /// When to look at the disk again, since something was left as it is.
    pub postponed: Option<Duration>,
}

impl Report {
    /// The reports of categories.
    pub fn categories(&self) -> impl Iterator<Item = (Category, &ItemReport)> {
        self.items
            .iter()
            .filter_map(|(item, report)| Some((item.category()?, report)))
    }

    /// The report of one category.
    #[must_use]
    pub fn category(&self, category: Category) -> Option<&ItemReport> {
        self.items.get(&Item::Category(category))
    }

    /// Whether all that was asked for is done and fresh.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unwritten.is_none() && self.items.values().all(|report| report.outcome.is_good())
    }

    /// Whether the cycle found that another process has become the mirror's writer.
    #[must_use]
    pub fn lost_the_lock(&self) -> bool {
        let errors = self.items.values().filter_map(|item| item.error.as_ref());
        errors.into_iter().any(ItemError::is_locked)
    }

    /// The items with a published file that changed.
    #[must_use]
    pub fn changed(&self) -> Vec<&Item> {
        self.items
            .iter()
            .filter(|(_, report)| report.outcome == Outcome::Updated || report.changes.is_some())
            .map(|(item, _)| item)
            .collect()
    }
}
