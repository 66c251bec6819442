//! What has become another than it was: the news that an event brings, as values.

use jiff::Timestamp;

use super::facts::State;
use crate::cycle::{Held, ItemReport, Outcome};
use crate::item::Item;

/// What makes one trouble another one, whatever its words: the outcome, and whether the host asked to be left alone.
pub(super) type Kind = (Outcome, bool);

/// Why an item is not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Rejected, held or failed.
    pub outcome: Outcome,
    /// The error and its causes in one line; for what is held, what it lacks.
    pub error: String,
    /// Until when the host asked to be left alone.
    pub limited_until: Option<Timestamp>,
    /// How many polls failed since the last that did not; 0 for what is held.
    pub failures: u32,
}

impl Trouble {
    pub(super) const fn kind(&self) -> Kind {
        (self.outcome, self.limited_until.is_some())
    }
}

/// What a change of health is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An item.
    Item(Item),
    /// An upstream, by its name.
    Upstream(String),
}

/// One piece of news.
#[derive(Debug, Clone)]
pub enum Transition {
    /// A published file changed.
    Published {
        /// What it is of.
        item: Item,
        /// How it is published now.
        report: Box<ItemReport>,
        /// It is what was published before: a file was damaged or gone.
        brought_back: bool,
    },
    /// An item that was in order is not.
    BeganToFail {
        /// The item.
        item: Item,
        /// Why.
        trouble: Trouble,
    },
    /// An item that was not in order is so in another way.
    ChangedTrouble {
        /// The item.
        item: Item,
        /// Why now.
        trouble: Trouble,
    },
    /// Nothing new, for debugging: an item is as it was known to be, or what it met may pass.
    StillFailing {
        /// The item.
        item: Item,
        /// Why.
        trouble: Trouble,
    },
    /// An item is in order again.
    Recovered {
        /// The item.
        item: Item,
        /// How many polls had failed.
        failures: u32,
        /// For how long it was not in order.
        seconds: u64,
    },
    /// Another upstream serves an item.
    SourceChanged {
        /// The item.
        item: Item,
        /// The upstream that served it.
        from: String,
        /// The upstream that serves it now.
        to: String,
        /// Why.
        why: String,
    },
    /// Another number of records than before is left out of a published file.
    LeavesOut {
        /// The item.
        item: Item,
        /// How many; 0 when there were some before.
        dropped: u64,
        /// The first few, each with what is wrong with it, where that is known.
        first: Vec<String>,
    },
    /// Another program goes on changing the files of an item.
    Rewritten {
        /// The item.
        item: Item,
        /// What it does to them.
        words: String,
    },
    /// An upstream that was well is not.
    UpstreamDown {
        /// Its name.
        upstream: String,
        /// Why.
        error: String,
    },
    /// An upstream is well again.
    UpstreamUp {
        /// Its name.
        upstream: String,
        /// For how long it was not.
        seconds: u64,
    },
    /// An item or an upstream has become unhealthy, or well again.
    Health {
        /// Which.
        subject: Subject,
        /// Whether it is well.
        healthy: bool,
        /// `fresh`, `failing`, ...; of an upstream `up` or `down`.
        state: &'static str,
        /// Why it is not.
        error: Option<String>,
    },
    /// The manifest or the state could not be written.
    Unwritten {
        /// The path and why.
        error: String,
    },
    /// It is written again.
    Written,
}

impl State {
    pub(super) fn news(self, subject: Subject, error: Option<String>) -> Transition {
        Transition::Health {
            subject,
            healthy: self.is_healthy(),
            state: self.as_str(),
            error: error.filter(|_| !self.is_healthy()),
        }
    }
}

/// What is held back, in words, with the command that publishes it.
pub(super) fn held_words(item: &Item, held: &Held, published: Option<u64>) -> String {
    let of = published.map_or(String::new(), |models| format!(" of {models}"));
    let end = held.until.map_or_else(
        || "until it is accepted".to_owned(),
        |until| format!("until {until:.0}, or until it is accepted"),
    );
    format!(
        "it would remove {}{of} models and is held back {end} (horde-refd accept {item})",
        held.removed
    )
}
