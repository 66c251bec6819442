//! The operator's orders: what waits is accepted, a generation is put back and pinned, a pin is taken off.
//!
//! 1. An order is written down ([`intent`]), beside a running daemon too, and carried out by the next cycle of the mirror's
//!    writer, whichever process that is. Nothing is written where it could not be carried out.
//! 2. It is carried out when the mirror's state says so: on this host or another one, by a daemon or a command.
//!
//! ```no_run
//! # use horde_refd::{backend::{GithubBackend, orders}, category::Category, config::Config, depth::Depth};
//! # async fn example(config: Config) -> Result<(), Box<dyn std::error::Error>> {
//! let given = orders::rollback(&config, Category::Clip, None)?;
//! // A daemon that runs does it by itself; without one:
//! let backend = GithubBackend::open_writer(config)?;
//! backend.refresh(Depth::Disk, &Category::ALL, &()).await;
//! assert!(given.is_carried_out());
//! # Ok(())
//! # }
//! ```

mod error;

pub use self::error::OrderError;
use crate::category::Category;
use crate::config::Config;
use crate::digest::Digest;
use crate::mirror::generations::{self, Generation, Generations};
use crate::mirror::intent::{self, Intent};
use crate::mirror::waiting::Kind;
use crate::mirror::{Layout, State, manifest, prefix};

/// An order that is written down.
#[derive(Debug, Clone)]
pub struct Given {
    layout: Layout,
    sha256: Option<Digest>,
    /// What is to be published of each category; `None`: whatever comes.
    wanted: Vec<(Category, Option<Digest>)>,
}

impl Given {
    /// Whether a cycle has carried it out (invariant 2).
    #[must_use]
    pub fn is_carried_out(&self) -> bool {
        let carried = State::read(&self.layout).intent;
        carried.map(|carried| carried.sha256) == self.sha256
    }

    /// The categories that it is about, each with what it wants published.
    #[must_use]
    pub fn wanted(&self) -> &[(Category, Option<Digest>)] {
        &self.wanted
    }

    /// The categories that are published otherwise than it wants them.
    #[must_use]
    pub fn missed(&self) -> Vec<Category> {
        let manifest = manifest::read_manifest(&self.layout.manifest()).unwrap_or_default();
        let missed = self.wanted.iter().filter(|(category, wanted)| {
            let entry = manifest.categories.get(category);
            let published = entry.map(|entry| entry.v2.sha256);
            wanted.is_some() && published != *wanted
        });
        missed.map(|(category, _)| *category).collect()
    }
}

/// Writes down that what a guard holds of these categories is to be published: these versions, not later ones.
///
/// # Errors
/// Nothing is held of one of them, or the order cannot be written.
pub fn accept(config: &Config, categories: &[Category]) -> Result<Given, OrderError> {
    let layout = Layout::new(&config.base_path);
    let state = State::read(&layout);
    let mut wanted = Vec::new();
    for &category in categories {
        wanted.push((category, Some(held(&layout, &state, category)?)));
    }
    let accepted = wanted.clone();
    write(config, &state, wanted, |intent| {
        let accepted = accepted.into_iter();
        let accepted = accepted.filter_map(|(category, v2)| Some((category, v2?)));
        intent.accept.extend(accepted);
        Ok(())
    })
}

/// What is held of a category.
fn held(layout: &Layout, state: &State, category: Category) -> Result<Digest, OrderError> {
    let of_category = state.waiting.get(&category);
    let pin = intent::read(layout)?.intent.pin.get(&category).copied();
    if let Some(pin) = pin {
        let generation = generations::id(pin);
        return Err(OrderError::Pinned {
            category,
            generation,
        });
    }
    // As the reports show it.
    let mut waiting = Kind::ALL.iter().filter_map(|kind| of_category?.get(kind));
    let held = waiting.find_map(|waiting| waiting.v2_sha256.filter(|_| !waiting.pinned));
    held.ok_or(OrderError::NothingHeld { category })
}

