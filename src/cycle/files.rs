//! The files that are passed through to `legacy/`: asked for, checked, stored byte for byte, named in the manifest.
//!
//! 1. They take part in cycles over all categories; a cycle over some leaves them as they are.
//! 2. A body is stored only when it arrived whole; what is damaged is a failure of its upstream, like a cut reference.
//! 3. Between two polls only a file that is gone is asked for, at most once in `PAUSE`. A file that was edited gives way at
//!    the next poll, as a legacy file does. Where the local files are the origin, it is what is published.
//! 4. A file that is no longer configured leaves the manifest; what is on disk stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};

use super::ask::{Heard, Lane};
use super::heard::{Delivery, Opened};
use super::leaf::Leaves;
use super::{Answered, Cycle, Event, ItemError, ItemReport, Outcome, plan};
use crate::category::Category;
use crate::clock;
use crate::config::Config;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::disk::DiskError;
use crate::item::{Form, Item};
use crate::legacy;
use crate::mirror::Known;
use crate::upstream::{Round, Validators};

/// How often a file that is gone is asked for between two polls: a program that removes it again and again is no reason
/// for more.
const PAUSE: Duration = Duration::from_mins(1);

/// The requests for files that run.
pub(super) type Fetches = JoinSet<(Item, Heard)>;

/// The files that a configuration passes through.
pub(crate) fn passed_through(config: &Config) -> Vec<Item> {
    let files = config.extra_files.iter();
    files.map(crate::config::ExtraFile::item).collect()
}

/// All that a configuration publishes beside the categories.
pub(crate) fn published_files(config: &Config) -> Vec<Item> {
    let mut files = passed_through(config);
    files.extend(config.publish.text_legacy_json.then(Item::text_view));
    files
}

/// Of what a configuration publishes beside the categories what a cycle over `categories` is about (invariant 1).
pub(super) fn concerned(config: &Config, categories: &[Category]) -> Vec<Item> {
    let all = Category::ALL.iter().all(|one| categories.contains(one));
    let text = categories.contains(&Category::TextGeneration);
    let mut files = published_files(config);
    files.retain(|file| all || text && *file == Item::text_view());
    files
}

/// Whether a file is asked for at all, as far as the depth decides that (invariant 3); `asked` is when it was last asked
/// for between two polls.
fn is_due(
    depth: Depth,
    is_gone: bool,
    was_published: bool,
    asked: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let lately = asked.is_some_and(|asked| {
        let age = Duration::try_from(now.duration_since(asked));
        age.is_ok_and(|age| age < PAUSE)
    });
    depth >= Depth::Poll || is_gone && was_published && !lately
}

