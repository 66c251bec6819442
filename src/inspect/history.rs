//! The kept generations of a mirror, for people: which there are, which one is present, and any of them by a prefix.
//!
//! 1. The order is that of [`Generations::list`]: newest first, by when an upstream last brought it.
//! 2. A generation is listed only while its v2 file is the one that its digest says: one that is damaged can be neither
//!    compared nor put back.
//! 3. What is present is the v2 file that the manifest names, and without a manifest the file that is there. It need not be
//!    a generation: an edit in place makes none.
//! 4. An `intent.json` that is not there, or cannot be read, pins nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{self, Links};
use crate::mirror::changes::Changes;
use crate::mirror::generations::{Generation, Generations, id};
use crate::mirror::intent;
use crate::mirror::layout::{Layout, READABLE};
use crate::mirror::manifest::read_manifest;

/// The shortest prefix that names a generation.
const SHORTEST: usize = 4;

/// The generations of one category, newest first.
#[derive(Debug, Clone)]
pub struct History {
    category: Category,
    kept: Vec<Generation>,
    present: Option<Version>,
    pinned: Option<Digest>,
    generations: Generations,
}

/// One version of a category's v2 file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id: the first 12 digits of its SHA-256.
    pub id: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// When it was published, where that is known.
    pub published_at: Option<Timestamp>,
    /// The file.
    pub v2: Vec<u8>,
}

impl Version {
    /// A version that is not published.
    #[must_use]
    pub fn of(v2: Vec<u8>) -> Self {
        let sha256 = Digest::of(&v2);
        Self {
            id: id(sha256),
            sha256,
            published_at: None,
            v2,
        }
    }
}

/// Why there is nothing to compare or to put back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVersion {
    /// Nothing is published.
    #[error("no {0} is published yet: there is nothing to compare")]
    Absent(Category),
    /// The present version is the oldest that is kept.
    #[error(
        "no generation of {category} is older than the present one ({present}): there is nothing to compare it with yet"
    )]
    NothingOlder {
        /// The category.
        category: Category,
        /// The id of the present version.
        present: String,
    },
    /// The word is no prefix of an id.
    #[error(
        "'{word}' names no generation: write at least {SHORTEST} of its hexadecimal digits{}", shown(.kept)
    )]
    NoPrefix {
        /// What was asked for.
        word: String,
        /// The ids that there are.
        kept: Vec<String>,
    },
    /// No generation begins so.
    #[error("no generation of {category} begins with {word}{}", shown(.kept))]
    Unknown {
        /// The category.
        category: Category,
        /// What was asked for.
        word: String,
        /// The ids that there are.
        kept: Vec<String>,
    },
    /// More than one generation begins so.
    #[error("more than one generation of {category} begins with {word}: {}", .which.join(", "))]
    Ambiguous {
        /// The category.
        category: Category,
        /// What was asked for.
        word: String,
        /// Their ids, as long as it takes to tell them apart.
        which: Vec<String>,
    },
}

fn shown(kept: &[String]) -> String {
    match kept {
        [] => "; none is kept".to_owned(),
        kept => format!("; kept are {}", kept.join(", ")),
    }
}

impl History {
    /// Reads what is kept of a category.
    #[must_use]
    pub fn of(layout: &Layout, category: Category) -> Self {
        let generations = Generations::of(layout);
        let mut kept = generations.list(category);
        kept.retain(|one| generations.v2(category, one.v2_sha256).is_some());
        Self {
            present: present(layout, &generations, category),
            pinned: pins(layout).get(&category).copied(),
            category,
            kept,
            generations,
        }
    }

    /// The kept generations, newest first.
    #[must_use]
    pub fn kept(&self) -> &[Generation] {
        &self.kept
    }

    /// The published version; none where nothing is published.
    #[must_use]
    pub fn present(&self) -> Option<&Version> {
        self.present.as_ref()
    }

    /// Whether a generation is what is published.
    #[must_use]
    pub fn is_current(&self, generation: &Generation) -> bool {
        let present = self.present.as_ref();
        present.is_some_and(|present| present.sha256 == generation.v2_sha256)
    }

    /// Whether a generation is pinned.
    #[must_use]
    pub fn is_pinned(&self, generation: &Generation) -> bool {
        self.pinned == Some(generation.v2_sha256)
    }

    /// What a generation changed against the version before it; against the next older one where that was not noted.
    #[must_use]
    pub fn changes(&self, generation: &Generation) -> Option<Changes> {
        generation.changes.or_else(|| {
            let mut older = self.kept.iter();
            older.find(|one| one.v2_sha256 == generation.v2_sha256)?;
            let v2 = |one: &Generation| self.generations.v2(self.category, one.v2_sha256);
            let before = v2(older.next()?)?;
            Some(Changes::between(Some(&before), &v2(generation)?))
        })
    }

