//! `horde-refd sync`: one refresh of the mirror, then exit.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::args::{Common, SyncArgs};
use super::output::{self, Output};
use super::{Audience, Exit, runtime};
use crate::backend::{GithubBackend, OpenError};
use crate::category::Category;
use crate::cycle::{self, Event, Report};
use crate::depth::Depth;
use crate::error::chain;
use crate::item::Item;
use crate::ledger::result::{COLUMNS, changes_words, sync_json, sync_rows, troubles};
use crate::ledger::status::Role;
use crate::ledger::{Transition, Witness};
use crate::mirror::LockError;
use crate::observe::reports::Reports;

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
    let backend = match GithubBackend::open_writer(effective.config) {
        // JSON says in JSON that every category failed.
        Err(OpenError::Mirror(error @ LockError::Disk(_))) if common.json => {
            output::warn(chain(&error));
            let mut out = Output::stdout();
            let report = cycle::unwritable(&categories, depth, error, &|_| ());
            out.json(&sync_json(&report, false))?;
            out.finish()?;
            return Ok(Exit::Failed);
        }
        opened => opened?,
    };
    let backend = Arc::new(backend);
    let mut reports = Reports::new(&backend, std::env::var_os("RUNTIME_DIRECTORY"));
    backend.resume(reports.earlier().as_ref());
    let shown = std::io::stderr().is_terminal() && !common.json && common.quiet == 0;
    let bars = shown.then(|| Bars::new(&categories));
    let witness: &dyn Witness = bars.as_ref().map_or(&(), |bars| bars);
    let runtime = runtime()?;
    let report = runtime.block_on(backend.refresh(depth, &categories, witness));
    // A stuck name look-up must not keep the process: nothing of ours runs on the runtime's other threads.
    runtime.shutdown_background();
    if let Some(bars) = bars {
        bars.clear();
    }
    let status = reports.status(Role::Once, None, None);
    reports.write_status(&status);
    reports.write_metrics(Role::Once, &[]);
    let mut out = Output::stdout();
    if common.json {
        out.json(&sync_json(&report, false))?;
    } else {
        out.line(as_table(&report))?;
    }
    out.finish()?;
    for (items, error) in troubles(&report) {
        match items.as_slice() {
            [] => output::warn(error),
            items => output::warn(format_args!("{}: {error}", items.join(", "))),
        }
    }
    Ok(if report.is_complete() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn as_table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(COLUMNS);
    for row in sync_rows(report) {
        table.add_row(row);
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
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
        // A terminal that went away needs no clearing.
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
