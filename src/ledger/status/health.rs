//! What is not as it should be, from a status alone: the one answer of `status --check`, monitors and the library.

use std::time::Duration;

use jiff::Timestamp;

use super::{ItemStatus, Role, State, Status, ago};
use crate::category::Category;
use crate::ledger::age;
use crate::ledger::transition::held_words;
use crate::text::escaped;

/// How much later than it promised a daemon may say something: at most, and at least on a busy host. While a cycle takes
/// its time it says so every [`SPEAKS`].
const GRACE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

/// How often a daemon writes its status while a cycle runs.
pub const SPEAKS: Duration = Duration::from_secs(2);

impl Status {
    /// For how long a daemon has not written although it promised a poll; `None` while it keeps its promise.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<Duration> {
        let promised = self
            .next_poll
            .filter(|promised| self.updated_at <= *promised)?;
        let late = age(promised, now)?;
        // Who polls every second is late sooner than who polls every hour.
        let ahead = age(self.updated_at, promised).unwrap_or_default();
        let grace = ahead.clamp(GRACE.0, GRACE.1);
        (self.role != Role::Once && late > grace).then_some(late)
    }

    /// What is not healthy at a time, a phrase each, apart from whether the daemon lives and keeps its promises; empty when
    /// all is well.
    #[must_use]
    pub fn complaints(&self, now: Timestamp) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.categories.is_empty() {
            complaints.push("no category is known yet".to_owned());
        }
        let stale_after = self.stale_after();
        for (category, status) in &self.categories {
            let state = status.state_at(now, stale_after);
            let name = category.name();
            let error = status.last_error.clone();
            let error = error.or_else(|| status.held_words(*category));
            let facts = (status.last_success, error.as_deref());
            complaints.extend(complaint(name, state, facts, now));
        }
        for (path, status) in &self.files {
            let state = status.state_at(now, stale_after);
            let facts = (status.last_success, status.last_error.as_deref());
            complaints.extend(complaint(path, state, facts, now));
        }
        complaints
    }
}

impl ItemStatus {
    /// What is held back, in words, with the command that publishes it; what waits behind a pin is not held.
    #[must_use]
    pub fn held_words(&self, category: Category) -> Option<String> {
        let held = self.held.as_ref().filter(|_| self.pinned.is_none())?;
        Some(held_words(&category.into(), held, self.models))
    }
}

fn complaint(
    name: &str,
    state: State,
    (success, error): (Option<Timestamp>, Option<&str>),
    now: Timestamp,
) -> Option<String> {
    let since = success.map(|time| format!(", last success {}", ago(time, now)));
    let cause = error.map(|error| format!(" ({})", escaped(error)));
    (!state.is_healthy()).then(|| {
        let parts = [Some(format!("{name} is {}", state.as_str())), since, cause];
        parts.into_iter().flatten().collect()
    })
}