    /// The list of the contract.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let one = |generation: &Generation| {
            json!({
                "generation": generation.id(),
                "published_at": generation.published_at,
                "v2_sha256": generation.v2_sha256,
                "models": generation.models,
                "source": generation.source.upstream,
                "changes": self.changes(generation),
                "current": self.is_current(generation),
                "pinned": self.is_pinned(generation),
            })
        };
        self.kept.iter().map(one).collect()
    }

    /// The two versions to compare: from the first to the second word; from the next older one to the present one where
    /// there are none.
    ///
    /// # Errors
    /// A word names no generation, or nothing is there to compare.
    pub fn pair(
        &self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(Version, Version), NoVersion> {
        let from = from.map(|word| self.named(word)).transpose()?;
        let to = match to {
            Some(word) => self.named(word)?,
            None => self
                .present
                .clone()
                .ok_or(NoVersion::Absent(self.category))?,
        };
        let from = match from {
            Some(from) => from,
            None => self.older_than(&to)?,
        };
        Ok((from, to))
    }

    /// The next older version than the present one.
    fn older_than(&self, present: &Version) -> Result<Version, NoVersion> {
        let mut older = self.kept.iter();
        let is = |one: &Generation| one.v2_sha256 == present.sha256;
        if self.kept.iter().any(is) {
            older.find(|one| is(one));
        }
        let older = older.next().and_then(|one| self.version(one));
        older.ok_or_else(|| NoVersion::NothingOlder {
            category: self.category,
            present: present.id.clone(),
        })
    }

    /// The version that a word names: a unique prefix of a generation's digest, or of the present version's.
    ///
    /// # Errors
    /// None or more than one is named so.
    pub fn named(&self, word: &str) -> Result<Version, NoVersion> {
        let present = self.present.as_ref().map(|present| present.sha256);
        let kept = self.kept.iter().map(|one| one.v2_sha256);
        let mut known: Vec<Digest> = kept.collect();
        known.extend(present.filter(|present| !known.contains(present)));
        let found = find(self.category, &known, word)?;
        let unknown = || NoVersion::Unknown {
            category: self.category,
            word: word.to_owned(),
            kept: known.iter().copied().map(id).collect(),
        };
        let of_present = self.present.clone();
        if let Some(present) = of_present.filter(|present| present.sha256 == found) {
            return Ok(present);
        }
        let mut kept = self.kept.iter();
        let generation = kept.find(|one| one.v2_sha256 == found);
        generation
            .and_then(|one| self.version(one))
            .ok_or_else(unknown)
    }

    fn version(&self, generation: &Generation) -> Option<Version> {
        Some(Version {
            id: generation.id(),
            sha256: generation.v2_sha256,
            published_at: Some(generation.published_at),
            v2: self.generations.v2(self.category, generation.v2_sha256)?,
        })
    }
}

/// The digest that a word is a prefix of; pure.
///
/// # Errors
/// The word is too short or no hexadecimal number, or it fits none or more than one.
pub fn find(category: Category, known: &[Digest], word: &str) -> Result<Digest, NoVersion> {
    let prefix = word.to_ascii_lowercase();
    let is_hex = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ids = || known.iter().copied().map(id).collect();
    if prefix.len() < SHORTEST || !is_hex {
        return Err(NoVersion::NoPrefix {
            word: word.to_owned(),
            kept: ids(),
        });
    }
    let fits = |digest: &&Digest| digest.to_string().starts_with(&prefix);
    let fitting: Vec<Digest> = known.iter().filter(fits).copied().collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(NoVersion::Unknown {
            category,
            word: word.to_owned(),
            kept: ids(),
        }),
        some => Err(NoVersion::Ambiguous {
            category,
            word: word.to_owned(),
            which: some.iter().copied().map(id).collect(),
        }),
    }
}

/// What is published (invariant 3).
fn present(layout: &Layout, generations: &Generations, category: Category) -> Option<Version> {
    let on_disk = disk::read(&layout.v2(category), Links::Follow, READABLE).ok();
    let on_disk = on_disk.flatten();
    let manifest = read_manifest(&layout.manifest()).unwrap_or_default();
    let Some(entry) = manifest.categories.get(&category) else {
        return on_disk.map(Version::of);
    };
    let sha256 = entry.v2.sha256;
    let ours = on_disk.filter(|v2| Digest::of(v2) == sha256);
    // The next cycle brings a damaged file back from there.
    let v2 = ours.or_else(|| generations.v2(category, sha256))?;
    Some(Version {
        id: id(sha256),
        sha256,
        published_at: Some(entry.published_at),
        v2,
    })
}

/// What the operator has pinned (invariant 4).
fn pins(layout: &Layout) -> BTreeMap<Category, Digest> {
    let read = intent::read(layout).unwrap_or_default();
    read.intent.pin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_prefix_of_four_digits_names_a_generation() {
        let clip = Category::Clip;
        let digest = |start: &str| -> Digest {
            let text = format!("{start}{}", "0".repeat(64 - start.len()));
            serde_json::from_value(text.into()).unwrap()
        };
        let (one, two, three) = (digest("abcdef12"), digest("abcdef34"), digest("0123"));
        let known = [one, two, three];
        for (word, expected) in [
            ("0123", Ok(three)),
            ("012300", Ok(three)),
            ("abcdef1", Ok(one)),
            ("ABCDEF3", Ok(two)),
            (two.to_string().as_str(), Ok(two)),
            ("012", Err("'012' names no generation: write at least 4")),
            ("", Err("'' names no generation")),
            ("latest", Err("'latest' names no generation")),
            (
                "0124",
                Err("no generation of clip begins with 0124; kept are abcdef120000, "),
            ),
            (
                "abcd",
                Err(
                    "more than one generation of clip begins with abcd: abcdef120000, abcdef340000",
                ),
            ),
        ] {
            match (find(clip, &known, word), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{word}"),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().starts_with(words), "{word}: {error}");
                }
                (found, _) => panic!("{word}: {found:?}"),
            }
        }
        let none = find(clip, &[], "0123").unwrap_err().to_string();
        assert_eq!(none, "no generation of clip begins with 0123; none is kept");
    }
}
