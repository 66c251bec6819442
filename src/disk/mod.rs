//! The only code that writes: a directory is held by its descriptor ([`Dir`]), and everything happens relative to it.
//!
//! Invariants
//! 1. A reader that opens the target's name gets the old bytes or the new bytes, whole; never a mixture, never nothing.
//! 2. The new bytes are on stable storage before their name is (unless the caller waives durability); names are after
//!    [`Dir::sync`], which is called once for each directory that changed.
//!    A file may be written, and synced by a thread ([`Syncer`]), before it is known whether it gets its name.
//! 3. Equal bytes cause no write and move no mtime; only a wrong mode is mended.
//! 4. A changed file gets another mtime than the one it replaces, a later one where that can be, even on a file system
//!    with coarse stamps: readers compare mtimes for equality, as floats.
//! 5. Whatever fails, the target is untouched and no temporary file stays behind; after a crash [`Dir::sweep`] removes it.
//! 6. Writing, renaming and setting a mode never follow a symbolic link: they concern the name, never what lies outside.
//! 7. A mode is a wish: where it cannot be had the file is published all the same.
//! 8. In a directory that was opened to rehearse ([`Dir::rehearse`]) nothing is done at all.
//! 9. Nothing that comes from outside is believed: not a size, not a time, not the kind of a file.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may write"
    )
)]

mod by_path;
mod cure;
mod dir;
mod error;
mod lock_file;
mod modes;
mod mount;
mod mtime;
mod read;
mod rehearsal;
mod space;
mod stamp;
mod syncer;
mod write;

pub use self::by_path::{Placement, Replacement, remove, replace};
pub use self::cure::{mount_point, user, user_name};
pub use self::dir::{Dir, Identity, Obstacle};
pub use self::error::{Damage, DiskError};
pub use self::modes::ModeNow;
pub use self::mount::{Presence, Whereabouts};
pub use self::mtime::Mtime;
pub use self::read::{Links, Whole, read, stamp};
pub use self::space::Space;
pub use self::stamp::{FileTime, Stamp};
pub use self::syncer::Syncer;
pub use self::write::{Kept, Replaced, Staged, Write, Written};

/// Whether a name is one of our temporary files'.
#[must_use]
#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "our own names, which we never write in capitals"
)]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

#[cfg(test)]
mod tests;
