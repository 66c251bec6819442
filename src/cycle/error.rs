//! Why an item was rejected or failed, for people, and what that makes of its outcome.

use std::sync::Arc;

use super::Outcome;
use crate::category::Category;
use crate::disk::DiskError;
use crate::error::chain;
use crate::item::Form;
use crate::legacy::Rejected;
use crate::mirror::LockError;
use crate::upstream::UpstreamError;

/// Why an item was rejected or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ItemError {
    /// No upstream delivered.
    #[error(transparent)]
    Upstream(Arc<UpstreamError>),
    /// A body that came from an upstream is no reference at all; it was not stored.
    #[error("what {url} sent is not a legacy file and was not stored")]
    NotLegacy {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        #[source]
        reason: Rejected,
    },
    /// A body that came from an upstream is a reference that is not published; it was not stored.
    #[error("what {url} sent is not taken and was not stored; what was published before stays")]
    NotTaken {
        /// Where it came from.
        url: String,
        /// Why it is not published.
        #[source]
        reason: Rejected,
    },
    /// The legacy file cannot be converted.
    #[error("{file} cannot be converted; what was published before stays")]
    Rejected {
        /// The legacy file.
        file: String,
        /// The model, the field and the reason.
        #[source]
        reason: Rejected,
    },
    /// An extra file that is the origin is not whole.
    #[error("{file} is damaged; it is left and published as it is")]
    NotWhole {
        /// Its path below the mirror's base.
        file: String,
        /// What is wrong with it.
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
    /// There is no v2 file that could be published, or the one that is published is gone and cannot be brought back.
    #[error("{file} is {what}, and nothing here can bring it back")]
    NoV2 {
        /// The v2 file.
        file: String,
        /// "missing" or "damaged".
        what: &'static str,
    },
    /// A v2 file that is the origin cannot be read by readers.
    #[error("{file} is no v2 file that readers can read; it is left as it is")]
    NotV2 {
        /// The v2 file.
        file: String,
        /// What is wrong with it.
        #[source]
        reason: Rejected,
    },
    /// One of the two lanes of a category.
    #[error("{} lane", lane.as_str())]
    Lane {
        /// Which.
        lane: Form,
        /// What is wrong in it.
        #[source]
        error: Box<ItemError>,
    },
    /// The pinned generation is not kept any more.
    #[error(
        "the pinned generation {id} is gone, and what is published stays; follow the upstream again with `horde-refd unpin {category}`"
    )]
    PinGone {
        /// The category.
        category: Category,
        /// The generation's id.
        id: String,
    },
    /// A file of the mirror could not be read or written.
    #[error(transparent)]
    Disk(Arc<DiskError>),
    /// The files are published, but the manifest that says so could not be written.
    #[error("it is published, but the manifest does not say so")]
    Manifest(#[source] Arc<DiskError>),
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

impl ItemError {
    /// The error itself, whatever lane it is of.
    #[must_use]
    pub fn of_lane(&self) -> &Self {
        match self {
            Self::Lane { error, .. } => error.of_lane(),
            error => error,
        }
    }

    /// How an item ends that met it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.of_lane() {
            Self::Rejected { .. }
            | Self::NotLegacy { .. }
            | Self::NotV2 { .. }
            | Self::NotWhole { .. }
            | Self::NotTaken { .. } => Outcome::Rejected,
            _ => Outcome::Failed,
        }
    }

    /// Whether it is a trouble with what the upstream answered, which no look at the files here can end.
    #[must_use]
    pub fn is_of_upstream(&self) -> bool {
        matches!(
            self.of_lane(),
            Self::Upstream(_) | Self::NotLegacy { .. } | Self::NotTaken { .. }
        )
    }

    /// Whether it only says that another process is the mirror's writer.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.of_lane(), Self::Mirror(error) if matches!(**error, LockError::Held { .. }))
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}
