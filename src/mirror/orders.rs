//! The operator's orders as the writer carries them out: read at each cycle's beginning, noted when they are done.
//!
//! 1. Where `intent.json` cannot be read the pins that were carried out last stay; that is said once.
//! 2. Acceptances of a file that was carried out are without effect (the intent's invariant 3).
//! 3. What could not be carried out is not noted: the next cycle tries again, and the command that waits goes on waiting.
//! 4. Where the power failed the state may be newer than the manifest. What the state's orders accepted, and what lies there
//!    as the v2 file, has been published: no guard takes it for an edit.

use std::collections::BTreeMap;

use super::intent::{self, Carried};
use super::{Mirror, State};
use crate::category::Category;
use crate::digest::Digest;

/// The operator's orders as a cycle knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Orders {
    pin: BTreeMap<Category, Digest>,
    accept: BTreeMap<Category, Digest>,
    /// What a file that was carried out accepted (invariant 4).
    accepted: BTreeMap<Category, Digest>,
    /// The file that they stand in; `None` where there is none that can be read.
    sha256: Option<Digest>,
    /// Why the file cannot be read.
    problem: Option<String>,
    /// One of them could not be carried out.
    failed: bool,
}

impl Orders {
    /// The orders of a file that was read (invariants 1 and 2).
    fn of(read: Result<intent::Read, String>, state: &State) -> Self {
        let carried = state.intent.as_ref();
        match read {
            Ok(intent::Read { intent, sha256 }) => {
                let is_done = carried.is_some_and(|carried| Some(carried.sha256) == sha256);
                let (accept, accepted) = if is_done {
                    (BTreeMap::new(), intent.accept)
                } else {
                    (intent.accept, BTreeMap::new())
                };
                Self {
                    pin: intent.pin,
                    accept,
                    accepted,
                    sha256,
                    ..Self::default()
                }
            }
            Err(problem) => Self {
                pin: carried
                    .map(|carried| carried.pin.clone())
                    .unwrap_or_default(),
                problem: Some(problem),
                ..Self::default()
            },
        }
    }
}

impl Mirror {
    /// Reads the orders anew.
    pub fn read_orders(&mut self) {
        let read = intent::read(&self.layout).map_err(|error| crate::error::chain(&error));
        let orders = Orders::of(read, &self.state);
        if let Some(problem) = &orders.problem
            && self.orders.problem.as_ref() != Some(problem)
        {
            tracing::warn!(
                "the operator's orders are not known, what is pinned stays so: {problem}"
            );
        }
        self.orders = orders;
    }

    /// The generation that is pinned of a category.
    #[must_use]
    pub fn pin(&self, category: Category) -> Option<Digest> {
        self.orders.pin.get(&category).copied()
    }

    /// Whether the operator has accepted this v2 file.
    #[must_use]
    pub fn accepts(&self, category: Category, v2: Digest) -> bool {
        self.orders.accept.get(&category) == Some(&v2)
    }

    /// Whether this v2 file is what an order that was carried out accepted (invariant 4).
    #[must_use]
    pub fn has_accepted(&self, category: Category, v2: Digest) -> bool {
        self.orders.accepted.get(&category) == Some(&v2)
    }

    /// Whether the orders are not those that were carried out last.
    #[must_use]
    pub fn has_new_orders(&self) -> bool {
        let carried = self.state.intent.as_ref().map(|carried| carried.sha256);
        self.orders.problem.is_none() && carried != self.orders.sha256
    }

    /// Whether orders, given or withdrawn, are about a category.
    #[must_use]
    pub fn concerns_orders(&self, category: Category) -> bool {
        let carried = self.state.intent.as_ref();
        let was_pinned = carried.is_some_and(|carried| carried.pin.contains_key(&category));
        let Orders { pin, accept, .. } = &self.orders;
        was_pinned || pin.contains_key(&category) || accept.contains_key(&category)
    }

    /// An order could not be carried out (invariant 3).
    pub fn order_failed(&mut self) {
        self.orders.failed = true;
    }

    /// Notes that the orders were carried out for every category.
    pub fn note_orders(&mut self) {
        if self.orders.problem.is_some() || self.orders.failed {
            return;
        }
        let pin = self.orders.pin.clone();
        self.state.intent = self.orders.sha256.map(|sha256| Carried { sha256, pin });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::intent::{Intent, Read};

    #[test]
    fn which_orders_count() {
        let [pin, accept] = ["pin", "accept"].map(|text| Digest::of(text.as_bytes()));
        let both = Intent {
            pin: [(Category::Clip, pin)].into(),
            accept: [(Category::Blip, accept)].into(),
        };
        let file = Digest::of(b"file");
        let read = Ok(Read {
            intent: both.clone(),
            sha256: Some(file),
        });
        let carried = |sha256| State {
            intent: Some(Carried {
                sha256,
                pin: both.pin.clone(),
            }),
            ..State::default()
        };
        // The file, what was carried out; the pins, the acceptances that count, and those that have counted.
        let table = [
            (read.clone(), State::default(), 1, 1, 0),
            (read.clone(), carried(Digest::of(b"another")), 1, 1, 0),
            (read, carried(file), 1, 0, 1),
            (Ok(Read::default()), carried(file), 0, 0, 0),
            (Err("damaged".to_owned()), carried(file), 1, 0, 0),
            (Err("damaged".to_owned()), State::default(), 0, 0, 0),
        ];
        for (read, state, pins, accepts, accepted) in table {
            let orders = Orders::of(read.clone(), &state);
            let found = (orders.pin.len(), orders.accept.len(), orders.accepted.len());
            let expected = (pins, accepts, accepted);
            assert_eq!(found, expected, "{read:?} {:?}", state.intent);
        }
    }
}
