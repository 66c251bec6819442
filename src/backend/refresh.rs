//! Refreshing: one cycle, its events folded into the ledger before anybody sees them, its result taken into the cache.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{GithubBackend, Writer};
use crate::category::Category;
use crate::clock;
use crate::cycle::{self, Cycle, Event, ItemError, ItemReport, Report};
use crate::depth::Depth;
use crate::disk::{self, Links};
use crate::item::Item;
use crate::ledger::{Context, Witness, fold};
use crate::mirror::Digest;
use crate::mirror::layout::READABLE;
use crate::trigger::Trigger;

impl GithubBackend {
    /// Runs one cycle over these categories: the only way to change the mirror.
    ///
    /// On standby no upstream is asked and nothing written: the report says what the writer has published.
    pub async fn refresh(
        &self,
        depth: Depth,
        categories: &[Category],
        witness: &dyn Witness,
    ) -> Report {
        let mut writer = self.writer.lock().await;
        self.refresh_held(&mut writer, depth, categories, witness, None)
            .await
    }

    /// The same for all categories, with hints of changes on disk while it waits for an upstream: those it publishes at
    /// once, however long the upstream takes. The hints stay pending in `trigger`.
    pub async fn refresh_hinted(
        &self,
        depth: Depth,
        trigger: &Trigger,
        witness: &dyn Witness,
    ) -> Report {
        let mut writer = self.writer.lock().await;
        let hints = Some(trigger);
        self.refresh_held(&mut writer, depth, &Category::ALL, witness, hints)
            .await
    }

    pub(super) async fn refresh_held(
        &self,
        writer: &mut Writer,
        depth: Depth,
        categories: &[Category],
        witness: &dyn Witness,
        hints: Option<&Trigger>,
    ) -> Report {
        let taken = self.ensure_writer(writer);
        let sink = |event: Event| {
            let superseded = hints.is_some_and(|hints| hints.pending() == Some(Depth::Force));
            let context = Context {
                depth,
                superseded,
                now: clock::now(),
            };
            let transitions = fold(&mut self.ledger(), &event, context);
            witness.saw(&event, &transitions);
        };
        let Writer { mirror, memory } = writer;
        let report = match (mirror.as_mut(), taken) {
            (Some(mirror), Ok(_)) => {
                let cycle = Cycle {
                    config: &self.config,
                    mirror,
                    upstreams: &self.upstreams,
                    hosts: &self.hosts,
                    asked: BTreeMap::new(),
                    postponed: None,
                    memory,
                    depth,
                    hints,
                    sink: &sink,
                };
                cycle.run(categories).await
            }
            (_, Err(error)) => cycle::unwritable(&self.config, categories, depth, error, &sink),
            (None, Ok(_)) => {
                self.follow_writer();
                self.as_published(categories)
            }
        };
        if report.lost_the_lock() {
            writer.mirror = None;
            self.writes.store(false, Ordering::Relaxed);
        }
        self.counters.refreshes.fetch_add(1, Ordering::Relaxed);
        self.absorb(&report);
        report
    }

    /// How the categories are published, as another process wrote them and as its manifest says.
    fn as_published(&self, categories: &[Category]) -> Report {
        let begun = clock::instant();
        let manifest = self.manifest().unwrap_or_default();
        let report = |&category: &Category| {
            let file = self.layout.v2(category);
            let item = Item::Category(category);
            let Ok(Some(bytes)) = disk::read(&file, Links::Follow, READABLE) else {
                if !category.has_legacy() {
                    return (item, ItemReport::skipped());
                }
                let file = file.display().to_string();
                return (item, ItemReport::failed(ItemError::NotPublished { file }));
            };
            let sha256 = Digest::of(&bytes);
            let entry = manifest.categories.get(&category);
            let entry = entry.filter(|entry| entry.v2.sha256 == sha256);
            let report = ItemReport {
                v2: Some((sha256, bytes.len() as u64)),
                models: entry.map(|entry| entry.v2.models),
                dropped: entry.map_or(0, |entry| entry.v2.dropped),
                legacy_bytes: entry.and_then(|entry| Some(entry.legacy.as_ref()?.bytes)),
                ..ItemReport::unchanged()
            };
            (item, report)
        };
        Report {
            items: categories.iter().map(report).collect(),
            elapsed: clock::since(begun),
            unwritten: None,
            troubled: false,
            postponed: None,
        }
    }

    /// Takes a report into the cache: what was loaded before and is in order now is loaded anew.
    fn absorb(&self, report: &Report) {
        self.check();
        for (category, fared) in report.categories() {
            let failed = !fared.outcome.is_good();
            if failed {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
            }
            let mut cache = self.cache();
            cache.note(category, fared.error.clone());
            if cache.holds(category) && !failed {
                cache.load(category, &self.layout.v2(category));
            }
        }
    }
}
