//! Whether the configuration file was changed after the daemon read it: what it says is in effect after a restart.

use std::fs;
use std::os::unix::fs::MetadataExt;
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
    // The inode's own time, which no program sets: a file that is moved or copied into place may say that it is old.
    let file_now = fs::metadata(file).ok()?;
    let nanoseconds = i32::try_from(file_now.ctime_nsec()).ok()?;
    let changed = Timestamp::new(file_now.ctime(), nanoseconds).ok()?;
    (changed > since).then(|| {
        format!(
            "{} was changed {}, the daemon started {}: it runs with what the file said before",
            file.display(),
            ago(changed, now),
            ago(since, now)
        )
    })
}
