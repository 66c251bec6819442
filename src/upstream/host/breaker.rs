//! Whether a host answers in this cycle: a pure machine, told of requests and of how their attempts end.
//!
//! 1. The first file that is asked for is the probe; the others wait for the end of its first attempt.
//! 2. Any status, from whatever file, lets all go.
//! 3. No connection: the probe finishes its attempts while the others wait; then the host is dead for this cycle.
//! 4. Connected and silent, or cut off before an answer: one other file is asked. The host is dead when both have
//!    finished their attempts and neither got a status.
//! 5. A file that has been let go is let go again for its later attempts, until the host is dead.
//! 6. A probe that is given up before an attempt ended leaves its place to another file; after one that failed, the
//!    others do not try what it gave up.

/// How one attempt ended, as far as the host is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum End {
    /// A status came, whatever it says.
    Status,
    /// There was no connection: refused, unreachable, no address, no TLS.
    NoConnection,
    /// There was one, and then silence, a reset or its end.
    NoAnswer,
}

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Leave {
    /// Be sent.
    Go,
    /// Wait until the breaker changes.
    Wait,
    /// Fail: the host is dead.
    Dead,
}

/// A number for each file of the cycle.
pub(in crate::upstream) type File = u64;

/// One host in one cycle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::upstream) enum Breaker {
    /// No file was asked for.
    #[default]
    Unasked,
    /// The probe is under way, or waits for its next attempt; `failed`: one of its attempts got no connection.
    Probing {
        /// The file that is asked for.
        probe: File,
        /// Whether an attempt has failed.
        failed: bool,
    },
    /// The probe met silence: another file is asked, as soon as there is one.
    Doubted {
        /// The probe, until its attempts are over.
        first: Option<File>,
    },
    /// Both are asked for; `None`: its attempts are over.
    Doubting {
        /// The probe.
        first: Option<File>,
        /// The other file.
        second: Option<File>,
    },
    /// The host answers.
    Closed,
    /// The host does not answer; nothing more is asked in this cycle.
    Dead,
}

impl Breaker {
    /// What an attempt at `file` may do.
    pub(in crate::upstream) fn ask(&mut self, file: File) -> Leave {
        match *self {
            Self::Unasked => {
                *self = Self::Probing {
                    probe: file,
                    failed: false,
                };
                Leave::Go
            }
            Self::Probing { probe, .. } if probe == file => Leave::Go,
            Self::Doubted { first } if first != Some(file) => {
                *self = Self::Doubting {
                    first,
                    second: Some(file),
                };
                Leave::Go
            }
            Self::Doubting { first, second } if ![first, second].contains(&Some(file)) => {
                Leave::Wait
            }
            Self::Probing { .. } => Leave::Wait,
            Self::Closed | Self::Doubted { .. } | Self::Doubting { .. } => Leave::Go,
            Self::Dead => Leave::Dead,
        }
    }

    /// An attempt at `file` ended; `last`: there is no other.
    pub(in crate::upstream) fn ended(&mut self, file: File, end: End, last: bool) {
        *self = match (*self, end) {
            (_, End::Status) => Self::Closed,
            (Self::Probing { probe, .. }, End::NoConnection) if probe == file => {
                if last {
                    Self::Dead
                } else {
                    Self::Probing {
                        probe,
                        failed: true,
                    }
                }
            }
            (Self::Probing { probe, .. }, End::NoAnswer) if probe == file => Self::Doubted {
                first: (!last).then_some(file),
            },
            (same, _) if last => same.without(file),
            (same, _) => same,
        };
    }

    /// There will be no further attempt at `file`, whatever became of the last one.
    pub(in crate::upstream) fn given_up(&mut self, file: File) {
        *self = match *self {
            Self::Probing { probe, failed } if probe == file => {
                if failed {
                    Self::Dead
                } else {
                    Self::Unasked
                }
            }
            same => same.without(file),
        };
    }

