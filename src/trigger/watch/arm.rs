//! The watcher itself, and which directories it really watches.
//!
//! 1. A directory counts as watched under the device and inode it had when its watch was set.
//! 2. The poll watcher goes by name and finds a directory that came back by itself, once it has seen it.
//! 3. When inotify has no room, its watcher is replaced by the poll watcher for good, with a warning.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use notify::{
    Config, ErrorKind, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind,
};

use super::filesystem::{self, Visibility};
use super::{Backend, DEAD, Hints, WatchError, filter};
use crate::config::{WatchBackend, WatchConfig};

/// A watcher and its directories.
pub(super) struct Armed {
    watcher: Box<dyn Watcher + Send>,
    backend: Backend,
    directories: Vec<Directory>,
    config: Config,
    hints: Arc<Hints>,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// Device and inode under watch.
    identity: Option<(u64, u64)>,
    /// Whether the failure to watch it was reported.
    reported: bool,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    /// A directory is not watched.
    pub(super) missing: bool,
    /// A directory is watched that was not before.
    pub(super) renewed: bool,
}

impl std::fmt::Debug for Armed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Armed")
            .field("backend", &self.backend)
            .field("directories", &self.directories)
            .finish_non_exhaustive()
    }
}

impl Armed {
    /// Makes the watcher; nothing is watched before the first check.
    pub(super) fn new(
        directories: Vec<PathBuf>,
        config: &WatchConfig,
        hints: Arc<Hints>,
    ) -> Result<Self, WatchError> {
        let mut paths = Vec::with_capacity(directories.len());
        for path in directories {
            paths.push(
                std::path::absolute(&path).map_err(|source| WatchError::Path { path, source })?,
            );
        }
        let settings = Config::default()
            .with_poll_interval(config.poll_interval)
            .with_compare_contents(true);
        let (watcher, backend) = start(choose(config.backend, &paths), &paths, settings, &hints)?;
        Ok(Self {
            watcher,
            backend,
            directories: paths
                .into_iter()
                .map(|path| Directory {
                    path,
                    identity: None,
                    reported: false,
                })
                .collect(),
            config: settings,
            hints,
        })
    }

    pub(super) const fn backend(&self) -> Backend {
        self.backend
    }

    /// Watches what is not watched; with `lost`, everything anew.
    pub(super) fn check(&mut self, lost: bool) -> Result<Checked, WatchError> {
        let mut checked = Checked {
            missing: false,
            renewed: false,
        };
        let mut full = false;
        for directory in &mut self.directories {
            match directory.arm(self.watcher.as_mut(), self.backend, lost) {
                Ok(Arming::Kept) => {}
                Ok(Arming::Renewed) => checked.renewed = true,
                Ok(Arming::Missing) => checked.missing = true,
                Err(error) if self.backend == Backend::Inotify && is_full(&error) => full = true,
                Err(error) => {
                    checked.missing = true;
                    if !std::mem::replace(&mut directory.reported, true) {
                        tracing::warn!(
                            path = %directory.path.display(),
                            %error,
                            "cannot watch a directory, trying again every second"
                        );
                    }
                }
            }
        }
        if full {
            self.fall_back()?;
            let again = self.check(false)?;
            checked.renewed |= again.renewed;
            checked.missing = again.missing;
        }
        Ok(checked)
    }

    /// Replaces a watcher that has no room (invariant 3).
    pub(super) fn fall_back(&mut self) -> Result<(), WatchError> {
        tracing::warn!("inotify has no room for another watch, polling instead");
        let paths: Vec<_> = self
            .directories
            .iter()
            .map(|directory| directory.path.clone())
            .collect();
        (self.watcher, self.backend) = start(Backend::Poll, &paths, self.config, &self.hints)?;
        for directory in &mut self.directories {
            directory.identity = None;
        }
        Ok(())
    }
}

enum Arming {
    Kept,
    Renewed,
    Missing,
}

impl Directory {
    fn arm(
        &mut self,
        watcher: &mut dyn Watcher,
        backend: Backend,
        lost: bool,
    ) -> notify::Result<Arming> {
        let found = identity(&self.path);
        let known = self.identity.is_some() && (backend == Backend::Poll || !lost);
        if known && (backend == Backend::Poll || found == self.identity) {
            return Ok(Arming::Kept);
        }
        // The old watch may follow a directory that was renamed; the answer for one that is gone already is an error.
        if self.identity.take().is_some() {
            let _ = watcher.unwatch(&self.path);
        }
        if found.is_none() {
            return Ok(Arming::Missing);
        }
        match watcher.watch(&self.path, RecursiveMode::NonRecursive) {
            Ok(()) => {}
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {
                return Ok(Arming::Missing);
            }
            Err(error) => return Err(error),
        }
        // If the directory was replaced between the two, the older identity is at odds with the next check.
        self.identity = found;
        self.reported = false;
        Ok(Arming::Renewed)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_dir().then(|| (metadata.dev(), metadata.ino()))
}

fn is_full(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(error) => {
            error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error())
        }
        _ => false,
    }
}

