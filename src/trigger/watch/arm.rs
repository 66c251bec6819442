//! The watcher itself, and which directories it really watches.
//!
//! 1. A directory counts as watched under the device and inode it had when its watch was set.
//! 2. The poll watcher goes by name and finds a directory that came back by itself, once it has seen it.
//! 3. When inotify has no room, its watcher is replaced by the poll watcher for good, with a warning.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::ErrorKind;

use super::filesystem::{self, Visibility};
use super::filter::Names;
use super::watcher::{Watcher, cure, is_full, start};
use super::{Backend, Hints, WatchError};
use crate::config::{WatchBackend, WatchConfig};

/// A watcher and its directories.
pub(super) struct Armed {
    watcher: Watcher,
    backend: Backend,
    directories: Vec<Directory>,
    names: Arc<Names>,
    poll_interval: Duration,
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
        names: Names,
        config: &WatchConfig,
        hints: Arc<Hints>,
    ) -> Result<Self, WatchError> {
        let mut paths = Vec::with_capacity(directories.len());
        for path in directories {
            paths.push(
                std::path::absolute(&path).map_err(|source| WatchError::Path { path, source })?,
            );
        }
        let names = Arc::new(names);
        let poll_interval = config.poll_interval;
        let backend = choose(config.backend, &paths);
        let (watcher, backend) = start(backend, &paths, &names, poll_interval, &hints)?;
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
            names,
            poll_interval,
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
            match directory.arm(&mut self.watcher, self.backend, lost) {
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
        tracing::warn!(
            "inotify has no room for another watch, polling instead; cured by {}",
            cure()
        );
        let paths: Vec<_> = self
            .directories
            .iter()
            .map(|directory| directory.path.clone())
            .collect();
        (self.watcher, self.backend) = start(
            Backend::Poll,
            &paths,
            &self.names,
            self.poll_interval,
            &self.hints,
        )?;
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
        watcher: &mut Watcher,
        backend: Backend,
        lost: bool,
    ) -> notify::Result<Arming> {
        let found = identity(&self.path);
        let by_name = backend != Backend::Inotify;
        let known = self.identity.is_some() && (by_name || !lost);
        if known && (by_name || found == self.identity) {
            return Ok(Arming::Kept);
        }
        // The old watch may follow a directory that was renamed.
        if self.identity.take().is_some() {
            watcher.unwatch(&self.path);
        }
        if found.is_none() {
            return Ok(Arming::Missing);
        }
        match watcher.watch(&self.path) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::watch::DEAD;
    use crate::trigger::watch::filter::Kind;
    use std::time::Instant;

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
            Names::new(std::iter::empty()),
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
            Names::new(std::iter::empty()),
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
            Names::new(std::iter::empty()),
            &config(WatchBackend::Inotify),
            Arc::clone(&hints),
        )
        .unwrap();
        drop(armed);
        eventually("the end", || hints.has(DEAD));
    }
}