impl Cycle<'_> {
    /// Whom to ask for the files; what needs no request is done at once.
    pub(super) fn file_lanes(
        &mut self,
        categories: &[Category],
        changed: &mut BTreeSet<String>,
        items: &mut BTreeMap<Item, ItemReport>,
    ) -> Vec<Lane> {
        let configured: BTreeSet<String> = published_files(self.config)
            .iter()
            .map(ToString::to_string)
            .collect();
        self.retain_files(&configured);
        let mut lanes = Vec::new();
        for item in concerned(self.config, categories) {
            if item == Item::text_view() {
                continue;
            }
            // What cannot be looked at is an error of the comparison, which looks again.
            let look = self.mirror.look(&item, Form::Raw).unwrap_or_default();
            let on_disk = look.seen.map(|seen| seen.sha256);
            let was_published = self.mirror.file(&item).is_some();
            let (is_gone, now) = (on_disk.is_none(), clock::now());
            let asked = self.memory.asked.get(&item).copied();
            let due = is_due(self.depth, is_gone, was_published, asked, now);
            let steps = if due {
                self.file_steps(&item, on_disk, changed)
            } else {
                Vec::new()
            };
            if !steps.is_empty() {
                if self.depth == Depth::Disk {
                    self.memory.asked.insert(item.clone(), now);
                }
                lanes.push(Lane {
                    item,
                    form: Form::Raw,
                    steps,
                    has_published: !is_gone,
                    published: None,
                });
            } else if due || was_published || !is_gone {
                let report = self.work_file(&item, None);
                self.file_done(item, report, items);
            }
        }
        lanes
    }

    /// Begins the requests.
    pub(super) fn fetch_files(
        &self,
        lanes: Vec<Lane>,
        round: &Arc<Round>,
        leaves: &Arc<Leaves>,
    ) -> Fetches {
        let mut fetches = JoinSet::new();
        let now = clock::now();
        for lane in lanes {
            (self.sink)(Event::Asked(lane.item.clone()));
            let (round, leaves) = (Arc::clone(round), Arc::clone(leaves));
            fetches.spawn(async move {
                let item = lane.item.clone();
                (item, lane.ask(&round, &leaves, now, None).await)
            });
        }
        fetches
    }

    /// Takes what was heard of a file.
    pub(super) fn file_heard(
        &mut self,
        joined: Result<(Item, Heard), JoinError>,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        // A task ends early only by a panic, which ends the process, or with the runtime.
        if let Ok((item, heard)) = joined {
            let report = self.work_file(&item, Some(heard));
            self.keep_limits();
            self.file_done(item, report, items);
        }
    }

    /// A file is done for this cycle.
    pub(super) fn file_done(
        &self,
        item: Item,
        report: ItemReport,
        items: &mut BTreeMap<Item, ItemReport>,
    ) {
        items.insert(item.clone(), report.clone());
        (self.sink)(Event::Done(item, report));
    }

    /// Does all that one file needs in this cycle.
    fn work_file(&mut self, item: &Item, heard: Option<Heard>) -> ItemReport {
        let mut report = ItemReport::unchanged();
        let heard = self.hear_file(item, heard, &mut report);
        let kept = self.keep_file(item, &mut report);
        if let Err(error) = heard.and(kept) {
            report.outcome = error.outcome();
            report.error = Some(error);
        }
        self.describe_file(item, &mut report);
        report
    }

    /// Takes what an upstream said.
    fn hear_file(
        &mut self,
        item: &Item,
        heard: Option<Heard>,
        report: &mut ItemReport,
    ) -> Result<(), ItemError> {
        let Delivery {
            bytes,
            validators,
            origin,
            sha256,
            ..
        } = match self.open(item, Form::Raw, heard, report)? {
            Opened::Nothing => return Ok(()),
            Opened::NotModified(origin) => {
                report.origin = Some(origin);
                return Ok(());
            }
            Opened::Sent(delivery) => delivery,
        };
        report.origin = Some(origin.clone());
        let sha256 = sha256.unwrap_or_else(|| Digest::of(&bytes));
        // The file may have changed while the upstream was waited for.
        let look = self.mirror.look(item, Form::Raw).unwrap_or_default();
        if look.seen.is_some_and(|seen| seen.sha256 == sha256) {
            if validators == Validators::default() && self.depth != Depth::Force {
                // Where an upstream gives no validators, sending what is here is its way to say "not modified".
                report.answered = Answered::NotModified;
                report.downloaded_bytes = 0;
            }
        } else if plan::is_moot(self.depth, self.is_origin(), look.seen.is_some()) {
            return Ok(());
        } else {
            self.store_file(item, &bytes, sha256)?;
            report.outcome = Outcome::Updated;
        }
        self.remember(&origin, Known { validators, sha256 });
        Ok(())
    }

    /// Compares the file on disk with what the manifest says, and enters what an upstream sent or what is the origin.
    fn keep_file(&mut self, item: &Item, report: &mut ItemReport) -> Result<(), ItemError> {
        let look = self.mirror.look(item, Form::Raw).map_err(disk)?;
        let seen = look.seen.filter(|seen| seen.bytes > 0);
        let Some(seen) = seen else {
            let path = self.mirror.layout().file(item, Form::Raw);
            let file = path.unwrap_or_default().display().to_string();
            let what = if look.seen.is_some() {
                "empty"
            } else {
                "missing"
            };
            return Err(ItemError::NoLegacy { file, what });
        };
        let entered = self.mirror.file(item).map(|entry| entry.sha256);
        if entered == Some(seen.sha256) {
            return Ok(());
        }
        let (source, is_sent) = self.source_on_disk(item, Form::Raw, seen.sha256);
        if !is_sent && !self.is_origin() {
            report.modified = true;
            return Ok(());
        }
        self.enter_file(item, seen, source);
        if self.is_origin() && !is_sent {
            self.check_origin(item, look.read)?;
        }
        Ok(())
    }

    /// An origin is published as it is; what is wrong with it is said.
    fn check_origin(&mut self, item: &Item, read: Option<Vec<u8>>) -> Result<(), ItemError> {
        let read = match read {
            Some(bytes) => Some(bytes),
            None => self.mirror.read(item, Form::Raw).map_err(disk)?,
        };
        let Item::File(file) = item else {
            return Ok(());
        };
        let flaw = legacy::whole_check(&file.name, &read.unwrap_or_default(), true);
        flaw.map_err(|reason| ItemError::NotWhole {
            file: item.to_string(),
            reason,
        })
    }

    /// Fills in how the file is published now, however the cycle fared.
    pub(super) fn describe_file(&mut self, item: &Item, report: &mut ItemReport) {
        let seen = self.mirror.last_seen(item, Form::Raw);
        report.legacy_bytes = seen.map(|seen| seen.bytes);
        if report.origin.is_none() {
            let entry = self.mirror.file(item);
            let entry = entry.filter(|entry| !entry.source.upstream.is_empty());
            report.origin = entry.map(|entry| super::Origin {
                upstream: entry.source.upstream.clone(),
                url: entry.source.url.clone(),
            });
        }
    }
}

pub(super) fn disk(error: DiskError) -> ItemError {
    ItemError::Disk(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_polls_only_a_file_that_is_gone_is_asked_for_and_rarely() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let ago = |seconds: i64| Some(now - jiff::SignedDuration::from_secs(seconds));
        // depth, gone, was published, last asked for, expected
        for (depth, is_gone, was_published, asked, expected) in [
            (Depth::Poll, false, true, None, true),
            (Depth::Poll, true, false, ago(1), true),
            (Depth::Force, false, true, ago(1), true),
            (Depth::Disk, false, true, None, false),
            (Depth::Disk, true, false, None, false),
            (Depth::Disk, true, true, None, true),
            (Depth::Disk, true, true, ago(59), false),
            (Depth::Disk, true, true, ago(60), true),
            (Depth::Disk, true, true, ago(-3600), true),
        ] {
            let due = is_due(depth, is_gone, was_published, asked, now);
            assert_eq!(
                due, expected,
                "{depth:?} {is_gone} {was_published} {asked:?}"
            );
        }
    }

    #[test]
    fn a_cycle_over_some_categories_leaves_the_files_alone() {
        let mut config = Config::default_for("/m".into());
        config.publish.text_legacy_json = true;
        config.extra_files = vec![crate::config::ExtraFile {
            repository: crate::category::Repository::Text,
            file: "db.json".to_owned(),
        }];
        let (db, view) = ("legacy/db.json", "legacy/text_generation.json");
        let text = Category::TextGeneration;
        let table: [(&[Category], &[&str]); 3] = [
            (&Category::ALL, &[db, view]),
            (&[Category::Clip, text], &[view]),
            (&[Category::Clip], &[]),
        ];
        for (categories, expected) in table {
            let found = concerned(&config, categories);
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{categories:?}");
        }
    }
}
