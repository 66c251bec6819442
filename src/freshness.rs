//! When a loaded category counts as fresh: TTL, mtime and explicit staleness, as a state machine without I/O.
//!
//! The caller looks at the clock and at the file and passes in what it saw; this module only decides.
//!
//! Invariants
//! 1. A category is valid only if it was loaded, not marked stale since, is not older than the TTL, and its file
//!    has the mtime it was loaded with. A file that is gone does not invalidate what was loaded from it.
//! 2. Each way of becoming stale is announced once: further looks at a stale category announce nothing.
//! 3. A load that found nothing, or that failed, never makes a category fresh.
//! 4. Never loaded is not stale: a first load is not a refresh.
//!
//! The clock is the one that measures ([`crate::clock::instant`]): it stands still while the host sleeps, so what was
//! fresh before a suspend is as fresh after it. A TTL of [`Duration::MAX`] never ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::category::Category;

/// Why a category became stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is older than the TTL.
    Expired,
    /// Its file is not the one it was loaded from.
    FileChanged,
    /// It was marked.
    Marked,
    /// It could not be refreshed, and the last good data is served instead.
    RefreshFailed,
}

/// The freshness of every category.
#[derive(Debug)]
pub struct Freshness {
    ttl: Duration,
    entries: BTreeMap<Category, Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    loaded_at: Option<Instant>,
    mtime: Option<f64>,
    stale: bool,
}

impl Freshness {
    /// Nothing loaded yet.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            entries: BTreeMap::new(),
        }
    }

    /// A category was loaded from a file with this mtime (seconds); it is fresh from now on.
    pub fn loaded(&mut self, category: Category, now: Instant, mtime: Option<f64>) {
        let entry = Entry {
            loaded_at: Some(now),
            mtime,
            stale: false,
        };
        self.entries.insert(category, entry);
    }

    /// Marks a category as stale; true when that is news (invariant 2).
    pub fn mark(&mut self, category: Category) -> bool {
        let entry = self.entries.entry(category).or_default();
        !std::mem::replace(&mut entry.stale, true)
    }

    /// Looks at a category; the cause when this look found it newly stale.
    pub fn look(&mut self, category: Category, now: Instant, mtime: Option<f64>) -> Option<Cause> {
        let ttl = self.ttl;
        let entry = self.entries.get_mut(&category)?;
        let loaded_at = entry.loaded_at.filter(|_| !entry.stale)?;
        let cause = if now.saturating_duration_since(loaded_at) > ttl {
            Cause::Expired
        } else if mtime.is_some() && mtime != entry.mtime {
            Cause::FileChanged
        } else {
            return None;
        };
        entry.stale = true;
        Some(cause)
    }

    /// Whether what was loaded may be served as fresh (invariant 1), as of the last [`Self::look`].
    #[must_use]
    pub fn is_valid(&self, category: Category) -> bool {
        self.entries
            .get(&category)
            .is_some_and(|entry| entry.loaded_at.is_some() && !entry.stale)
    }

    /// Whether a category needs a refresh: it was marked, or what was loaded went stale (invariant 4).
    #[must_use]
    pub fn is_stale(&self, category: Category) -> bool {
        self.entries.get(&category).is_some_and(|entry| entry.stale)
    }

    /// When the next category expires by itself; for those who wait for it.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.entries
            .values()
            .filter(|entry| !entry.stale)
            .filter_map(|entry| entry.loaded_at)
            .min()
            .and_then(|loaded_at| loaded_at.checked_add(self.ttl))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLIP: Category = Category::Blip;
    const TTL: Duration = Duration::from_mins(1);

    #[test]
    fn invariant_1_every_way_to_go_stale() {
        let now = Instant::now();
        // (seconds later, mtime seen, cause)
        let table = [
            (0, Some(1.0), None),
            (60, Some(1.0), None),
            (61, Some(1.0), Some(Cause::Expired)),
            (0, Some(2.0), Some(Cause::FileChanged)),
            (0, Some(0.5), Some(Cause::FileChanged)),
            (0, None, None),
            (61, Some(2.0), Some(Cause::Expired)),
        ];
        for (seconds, mtime, cause) in table {
            let mut freshness = Freshness::new(TTL);
            freshness.loaded(BLIP, now, Some(1.0));
            let later = now + Duration::from_secs(seconds);
            assert_eq!(
                freshness.look(BLIP, later, mtime),
                cause,
                "{seconds} {mtime:?}"
            );
            assert_eq!(freshness.is_valid(BLIP), cause.is_none());
            assert_eq!(freshness.is_stale(BLIP), cause.is_some());
        }
    }

    #[test]
    fn invariant_2_staleness_is_announced_once() {
        let now = Instant::now();
        let mut freshness = Freshness::new(TTL);
        freshness.loaded(BLIP, now, Some(1.0));
        assert!(freshness.mark(BLIP));
        assert!(!freshness.mark(BLIP));
        assert_eq!(freshness.look(BLIP, now + TTL * 2, Some(9.0)), None);
        freshness.loaded(BLIP, now, Some(9.0));
        assert!(freshness.is_valid(BLIP));
        assert!(freshness.mark(BLIP));
    }

    #[test]
    fn invariant_4_never_loaded_is_neither_valid_nor_stale() {
        let mut freshness = Freshness::new(TTL);
        assert_eq!(freshness.look(BLIP, Instant::now(), Some(1.0)), None);
        assert!(!freshness.is_valid(BLIP) && !freshness.is_stale(BLIP));
        freshness.mark(BLIP);
        assert!(!freshness.is_valid(BLIP) && freshness.is_stale(BLIP));
    }

    #[test]
    fn a_file_that_appears_after_the_load_is_a_change() {
        let now = Instant::now();
        let mut freshness = Freshness::new(TTL);
        freshness.loaded(BLIP, now, None);
        assert_eq!(
            freshness.look(BLIP, now, Some(1.0)),
            Some(Cause::FileChanged)
        );
    }

    #[test]
    fn the_next_expiry_is_the_oldest_fresh_load() {
        let now = Instant::now();
        let mut freshness = Freshness::new(TTL);
        assert_eq!(freshness.next_expiry(), None);
        freshness.loaded(BLIP, now, None);
        freshness.loaded(Category::Clip, now + TTL, None);
        assert_eq!(freshness.next_expiry(), Some(now + TTL));
        freshness.mark(BLIP);
        assert_eq!(freshness.next_expiry(), Some(now + TTL * 2));
    }
}
