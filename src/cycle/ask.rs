//! Asking the upstreams of a lane, one after the other, until one answers: the plan's only contact with the network.

use std::sync::Arc;

use jiff::Timestamp;

use super::plan::{self, Candidate, Said};
use crate::item::{Form, Item};
use crate::upstream::{Answer, Class, Round, Source, Upstream, UpstreamError, Validators};

/// The upstreams that serve an item in a form, in order of preference.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) item: Item,
    pub(super) form: Form,
    pub(super) steps: Vec<Step>,
    /// Whether the lane has something published.
    pub(super) has_published: bool,
}

/// One upstream of a lane.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) upstream: Arc<Upstream>,
    pub(super) source: Source,
    /// What the request is made conditional on.
    pub(super) validators: Option<Validators>,
    pub(super) candidate: Candidate,
}

/// What was heard of an item in this cycle.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The upstreams that gave no answer, in order.
    pub(super) failed: Vec<Failed>,
    /// The answer of the first that did.
    pub(super) answer: Option<Answer>,
}

/// An upstream that gave no answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) source: Source,
    pub(super) error: Arc<UpstreamError>,
    /// Whether that counts against the upstream.
    pub(super) counts: bool,
}

impl Lane {
    /// Asks, as the plan says, until there is an answer or no upstream is left.
    pub(super) async fn ask(self, round: &Round, now: Timestamp) -> Heard {
        let mut heard = Heard::default();
        let mut lane: Vec<Candidate> = self.steps.iter().map(|step| step.candidate).collect();
        let mut said = Vec::new();
        while let Some(at) = plan::next(&lane, &said, self.has_published, now) {
            let Some(step) = self.steps.get(at) else {
                break;
            };
            let validators = step.validators.as_ref();
            let error = match round
                .fetch(&step.upstream, &self.item, self.form, validators)
                .await
            {
                Ok(answer) => {
                    heard.answer = Some(answer);
                    break;
                }
                Err(error) => error,
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
                source: step.source.clone(),
                error: Arc::new(error),
                counts,
            });
        }
        heard
    }
}
