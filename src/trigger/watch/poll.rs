//! The poll watcher: looks at our names in each directory at an interval, at nothing else.
//!
//! 1. A file counts as changed when its stamp is another one: also within one second, with a time that goes backwards,
//!    behind a link. Where stamps are whole seconds, it is reported once more when its stamp can tell the next change.
//! 2. Files of strangers are neither read nor examined, however many and large they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{CreateKind, DataChange, EventKind, ModifyKind, RemoveKind};
use notify::{ErrorKind, Event, EventHandler};

use super::filter::Names;
use crate::clock;
use crate::disk::{self, Links, Stamp};

/// A thread that looks; it ends when this is dropped.
pub(super) struct Poller {
    names: Arc<Names>,
    directories: Arc<Mutex<BTreeMap<PathBuf, Looked>>>,
    _stop: Sender<()>,
}

/// What a directory held at the last look; `None` when it was not there.
type Looked = Option<BTreeMap<String, Seen>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// `None` for what is there and is no file.
    stamp: Option<Stamp>,
    conclusive: bool,
}

impl Poller {
    pub(super) fn start(
        names: Arc<Names>,
        interval: Duration,
        mut handler: impl EventHandler,
    ) -> std::io::Result<Self> {
        let directories = Arc::new(Mutex::new(BTreeMap::new()));
        let (stop, stopped) = channel();
        let (shared, ours) = (Arc::clone(&directories), Arc::clone(&names));
        std::thread::Builder::new()
            .name("poll watcher".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    for event in look_at_all(&shared, &ours) {
                        handler.handle_event(Ok(event));
                    }
                }
            })?;
        Ok(Self {
            names,
            directories,
            _stop: stop,
        })
    }

    pub(super) fn watch(&self, directory: &Path) -> notify::Result<()> {
        let looked = look(directory, &self.names);
        if looked.is_none() {
            return Err(notify::Error::new(ErrorKind::PathNotFound));
        }
        self.lock().insert(directory.to_owned(), looked);
        Ok(())
    }

    pub(super) fn unwatch(&self, directory: &Path) {
        self.lock().remove(directory);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Looked>> {
        self.directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn look_at_all(directories: &Mutex<BTreeMap<PathBuf, Looked>>, names: &Names) -> Vec<Event> {
    let lock = || directories.lock().unwrap_or_else(PoisonError::into_inner);
    // A file server may take its time; meanwhile directories come and go.
    let paths: Vec<PathBuf> = lock().keys().cloned().collect();
    let mut events = Vec::new();
    for path in paths {
        let now = look(&path, names);
        if let Some(before) = lock().get_mut(&path) {
            events.extend(changes(&path, before.as_ref(), now.as_ref()));
            *before = now;
        }
    }
    events
}

fn look(directory: &Path, names: &Names) -> Looked {
    std::fs::metadata(directory)
        .is_ok_and(|metadata| metadata.is_dir())
        .then(|| {
            let seen = |name: &str| match disk::stamp(&directory.join(name), Links::Follow) {
                Ok(stamp) => stamp.map(|stamp| Seen {
                    stamp: Some(stamp),
                    conclusive: stamp.modified().nanoseconds != 0
                        || stamp.is_conclusive(clock::now().into()),
                }),
                Err(_) => Some(Seen {
                    stamp: None,
                    conclusive: true,
                }),
            };
            let names = names.iter();
            names
                .filter_map(|name| Some((name.to_owned(), seen(name)?)))
                .collect()
        })
}

/// What changed in a directory between two looks.
fn changes(
    directory: &Path,
    before: Option<&BTreeMap<String, Seen>>,
    now: Option<&BTreeMap<String, Seen>>,
) -> Vec<Event> {
    let empty = BTreeMap::new();
    let mut events = Vec::new();
    let mut report = |kind, path: PathBuf| events.push(Event::new(kind).add_path(path));
    match (before.is_some(), now.is_some()) {
        (true, false) => report(EventKind::Remove(RemoveKind::Folder), directory.to_owned()),
        (false, true) => report(EventKind::Create(CreateKind::Folder), directory.to_owned()),
        _ => {}
    }
    let (before, now) = (before.unwrap_or(&empty), now.unwrap_or(&empty));
    for (name, seen) in now {
        match before.get(name) {
            None => report(EventKind::Create(CreateKind::Any), directory.join(name)),
            Some(last) if last != seen => report(
                EventKind::Modify(ModifyKind::Data(DataChange::Any)),
                directory.join(name),
            ),
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        report(EventKind::Remove(RemoveKind::Any), directory.join(name));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_between_two_looks_and_no_file_of_a_stranger() {
        let root = tempfile::tempdir().unwrap();
        let names = Names::new(std::iter::empty());
        let path = |name: &str| root.path().join(name);
        std::fs::write(path("clip.json"), "one").unwrap();
        std::fs::write(path("checkpoint.safetensors"), "big").unwrap();
        std::fs::write(path("linked"), "one").unwrap();
        std::os::unix::fs::symlink("linked", path("blip.json")).unwrap();
        let first = look(root.path(), &names);
        let held: Vec<_> = first.as_ref().unwrap().keys().cloned().collect();
        assert_eq!(held, ["blip.json", "clip.json"]);
        assert_eq!(changes(root.path(), first.as_ref(), first.as_ref()), []);

        // The same size, and a time that goes backwards.
        std::fs::write(path("clip.json"), "two").unwrap();
        let file = std::fs::File::options().write(true).open(path("clip.json"));
        let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        file.unwrap().set_modified(long_ago).unwrap();
        std::fs::write(path("linked"), "longer").unwrap();
        std::fs::write(path("esrgan.json"), "new").unwrap();
        std::fs::write(path("checkpoint.safetensors"), "other").unwrap();
        let second = look(root.path(), &names);
        let kinds = |before: &Looked, now: &Looked| -> Vec<String> {
            changes(root.path(), before.as_ref(), now.as_ref())
                .iter()
                .map(|event| {
                    let name = event.paths[0].file_name().unwrap().to_str().unwrap();
                    match event.kind {
                        EventKind::Create(_) => format!("+{name}"),
                        EventKind::Remove(_) => format!("-{name}"),
                        _ => format!("~{name}"),
                    }
                })
                .collect()
        };
        assert_eq!(
            kinds(&first, &second),
            ["~blip.json", "~clip.json", "+esrgan.json"]
        );
        assert_eq!(kinds(&second, &first).last().unwrap(), "-esrgan.json");
        let gone = look(&path("none"), &names);
        assert_eq!(gone, None);
        assert_eq!(changes(root.path(), second.as_ref(), None).len(), 4);
    }
}
