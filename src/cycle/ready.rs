//! The v2 lane where an upstream gives the v2 file ready-made, and where the file on disk is its own origin.
//!
//! 1. A body that gives what is published already writes nothing: equality is of published bytes.
//! 2. A v2 file that is not what was published is brought back from a generation, else from what it was made from, else
//!    it is fetched.
//! 3. Where the local files are the origin, the v2 file of a category without a legacy format is published as it is, if
//!    readers can read it; it is never written.

use std::sync::Arc;

use super::ask::{Failed, Heard};
use super::work::Body;
use super::{Answered, Cycle, ItemError, ItemReport, Outcome};
use crate::category::Category;
use crate::clock;
use crate::config::Layout;
use crate::digest::Digest;
use crate::draft::{self, Draft, Laid, NoDraft};
use crate::item::{Form, Item};
use crate::legacy::Rejected;
use crate::mirror::{Known, Received};
use crate::upstream::{Class, UpstreamError, Validators, What};
use crate::verdict::{self, Verdict};

impl Cycle<'_> {
    /// Does what the v2 lane of a category needs in this cycle.
    pub(super) fn work_ready(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let taken = match self.hear_ready(category, heard, report) {
            Ok(None) => return self.keep_ready(category, report),
            Ok(Some(body)) => self.take_ready(category, &body, report),
            Err(error) => Err(error),
        };
        if taken.is_err() {
            // A damaged file is mended whether or not the upstream answers well.
            let _ = self.keep_ready(category, report);
        }
        taken
    }

    /// What an upstream said: a body that does not give what is published, or none.
    fn hear_ready(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<Option<Body>, ItemError> {
        let Some(heard) = heard else {
            return Ok(None);
        };
        let item = Item::Category(category);
        self.note(&heard, &item, Form::V2);
        let Some(answer) = heard.answer else {
            return unanswered(&heard.failed, report).map(|()| None);
        };
        report.instead_of = failed_names(&heard.failed);
        let origin = answer.source;
        let (bytes, validators) = match answer.what {
            What::NotModified => {
                if let Some(sha256) = heard.listed {
                    let validators = Validators::default();
                    self.remember(&origin, Known { validators, sha256 });
                }
                report.answered = Answered::NotModified;
                report.origin = Some(origin);
                return Ok(None);
            }
            What::Body {
                bytes, validators, ..
            } => (bytes, validators),
        };
        report.answered = Answered::Downloaded;
        report.downloaded_bytes = bytes.len() as u64;
        let sha256 = heard.listed.unwrap_or_else(|| Digest::of(&bytes));
        let look = self.mirror.look(&item, Form::V2).unwrap_or_default();
        let on_disk = look.seen.map(|seen| seen.sha256);
        let entry = self.mirror.manifest().categories.get(&category);
        let stands = entry.is_some_and(|entry| Some(entry.v2.sha256) == on_disk);
        if stands && self.received_body(category, on_disk) == Some(sha256) {
            self.remember(&origin, Known { validators, sha256 });
            report.origin = Some(origin);
            return Ok(None);
        }
        Ok(Some(Body {
            bytes,
            sha256,
            form: Form::V2,
            from: Some((origin, validators)),
        }))
    }

    fn take_ready(
        &mut self,
        category: Category,
        body: &Body,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let Some((origin, validators)) = &body.from else {
            return Ok(());
        };
        let by_name = |name: &str| {
            let mut upstreams = self.upstreams.iter();
            upstreams.find(|upstream| upstream.name() == name)
        };
        let from_mirror =
            by_name(&origin.upstream).is_some_and(|upstream| upstream.layout() == Layout::Mirror);
        let laid = if from_mirror {
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
                let draft = Draft {
                    judged: from_mirror,
                    ..draft
                };
                report.issues = draft.issues;
                self.publish_ready(category, body, &draft, report)?;
                let known = Known {
                    validators: validators.clone(),
                    sha256: body.sha256,
                };
                let origin = origin.clone();
                self.remember(&origin, known);
                report.origin = Some(origin);
                Ok(())
            }
            Err(NoDraft::Damaged(flaw)) => Err(self.damaged(category, &url, &flaw, report)),
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

    /// Judges a ready-made draft and does what the verdict says.
    fn publish_ready(
        &mut self,
        category: Category,
        body: &Body,
        draft: &Draft,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let published = self.published(category);
        let most = self.mirror.cap(Form::V2);
        match verdict::judge(category, published, draft, most) {
            Verdict::Publish | Verdict::Equal => {
                self.apply(category, body, draft, report)?;
                let received = Received {
                    body: body.sha256,
                    v2: draft.sha256,
                };
                self.mirror.state().bodies.insert(category, received);
                Ok(())
            }
            Verdict::Refused(reason) => Err(match &body.from {
                Some((origin, _)) => ItemError::NotTaken {
                    url: origin.url.clone(),
                    reason,
                },
                None => self.not_v2(category, reason),
            }),
        }
    }

    /// Looks whether the v2 file is the one that was published, and brings it back where it is not (invariant 2).
    fn keep_ready(&mut self, category: Category, report: &mut ItemReport) -> Result<(), ItemError> {
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
                report.issues = draft.issues;
                let body = Body {
                    bytes,
                    sha256,
                    form: Form::V2,
                    from: None,
                };
                self.publish_ready(category, &body, &draft, report)
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

    fn not_v2(&self, category: Category, reason: Rejected) -> ItemError {
        let file = self.mirror.layout().v2(category).display().to_string();
        ItemError::NotV2 { file, reason }
    }
}

/// The upstreams that failed before another one answered.
pub(super) fn failed_names(failed: &[Failed]) -> Vec<String> {
    let counting = failed.iter().filter(|failed| failed.counts);
    counting
        .map(|failed| failed.source.upstream.clone())
        .collect()
}

/// The failure that people have to see to, where no upstream of a lane answered; none where none could.
pub(super) fn unanswered(failed: &[Failed], report: &mut ItemReport) -> Result<(), ItemError> {
    report.answered = Answered::Failed;
    let first = failed.iter().find(|failed| failed.counts);
    let Some(failed) = first.or(failed.first()) else {
        return Ok(());
    };
    if let Class::Limited { until } = failed.error.class() {
        report.limited_until = Some(until);
    }
    Err(ItemError::Upstream(Arc::clone(&failed.error)))
}
