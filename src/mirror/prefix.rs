//! A generation by the beginning of its v2 file's SHA-256, as people write it; pure.
//!
//! Any unique beginning of four digits or more names one, in either case, and the whole digest does.

use super::generations::id;
use crate::category::Category;
use crate::digest::Digest;

/// The shortest prefix that names a generation.
const SHORTEST: usize = 4;

/// Why a word names no generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNamed {
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

impl NotNamed {
    /// No generation begins with this word.
    #[must_use]
    pub fn unknown(category: Category, known: &[Digest], word: &str) -> Self {
        Self::Unknown {
            category,
            word: word.to_owned(),
            kept: ids(known),
        }
    }
}

fn ids(known: &[Digest]) -> Vec<String> {
    known.iter().copied().map(id).collect()
}

/// The digest that a word is a prefix of; pure.
///
/// # Errors
/// The word is too short or no hexadecimal number, or it fits none or more than one.
pub fn find(category: Category, known: &[Digest], word: &str) -> Result<Digest, NotNamed> {
    let prefix = word.to_ascii_lowercase();
    let is_hex = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    if prefix.len() < SHORTEST || !is_hex {
        return Err(NotNamed::NoPrefix {
            word: word.to_owned(),
            kept: ids(known),
        });
    }
    let fits = |digest: &&Digest| digest.to_string().starts_with(&prefix);
    let fitting: Vec<Digest> = known.iter().filter(fits).copied().collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(NotNamed::unknown(category, known, word)),
        some => Err(NotNamed::Ambiguous {
            category,
            word: word.to_owned(),
            which: ids(some),
        }),
    }
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
