//! What a daemon that stands by knows: what the writer says of itself, where that can be read, else what the manifest
//! says. It asked nobody, so it claims no success of its own.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::Teller;
use crate::backend::GithubBackend;
use crate::category::Category;
use crate::clock;
use crate::disk::{self, Links};
use crate::legacy::is_whole;
use crate::mirror::layout::READABLE;
use crate::mirror::{Published, changes, lock};
use crate::observe::process::Process;
use crate::observe::status::{self, CategoryStatus, Role, State, Status};
use crate::pipeline::{CategoryError, CategoryReport, Report};

impl Teller {
    /// From here on the board is this daemon's own; it goes on from the last words of the writer that it followed.
    pub(super) fn lead(&mut self) {
        self.board.lead();
        if self.runtime_directory.is_none() {
            // What it said while it stood by is no longer true; a file that stays behind names a process that writes.
            let _ = disk::remove(&self.status_file(crate::backend::Role::Standby));
        }
        let followed = self.followed.take();
        let last_words = status_of_writer(self.backend.layout().base());
        let last_words = last_words.filter(|status| Some(&status.process) == followed.as_ref());
        if let Some(status) = last_words {
            self.board.inherit(&status, held_until(&self.backend));
        }
        for (category, entry) in self.backend.manifest().unwrap_or_default().categories {
            if self.backend.layout().v2(category).exists() {
                self.board.published(category, &entry);
            }
        }
    }

    /// Takes in what is known of the writer, who may write at any moment.
    pub(super) fn follow(&mut self) {
        let categories: Vec<_> = Category::with_legacy().collect();
        let mut report = Report::of_another_writer(&categories, self.backend.layout());
        let writer = status_of_writer(self.backend.layout().base());
        let writer = writer.filter(|writer| writer.is_alive(clock::now()));
        let known = known(&self.backend, &mut report, writer.as_ref());
        self.followed = writer.map(|writer| writer.process);
        self.board.follow(&report, known);
    }
}

/// Until when the upstream asks to be left alone.
pub(super) fn held_until(backend: &GithubBackend) -> Option<Timestamp> {
    backend.hosts().limits().into_values().max()
}

/// The status of the mirror's writer, if it left one where another daemon looks.
fn status_of_writer(base_path: &Path) -> Option<Status> {
    let path = status::locate(None, base_path).found?;
    let status = Status::read(&path).ok()?;
    (status.role == Role::Writer && status.process != Process::current()).then_some(status)
}

/// How the categories are, as far as somebody who only reads can tell.
fn known(
    backend: &GithubBackend,
    report: &mut Report,
    writer: Option<&Status>,
) -> BTreeMap<Category, CategoryStatus> {
    let layout = backend.layout();
    let manifest = backend.manifest().unwrap_or_default();
    let committed = mtime(&layout.manifest());
    let is_held = lock::is_held(&layout.lock());
    let mut known = BTreeMap::new();
    for category in Category::with_legacy() {
        let Some(fared) = report.categories.get_mut(&category) else {
            continue;
        };
        let path = layout.v2(category);
        let entry = manifest.categories.get(&category);
        let entry = entry.filter(|entry| is_as_told(fared, entry));
        let written = mtime(&path);
        // The manifest comes last: a newer whole file is about to be in it.
        let underway = entry.is_none() && written > committed;
        if underway {
            fared.models = count(&path);
        }
        let said = writer.and_then(|writer| writer.categories.get(&category));
        let mut status = said.cloned().unwrap_or_default();
        let whole = entry.is_some() || (underway && fared.models.is_some());
        status.state = if fared.v2.is_none() {
            State::Absent
        } else if !whole || !is_held {
            State::Stale
        } else {
            said.map_or(State::Fresh, |said| said.state)
        };
        if status.last_error.is_none() {
            status.last_error = fared.error.as_ref().map(CategoryError::chain);
        }
        let changed = entry.map(|entry| entry.published_at).or(written);
        status.last_change = status.last_change.max(changed);
        status.models = fared.models;
        status.bytes = fared.v2.map(|(_, bytes)| bytes);
        known.insert(category, status);
    }
    known
}

fn is_as_told(fared: &CategoryReport, entry: &Published) -> bool {
    fared
        .v2
        .is_some_and(|(digest, _)| digest == entry.v2.sha256)
}

fn mtime(path: &Path) -> Option<Timestamp> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}

/// How many records a v2 file holds; `None` when it is none.
fn count(path: &Path) -> Option<u64> {
    let bytes = disk::read(path, Links::Follow, READABLE).ok()??;
    is_whole(&bytes).then(|| changes::records(&bytes).count() as u64)
}