    fn without(self, file: File) -> Self {
        let keep = |one: Option<File>| one.filter(|one| *one != file);
        match self {
            Self::Doubted { first } => Self::Doubted { first: keep(first) },
            Self::Doubting { first, second } => match (keep(first), keep(second)) {
                (None, None) => Self::Dead,
                (first, second) => Self::Doubting { first, second },
            },
            same => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Ask(File, Leave),
        Ended(File, End, bool),
        GivenUp(File),
    }
    use End::{NoAnswer, NoConnection, Status};
    use Leave::{Go, Wait};
    use Step::{Ask, Ended, GivenUp};

    fn walk(name: &str, steps: &[Step], last: Breaker) {
        let mut breaker = Breaker::default();
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Ask(file, leave) => {
                    assert_eq!(
                        breaker.ask(file),
                        leave,
                        "{name}, step {number}: {breaker:?}"
                    );
                }
                Ended(file, end, last) => breaker.ended(file, end, last),
                GivenUp(file) => breaker.given_up(file),
            }
        }
        assert_eq!(breaker, last, "{name}");
    }

    #[test]
    fn invariants_1_and_2_the_others_wait_for_the_probe_and_a_status_lets_all_go() {
        let steps = [
            Ask(1, Go),
            Ask(2, Wait),
            Ask(3, Wait),
            Ended(1, Status, true),
            Ask(2, Go),
            Ask(3, Go),
            Ended(2, NoConnection, true),
            Ask(4, Go),
        ];
        walk("a status", &steps, Breaker::Closed);
    }

    #[test]
    fn invariant_3_without_a_connection_the_probe_finishes_and_the_host_is_dead() {
        let steps = [
            Ask(1, Go),
            Ended(1, NoConnection, false),
            Ask(2, Wait),
            Ask(1, Go),
            Ended(1, NoConnection, false),
            Ask(2, Wait),
            Ask(1, Go),
            Ended(1, NoConnection, true),
            Ask(2, Leave::Dead),
            Ask(1, Leave::Dead),
        ];
        walk("dead", &steps, Breaker::Dead);
        let steps = [
            Ask(1, Go),
            Ended(1, NoConnection, false),
            Ask(1, Go),
            Ended(1, Status, false),
            Ask(2, Go),
        ];
        walk("back at the second attempt", &steps, Breaker::Closed);
    }

    #[test]
    fn invariant_4_silence_is_tried_with_one_other_file() {
        let steps = [
            Ask(1, Go),
            Ask(2, Wait),
            Ended(1, NoAnswer, false),
            Ask(2, Go),
            Ask(3, Wait),
            Ask(1, Go),
            Ended(2, NoAnswer, false),
            Ask(3, Wait),
            Ended(1, NoAnswer, true),
            Ask(3, Wait),
            Ask(2, Go),
            Ended(2, NoAnswer, true),
            Ask(3, Leave::Dead),
        ];
        walk("both silent", &steps, Breaker::Dead);
        let steps = [
            Ask(1, Go),
            Ended(1, NoAnswer, true),
            Ask(2, Go),
            Ask(3, Wait),
            Ended(2, Status, true),
            Ask(3, Go),
        ];
        walk("only the first file is silent", &steps, Breaker::Closed);
        let steps = [
            Ask(1, Go),
            Ended(1, NoAnswer, false),
            Ask(2, Go),
            Ended(2, NoConnection, true),
            Ask(3, Wait),
            Ask(1, Go),
            Ended(1, Status, true),
            Ask(3, Go),
        ];
        walk("the first one comes back", &steps, Breaker::Closed);
        let steps = [
            Ask(1, Go),
            Ended(1, NoConnection, false),
            Ask(1, Go),
            Ended(1, NoAnswer, false),
            Ask(2, Go),
        ];
        let second = Breaker::Doubting {
            first: Some(1),
            second: Some(2),
        };
        walk("a connection at last", &steps, second);
        let steps = [Ask(1, Go), Ended(1, NoAnswer, true)];
        walk("alone", &steps, Breaker::Doubted { first: None });
    }

    #[test]
    fn a_status_after_the_end_brings_a_host_back() {
        let steps = [
            Ask(1, Go),
            Ended(1, NoConnection, true),
            Ended(1, Status, true),
            Ask(2, Go),
        ];
        walk("late", &steps, Breaker::Closed);
    }

    #[test]
    fn invariant_6_a_probe_that_is_given_up_leaves_its_place() {
        let steps = [Ask(1, Go), GivenUp(1), Ask(2, Go), Ask(3, Wait)];
        let probing = Breaker::Probing {
            probe: 2,
            failed: false,
        };
        walk("dropped", &steps, probing);
        let steps = [
            Ask(1, Go),
            Ended(1, NoConnection, false),
            GivenUp(1),
            Ask(2, Leave::Dead),
        ];
        walk("called off", &steps, Breaker::Dead);
        let steps = [
            Ask(1, Go),
            Ended(1, NoAnswer, false),
            Ask(2, Go),
            GivenUp(2),
            Ask(3, Wait),
            GivenUp(1),
            Ask(3, Leave::Dead),
        ];
        walk("both called off", &steps, Breaker::Dead);
        let steps = [Ask(1, Go), Ended(1, Status, true), GivenUp(1), Ask(2, Go)];
        walk("after a status", &steps, Breaker::Closed);
    }
}
