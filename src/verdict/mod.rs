//! What is done with a draft: publish it, find it equal, hold it back, keep it out, or refuse it; pure.
//!
//! Each guard is a file of its own: a function of what is published and the draft. They are asked in this order, and the
//! first that objects decides:
//!
//! 1. `size`: what could not be read again is never published.
//! 2. Where nothing is published there is nothing to guard: the draft is.
//! 3. `pinned`: the operator keeps a generation.
//! 4. `equal`: it is what is published.
//! 5. What the operator has accepted, and what comes from where it was guarded already, is published.
//! 6. `emptied`: held until it is accepted.
//! 7. `shrunk`: held until it is accepted or its time is over, and then published by the poll that still says so.

mod emptied;
mod equal;
mod names;
mod pinned;
mod shrunk;
mod size;

use std::time::Duration;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::draft::Draft;
use crate::legacy::Rejected;

/// What is published of a category, as far as a verdict needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The SHA-256 of the v2 file.
    pub sha256: Digest,
    /// How many records it holds.
    pub models: u64,
    /// The v2 file itself; `None` where it cannot be had, and then models are only counted.
    pub v2: Option<Vec<u8>>,
}

/// What the configuration says of guards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The share of the published models that a draft may lack.
    pub max_removed: f64,
    /// The number of published models from which that counts.
    pub min_models: u64,
    /// How long a draft is held that lacks more.
    pub hold: Duration,
    /// How many bytes are ever read of a v2 file.
    pub most: u64,
}

/// What the operator wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing in particular.
    #[default]
    None,
    /// A generation of the category is kept.
    Pinned,
    /// This very draft is published.
    Accepted,
}

/// What is known of a draft beside its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context {
    /// What the operator wants.
    pub order: Order,
    /// Since when drafts of the category are held.
    pub held_since: Option<Timestamp>,
    /// A poll has just said it.
    pub polled: bool,
}

/// Why and for how long a draft is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// How many of the published models it lacks.
    pub removed: u64,
    /// When the first such draft was held.
    pub since: Timestamp,
    /// When it is published all the same; `None`: not before it is accepted.
    pub until: Option<Timestamp>,
}

/// What is done with a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is published.
    Publish,
    /// Its bytes are the published ones already.
    Equal,
    /// It waits, whole, and what is published stays.
    Held(Hold),
    /// It waits behind a pin; how many of the published models it lacks.
    Pinned {
        /// How many of the published models it lacks.
        removed: u64,
    },
    /// It is not taken, and what it was made from is not stored.
    Refused(Rejected),
}

/// Judges a draft against what is published.
#[must_use]
pub fn judge(
    published: Option<&Published>,
    draft: &Draft,
    context: &Context,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    if let Some(reason) = size::refuses(draft.v2.len() as u64, policy.most) {
        return Verdict::Refused(reason);
    }
    let Some(published) = published else {
        return Verdict::Publish;
    };
    if pinned::objects(context.order) {
        let removed = removed(published, draft);
        return Verdict::Pinned { removed };
    }
    if equal::is(published.sha256, draft.sha256) {
        return Verdict::Equal;
    }
    if context.order == Order::Accepted || draft.judged {
        return Verdict::Publish;
    }
    // A time in the future is no time: a clock was ahead.
    let since = context.held_since.unwrap_or(now).min(now);
    if emptied::objects(published.models, draft.models) {
        return Verdict::Held(Hold {
            removed: published.models,
            since,
            until: None,
        });
    }
    let removed = removed(published, draft);
    let Policy {
        max_removed,
        min_models,
        hold,
        ..
    } = *policy;
    if !shrunk::objects(published.models, removed, max_removed, min_models) {
        return Verdict::Publish;
    }
    let until = since.checked_add(hold).unwrap_or(Timestamp::MAX);
    let over = hold.is_zero() || (context.polled && until <= now);
    if over {
        return Verdict::Publish;
    }
    Verdict::Held(Hold {
        removed,
        since,
        until: Some(until),
    })
}

fn removed(published: &Published, draft: &Draft) -> u64 {
    match &published.v2 {
        Some(v2) => names::lacking(v2, &draft.v2),
        None => published.models.saturating_sub(draft.models),
    }
}

#[cfg(test)]
mod tests;
