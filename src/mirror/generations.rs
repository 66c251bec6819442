//! `generations/<category>/<id>.{v2,legacy,json}`: the last distinct published versions of each category.
//!
//! 1. The id of a generation is the first 12 hexadecimal digits of the SHA-256 of its v2 file.
//! 2. Newest first means: by when an upstream last brought it. Putting an old one back does not change the order.
//! 3. Bytes unlike their digest count as absent: a copy is believed only after it was hashed.
//! 4. They are copies, since a write in place would go through a hard link; when a publication replaces a file that still
//!    has our bytes, that file's inode takes the copy's place, for readers on NFS that hold it open.
//! 5. They are a comfort, not a promise: not synced to the disk, and nothing that fails here stops a publication.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::layout::{Layout, READABLE};
use super::manifest::{LegacyEntry, Source, bytes_of};
use crate::category::Category;
use crate::digest::Digest;
use crate::disk::{self, Dir, DiskError, Links, Write};
use crate::draft::MadeFrom;

/// What is known of a generation (`<id>.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The SHA-256 of its v2 file.
    pub v2_sha256: Digest,
    /// How many records it holds.
    pub models: u64,
    /// How many records were left out of it.
    pub dropped: u64,
    /// The body that it was made from.
    pub made_from: MadeFrom,
    /// Where that body came from.
    pub source: Source,
    /// The legacy file that was stored with it, where there was one.
    pub legacy: Option<LegacyEntry>,
    /// When it was first published.
    pub published_at: Timestamp,
    /// When an upstream last brought it.
    pub brought_at: Timestamp,
    /// What it changed against the version before it.
    pub changes: Option<Changes>,
}

impl Generation {
    /// The generation's id.
    #[must_use]
    pub fn id(&self) -> String {
        id(self.v2_sha256)
    }
}

/// The id of the generation with this v2 file.
#[must_use]
pub fn id(v2: Digest) -> String {
    let mut id = v2.to_string();
    id.truncate(12);
    id
}

/// The directory of the generations of one mirror.
#[derive(Debug, Clone)]
pub struct Generations {
    directory: PathBuf,
}

impl Generations {
    /// The generations of a mirror.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let directory = layout.generations();
        Self { directory }
    }

    fn file(&self, category: Category, id: &str, kind: &str) -> PathBuf {
        let directory = self.directory.join(category.name());
        directory.join(format!("{id}.{kind}"))
    }

    /// The kept generations of a category, newest first.
    #[must_use]
    pub fn list(&self, category: Category) -> Vec<Generation> {
        let directory = self.directory.join(category.name());
        let Ok(entries) = std::fs::read_dir(&directory) else {
            return Vec::new();
        };
        let mut found: Vec<Generation> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .filter_map(|path| read_meta(&path))
            .collect();
        found.sort_by_key(|meta| std::cmp::Reverse(meta.brought_at));
        found
    }

    /// What is known of the generation with this v2 file.
    #[must_use]
    pub fn get(&self, category: Category, v2: Digest) -> Option<Generation> {
        let path = self.file(category, &id(v2), "json");
        read_meta(&path).filter(|meta| meta.v2_sha256 == v2)
    }

    /// Whether the generation with this v2 file is kept, as far as its names tell.
    #[must_use]
    pub fn has(&self, category: Category, v2: Digest) -> bool {
        let is_there = |kind| self.file(category, &id(v2), kind).exists();
        is_there("json") && is_there("v2")
    }

    /// The v2 file with this digest.
    #[must_use]
    pub fn v2(&self, category: Category, v2: Digest) -> Option<Vec<u8>> {
        read(&self.file(category, &id(v2), "v2"), v2)
    }

    /// The legacy file with this digest, of whichever generation keeps it.
    #[must_use]
    pub fn legacy(&self, category: Category, legacy: Digest) -> Option<Vec<u8>> {
        let with = |meta: &Generation| {
            let kept = meta.legacy.as_ref();
            kept.is_some_and(|kept| kept.sha256 == legacy)
        };
        let keeper = self.list(category).into_iter().find(with)?;
        read(&self.file(category, &keeper.id(), "legacy"), legacy)
    }
}

/// Keeps a version that is being published in the directory of its category. One that is kept already only gets its new
/// `brought_at`.
pub(super) fn keep(
    directory: &Dir,
    mut generation: Generation,
    v2: &[u8],
    legacy: Option<&[u8]>,
    mode: u32,
) -> Result<(), DiskError> {
    let id = generation.id();
    let file = |kind: &str| format!("{id}.{kind}");
    let earlier = directory.path().join(file("json"));
    if let Some(earlier) = read_meta(&earlier).filter(|meta| meta.v2_sha256 == generation.v2_sha256)
    {
        generation.published_at = earlier.published_at;
        generation.changes = earlier.changes;
    }
    let note = Write::note(mode);
    directory.replace(&file("v2"), v2, &note)?;
    if let Some(legacy) = legacy {
        directory.replace(&file("legacy"), legacy, &note)?;
    }
    directory.replace(&file("json"), &bytes_of(&generation), &note)?;
    Ok(())
}

