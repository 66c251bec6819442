//! One cycle, top to bottom: plan, ask, draft, verdict, apply, manifest.
//!
//! There is one way through here for every trigger. A cycle is never given what changed: it compares what is on disk
//! with what was left, so a restart, a lost event and an overflow take the path that is always used.
//!
//! Invariants
//! 1. A category that fails leaves its v2 file as it was, and the others go on.
//! 2. Nothing is written between two awaits: a cycle that is dropped at an await has published whole files only.
//! 3. A legacy body is stored only if it is a reference; a v2 file is published only if its conversion succeeded.
//! 4. An upstream that takes its time keeps no edit from being published: a cycle that waits looks at the files after
//!    `PATIENCE` and whenever it is hinted at a change, and brings the v2 files in line.
//! 5. Each file is opened, hashed, parsed and converted at most once: a body that was received is not read back.

mod apply;
mod event;
pub mod plan;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use self::event::{
    Answered, Breaker, Event, Held, ItemError, ItemReport, Origin, Outcome, Report, UpstreamReport,
};
use self::plan::{Ask, Before};
use crate::category::Category;
use crate::clock;
use crate::config::{Config, ReplicateMode};
use crate::depth::Depth;
use crate::digest::Digest;
use crate::draft::OnInvalidRecord;
use crate::item::{Form, Item};
use crate::legacy::Rejected;
use crate::mirror::{Layout, LockError, Look, Mirror};
use crate::trigger::Trigger;
use crate::upstream::{Fetched, Upstream, UpstreamError};

/// How long a cycle waits for an upstream before it puts the files on disk in order without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is kept from cycle to cycle beside the mirror: which legacy files give no v2 file, and why.
#[derive(Debug, Default)]
pub struct Memory {
    refused: BTreeMap<Category, (Digest, Rejected)>,
}

/// The parts of one cycle.
pub struct Cycle<'a> {
    /// What the program was configured to do.
    pub config: &'a Config,
    /// Where to publish.
    pub mirror: &'a mut Mirror,
    /// Where legacy files come from.
    pub upstream: &'a Arc<Upstream>,
    /// What earlier cycles found out.
    pub memory: &'a mut Memory,
    /// How deep to go.
    pub depth: Depth,
    /// What hints at changes on disk while the cycle waits for an upstream.
    pub hints: Option<&'a Trigger>,
    /// What the cycle says while it runs.
    pub sink: &'a (dyn Fn(Event) + Send + Sync),
}

/// What was heard of a category in this cycle.
#[derive(Debug)]
struct Heard {
    origin: Origin,
    result: Result<Fetched, UpstreamError>,
}

