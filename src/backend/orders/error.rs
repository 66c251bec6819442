//! Why an order is not given: what is missing, and what there is instead.

use crate::category::Category;
use crate::mirror::intent::IntentError;
use crate::mirror::prefix::NotNamed;

/// Why an order is not given; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The orders cannot be read or written.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// There is nothing to accept.
    #[error("nothing of {category} is held")]
    NothingHeld {
        /// The category.
        category: Category,
    },
    /// What waits is kept out by a pin, not held by a guard.
    #[error(
        "nothing of {category} is held: it is pinned to {generation}, and what the upstream sent waits until `horde-refd unpin {category}`"
    )]
    Pinned {
        /// The category.
        category: Category,
        /// The pinned generation.
        generation: String,
    },
    /// Nothing was ever kept.
    #[error("no generation of {category} is kept: there is nothing to go back to")]
    NoGeneration {
        /// The category.
        category: Category,
    },
    /// The published version is the oldest.
    #[error(
        "no older generation of {category} is kept than {present}, which is published: there is nothing to go back to"
    )]
    NothingOlder {
        /// The category.
        category: Category,
        /// What is published.
        present: String,
    },
    /// A word names no generation.
    #[error(transparent)]
    Named(#[from] NotNamed),
    /// The generation is listed, and its file is missing or damaged.
    #[error("the generation {generation} of {category} is damaged: its v2 file is not what it was")]
    Damaged {
        /// The category.
        category: Category,
        /// Its id.
        generation: String,
    },
}
