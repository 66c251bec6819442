//! `waiting/<category>/`: what a guard holds or a pin keeps out, whole, until it is published or gives way.
//!
//! 1. The state says what waits and since when; the directory has the bytes: the body as it was received (`KIND.body`) and
//!    the v2 file that it gives (`KIND.v2`). Bytes unlike their digest count as absent, and then nothing waits.
//! 2. While a body waits the validators of its URL describe it: an answer 304 says that it still is the upstream's.
//! 3. Bytes go after the state no longer names them: a process that is killed while it publishes what waits leaves it
//!    whole, and the next one publishes it.
//! 4. Each [`Kind`] of a category has one place: what comes later takes it.

use serde::{Deserialize, Serialize};

use jiff::Timestamp;

use super::layout::READABLE;
use super::{Known, Mirror, Place};
use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{Dir, DiskError, Links, Write};
use crate::draft::MadeFrom;
use crate::upstream::Validators;

/// Where something that waits came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A legacy file that an upstream sent.
    Legacy,
    /// A v2 file that an upstream sent ready-made.
    V2,
    /// A file of the mirror that was edited.
    Edit,
}

impl Kind {
    /// Every kind, what readers would get first: ready-made v2 is preferred to what a legacy file gives, and what an
    /// upstream sent to an edit.
    pub const ALL: [Self; 3] = [Self::V2, Self::Legacy, Self::Edit];

    /// The kind's name, as in the state and in file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::V2 => "v2",
            Self::Edit => "edit",
        }
    }
}

/// The upstream that sent what waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Its name.
    pub upstream: String,
    /// Where the file is there.
    pub url: String,
    /// What describes this version of it.
    pub validators: Validators,
}

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The body that its v2 file was made from.
    pub made_from: MadeFrom,
    /// Who sent it; null for an edit.
    pub sender: Option<Sender>,
    /// The SHA-256 of the v2 file that it gives; null where it gives none, which waits behind a pin all the same.
    pub v2_sha256: Option<Digest>,
    /// How many models that has.
    pub models: u64,
    /// How many records were left out of it.
    pub dropped: u64,
    /// How many findings lint has.
    pub issues: u64,
    /// How many of the published models it lacks.
    pub removed: u64,
    /// Whether a pin keeps it out; else a guard holds it.
    pub pinned: bool,
    /// Since when the category's drafts are held or kept out.
    pub since: Timestamp,
    /// When it is published all the same; null: not before it is accepted, or unpinned.
    pub until: Option<Timestamp>,
    /// What the upstream's file was before, which is what the mirror still has.
    pub stands: Option<Digest>,
    /// The version of the program that made the v2 file.
    pub version: String,
}

/// The bytes of something that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    /// The body as it was received.
    pub body: Vec<u8>,
    /// The v2 file that it gives.
    pub v2: Option<Vec<u8>>,
}

impl Mirror {
    /// What a URL last sent.
    #[must_use]
    pub fn known(&self, url: &str) -> Option<&Known> {
        self.state.validators.get(url)
    }

    /// What waits of a category.
    #[must_use]
    pub fn waiting(&self, category: Category, kind: Kind) -> Option<&Waiting> {
        self.state.waiting.get(&category)?.get(&kind)
    }

    /// Everything that waits of a category.
    pub fn all_waiting(&self, category: Category) -> impl Iterator<Item = (Kind, &Waiting)> {
        let of_category = self.state.waiting.get(&category).into_iter();
        of_category.flat_map(|kinds| kinds.iter().map(|(kind, waiting)| (*kind, waiting)))
    }

    /// Lets something wait, in the place of what waited there before.
    ///
    /// # Errors
    /// It cannot be stored; what waited before does so still, as far as its bytes are there.
    pub fn let_wait(
        &mut self,
        category: Category,
        kind: Kind,
        waiting: Waiting,
        body: &[u8],
        v2: Option<&[u8]>,
    ) -> Result<(), DiskError> {
        let directory = self.waiting_of(category)?;
        let how = Write::published(self.file_mode);
        let name = kind.as_str();
        if let Some(v2) = v2 {
            directory.replace(&format!("{name}.v2"), v2, &how)?;
        }
        directory.replace(&format!("{name}.body"), body, &how)?;
        directory.sync()?;
        self.unsynced.insert(Place::Private);
        self.note_waiting(category, kind, waiting);
        Ok(())
    }

    /// Notes something else about what waits, whose bytes stay.
    pub fn note_waiting(&mut self, category: Category, kind: Kind, waiting: Waiting) {
        let of_category = self.state.waiting.entry(category).or_default();
        of_category.insert(kind, waiting);
    }

    /// Nothing of this kind waits any more.
    pub fn let_go(&mut self, category: Category, kind: Kind) {
        let Some(of_category) = self.state.waiting.get_mut(&category) else {
            return;
        };
        if of_category.remove(&kind).is_none() {
            return;
        }
        if of_category.is_empty() {
            self.state.waiting.remove(&category);
        }
        self.gone.insert((category, kind));
    }

    /// Removes the bytes of what the state on disk no longer names (invariant 3).
    pub(super) fn remove_gone(&mut self) {
        for (category, kind) in std::mem::take(&mut self.gone) {
            if self.waiting(category, kind).is_none() {
                // What cannot be removed is not in the state, and counts as absent.
                let _ = self.remove_waiting(category, kind);
            }
        }
    }

    /// Removes what a process left that was killed, or whose file system went away: temporary files, and the bytes of
    /// what no longer waits.
    pub(super) fn sweep(&mut self) {
        self.directories.sweep();
        let Ok(Some(directory)) = self.directories.private.child("waiting") else {
            return;
        };
        let names = directory.directories().unwrap_or_default();
        let of_categories = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        let found: Vec<Category> = of_categories.collect();
        let all = found
            .into_iter()
            .flat_map(|one| Kind::ALL.map(|kind| (one, kind)));
        self.gone.extend(all);
        self.remove_gone();
    }

    fn remove_waiting(&self, category: Category, kind: Kind) -> Result<(), DiskError> {
        let directory = self.waiting_of(category)?;
        for end in ["body", "v2"] {
            directory.remove(&format!("{}.{end}", kind.as_str()))?;
        }
        let all = self
            .directories
            .below_private(&["waiting"], self.directory_mode)?;
        all.remove_empty(category.name())?;
        Ok(())
    }

    fn waiting_of(&self, category: Category) -> Result<Dir, DiskError> {
        let path = ["waiting", category.name()];
        self.directories.below_private(&path, self.directory_mode)
    }

    /// The bytes of what waits (invariant 1).
    #[must_use]
    pub fn waiting_bytes(&self, category: Category, kind: Kind) -> Option<Bytes> {
        let waiting = self.waiting(category, kind)?;
        let read = |end: &str, sha256: Digest| {
            let path = format!("waiting/{category}/{}.{end}", kind.as_str());
            let private = &self.directories.private;
            let whole = private.read(path, Links::Refuse, READABLE).ok()??;
            (Digest::of(&whole.bytes) == sha256).then_some(whole.bytes)
        };
        let body = read("body", waiting.made_from.sha256)?;
        let v2 = match waiting.v2_sha256 {
            Some(sha256) => Some(read("v2", sha256)?),
            None => None,
        };
        Some(Bytes { body, v2 })
    }
}
