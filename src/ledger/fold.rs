//! The state machine: one event changes the facts and says what is news. No clock, no file, no network.

use jiff::Timestamp;

use super::facts::{Announced, Facts, Found, Lasting, is_held};
use super::transition::{Subject, Transition, Trouble, held_words};
use super::{Ledger, Running};
use crate::cycle::{Answered, Event, ItemError, ItemReport, Outcome, UpstreamReport};
use crate::depth::Depth;
use crate::item::Item;

/// What an event came from.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// How deep the cycle goes.
    pub depth: Depth,
    /// A forced cycle waits to do all of it again.
    pub superseded: bool,
    /// The present.
    pub now: Timestamp,
}

/// Takes in one event.
pub fn fold(ledger: &mut Ledger, event: &Event, context: Context) -> Vec<Transition> {
    let now = context.now;
    match event {
        Event::Asked(_) => Vec::new(),
        Event::Rewritten(item, words) => vec![Transition::Rewritten {
            item: item.clone(),
            words: words.clone(),
        }],
        Event::Mended(item, report) => {
            let look = Context {
                depth: Depth::Disk,
                superseded: false,
                now,
            };
            let mut news = take(ledger, item, report, look);
            let stale_after = ledger.stale_after;
            if let Some(facts) = ledger.items.get_mut(item) {
                news.extend(announce(item, facts, false, now));
                news.extend(health(item, facts, false, now, stale_after));
            }
            news
        }
        Event::Done(item, report) => {
            ledger.running.bad |= !report.outcome.is_good();
            ledger.running.done.insert(item.clone());
            take(ledger, item, report, context)
        }
        Event::Upstream(name, report) => {
            ask(ledger, name, report, now);
            Vec::new()
        }
        Event::Ended { unwritten, .. } => {
            let unwritten = unwritten.as_ref().map(|error| crate::error::chain(error));
            end(ledger, unwritten, context)
        }
    }
}

/// Takes in how an item fared; says at once what was published, and keeps the rest for the cycle's end.
fn take(
    ledger: &mut Ledger,
    item: &Item,
    report: &ItemReport,
    context: Context,
) -> Vec<Transition> {
    if report.outcome == Outcome::Skipped {
        // No upstream serves it: it is not listed, unless it was published once.
        if ledger
            .items
            .get(item)
            .is_some_and(|facts| !facts.is_published(item))
        {
            ledger.items.remove(item);
        }
        return Vec::new();
    }
    let facts = ledger.items.entry(item.clone()).or_default();
    let changed = report.outcome == Outcome::Updated || report.changes.is_some();
    let answered = matches!(
        report.answered,
        Answered::Downloaded | Answered::NotModified
    );
    // Where no upstream answered, what gave the file goes on to be its source.
    let is_news = answered || changed || facts.source.is_none();
    if let Some(origin) = report.origin.as_ref().filter(|_| is_news) {
        let before = facts.source.replace(origin.upstream.clone());
        if let Some(before) = before.filter(|before| *before != origin.upstream) {
            ledger.running.moved.insert(item.clone(), before);
        }
    }
    let left_out = left_out(item, facts, report);
    let before = facts.last.as_ref().and_then(|last| last.v2);
    let brought_back =
        before.is_some() && before == report.v2 && report.answered != Answered::Downloaded;
    learn(item, facts, report, context);
    let published = changed.then(|| {
        facts.last_change = Some(context.now);
        Transition::Published {
            item: item.clone(),
            report: Box::new(report.clone()),
            brought_back,
        }
    });
    published.into_iter().chain(left_out).collect()
}

/// Whether another number of records is left out of a published file than before.
fn left_out(item: &Item, facts: &Facts, report: &ItemReport) -> Option<Transition> {
    let before = facts.last.as_ref().map_or(0, |last| last.dropped);
    let same = report.dropped == before;
    // What a failure left on disk is not what the manifest speaks of.
    (report.outcome.is_good() && !same).then(|| Transition::LeavesOut {
        item: item.clone(),
        dropped: report.dropped,
        first: report.left_out.clone(),
    })
}

