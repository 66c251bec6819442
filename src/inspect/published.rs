//! Whether the published files are there that a status speaks of.
//!
//! 1. A file that is gone is `absent`, whatever was noted; one of another size is `stale`, where no daemon mends it.
//! 2. A file that cannot be looked at, and a mirror that is not there, say nothing: a daemon in a container may see its
//!    mirror under another path.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::category::Category;
use crate::ledger::State;
use crate::ledger::status::ItemStatus;
use crate::mirror::Layout;

/// Puts right the states of files that are not what was noted. Beside a daemon that `lives`, one may just have been replaced.
pub(super) fn look(categories: &mut BTreeMap<Category, ItemStatus>, base_path: &Path, lives: bool) {
    if !base_path.is_dir() {
        return;
    }
    let layout = Layout::new(base_path);
    for (category, item) in categories {
        let Some(bytes) = item.bytes.filter(|_| item.state != State::Absent) else {
            continue;
        };
        match fs::metadata(layout.v2(*category)) {
            Err(error) if error.kind() == ErrorKind::NotFound => item.state = State::Absent,
            Ok(found) if !lives && found.len() != bytes => item.state = State::Stale,
            _ => {}
        }
    }
}
