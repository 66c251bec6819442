//! Finds the user that the daemon runs as: that of its process, else that of its unit, else, for root, the owner of the
//! mirror, else the caller's own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::people::User;
use super::unit::Unit;

pub(super) fn writer(pid: Option<u32>, unit: Option<&Unit>, base: &Path) -> User {
    let running = pid.and_then(User::of_process);
    let of_unit = || User::named(unit?.user()?);
    let of_mirror = || {
        let owner = fs::metadata(base).ok()?.uid();
        User::me().is_root().then(|| User::with_uid(owner))
    };
    running
        .or_else(of_unit)
        .or_else(of_mirror)
        .unwrap_or_else(User::me)
}