/// Writes down that a generation is to be published and kept: the one that `to` begins, or the next older one.
///
/// # Errors
/// There is no such generation, or the order cannot be written.
pub fn rollback(
    config: &Config,
    category: Category,
    to: Option<&str>,
) -> Result<Given, OrderError> {
    let layout = Layout::new(&config.base_path);
    let state = State::read(&layout);
    let generations = Generations::of(&layout);
    let mut kept = generations.list(category);
    let generation = if let Some(prefix) = to {
        named(category, &kept, prefix)?
    } else {
        let manifest = manifest::read_manifest(&layout.manifest()).unwrap_or_default();
        let entry = manifest.categories.get(&category);
        let present = entry.map(|entry| entry.v2.sha256);
        // On the way back what is damaged counts as absent.
        kept.retain(|it| {
            Some(it.v2_sha256) == present || generations.v2(category, it.v2_sha256).is_some()
        });
        older(category, &kept, present)?
    };
    if generations.v2(category, generation.v2_sha256).is_none() {
        return Err(OrderError::Damaged {
            category,
            generation: generation.id(),
        });
    }
    let wanted = generation.v2_sha256;
    write(config, &state, vec![(category, Some(wanted))], |intent| {
        intent.pin.insert(category, wanted);
        Ok(())
    })
}

/// The generation before the published one; the newest of all where that is none, as an edit in place.
fn older(
    category: Category,
    kept: &[Generation],
    present: Option<Digest>,
) -> Result<&Generation, OrderError> {
    let Some(newest) = kept.first() else {
        return Err(OrderError::NoGeneration { category });
    };
    let at = present.and_then(|present| kept.iter().position(|it| it.v2_sha256 == present));
    let (Some(at), Some(present)) = (at, present) else {
        return Ok(newest);
    };
    kept.get(at + 1).ok_or_else(|| OrderError::NothingOlder {
        category,
        present: generations::id(present),
    })
}

/// The generation that a word names.
fn named<'a>(
    category: Category,
    kept: &'a [Generation],
    word: &str,
) -> Result<&'a Generation, OrderError> {
    let known: Vec<Digest> = kept.iter().map(|it| it.v2_sha256).collect();
    let none = OrderError::NoGeneration { category };
    if known.is_empty() {
        return Err(none);
    }
    let found = prefix::find(category, &known, word)?;
    kept.iter().find(|it| it.v2_sha256 == found).ok_or(none)
}

/// Writes down that these categories follow their upstreams again; `None` where none of them is pinned.
///
/// # Errors
/// The orders cannot be read or written.
pub fn unpin(config: &Config, categories: &[Category]) -> Result<Option<Given>, OrderError> {
    let layout = Layout::new(&config.base_path);
    let state = State::read(&layout);
    let pins = intent::read(&layout)?.intent.pin;
    let pinned = categories
        .iter()
        .filter(|category| pins.contains_key(category));
    let wanted: Vec<_> = pinned.map(|&category| (category, None)).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let off = wanted.clone();
    let given = write(config, &state, wanted, |intent| {
        for (category, _) in &off {
            intent.pin.remove(category);
        }
        Ok(())
    });
    given.map(Some)
}

fn write(
    config: &Config,
    state: &State,
    wanted: Vec<(Category, Option<Digest>)>,
    change: impl FnOnce(&mut Intent) -> Result<(), OrderError>,
) -> Result<Given, OrderError> {
    let layout = Layout::new(&config.base_path);
    let carried = state.intent.as_ref().map(|carried| carried.sha256);
    let sha256 = intent::change(&layout, config.file_mode, carried, change)?;
    Ok(Given {
        layout,
        sha256,
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::MadeFrom;
    use crate::item::Form;
    use crate::mirror::Source;

    const CLIP: Category = Category::Clip;

    fn generation(v2: &str) -> Generation {
        let sha256 = Digest::of(v2.as_bytes());
        let at = "2026-11-25T12:00:00Z".parse().unwrap();
        Generation {
            v2_sha256: sha256,
            models: 1,
            dropped: 0,
            made_from: MadeFrom {
                form: Form::V2,
                sha256,
                on_invalid_record: None,
            },
            source: Source::default(),
            legacy: None,
            published_at: at,
            brought_at: at,
            changes: None,
        }
    }

    #[test]
    fn the_next_older_one_is_after_the_published_one() {
        let kept: Vec<_> = ["c", "b", "a"].map(generation).into();
        let id = |text: &str| generations::id(Digest::of(text.as_bytes()));
        for (present, expected) in [
            (Some("c"), Ok(id("b"))),
            (Some("b"), Ok(id("a"))),
            (Some("an edit"), Ok(id("c"))),
            (None, Ok(id("c"))),
            (
                Some("a"),
                Err("no older generation of clip is kept than ca978112ca1b"),
            ),
        ] {
            let present = present.map(|text| Digest::of(text.as_bytes()));
            match (older(CLIP, &kept, present), expected) {
                (Ok(found), expected) => assert_eq!(Ok(found.id()), expected),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
        let nothing = older(CLIP, &[], None).unwrap_err();
        assert!(matches!(nothing, OrderError::NoGeneration { .. }));
    }
}
