//! What was heard of a category, and what its files say, made into drafts and verdicts. There is no await in here (the
//! cycle's invariant 2), and nothing is written here: that is [`super::apply`].

use std::sync::Arc;

use super::ahead::Drafted;
use super::ask::Heard;
use super::decide::Taken;
use super::heard::{Delivery, Said};
use super::need::{Compared, Need, need};
use super::waits::Why;
use super::{Answered, Cycle, ItemError, ItemReport, Origin, plan};
use crate::category::Category;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::draft::{self, Draft, NoDraft};
use crate::item::{Form, Item};
use crate::legacy::Rejected;
use crate::mirror::waiting::Kind;
use crate::mirror::{Known, Look};
use crate::upstream::Validators;

/// A body, wherever it came from.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Digest,
    /// What it is.
    pub(super) form: Form,
    /// Where it came from; `None` for the file on disk.
    pub(super) from: Option<(Origin, Validators)>,
    /// What it gives, where it was converted ahead of its turn.
    pub(super) drafted: Option<Box<Drafted>>,
}

impl Cycle<'_> {
    /// Does what the legacy lane needs where the v2 file is made from the legacy file.
    pub(super) fn work_into(
        &mut self,
        category: Category,
        mut look: Look,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        if heard.is_some() {
            look = self.look_again(category, look);
        }
        // A trouble with the upstream is kept until the files on disk are in order: a damaged v2 file is mended whether
        // or not the upstream answers.
        let (heard, look, again) = match self.hear(category, heard, &look, report) {
            Ok(Said::Body(body)) => match self.take(category, body, report) {
                Ok(Taken::Published) => return Ok(()),
                Ok(Taken::Waits) => (Ok(()), None, None),
                Err(error) => (Err(error), None, None),
            },
            Ok(Said::Nothing) => (Ok(()), Some(look), None),
            Ok(Said::Waiting(kind)) => (Ok(()), Some(look), Some(kind)),
            Err(error) => (Err(error), Some(look), None),
        };
        let entry = self.mirror.manifest().categories.get(&category);
        let is_ready = entry.is_some_and(|entry| entry.made_from.form == Form::V2);
        let compared = if is_ready && self.mirror.waiting(category, Kind::Legacy).is_some() {
            // The conversion that would take the place of a ready-made file is held: that stays.
            self.keep_ready(category, report)
        } else {
            self.compare(category, look, report)
        };
        // What waits is judged against what is published now.
        let here = match self.reconsider(category, Kind::Legacy, again, report) {
            Ok(Taken::Published) => Ok(()),
            Ok(Taken::Waits) => compared,
            Err(error) => Err(error),
        };
        heard.and(here)
    }

    /// Does what the legacy lane needs where the v2 file comes ready-made: the legacy file is stored, and not converted.
    pub(super) fn follow_legacy(
        &mut self,
        category: Category,
        mut look: Look,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let asked = heard.is_some();
        if asked {
            look = self.look_again(category, look);
        }
        let pin = self.mirror.pin(category);
        let pin = pin.filter(|_| self.pins_legacy(category));
        let taken = match self.hear(category, heard, &look, report) {
            Ok(Said::Nothing | Said::Waiting(_)) => Ok(()),
            Ok(Said::Body(body)) => match draft::check_legacy(category, &body.bytes) {
                Ok(()) if pin.is_some() => self.let_wait(category, &body, None, &Why::pinned(0)),
                Ok(()) => {
                    self.let_go(category, Kind::Legacy);
                    return self.store(category, &body, report);
                }
                Err(flaw) => {
                    let url = body.from.map(|(origin, _)| origin.url).unwrap_or_default();
                    Err(self.no_reference(category, url, flaw, report))
                }
            },
            Err(error) => Err(error),
        };
        if let Some(pin) = pin {
            return taken.and(self.keep_pinned(category, pin, report));
        }
        self.store_waiting(category, report)?;
        let item = Item::Category(category);
        match self.mirror.last_seen(&item, Form::Legacy) {
            Some(seen) if seen.bytes > 0 => {
                report.modified = self.is_modified(category, seen.sha256);
                self.enter_legacy(category);
            }
            found => {
                let is_served = self.serving(&item, Form::Legacy).next().is_some();
                if taken.is_ok() && is_served && (asked || found.is_some()) {
                    let path = self.mirror.layout().legacy(category);
                    let file = path.display().to_string();
                    let what = if found.is_some() { "empty" } else { "missing" };
                    return Err(ItemError::NoLegacy { file, what });
                }
            }
        }
        taken
    }

    /// Looks at the legacy file once more: it may have changed while the upstream was waited for.
    fn look_again(&mut self, category: Category, look: Look) -> Look {
        let item = Item::Category(category);
        let again = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
        let same = again.seen.map(|seen| seen.sha256) == look.seen.map(|seen| seen.sha256);
        Look {
            read: again.read.or(look.read.filter(|_| same)),
            seen: again.seen,
        }
    }

    /// What an upstream said: a body that is not the file on disk, or none.
    fn hear(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        look: &Look,
        report: &mut ItemReport,
    ) -> Result<Said, ItemError> {
        let delivery = match self.open_lane(category, Kind::Legacy, heard, report)? {
            Ok(delivery) => delivery,
            Err(said) => return Ok(said),
        };
        let Delivery {
            bytes,
            validators,
            origin,
            sha256,
            drafted,
        } = delivery;
        // Bytes that are at hand are compared, not hashed.
        let same = || look.seen.filter(|_| look.read.as_ref() == Some(&bytes));
        let known = sha256.or_else(|| same().map(|seen| seen.sha256));
        let sha256 = known.unwrap_or_else(|| Digest::of(&bytes));
        let is_here = look.seen.is_some_and(|seen| seen.sha256 == sha256);
        let waits = self.is_waiting(category, Kind::Legacy, &origin, Some(sha256));
        if !is_here && plan::is_moot(self.depth, self.is_origin(), look.seen.is_some()) {
            return Ok(Said::Nothing);
        }
        if !is_here && !waits {
            return Ok(Said::Body(Body {
                bytes,
                sha256,
                form: Form::Legacy,
                from: Some((origin, validators)),
                drafted,
            }));
        }
        if validators == Validators::default() && self.depth != Depth::Force {
            // Where an upstream gives no validators, sending what is here is its way to say "not modified".
            report.answered = Answered::NotModified;
            report.downloaded_bytes = 0;
        }
        self.remember(&origin, Known { validators, sha256 });
        if !is_here || self.is_due(category, Kind::Legacy) {
            return Ok(Said::Waiting(Kind::Legacy));
        }
        self.let_go(category, Kind::Legacy);
        report.origin = Some(origin);
        Ok(Said::Nothing)
    }

    /// Why a legacy body that an upstream sent is not even stored.
    pub(super) fn no_reference(
        &mut self,
        category: Category,
        url: String,
        flaw: NoDraft,
        report: &mut ItemReport,
    ) -> ItemError {
        match flaw {
            NoDraft::Damaged(flaw) => self.damaged(category, &url, &flaw, report),
            NoDraft::NoReference(reason) | NoDraft::Rejected(reason) => {
                ItemError::NotLegacy { url, reason }
            }
        }
    }

    /// Compares the legacy file on disk with the v2 file, and brings the v2 file in line. `look` is the legacy file as
    /// it was just seen; without one it is looked at.
    pub(super) fn compare(
        &mut self,
        category: Category,
        look: Option<Look>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        if let Some(pin) = self.mirror.pin(category) {
            return self.keep_pinned(category, pin, report);
        }
        let item = Item::Category(category);
        let look = match look {
            Some(look) => look,
            None => self.look(&item, Form::Legacy)?,
        };
        let edit = self.mirror.waiting(category, Kind::Edit);
        let edit = edit.map(|waiting| waiting.made_from.sha256);
        if edit.is_some() && edit != look.seen.map(|seen| seen.sha256) {
            self.mirror.let_go(category, Kind::Edit);
        }
        let path = self.mirror.layout().legacy(category);
        let no_legacy = |what| ItemError::NoLegacy {
            file: path.display().to_string(),
            what,
        };
        let Some(legacy) = look.seen.filter(|seen| seen.bytes > 0) else {
            // The look of the plan passes over what cannot be read; here it is said.
            self.look(&item, Form::Legacy)?;
            self.restore(category, report);
            return Err(no_legacy(if look.seen.is_some() {
                "empty"
            } else {
                "missing"
            }));
        };
        report.modified = self.is_modified(category, legacy.sha256);
        // A v2 file that cannot be looked at is not ours: it gives way.
        let v2 = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let entry = self.mirror.manifest().categories.get(&category);
        let refused = self.memory.refused.get(&category);
        let files = Compared {
            legacy: legacy.sha256,
            v2: v2.seen.map(|seen| seen.sha256),
            published: entry.map(|entry| (entry.v2.sha256, entry.made_from)),
            trusted: self.mirror.is_trusted(),
            refused: refused.map(|(digest, _)| *digest),
        };
        let reason = refused.map(|(_, reason)| reason.clone());
        match need(&files, self.policy()) {
            Need::Nothing => {
                let issues = self.mirror.state().issues.get(&category);
                report.issues = issues.copied().unwrap_or_default();
                self.enter_legacy(category);
                self.keep_confirmed(category, look.read, report);
                Ok(())
            }
            Need::Draft => {
                let bytes = match look.read {
                    Some(bytes) => bytes,
                    None => self.read(&item, Form::Legacy)?,
                };
                if bytes.is_empty() {
                    return Err(no_legacy("empty"));
                }
                // The file may have been written between the look and the read.
                let sha256 = if bytes.len() as u64 == legacy.bytes && legacy.is_conclusive() {
                    legacy.sha256
                } else {
                    Digest::of(&bytes)
                };
                let mut body = Body {
                    bytes,
                    sha256,
                    form: Form::Legacy,
                    from: None,
                    drafted: None,
                };
                match self.draft(category, &mut body, report) {
                    Ok(draft) => {
                        let polled = self.polls();
                        let decided = self.decide(category, &body, &draft, polled, report);
                        decided.map(|_| ())
                    }
                    Err(
                        NoDraft::Damaged(reason)
                        | NoDraft::NoReference(reason)
                        | NoDraft::Rejected(reason),
                    ) => {
                        self.memory
                            .refused
                            .insert(category, (sha256, reason.clone()));
                        self.restore(category, report);
                        self.enter_legacy(category);
                        Err(self.rejected(category, reason))
                    }
                }
            }
            Need::Stay | Need::Restore => {
                self.restore(category, report);
                self.enter_legacy(category);
                Err(self.rejected(category, reason.unwrap_or_else(unknown)))
            }
        }
    }

    /// What a legacy body gives; it is converted where that was not done ahead.
    pub(super) fn draft(
        &self,
        category: Category,
        body: &mut Body,
        report: &mut ItemReport,
    ) -> Result<Draft, NoDraft> {
        let received = body.from.is_some();
        let drafted = body.drafted.take().map(|drafted| *drafted);
        let Drafted { draft, time } =
            drafted.unwrap_or_else(|| self.convert(category, &body.bytes, body.sha256, received));
        report.convert_time = Some(time);
        draft
    }

    pub(super) fn look(&mut self, item: &Item, form: Form) -> Result<Look, ItemError> {
        let look = self.mirror.look(item, form);
        look.map_err(|error| ItemError::Disk(Arc::new(error)))
    }

    pub(super) fn read(&self, item: &Item, form: Form) -> Result<Vec<u8>, ItemError> {
        let read = self.mirror.read(item, form);
        let read = read.map_err(|error| ItemError::Disk(Arc::new(error)))?;
        Ok(read.unwrap_or_default())
    }

    pub(super) fn rejected(&self, category: Category, reason: Rejected) -> ItemError {
        let path = self.mirror.layout().legacy(category);
        let file = path.display().to_string();
        ItemError::Rejected { file, reason }
    }
}

fn unknown() -> Rejected {
    Rejected::file("it cannot be converted")
}
