//! The lanes of a category worked one after the other, and their reports made into one: pure but for the work itself.
//!
//! 1. The outcome is the worse of the lanes', and the error names the lane.
//! 2. What is said of the published v2 bytes (source, changes, findings) is the v2 lane's; of a conversion the legacy
//!    lane's, since that is where the bytes came from.
//! 3. A category that is not published, and that every upstream which could have it says it has not, is skipped; what an
//!    upstream said last holds while it does not answer.

use std::sync::Arc;

use super::ask::{Heard, Heards};
use super::heard::{failed_names, unanswered};
use super::lanes::Looks;
use super::{Answered, Cycle, ItemError, ItemReport, Origin, Outcome};
use crate::category::Category;
use crate::config::Layout;
use crate::item::{Form, Item};
use crate::mirror::waiting::Kind;
use crate::upstream::Upstream;

impl Cycle<'_> {
    /// Does all that one category needs in this cycle. `before` is what became of it so far.
    pub(super) fn work(
        &mut self,
        category: Category,
        before: Outcome,
        looks: Looks,
        heards: Heards,
    ) -> ItemReport {
        let has_ready = self.has_ready(category);
        let is_skipped = self.is_nowhere(category, &heards);
        let pins_v2_only = self.mirror.pin(category).is_some() && !self.pins_legacy(category);
        let converts = self.converts(category, heards.v2.as_ref()) && !pins_v2_only;
        let mut legacy = ItemReport {
            outcome: before,
            ..ItemReport::unchanged()
        };
        let mut v2 = ItemReport::unchanged();
        let of_legacy = if converts {
            self.work_into(category, looks.legacy, heards.legacy, &mut legacy)
        } else if category.has_legacy() {
            self.follow_legacy(category, looks.legacy, heards.legacy, &mut legacy)
        } else {
            Ok(())
        };
        close(&mut legacy, of_legacy);
        let of_v2 = if converts {
            let passed = self.pass_over(category, heards.v2, &mut legacy, &mut v2);
            passed.and(self.accept_ready(category, &mut v2))
        } else {
            self.work_ready(category, heards.v2, &mut v2)
        };
        if has_ready || !converts {
            close(&mut v2, of_v2);
        }
        let mut report = together(v2, legacy, has_ready, converts);
        self.describe(category, &mut report);
        if is_skipped && report.v2.is_none() {
            return ItemReport::skipped();
        }
        report
    }

    /// The upstreams of a v2 lane that failed before it came to the conversion.
    fn pass_over(
        &mut self,
        category: Category,
        heard: Option<Heard>,
        legacy: &mut ItemReport,
        v2: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let Some(heard) = heard else {
            return Ok(());
        };
        self.note(&heard, &Item::Category(category), Form::V2);
        if heard.converts {
            let mut names = failed_names(&heard.failed);
            names.retain(|name| !legacy.instead_of.contains(name));
            legacy.instead_of.splice(0..0, names);
            if self.mirror.waiting(category, Kind::Legacy).is_none() {
                // A conversion that nothing holds serves the category now.
                self.mirror.let_go(category, Kind::V2);
            }
            return Ok(());
        }
        unanswered(&heard.failed, v2)
    }

    /// Publishes what waits of the v2 lane if the operator has accepted it, also where a conversion serves the category.
    fn accept_ready(&mut self, category: Category, v2: &mut ItemReport) -> Result<(), ItemError> {
        let waiting = self.mirror.waiting(category, Kind::V2);
        let sha256 = waiting.and_then(|waiting| waiting.v2_sha256);
        if sha256.is_some_and(|sha256| self.mirror.accepts(category, sha256)) {
            self.reconsider_ready(category, Kind::V2, None, v2)?;
        }
        Ok(())
    }

    /// Whether a category is not published, and no upstream that was asked has it (invariant 3).
    fn is_nowhere(&mut self, category: Category, heards: &Heards) -> bool {
        let item = Item::Category(category);
        let manifest = self.mirror.manifest();
        if manifest.categories.contains_key(&category) {
            return false;
        }
        let knows = |layout| matches!(layout, Layout::Primary | Layout::Mirror);
        let legacy = self.serving(&item, Form::Legacy);
        let all_know = legacy.into_iter().all(|upstream| knows(upstream.layout()));
        let asked = heards.v2.is_some() || heards.legacy.is_some();
        let origin = self.is_origin() && category.has_legacy();
        asked
            && !origin
            && all_know
            && self.lacks(&item, Form::V2, heards.v2.as_ref())
            && self.lacks(&item, Form::Legacy, heards.legacy.as_ref())
    }

    /// Whether all upstreams of a lane say that they have not the file, or said so when they last answered.
    fn lacks(&mut self, item: &Item, form: Form, heard: Option<&Heard>) -> bool {
        let Some(heard) = heard else {
            return true;
        };
        let mut failed = heard.failed.iter().filter(|failed| failed.counts);
        heard.answer.is_none() && failed.all(|failed| self.lacked(item, form, &failed.source))
    }

    /// Whether an upstream said that it has not the file when it last answered.
    fn lacked(&mut self, item: &Item, form: Form, source: &Origin) -> bool {
        let is_it = |upstream: &&Arc<Upstream>| upstream.name() == source.upstream;
        let upstream = self.upstreams.iter().find(is_it);
        let manifest = upstream.and_then(|upstream| upstream.manifest_source());
        let url = manifest.map_or_else(|| source.url.clone(), |manifest| manifest.url);
        let absent = self.mirror.state().absent.get(&url);
        let path = item.path(form).unwrap_or_default();
        absent.is_some_and(|absent| absent.contains(&path))
    }
}