fn learn(item: &Item, facts: &mut Facts, report: &ItemReport, context: Context) {
    let now = context.now;
    let asked = context.depth >= Depth::Poll || report.answered != Answered::None;
    let failed = matches!(report.outcome, Outcome::Failed | Outcome::Rejected);
    let held = !failed && is_held(report);
    let new_trouble = (failed && facts.failures == 0) || (held && !facts.is_held());
    if asked || new_trouble || report.outcome == Outcome::Updated {
        *facts.outcomes.entry(report.outcome).or_default() += 1;
    }
    if let Some(time) = report.convert_time {
        facts.convert_seconds = Some(time.as_secs_f64());
    }
    if asked {
        facts.last_check = Some(now);
        let of_upstream = report.error.as_ref().filter(|error| error.is_of_upstream());
        facts.upstream_trouble = of_upstream.filter(|_| failed).map(|error| Lasting {
            outcome: report.outcome,
            limited_until: report.limited_until,
            error: error.chain(),
        });
    }
    let error = report.error.as_ref().map(ItemError::of_lane);
    let empty = matches!(error, Some(ItemError::NoLegacy { .. }));
    facts.passing = empty && !asked && !facts.empty;
    facts.empty = empty;
    facts.doubtful = false;
    let mut last = report.clone();
    if let Some(before) = facts.last.as_ref().filter(|_| !asked) {
        // Who serves in whose place is known by asking alone.
        last.instead_of.clone_from(&before.instead_of);
    }
    if failed {
        let error = report.error.as_ref().map(ItemError::chain);
        if asked || facts.failures == 0 {
            facts.failures = facts.failures.saturating_add(1);
        }
        facts.failing_since = facts.failing_since.or(Some(now));
        facts.last_error = error;
        if let Some(announced) = &mut facts.announced {
            announced.failures = facts.failures;
        }
        facts.found = Some(Found::Bad(Trouble {
            outcome: report.outcome,
            error: facts.last_error.clone().unwrap_or_default(),
            limited_until: report.limited_until,
            failures: facts.failures,
        }));
    } else if let Some(lasting) = &facts.upstream_trouble {
        // The files are in order; the upstream's trouble stays (the ledger's invariant 3).
        last.outcome = lasting.outcome;
        last.limited_until = lasting.limited_until;
        facts.last_error = Some(lasting.error.clone());
    } else {
        facts.failures = 0;
        facts.failing_since = None;
        facts.last_error = None;
        let words = || match &report.held {
            Some(held) => held_words(item, held, report.models),
            None => "a guard holds it back".to_owned(),
        };
        facts.found = Some(if held {
            Found::Bad(Trouble {
                outcome: Outcome::Held,
                error: words(),
                limited_until: None,
                failures: 0,
            })
        } else {
            // What no upstream has confirmed is in order, and not fresh.
            if asked && report.answered != Answered::Failed {
                facts.last_success = Some(now);
            }
            Found::Well
        });
    }
    facts.last = Some(last);
}

fn ask(ledger: &mut Ledger, name: &str, report: &UpstreamReport, now: Timestamp) {
    let facts = ledger.upstreams.entry(name.to_owned()).or_default();
    facts.up = report.error.is_none() && report.limited_until.is_none();
    facts.failing_since = if facts.up {
        None
    } else {
        facts.failing_since.or(Some(now))
    };
    let limited = report
        .limited_until
        .map(|until| format!("its host asked to be left alone until {until:.0}"));
    let error = report
        .error
        .as_ref()
        .map(|error| crate::error::chain(error));
    facts.last_error = error.or(limited);
    facts.breaker = report.breaker;
    facts.limited_until = report.limited_until;
}

