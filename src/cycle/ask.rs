//! Asking the upstreams of a lane, one after the other, until one answers: the plan's only contact with the network.
//!
//! 1. What the way has damaged is no answer: the next upstream may be asked in its place.
//! 2. The lanes of a category are asked side by side. An upstream that gives v2 by conversion answers in the v2 lane what
//!    the legacy lane heard.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::ahead::Drafted;
use super::leaf::{Leaves, Wanted};
use super::plan::{self, Candidate, Said};
use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{self, Links};
use crate::draft;
use crate::item::{Form, Item, OnInvalidRecord};
use crate::legacy;
use crate::mirror::Changes;
use crate::mirror::layout::READABLE;
use crate::upstream::{Answer, Class, Round, Source, Upstream, UpstreamError, Validators, What};

/// The lanes of an item that are asked; `None` for one in which nothing is.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) legacy: Option<Lane>,
    pub(super) v2: Option<Lane>,
    /// Whether there is a legacy file, which could be converted.
    pub(super) has_legacy: bool,
}

/// The upstreams that serve an item in a form, in order of preference.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) item: Item,
    pub(super) form: Form,
    pub(super) steps: Vec<Step>,
    /// Whether the lane has something published.
    pub(super) has_published: bool,
    /// The published v2 file, which a body of unknown end is compared with.
    pub(super) published: Option<PathBuf>,
}

/// One upstream of a lane.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) upstream: Arc<Upstream>,
    pub(super) way: Way,
    pub(super) candidate: Candidate,
}

/// How an upstream serves a lane.
#[derive(Debug)]
pub(super) enum Way {
    /// It has the body.
    Fetch {
        /// Where.
        source: Source,
        /// What the request is made conditional on.
        validators: Option<Validators>,
        /// The body that what is on disk was made from, if that is as it was left.
        on_disk: Option<Digest>,
    },
    /// It has the legacy file, which is converted.
    Convert,
}

/// What was heard of a category in this cycle, by lane; `None` for one that was not asked.
#[derive(Debug, Default)]
pub(super) struct Heards {
    pub(super) legacy: Option<Heard>,
    pub(super) v2: Option<Heard>,
}

/// What was heard of an item in a lane.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// When it was asked for; one time for all of a cycle.
    pub(super) at: Timestamp,
    /// The upstreams that gave no answer, in order.
    pub(super) failed: Vec<Failed>,
    /// The answer of the first that did.
    pub(super) answer: Option<Answer>,
    /// The digest of what it answered, where it is known: another mirror's manifest has it, or it was hashed.
    pub(super) sha256: Option<Digest>,
    /// What the body that it sent gives, where it was converted ahead of its turn.
    pub(super) drafted: Option<Box<Drafted>>,
    /// The first that answered has the legacy file, which is converted.
    pub(super) converts: bool,
}

/// An upstream that gave no answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) source: Source,
    pub(super) error: Arc<UpstreamError>,
    /// Whether that counts against the upstream.
    pub(super) counts: bool,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.legacy.is_none() && self.v2.is_none()
    }

    /// Asks both lanes.
    pub(super) async fn ask(self, round: &Round, leaves: &Leaves, now: Timestamp) -> Heards {
        let (say, mut said) = watch::channel(None);
        let legacy = async {
            let heard = match self.legacy {
                Some(lane) => Some(lane.ask(round, leaves, now, None).await),
                None => None,
            };
            let nothing_asked = if self.has_legacy {
                Said::Answer
            } else {
                Said::NotThere
            };
            let summary = heard.as_ref().map_or(nothing_asked, Heard::said);
            say.send_replace(Some(summary));
            heard
        };
        let v2 = async {
            match self.v2 {
                Some(lane) => Some(lane.ask(round, leaves, now, Some(&mut said)).await),
                None => None,
            }
        };
        let (legacy, v2) = tokio::join!(legacy, v2);
        Heards { legacy, v2 }
    }
}

