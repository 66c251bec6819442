//! What is not as it should be, from a status alone: the one answer of `status --check`, monitors and the library.

use std::time::Duration;

use jiff::Timestamp;

use super::{ItemStatus, Role, State, Status, ago};
use crate::category::Category;
use crate::item::Item;
use crate::ledger::age;
use crate::ledger::causes::causes;
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
        // Written when the poll was due already, it promises that poll at once.
        let promised = self.next_poll?.max(self.updated_at);
        let late = age(promised, now)?;
        // Who polls every second is late sooner than who polls every hour.
        let ahead = age(self.updated_at, promised).unwrap_or_default();
        let grace = ahead.clamp(GRACE.0, GRACE.1);
        (self.role != Role::Once && late > grace).then_some(late)
    }

    /// What is not healthy at a time, a phrase a cause, apart from whether the daemon lives and keeps its promises; empty
    /// when all is well.
    #[must_use]
    pub fn complaints(&self, now: Timestamp) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.categories.is_empty() {
            complaints.push("no category is known yet".to_owned());
        }
        let stale_after = self.stale_after();
        complaints.extend(self.of_categories(now, stale_after));
        for (path, status) in &self.files {
            let state = status.state_at(now, stale_after);
            let facts = (status.last_success, status.last_error.as_deref());
            if !state.is_healthy() {
                complaints.push(complaint(&[path.as_str()], state, facts, now));
            }
        }
        complaints
    }

    /// The complaints about categories: those of one state and one cause are one, with the oldest of their successes.
    fn of_categories(&self, now: Timestamp, stale_after: Duration) -> Vec<String> {
        let unwell: Vec<(Category, State, Option<String>)> = self
            .categories
            .iter()
            .map(|(category, status)| {
                let error = status.last_error.clone();
                let error = error.or_else(|| status.held_words(*category));
                (*category, status.state_at(now, stale_after), error)
            })
            .filter(|(_, state, _)| !state.is_healthy())
            .collect();
        let mut complaints = Vec::new();
        let mut said: Vec<Item> = Vec::new();
        for (category, state, _) in &unwell {
            let item = Item::from(*category);
            if said.contains(&item) {
                continue;
            }
            let alike = unwell.iter().filter(|(_, other, _)| other == state);
            let errors =
                alike.filter_map(|(other, _, error)| Some((Item::from(*other), error.clone()?)));
            let cause = causes(errors)
                .into_iter()
                .find(|it| it.items.contains(&item));
            let (hit, error) = cause.map_or_else(
                || (vec![item], None),
                |cause| (cause.items, Some(cause.error)),
            );
            let of_hit = |category: &Category| hit.contains(&Item::from(*category));
            let statuses = self.categories.iter().filter(|(it, _)| of_hit(it));
            let (names, successes): (Vec<_>, Vec<_>) = statuses
                .map(|(it, status)| (it.name(), status.last_success))
                .unzip();
            let facts = (successes.into_iter().min().flatten(), error.as_deref());
            complaints.push(complaint(&names, *state, facts, now));
            said.extend(hit);
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
    names: &[&str],
    state: State,
    (success, error): (Option<Timestamp>, Option<&str>),
    now: Timestamp,
) -> String {
    let each = names
        .iter()
        .map(|name| format!("{name} is {}", state.as_str()));
    let what = each.collect::<Vec<_>>().join(", ");
    let since = success.map(|time| format!(", last success {}", ago(time, now)));
    let cause = error.map(|error| format!(" ({})", escaped(error)));
    [Some(what), since, cause].into_iter().flatten().collect()
}
