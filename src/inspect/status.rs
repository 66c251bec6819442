//! How fresh a mirror is, with a daemon or without one, and whether all is well.
//!
//! 1. States are those of the time that is asked for, not of the time at which the daemon wrote them.
//!    Files that are gone or cut are seen (see `published`).
//! 2. Without a daemon the manifest says what is published; nothing keeps it fresh, so it is stale.
//! 3. Healthy means: the daemon lives, and every category is healthy ([`View::complaints`] is empty).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::daemon::{Daemon, FindError, Life};
use super::published;
use crate::category::Category;
use crate::mirror::Layout;
use crate::mirror::manifest::read_manifest;
// What is shown comes from here, so that the command line knows one place.
pub use crate::ledger::status::{
    FileStatus, ItemStatus, Status, StatusError, UpstreamStatus, ago, span,
};
pub use crate::ledger::{State, age};

/// What there is to see of a mirror.
#[derive(Debug)]
pub enum View {
    /// A daemon runs, or ran.
    Daemon(Box<Daemon>),
    /// There is no daemon's status; the mirror may hold something all the same.
    NoDaemon(Box<NoDaemon>),
}

/// A mirror without a daemon's status.
#[derive(Debug)]
pub struct NoDaemon {
    why: FindError,
    mirror: PathBuf,
    looked_at: Vec<PathBuf>,
    categories: BTreeMap<Category, ItemStatus>,
    files: BTreeMap<String, FileStatus>,
}

impl View {
    /// Looks at a mirror; for `runtime_directory` see [`Daemon::find`].
    ///
    /// # Errors
    /// There is a status file, but it is of no use.
    pub fn of(runtime_directory: Option<&OsStr>, base_path: &Path) -> Result<Self, StatusError> {
        match Daemon::find(runtime_directory, base_path) {
            Ok(daemon) => Ok(Self::Daemon(Box::new(daemon))),
            Err(FindError::Status(error)) => Err(error),
            Err(why) => {
                let looked_at = match &why {
                    FindError::NeverRan { looked_at, .. }
                    | FindError::NoStatus { looked_at, .. } => looked_at.clone(),
                    FindError::Status(_) => Vec::new(),
                };
                Ok(Self::NoDaemon(Box::new(NoDaemon {
                    why,
                    mirror: base_path.to_owned(),
                    looked_at,
                    categories: published(base_path),
                    files: published_files(base_path),
                })))
            }
        }
    }

    /// Every category that is known, as it was noted ([`ItemStatus::state_at`] is how it is).
    #[must_use]
    pub fn categories(&self) -> &BTreeMap<Category, ItemStatus> {
        match self {
            Self::Daemon(daemon) => &daemon.status().categories,
            Self::NoDaemon(none) => &none.categories,
        }
    }

    /// Every other file that is known, by its path below the mirror's base, as it was noted.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, FileStatus> {
        match self {
            Self::Daemon(daemon) => &daemon.status().files,
            Self::NoDaemon(none) => &none.files,
        }
    }

    /// The age of the last success from which a category is stale; none where no daemon says.
    #[must_use]
    pub fn stale_after(&self) -> Option<Duration> {
        match self {
            Self::Daemon(daemon) => Some(daemon.status().stale_after()),
            Self::NoDaemon(_) => None,
        }
    }

    /// What is not well at a time, a phrase each; empty when the mirror is healthy.
    #[must_use]
    pub fn complaints(&self, now: Timestamp) -> Vec<String> {
        match self {
            Self::NoDaemon(none) => vec![none.why()],
            Self::Daemon(daemon) => {
                let status = daemon.status();
                let pid = status.process.pid;
                let of_daemon = if daemon.life(now) == Life::Gone {
                    Some(format!("the daemon (pid {pid}) is not running"))
                } else {
                    let late = status.overdue(now).map(span);
                    late.map(|late| {
                        format!("the daemon (pid {pid}) hangs: its poll is overdue since {late}")
                    })
                };
                of_daemon
                    .into_iter()
                    .chain(status.complaints(now))
                    .collect()
            }
        }
    }

    /// The status file with its states as they are at a time; without a daemon the same with what is known, and with the
    /// places where a status file was looked for.
    #[must_use]
    pub fn to_json(&self, now: Timestamp) -> Value {
        match self {
            Self::Daemon(daemon) => json!(daemon.status().clone().at(now)),
            Self::NoDaemon(none) => none.to_json(),
        }
    }
}