fn choose(wanted: WatchBackend, paths: &[PathBuf]) -> Backend {
    match wanted {
        WatchBackend::Off => Backend::Off,
        WatchBackend::Inotify => Backend::Inotify,
        WatchBackend::Poll => Backend::Poll,
        WatchBackend::Auto => {
            for path in paths {
                match filesystem::of(path) {
                    Ok((_, Visibility::Full)) => {}
                    Ok((filesystem, Visibility::Partial)) => {
                        tracing::info!(
                            path = %path.display(),
                            filesystem,
                            "inotify does not see every change here, polling instead"
                        );
                        return Backend::Poll;
                    }
                    Err(error) => {
                        tracing::warn!(
                            path = %path.display(),
                            %error,
                            "cannot tell the file system, polling instead"
                        );
                        return Backend::Poll;
                    }
                }
            }
            Backend::Inotify
        }
    }
}

/// Starts a watcher; one that inotify has no room for becomes a poll watcher.
fn start(
    backend: Backend,
    paths: &[PathBuf],
    config: Config,
    hints: &Arc<Hints>,
) -> Result<(Box<dyn Watcher + Send>, Backend), WatchError> {
    if backend == Backend::Inotify {
        match RecommendedWatcher::new(
            Callback::new(paths, RecommendedWatcher::kind(), hints),
            config,
        ) {
            Ok(watcher) => return Ok((Box::new(watcher), Backend::Inotify)),
            Err(error) => {
                // The callback went down with a watcher that never lived.
                hints.take(DEAD);
                tracing::warn!(%error, "inotify cannot be started, polling instead");
            }
        }
    }
    let callback = Callback::new(paths, PollWatcher::kind(), hints);
    let watcher =
        PollWatcher::new(callback, config).map_err(|source| WatchError::Start { source })?;
    Ok((Box::new(watcher), Backend::Poll))
}

/// What notify calls; its end is the end of the watcher's thread.
struct Callback {
    directories: Vec<PathBuf>,
    kind: WatcherKind,
    hints: Arc<Hints>,
    generation: u64,
}

impl Callback {
    fn new(directories: &[PathBuf], kind: WatcherKind, hints: &Arc<Hints>) -> Self {
        Self {
            directories: directories.to_vec(),
            kind,
            hints: Arc::clone(hints),
            generation: hints.generation.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }
}

impl notify::EventHandler for Callback {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        if let Some(hint) = filter::judge(&event, &self.directories, self.kind) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::watch::filter::Kind;
    use std::time::{Duration, Instant};

    fn config(backend: WatchBackend) -> WatchConfig {
        WatchConfig {
            backend,
            debounce: Duration::from_millis(1),
            poll_interval: Duration::from_millis(20),
        }
    }

    fn eventually(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn invariant_1_a_directory_replaced_behind_our_back_is_watched_anew() {
        let root = tempfile::tempdir().unwrap();
        let watched = root.path().join("watched");
        std::fs::create_dir(&watched).unwrap();
        let hints = Arc::new(Hints::default());
        let mut armed = Armed::new(
            vec![watched.clone()],
            &config(WatchBackend::Inotify),
            Arc::clone(&hints),
        )
        .unwrap();
        let renewed = Checked {
            missing: false,
            renewed: true,
        };
        let kept = Checked {
            missing: false,
            renewed: false,
        };
        assert_eq!(armed.check(false).unwrap(), renewed);
        assert_eq!(armed.check(false).unwrap(), kept);
        std::fs::rename(&watched, root.path().join("elsewhere")).unwrap();
        assert!(armed.check(false).unwrap().missing);
        std::fs::create_dir(&watched).unwrap();
        assert_eq!(armed.check(false).unwrap(), renewed);
        assert_eq!(armed.check(false).unwrap(), kept);
        assert_eq!(armed.check(true).unwrap(), renewed);
        std::fs::write(watched.join("lora.json"), "{}").unwrap();
        eventually("an event", || hints.counts.get(Kind::CloseWrite) == 1);
    }

    #[test]
    fn invariant_3_the_poll_watcher_takes_over_and_sees_what_follows() {
        let root = tempfile::tempdir().unwrap();
        let hints = Arc::new(Hints::default());
        let mut armed = Armed::new(
            vec![root.path().to_owned()],
            &config(WatchBackend::Inotify),
            Arc::clone(&hints),
        )
        .unwrap();
        armed.check(false).unwrap();
        armed.fall_back().unwrap();
        assert_eq!(armed.backend(), Backend::Poll);
        assert!(armed.check(false).unwrap().renewed);
        std::fs::write(root.path().join("lora.json"), "{}").unwrap();
        eventually("a poll event", || hints.counts.get(Kind::Create) == 1);
        assert!(!hints.has(DEAD), "a replaced watcher is not a dead one");
    }

    #[test]
    fn the_end_of_the_watchers_thread_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let hints = Arc::new(Hints::default());
        let armed = Armed::new(
            vec![root.path().to_owned()],
            &config(WatchBackend::Inotify),
            Arc::clone(&hints),
        )
        .unwrap();
        drop(armed);
        eventually("the end", || hints.has(DEAD));
    }

    #[test]
    fn a_full_inotify_table_is_told_from_other_errors() {
        assert!(is_full(&notify::Error::new(ErrorKind::MaxFilesWatch)));
        assert!(!is_full(&notify::Error::new(ErrorKind::PathNotFound)));
        assert!(!is_full(&notify::Error::io(
            std::io::ErrorKind::PermissionDenied.into()
        )));
    }
}
