//! Where everything lies in the published directory.
//!
//! ```text
//! <base_path>/
//!   <v2 file>                 published, read by other processes
//!   manifest.json             what is published; written last
//!   legacy/<legacy file>      byte for byte as upstream sent it
//!   audit/                    always there, empty: the Python package makes it at every start, also where it may not write
//!   .horde-refd/              ours alone
//!     lock                    held for as long as the writer runs; never written, never removed
//!     state.json              validators, rate-limit deadlines
//!     intent.json             the operator's orders, written by commands
//!     intent.lock             held by a command that changes them
//!     generations/<category>/ the last published versions
//!     waiting/<category>/     what a guard holds or a pin keeps out
//! ```

use std::path::{Path, PathBuf};

use crate::category::Category;
use crate::item::{Form, Item};

/// The paths of one mirror.
#[derive(Debug, Clone)]
pub struct Layout {
    base: PathBuf,
}

impl Layout {
    /// The layout below `base_path`.
    #[must_use]
    pub fn new(base_path: &Path) -> Self {
        Self {
            base: base_path.to_owned(),
        }
    }

    /// The directory that readers are given.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The published v2 file of a category.
    #[must_use]
    pub fn v2(&self, category: Category) -> PathBuf {
        self.base.join(category.v2_file())
    }

    /// The directory of the legacy files.
    #[must_use]
    pub fn legacy_directory(&self) -> PathBuf {
        self.base.join("legacy")
    }

    /// The stored legacy file of a category.
    #[must_use]
    pub fn legacy(&self, category: Category) -> PathBuf {
        self.legacy_directory().join(category.legacy_file())
    }

    /// `manifest.json`
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.base.join("manifest.json")
    }

    /// The directory that is ours alone.
    #[must_use]
    pub fn private(&self) -> PathBuf {
        self.base.join(".horde-refd")
    }

    /// The writer's lock.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.private().join("lock")
    }

    /// What is remembered between runs without being published.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.private().join("state.json")
    }

    /// The kept generations, a directory a category.
    #[must_use]
    pub fn generations(&self) -> PathBuf {
        self.private().join("generations")
    }

    /// The operator's orders.
    #[must_use]
    pub fn intent(&self) -> PathBuf {
        self.private().join("intent.json")
    }

    /// What a guard holds or a pin keeps out, a directory a category.
    #[must_use]
    pub fn waiting(&self) -> PathBuf {
        self.private().join("waiting")
    }

    /// A published file of an item; `None` where the item has no such form.
    #[must_use]
    pub fn file(&self, item: &Item, form: Form) -> Option<PathBuf> {
        item.path(form).map(|path| self.base.join(path))
    }

    /// The directory that every Python client wants to make at its start.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.base.join("audit")
    }
}

/// What a file of the mirror is, as far as its size goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A legacy file, or an extra file passed through.
    Legacy,
    /// A v2 file.
    V2,
    /// `manifest.json`
    Manifest,
    /// `state.json`
    State,
    /// `status.json`
    Status,
    /// `intent.json`
    Intent,
}

/// The most that is read of a published file where the writer's configuration is not known.
pub const READABLE: u64 = 1 << 30;

impl Kind {
    /// The most bytes that such a file may have; a larger one is damaged. An operator may have lowered
    /// `max_body_bytes` since a body was taken, and a v2 file is several times its CSV, hence the factors.
    #[must_use]
    pub const fn cap(self, max_body_bytes: u64) -> u64 {
        const MIB: u64 = 1 << 20;
        let body = if max_body_bytes < 16 * MIB {
            16 * MIB
        } else {
            max_body_bytes
        };
        match self {
            Self::Legacy => body.saturating_mul(2),
            Self::V2 => body.saturating_mul(8),
            Self::Manifest | Self::State | Self::Status => 16 * MIB,
            Self::Intent => MIB,
        }
    }
}
