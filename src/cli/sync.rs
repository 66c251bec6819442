//! `horde-refd sync`: one refresh of the mirror, then exit.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Mutex;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::args::{Common, SyncArgs};
use super::output::{self, Output};
use super::startup::runtime;
use super::{Audience, Exit};
use crate::backend::{GithubBackend, OpenError};
use crate::category::Category;
use crate::depth::Depth;
use crate::error::chain;
use crate::mirror::LockError;
use crate::mirror::changes::Changes;
use crate::pipeline::{CategoryError, CategoryReport, Outcome, Progress, Report, Silent};

pub(super) fn main(common: &Common, args: &SyncArgs) -> anyhow::Result<Exit> {
    let effective = common.start(Audience::Command)?;
    let categories = match args.categories.as_slice() {
        [] => Category::ALL.to_vec(),
        some => some.to_vec(),
    };
    let backend = match GithubBackend::open_writer(effective.config) {
        // Whoever reads JSON is told in JSON that every category failed.
        Err(OpenError::Mirror(error @ LockError::Disk(_))) if common.json => {
            output::warn(chain(&error));
            let mut out = Output::stdout();
            out.json(&as_json(&Report::unwritable(&categories, error)))?;
            out.finish()?;
            return Ok(Exit::Failed);
        }
        opened => opened?,
    };
    let reason = if args.force {
        Depth::Force
    } else {
        Depth::Poll
    };
    let shown = std::io::stderr().is_terminal() && !common.json && common.quiet == 0;
    let bars = shown.then(|| Bars::new(&categories));
    let progress: &dyn Progress = bars.as_ref().map_or(&Silent, |bars| bars);
    let runtime = runtime()?;
    let report = runtime.block_on(backend.refresh(reason, &categories, progress));
    // A stuck name look-up must not keep the process: nothing of ours runs on the runtime's other threads.
    runtime.shutdown_background();
    if let Some(bars) = bars {
        bars.clear();
    }
    let mut out = Output::stdout();
    if common.json {
        out.json(&as_json(&report))?;
    } else {
        out.line(as_table(&report))?;
    }
    out.finish()?;
    for (categories, error) in errors(&report) {
        output::warn(format_args!("{}: {error}", categories.join(", ")));
    }
    Ok(if report.is_complete() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// The machine-readable result (design contract: command line).
fn as_json(report: &Report) -> Value {
    let categories: serde_json::Map<_, _> = report
        .categories
        .iter()
        .map(|(category, fared)| {
            let mut entry = json!({
                "outcome": fared.outcome,
                "upstream": fared.upstream,
                "downloaded_bytes": fared.downloaded_bytes,
                "models": fared.models.unwrap_or_default(),
                "v2_sha256": fared.v2.map(|(sha256, _)| sha256),
                "issues": fared.issues,
            });
            if let (Some(error), Some(entry)) = (&fared.error, entry.as_object_mut()) {
                entry.insert("error".to_owned(), error.chain().into());
            }
            (category.name().to_owned(), entry)
        })
        .collect();
    json!({"categories": categories, "elapsed_seconds": report.elapsed.as_secs_f64()})
}

fn as_table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["CATEGORY", "OUTCOME", "MODELS", "BYTES", "CHANGES"]);
    for (category, fared) in &report.categories {
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
        table.add_row([
            category.name().to_owned(),
            fared.outcome.as_str().to_owned(),
            number(fared.models),
            number(fared.v2.map(|(_, bytes)| bytes)),
            changes(fared),
        ]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What went wrong, each thing once, with all categories that it concerns.
fn errors(report: &Report) -> Vec<(Vec<&'static str>, String)> {
    let mut errors: Vec<(Vec<&'static str>, String)> = Vec::new();
    for (category, fared) in &report.categories {
        let Some(error) = &fared.error else { continue };
        let error = error.chain();
        match errors.iter_mut().find(|(_, known)| *known == error) {
            Some((categories, _)) => categories.push(category.name()),
            None => errors.push((vec![category.name()], error)),
        }
    }
    errors
}

/// What became of the models, or why nothing did.
fn changes(fared: &CategoryReport) -> String {
    let counts = fared.changes.map(|changes| {
        let Changes {
            added,
            removed,
            changed,
        } = changes;
        format!("+{added} -{removed} ~{changed}")
    });
    match (counts, &fared.error, fared.outcome) {
        (Some(counts), None, _) => counts,
        // A local edit is published although the upstream has trouble.
        (Some(counts), Some(CategoryError::Upstream(_)), _) => {
            format!("{counts}, upstream failed, see below")
        }
        (Some(counts), Some(_), _) => format!("{counts}, but see below"),
        (None, Some(_), _) if fared.v2.is_none() => "nothing published, see below".to_owned(),
        (None, Some(_), _) => "old data stays, see below".to_owned(),
        (None, None, Outcome::Skipped) => "no legacy format".to_owned(),
        (None, None, Outcome::Updated) => "legacy file only".to_owned(),
        (None, None, _) => String::new(),
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
        // A terminal that went away needs no clearing.
        let _ = self.all.clear();
    }
}

impl Progress for Bars {
    fn started(&self, category: Category) {
        self.with(category, |bar| {
            bar.set_message("asking the upstream");
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        });
    }

    fn settled(&self, category: Category, report: &CategoryReport) {
        self.with(category, |bar| {
            bar.finish_with_message(format!("{} {}", report.outcome.as_str(), changes(report)));
        });
    }
}
