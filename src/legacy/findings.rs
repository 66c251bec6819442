//! What lint says of records that are converted all the same; the package's word for it is *issue*
//! (docs/conversion.md, section 12).
//!
//! 1. Keys are in the order of their first message, messages of a key in the order they were logged.
//! 2. Of very many records the findings are counted, and those of the first ones kept.
//! 3. Every text model has at least one finding, and most runs of the daemon only count them: findings are put together
//!    by key, and constant sentences with their key, when they are read.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

/// What was found.
#[derive(Debug, Clone)]
enum Message {
    /// A sentence about the record, to follow its key.
    About(&'static str),
    /// A text of its own.
    Text(String),
}

/// Lint findings: record key -> messages, in order of first message.
#[derive(Clone, Default)]
pub struct Issues {
    /// One key behind the other.
    keys: String,
    /// In the order they were logged, each with the place of its key.
    said: Vec<(Range<usize>, Message)>,
    /// How often a finding had another key than the one before.
    records: usize,
    /// Findings about further records, which are only counted.
    more: usize,
}

/// How many records have their findings kept, one that comes again counted again: a file of millions of short bad rows
/// is no reason to keep as many texts.
const KEPT: usize = 100_000;

impl Issues {
    /// How many findings there are, over all records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.said.len() + self.more
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Every record key with its messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Cow<'_, str>>)> {
        let mut of_keys: IndexMap<_, Vec<_>, RandomState> = IndexMap::default();
        for (key, message) in &self.said {
            of_keys.entry(self.key(key)).or_default().push(message);
        }
        of_keys.into_iter().map(|(key, messages)| {
            let messages = messages.into_iter().map(move |message| message.read(key));
            (key, messages)
        })
    }

    /// Logs a sentence about the record.
    pub(crate) fn about(&mut self, key: &str, sentence: &'static str) {
        self.push(key, Message::About(sentence));
    }

    /// Logs a text as it is.
    pub(crate) fn add(&mut self, key: &str, text: String) {
        self.push(key, Message::Text(text));
    }

    /// `self`, then everything of `later`, whose keys may be ours too.
    pub(crate) fn followed_by(mut self, mut later: Self) -> Self {
        if self.is_empty() {
            return later;
        }
        for (key, message) in std::mem::take(&mut later.said) {
            self.push(later.key(&key), message);
        }
        self.more += later.more;
        self
    }

    fn key(&self, place: &Range<usize>) -> &str {
        self.keys.get(place.clone()).unwrap_or_default()
    }

    fn push(&mut self, key: &str, message: Message) {
        // Most findings are about the record that had the one before.
        let place = match self.said.last() {
            Some((last, _)) if self.key(last) == key => last.clone(),
            _ if self.records < KEPT => {
                self.records += 1;
                let start = self.keys.len();
                self.keys.push_str(key);
                start..self.keys.len()
            }
            _ => {
                self.more += 1;
                return;
            }
        };
        self.said.push((place, message));
    }
}

impl Message {
    fn read<'m>(&'m self, key: &str) -> Cow<'m, str> {
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
        let same =
            |((key, mine), (other_key, theirs))| key == other_key && Iterator::eq(mine, theirs);
        self.said.len() == other.said.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl Eq for Issues {}

impl fmt::Debug for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self
            .iter()
            .map(|(key, messages)| (key, messages.collect::<Vec<_>>()));
        f.debug_map().entries(messages).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_about_very_many_records_are_counted_and_not_kept() {
        let mut issues = Issues::default();
        for number in 0..KEPT + 5 {
            issues.about(&number.to_string(), "is odd.");
        }
        issues.about("0", "is odd again.");
        assert_eq!((issues.len(), issues.iter().count()), (KEPT + 6, KEPT));
        let both = issues.clone().followed_by(issues);
        assert_eq!((both.len(), both.iter().count()), (2 * KEPT + 12, KEPT));
    }

    #[test]
    fn keys_keep_the_order_of_their_first_message() {
        let mut rows = Issues::default();
        rows.add("b", "skipped".to_owned());
        let mut records = Issues::default();
        records.about("a", "1");
        records.add("b", "b 1".to_owned());
        records.about("a", "2");
        records.about("", "3");
        let issues = rows.followed_by(records);
        let read: Vec<(&str, Vec<Cow<'_, str>>)> = issues
            .iter()
            .map(|(key, messages)| (key, messages.collect()))
            .collect();
        assert_eq!(
            read,
            [
                ("b", vec!["skipped".into(), "b 1".into()]),
                ("a", vec!["a 1".into(), "a 2".into()]),
                ("", vec!["3".into()]),
            ]
        );
        assert_eq!(issues.len(), 5);
        assert_eq!(issues, issues.clone());
        assert_ne!(issues, Issues::default());
    }
}