/// Says what a cycle has changed, each thing once.
fn end(ledger: &mut Ledger, unwritten: Option<String>, context: Context) -> Vec<Transition> {
    let Context {
        superseded, now, ..
    } = context;
    let Running { bad, moved, done } = std::mem::take(&mut ledger.running);
    ledger.cycles += 1;
    ledger.exit_code = u8::from(bad || unwritten.is_some());
    let mut news = Vec::new();
    for (name, facts) in &mut ledger.upstreams {
        if facts.up == facts.announced || (superseded && !facts.up) {
            continue;
        }
        facts.announced = facts.up;
        let since = facts.announced_since.take();
        news.push(if facts.up {
            Transition::UpstreamUp {
                upstream: name.clone(),
                seconds: seconds_since(since.unwrap_or(now), now),
            }
        } else {
            facts.announced_since = facts.failing_since;
            Transition::UpstreamDown {
                upstream: name.clone(),
                error: facts.last_error.clone().unwrap_or_default(),
            }
        });
        news.push(Transition::Health {
            subject: Subject::Upstream(name.clone()),
            healthy: facts.up,
            state: if facts.up { "up" } else { "down" },
            error: facts.last_error.clone(),
        });
    }
    for (item, from) in moved {
        news.extend(source_change(ledger, item, from));
    }
    let stale_after = ledger.stale_after;
    for (item, facts) in &mut ledger.items {
        let again = superseded && done.contains(item);
        news.extend(announce(item, facts, again, now));
        news.extend(health(item, facts, again, now, stale_after));
    }
    match (ledger.unwritten.is_some(), &unwritten) {
        (false, Some(error)) => news.push(Transition::Unwritten {
            error: error.clone(),
        }),
        (true, None) => news.push(Transition::Written),
        _ => {}
    }
    ledger.unwritten = unwritten;
    news
}

/// Why another upstream serves an item now; nothing when the same one does after all.
fn source_change(ledger: &Ledger, item: Item, from: String) -> Option<Transition> {
    let facts = ledger.items.get(&item)?;
    let to = facts.source.clone().filter(|to| *to != from)?;
    let instead_of = facts.last.as_ref().map(|last| last.instead_of.as_slice());
    let failing = instead_of.is_some_and(|names| names.contains(&from));
    let why = match ledger.upstreams.get(&from) {
        None => format!("{from} is no longer configured"),
        Some(before) if failing => match &before.last_error {
            Some(error) => error.clone(),
            None => format!("{from} does not serve it"),
        },
        Some(_) => format!("{to} answers again"),
    };
    Some(Transition::SourceChanged {
        item,
        from,
        to,
        why,
    })
}

/// What is new about the trouble of an item. `again`: a forced cycle is about to try it again.
fn announce(item: &Item, facts: &mut Facts, again: bool, now: Timestamp) -> Option<Transition> {
    let item = item.clone();
    match facts.found.take()? {
        Found::Well => {
            let announced = facts.announced.take()?;
            Some(Transition::Recovered {
                item,
                failures: announced.failures,
                seconds: seconds_since(announced.since, now),
            })
        }
        Found::Bad(trouble) => {
            let kind = trouble.kind();
            let known = facts.announced.as_ref();
            if known.is_some_and(|known| known.kind == kind) || facts.passing || again {
                return Some(Transition::StillFailing { item, trouble });
            }
            let since = known.map(|known| known.since).or(facts.failing_since);
            let first = known.is_none();
            facts.announced = Some(Announced {
                kind,
                since: since.unwrap_or(now),
                failures: facts.failures,
            });
            Some(if first {
                Transition::BeganToFail { item, trouble }
            } else {
                Transition::ChangedTrouble { item, trouble }
            })
        }
    }
}

/// Whether an item has become unhealthy or well again; that the first cycle finds it well is no news.
fn health(
    item: &Item,
    facts: &mut Facts,
    again: bool,
    now: Timestamp,
    stale_after: std::time::Duration,
) -> Option<Transition> {
    // Of an item that no cycle has looked at yet nothing can be said.
    facts.last.as_ref()?;
    let state = facts.state(item, now, stale_after);
    let healthy = state.is_healthy();
    if !healthy && (facts.passing || again) {
        return None;
    }
    let before = facts.healthy.replace(healthy);
    let changed = before.map_or(!healthy, |before| before != healthy);
    let held = facts.last.as_ref().and_then(|last| {
        let held = last.held.as_ref().filter(|_| is_held(last))?;
        Some(held_words(item, held, last.models))
    });
    let error = facts.last_error.clone().or(held);
    changed.then(|| state.news(Subject::Item(item.clone()), error))
}

fn seconds_since(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(then).as_secs()).unwrap_or(0)
}