impl Cycle<'_> {
    /// Runs the cycle over `categories`. Never fails as a whole: every error belongs to an item.
    pub async fn run(mut self, categories: &[Category]) -> Report {
        let begun = clock::instant();
        let mut items = BTreeMap::new();
        if let Err(error) = self.mirror.ensure() {
            return unwritable(categories, self.depth, error, self.sink);
        }
        self.review(categories);
        let mut requests = self.ask(categories, &mut items);
        self.gather(categories, &mut requests, &mut items).await;
        self.end(begun, items)
    }

    /// Looks at every category's legacy file and begins the requests; what needs none is done at once.
    fn ask(
        &mut self,
        categories: &[Category],
        items: &mut BTreeMap<Item, ItemReport>,
    ) -> JoinSet<(Category, Look, Heard)> {
        let mut requests = JoinSet::new();
        for &category in categories {
            if !category.has_legacy() {
                self.done(category, ItemReport::skipped(), items);
                continue;
            }
            self.bring_back_legacy(category);
            let item = Item::Category(category);
            let look = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
            let origin = self.origin(category);
            let before = Before {
                depth: self.depth,
                is_origin: self.is_origin(),
                seeds: self.config.seed,
                on_disk: look.seen.map(|seen| seen.sha256),
                known: self.mirror.state().validators.get(&origin.url),
            };
            let validators = match plan::ask(&before) {
                Ask::Nothing => {
                    let report = self.work(category, look, None);
                    self.done(category, report, items);
                    continue;
                }
                Ask::Whole => None,
                Ask::IfChanged(validators) => Some(validators),
            };
            (self.sink)(Event::Asked(item));
            let upstream = Arc::clone(self.upstream);
            requests.spawn(async move {
                let result = upstream.fetch(category, validators.as_ref()).await;
                (category, look, Heard { origin, result })
            });
        }
        requests
    }

    /// Takes the answers as they come, and looks at the files while it waits (invariant 4).
    async fn gather(
        &mut self,
        categories: &[Category],
        requests: &mut JoinSet<(Category, Look, Heard)>,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        let mut impatient = pin!(tokio::time::sleep(PATIENCE));
        loop {
            let joined = tokio::select! {
                biased;
                joined = requests.join_next() => joined,
                () = &mut impatient, if !impatient.is_elapsed() => {
                    self.mend(categories);
                    continue;
                }
                () = hinted(self.hints) => {
                    self.mend(categories);
                    continue;
                }
            };
            match joined {
                None => return,
                Some(Ok((category, look, heard))) => {
                    let report = self.work(category, look, Some(heard));
                    self.done(category, report, items);
                }
                // A task ends early only by a panic, which ends the process, or with the runtime.
                Some(Err(_)) => {}
            }
        }
    }

    fn done(&self, category: Category, report: ItemReport, items: &mut BTreeMap<Item, ItemReport>) {
        let item = Item::Category(category);
        items.insert(item.clone(), report.clone());
        (self.sink)(Event::Done(item, report));
    }

    /// Puts the files on disk in order while an upstream is waited for. What this cannot mend is left to the cycle that
    /// the hint asked for; there is no await in here.
    fn mend(&mut self, categories: &[Category]) {
        for &category in categories.iter().filter(|category| category.has_legacy()) {
            let item = Item::Category(category);
            let look = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
            let report = self.work(category, look, None);
            if report.changes.is_some() {
                (self.sink)(Event::Mended(item, report));
            }
        }
        let _ = self.commit();
    }

    /// Without a manifest that counts, every category is compared with its files, also those that were not asked for:
    /// a manifest is whole or it misleads.
    fn review(&mut self, asked: &[Category]) {
        if self.mirror.is_trusted() {
            return;
        }
        for category in Category::with_legacy().filter(|category| !asked.contains(category)) {
            let item = Item::Category(category);
            let look = self.mirror.look(&item, Form::Legacy).unwrap_or_default();
            let published = self.mirror.look(&item, Form::V2).unwrap_or_default();
            if look.seen.is_some() || published.seen.is_some() {
                let _ = self.work(category, look, None);
            }
        }
    }

    fn end(mut self, begun: std::time::Instant, mut items: BTreeMap<Item, ItemReport>) -> Report {
        self.mirror.trust();
        let unwritten = self.commit();
        if let Some(error) = &unwritten.manifest {
            for (item, report) in &mut items {
                if self.mirror.is_missed(item) && report.outcome.is_good() {
                    report.outcome = Outcome::Failed;
                    report.error = Some(ItemError::Manifest(Arc::clone(error)));
                    (self.sink)(Event::Done(item.clone(), report.clone()));
                }
            }
        }
        let unwritten = unwritten.manifest.or(unwritten.state);
        let elapsed = clock::since(begun);
        (self.sink)(Event::Ended {
            depth: self.depth,
            elapsed,
            unwritten: unwritten.clone(),
        });
        Report {
            items,
            elapsed,
            unwritten,
        }
    }

    fn is_origin(&self) -> bool {
        self.config.replicate_mode == ReplicateMode::Primary
    }

    fn policy(&self) -> OnInvalidRecord {
        OnInvalidRecord::Reject
    }

    fn origin(&self, category: Category) -> Origin {
        Origin {
            upstream: "github".to_owned(),
            url: self.upstream.address(category).unwrap_or_default(),
        }
    }
}

/// The report of a cycle that found a mirror that it may not or cannot write.
pub(crate) fn unwritable(
    categories: &[Category],
    depth: Depth,
    error: LockError,
    sink: &(dyn Fn(Event) + Send + Sync),
) -> Report {
    let error = Arc::new(error);
    let mut items = BTreeMap::new();
    for &category in categories {
        let report = if category.has_legacy() {
            ItemReport::failed(ItemError::Mirror(Arc::clone(&error)))
        } else {
            ItemReport::skipped()
        };
        let item = Item::Category(category);
        sink(Event::Done(item.clone(), report.clone()));
        items.insert(item, report);
    }
    let elapsed = Duration::ZERO;
    sink(Event::Ended {
        depth,
        elapsed,
        unwritten: None,
    });
    Report {
        items,
        elapsed,
        unwritten: None,
    }
}

/// The legacy files of a mirror that is the origin, where they are missing and will not be seeded.
#[must_use]
pub(crate) fn missing_in_primary(config: &Config) -> Vec<PathBuf> {
    if config.replicate_mode != ReplicateMode::Primary || config.seed {
        return Vec::new();
    }
    let layout = Layout::new(&config.base_path);
    Category::with_legacy()
        .map(|category| layout.legacy(category))
        .filter(|path| !path.exists())
        .collect()
}

/// Waits for a hint; for ever when there is no source of any.
async fn hinted(hints: Option<&Trigger>) {
    match hints {
        Some(trigger) => trigger.hinted().await,
        None => std::future::pending().await,
    }
}
