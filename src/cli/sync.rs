//! `horde-refd sync`: one refresh of the mirror, then exit.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::args::{Common, SyncArgs};
use super::output::{self, Output};
use super::startup::runtime;
use super::table::{Cell, Palette, Tone, table};
use super::{Audience, Exit, runtime_directory};
use crate::backend::{GithubBackend, OpenError};
use crate::category::Category;
use crate::cycle::{self, Event, ItemError, Outcome, Report};
use crate::depth::Depth;
use crate::error::chain;
use crate::item::Item;
use crate::ledger::causes::{Cause, causes};
use crate::ledger::result::{changes_words, held_words, sync_json};
use crate::ledger::status::Role;
use crate::ledger::{Transition, Witness};
use crate::mirror::LockError;
use crate::observe::reports::Reports;
use crate::observe::say::say;

pub(super) fn main(common: &Common, args: &SyncArgs) -> anyhow::Result<Exit> {
    let effective = common.start(Audience::Command)?;
    let categories = match args.categories.as_slice() {
        [] => Category::ALL.to_vec(),
        some => some.to_vec(),
    };
    let depth = if args.force {
        Depth::Force
    } else {
        Depth::Poll
    };
    let config = effective.config;
    let opened = if args.dry_run {
        GithubBackend::open_rehearsal(config.clone())
    } else {
        GithubBackend::open_writer(config.clone())
    };
    let backend = match opened {
        // A program that asked for JSON gets it: every category failed.
        Err(OpenError::Mirror(error @ LockError::Disk(_))) if common.json => {
            output::warn(chain(&error));
            let report = cycle::unwritable(&config, &categories, depth, error, &|_| ());
            let mut out = Output::stdout();
            out.json(&sync_json(&report, args.dry_run))?;
            out.finish()?;
            return Ok(Exit::Failed);
        }
        opened => opened?,
    };
    let backend = Arc::new(backend);
    let mut reports = Reports::new(&backend, runtime_directory());
    backend.resume(reports.earlier().as_ref());
    let shown = std::io::stderr().is_terminal() && !common.json && common.quiet == 0;
    let eyes = Eyes {
        bars: shown.then(|| Bars::new(&categories)),
        left_out: Mutex::default(),
    };
    let runtime = runtime()?;
    let report = runtime.block_on(backend.refresh(depth, &categories, &eyes));
    // A stuck name look-up must not keep the process: nothing of ours runs on the runtime's other threads.
    runtime.shutdown_background();
    if let Some(bars) = eyes.bars {
        bars.clear();
    }
    say(&eyes.left_out.into_inner().unwrap_or_default(), Depth::Poll);
    if !args.dry_run {
        let status = reports.status(Role::Once, None, None);
        reports.write_status(&status);
        reports.write_metrics(Role::Once, &[]);
    }
    let mut out = Output::stdout();
    if common.json {
        out.json(&sync_json(&report, args.dry_run))?;
    } else if common.quiet == 0 {
        out.line(as_table(&report, output::palette(common.color)))?;
        if args.dry_run {
            out.line("dry run: nothing was written")?;
        }
    }
    out.finish()?;
    say_errors(&report);
    Ok(if report.is_complete() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn as_table(report: &Report, palette: Palette) -> String {
    let rows: Vec<_> = report
        .items
        .iter()
        .map(|(item, report)| {
            let bytes = match item {
                Item::Category(_) => report.v2.map(|(_, bytes)| bytes),
                Item::File(_) => report.legacy_bytes,
            };
            let source = report.origin.as_ref().map(|origin| origin.upstream.clone());
            [
                Cell::text(item.to_string()),
                Cell::text(report.outcome.as_str()).toned(tone(report.outcome)),
                Cell::text(source.unwrap_or_else(|| "-".to_owned())),
                Cell::number(report.models),
                Cell::number(bytes),
                Cell::text(changes_words(report)),
            ]
        })
        .collect();
    let header = [
        "CATEGORY", "OUTCOME", "SOURCE", "MODELS", "BYTES", "CHANGES",
    ];
    table(header, &rows, palette)
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Updated => Tone::Good,
        Outcome::Unchanged | Outcome::Skipped => Tone::Neutral,
        Outcome::Held => Tone::Warning,
        Outcome::Rejected | Outcome::Failed => Tone::Bad,
    }
}

/// Says what went wrong, a line a cause.
fn say_errors(report: &Report) {
    for cause in errors(report) {
        output::warn(cause);
    }
    let noted = |error: &ItemError| matches!(error.of_lane(), ItemError::Manifest(_));
    let mut errors = report.items.values().filter_map(|item| item.error.as_ref());
    if let Some(error) = &report.unwritten
        && !errors.any(noted)
    {
        output::warn(chain(&**error));
    }
}

/// What went wrong, a cause each.
fn errors(report: &Report) -> Vec<Cause> {
    causes(report.items.iter().filter_map(|(item, fared)| {
        let held = || held_words(item, fared);
        let error = fared.error.as_ref().map(ItemError::chain);
        Some((item.clone(), error.or_else(held)?))
    }))
}

/// What is shown while the cycle runs, and what is said after it.
struct Eyes {
    bars: Option<Bars>,
    /// That other records than before are left out.
    left_out: Mutex<Vec<Transition>>,
}

impl Witness for Eyes {
    fn saw(&self, event: &Event, news: &[Transition]) {
        if let Some(bars) = &self.bars {
            bars.saw(event, news);
        }
        if let Ok(mut left_out) = self.left_out.lock() {
            let of_records = |news: &&Transition| matches!(news, Transition::LeavesOut { .. });
            left_out.extend(news.iter().filter(of_records).cloned());
        }
    }
}

/// A bar a category on a terminal.
struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<Category, ProgressBar>>,
}

impl Bars {
    fn new(categories: &[Category]) -> Self {
        let all = MultiProgress::new();
        // The template is a constant that the library accepts.
        let style = ProgressStyle::with_template("{spinner} {prefix:22} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bars = categories
            .iter()
            .map(|&category| {
                let bar = all.add(ProgressBar::new_spinner().with_style(style.clone()));
                bar.set_prefix(category.name());
                (category, bar)
            })
            .collect();
        Self {
            all,
            bars: Mutex::new(bars),
        }
    }

    fn with(&self, category: Category, change: impl FnOnce(&ProgressBar)) {
        if let Ok(bars) = self.bars.lock()
            && let Some(bar) = bars.get(&category)
        {
            change(bar);
        }
    }

    fn clear(self) {
        // A terminal that is gone needs no clearing.
        let _ = self.all.clear();
    }
}

impl Witness for Bars {
    fn saw(&self, event: &Event, _: &[Transition]) {
        match event {
            Event::Asked(Item::Category(category)) => self.with(*category, |bar| {
                bar.set_message("asking the upstream");
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
            }),
            Event::Done(Item::Category(category), report) => self.with(*category, |bar| {
                let outcome = report.outcome.as_str();
                bar.finish_with_message(format!("{outcome} {}", changes_words(report)));
            }),
            _ => {}
        }
    }
}
