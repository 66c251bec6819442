//! What a guard holds and a pin keeps out: stored whole, judged again in every cycle, published or let go.
//!
//! 1. What waits is never in `legacy/`: that is what the published v2 file was made from.
//! 2. It is judged by the same function as everything else, with what is published and what is ordered now.
//! 3. Only the poll that has just heard it again can end a hold by its time.
//! 4. It goes when the upstream sends something else, and an edit that is held goes when the file is another.

use std::sync::Arc;

use super::decide::Taken;
use super::work::Body;
use super::{Cycle, ItemError, ItemReport, Origin, Outcome};
use crate::category::Category;
use crate::clock;
use crate::config::Layout;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::draft::{self, Draft, MadeFrom, NoDraft};
use crate::item::{Form, Item};
use crate::mirror::generations;
use crate::mirror::waiting::Kind;
use crate::mirror::{Sender, Waiting, state};

impl Cycle<'_> {
    /// Lets a body wait. `draft` is what it gives, if it gives anything.
    pub(super) fn let_wait(
        &mut self,
        category: Category,
        body: &Body,
        draft: Option<&Draft>,
        why: &Why,
    ) -> Result<(), ItemError> {
        let kind = kind(body);
        let earlier = self.mirror.waiting(category, kind);
        let sender = body.from.as_ref().map(|(origin, validators)| Sender {
            upstream: origin.upstream.clone(),
            url: origin.url.clone(),
            validators: validators.clone(),
        });
        let same = earlier.filter(|earlier| earlier.pinned == why.pinned);
        let waiting = Waiting {
            made_from: draft.map_or_else(|| self.made_from(body), |draft| draft.made_from),
            v2_sha256: draft.map(|draft| draft.sha256),
            models: draft.map_or(0, |draft| draft.models),
            dropped: draft.map_or(0, |draft| draft.dropped),
            issues: draft.map_or(0, |draft| draft.issues),
            removed: why.removed,
            pinned: why.pinned,
            since: why
                .since
                .or(same.map(|same| same.since))
                .unwrap_or_else(clock::now),
            until: why.until,
            stands: match earlier {
                Some(earlier) => earlier.stands,
                None => sender
                    .as_ref()
                    .and_then(|sender| self.last_sent(&sender.url)),
            },
            sender,
            version: state::VERSION.to_owned(),
        };
        let is_there = earlier.is_some_and(|earlier| {
            earlier.made_from == waiting.made_from && earlier.v2_sha256 == waiting.v2_sha256
        }) && self.mirror.waiting_bytes(category, kind).is_some();
        if is_there {
            self.mirror.note_waiting(category, kind, waiting);
        } else {
            let v2 = draft.map(|draft| draft.v2.as_slice());
            let stored = self
                .mirror
                .let_wait(category, kind, waiting, &body.bytes, v2);
            stored.map_err(|error| ItemError::Disk(Arc::new(error)))?;
        }
        if let Some((origin, validators)) = &body.from {
            let known = crate::mirror::Known {
                validators: validators.clone(),
                sha256: body.sha256,
            };
            self.remember(origin, known);
        }
        Ok(())
    }

    fn made_from(&self, body: &Body) -> MadeFrom {
        MadeFrom {
            form: body.form,
            sha256: body.sha256,
            on_invalid_record: (body.form == Form::Legacy).then(|| self.policy()),
        }
    }

    /// What an upstream has sent of an item in a form that waits.
    pub(super) fn waiting_from(&self, item: &Item, form: Form) -> Option<Sent> {
        let kind = match form {
            Form::V2 => Kind::V2,
            Form::Legacy | Form::Raw => Kind::Legacy,
        };
        let waiting = self.mirror.waiting(item.category()?, kind)?;
        // Where its bytes are gone it is asked for whole.
        self.mirror.waiting_bytes(item.category()?, kind)?;
        Some(Sent {
            url: waiting.sender.as_ref()?.url.clone(),
            body: waiting.made_from.sha256,
        })
    }

    fn last_sent(&self, url: &str) -> Option<Digest> {
        let known = self.mirror.known(url);
        known.map(|known| known.sha256)
    }

    /// A body of this kind has been published, stored or found equal: nothing that came before it waits any more.
    pub(super) fn let_go(&mut self, category: Category, kind: Kind) {
        self.mirror.let_go(category, kind);
        if kind != Kind::Edit {
            self.mirror.let_go(category, Kind::Edit);
        }
    }

    /// Whether an upstream's answer "not modified", or a body of its that has this digest, is about what waits.
    pub(super) fn is_waiting(
        &self,
        category: Category,
        kind: Kind,
        origin: &Origin,
        body: Option<Digest>,
    ) -> bool {
        let Some(waiting) = self.mirror.waiting(category, kind) else {
            return false;
        };
        let sent = body.or_else(|| self.last_sent(&origin.url));
        let theirs = waiting.sender.as_ref();
        theirs.is_some_and(|sender| sender.url == origin.url)
            && sent == Some(waiting.made_from.sha256)
            && self.mirror.waiting_bytes(category, kind).is_some()
    }

    /// Judges again what waits of a kind. `said` is what a poll has just heard again.
    pub(super) fn reconsider(
        &mut self,
        category: Category,
        kind: Kind,
        said: Option<Kind>,
        report: &mut ItemReport,
    ) -> Result<Taken, ItemError> {
        let Some((waiting, body, v2)) = self.waiting_body(category, kind) else {
            return Ok(Taken::Waits);
        };
        match self.draft_again(category, &waiting, &body, v2) {
            Ok(draft) => self.decide(category, &body, &draft, said == Some(kind), report),
            // The bad records wait behind the pin.
            Err(_) if self.mirror.pin(category).is_some() => Ok(Taken::Waits),
            Err(reason) => self
                .refuse(category, &body, reason, report)
                .map(|()| Taken::Waits),
        }
    }

    /// Whether what waits is accepted: a process that was killed may have stored it already, and not published it.
    pub(super) fn is_due(&self, category: Category, kind: Kind) -> bool {
        let waiting = self.mirror.waiting(category, kind);
        let v2 = waiting.and_then(|waiting| waiting.v2_sha256);
        v2.is_some_and(|v2| self.mirror.accepts(category, v2))
    }

    /// Stores a legacy file that waited behind a pin, where the v2 file is not made from it.
    pub(super) fn store_waiting(
        &mut self,
        category: Category,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let Some((_, body, _)) = self.waiting_body(category, Kind::Legacy) else {
            return Ok(());
        };
        self.store(category, &body, report)?;
        self.let_go(category, Kind::Legacy);
        Ok(())
    }

    /// Something that waits, with its bytes.
    fn waiting_body(
        &self,
        category: Category,
        kind: Kind,
    ) -> Option<(Waiting, Body, Option<Vec<u8>>)> {
        let waiting = self.mirror.waiting(category, kind)?.clone();
        let bytes = self.mirror.waiting_bytes(category, kind)?;
        let from = waiting.sender.as_ref().map(|sender| {
            let origin = Origin {
                upstream: sender.upstream.clone(),
                url: sender.url.clone(),
            };
            // They may have been heard again since.
            let known = self.mirror.known(&sender.url);
            let known = known.filter(|known| known.sha256 == waiting.made_from.sha256);
            let validators = known.map_or(&sender.validators, |known| &known.validators);
            (origin, validators.clone())
        });
        let body = Body {
            bytes: bytes.body,
            sha256: waiting.made_from.sha256,
            form: waiting.made_from.form,
            from,
            drafted: None,
        };
        Some((waiting, body, bytes.v2))
    }

    /// What a body that waits gives: as it was made, or made anew where another version or policy made it.
    fn draft_again(
        &self,
        category: Category,
        waiting: &Waiting,
        body: &Body,
        v2: Option<Vec<u8>>,
    ) -> Result<Draft, NoDraft> {
        let made_from = waiting.made_from;
        let policy = made_from.on_invalid_record;
        // What is left out of it is named by making it again.
        let is_whole = waiting.dropped == 0;
        let same = is_whole && waiting.version == state::VERSION && policy == Some(self.policy());
        if let (Some(v2), Some(sha256)) = (v2, waiting.v2_sha256)
            && (same || made_from.form == Form::V2)
        {
            return Ok(Draft {
                v2,
                sha256,
                models: waiting.models,
                dropped: waiting.dropped,
                left_out: Vec::new(),
                issues: waiting.issues,
                made_from,
                judged: self.is_judged(body),
            });
        }
        let policy = self.policy();
        draft::from_legacy(category, &body.bytes, body.sha256, policy, true)
    }

    /// Whether a body comes from another mirror, which has guards of its own.
    pub(super) fn is_judged(&self, body: &Body) -> bool {
        let Some((origin, _)) = &body.from else {
            return false;
        };
        let mut upstreams = self.upstreams.iter();
        let sender = upstreams.find(|upstream| upstream.name() == origin.upstream);
        sender.is_some_and(|sender| sender.layout() == Layout::Mirror)
    }

    /// What waits of a category as reports show it: the v2 lane's first.
    pub(super) fn show_waiting(&mut self, category: Category, report: &mut ItemReport) {
        report.pinned = self.mirror.pin(category).map(generations::id);
        let mut waiting = Kind::ALL
            .into_iter()
            .filter_map(|kind| self.mirror.waiting(category, kind));
        report.held = waiting.find_map(|waiting| {
            Some(super::Held {
                models: waiting.models,
                removed: waiting.removed,
                since: waiting.since,
                until: waiting.until,
                v2_sha256: waiting.v2_sha256?,
            })
        });
        let held = report.held.is_some() && report.pinned.is_none();
        if held && matches!(report.outcome, Outcome::Unchanged | Outcome::Updated) {
            report.outcome = Outcome::Held;
        }
    }

    /// Whether an edit that is looked at now counts as said by a poll.
    pub(super) fn polls(&self) -> bool {
        self.depth >= Depth::Poll
    }
}

/// What waits, and the URL that sent it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    url: String,
    body: Digest,
}

impl Sent {
    /// The body, where it is this URL's.
    pub(super) fn of(&self, url: &str) -> Option<Digest> {
        (self.url == url).then_some(self.body)
    }
}

/// Why something waits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Why {
    /// A pin keeps it out; else a guard holds it.
    pub(super) pinned: bool,
    pub(super) removed: u64,
    /// `None`: since what waited there before did, or from now on.
    pub(super) since: Option<jiff::Timestamp>,
    pub(super) until: Option<jiff::Timestamp>,
}

impl Why {
    /// A pin keeps it out, which lacks so many of the published models.
    pub(super) fn pinned(removed: u64) -> Self {
        Self {
            pinned: true,
            removed,
            ..Self::default()
        }
    }
}

/// Where a body waits.
pub(super) const fn kind(body: &Body) -> Kind {
    match (&body.from, body.form) {
        (None, _) => Kind::Edit,
        (Some(_), Form::V2) => Kind::V2,
        (Some(_), Form::Legacy | Form::Raw) => Kind::Legacy,
    }
}
