//! What is done with a body: drafted, judged, and then published, stored or kept waiting.
//!
//! 1. Every body goes through [`Cycle::decide`], wherever it came from and however often it was judged before.

use super::waits::{self, Why};
use super::work::Body;
use super::{Cycle, ItemError, ItemReport};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::draft::{Draft, NoDraft};
use crate::item::{Form, Item};
use crate::verdict::{self, Context, Order, Policy, Verdict};

/// What became of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is published, or was.
    Published,
    /// It waits, and the files are to be looked at.
    Waits,
}

impl Cycle<'_> {
    /// Takes a body that an upstream sent, if it is a reference: it is stored and what it gives is published, or it waits.
    pub(super) fn take(
        &mut self,
        category: Category,
        mut body: Body,
        report: &mut ItemReport,
    ) -> Result<Taken, ItemError> {
        let url = body.from.as_ref().map(|(origin, _)| origin.url.clone());
        let url = url.unwrap_or_default();
        let draft = self.draft(category, &mut body, report);
        let body = &body;
        match draft {
            Ok(draft) => self.decide(category, body, &draft, true, report),
            Err(flaw @ (NoDraft::Damaged(_) | NoDraft::NoReference(_))) => {
                Err(self.no_reference(category, url, flaw, report))
            }
            Err(reason) if self.mirror.pin(category).is_some() => {
                tracing::debug!(?reason, "{category} is pinned, and what {url} sent waits");
                self.let_wait(category, body, None, &Why::pinned(0))?;
                Ok(Taken::Waits)
            }
            Err(reason) => self
                .refuse(category, body, reason, report)
                .map(|()| Taken::Waits),
        }
    }

    /// Stores a reference whose records are refused; its v2 file stays as it was.
    pub(super) fn refuse(
        &mut self,
        category: Category,
        body: &Body,
        reason: NoDraft,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let (NoDraft::Damaged(reason) | NoDraft::NoReference(reason) | NoDraft::Rejected(reason)) =
            reason;
        self.store(category, body, report)?;
        self.let_go(category, waits::kind(body));
        self.memory
            .refused
            .insert(category, (body.sha256, reason.clone()));
        Err(self.rejected(category, reason))
    }

    /// Judges a draft and does what the verdict says.
    pub(super) fn decide(
        &mut self,
        category: Category,
        body: &Body,
        draft: &Draft,
        polled: bool,
        report: &mut ItemReport,
    ) -> Result<Taken, ItemError> {
        let why = match self.judge(category, draft, polled) {
            Verdict::Publish | Verdict::Equal => {
                let applied = self.apply(category, body, draft, report);
                if applied.is_err() && self.mirror.accepts(category, draft.sha256) {
                    self.mirror.order_failed();
                }
                applied?;
                report.issues = draft.issues;
                report.left_out = draft.left_out.iter().map(ToString::to_string).collect();
                self.let_go(category, waits::kind(body));
                return Ok(Taken::Published);
            }
            Verdict::Refused(reason) => {
                if let Some((origin, _)) = &body.from {
                    let url = origin.url.clone();
                    return Err(ItemError::NotTaken { url, reason });
                }
                if body.form == Form::V2 {
                    return Err(self.not_v2(category, reason));
                }
                // It is looked at again by the next cycle: what is published decides too.
                self.restore(category, report);
                self.enter_legacy(category);
                return Err(self.rejected(category, reason));
            }
            Verdict::Held(hold) => Why {
                pinned: false,
                removed: hold.removed,
                since: Some(hold.since),
                until: hold.until,
            },
            Verdict::Pinned { removed } => Why::pinned(removed),
        };
        self.let_wait(category, body, Some(draft), &why)?;
        if body.from.is_none() {
            self.restore(category, report);
            self.enter_legacy(category);
        }
        Ok(Taken::Waits)
    }

    /// Judges a draft. `polled`: an upstream has just sent it, or said that it still is the present one.
    pub(super) fn judge(&mut self, category: Category, draft: &Draft, polled: bool) -> Verdict {
        let published = self.published(category, draft.sha256);
        let was_accepted = self.was_accepted(category, draft.sha256);
        let mut waiting = self.mirror.all_waiting(category);
        let waits = waiting.any(|(_, waiting)| waiting.v2_sha256 == Some(draft.sha256));
        let held = self.mirror.all_waiting(category);
        let held = held.filter(|(_, waiting)| !waiting.pinned);
        let order = if self.mirror.pin(category).is_some() {
            Order::Pinned
        } else if was_accepted || waits && self.mirror.accepts(category, draft.sha256) {
            Order::Accepted
        } else {
            Order::None
        };
        let context = Context {
            order,
            held_since: held.map(|(_, waiting)| waiting.since).min(),
            polled,
        };
        let guard = &self.config.guard;
        let policy = Policy {
            max_removed: guard.max_removed,
            min_models: guard.min_models as u64,
            hold: guard.hold,
            most: self.mirror.cap(Form::V2),
        };
        verdict::judge(published.as_ref(), draft, &context, &policy, clock::now())
    }

    /// Whether a draft was accepted and lies there already, though the manifest does not know it: the power failed.
    fn was_accepted(&mut self, category: Category, draft: Digest) -> bool {
        if !self.mirror.has_accepted(category, draft) {
            return false;
        }
        let item = Item::Category(category);
        let v2 = self.mirror.look(&item, Form::V2).unwrap_or_default();
        v2.seen.is_some_and(|seen| seen.sha256 == draft)
    }
}
