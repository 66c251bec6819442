//! The v2 lane where an upstream gives the v2 file ready-made, and where the file on disk is its own origin.
//!
//! 1. A body that gives what is published already writes nothing: equality is of published bytes.
//! 2. A v2 file that is not what was published is brought back from a generation, else from what it was made from, else
//!    it is fetched.
//! 3. Where the local files are the origin, the v2 file of a category without a legacy format is published as it is, if
//!    readers can read it; it is never written.

use std::sync::Arc;

use super::ask::Heard;
use super::decide::Taken;
use super::heard::{Delivery, Said};
use super::work::Body;
use super::{Answered, Cycle, ItemError, ItemReport, Outcome, plan};
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::draft::{self, Draft, Laid, NoDraft};
use crate::item::{Form, Item};
use crate::legacy::Rejected;
use crate::mirror::Known;
use crate::mirror::waiting::Kind;
use crate::upstream::UpstreamError;

impl Cycle<'_> {
    /// Does what the v2 lane of a category needs in this cycle.
    pub(super) fn work_ready(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let (taken, again) = match self.hear_ready(category, heard, report) {
            Ok(Said::Nothing) => (Ok(()), None),
            Ok(Said::Waiting(kind)) => (Ok(()), Some(kind)),
            Ok(Said::Body(body)) => match self.take_ready(category, &body, report) {
                Ok(Taken::Published) => return Ok(()),
                Ok(Taken::Waits) => (Ok(()), None),
                Err(error) => (Err(error), None),
            },
            Err(error) => (Err(error), None),
        };
        // A damaged file is mended whether or not the upstream answers well.
        let kept = self.keep_ready(category, report);
        let mut here = kept;
        let edit = self.polls().then_some(Kind::Edit);
        for (kind, again) in [(Kind::V2, again), (Kind::Edit, edit)] {
            match self.reconsider_ready(category, kind, again, report) {
                Ok(Taken::Published) => here = Ok(()),
                Ok(Taken::Waits) => {}
                Err(error) => here = Err(error),
            }
        }
        taken.and(here)
    }

    /// Judges again what waits of a kind, where it is a v2 file.
    pub(super) fn reconsider_ready(
        &mut self,
        category: Category,
        kind: Kind,
        said: Option<Kind>,
        report: &mut ItemReport,
    ) -> Result<Taken, ItemError> {
        let waiting = self.mirror.waiting(category, kind);
        if waiting.is_none_or(|waiting| waiting.made_from.form != Form::V2) {
            return Ok(Taken::Waits);
        }
        self.reconsider(category, kind, said, report)
    }

    /// What an upstream said: a body that does not give what is published, or none.
    fn hear_ready(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<Said, ItemError> {
        let delivery = match self.open_lane(category, Kind::V2, heard, report)? {
            Ok(delivery) => delivery,
            Err(said) => return Ok(said),
        };
        let Delivery {
            bytes,
            validators,
            origin,
            sha256,
            ..
        } = delivery;
        let item = Item::Category(category);
        let sha256 = sha256.unwrap_or_else(|| Digest::of(&bytes));
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let on_disk = look.seen.map(|seen| seen.sha256);
        let entry = self.mirror.manifest().categories.get(&category);
        let stands = entry.is_some_and(|entry| Some(entry.v2.sha256) == on_disk);
        if stands && self.received_body(category, on_disk) == Some(sha256) {
            self.remember(&origin, Known { validators, sha256 });
            self.let_go(category, Kind::V2);
            report.origin = Some(origin);
            return Ok(Said::Nothing);
        }
        // Elsewhere a v2 file that is not the published one gives way.
        if self.is_origin() && plan::is_moot(self.depth, true, on_disk.is_some()) {
            return Ok(Said::Nothing);
        }
        if self.is_waiting(category, Kind::V2, &origin, Some(sha256)) {
            self.remember(&origin, Known { validators, sha256 });
            return Ok(Said::Waiting(Kind::V2));
        }
        Ok(Said::Body(Body {
            bytes,
            sha256,
            form: Form::V2,
            from: Some((origin, validators)),
            drafted: None,
        }))
    }

    fn take_ready(
        &mut self,
        category: Category,
        body: &Body,
        report: &mut ItemReport,
    ) -> Result<Taken, ItemError> {
        let Some((origin, validators)) = &body.from else {
            return Ok(Taken::Waits);
        };
        let judged = self.is_judged(body);
        let laid = if judged {
            Laid::AsSent
        } else {
            Laid::AsReplica
        };
        let begun = clock::instant();
        let made = draft::from_v2(category, &body.bytes, body.sha256, laid);
        report.convert_time = Some(clock::since(begun));
        let url = origin.url.clone();
        match made {
            Ok(draft) => {
                let draft = Draft { judged, ..draft };
                let taken = self.decide(category, body, &draft, true, report)?;
                if taken == Taken::Published {
                    let known = Known {
                        validators: validators.clone(),
                        sha256: body.sha256,
                    };
                    self.remember(origin, known);
                    report.origin = Some(origin.clone());
                }
                Ok(taken)
            }
            Err(NoDraft::Damaged(flaw)) => Err(self.damaged(category, &url, &flaw, report)),
            Err(NoDraft::NoReference(_) | NoDraft::Rejected(_))
                if self.mirror.pin(category).is_some() =>
            {
                Ok(Taken::Waits)
            }
            Err(NoDraft::NoReference(reason) | NoDraft::Rejected(reason)) => {
                Err(ItemError::NotTaken { url, reason })
            }
        }
    }

    /// Notes that an upstream failed whose body the way has damaged.
    pub(super) fn damaged(
        &mut self,
        category: Category,
        url: &str,
        flaw: &Rejected,
        report: &mut ItemReport,
    ) -> ItemError {
        report.answered = Answered::Failed;
        let error = Arc::new(UpstreamError::Undecodable {
            url: url.to_owned(),
            how: flaw.to_string(),
        });
        let item = Item::Category(category);
        self.mirror.state().note_failure(url, &item, clock::now());
        let name = self.urls(category).into_iter().find(|it| it.url == url);
        if let Some(origin) = name {
            self.asked.insert(origin.upstream, Some(Arc::clone(&error)));
        }
        ItemError::Upstream(error)
    }

    /// Looks whether the v2 file is the one that was published, and brings it back where it is not (invariant 2).
    pub(super) fn keep_ready(
        &mut self,
        category: Category,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let pin = self.mirror.pin(category);
        if let Some(pin) = pin.filter(|pin| !self.is_edited_origin(category, *pin)) {
            return self.keep_pinned(category, pin, report);
        }
        if self.is_origin() {
            return self.keep_origin(category, report);
        }
        let item = Item::Category(category);
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let entry = self.mirror.manifest().categories.get(&category);
        let published = entry.map(|entry| (entry.v2.sha256, entry.made_from));
        let on_disk = look.seen.map(|seen| seen.sha256);
        let Some((good, made_from)) = published else {
            return Err(self.no_v2(category, "missing"));
        };
        if on_disk != Some(good) {
            self.restore(category, report);
            let is_back = self.mirror.last_seen(&item, Form::V2);
            if is_back.is_none_or(|seen| seen.sha256 != good) {
                let legacy = self.mirror.last_seen(&item, Form::Legacy);
                let is_source = legacy.is_some_and(|seen| seen.sha256 == made_from.sha256);
                if made_from.form == Form::Legacy && is_source {
                    return self.compare(category, None, report);
                }
                let what = if on_disk.is_some() {
                    "damaged"
                } else {
                    "missing"
                };
                return Err(self.no_v2(category, what));
            }
            report.outcome = Outcome::Updated;
        }
        let issues = self.mirror.state().issues.get(&category);
        report.issues = issues.copied().unwrap_or_default();
        self.keep_confirmed(category, None, report);
        Ok(())
    }

    /// Whether the v2 file on disk is its own origin and another than the published and the pinned one: it must not be lost.
    fn is_edited_origin(&mut self, category: Category, pin: Digest) -> bool {
        let look = self.mirror.look(&category.into(), Form::V2);
        let on_disk = look.unwrap_or_default().seen.map(|seen| seen.sha256);
        let entry = self.mirror.manifest().categories.get(&category);
        let published = entry.map(|entry| entry.v2.sha256);
        let known = on_disk.is_none_or(|on_disk| on_disk == pin || Some(on_disk) == published);
        self.is_origin() && !known
    }

    /// Takes the v2 file on disk for what it is (invariant 3).
    fn keep_origin(
        &mut self,
        category: Category,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let item = Item::Category(category);
        let look = self.look(&item, Form::V2)?;
        let Some(seen) = look.seen else {
            return Err(self.no_v2(category, "missing"));
        };
        let entry = self.mirror.manifest().categories.get(&category);
        let stands = entry.is_some_and(|entry| entry.v2.sha256 == seen.sha256);
        if stands && self.mirror.is_trusted() {
            let issues = self.mirror.state().issues.get(&category);
            report.issues = issues.copied().unwrap_or_default();
            return Ok(());
        }
        let bytes = match look.read {
            Some(bytes) => bytes,
            None => self.read(&item, Form::V2)?,
        };
        let sha256 = Digest::of(&bytes);
        match draft::from_v2(category, &bytes, sha256, Laid::AsSent) {
            Ok(draft) => {
                let body = Body {
                    bytes,
                    sha256,
                    form: Form::V2,
                    from: None,
                    drafted: None,
                };
                let polled = self.polls();
                let decided = self.decide(category, &body, &draft, polled, report);
                decided.and_then(|_| match self.mirror.pin(category) {
                    Some(pin) => self.keep_pinned(category, pin, report),
                    None => Ok(()),
                })
            }
            Err(
                NoDraft::Damaged(reason) | NoDraft::NoReference(reason) | NoDraft::Rejected(reason),
            ) => Err(self.not_v2(category, reason)),
        }
    }

    fn no_v2(&self, category: Category, what: &'static str) -> ItemError {
        let file = self.mirror.layout().v2(category).display().to_string();
        ItemError::NoV2 { file, what }
    }

    pub(super) fn not_v2(&self, category: Category, reason: Rejected) -> ItemError {
        let file = self.mirror.layout().v2(category).display().to_string();
        ItemError::NotV2 { file, reason }
    }
}
