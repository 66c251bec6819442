//! Whether the daemon may write its metrics where the configuration wants them.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::access::shown;
use super::people::{ENTER, WRITE};
use super::{Check, Scene, quoted};

/// The check, where metrics are wanted.
pub(super) fn check(scene: &Scene<'_>) -> Option<Check> {
    let file = scene.around.effective.config.metrics_file.as_deref()?;
    let wrong = wrong(scene, file.parent()?);
    Some(Check::of("metrics file", Vec::from_iter(wrong), || {
        format!("the daemon may write {}", file.display())
    }))
}

/// What keeps the daemon from writing in a directory, and the cure.
fn wrong(scene: &Scene<'_>, directory: &Path) -> Option<(String, String)> {
    let user = &scene.user;
    let (at, name) = (directory.display(), &user.name);
    match fs::metadata(directory) {
        Ok(metadata) if !user.may(WRITE | ENTER, &metadata) => {
            let to = quoted(directory);
            let cure = if metadata.uid() == user.uid {
                format!("chmod u+wx {to}")
            } else {
                // The directory is shared with other collectors.
                format!("chgrp \"$(id -gn {name})\" {to} && chmod g+wx {to}")
            };
            let found = format!(
                "the daemon's user {name} may not write in {at} ({})",
                shown(&metadata)
            );
            Some((found, cure))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Some((
            format!("{at} does not exist"),
            format!("install -d -o {name} {}", quoted(directory)),
        )),
        _ => None,
    }
}
