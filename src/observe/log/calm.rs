//! A sentence that is said again and again is counted, so that no loop of ours or of a neighbour floods the log.
//!
//! 1. What counts is the sentence, fields apart: it names which and why. News come through a few times before they are
//!    counted, trouble once; then one line a minute says how often, and one at the end (`crate::repeat`).
//! 2. What a neighbour does to our files has many sentences, one a file and a cause. Of those that looks at the disk bring
//!    a few come through at all; then they are counted together, whatever they say.
//! 3. Lines for debugging are never counted, nor is what a hook prints, which has a bound of its own, nor the daemon's
//!    answer to a signal, which a person waits for.
//! 4. The lines that say how often come from the thread that writes the log, so that they come on time and without a
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
use crate::observe::say::OF_DISK;
use crate::repeat::{Line, PAUSE, Repeats};

/// How often a piece of news is said before it is counted.
const NEWS: u64 = 3;
/// How many lines of looks at the disk are written before they are counted: more than one for each file.
const OF_FILES: u64 = 25;
/// What is said of those that are not written.
const MORE_OF_FILES: &str =
    "files in the mirror go on changing, and news of them are not written one by one";
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
        let (level, now) = (*metadata.level(), clock::instant());
        SAID.lets_through((level, sentence.0), target == OF_DISK, now)
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

    fn lets_through(&self, key: (Level, String), of_disk: bool, now: Instant) -> bool {
        let mut said = self.lock();
        let is_known = said.contains_key(&key);
        if of_disk && !is_known && !is_one_of_few(&mut said, now) {
            return false;
        }
        if !is_known && said.len() >= SENTENCES {
            return true;
        }
        let lines = if key.0 == Level::INFO { NEWS } else { 1 };
        let repeats = said.entry(key).or_insert(Repeats::after(lines));
        let passes = repeats.counted(now);
        passes && (!of_disk || !is_known || is_one_of_few(&mut said, now))
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

/// Counts a line of a look at the disk, whatever it says; whether it is one of the first.
fn is_one_of_few(said: &mut BTreeMap<(Level, String), Repeats>, now: Instant) -> bool {
    let key = (Level::WARN, MORE_OF_FILES.to_owned());
    let repeats = said.entry(key).or_insert(Repeats::after(OF_FILES));
    repeats.counted(now)
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
            let key = (level, sentence.to_owned());
            let times = (0..100).filter(|&n| said.lets_through(key.clone(), false, at(n)));
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

    #[test]
    fn what_looks_at_the_disk_bring_is_a_few_lines_however_many_sentences_it_has() {
        let said = Said(Mutex::default());
        let begun = clock::instant();
        let at = |millis| begun + Duration::from_millis(millis);
        let brings = |number: u64, of_disk| {
            let key = (Level::WARN, format!("clip has trouble {number}"));
            said.lets_through(key, of_disk, at(number))
        };
        let written = (0..100).filter(|&number| brings(number, true)).count();
        assert_eq!(written as u64, OF_FILES);
        assert!(brings(200, false), "what a poll brings is none of them");
        assert_eq!(said.look(at(60_050)).len(), 1, "it goes on");
        let lines = said.end();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].1.starts_with(MORE_OF_FILES), "{lines:?}");
    }
}
