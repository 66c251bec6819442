//! What notices changes: inotify, or the poll watcher; both call back with the same events.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use notify::{
    Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _, WatcherKind,
};

use super::filter::Names;
use super::poll::Poller;
use super::{Backend, DEAD, Hints, WatchError, filter};

/// What notices changes.
pub(super) enum Watcher {
    Kernel(RecommendedWatcher),
    Poll(Poller),
}

impl Watcher {
    pub(super) fn watch(&mut self, path: &Path) -> notify::Result<()> {
        match self {
            Self::Kernel(watcher) => watcher.watch(path, RecursiveMode::NonRecursive),
            Self::Poll(watcher) => watcher.watch(path),
        }
    }

    /// The answer for a directory that is gone already is an error, which says nothing.
    pub(super) fn unwatch(&mut self, path: &Path) {
        match self {
            Self::Kernel(watcher) => drop(watcher.unwatch(path)),
            Self::Poll(watcher) => watcher.unwatch(path),
        }
    }
}

/// Starts a watcher; one that inotify has no room for becomes a poll watcher. [`Backend::Off`] is one too, of fewer names.
pub(super) fn start(
    backend: Backend,
    paths: &[PathBuf],
    names: &Arc<Names>,
    poll_interval: Duration,
    hints: &Arc<Hints>,
) -> Result<(Watcher, Backend), WatchError> {
    if backend == Backend::Inotify {
        match RecommendedWatcher::new(
            Callback::new(paths, names, RecommendedWatcher::kind(), hints),
            Config::default(),
        ) {
            Ok(watcher) => return Ok((Watcher::Kernel(watcher), Backend::Inotify)),
            Err(error) => {
                // The callback went down with a watcher that never lived.
                hints.take(DEAD);
                tracing::warn!(%error, "inotify cannot be started ({error}), polling instead; cured by {}", cure());
            }
        }
    }
    let callback = Callback::new(paths, names, WatcherKind::PollWatcher, hints);
    let poller = Poller::start(Arc::clone(names), poll_interval, callback)
        .map_err(|source| WatchError::Start { source })?;
    let backend = match backend {
        Backend::Off => Backend::Off,
        Backend::Inotify | Backend::Poll => Backend::Poll,
    };
    Ok((Watcher::Poll(poller), backend))
}

/// The limits of inotify as they are, and how they are raised: they hold for all programs of a user together.
#[must_use]
pub fn cure() -> String {
    let limit = |name: &str| {
        let value = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
        value.map_or_else(|_| "?".to_owned(), |value| value.trim().to_owned())
    };
    format!(
        "`sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024` (now {} and {})",
        limit("max_user_watches"),
        limit("max_user_instances"),
    )
}

/// What notify calls; its end is the end of the watcher's thread.
struct Callback {
    directories: Vec<PathBuf>,
    names: Arc<Names>,
    kind: WatcherKind,
    hints: Arc<Hints>,
    generation: u64,
}

impl Callback {
    fn new(
        directories: &[PathBuf],
        names: &Arc<Names>,
        kind: WatcherKind,
        hints: &Arc<Hints>,
    ) -> Self {
        Self {
            directories: directories.to_vec(),
            names: Arc::clone(names),
            kind,
            hints: Arc::clone(hints),
            generation: hints.generation.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }
}

impl notify::EventHandler for Callback {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        if let Some(hint) = filter::judge(&event, &self.directories, &self.names, self.kind) {
            self.hints.accept(hint);
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        if self.hints.generation.load(Ordering::Acquire) == self.generation {
            self.hints.set(DEAD);
        }
    }
}

/// Whether inotify has no room for another watch.
pub(super) fn is_full(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(error) => {
            error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_names_the_limits() {
        assert!(cure().contains("`sysctl fs.inotify.max_user_watches="));
    }

    #[test]
    fn a_full_inotify_table_is_distinguished_from_other_errors() {
        assert!(is_full(&notify::Error::new(ErrorKind::MaxFilesWatch)));
        assert!(!is_full(&notify::Error::new(ErrorKind::PathNotFound)));
        assert!(!is_full(&notify::Error::io(
            std::io::ErrorKind::PermissionDenied.into()
        )));
    }
}
