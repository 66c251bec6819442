//! `horde-refd accept`, `rollback` and `unpin`: the operator's orders, written down and then waited for.
//!
//! 1. Beside a running daemon its next cycle carries the order out; where the lock is free the command takes it and runs
//!    a disk cycle itself, also when the daemon ends while it is waited for.
//! 2. When the time is over the order stays written: exit 1, and the next cycle carries it out.

use std::sync::Arc;
use std::time::Duration;

use super::args::{AcceptArgs, Common, RollbackArgs, UnpinArgs};
use super::output::{self, Output};
use super::startup::runtime;
use super::{Audience, Exit, runtime_directory};
use crate::backend::orders::{self, Given};
use crate::backend::{GithubBackend, OpenError};
use crate::category::Category;
use crate::clock;
use crate::config::Config;
use crate::cycle::Report;
use crate::depth::Depth;
use crate::inspect::status::span;
use crate::ledger::status::Role;
use crate::mirror::{Layout, LockError, generations, intent, lock, manifest};
use crate::observe::reports::Reports;

/// How often the mirror's state is looked at.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn accept(common: &Common, args: &AcceptArgs) -> anyhow::Result<Exit> {
    let config = common.start(Audience::Command)?.config;
    let given = orders::accept(&config, &args.categories)?;
    carry_out(common, &config, &given, args.timeout)
}

pub(super) fn rollback(common: &Common, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let config = common.start(Audience::Command)?.config;
    let given = orders::rollback(&config, args.category, args.to.as_deref())?;
    carry_out(common, &config, &given, args.timeout)
}

pub(super) fn unpin(common: &Common, args: &UnpinArgs) -> anyhow::Result<Exit> {
    let config = common.start(Audience::Command)?.config;
    let given = orders::unpin(&config, &args.categories)?;
    let of_order = |category: &Category| {
        let mut wanted = given.iter().flat_map(Given::wanted);
        wanted.any(|(of_order, _)| of_order == category)
    };
    for category in args
        .categories
        .iter()
        .filter(|category| !of_order(category))
    {
        output::warn(format_args!("{category} is not pinned"));
    }
    match &given {
        Some(given) => carry_out(common, &config, given, args.timeout),
        None => Ok(Exit::Done),
    }
}

/// Waits until an order is carried out, or carries it out (invariant 1), and says what became of it.
fn carry_out(
    common: &Common,
    config: &Config,
    given: &Given,
    timeout: Duration,
) -> anyhow::Result<Exit> {
    let layout = Layout::new(&config.base_path);
    let begun = clock::instant();
    while !given.is_carried_out() {
        if !lock::is_held(&layout.lock()) {
            match GithubBackend::open_writer(config.clone()) {
                Ok(backend) => {
                    let report = cycle(backend)?;
                    say_errors(&report, given);
                    break;
                }
                // Another one was faster: it is waited for.
                Err(OpenError::Mirror(LockError::Held { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if clock::since(begun) >= timeout {
            let names = given.wanted().iter().map(|(category, _)| category.name());
            output::warn(format_args!(
                "the order for {} is written down and was not carried out within {}: the next cycle of the mirror's writer \
                 does it; what is published stays until then, `horde-refd status` says when it has changed",
                names.collect::<Vec<_>>().join(", "),
                span(timeout)
            ));
            return Ok(Exit::Failed);
        }
        std::thread::sleep(LOOK);
    }
    say(common, &layout, given)
}

/// One disk cycle over everything, with its status written as `sync` does.
fn cycle(backend: GithubBackend) -> anyhow::Result<Report> {
    let backend = Arc::new(backend);
    let mut reports = Reports::new(&backend, runtime_directory());
    backend.resume(reports.earlier().as_ref());
    let runtime = runtime()?;
    let report = runtime.block_on(backend.refresh(Depth::Disk, &Category::ALL, &()));
    runtime.shutdown_background();
    let status = reports.status(Role::Once, None, None);
    reports.write_status(&status);
    reports.write_metrics(Role::Once, &[]);
    Ok(report)
}

fn say_errors(report: &Report, given: &Given) {
    for (category, _) in given.wanted() {
        let fared = report.category(*category);
        if let Some(error) = fared.and_then(|fared| fared.error.as_ref()) {
            output::warn(format_args!("{category}: {}", error.chain()));
        }
    }
    if let Some(error) = &report.unwritten {
        output::warn(crate::error::chain(&**error));
    }
}

fn say(common: &Common, layout: &Layout, given: &Given) -> anyhow::Result<Exit> {
    let missed = given.missed();
    let manifest = manifest::read_manifest(&layout.manifest()).unwrap_or_default();
    let pinned = intent::read(layout)
        .map(|read| read.intent.pin)
        .unwrap_or_default();
    let mut out = Output::stdout();
    for (category, wanted) in given.wanted() {
        let entry = manifest.categories.get(category);
        let published = entry.map_or_else(
            || "nothing".to_owned(),
            |entry| {
                format!(
                    "{} ({} models)",
                    generations::id(entry.v2.sha256),
                    entry.v2.models
                )
            },
        );
        if missed.contains(category) {
            output::warn(format_args!(
                "{category}: what was asked for was not published; {published} is"
            ));
        } else if common.quiet == 0 {
            let follows = if wanted.is_none() {
                ", and it follows the upstream again".to_owned()
            } else if pinned.contains_key(category) {
                format!(", and pinned until `horde-refd unpin {category}`")
            } else {
                String::new()
            };
            out.line(format_args!(
                "{category}: {published} is published{follows}"
            ))?;
        }
    }
    out.finish()?;
    let done = missed.is_empty() && given.is_carried_out();
    Ok(if done { Exit::Done } else { Exit::Failed })
}
