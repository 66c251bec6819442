//! `.horde-refd/intent.json`: what the operator wants, as state that every cycle reads; written by commands alone.
//!
//! 1. A writer of it holds `intent.lock` while it reads, changes and replaces it; a cycle only reads it, without a lock.
//! 2. One that cannot be read is no order to forget the pins: those that the state remembers stay.
//! 3. An acceptance counts once: for a cycle that has not carried out this very file yet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::layout::{Kind, Layout};
use super::manifest::bytes_of;
use crate::category::Category;
use crate::clock;
use crate::digest::Digest;
use crate::disk::{self, Dir, DiskError, Links, Write};

/// The file's name.
const FILE: &str = "intent.json";
/// What a command locks while it changes it.
const LOCK: &str = "intent.lock";

/// For how long another command may hold the lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried.
const PAUSE: Duration = Duration::from_millis(10);

/// `intent.json`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    /// The generations to keep, by the SHA-256 of their v2 files.
    pub pin: BTreeMap<Category, Digest>,
    /// What waits and is to be published, by the SHA-256 of the v2 file that it gives.
    pub accept: BTreeMap<Category, Digest>,
}

/// The orders that a cycle has carried out, as the state remembers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The SHA-256 of `intent.json`.
    pub sha256: Digest,
    /// Its pins.
    #[serde(default)]
    pub pin: BTreeMap<Category, Digest>,
}

/// The orders as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// What is wanted; nothing where there is no file.
    pub intent: Intent,
    /// The SHA-256 of the file; `None` where there is none.
    pub sha256: Option<Digest>,
}

/// The orders cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// The file or its lock cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file holds something else.
    #[error(
        "{} holds no orders (a JSON object with \"pin\" and \"accept\"): mend it, or remove it to have none", path.display()
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another command holds the lock.
    #[error("another command has been changing the orders for {PATIENCE:?}: it holds {}", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

/// Reads the orders of a mirror.
///
/// # Errors
/// The file is there and cannot be read, or holds something else.
pub fn read(layout: &Layout) -> Result<Read, IntentError> {
    let path = layout.intent();
    let cap = Kind::Intent.cap(0);
    let Some(bytes) = disk::read(&path, Links::Refuse, cap)? else {
        return Ok(Read::default());
    };
    // A list would do for serde, and says nothing.
    let object = serde_json::from_slice::<Map<String, Value>>(&bytes);
    let intent = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    Ok(Read {
        intent: intent.map_err(|source| IntentError::Form { path, source })?,
        sha256: Some(Digest::of(&bytes)),
    })
}

/// Changes the orders of a mirror under their lock (invariant 1); the SHA-256 of the file that there is then.
///
/// What root writes belongs to the owner of the mirror. `change` may refuse, and then nothing is written. `carried` is the
/// file that was carried out last: what that one accepts is done, and is left out of the new one.
///
/// # Errors
/// The orders cannot be read or written, or `change` refuses.
pub fn change<E: From<IntentError>>(
    layout: &Layout,
    mode: u32,
    carried: Option<Digest>,
    change: impl FnOnce(&mut Intent) -> Result<(), E>,
) -> Result<Option<Digest>, E> {
    let disk = |error: DiskError| E::from(IntentError::Disk(error));
    let base = Dir::open(layout.base()).map_err(disk)?;
    let base = base.for_owner().map_err(disk)?;
    let name = layout.private();
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let private = base.child(&name).map_err(disk)?;
    let missing = || {
        let source = std::io::ErrorKind::NotFound.into();
        disk(DiskError::new(
            "open the directory",
            &layout.private(),
            source,
        ))
    };
    let private = private.ok_or_else(missing)?;
    let lock = private.open_lock(LOCK, mode).map_err(disk)?;
    let begun = clock::instant();
    while lock.try_lock().is_err() {
        if clock::since(begun) > PATIENCE {
            let path = private.path().join(LOCK);
            return Err(IntentError::Busy { path }.into());
        }
        std::thread::sleep(PAUSE);
    }
    let before = read(layout)?;
    let mut after = before.intent.clone();
    if before.sha256 == carried {
        after.accept.clear();
    }
    change(&mut after)?;
    let mut bytes = bytes_of(&after);
    if Some(Digest::of(&bytes)) == before.sha256 && before.sha256 == carried {
        if after.accept.is_empty() {
            return Ok(before.sha256);
        }
        // What is accepted a second time is another order: a file with other bytes.
        bytes.push(b'\n');
    }
    let how = Write::published(mode);
    private.replace(FILE, &bytes, &how).map_err(disk)?;
    private.sync().map_err(disk)?;
    Ok(Some(Digest::of(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror() -> (tempfile::TempDir, Layout) {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        std::fs::create_dir(layout.private()).unwrap();
        (root, layout)
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        let (_root, layout) = mirror();
        assert_eq!(read(&layout).unwrap(), Read::default());
        let digest = Digest::of(b"v2");
        let order = |carried, accept: &[Category], pin: &[Category]| {
            change::<IntentError>(&layout, 0o644, carried, |intent| {
                intent
                    .accept
                    .extend(accept.iter().map(|category| (*category, digest)));
                intent
                    .pin
                    .extend(pin.iter().map(|category| (*category, digest)));
                Ok(())
            })
            .unwrap()
        };
        let pinned = order(None, &[], &[Category::Clip]);
        let found = read(&layout).unwrap();
        assert_eq!(found.intent.pin[&Category::Clip], digest);
        assert_eq!(found.sha256, pinned);
        // What says the same is not written.
        let stamp = || {
            std::fs::metadata(layout.intent())
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = stamp();
        assert_eq!(order(pinned, &[], &[Category::Clip]), pinned);
        assert_eq!(order(None, &[], &[]), pinned);
        assert_eq!(stamp(), before);
        // An acceptance that is not carried out yet stays; one that is goes; given again it is another file.
        let first = order(pinned, &[Category::Blip], &[]);
        let both = order(pinned, &[Category::Clip], &[]);
        assert_eq!(read(&layout).unwrap().intent.accept.len(), 2);
        assert!(first != both);
        let one = order(both, &[Category::Blip], &[]);
        assert_eq!(one, first);
        let again = order(one, &[Category::Blip], &[]);
        assert!(again != one && order(again, &[Category::Blip], &[]) == one);
        assert_eq!(read(&layout).unwrap().intent.accept.len(), 1);
        // Who refuses writes nothing.
        let found = read(&layout).unwrap();
        let refused = change(&layout, 0o644, one, |intent| {
            intent.pin.clear();
            let path = PathBuf::new();
            Err(IntentError::Busy { path })
        });
        assert!(refused.is_err());
        assert_eq!(read(&layout).unwrap(), found);
    }

    #[test]
    fn what_holds_no_orders_is_an_error_and_stays() {
        for text in [
            "",
            "[]",
            "{\"pin\": {\"clip\": \"1\"}}",
            "{\"pin\": {\"nope\": null}}",
        ] {
            let (_root, layout) = mirror();
            std::fs::write(layout.intent(), text).unwrap();
            assert!(
                matches!(read(&layout), Err(IntentError::Form { .. })),
                "{text}"
            );
            assert!(change::<IntentError>(&layout, 0o644, None, |_| Ok(())).is_err());
            assert_eq!(std::fs::read_to_string(layout.intent()).unwrap(), text);
        }
        let (_root, layout) = mirror();
        std::fs::write(layout.intent(), "{\"comment\": \"none yet\"}").unwrap();
        assert_eq!(read(&layout).unwrap().intent, Intent::default());
    }
}