impl NoDaemon {
    /// Why there is no status, for people.
    #[must_use]
    pub fn why(&self) -> String {
        self.why.to_string()
    }

    /// The mirror.
    #[must_use]
    pub fn mirror(&self) -> &Path {
        &self.mirror
    }

    fn to_json(&self) -> Value {
        let categories: Map<_, _> = self
            .categories
            .iter()
            .map(|(category, status)| (category.name().to_owned(), json!(status)))
            .collect();
        let looked_at = self.looked_at.iter();
        let looked_at: Vec<_> = looked_at.map(|path| path.display().to_string()).collect();
        json!({
            "format": crate::ledger::status::FORMAT,
            "pid": null,
            "host": null,
            "version": null,
            "since": null,
            "role": null,
            "base_path": self.mirror.display().to_string(),
            "updated_at": null,
            "next_poll": null,
            "stale_after_seconds": null,
            "looked_at": looked_at,
            "categories": categories,
            "files": self.files,
            "upstreams": {},
        })
    }
}

/// What the manifest says is published (invariant 2).
fn published(base_path: &Path) -> BTreeMap<Category, ItemStatus> {
    let manifest = read_manifest(&Layout::new(base_path).manifest()).unwrap_or_default();
    let status = |category: Category| {
        let entry = manifest.categories.get(&category)?;
        Some(ItemStatus {
            state: State::Stale,
            source: Some(entry.source.upstream.clone()).filter(|name| !name.is_empty()),
            last_change: Some(entry.published_at),
            models: Some(entry.v2.models),
            dropped: entry.v2.dropped,
            bytes: Some(entry.v2.bytes),
            ..ItemStatus::default()
        })
    };
    let mut noted = Category::with_legacy()
        .map(|category| (category, status(category).unwrap_or_default()))
        .collect();
    published::look(&mut noted, base_path, false);
    noted
}

/// The same for the other files.
fn published_files(base_path: &Path) -> BTreeMap<String, FileStatus> {
    let manifest = read_manifest(&Layout::new(base_path).manifest()).unwrap_or_default();
    let files = manifest.files.into_iter().map(|(path, file)| {
        let status = FileStatus {
            state: State::Stale,
            source: Some(file.source.upstream).filter(|name| !name.is_empty()),
            bytes: Some(file.bytes),
            ..FileStatus::default()
        };
        (path, status)
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::sample::{NOW, status, time};
    use crate::ledger::status::Role;

    #[test]
    fn what_is_not_healthy_is_named_with_its_cause() {
        let mut status = status();
        let now = time(NOW);
        let found = status.complaints(now);
        let cause = "text_generation is failing, last success 45m ago (HTTP 503\\nfrom ";
        assert!(found[0].starts_with(cause), "{found:?}");
        assert_eq!(found[1..], ["lora is absent"]);
        let healthy = |name: &Category, _: &mut ItemStatus| *name == Category::ImageGeneration;
        status.categories.retain(healthy);
        assert_eq!(status.complaints(now), [""; 0]);
        let later = time("2026-11-22T14:00:00Z");
        let stale = ["image_generation is stale, last success 2h 0m ago"];
        assert_eq!(status.complaints(later), stale);
        status.categories.clear();
        assert_eq!(status.complaints(now), ["no category is known yet"]);
    }

    #[test]
    fn a_daemon_that_is_gone_or_breaks_its_promise_is_a_complaint() {
        let complaints = |change: &dyn Fn(&mut Status), now: &str| {
            let mirror = tempfile::tempdir().unwrap();
            let mut status = status();
            change(&mut status);
            std::fs::write(mirror.path().join("status.json"), status.to_bytes()).unwrap();
            let view = View::of(Some(mirror.path().as_os_str()), mirror.path()).unwrap();
            view.complaints(time(now)).remove(0)
        };
        let late = complaints(&|_| (), "2026-11-22T12:20:00Z");
        assert!(late.contains("its poll is overdue since 5m"), "{late}");
        let gone = complaints(&|status| status.process.start_ticks += 1, NOW);
        assert!(gone.contains("is not running"), "{gone}");
        let once = complaints(&|status| status.role = Role::Once, "2026-11-22T12:20:00Z");
        assert!(
            once.contains("text_generation"),
            "a sync need not run: {once}"
        );
    }
}
