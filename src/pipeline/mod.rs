//! One cycle, top to bottom: fetch, parse, publish the legacy file, convert, publish the v2 file, write the manifest.
//!
//! There is one way through here for every trigger. A cycle is never told what changed: it compares what is on disk
//! with what was left, so a restart, a lost event and an overflow take the path that is always used.
//!
//! Invariants
//! 1. A category that fails leaves its v2 file as it was, and the others go on.
//! 2. Nothing is written between two awaits: a cycle that is dropped at an await has published whole files only.
//! 3. A legacy file is stored only if it parses; a v2 file is published only if its conversion succeeded.
//! 4. An upstream that takes its time keeps nobody from the files on disk: a cycle that waits looks at them after
//!    [`PATIENCE`] and whenever it is hinted at a change, and brings the v2 files in line.

mod report;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;

pub use self::report::{Answer, CategoryError, CategoryReport, Outcome, Progress, Report, Silent};
use crate::category::Category;
use crate::config::{Config, Origin, ReplicateMode};
use crate::convert::convert;
use crate::disk;
use crate::legacy::{self, Rejected};
use crate::mirror::manifest::Known;
use crate::mirror::{Digest, Files, Layout, Mirror, Source};
use crate::trigger::{Reason, Trigger};
use crate::upstream::{Class, Fetched, Upstream, UpstreamError, Validators};

/// How long a cycle waits for the upstream before it puts the files on disk in order without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is kept from cycle to cycle beside the mirror: how each legacy file converted.
#[derive(Debug, Default)]
pub struct Memory {
    conversions: BTreeMap<Category, Conversion>,
}

#[derive(Debug)]
struct Conversion {
    of: Digest,
    result: Result<Summary, Rejected>,
}

#[derive(Debug, Clone, Copy)]
struct Summary {
    v2: Digest,
    models: u64,
    issues: usize,
}

/// The parts of one cycle.
#[derive(Debug)]
pub struct Cycle<'a> {
    /// What was asked for.
    pub config: &'a Config,
    /// Where to publish.
    pub mirror: &'a mut Mirror,
    /// Where legacy files come from.
    pub upstream: &'a Arc<Upstream>,
    /// What earlier cycles found out.
    pub memory: &'a mut Memory,
    /// How hard to ask.
    pub reason: Reason,
    /// Who hints at changes on disk while the cycle waits for the upstream.
    pub hints: Option<&'a Trigger>,
}

type Answered = Option<Result<Fetched, UpstreamError>>;

