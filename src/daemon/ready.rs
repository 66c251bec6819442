//! What the supervisor hears: READY once the mirror is usable, RELOADING and READY around a refresh that was asked for.
//!
//! 1. READY comes as soon as good files are there, else with the end of the first cycle, failed or not
//!    (`ready = "complete"`: with the first end at which every category is published).
//! 2. RELOADING is said only after READY, and the READY that ends it comes with the end of a cycle after which no forced
//!    one waits.
//! 3. Values in, values out: no clock, no socket.

use crate::config;
use crate::depth::Depth;
use crate::ledger::status::ForcedCycle;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The daemon has started.
    Started {
        /// Every category is on disk as the manifest says.
        good: bool,
        /// Another process writes the mirror.
        standby: bool,
    },
    /// SIGHUP.
    ReloadAsked,
    /// A cycle that still waits has put files in order.
    Mended {
        /// As in `Started`.
        good: bool,
    },
    /// A cycle is over.
    Over {
        /// Every category is published.
        complete: bool,
        /// A forced cycle waits.
        superseded: bool,
    },
}

/// What to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// `READY=1`
    Ready,
    /// `RELOADING=1`
    Reloading,
    /// `STATUS=`, the ledger's summary.
    Status,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Ready {
    waits_for: config::Ready,
    /// READY was said.
    said: bool,
    /// RELOADING was said, and the READY that ends it was not.
    owes: bool,
    began_us: u64,
    last_forced: Option<ForcedCycle>,
}

impl Ready {
    pub(super) const fn new(waits_for: config::Ready) -> Self {
        Self {
            waits_for,
            said: false,
            owes: false,
            began_us: 0,
            last_forced: None,
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.said
    }

    /// A refresh that was asked for is not done yet.
    pub(super) const fn is_reloading(&self) -> bool {
        self.owes
    }

    /// The last forced cycle that ended.
    pub(super) const fn last_forced(&self) -> Option<ForcedCycle> {
        self.last_forced
    }

    /// A cycle begins, at a time of `CLOCK_MONOTONIC`.
    pub(super) const fn begins(&mut self, at_us: u64) {
        self.began_us = at_us;
    }

    /// It has ended.
    pub(super) fn ends(&mut self, depth: Depth, at_us: u64, exit_code: u8) {
        if depth == Depth::Force {
            self.last_forced = Some(ForcedCycle {
                began_monotonic_us: self.began_us,
                ended_monotonic_us: at_us,
                exit_code,
            });
        }
    }

    /// What to say, in order.
    pub(super) fn take(&mut self, input: Input) -> Vec<Notice> {
        let good_files = self.waits_for == config::Ready::Settled;
        match input {
            Input::Started { good, standby } => {
                let ready = self.become_ready(good || (good_files && standby));
                [Some(Notice::Status), ready]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Input::ReloadAsked if self.said => {
                self.owes = true;
                vec![Notice::Reloading]
            }
            // Before the first READY there is nothing to reload from.
            Input::ReloadAsked => Vec::new(),
            Input::Mended { good } => self.become_ready(good).into_iter().collect(),
            Input::Over {
                complete,
                superseded,
            } => {
                let reloaded = self.owes && !superseded;
                if reloaded {
                    self.owes = false;
                }
                // The first READY waits for no refresh that was asked for meanwhile: no RELOADING was said for that.
                let first = self.become_ready(good_files || complete);
                let ready = first.or(reloaded.then_some(Notice::Ready));
                ready.into_iter().chain([Notice::Status]).collect()
            }
        }
    }

    fn become_ready(&mut self, usable: bool) -> Option<Notice> {
        let first = usable && !self.said;
        self.said |= usable;
        first.then_some(Notice::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Input = Input::Started {
        good: true,
        standby: false,
    };
    const BARE: Input = Input::Started {
        good: false,
        standby: false,
    };
    const STANDBY: Input = Input::Started {
        good: false,
        standby: true,
    };
    const OVER: Input = Input::Over {
        complete: true,
        superseded: false,
    };
    const PARTLY: Input = Input::Over {
        complete: false,
        superseded: false,
    };
    const SUPERSEDED: Input = Input::Over {
        complete: true,
        superseded: true,
    };
    const RELOAD: Input = Input::ReloadAsked;
    const MENDED: Input = Input::Mended { good: true };
    const HALF_MENDED: Input = Input::Mended { good: false };

    /// The notices of each input: `S`tatus, `R`eady, re`L`oading.
    fn said(waits_for: config::Ready, inputs: &[Input]) -> String {
        let mut ready = Ready::new(waits_for);
        let mut words = Vec::new();
        for input in inputs {
            let notices = ready.take(*input).into_iter().map(|notice| match notice {
                Notice::Ready => 'R',
                Notice::Reloading => 'L',
                Notice::Status => 'S',
            });
            words.push(notices.collect::<String>());
        }
        words.join(" ")
    }

    #[test]
    fn ready_comes_once_and_every_reloading_has_its_end() {
        let good_files: [(&[Input], &str); 10] = [
            (&[GOOD, OVER, OVER], "SR S S"),
            (&[BARE, PARTLY, OVER], "S RS S"),
            (&[STANDBY, PARTLY], "SR S"),
            (&[BARE, HALF_MENDED, MENDED, MENDED, OVER], "S  R  S"),
            (&[GOOD, RELOAD, OVER, OVER], "SR L RS S"),
            // A cycle that ran when it was asked for is not the one that was asked for.
            (&[GOOD, RELOAD, SUPERSEDED, OVER], "SR L S RS"),
            // Asked for twice: said twice, ended once.
            (
                &[GOOD, RELOAD, RELOAD, SUPERSEDED, OVER, OVER],
                "SR L L S RS S",
            ),
            // The reload failed: it is over all the same.
            (&[GOOD, RELOAD, PARTLY], "SR L RS"),
            // Before the first READY.
            (&[BARE, RELOAD, SUPERSEDED, OVER], "S  RS S"),
            (&[BARE, RELOAD, MENDED, RELOAD, OVER], "S  R L RS"),
        ];
        for (inputs, expected) in good_files {
            assert_eq!(said(config::Ready::Settled, inputs), expected, "{inputs:?}");
        }
        let complete: [(&[Input], &str); 5] = [
            (&[GOOD, PARTLY], "SR S"),
            (&[BARE, PARTLY, OVER, PARTLY], "S S RS S"),
            (&[STANDBY, PARTLY, OVER], "S S RS"),
            (&[BARE, PARTLY, MENDED], "S S R"),
            (&[BARE, RELOAD, PARTLY, OVER], "S  S RS"),
        ];
        for (inputs, expected) in complete {
            assert_eq!(
                said(config::Ready::Complete, inputs),
                expected,
                "{inputs:?}"
            );
        }
    }

    #[test]
    fn a_forced_cycle_is_noted_with_its_times() {
        let mut ready = Ready::new(config::Ready::Settled);
        ready.begins(1);
        ready.ends(Depth::Poll, 2, 0);
        assert_eq!(ready.last_forced(), None);
        ready.begins(3);
        ready.ends(Depth::Force, 4, 1);
        let forced = ForcedCycle {
            began_monotonic_us: 3,
            ended_monotonic_us: 4,
            exit_code: 1,
        };
        assert_eq!(ready.last_forced(), Some(forced));
    }
}