impl Lane {
    /// Asks, as the plan says, until there is an answer or no upstream is left. `legacy` is what the legacy lane heard.
    pub(super) async fn ask(
        self,
        round: &Round,
        leaves: &Leaves,
        now: Timestamp,
        mut legacy: Option<&mut watch::Receiver<Option<Said>>>,
    ) -> Heard {
        let mut heard = Heard {
            at: now,
            ..Heard::default()
        };
        let mut lane: Vec<Candidate> = self.steps.iter().map(|step| step.candidate).collect();
        let mut said = Vec::new();
        while let Some(at) = plan::next(&lane, &said, self.has_published, now) {
            let Some(step) = self.steps.get(at) else {
                break;
            };
            let is_last = at + 1 == self.steps.len();
            let answered = match &step.way {
                Way::Convert => {
                    let answer = match legacy.as_mut() {
                        Some(legacy) => heard_in(legacy).await,
                        None => Said::NotThere,
                    };
                    heard.converts = answer == Said::Answer;
                    said.push(answer);
                    continue;
                }
                Way::Fetch {
                    source,
                    validators,
                    on_disk,
                } => {
                    let asked = self.fetch(round, leaves, step, validators.as_ref(), *on_disk);
                    asked
                        .await
                        .and_then(|answer| {
                            let flaw = self.flaw(&answer.0, *on_disk, is_last);
                            flaw.map_or(Ok(answer), |how| {
                                let url = source.url.clone();
                                Err(Arc::new(UpstreamError::Undecodable { url, how }))
                            })
                        })
                        .map_err(|error| (source.clone(), error))
                }
            };
            let (source, error) = match answered {
                Ok((answer, listed)) => {
                    heard.answer = Some(answer);
                    heard.sha256 = listed;
                    break;
                }
                Err(failed) => failed,
            };
            let is_there = error.class() != Class::NotThere;
            said.push(if is_there {
                Said::Failure
            } else {
                Said::NotThere
            });
            let counts = is_there || step.candidate.published;
            if let Some(candidate) = lane.get_mut(at).filter(|_| counts) {
                candidate.failing_since.get_or_insert(now);
            }
            heard.failed.push(Failed {
                source,
                error,
                counts,
            });
        }
        heard
    }

    /// Asks one upstream; with the answer comes the digest that its manifest has for it, where it has one.
    async fn fetch(
        &self,
        round: &Round,
        leaves: &Leaves,
        step: &Step,
        validators: Option<&Validators>,
        on_disk: Option<Digest>,
    ) -> Result<(Answer, Option<Digest>), Arc<UpstreamError>> {
        let upstream = &step.upstream;
        if let Some(leaf) = leaves.of(upstream) {
            let wanted = Wanted {
                item: &self.item,
                form: self.form,
                on_disk,
            };
            let (answer, listed) = leaf.ask(round, &wanted).await?;
            return Ok((answer, Some(listed)));
        }
        let asked = round.fetch(upstream, &self.item, self.form, validators);
        let answer = asked.await.map_err(Arc::new)?;
        Ok((answer, None))
    }

    /// What is wrong with an answer that the way has damaged, as far as another one could be had in its place. What no
    /// other upstream could send is looked at once, by the draft.
    fn flaw(&self, answer: &Answer, on_disk: Option<Digest>, is_last: bool) -> Option<String> {
        let What::Body {
            bytes, complete, ..
        } = &answer.what
        else {
            return None;
        };
        let category = match &self.item {
            Item::Category(category) => *category,
            Item::File(file) => {
                let whole = legacy::whole_check(&file.name, bytes, *complete);
                return whole.err().map(|flaw| flaw.to_string());
            }
        };
        let is_text = self.form == Form::Legacy && category == Category::TextGeneration;
        if !*complete && is_text && self.lacks_published(bytes) {
            return Some(
                "nothing announced the end of it, and published models are missing: it was cut off"
                    .to_owned(),
            );
        }
        if is_last || on_disk == Some(Digest::of(bytes)) {
            return None;
        }
        let flaw = draft::damage(category, self.form, bytes)?;
        Some(flaw.to_string())
    }

    /// Whether a `models.csv` lacks models that are published.
    fn lacks_published(&self, body: &[u8]) -> bool {
        let published = self.published.as_deref();
        let published =
            published.and_then(|path| disk::read(path, Links::Follow, READABLE).ok()?);
        let Some(published) = published else {
            return false;
        };
        let policy = OnInvalidRecord::Skip;
        let sha256 = Digest::of(body);
        let draft = draft::from_legacy(Category::TextGeneration, body, sha256, policy, false);
        draft.is_ok_and(|draft| Changes::between(Some(&published), &draft.v2).removed > 0)
    }
}

impl Heard {
    /// The body that was sent.
    pub(super) fn body(&self) -> Option<&[u8]> {
        match &self.answer.as_ref()?.what {
            What::Body { bytes, .. } => Some(bytes),
            What::NotModified => None,
        }
    }

    /// What the lane heard as a whole.
    pub(super) fn said(&self) -> Said {
        if self.answer.is_some() {
            Said::Answer
        } else if self.failed.iter().any(|failed| failed.counts) {
            Said::Failure
        } else {
            Said::NotThere
        }
    }
}

/// Waits until the legacy lane has heard something; it always does.
async fn heard_in(legacy: &mut watch::Receiver<Option<Said>>) -> Said {
    let heard = legacy.wait_for(Option::is_some).await;
    heard.ok().and_then(|said| *said).unwrap_or(Said::NotThere)
}
