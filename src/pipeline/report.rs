//! What a cycle reports: an outcome a category, and why where it is not a good one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::category::Category;
use crate::disk::{self, DiskError, Links};
use crate::error::chain;
use crate::legacy::Rejected;
use crate::mirror::layout::READABLE;
use crate::mirror::{Changes, Digest, Layout, LockError, Published, manifest};
use crate::upstream::UpstreamError;

/// How a cycle ended for one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A published file changed.
    Updated,
    /// Everything was as it should be.
    Unchanged,
    /// The legacy file cannot be converted; the old v2 file stands.
    Rejected,
    /// The legacy file could not be had or a file could not be written; the old v2 file stands.
    Failed,
    /// The category has no legacy format.
    Skipped,
}

impl Outcome {
    /// The name in results, statuses, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What the upstream had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A body was received.
    Downloaded,
    /// The file on disk is the upstream's.
    NotModified,
    /// It could not be asked, or its answer could not be used.
    Failed,
    /// It was not asked.
    None,
}

/// Why a category was rejected or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CategoryError {
    /// The upstream did not deliver.
    #[error(transparent)]
    Upstream(Arc<UpstreamError>),
    /// The body that the upstream sent is not a legacy file; the one on disk was kept.
    #[error("what {url} sent is not a legacy file and was not stored")]
    NotLegacy {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        #[source]
        reason: Rejected,
    },
    /// The legacy file on disk cannot be converted.
    #[error("{file} cannot be converted; what was published before stays")]
    Rejected {
        /// The legacy file.
        file: String,
        /// The model, the field and the reason.
        #[source]
        reason: Rejected,
    },
    /// There is no legacy file, or it has no contents.
    #[error("{file} is {what}; what was published before stays")]
    NoLegacy {
        /// The legacy file.
        file: String,
        /// "missing" or "empty".
        what: &'static str,
    },
    /// A file of the mirror could not be read or written.
    #[error(transparent)]
    Disk(Arc<DiskError>),
    /// The mirror's writer, another process, has not published it.
    #[error("the writer of this mirror has not published {file} yet")]
    NotPublished {
        /// The v2 file.
        file: String,
    },
    /// The mirror as a whole cannot be written.
    #[error(transparent)]
    Mirror(Arc<LockError>),
}

/// How one category fared.
#[derive(Debug, Clone)]
pub struct CategoryReport {
    /// The outcome.
    pub outcome: Outcome,
    /// The legacy file's address at the upstream.
    pub url: Option<String>,
    /// What the upstream had to say.
    pub upstream: Answer,
    /// Decoded bytes received for it.
    pub downloaded_bytes: u64,
    /// Records in the published v2 file, where there is one.
    pub models: Option<u64>,
    /// The published v2 file's digest and size, where there is one.
    pub v2: Option<(Digest, u64)>,
    /// The stored legacy file's size, where there is one.
    pub legacy_bytes: Option<u64>,
    /// Lint findings in the legacy file.
    pub issues: usize,
    /// What an update changed.
    pub changes: Option<Changes>,
    /// The legacy file on disk is not the upstream's: somebody edited it.
    pub modified: bool,
    /// Until when the upstream's host asked to be left alone.
    pub held_until: Option<Timestamp>,
    /// How long the conversion took, where one ran.
    pub convert_time: Option<Duration>,
    /// Why it was rejected or failed.
    pub error: Option<CategoryError>,
}

/// How a whole cycle fared.
#[derive(Debug, Clone)]
pub struct Report {
    /// The reports, in the categories' order.
    pub categories: BTreeMap<Category, CategoryReport>,
    /// From the cycle's start to its end.
    pub elapsed: Duration,
}

