//! What the ledger's tests are made of: reports, cycles over one item, and their news in short.

mod facts;
mod fold;
mod follow;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::cycle::{
    Answered, Breaker, Event, Held, ItemError, ItemReport, Origin, Outcome, UpstreamReport,
};
use crate::depth::Depth;
use crate::mirror::{Changes, Digest};
use crate::upstream::UpstreamError;

pub(super) const BLIP: Item = Item::Category(Category::Blip);
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// One cycle over one item: how deep it went, whether a forced one waits, what it reported.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cycle {
    Poll,
    Look,
    Superseded,
}
use self::Cycle::{Look, Poll, Superseded};

pub(in crate::ledger) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(in crate::ledger) fn well() -> ItemReport {
    ItemReport {
        answered: Answered::NotModified,
        v2: Some((Digest::of(b"v2"), 2)),
        models: Some(2),
        ..ItemReport::unchanged()
    }
}

pub(super) fn look() -> ItemReport {
    ItemReport {
        answered: Answered::None,
        ..well()
    }
}

pub(super) fn bad(outcome: Outcome, answered: Answered, error: ItemError) -> ItemReport {
    ItemReport {
        outcome,
        answered,
        error: Some(error),
        ..well()
    }
}

pub(in crate::ledger) fn missing(url: &str) -> ItemReport {
    let error = UpstreamError::Missing {
        url: url.to_owned(),
        hint: "",
        status: 404,
    };
    let error = ItemError::Upstream(Arc::new(error));
    bad(Outcome::Failed, Answered::Failed, error)
}

pub(super) fn limited(until: i64) -> ItemReport {
    ItemReport {
        limited_until: Some(at(until)),
        ..missing(&format!("until {until}"))
    }
}

pub(super) fn empty() -> ItemReport {
    let error = ItemError::NoLegacy {
        file: "blip.json".into(),
        what: "empty",
    };
    bad(Outcome::Failed, Answered::None, error)
}

pub(super) fn rejected() -> ItemReport {
    let error = ItemError::Rejected {
        file: "blip.json".to_owned(),
        reason: crate::convert::convert(Category::Blip, b"{", crate::item::OnInvalidRecord::Reject)
            .unwrap_err(),
    };
    bad(Outcome::Rejected, Answered::Downloaded, error)
}

pub(super) fn held() -> ItemReport {
    ItemReport {
        outcome: Outcome::Held,
        answered: Answered::Downloaded,
        held: Some(Held {
            models: 1,
            removed: 1,
            since: at(0),
            until: None,
            v2_sha256: Digest::of(b"less"),
        }),
        ..well()
    }
}

pub(super) fn updated() -> ItemReport {
    ItemReport {
        outcome: Outcome::Updated,
        answered: Answered::Downloaded,
        changes: Some(Changes::default()),
        ..well()
    }
}

pub(super) fn leaves_out(dropped: u64) -> ItemReport {
    ItemReport { dropped, ..well() }
}

/// Published without an answer of an upstream.
pub(super) fn edited() -> ItemReport {
    ItemReport {
        answered: Answered::None,
        ..updated()
    }
}

pub(super) fn from(upstream: &str, instead_of: &[&str]) -> ItemReport {
    ItemReport {
        origin: Some(Origin {
            upstream: upstream.to_owned(),
            url: format!("https://{upstream}"),
        }),
        instead_of: instead_of.iter().map(ToString::to_string).collect(),
        ..well()
    }
}

pub(super) fn ledger() -> Ledger {
    Ledger::new([BLIP], ["first".to_owned(), "second".to_owned()], HOUR)
}

pub(super) fn ended(ledger: &mut Ledger, cycle: Cycle, second: i64) -> Vec<Transition> {
    let event = Event::Ended {
        depth: Depth::Poll,
        elapsed: Duration::ZERO,
        unwritten: None,
    };
    fold(ledger, &event, context(cycle, second))
}

pub(super) fn context(cycle: Cycle, second: i64) -> Context {
    Context {
        depth: if cycle == Look {
            Depth::Disk
        } else {
            Depth::Poll
        },
        superseded: cycle == Superseded,
        now: at(second),
    }
}

/// A row of a table: cycles one after the other, and what each of them brings.
type Row<'a> = (&'a [(ItemReport, Cycle)], &'a [&'a str]);

/// Runs one cycle over one item.
pub(super) fn run(
    ledger: &mut Ledger,
    report: &ItemReport,
    cycle: Cycle,
    second: i64,
) -> Vec<Transition> {
    let done = Event::Done(BLIP, report.clone());
    let mut news = fold(ledger, &done, context(cycle, second));
    news.extend(ended(ledger, cycle, second));
    news
}

/// The news in short; health has a test of its own.
pub(super) fn names(news: &[Transition]) -> Vec<&'static str> {
    let name = |transition: &Transition| match transition {
        Transition::Rewritten { .. } => Some("rewritten"),
        Transition::Published { .. } => Some("published"),
        Transition::BeganToFail { .. } => Some("began"),
        Transition::ChangedTrouble { .. } => Some("changed"),
        Transition::StillFailing { .. } => Some("still"),
        Transition::Recovered { .. } => Some("recovered"),
        Transition::SourceChanged { .. } => Some("source"),
        Transition::LeavesOut { .. } => Some("left out"),
        Transition::UpstreamDown { .. } => Some("down"),
        Transition::UpstreamUp { .. } => Some("up"),
        Transition::Health { .. } => None,
        Transition::Unwritten { .. } => Some("unwritten"),
        Transition::Written => Some("written"),
    };
    news.iter().filter_map(name).collect()
}

pub(super) fn facts(ledger: &Ledger) -> &Facts {
    &ledger.items[&BLIP]
}
