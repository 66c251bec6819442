//! Lint findings, kept as one text with places in it.
//!
//! 1. Keys are in the order of their first message, messages of a key in the order they were logged.
//! 2. Every text model has at least one finding, so a finding costs no allocation of its own.

use std::collections::HashMap;
use std::fmt;

/// A part of the text.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

/// Lint findings: record key -> messages, in order of first message.
#[derive(Clone, Default)]
pub struct Issues {
    text: String,
    /// The key, and the index of its first message.
    entries: Vec<(Span, usize)>,
    messages: Vec<Span>,
}

impl Issues {
    /// How many findings there are, over all records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Every record key with its messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str> + Clone)> {
        let ends = self
            .entries
            .iter()
            .skip(1)
            .map(|(_, first)| *first)
            .chain(std::iter::once(self.messages.len()));
        self.entries.iter().zip(ends).map(|((key, first), end)| {
            let messages = self.messages.get(*first..end).unwrap_or_default();
            (
                self.part(*key),
                messages.iter().map(|message| self.part(*message)),
            )
        })
    }

    fn part(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// Two collections are equal when they read the same.
impl PartialEq for Issues {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|((key, mine), (other_key, theirs))| key == other_key && mine.eq(theirs))
    }
}

impl Eq for Issues {}

impl fmt::Debug for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(key, messages)| (key, messages.collect::<Vec<_>>())),
            )
            .finish()
    }
}

/// A place in an [`IssueLog`] that messages of one record go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topic(usize);

/// Collects findings in any order.
#[derive(Debug, Default)]
pub(crate) struct IssueLog {
    text: String,
    topics: Vec<Span>,
    messages: Vec<(Topic, Span)>,
    /// Topics found by key; filled by [`IssueLog::topic`] alone.
    by_key: HashMap<String, Topic>,
}

impl IssueLog {
    /// Starts the messages of a record that has none yet.
    pub(crate) fn open(&mut self, key: &str) -> Topic {
        let span = self.append(&[key]);
        self.topics.push(span);
        Topic(self.topics.len() - 1)
    }

    /// The place for a record that may have messages already; must not be mixed with [`IssueLog::open`].
    pub(crate) fn topic(&mut self, key: &str) -> Topic {
        if let Some(topic) = self.by_key.get(key) {
            return *topic;
        }
        let topic = self.open(key);
        self.by_key.insert(key.to_owned(), topic);
        topic
    }

    /// Logs a message made of parts.
    pub(crate) fn add(&mut self, topic: Topic, parts: &[&str]) {
        let span = self.append(parts);
        self.messages.push((topic, span));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// `self`, then everything of `later`, whose keys may be ours too.
    pub(crate) fn followed_by(mut self, later: Self) -> Self {
        if self.is_empty() {
            return later;
        }
        let part = |span: &Span| later.text.get(span.start..span.end).unwrap_or_default();
        let topics: Vec<Topic> = later
            .topics
            .iter()
            .map(|key| self.topic(part(key)))
            .collect();
        for (topic, message) in &later.messages {
            if let Some(topic) = topics.get(topic.0) {
                self.add(*topic, &[part(message)]);
            }
        }
        self
    }

    /// The findings in reading order.
    pub(crate) fn finish(self) -> Issues {
        let Self {
            text,
            topics,
            mut messages,
            ..
        } = self;
        if !messages.is_sorted_by_key(|(topic, _)| *topic) {
            messages.sort_by_key(|(topic, _)| *topic);
        }
        let mut entries = Vec::with_capacity(topics.len());
        let mut first = 0;
        for (index, key) in topics.into_iter().enumerate() {
            entries.push((key, first));
            while messages
                .get(first)
                .is_some_and(|(topic, _)| topic.0 == index)
            {
                first += 1;
            }
        }
        Issues {
            text,
            entries,
            messages: messages.into_iter().map(|(_, span)| span).collect(),
        }
    }

    fn append(&mut self, parts: &[&str]) -> Span {
        let start = self.text.len();
        for part in parts {
            self.text.push_str(part);
        }
        Span {
            start,
            end: self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issues: &Issues) -> Vec<(&str, Vec<&str>)> {
        issues
            .iter()
            .map(|(key, messages)| (key, messages.collect()))
            .collect()
    }

    #[test]
    fn keys_keep_the_order_of_their_first_message() {
        let mut rows = IssueLog::default();
        let b = rows.topic("b");
        rows.add(b, &["skipped"]);
        let mut records = IssueLog::default();
        let a = records.open("a");
        records.add(a, &["a", " 1"]);
        let b = records.open("b");
        records.add(b, &["b 1"]);
        records.add(a, &["a 2"]);
        let issues = rows.followed_by(records).finish();
        assert_eq!(
            read(&issues),
            [("b", vec!["skipped", "b 1"]), ("a", vec!["a 1", "a 2"])]
        );
        assert_eq!(issues.len(), 4);
        assert_eq!(issues, issues.clone());
        assert_ne!(issues, Issues::default());
    }
}
