//! Lint findings, kept as one text with places in it.
//!
//! 1. Keys are in the order of their first message, messages of a key in the order they were logged.
//! 2. Every text model has at least one finding, so a finding takes a few bytes and no allocation: most are one
//!    of the constant sentences about a record, put together with its key when somebody reads them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use crate::python::names::Keys;

/// What was found.
#[derive(Debug, Clone)]
enum Message {
    /// A sentence about the record, to follow its key.
    About(&'static str),
    /// A text of its own.
    Text(Box<str>),
}

/// Lint findings: record key -> messages, in order of first message.
#[derive(Clone, Default)]
pub struct Issues {
    keys: Keys,
    /// The index of the first message of each key.
    firsts: Vec<usize>,
    messages: Vec<Message>,
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
    pub fn iter(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Cow<'_, str>>)> {
        let ends = self.firsts.iter().copied().skip(1);
        let ends = ends.chain(std::iter::once(self.messages.len()));
        let starts = self.firsts.iter().copied().zip(ends);
        starts.enumerate().map(|(index, (first, end))| {
            let key = self.keys.get(index);
            let messages = self.messages.get(first..end).unwrap_or_default();
            (key, messages.iter().map(move |message| message.read(key)))
        })
    }
}

impl Message {
    fn read(&self, key: &str) -> Cow<'_, str> {
        match self {
            Self::About(sentence) if key.is_empty() => Cow::Borrowed(sentence),
            Self::About(sentence) => Cow::Owned(format!("{key} {sentence}")),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// Two collections are equal when they read the same.
impl PartialEq for Issues {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.firsts == other.firsts
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

/// The place in an [`IssueLog`] that the messages of one record go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topic(pub(crate) usize);

/// Collects findings in any order.
#[derive(Debug, Default)]
pub(crate) struct IssueLog {
    keys: Keys,
    messages: Vec<(Topic, Message)>,
    /// Topics found by key; filled by [`IssueLog::topic`] alone.
    by_key: HashMap<String, Topic>,
}

impl IssueLog {
    /// Room for the keys of so many records, and for two messages each.
    pub(crate) fn with_capacity(records: usize, bytes: usize) -> Self {
        Self {
            keys: Keys::with_capacity(records, bytes),

            messages: Vec::with_capacity(records * 2),
            by_key: HashMap::new(),
        }
    }

    /// Starts the messages of a record that has none yet. Topics count up from 0.
    pub(crate) fn open(&mut self, key: &str) -> Topic {
        self.keys.push(key);
        Topic(self.keys.len() - 1)
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

    /// The keys of the topics.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Logs a sentence about the record.
    pub(crate) fn about(&mut self, topic: Topic, sentence: &'static str) {
        self.messages.push((topic, Message::About(sentence)));
    }

    /// Logs a text as it is.
    pub(crate) fn add(&mut self, topic: Topic, text: String) {
        self.messages.push((topic, Message::Text(text.into())));
    }

    /// `self`, then everything of `later`, whose keys may be ours too.
    pub(crate) fn followed_by(mut self, later: Self) -> Self {
        if self.messages.is_empty() {
            return later;
        }
        let topics: Vec<Topic> = (0..later.keys.len())
            .map(|index| self.topic(later.keys.get(index)))
            .collect();
        for (topic, message) in later.messages {
            if let Some(topic) = topics.get(topic.0) {
                self.messages.push((*topic, message));
            }
        }
        self
    }

    /// The findings in reading order.
    pub(crate) fn finish(self) -> Issues {
        let Self {
            keys, mut messages, ..
        } = self;
        if !messages.is_sorted_by_key(|(topic, _)| *topic) {
            messages.sort_by_key(|(topic, _)| *topic);
        }
        let mut firsts = Vec::with_capacity(keys.len());
        for (at, (topic, _)) in messages.iter().enumerate() {
            while firsts.len() <= topic.0 {
                firsts.push(at);
            }
        }
        Issues {
            keys,
            firsts,
            messages: messages.into_iter().map(|(_, message)| message).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issues: &Issues) -> Vec<(&str, Vec<Cow<'_, str>>)> {
        issues
            .iter()
            .map(|(key, messages)| (key, messages.collect()))
            .collect()
    }

    #[test]
    fn keys_keep_the_order_of_their_first_message() {
        let mut rows = IssueLog::default();
        let b = rows.topic("b");
        rows.add(b, "skipped".to_owned());
        let mut records = IssueLog::default();
        let a = records.open("a");
        records.about(a, "1");
        let b = records.open("b");
        records.add(b, "b 1".to_owned());
        records.about(a, "2");
        let issues = rows.followed_by(records).finish();
        assert_eq!(
            read(&issues),
            [
                ("b", vec!["skipped".into(), "b 1".into()]),
                ("a", vec!["a 1".into(), "a 2".into()])
            ]
        );
        assert_eq!(issues.len(), 4);
        assert_eq!(issues, issues.clone());
        assert_ne!(issues, Issues::default());
    }
}
