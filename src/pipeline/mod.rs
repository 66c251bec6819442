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
//!    `PATIENCE` and whenever it is hinted at a change, and brings the v2 files in line.

mod memory;
mod report;
mod settle;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use self::memory::Memory;
pub use self::report::{Answer, CategoryError, CategoryReport, Outcome, Progress, Report, Silent};
use crate::category::Category;
use crate::clock;
use crate::config::{Config, ReplicateMode};
use crate::depth::Depth;
use crate::item::{Form, Item};
use crate::mirror::{Layout, Mirror, Seen};
use crate::trigger::Trigger;
use crate::upstream::{Hosts, Round, Upstream, UpstreamError, Validators, What};

/// How long a cycle waits for the upstream before it puts the files on disk in order without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The parts of one cycle.
#[derive(Debug)]
pub struct Cycle<'a> {
    /// What was asked for.
    pub config: &'a Config,
    /// Where to publish.
    pub mirror: &'a mut Mirror,
    /// Where legacy files come from.
    pub upstream: &'a Arc<Upstream>,
    /// What is known of the hosts.
    pub hosts: &'a Arc<Hosts>,
    /// What earlier cycles found out.
    pub memory: &'a mut Memory,
    /// How hard to ask.
    pub reason: Depth,
    /// Who hints at changes on disk while the cycle waits for the upstream.
    pub hints: Option<&'a Trigger>,
}

type Answered = Option<Result<What, UpstreamError>>;

impl Cycle<'_> {
    /// Runs the cycle over `categories`. Never fails as a whole: every error belongs to a category.
    pub async fn run(mut self, categories: &[Category], progress: &dyn Progress) -> Report {
        let begun = clock::instant();
        let mut reports = BTreeMap::new();
        let mut requests = JoinSet::new();
        let round = Arc::new(Round::new(self.hosts));
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
            let (upstream, round) = (Arc::clone(self.upstream), Arc::clone(&round));
            requests.spawn(async move {
                let (item, form) = (Item::from(category), Form::Legacy);
                let answered = round.fetch(&upstream, &item, form, validators.as_ref());
                (category, answered.await.map(|answer| answer.what))
            });
        }
        let mut looked = Looked::default();
        let mut impatient = pin!(tokio::time::sleep(PATIENCE));
        loop {
            let joined = tokio::select! {
                biased;
                joined = requests.join_next() => joined,
                () = &mut impatient, if !impatient.is_elapsed() => {
                    self.look(categories, progress, &mut looked);
                    continue;
                }
                () = hinted(self.hints) => {
                    self.look(categories, progress, &mut looked);
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
                report.also(&found);
            }
        }
        if standing.is_ok() {
            self.remember_holds();
            self.commit();
        }
        Report {
            categories: reports,
            elapsed: clock::since(begun),
        }
    }

    /// Puts the files on disk in order while the upstream is waited for (invariant 4), and tells of it. What this cannot
    /// mend is left to the cycle that the hint asked for; there is no await in here.
    fn look(&mut self, categories: &[Category], progress: &dyn Progress, looked: &mut Looked) {
        for &category in categories.iter().filter(|category| category.has_legacy()) {
            let report = self.settle(category, None);
            if report.changes.is_some() && !progress.mended(category, &report) {
                looked.insert(category, report);
            }
        }
        self.commit();
    }

    fn commit(&mut self) {
        if let Err(error) = self.mirror.commit() {
            tracing::error!(path = %error.path.display(), error = %error.source, "the files are published, but the manifest or the state could not be written");
        }
    }

    /// Whether and how to ask the upstream for a category.
    fn plan(&mut self, category: Category) -> Plan {
        let legacy = self.mirror.look_legacy(category).ok().flatten();
        if self.config.replicate_mode == ReplicateMode::Primary {
            // The local files are the origin: they may be seeded, never overwritten.
            return if legacy.is_none() && self.config.seed {
                Plan::Ask(None)
            } else {
                Plan::Leave
            };
        }
        match self.reason {
            Depth::Force => Plan::Ask(None),
            // An empty file is one that somebody is writing: to fetch it would take it from under his hands.
            Depth::Disk if legacy.is_some() => Plan::Leave,
            Depth::Disk | Depth::Poll => Plan::Ask(self.validators(category, legacy)),
        }
    }

    fn address(&self, category: Category) -> Option<String> {
        address(self.upstream, category)
    }

    /// The validators of the file on disk; none when it is not the one they describe.
    fn validators(&mut self, category: Category, legacy: Option<Seen>) -> Option<Validators> {
        let address = self.address(category)?;
        let known = self.mirror.state().validators.get(&address)?;
        (legacy?.sha256 == known.sha256).then(|| known.validators.clone())
    }
}

/// Where the upstream has the legacy file of a category.
fn address(upstream: &Upstream, category: Category) -> Option<String> {
    let source = upstream.source(&category.into(), Form::Legacy)?;
    Some(source.url)
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
