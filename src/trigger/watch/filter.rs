//! Which events of a watched directory are a hint that something changed, and how good a hint.
//!
//! 1. The flag `need_rescan` and errors come first, whatever kind or path the event has: an overflow has neither.
//! 2. Reading is never a hint: it reports `Access(Open)`, and every cycle reads.
//! 3. Only the names that a cycle looks at are a hint ([`Names`]): published files and the operators' orders. A metrics
//!    file in the mirror must not wake the cycle that writes it, nor the manifest.
//! 4. `Modify(Data)` from inotify is a weak hint: a writer is at work and will close its file, except for
//!    truncate(2), which never opens one. From the poll watcher it is a change that is already complete.
//! 5. Another mode or owner is a change: a file that readers may not read is damaged.
//! 6. A watched directory that goes, comes or is renamed asks for its watch to be checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, WatcherKind};

use crate::category::Category;

/// The file of the operators' orders.
const ORDERS: &str = "intent.json";

/// The names whose files wake a cycle, in whatever watched directory they are.
#[derive(Debug, Clone)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The files of every category, the extra files, the operators' orders, the directory that Python clients want, and
    /// `..data`, the link that turns when the kubelet lays out another version of a `ConfigMap`.
    #[must_use]
    pub fn new<'a>(extra: impl Iterator<Item = &'a str>) -> Self {
        let categories = Category::ALL.into_iter();
        let files = categories.flat_map(|category| {
            let legacy = category.has_legacy().then(|| category.legacy_file());
            [Some(category.v2_file()), legacy]
        });
        let others = [ORDERS, "audit", "..data"];
        let names = files.flatten().chain(others).chain(extra);
        Self(names.map(str::to_owned).collect())
    }

    /// The operators' orders alone.
    #[must_use]
    pub fn orders() -> Self {
        Self([ORDERS.to_owned()].into())
    }

    /// Every name, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a path ends with one of them.
    #[must_use]
    pub fn accept(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str);
        name.is_some_and(|name| self.0.contains(name))
    }
}

/// The label of an accepted event in `horde_refd_watch_events_total{kind}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file appeared.
    Create,
    /// A file's content changed.
    Modify,
    /// A file went away.
    Remove,
    /// A file got or lost its name.
    Rename,
    /// A writer closed its file.
    CloseWrite,
    /// Events were lost.
    Rescan,
    /// The watcher reports an error.
    Error,
}

impl Kind {
    /// Every kind, in the order of the variants.
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Modify,
        Self::Remove,
        Self::Rename,
        Self::CloseWrite,
        Self::Rescan,
        Self::Error,
    ];

    /// The value of the label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::CloseWrite => "close_write",
            Self::Rescan => "rescan",
            Self::Error => "error",
        }
    }
}

/// Accepted events by kind.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; Kind::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, kind: Kind) {
        if let Some(count) = self.0.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events of each kind were accepted.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL
            .into_iter()
            .zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How many events of this kind were accepted.
    #[must_use]
    pub fn get(&self, kind: Kind) -> u64 {
        self.0
            .get(kind as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// What an accepted event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) kind: Kind,
    pub(super) effect: Effect,
}

/// What to do about an accepted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Something changed.
    Changed,
    /// Something is changing.
    Changing,
    /// Anything may have changed: check the watches too.
    Recheck,
    /// A watched directory is not the one it was: watch it anew.
    Lost,
}

