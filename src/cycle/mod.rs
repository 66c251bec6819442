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
//!    `PATIENCE`, whenever it is hinted at a change, and when the pause of what it left as it is ends, and brings the
//!    v2 files in line.
//! 5. Each file is opened, hashed, parsed and converted at most once: a body that was received is not read back.

mod ahead;
mod apply;
mod ask;
mod both;
mod decide;
mod describe;
mod error;
mod event;
mod files;
mod heard;
mod lanes;
mod leaf;
mod mend;
mod need;
mod pace;
mod pins;
pub mod plan;
mod ready;
mod rivals;
mod source;
mod unable;
mod view;
mod waits;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use self::ahead::Arrived;
pub(crate) use self::apply::note_seen;
use self::ask::{Heards, Lanes};
pub use self::error::ItemError;
pub use self::event::{
    Answered, Breaker, Event, Held, ItemReport, Origin, Outcome, Report, UpstreamReport,
};
use self::files::Fetches;
pub(crate) use self::files::published_files;
use self::lanes::Looks;
use self::leaf::Leaves;
use self::rivals::Rivals;
pub(crate) use self::unable::{missing_in_primary, unwritable};
use crate::category::Category;
use crate::clock;
use crate::config::{Config, ReplicateMode};
use crate::depth::Depth;
use crate::digest::Digest;
use crate::item::OnInvalidRecord;
use crate::item::{Form, Item};
use crate::legacy::Rejected;
use crate::mirror::{Changes, Mirror};
use crate::trigger::Trigger;
use crate::upstream::{BreakerState, Hosts, Round, Upstream, UpstreamError};

/// How long a cycle waits for an upstream before it puts the files on disk in order without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is kept from cycle to cycle beside the mirror: which legacy files give no v2 file, and why; and what was asked
/// when.
#[derive(Debug, Default)]
pub struct Memory {
    refused: BTreeMap<Category, (Digest, Rejected)>,
    rivals: Rivals,
    /// When an extra file was last asked for.
    asked: BTreeMap<Item, Timestamp>,
}

/// The parts of one cycle.
pub struct Cycle<'a> {
    /// What the program was configured to do.
    pub config: &'a Config,
    /// Where to publish.
    pub mirror: &'a mut Mirror,
    /// Where references come from, in order of preference.
    pub upstreams: &'a [Arc<Upstream>],
    /// What is shared by all requests to a host.
    pub hosts: &'a Arc<Hosts>,
    /// What earlier cycles found out.
    pub memory: &'a mut Memory,
    /// How deep to go.
    pub depth: Depth,
    /// What hints at changes on disk while the cycle waits for an upstream.
    pub hints: Option<&'a Trigger>,
    /// What the cycle says while it runs.
    pub sink: &'a (dyn Fn(Event) + Send + Sync),
    /// The upstreams that were asked, and why each is not well; filled by the cycle.
    pub asked: BTreeMap<String, Option<Arc<UpstreamError>>>,
    /// When to look at the disk again, since something was left as it is; filled by the cycle.
    pub postponed: Option<Duration>,
}

/// The requests that run.
struct Requests {
    categories: JoinSet<Arrived>,
    files: Fetches,
}