impl Report {
    /// Whether all that was asked for is done and fresh.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.categories
            .values()
            .all(|report| !matches!(report.outcome, Outcome::Failed | Outcome::Rejected))
    }

    /// A report for a mirror that cannot be written at all.
    #[must_use]
    pub fn unwritable(categories: &[Category], error: LockError) -> Self {
        let error = Arc::new(error);
        Self::of(categories, |_| {
            CategoryReport::failed(CategoryError::Mirror(Arc::clone(&error)))
        })
    }

    /// A report for a mirror that another process writes: what it has published, as its manifest says, stands.
    #[must_use]
    pub fn of_another_writer(categories: &[Category], layout: &Layout) -> Self {
        let manifest = manifest::read_manifest(&layout.manifest()).unwrap_or_default();
        Self::of(categories, |category| {
            let file = layout.v2(category);
            let Ok(Some(bytes)) = disk::read(&file, Links::Follow, READABLE) else {
                let file = file.display().to_string();
                return CategoryReport::failed(CategoryError::NotPublished { file });
            };
            let sha256 = Digest::of(&bytes);
            let published = manifest.categories.get(&category);
            let published = published.filter(|entry| entry.v2.sha256 == sha256);
            CategoryReport {
                v2: Some((sha256, bytes.len() as u64)),
                models: published.map(|entry| entry.v2.models),
                legacy_bytes: published.map(|entry| entry.legacy.bytes),
                ..CategoryReport::empty()
            }
        })
    }

    fn of(categories: &[Category], report: impl Fn(Category) -> CategoryReport) -> Self {
        let report = |&category: &Category| {
            let report = if category.has_legacy() {
                report(category)
            } else {
                CategoryReport::skipped()
            };
            (category, report)
        };
        Self {
            categories: categories.iter().map(report).collect(),
            elapsed: Duration::ZERO,
        }
    }

    /// Whether the cycle found that another process has become the mirror's writer.
    #[must_use]
    pub fn lost_the_lock(&self) -> bool {
        self.categories.values().any(|report| {
            matches!(&report.error, Some(CategoryError::Mirror(error)) if matches!(**error, LockError::Held { .. }))
        })
    }

    /// The categories with a published file that changed.
    #[must_use]
    pub fn changed(&self) -> Vec<Category> {
        self.categories
            .iter()
            .filter(|(_, report)| report.outcome == Outcome::Updated || report.changes.is_some())
            .map(|(&category, _)| category)
            .collect()
    }
}

/// What a cycle tells while it runs.
pub trait Progress: Send + Sync {
    /// A category's request was begun.
    fn started(&self, _category: Category) {}
    /// A file on disk was put in order while the upstream is still waited for. Whoever answers true has taken the news;
    /// else it is part of the category's report.
    fn mended(&self, _category: Category, _report: &CategoryReport) -> bool {
        false
    }
    /// A category is done.
    fn settled(&self, _category: Category, _report: &CategoryReport) {}
}

/// For those who only want the result.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {}

impl CategoryError {
    /// Whether it is a trouble with what the upstream answered, which no look at the files here can end.
    #[must_use]
    pub fn is_of_upstream(&self) -> bool {
        matches!(self, Self::Upstream(_) | Self::NotLegacy { .. })
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }

    pub(super) fn disk(error: DiskError) -> Self {
        Self::Disk(Arc::new(error))
    }
}

impl CategoryReport {
    pub(crate) fn empty() -> Self {
        Self {
            outcome: Outcome::Unchanged,
            url: None,
            upstream: Answer::None,
            downloaded_bytes: 0,
            models: None,
            v2: None,
            legacy_bytes: None,
            issues: 0,
            changes: None,
            modified: false,
            held_until: None,
            convert_time: None,
            error: None,
        }
    }

    /// What a manifest says of a category.
    pub(crate) fn published(entry: &Published) -> Self {
        Self {
            url: Some(entry.source.url.clone()),
            v2: Some((entry.v2.sha256, entry.v2.bytes)),
            models: Some(entry.v2.models),
            legacy_bytes: Some(entry.legacy.bytes),
            ..Self::empty()
        }
    }

    /// Takes in what a look at the files changed earlier in the same cycle, so that nobody misses the change.
    pub(super) fn also(&mut self, earlier: &Self) {
        self.changes = self.changes.or(earlier.changes);
        self.convert_time = self.convert_time.or(earlier.convert_time);
        if self.outcome == Outcome::Unchanged {
            self.outcome = Outcome::Updated;
        }
        if self.error.is_some() {
            return;
        }
        self.issues = self.issues.max(earlier.issues);
    }

    pub(super) fn skipped() -> Self {
        Self {
            outcome: Outcome::Skipped,
            ..Self::empty()
        }
    }

    pub(super) fn failed(error: CategoryError) -> Self {
        Self {
            outcome: Outcome::Failed,
            error: Some(error),
            ..Self::empty()
        }
    }
}