/// Ends the report of a lane.
fn close(report: &mut ItemReport, ended: Result<(), ItemError>) {
    if let Err(error) = ended {
        report.outcome = error.outcome();
        report.error = Some(error);
    }
}

/// One report of two (invariants 1 and 2). `named`: there are two lanes to name.
fn together(v2: ItemReport, legacy: ItemReport, named: bool, converts: bool) -> ItemReport {
    let v2_is_worse = v2.error.is_some() && rank(v2.outcome) >= rank(legacy.outcome);
    let outcome = worse(v2.outcome, legacy.outcome);
    let answered = both(v2.answered, legacy.answered);
    let (error, lane) = if v2_is_worse {
        (v2.error, Form::V2)
    } else if legacy.error.is_some() {
        (legacy.error, Form::Legacy)
    } else {
        (v2.error, Form::V2)
    };
    let error = error.map(|error| {
        if named {
            let error = Box::new(error);
            ItemError::Lane { lane, error }
        } else {
            error
        }
    });
    let (issues, left_out) = if converts {
        (legacy.issues, legacy.left_out)
    } else {
        (v2.issues, v2.left_out)
    };
    let mut instead_of = v2.instead_of;
    if converts {
        instead_of.extend(legacy.instead_of);
    }
    ItemReport {
        outcome,
        answered,
        origin: if converts { legacy.origin } else { v2.origin },
        instead_of,
        downloaded_bytes: v2.downloaded_bytes + legacy.downloaded_bytes,
        issues,
        left_out,
        changes: v2.changes.or(legacy.changes),
        modified: legacy.modified,
        held: v2.held.or(legacy.held),
        pinned: v2.pinned.or(legacy.pinned),
        limited_until: v2.limited_until.max(legacy.limited_until),
        convert_time: v2.convert_time.or(legacy.convert_time),
        error,
        ..ItemReport::unchanged()
    }
}

/// The worse outcome of two; what a lane does not have is no outcome.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    if rank(one) >= rank(other) { one } else { other }
}

fn rank(outcome: Outcome) -> Option<usize> {
    Outcome::ALL.iter().position(|it| *it == outcome)
}

fn both(one: Answered, other: Answered) -> Answered {
    let rank = |answered| match answered {
        Answered::None => 0,
        Answered::NotModified => 1,
        Answered::Downloaded => 2,
        Answered::Failed => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> ItemReport {
        ItemReport::failed(ItemError::NoV2 {
            file: "v2".to_owned(),
            what: "missing",
        })
    }

    fn rejected() -> ItemReport {
        ItemReport {
            outcome: Outcome::Rejected,
            ..failed()
        }
    }

    fn updated() -> ItemReport {
        ItemReport {
            outcome: Outcome::Updated,
            answered: Answered::Downloaded,
            ..ItemReport::unchanged()
        }
    }

    #[test]
    fn the_worse_lane_decides_and_is_named() {
        let well = ItemReport::unchanged;
        for (v2, legacy, outcome, answered, lane) in [
            (well(), well(), Outcome::Unchanged, Answered::None, None),
            (
                updated(),
                well(),
                Outcome::Updated,
                Answered::Downloaded,
                None,
            ),
            (
                well(),
                updated(),
                Outcome::Updated,
                Answered::Downloaded,
                None,
            ),
            (
                failed(),
                updated(),
                Outcome::Failed,
                Answered::Downloaded,
                Some("v2"),
            ),
            (
                updated(),
                failed(),
                Outcome::Failed,
                Answered::Downloaded,
                Some("legacy"),
            ),
            (
                failed(),
                failed(),
                Outcome::Failed,
                Answered::None,
                Some("v2"),
            ),
            (
                rejected(),
                failed(),
                Outcome::Failed,
                Answered::None,
                Some("legacy"),
            ),
            (
                failed(),
                rejected(),
                Outcome::Failed,
                Answered::None,
                Some("v2"),
            ),
        ] {
            let report = together(v2, legacy, true, false);
            assert_eq!((report.outcome, report.answered), (outcome, answered));
            let error = report.error.map(|error| error.chain());
            let expected = lane.map(|lane| format!("{lane} lane: "));
            assert_eq!(error.is_some(), expected.is_some());
            if let (Some(error), Some(expected)) = (error, expected) {
                assert!(error.starts_with(&expected), "{error}");
            }
        }
        let one = together(failed(), well(), false, false).error.unwrap();
        assert!(!one.chain().contains("lane"), "{}", one.chain());
    }
}
