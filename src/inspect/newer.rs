//! Whether the configuration file was changed after the daemon read it: what it says is in effect after a restart.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::daemon::{Daemon, Life};
use super::status::ago;

/// What to say where the file is newer than a daemon that runs; nothing where it is not, or cannot be looked at.
#[must_use]
pub fn newer_configuration(daemon: &Daemon, file: &Path, now: Timestamp) -> Option<String> {
    if !matches!(daemon.life(now), Life::Here(_) | Life::Elsewhere) {
        return None;
    }
    let since = daemon.status().since;
    let changed = fs::metadata(file).ok()?.modified().ok()?;
    let changed = Timestamp::try_from(changed).ok()?;
    (changed > since).then(|| {
        format!(
            "{} was changed {}, the daemon started {}: it runs with what the file said before",
            file.display(),
            ago(changed, now),
            ago(since, now)
        )
    })
}