/// How many generations lie in the directory of a category, as far as its names tell.
pub(super) fn count(directory: &Dir) -> Result<usize, DiskError> {
    let names = directory.names()?;
    let described = |name: &&OsString| {
        Path::new(name)
            .extension()
            .is_some_and(|kind| kind == "json")
    };
    Ok(names.iter().filter(described).count())
}

/// Removes the oldest of more than `keep` generations; those with the ids `spared` are never removed.
pub(super) fn prune(directory: &Dir, list: &[Generation], keep: usize, spared: &[String]) {
    for old in surplus(list, keep, spared) {
        // The description goes first: what has none is not listed.
        for kind in ["json", "legacy", "v2"] {
            // Best effort (invariant 5): what stays is removed after the next publication.
            let _ = directory.remove(&format!("{old}.{kind}"));
        }
    }
}

/// The ids to remove of a list that is newest first: the spared ones stay, and the newest of the others as far as
/// `keep` reaches.
fn surplus(list: &[Generation], keep: usize, spared: &[String]) -> Vec<String> {
    let ids = list.iter().map(Generation::id);
    let (staying, others): (Vec<_>, Vec<_>) = ids.partition(|id| spared.contains(id));
    let room = keep.saturating_sub(staying.len());
    others.into_iter().skip(room).collect()
}

fn read_meta(path: &Path) -> Option<Generation> {
    let bytes = disk::read(path, Links::Refuse, READABLE).ok()??;
    serde_json::from_slice(&bytes).ok()
}

fn read(path: &Path, sha256: Digest) -> Option<Vec<u8>> {
    let bytes = disk::read(path, Links::Refuse, READABLE).ok()??;
    (Digest::of(&bytes) == sha256).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Form;
    use crate::item::OnInvalidRecord;

    fn generation(v2: &str, second: i64) -> Generation {
        let sha256 = Digest::of(v2.as_bytes());
        let at = Timestamp::from_second(second).unwrap();
        Generation {
            v2_sha256: sha256,
            models: 1,
            dropped: 0,
            made_from: MadeFrom {
                form: Form::Legacy,
                sha256,
                on_invalid_record: Some(OnInvalidRecord::Reject),
            },
            source: Source::default(),
            legacy: None,
            published_at: at,
            brought_at: at,
            changes: None,
        }
    }

    #[test]
    fn the_present_and_the_pinned_generation_stay_whatever_their_age() {
        let list: Vec<_> = ["d", "c", "b", "a"]
            .iter()
            .zip([4, 3, 2, 1])
            .map(|(v2, at)| generation(v2, at))
            .collect();
        let id = |v2: &str| id(Digest::of(v2.as_bytes()));
        for (keep, spared, removed) in [
            (4, vec![], vec![]),
            (2, vec!["d"], vec!["b", "a"]),
            (2, vec!["a"], vec!["c", "b"]),
            (1, vec!["a", "b"], vec!["d", "c"]),
            (0, vec![], vec!["d", "c", "b", "a"]),
        ] {
            let spared: Vec<String> = spared.into_iter().map(id).collect();
            let removed: Vec<String> = removed.into_iter().map(id).collect();
            assert_eq!(surplus(&list, keep, &spared), removed, "{keep} {spared:?}");
        }
    }

    #[test]
    fn a_version_that_comes_again_is_the_newest_and_keeps_its_first_date() {
        let root = tempfile::tempdir().unwrap();
        let kept = Generations {
            directory: root.path().to_owned(),
        };
        let clip = Category::Clip;
        let directory = Dir::make(&root.path().join("clip"), 0o755).unwrap();
        for (v2, at) in [("a", 1), ("b", 2), ("a", 3)] {
            let generation = generation(v2, at);
            keep(&directory, generation, v2.as_bytes(), None, 0o644).unwrap();
        }
        let list = kept.list(clip);
        let seconds =
            |meta: &Generation| (meta.published_at.as_second(), meta.brought_at.as_second());
        assert_eq!(
            list.iter().map(seconds).collect::<Vec<_>>(),
            [(1, 3), (2, 2)]
        );
        let a = Digest::of(b"a");
        assert_eq!(kept.v2(clip, a).as_deref(), Some(b"a".as_slice()));
        // Bytes unlike their digest count as absent.
        std::fs::write(kept.file(clip, &id(a), "v2"), "x").unwrap();
        assert_eq!(kept.v2(clip, a), None);
        prune(&directory, &list, 1, &[]);
        assert_eq!(kept.list(clip).len(), 1);
    }
}
