//! What is done ahead of its turn: when categories are published for the first time, the bodies that are there at once are
//! converted and their files written, beside their places, before the first of them is published.
//!
//! 1. Nothing is published here: a file that is written ahead gets its name in its turn, or goes. It is a matter of time
//!    only: the disk takes the files while the next ones are converted, and nothing waits for it until its turn comes.
//! 2. An update is not: it is a file or two, and may be held.
//! 3. What cannot be done ahead is done in its turn, which says why it cannot.
//! 4. No more than [`MOST`] bytes of bodies are held as drafts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinError;

use super::ask::Heards;
use super::lanes::Looks;
use super::{Cycle, ItemReport, Outcome};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::draft::{self, Draft, NoDraft};
use crate::item::Item;

/// How many bytes of bodies are converted ahead: several times what all references have.
const MOST: usize = 8 << 20;

/// What was heard of a category, and what was there before.
pub(super) type Arrived = (Category, Outcome, Looks, Heards);

/// A body's draft.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) draft: Result<Draft, NoDraft>,
    /// How long it took.
    pub(super) time: Duration,
}

impl Cycle<'_> {
    /// Does what the answers that are there ask for, one after the other.
    pub(super) fn take_answers(
        &mut self,
        there: Vec<Result<Arrived, JoinError>>,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        // A task ends early only by a panic, which ends the process, or with the runtime.
        let mut answers: Vec<Arrived> = there.into_iter().flatten().collect();
        self.work_ahead(&mut answers);
        for (category, before, looks, heards) in answers {
            let report = self.work(category, before, looks, heards);
            self.keep_limits();
            self.done(category, report, items);
        }
        self.unstage();
    }

    /// Converts the bodies of what was never published, and writes its files.
    fn work_ahead(&mut self, answers: &mut [Arrived]) {
        let mut left = MOST;
        let mut has_room = true;
        for (category, _, looks, heards) in answers {
            if !self.is_new(*category) || !self.converts(*category, heards.v2.as_ref()) {
                continue;
            }
            let Some(heard) = heards.legacy.as_mut() else {
                continue;
            };
            let Some(bytes) = heard.body().filter(|bytes| bytes.len() <= left) else {
                continue;
            };
            let sha256 = heard.sha256.unwrap_or_else(|| Digest::of(bytes));
            let on_disk = looks.legacy.seen.map(|seen| seen.sha256);
            if on_disk != Some(sha256) {
                left -= bytes.len();
                let drafted = self.convert(*category, bytes, sha256, true);
                if let Ok(draft) = &drafted.draft {
                    has_room = has_room && self.stage(*category, bytes, sha256, draft);
                }
                heard.drafted = Some(Box::new(drafted));
            }
            heard.sha256 = Some(sha256);
        }
    }

    /// Whether a category is to be published for the first time, which no guard holds and no pin keeps out.
    fn is_new(&self, category: Category) -> bool {
        let published = &self.mirror.manifest().categories;
        let is_free = self.mirror.pin(category).is_none() && !self.is_origin();
        is_free && !published.contains_key(&category)
    }

    /// What a legacy body gives. `received`: an upstream has just sent it.
    pub(super) fn convert(
        &self,
        category: Category,
        body: &[u8],
        sha256: Digest,
        received: bool,
    ) -> Drafted {
        let begun = clock::instant();
        let draft = draft::from_legacy(category, body, sha256, self.policy(), received);
        let time = clock::since(begun);
        Drafted { draft, time }
    }
}
