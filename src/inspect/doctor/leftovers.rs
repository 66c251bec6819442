//! What a crash or a stranger left in the mirror: temporary files that belong to no process, and what was moved aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Check, Scene, listed, quoted};
use crate::disk::is_temporary;
use crate::inspect::status::age;

/// A file that is being written is younger than this.
const YOUNG: Duration = Duration::from_mins(10);
/// As deep as directories of ours go.
const DEPTH: usize = 5;

pub(super) fn check(scene: &Scene<'_>) -> Check {
    let layout = &scene.layout;
    // Beside a writer what is young may be its own.
    let spared = scene.held.map(|_| scene.now());
    let mut found = Vec::new();
    collect(layout.base(), 0, spared, &mut found);
    collect(&layout.legacy_directory(), 0, spared, &mut found);
    collect(&layout.private(), DEPTH, spared, &mut found);
    found.sort();
    let shown: Vec<_> = found
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let wrong = found.first().map(|_| {
        let quoted: Vec<_> = found.iter().map(|path| quoted(path)).collect();
        let text = format!("left over: {}", listed(&shown, 3));
        (text, format!("rm -r -- {}", quoted.join(" ")))
    });
    Check::of("leftovers", wrong.into_iter().collect(), || {
        "no temporary file is left over".to_owned()
    })
}

fn collect(directory: &Path, depth: usize, spared: Option<Timestamp>, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, spared, found);
        }
        let young = spared.is_some_and(|now| {
            let written = metadata.modified().ok();
            let written = written.and_then(|time| Timestamp::try_from(time).ok());
            let age = written.and_then(|written| age(written, now));
            age.is_some_and(|age| age < YOUNG)
        });
        let left = is_temporary(&name) && metadata.is_file() && !young;
        if left || name.contains(".aside-") {
            found.push(entry.path());
        }
    }
}