impl Cycle<'_> {
    /// Runs the cycle over `categories`. Never fails as a whole: every error belongs to an item.
    pub async fn run(mut self, categories: &[Category]) -> Report {
        let begun = clock::instant();
        let mut items = BTreeMap::new();
        if let Err(error) = self.mirror.ensure() {
            return unwritable(self.config, categories, self.depth, error, self.sink);
        }
        let urls = self.mirror.state().validators.len();
        self.take_orders(categories);
        self.review(categories);
        let round = Arc::new(Round::new(self.hosts));
        let (mut requests, leaves) = self.ask(categories, &round, &mut items);
        self.gather(categories, &mut requests, &mut items).await;
        drop(requests);
        if let Some(leaves) = Arc::into_inner(leaves) {
            leaves.note(self.mirror.state());
        }
        self.forget_others(urls);
        self.end(begun, items, round.is_troubled())
    }

    /// Looks at every category's files and begins the requests; what needs none is done at once.
    fn ask(
        &mut self,
        categories: &[Category],
        round: &Arc<Round>,
        items: &mut BTreeMap<Item, ItemReport>,
    ) -> (Requests, Arc<Leaves>) {
        let mut asked: Vec<(Category, Outcome, Looks, Lanes)> = Vec::new();
        let mut changed = BTreeSet::new();
        for &category in categories {
            if !self.is_served(category) {
                self.done(category, ItemReport::skipped(), items);
                continue;
            }
            if self.is_postponed(category) {
                continue;
            }
            let named = self.named(category);
            let (before, looks) = self.prepare(category);
            let lanes = self.lanes(category, &looks, &mut changed);
            if !lanes.is_empty() && self.may_fetch(category) {
                asked.push((category, before, looks, lanes));
            } else if self.is_known(category, &looks) {
                let report = self.work(category, before, looks, Heards::default());
                self.note_rival(category, named, &report);
                self.done(category, report, items);
            } else if self.depth >= Depth::Poll {
                self.done(category, ItemReport::skipped(), items);
            }
        }
        let file_lanes = self.file_lanes(categories, &mut changed, items);
        let extra = leaf::extra_files(&self.config.extra_files);
        let is_here = |upstream: &Upstream| !changed.contains(upstream.name());
        let leaves = Leaves::of_upstreams(self.upstreams, &extra, self.mirror.state(), is_here);
        let leaves = Arc::new(leaves);
        let mut requests = Requests {
            categories: JoinSet::new(),
            files: self.fetch_files(file_lanes, round, &leaves),
        };
        let now = clock::now();
        for (category, before, looks, lanes) in asked {
            (self.sink)(Event::Asked(category.into()));
            let (round, leaves) = (Arc::clone(round), Arc::clone(&leaves));
            requests.categories.spawn(async move {
                let heards = lanes.ask(&round, &leaves, now).await;
                (category, before, looks, heards)
            });
        }
        (requests, leaves)
    }

    /// Whether an upstream serves a category, or its file here is its own origin, or the operator wants something of it.
    fn is_served(&self, category: Category) -> bool {
        let item = Item::Category(category);
        let serves = |form| self.serving(&item, form).next().is_some();
        let is_served = serves(Form::Legacy) || serves(Form::V2);
        let is_origin = self.is_origin() && !category.has_legacy();
        is_served || is_origin || self.mirror.concerns_orders(category)
    }

    /// Whether there is anything to compare of a category that no upstream is asked for: of one without a legacy format
    /// that was never published there is not.
    fn is_known(&self, category: Category, looks: &Looks) -> bool {
        let published = self.mirror.manifest().categories.contains_key(&category);
        let is_pinned = self.mirror.pin(category).is_some();
        category.has_legacy() || published || is_pinned || looks.v2.is_some()
    }

    /// Takes the answers as they come, and looks at the files while it waits (invariant 4).
    async fn gather(
        &mut self,
        categories: &[Category],
        requests: &mut Requests,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        let mut impatient = pin!(tokio::time::sleep(PATIENCE));
        let mut mended = BTreeMap::new();
        let Requests {
            categories: of_categories,
            files,
        } = requests;
        while !(of_categories.is_empty() && files.is_empty()) {
            let joined = tokio::select! {
                biased;
                Some(joined) = of_categories.join_next() => Some(joined),
                Some(joined) = files.join_next() => {
                    self.file_heard(joined, items);
                    continue;
                }
                () = &mut impatient, if !impatient.is_elapsed() => None,
                () = hinted(self.hints) => None,
            };
            let Some(joined) = joined else {
                self.postponed = None;
                self.mend(categories, &mut mended);
                // What is left as it is for now does not wait for the upstream's end either.
                if let Some(pause) = self.postponed {
                    impatient.as_mut().reset(clock::timer_instant() + pause);
                }
                continue;
            };
            let mut there = vec![joined];
            there.extend(std::iter::from_fn(|| of_categories.try_join_next()));
            self.take_answers(there, items);
        }
        for (item, changes) in mended {
            if let Some(report) = items.get_mut(&item) {
                report.mended(changes);
            }
        }
    }

    fn done(
        &mut self,
        category: Category,
        report: ItemReport,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        let item = Item::Category(category);
        let of_text = (category == Category::TextGeneration).then(|| report.clone());
        items.insert(item.clone(), report.clone());
        (self.sink)(Event::Done(item, report));
        if let Some(text) = of_text {
            self.view_after(&text, items);
        }
    }

    /// Puts the files on disk in order while an upstream is waited for. What this cannot mend is left to the cycle that
    /// the hint asked for; there is no await in here.
    fn mend(&mut self, categories: &[Category], mended: &mut BTreeMap<Item, Option<Changes>>) {
        self.take_orders(categories);
        for &category in categories {
            let published = self.mirror.manifest().categories.contains_key(&category);
            // What was never published waits for the upstream that gives it ready-made.
            if self.has_ready(category) && !published {
                continue;
            }
            if let Some(changes) = self.compare_early(category) {
                mended.insert(Item::Category(category), Some(changes));
            }
        }
        self.mirror.note_orders();
        if categories.contains(&Category::TextGeneration) {
            self.view_early(mended);
        }
        let _ = self.commit();
    }

    /// Compares a category with its files outside its turn, and says so where its v2 file changed.
    fn compare_early(&mut self, category: Category) -> Option<Changes> {
        if self.is_postponed(category) {
            return None;
        }
        let named = self.named(category);
        let (before, looks) = self.prepare(category);
        if !self.is_served(category) || !self.is_known(category, &looks) {
            return None;
        }
        let report = self.work(category, before, looks, Heards::default());
        self.note_rival(category, named, &report);
        let changes = report.changes;
        if changes.is_some() {
            (self.sink)(Event::Mended(Item::Category(category), report));
        }
        changes
    }

    /// Without a manifest that counts, every category is compared with its files, also those that were not asked for:
    /// a manifest is whole or it misleads.
    fn review(&mut self, asked: &[Category]) {
        if self.mirror.is_trusted() {
            return;
        }
        let mut others = Category::ALL.to_vec();
        others.retain(|category| !asked.contains(category));
        for category in others {
            let found = |form| {
                let path = self.mirror.layout().file(&Item::Category(category), form);
                path.is_some_and(|path| path.exists())
            };
            if found(Form::Legacy) || found(Form::V2) {
                self.compare_early(category);
            }
        }
        if !asked.contains(&Category::TextGeneration) {
            self.view_early(&mut BTreeMap::new());
        }
    }

    fn end(
        mut self,
        begun: std::time::Instant,
        mut items: BTreeMap<Item, ItemReport>,
        troubled: bool,
    ) -> Report {
        self.mirror.trust();
        self.mirror.note_orders();
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
        self.say_upstreams();
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
            troubled,
            postponed: self.postponed,
        }
    }

    fn say_upstreams(&mut self) {
        for (name, error) in std::mem::take(&mut self.asked) {
            let of_name = |upstream: &&Arc<Upstream>| upstream.name() == name;
            let host = self.upstreams.iter().find(of_name);
            let host = host.and_then(|upstream| upstream.host());
            let report = UpstreamReport {
                error,
                limited_until: host
                    .as_ref()
                    .and_then(|host| self.hosts.limited_until(host)),
                breaker: match host.map_or(BreakerState::Closed, |host| self.hosts.breaker(&host)) {
                    BreakerState::Closed => Breaker::Closed,
                    BreakerState::Open => Breaker::Open,
                    BreakerState::Probing => Breaker::Probing,
                },
            };
            (self.sink)(Event::Upstream(name, report));
        }
    }

    fn is_origin(&self) -> bool {
        self.config.replicate_mode == ReplicateMode::Primary
    }

    fn policy(&self) -> OnInvalidRecord {
        self.config.on_invalid_record
    }
}

/// Waits for a hint; for ever when there is no source of any.
async fn hinted(hints: Option<&Trigger>) {
    match hints {
        Some(trigger) => trigger.hinted().await,
        None => std::future::pending().await,
    }
}