impl Cycle<'_> {
    /// Runs the cycle over `categories`. Never fails as a whole: every error belongs to a category.
    pub async fn run(mut self, categories: &[Category], progress: &dyn Progress) -> Report {
        let begun = Instant::now();
        let mut reports = BTreeMap::new();
        let mut requests = JoinSet::new();
        let standing = self.mirror.ensure().map_err(Arc::new);
        for &category in categories {
            let early = match &standing {
                _ if !category.has_legacy() => Some(CategoryReport::skipped()),
                Err(error) => Some(CategoryReport::failed(CategoryError::Mirror(Arc::clone(
                    error,
                )))),
                Ok(()) => None,
            };
            if let Some(report) = early {
                progress.settled(category, &report);
                reports.insert(category, report);
                continue;
            }
            progress.started(category);
            let Plan::Ask(validators) = self.plan(category) else {
                let report = self.settle(category, None);
                progress.settled(category, &report);
                reports.insert(category, report);
                continue;
            };
            let upstream = Arc::clone(self.upstream);
            requests.spawn(async move {
                let answered = upstream.fetch(category, validators.as_ref()).await;
                (category, answered)
            });
        }
        let mut looked = Looked::default();
        let mut impatient = pin!(tokio::time::sleep(PATIENCE));
        loop {
            let joined = tokio::select! {
                biased;
                joined = requests.join_next() => joined,
                () = &mut impatient, if !impatient.is_elapsed() => {
                    self.look(&mut looked);
                    continue;
                }
                () = hinted(self.hints) => {
                    self.look(&mut looked);
                    continue;
                }
            };
            let (category, answered) = match joined {
                None => break,
                Some(Ok(answered)) => answered,
                // A task ends early only by a panic, which ends the process, or with the runtime.
                Some(Err(_)) => continue,
            };
            let report = self.settle(category, Some(answered));
            progress.settled(category, &report);
            reports.insert(category, report);
        }
        for (category, found) in looked {
            if let Some(report) = reports.get_mut(&category) {
                report.also(found);
            }
        }
        if standing.is_ok() {
            self.remember_holds();
            if let Err(error) = self.mirror.commit() {
                tracing::error!(path = %error.path.display(), error = %error.source, "the files are published, but the manifest or the state could not be written");
            }
        }
        Report {
            categories: reports,
            elapsed: begun.elapsed(),
        }
    }

    /// Puts the files on disk in order while the upstream is waited for (invariant 4). What this cannot mend is left to
    /// the cycle that the hint asked for; there is no await in here.
    fn look(&mut self, looked: &mut Looked) {
        for category in Category::with_legacy() {
            let report = self.settle(category, None);
            if report.changes.is_some() {
                looked.insert(category, report);
            }
        }
    }

    /// Whether and how to ask the upstream for a category.
    fn plan(&mut self, category: Category) -> Plan {
        let files = self.mirror.look(category).unwrap_or_default();
        let missing = files.legacy.is_none_or(|legacy| legacy.bytes == 0);
        if self.config.replicate_mode == ReplicateMode::Primary {
            // The local files are the origin: they may be seeded, never overwritten.
            return if missing && self.config.seed {
                Plan::Ask(None)
            } else {
                Plan::Leave
            };
        }
        match self.reason {
            Reason::Force => Plan::Ask(None),
            Reason::Disk if !missing => Plan::Leave,
            Reason::Disk | Reason::Schedule => Plan::Ask(self.validators(category, files)),
        }
    }

    /// The validators of the file on disk; none when it is not the one they describe.
    fn validators(&mut self, category: Category, files: Files) -> Option<Validators> {
        let address = self.upstream.address(category)?;
        let known = self.mirror.state().validators.get(&address)?;
        (files.legacy?.sha256 == known.sha256).then(|| known.validators.clone())
    }

    /// What the answer means for the files of a category; from here to the end there is no await.
    fn settle(&mut self, category: Category, answered: Answered) -> CategoryReport {
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
            Some(Ok(Fetched::NotModified)) => {
                report.upstream = Answer::NotModified;
                return Ok(false);
            }
            Some(Ok(Fetched::New { body, validators })) => (body, validators),
            Some(Err(error)) => {
                report.upstream = Answer::Failed;
                if let Class::RateLimited { until } = error.class() {
                    report.held_until = Some(until);
                }
                return Err(CategoryError::Upstream(Arc::new(error)));
            }
        };
        report.upstream = Answer::Downloaded;
        report.downloaded_bytes = body.len() as u64;
        let url = self.upstream.address(category).unwrap_or_default();
        if body.is_empty() {
            return Err(CategoryError::NoLegacy {
                file: url,
                what: "empty",
            });
        }
        let sha256 = Digest::of(&body);
        let standing = self.mirror.look(category).map_err(CategoryError::disk)?;
        let same = standing.legacy.is_some_and(|file| file.sha256 == sha256);
        let directory = matches!(self.config.upstream.origin, Origin::Directory(_));
        if same && directory && self.reason != Reason::Force {
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
        let changed = self
            .mirror
            .publish_legacy(category, &body)
            .map_err(CategoryError::disk)?;
        let known = Known { validators, sha256 };
        self.mirror.state().validators.insert(url, known);
        Ok(changed)
    }

    /// Brings the v2 file in line with the legacy file on disk.
    fn publish(
        &mut self,
        category: Category,
        report: &mut CategoryReport,
    ) -> Result<(), CategoryError> {
        let files = self.mirror.look(category).map_err(CategoryError::disk)?;
        let path = self.mirror.layout().legacy(category);
        let file = || path.display().to_string();
        let Some(legacy) = files.legacy.filter(|legacy| legacy.bytes > 0) else {
            let what = if files.legacy.is_some() {
                "empty"
            } else {
                "missing"
            };
            return Err(CategoryError::NoLegacy { file: file(), what });
        };
        report.modified = self.is_modified(category, legacy.sha256);
        if let Some(known) = self.memory.conversions.get(&category)
            && known.of == legacy.sha256
        {
            let summary = known
                .result
                .clone()
                .map_err(|reason| CategoryError::Rejected {
                    file: file(),
                    reason,
                })?;
            report.issues = summary.issues;
            if files.v2.is_some_and(|v2| v2.sha256 == summary.v2) {
                self.record(category, summary.models, report.modified);
                return Ok(());
            }
            report.restored = true;
        }
        let bytes = disk::read(&path)
            .map_err(CategoryError::disk)?
            .unwrap_or_default();
        if bytes.is_empty() {
            // Since the look, somebody has begun to write it in place: nothing is not a reference.
            return Err(CategoryError::NoLegacy {
                file: file(),
                what: "empty",
            });
        }
        let begun = Instant::now();
        let converted = convert(category, &bytes);
        report.convert_time = Some(begun.elapsed());
        let result = converted.as_ref().map(|converted| Summary {
            v2: Digest::of(&converted.v2),
            models: converted.models as u64,
            issues: converted.issues.len(),
        });
        let conversion = Conversion {
            of: Digest::of(&bytes),
            result: result.map_err(Clone::clone),
        };
        self.memory.conversions.insert(category, conversion);
        let converted = converted.map_err(|reason| CategoryError::Rejected {
            file: file(),
            reason,
        })?;
        report.issues = converted.issues.len();
        report.changes = self
            .mirror
            .publish_v2(category, &converted.v2)
            .map_err(CategoryError::disk)?;
        if report.changes.is_some() {
            report.outcome = Outcome::Updated;
        }
        self.record(category, converted.models as u64, report.modified);
        Ok(())
    }

    fn is_modified(&mut self, category: Category, legacy: Digest) -> bool {
        let Some(address) = self.upstream.address(category) else {
            return false;
        };
        let known = self.mirror.state().validators.get(&address);
        known.is_some_and(|known| known.sha256 != legacy)
    }

    fn record(&mut self, category: Category, models: u64, modified: bool) {
        let url = self.upstream.address(category).unwrap_or_default();
        let known = self.mirror.state().validators.get(&url).cloned();
        let validators = known
            .filter(|_| !modified)
            .map(|known| known.validators)
            .unwrap_or_default();
        let source = Source {
            url,
            etag: validators.etag,
            last_modified: validators.last_modified,
        };
        self.mirror
            .record(category, models, source, Timestamp::now());
    }

    /// Fills in what is published now, whatever became of the cycle.
    fn describe(&mut self, category: Category, report: &mut CategoryReport) {
        let files = self.mirror.look(category).unwrap_or_default();
        report.url = self.upstream.address(category);
        report.v2 = files.v2.map(|file| (file.sha256, file.bytes));
        report.legacy_bytes = files.legacy.map(|file| file.bytes);
        report.models = files
            .v2
            .and_then(|file| self.models_of(category, file.sha256));
    }

    fn models_of(&self, category: Category, v2: Digest) -> Option<u64> {
        let converted = self.memory.conversions.get(&category);
        let converted = converted.and_then(|known| known.result.as_ref().ok());
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
    fn remember_holds(&mut self) {
        self.mirror.state().rate_limits = self.upstream.holds();
    }
}

/// What looks at the files changed while the upstream was waited for, by category.
type Looked = BTreeMap<Category, CategoryReport>;

/// Waits for a hint; for ever when nobody gives any.
async fn hinted(hints: Option<&Trigger>) {
    match hints {
        Some(trigger) => trigger.hinted().await,
        None => std::future::pending().await,
    }
}

enum Plan {
    Leave,
    Ask(Option<Validators>),
}

/// The categories of a mirror in PRIMARY mode whose legacy file is missing and will not be seeded.
#[must_use]
pub fn missing_in_primary(config: &Config) -> Vec<std::path::PathBuf> {
    if config.replicate_mode != ReplicateMode::Primary || config.seed {
        return Vec::new();
    }
    let layout = Layout::new(&config.base_path);
    Category::with_legacy()
        .map(|category| layout.legacy(category))
        .filter(|path| !path.exists())
        .collect()
}
