//! The queue of `hooks.on_trouble`: one run for each item or upstream that became unhealthy or well again, in their order.
//!
//! 1. What waits and has become another since is run once, for what it is now: a slow hook does not hear of a state
//!    that is over. What became what the hook last heard of is not run at all.
//! 2. A run that the daemon's stop cut short is not made again: the next process goes on from the status.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::calls::Trouble;
use super::{Hook, Run};

/// What the hook has still to hear.
#[derive(Debug)]
pub struct Queue {
    configured: bool,
    waiting: Mutex<VecDeque<Trouble>>,
    wake: Notify,
    stop: Notify,
}

impl Queue {
    pub(super) fn new(configured: bool) -> Self {
        Self {
            configured,
            waiting: Mutex::default(),
            wake: Notify::new(),
            stop: Notify::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Trouble>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what became unhealthy or well again. Returns at once.
    pub fn tell(&self, troubles: Vec<Trouble>) {
        if !self.configured || troubles.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for trouble in troubles {
            add(&mut waiting, trouble);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }
}

/// Puts a change of health into the queue (invariant 1).
fn add(waiting: &mut VecDeque<Trouble>, trouble: Trouble) {
    let same = |it: &Trouble| it.variables.first() == trouble.variables.first();
    let Some(at) = waiting.iter().position(same) else {
        waiting.push_back(trouble);
        return;
    };
    // It waits since it became the other one, which the hook has not heard.
    let other = waiting.remove(at);
    if other.is_some_and(|other| other.healthy == trouble.healthy) {
        waiting.insert(at, trouble);
    }
}

pub(super) async fn serve(queue: Arc<Queue>, hook: Hook) {
    loop {
        let next = queue.waiting().pop_front();
        let Some(trouble) = next else {
            tokio::select! {
                biased;
                () = queue.stop.notified() => return,
                () = queue.wake.notified() => continue,
            }
        };
        if matches!(
            hook.run(&trouble.variables, &queue.stop).await,
            Run::Stopped
        ) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_before_its_run_is_not_said() {
        let trouble = |category: &str, healthy| Trouble {
            healthy,
            variables: vec![("HORDE_REFD_CATEGORY", category.to_owned())],
        };
        let mut waiting = VecDeque::new();
        add(&mut waiting, trouble("blip", false));
        add(&mut waiting, trouble("clip", false));
        add(&mut waiting, trouble("blip", false));
        assert_eq!(waiting, [trouble("blip", false), trouble("clip", false)]);
        add(&mut waiting, trouble("blip", true));
        assert_eq!(waiting, [trouble("clip", false)]);
        add(&mut waiting, trouble("blip", true));
        assert_eq!(waiting, [trouble("clip", false), trouble("blip", true)]);
    }
}
