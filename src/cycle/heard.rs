//! What was heard of a category in one form, before it is compared with what is here: who answered, who did not, and the
//! body if there is one.

use std::sync::Arc;

use super::ahead::Drafted;
use super::ask::{Failed, Heard};
use super::work::Body;
use super::{Answered, Cycle, ItemError, ItemReport, Origin};
use crate::category::Category;
use crate::config::Layout;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror::Known;
use crate::mirror::waiting::Kind;
use crate::upstream::{Class, UpstreamError, Validators, What};

/// What an upstream has said of a file.
pub(super) enum Said {
    /// Nothing that is not known: it has what is here, or it was not asked, or it has no such file.
    Nothing,
    /// That what waits still is its present version.
    Waiting(Kind),
    /// Another version.
    Body(Body),
}

/// A body as an upstream sent it.
pub(super) struct Delivery {
    pub(super) bytes: Vec<u8>,
    pub(super) validators: Validators,
    pub(super) origin: Origin,
    /// Its digest, where it is known.
    pub(super) sha256: Option<Digest>,
    /// What it gives, where it was converted ahead of its turn.
    pub(super) drafted: Option<Box<Drafted>>,
}

/// What was heard, opened.
pub(super) enum Opened {
    /// No upstream was asked, or none could have it.
    Nothing,
    /// The file is the one that the validators describe.
    NotModified(Origin),
    /// A body was sent.
    Sent(Delivery),
}

impl Cycle<'_> {
    /// Opens what was heard of an item in a form.
    pub(super) fn open(
        &mut self,
        item: &Item,
        form: Form,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<Opened, ItemError> {
        let Some(heard) = heard else {
            return Ok(Opened::Nothing);
        };
        self.note(&heard, item, form);
        let Some(answer) = heard.answer else {
            return unanswered(&heard.failed, report).map(|()| Opened::Nothing);
        };
        report.instead_of = failed_names(&heard.failed);
        let (origin, sha256) = (answer.source, heard.sha256);
        match answer.what {
            What::Body {
                bytes, validators, ..
            } => {
                report.answered = Answered::Downloaded;
                report.downloaded_bytes = bytes.len() as u64;
                Ok(Opened::Sent(Delivery {
                    bytes,
                    validators,
                    origin,
                    sha256,
                    drafted: heard.drafted,
                }))
            }
            What::NotModified => {
                if let Some(sha256) = sha256 {
                    let validators = Validators::default();
                    self.remember(&origin, Known { validators, sha256 });
                }
                report.answered = Answered::NotModified;
                Ok(Opened::NotModified(origin))
            }
        }
    }

    /// Opens what was heard of a category's lane: the body that was sent, or what was said without one.
    pub(super) fn open_lane(
        &mut self,
        category: Category,
        kind: Kind,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<Result<Delivery, Said>, ItemError> {
        let form = match kind {
            Kind::V2 => Form::V2,
            Kind::Legacy | Kind::Edit => Form::Legacy,
        };
        let origin = match self.open(&category.into(), form, heard, report)? {
            Opened::Nothing => return Ok(Err(Said::Nothing)),
            Opened::Sent(delivery) => return Ok(Ok(delivery)),
            Opened::NotModified(origin) => origin,
        };
        if self.is_waiting(category, kind, &origin, None) {
            return Ok(Err(Said::Waiting(kind)));
        }
        self.let_go(category, kind);
        report.origin = Some(origin);
        Ok(Err(Said::Nothing))
    }

    /// Notes who answered and who did not.
    pub(super) fn note(&mut self, heard: &Heard, item: &Item, form: Form) {
        let now = heard.at;
        let upstreams = self.upstreams;
        let is_primary = |name: &str| {
            let mut named = upstreams.iter().filter(|it| it.name() == name);
            named.any(|it| it.layout() == Layout::Primary)
        };
        let state = self.mirror.state();
        for failed in &heard.failed {
            if failed.counts {
                state.note_failure(&failed.source.url, item, now);
            } else {
                state.note_answer(&failed.source.url, item);
                if form == Form::V2 {
                    state.validators.remove(&failed.source.url);
                }
                // What a mirror has not, its manifest says (`leaf`).
                let is_absent = failed.error.class() == Class::NotThere;
                if is_absent && is_primary(&failed.source.upstream) {
                    let absent = state.absent.entry(failed.source.url.clone());
                    absent.or_default().extend(item.path(form));
                }
            }
            let error =
                (failed.error.class() != Class::NotThere).then(|| Arc::clone(&failed.error));
            let before = self.asked.get(&failed.source.upstream);
            let is_known = before.is_some_and(Option::is_some);
            // What found out that the host is dead says more than what was not asked for since.
            if !(is_known && matches!(failed.error.last(), UpstreamError::Dead { .. })) {
                self.asked.insert(failed.source.upstream.clone(), error);
            }
        }
        if let Some(answer) = &heard.answer {
            state.note_answer(&answer.source.url, item);
            state.absent.remove(&answer.source.url);
            self.asked.insert(answer.source.upstream.clone(), None);
        }
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
