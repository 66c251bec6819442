//! Trouble that may repeat a thousand times, said in a few lines.
//!
//! 1. The first occurrence gives a line at once, and so do as many after it as [`Repeats::after`] allows. While it goes on
//!    there is at most one line in [`PAUSE`], with how often.
//! 2. When it has not occurred for [`PAUSE`] it is over: one more line, unless the first ones have said all.
//! 3. Nothing here reads a clock or waits. [`Repeats::due`] says when to look again.

use std::time::{Duration, Instant};

/// Between two lines, and without an occurrence before it is over.
pub const PAUSE: Duration = Duration::from_mins(1);

/// What to write to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It has begun.
    Begins,
    /// It goes on.
    GoesOn {
        /// How often since the line before.
        times: u64,
    },
    /// It has not occurred for a while.
    Over {
        /// How often in all.
        times: u64,
        /// From the first occurrence to the last.
        lasted: Duration,
    },
}

/// One kind of trouble, in one place.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    /// How many occurrences after the first give a line of their own.
    free: u64,
    trouble: Option<Trouble>,
}

#[derive(Debug, Clone)]
struct Trouble {
    first: Instant,
    last: Instant,
    said: Instant,
    times: u64,
    unsaid: u64,
}

impl Repeats {
    /// As many lines at once, before occurrences are counted; at least one.
    #[must_use]
    pub const fn after(lines: u64) -> Self {
        Self {
            free: lines.saturating_sub(1),
            trouble: None,
        }
    }

    /// It has occurred.
    pub fn occurred(&mut self, now: Instant) -> Option<Line> {
        if self.counted(now) {
            return Some(Line::Begins);
        }
        self.trouble.as_mut()?.goes_on(now)
    }

    /// It has occurred; true where that gives a line at once. What else there is to say is left to [`Repeats::look`].
    pub fn counted(&mut self, now: Instant) -> bool {
        let Some(trouble) = &mut self.trouble else {
            self.trouble = Some(Trouble {
                first: now,
                last: now,
                said: now,
                times: 1,
                unsaid: 0,
            });
            return true;
        };
        trouble.last = now;
        trouble.times += 1;
        if trouble.times <= self.free + 1 {
            trouble.said = now;
            return true;
        }
        trouble.unsaid += 1;
        false
    }

    /// Looks whether there is something to say; to be called when [`Repeats::due`] says so, or whenever it is convenient.
    pub fn look(&mut self, now: Instant) -> Option<Line> {
        let trouble = self.trouble.as_mut()?;
        if now.saturating_duration_since(trouble.last) < PAUSE {
            return trouble.goes_on(now);
        }
        self.end()
    }

    /// It is over, however long ago it occurred.
    pub fn end(&mut self) -> Option<Line> {
        let trouble = self.trouble.take()?;
        (trouble.times > self.free + 1).then(|| Line::Over {
            times: trouble.times,
            lasted: trouble.last.saturating_duration_since(trouble.first),
        })
    }

    /// When to look again; nothing while there is no trouble.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let trouble = self.trouble.as_ref()?;
        let from = if trouble.unsaid > 0 {
            trouble.said
        } else {
            trouble.last
        };
        Some(from + PAUSE)
    }
}

impl Trouble {
    fn goes_on(&mut self, now: Instant) -> Option<Line> {
        if self.unsaid == 0 || now.saturating_duration_since(self.said) < PAUSE {
            return None;
        }
        self.said = now;
        let times = std::mem::take(&mut self.unsaid);
        Some(Line::GoesOn { times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// At each second something occurs, or is only looked at.
    fn lines(steps: &[(u64, bool)]) -> Vec<(u64, Line)> {
        let (mut repeats, begun) = (Repeats::default(), clock::instant());
        let line = |&(second, occurs): &(u64, bool)| {
            let now = begun + Duration::from_secs(second);
            let line = if occurs {
                repeats.occurred(now)
            } else {
                repeats.look(now)
            };
            line.map(|line| (second, line))
        };
        steps.iter().filter_map(line).collect()
    }

    #[test]
    fn a_single_occurrence_is_one_line() {
        assert_eq!(
            lines(&[(0, true), (30, false), (60, false), (200, false)]),
            [(0, Line::Begins)]
        );
    }

    #[test]
    fn invariants_1_and_2_a_thousand_occurrences_are_a_line_a_minute_and_one_at_the_end() {
        let mut steps: Vec<_> = (0..150).map(|second| (second, true)).collect();
        steps.extend((150..260).map(|second| (second, false)));
        let lasted = Duration::from_secs(149);
        assert_eq!(
            lines(&steps),
            [
                (0, Line::Begins),
                (60, Line::GoesOn { times: 60 }),
                (120, Line::GoesOn { times: 60 }),
                (180, Line::GoesOn { times: 29 }),
                (209, Line::Over { times: 150, lasted }),
            ]
        );
    }

    #[test]
    fn what_occurs_again_after_its_end_begins_anew() {
        let steps = [(0, true), (5, true), (65, false), (70, true)];
        let lasted = Duration::from_secs(5);
        assert_eq!(
            lines(&steps),
            [
                (0, Line::Begins),
                (65, Line::Over { times: 2, lasted }),
                (70, Line::Begins)
            ]
        );
    }

    #[test]
    fn invariant_1_the_first_few_lines_are_said_at_once() {
        let mut repeats = Repeats::after(3);
        let begun = clock::instant();
        let at = |second| begun + Duration::from_secs(second);
        let lines: Vec<_> = (0..5).map(|second| repeats.occurred(at(second))).collect();
        let said = Some(Line::Begins);
        assert_eq!(lines, [said, said, said, None, None]);
        let lasted = Duration::from_secs(4);
        assert_eq!(repeats.end(), Some(Line::Over { times: 5, lasted }));
        assert_eq!(repeats.end(), None);
        repeats.occurred(at(9));
        assert_eq!(repeats.look(at(99)), None, "all of it was said");
    }

    #[test]
    fn invariant_3_a_look_at_the_due_time_always_has_an_answer() {
        let begun = clock::instant();
        let at = |second| begun + Duration::from_secs(second);
        let mut repeats = Repeats::default();
        assert_eq!(repeats.due(), None);
        repeats.occurred(at(0));
        assert_eq!(repeats.due(), Some(at(60)));
        repeats.occurred(at(10));
        assert_eq!(repeats.due(), Some(at(60)));
        assert!(repeats.look(at(60)).is_some());
        assert_eq!(repeats.due(), Some(at(70)));
        assert!(repeats.look(at(70)).is_some());
        assert_eq!(repeats.due(), None);
    }
}
