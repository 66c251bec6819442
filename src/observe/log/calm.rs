//! A sentence that is said again and again is counted, so that no loop of ours or of a neighbour floods the log.
//!
//! 1. What counts is the sentence, fields apart: it names which and why. News come through a few times before they are
//!    counted, trouble once; then one line a minute says how often, and one at the end (`crate::repeat`).
//! 2. Lines for debugging are never counted, nor is what a hook prints, which has a bound of its own, nor the daemon's
//!    answer to a signal, which a person waits for.
//! 3. The lines that say how often come from the thread that writes the log, so that they come on time and without a
//!    clock that ticks while there is nothing to say.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock;
use crate::repeat::{Line, PAUSE, Repeats};

/// How often a piece of news is said before it is counted.
const NEWS: u64 = 3;
/// How many sentences are remembered; one more than that is just said.
const SENTENCES: usize = 1024;
/// Where the lines that say how often come from.
const OWN: &str = module_path!();
/// Where a hook's output and the daemon's answers come from.
const NEVER_COUNTED: [&str; 2] = ["horde_refd::observe::hooks", "horde_refd::daemon"];

/// What was said lately.
static SAID: Said = Said(Mutex::new(BTreeMap::new()));

struct Said(Mutex<BTreeMap<(Level, String), Repeats>>);

/// Lets a sentence through, or counts it. A layer beside the one that writes: a filter of that one may not look at events
/// (`tracing-subscriber` 0.3.23 then forgets to take back what it noted of the event).
pub(super) struct Calm;

impl<S: Subscriber> Layer<S> for Calm {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let target = metadata.target();
        let free = NEVER_COUNTED.iter().any(|place| target.starts_with(place));
        if *metadata.level() > Level::INFO || target == OWN || free {
            return true;
        }
        let mut sentence = Sentence(String::new());
        event.record(&mut sentence);
        SAID.lets_through(*metadata.level(), sentence.0, clock::instant())
    }
}

/// When there may be something to say about what was counted.
pub(super) fn due() -> Option<Instant> {
    SAID.due()
}

/// Says how often, where it is time.
pub(super) fn look() {
    write(SAID.look(clock::instant()));
}

/// Says how often, of everything that was not said.
pub(super) fn end() {
    write(SAID.end());
}

fn write(lines: Vec<(Level, String)>) {
    for (level, line) in lines {
        match level {
            Level::ERROR => tracing::error!("{line}"),
            Level::WARN => tracing::warn!("{line}"),
            _ => tracing::info!("{line}"),
        }
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Level, String), Repeats>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lets_through(&self, level: Level, sentence: String, now: Instant) -> bool {
        let mut said = self.lock();
        let key = (level, sentence);
        if said.len() >= SENTENCES && !said.contains_key(&key) {
            return true;
        }
        let lines = if level == Level::INFO { NEWS } else { 1 };
        let repeats = said.entry(key).or_insert(Repeats::after(lines));
        repeats.counted(now)
    }

    fn due(&self) -> Option<Instant> {
        self.lock().values().filter_map(Repeats::due).min()
    }

    fn look(&self, now: Instant) -> Vec<(Level, String)> {
        let mut said = self.lock();
        let lines = said.iter_mut().filter_map(|((level, sentence), repeats)| {
            let line = repeats.look(now)?;
            Some((*level, words(sentence, line)))
        });
        let lines = lines.collect();
        said.retain(|_, repeats| repeats.due().is_some());
        lines
    }

    fn end(&self) -> Vec<(Level, String)> {
        let said = std::mem::take(&mut *self.lock());
        let lines = said
            .into_iter()
            .filter_map(|((level, sentence), mut repeats)| {
                let line = repeats.end()?;
                Some((level, words(&sentence, line)))
            });
        lines.collect()
    }
}

fn words(sentence: &str, line: Line) -> String {
    match line {
        Line::Begins => sentence.to_owned(),
        Line::GoesOn { times } => {
            let seconds = PAUSE.as_secs();
            format!("{sentence} (again {times} times in the last {seconds} s)")
        }
        Line::Over { times, lasted } => {
            let seconds = lasted.as_secs();
            format!("{sentence} ({times} times in {seconds} s)")
        }
    }
}

/// The sentence of an event, without its fields.
struct Sentence(String);

impl Visit for Sentence {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _: fmt::Result = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn trouble_is_said_once_and_news_a_few_times_then_once_a_minute_and_at_the_end() {
        let said = Said(Mutex::default());
        let begun = clock::instant();
        let at = |millis| begun + Duration::from_millis(millis);
        let through = |level, sentence: &str| {
            let times = (0..100).filter(|&n| said.lets_through(level, sentence.to_owned(), at(n)));
            times.count()
        };
        assert_eq!(through(Level::WARN, "clip is damaged"), 1);
        assert_eq!(through(Level::INFO, "published clip"), 3);
        assert_eq!(
            through(Level::INFO, "published blip"),
            3,
            "another sentence"
        );
        assert_eq!(said.look(at(30_000)), []);
        let lines = |lines: Vec<(Level, String)>| {
            let lines = lines.into_iter();
            lines
                .map(|(level, line)| format!("{level} {line}"))
                .collect::<Vec<_>>()
        };
        let due = said.due().unwrap();
        assert_eq!(due, at(60_000));
        assert_eq!(
            lines(said.look(at(60_050))),
            [
                "WARN clip is damaged (again 99 times in the last 60 s)",
                "INFO published blip (again 97 times in the last 60 s)",
                "INFO published clip (again 97 times in the last 60 s)",
            ]
        );
        assert_eq!(
            lines(said.look(at(60_099))),
            [
                "WARN clip is damaged (100 times in 0 s)",
                "INFO published blip (100 times in 0 s)",
                "INFO published clip (100 times in 0 s)",
            ]
        );
        assert_eq!((said.due(), said.end()), (None, vec![]));
        through(Level::WARN, "clip is damaged");
        assert_eq!(
            lines(said.end()),
            ["WARN clip is damaged (100 times in 0 s)"]
        );
    }
}