/// Judges what the watcher reports; `None` refuses it.
pub(super) fn judge(
    report: &notify::Result<Event>,
    directories: &[PathBuf],
    names: &Names,
    watcher: WatcherKind,
) -> Option<Hint> {
    let Ok(event) = report else {
        return Some(Hint {
            kind: Kind::Error,
            effect: Effect::Recheck,
        });
    };
    if event.need_rescan() {
        return Some(Hint {
            kind: Kind::Rescan,
            effect: Effect::Recheck,
        });
    }
    let polled = watcher == WatcherKind::PollWatcher;
    let (kind, effect) = match event.kind {
        EventKind::Create(_) => (Kind::Create, Effect::Changed),
        EventKind::Remove(_) => (Kind::Remove, Effect::Changed),
        // One rename inside a directory is reported as From, To and Both: the third tells nothing new.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        EventKind::Modify(ModifyKind::Name(_)) => (Kind::Rename, Effect::Changed),
        EventKind::Modify(ModifyKind::Data(_)) if polled => (Kind::Modify, Effect::Changed),
        EventKind::Modify(ModifyKind::Metadata(_)) => (Kind::Modify, Effect::Changed),
        EventKind::Modify(ModifyKind::Data(_)) => (Kind::Modify, Effect::Changing),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
            (Kind::CloseWrite, Effect::Changed)
        }
        _ => return None,
    };
    let effect = event.paths.iter().find_map(|path| {
        if directories.iter().any(|directory| directory == path) {
            match kind {
                Kind::Create => Some(Effect::Recheck),
                Kind::Remove | Kind::Rename => Some(Effect::Lost),
                // The times of a directory say that an entry changed, which the entry says itself.
                _ => None,
            }
        } else {
            names.accept(path).then_some(effect)
        }
    })?;
    Some(Hint { kind, effect })
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind};

    const INOTIFY: WatcherKind = WatcherKind::Inotify;
    const POLL: WatcherKind = WatcherKind::PollWatcher;

    fn names() -> Names {
        Names::new(["db.json"].into_iter())
    }

    fn verdict(kind: EventKind, path: &str, watcher: WatcherKind) -> Option<Hint> {
        let directories = [PathBuf::from("/m"), PathBuf::from("/m/legacy")];
        judge(
            &Ok(Event::new(kind).add_path(path.into())),
            &directories,
            &names(),
            watcher,
        )
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "stands beside None in the tables below"
    )]
    fn hint(kind: Kind, effect: Effect) -> Option<Hint> {
        Some(Hint { kind, effect })
    }

    #[test]
    fn invariant_1_an_overflow_and_an_error_pass_without_kind_or_path() {
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(
            judge(&Ok(overflow), &[], &names(), INOTIFY),
            hint(Kind::Rescan, Effect::Recheck)
        );
        let error = Err(notify::Error::generic("x"));
        assert_eq!(
            judge(&error, &[], &names(), INOTIFY),
            hint(Kind::Error, Effect::Recheck)
        );
        assert_eq!(
            judge(&Ok(Event::new(EventKind::Other)), &[], &names(), INOTIFY),
            None
        );
    }

    #[test]
    fn invariants_2_4_and_5_kinds() {
        let write_time = EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime));
        let any_metadata = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let name = |mode| EventKind::Modify(ModifyKind::Name(mode));
        let close = |mode| EventKind::Access(AccessKind::Close(mode));
        for (kind, watcher, expected) in [
            (
                EventKind::Create(CreateKind::File),
                INOTIFY,
                hint(Kind::Create, Effect::Changed),
            ),
            (
                EventKind::Remove(RemoveKind::File),
                INOTIFY,
                hint(Kind::Remove, Effect::Changed),
            ),
            (
                name(RenameMode::From),
                INOTIFY,
                hint(Kind::Rename, Effect::Changed),
            ),
            (
                name(RenameMode::To),
                INOTIFY,
                hint(Kind::Rename, Effect::Changed),
            ),
            (name(RenameMode::Both), INOTIFY, None),
            (
                close(AccessMode::Write),
                INOTIFY,
                hint(Kind::CloseWrite, Effect::Changed),
            ),
            (close(AccessMode::Read), INOTIFY, None),
            (
                EventKind::Access(AccessKind::Open(AccessMode::Any)),
                INOTIFY,
                None,
            ),
            (EventKind::Access(AccessKind::Read), INOTIFY, None),
            (any_metadata, INOTIFY, hint(Kind::Modify, Effect::Changed)),
            (write_time, POLL, hint(Kind::Modify, Effect::Changed)),
            (data, POLL, hint(Kind::Modify, Effect::Changed)),
            (data, INOTIFY, hint(Kind::Modify, Effect::Changing)),
            (EventKind::Any, INOTIFY, None),
        ] {
            assert_eq!(verdict(kind, "/m/lora.json", watcher), expected, "{kind:?}");
        }
    }

    #[test]
    fn invariant_3_names() {
        for (path, accepted) in [
            ("/m/stable_diffusion.json", true),
            ("/m/legacy/models.csv", true),
            ("/m/legacy/.models.csv.1.x.tmp", false),
            ("/m/.horde-refd", false),
            ("/m/.horde-refd/state.json", false),
            ("/m/.horde-refd/status.json", false),
            ("/m/.horde-refd/intent.json", true),
            ("/m/legacy/db.json", true),
            ("/m/legacy/..data", true),
            ("/m/audit", true),
            ("/m/workflow.json", false),
            ("/m/manifest.json", false),
            ("/m/horde-refd.prom", false),
            ("/m/notes.txt~", false),
        ] {
            for kind in [
                EventKind::Create(CreateKind::File),
                EventKind::Remove(RemoveKind::File),
                EventKind::Modify(ModifyKind::Name(RenameMode::To)),
            ] {
                assert_eq!(verdict(kind, path, INOTIFY).is_some(), accepted, "{path}");
            }
        }
    }

    #[test]
    fn invariant_5_a_watched_directory_itself() {
        for (kind, expected) in [
            (
                EventKind::Remove(RemoveKind::Folder),
                hint(Kind::Remove, Effect::Lost),
            ),
            (
                EventKind::Modify(ModifyKind::Name(RenameMode::From)),
                hint(Kind::Rename, Effect::Lost),
            ),
            (
                EventKind::Create(CreateKind::Folder),
                hint(Kind::Create, Effect::Recheck),
            ),
            (
                EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime)),
                None,
            ),
        ] {
            assert_eq!(verdict(kind, "/m/legacy", POLL), expected, "{kind:?}");
        }
    }

    #[test]
    fn counts_have_a_place_for_every_kind() {
        let counts = Counts::default();
        for kind in Kind::ALL {
            counts.add(kind);
        }
        assert!(counts.iter().all(|(_, count)| count == 1));
    }
}
