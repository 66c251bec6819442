//! What an upstream's answer means for the files of one category. There is no await in here (the cycle's invariant 2).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::memory::Summary;
use super::{Answer, Answered, CategoryError, CategoryReport, Cycle, Outcome, address};
use crate::category::Category;
use crate::clock;
use crate::config::{Origin, ReplicateMode};
use crate::convert::convert;
use crate::depth::Depth;
use crate::item::OnInvalidRecord;
use crate::legacy::{self, Rejected};
use crate::mirror::manifest::Known;
use crate::mirror::{Digest, Seen, Source};
use crate::upstream::{Class, What};

impl Cycle<'_> {
    /// What the answer means for the files of a category.
    pub(super) fn settle(&mut self, category: Category, answered: Answered) -> CategoryReport {
        let mut report = CategoryReport::empty();
        let settled = self.settle_into(category, answered, &mut report);
        if let Err(error) = settled {
            report.outcome = match error {
                CategoryError::Rejected { .. } | CategoryError::NotLegacy { .. } => {
                    Outcome::Rejected
                }
                _ => Outcome::Failed,
            };
            report.error = Some(error);
        }
        self.describe(category, &mut report);
        report
    }

    fn settle_into(
        &mut self,
        category: Category,
        answered: Answered,
        report: &mut CategoryReport,
    ) -> Result<(), CategoryError> {
        // A trouble with the upstream is kept until the files on disk are in order: a damaged v2 file is restored
        // from the stored legacy file whether or not GitHub answers.
        let received = self.receive(category, answered, report);
        if matches!(&received, Ok(true)) {
            report.outcome = Outcome::Updated;
        }
        let published = self.publish(category, report);
        if published.is_err() {
            self.restore(category, report);
            self.record_legacy(category, report.modified);
        }
        received?;
        published
    }

    /// Stores what the upstream sent, if it is a legacy file; true when that changed the file on disk.
    fn receive(
        &mut self,
        category: Category,
        answered: Answered,
        report: &mut CategoryReport,
    ) -> Result<bool, CategoryError> {
        let (body, validators) = match answered {
            None => return Ok(false),
            Some(Ok(What::NotModified)) => {
                report.upstream = Answer::NotModified;
                return Ok(false);
            }
            Some(Ok(What::Body {
                bytes: body,
                validators,
                ..
            })) => (body, validators),
            Some(Err(error)) => {
                report.upstream = Answer::Failed;
                if let Class::Limited { until } = error.class() {
                    report.held_until = Some(until);
                    self.remember_holds();
                }
                return Err(CategoryError::Upstream(Arc::new(error)));
            }
        };
        report.upstream = Answer::Downloaded;
        report.downloaded_bytes = body.len() as u64;
        let url = self.address(category).unwrap_or_default();
        if body.is_empty() {
            return Err(CategoryError::NoLegacy {
                file: url,
                what: "empty",
            });
        }
        let sha256 = Digest::of(&body);
        // A legacy file that cannot be looked at is not ours: it gives way.
        let standing = self.mirror.look_legacy(category).ok().flatten();
        let same = standing.is_some_and(|file| file.sha256 == sha256);
        let directory = matches!(self.config.first_upstream().origin, Origin::Directory(_));
        if same && directory && self.reason != Depth::Force {
            // A directory is always read; that the file in it is the one we have is its way to say "not modified".
            report.upstream = Answer::NotModified;
            report.downloaded_bytes = 0;
        }
        if !same {
            legacy::parse_check(category, &body).map_err(|reason| CategoryError::NotLegacy {
                url: url.clone(),
                reason,
            })?;
        }
        let keep = !same && self.converts(category, standing);
        let changed = self
            .mirror
            .publish_legacy(category, &body, sha256, keep)
            .map_err(CategoryError::disk)?;
        let known = Known { validators, sha256 };
        self.remember(url, known);
        Ok(changed)
    }

    /// Brings the v2 file in line with the legacy file on disk.
    fn publish(
        &mut self,
        category: Category,
        report: &mut CategoryReport,
    ) -> Result<(), CategoryError> {
        let legacy = self.mirror.look_legacy(category);
        let legacy = legacy.map_err(CategoryError::disk)?;
        let path = self.mirror.layout().legacy(category);
        let file = path.display().to_string();
        let Some(legacy) = legacy else {
            let what = "missing";
            return Err(CategoryError::NoLegacy { file, what });
        };
        report.modified = self.is_modified(category, legacy.sha256);
        match self.memory.recall(category, legacy.sha256) {
            Some(Err(reason)) => return Err(CategoryError::Rejected { file, reason }),
            Some(Ok(known)) => {
                // A v2 file that cannot be looked at is not ours: it gives way.
                let v2 = self.mirror.look_v2(category).ok().flatten();
                if self.mirror.stands(v2, known.v2) {
                    report.issues = known.issues;
                    self.record(category, known.models, report.modified);
                    return Ok(());
                }
            }
            None => {}
        }
        // The v2 file is not known to be the one that this legacy file gives: it is made, and compared.
        let whole = self.mirror.read_legacy(category);
        let whole = whole.map_err(CategoryError::disk)?;
        let stamp = whole.as_ref().map(|whole| whole.stamp);
        let bytes = whole.map(|whole| whole.bytes).unwrap_or_default();
        if bytes.is_empty() {
            let what = "empty";
            return Err(CategoryError::NoLegacy { file, what });
        }
        // Somebody may have written between the look and the read.
        let unmoved = legacy.is_settled() && stamp == Some(legacy.stamp);
        let of = if unmoved {
            legacy.sha256
        } else {
            Digest::of(&bytes)
        };
        let begun = clock::instant();
        let converted = convert(category, &bytes, OnInvalidRecord::Reject);
        report.convert_time = Some(clock::since(begun));
        let converted = converted.map_err(|reason| {
            self.memory.keep(category, of, Err(reason.clone()));
            CategoryError::Rejected { file, reason }
        })?;
        let summary = Summary {
            v2: Digest::of(&converted.v2),
            models: converted.models as u64,
            issues: converted.issues.len(),
        };
        self.guard(category, summary)
            .map_err(|reason| CategoryError::Rejected {
                file: path.display().to_string(),
                reason,
            })?;
        self.memory.keep(category, of, Ok(summary));
        report.issues = summary.issues;
        report.changes = self
            .mirror
            .publish_v2(category, &converted.v2, summary.v2)
            .map_err(CategoryError::disk)?;
        if report.changes.is_some() {
            report.outcome = Outcome::Updated;
        }
        self.record(category, summary.models, report.modified);
        Ok(())
    }

    /// A text reference is never emptied: a models.csv that was cut off after its header looks like one without models.
    fn guard(&self, category: Category, summary: Summary) -> Result<(), Rejected> {
        let published = self.mirror.manifest().categories.get(&category);
        let standing = published.map_or(0, |entry| entry.v2.models);
        if category == Category::TextGeneration && summary.models == 0 && standing > 0 {
            return Err(Rejected {
                model: None,
                field: None,
                reason: format!(
                    "no model at all would be left of the {standing} that are published: is it cut off, or its header changed?"
                ),
            });
        }
        Ok(())
    }

    /// Whether the stored legacy file converts; if so it is worth keeping when it is replaced.
    fn converts(&self, category: Category, standing: Option<Seen>) -> bool {
        let known = standing.and_then(|seen| self.memory.recall(category, seen.sha256));
        match known {
            Some(known) => known.is_ok(),
            None => self
                .mirror
                .read_legacy(category)
                .ok()
                .flatten()
                .is_some_and(|whole| {
                    convert(category, &whole.bytes, OnInvalidRecord::Reject).is_ok()
                }),
        }
    }

    /// Restores the last good v2 file of a category whose legacy file gives none, from the legacy file before it.
    fn restore(&mut self, category: Category, report: &mut CategoryReport) {
        let published = self.mirror.manifest().categories.get(&category);
        let Some(good) = published.map(|entry| entry.v2.sha256) else {
            return;
        };
        let v2 = self.mirror.look_v2(category).ok().flatten();
        if self.mirror.stands(v2, good) {
            return;
        }
        let converted = self
            .mirror
            .read_previous_legacy(category)
            .and_then(|bytes| convert(category, &bytes, OnInvalidRecord::Reject).ok())
            .filter(|converted| Digest::of(&converted.v2) == good);
        if let Some(converted) = converted {
            let restored = self.mirror.publish_v2(category, &converted.v2, good);
            report.changes = restored.ok().flatten();
        }
    }

    fn is_modified(&mut self, category: Category, legacy: Digest) -> bool {
        if self.config.replicate_mode == ReplicateMode::Primary {
            // The local files are the origin.
            return false;
        }
        let Some(address) = self.address(category) else {
            return false;
        };
        let known = self.mirror.state().validators.get(&address);
        known.is_some_and(|known| known.sha256 != legacy)
    }

    fn record(&mut self, category: Category, models: u64, modified: bool) {
        let source = self.source(category, modified);
        self.mirror.record(category, models, source, clock::now());
    }

    /// The manifest names the stored legacy file also when the v2 file is not made from it.
    fn record_legacy(&mut self, category: Category, modified: bool) {
        let source = self.source(category, modified);
        self.mirror.record_legacy(category, source, clock::now());
    }

    fn source(&mut self, category: Category, modified: bool) -> Source {
        let url = self.address(category).unwrap_or_default();
        let known = self.mirror.state().validators.get(&url).cloned();
        let validators = known
            .filter(|_| !modified)
            .map(|known| known.validators)
            .unwrap_or_default();
        Source {
            url,
            etag: validators.etag,
            last_modified: validators.last_modified,
        }
    }

    /// Fills in what is published now, whatever became of the cycle.
    fn describe(&mut self, category: Category, report: &mut CategoryReport) {
        if report.error.is_some() {
            // What a failure left on disk is not what this cycle put there. It is looked at, and only described.
            let _ = self.mirror.look_v2(category);
        }
        let files = self.mirror.left(category);
        report.url = self.address(category);
        report.v2 = files.v2.map(|file| (file.sha256, file.bytes));
        report.legacy_bytes = files.legacy.map(|file| file.bytes);
        report.models = files
            .v2
            .and_then(|file| self.models_of(category, file.sha256));
    }

    fn models_of(&self, category: Category, v2: Digest) -> Option<u64> {
        let converted = self.memory.converted(category);
        let published = self.mirror.manifest().categories.get(&category);
        converted
            .filter(|summary| summary.v2 == v2)
            .map(|summary| summary.models)
            .or_else(|| {
                published
                    .filter(|entry| entry.v2.sha256 == v2)
                    .map(|entry| entry.v2.models)
            })
    }

    /// Deadlines that a host has set outlive the process.
    pub(super) fn remember_holds(&mut self) {
        self.mirror.state().rate_limits = self.hosts.limits();
    }

    /// What the upstream has sent, and no longer what another one once sent.
    fn remember(&mut self, url: String, known: Known) {
        let validators = &mut self.mirror.state().validators;
        if validators.insert(url, known).is_none() {
            let asked: BTreeSet<String> = Category::with_legacy()
                .filter_map(|category| address(self.upstream, category))
                .collect();
            validators.retain(|address, _| asked.contains(address));
        }
    }
}
