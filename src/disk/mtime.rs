//! The modification time of a file that takes another one's place: readers compare it for equality, as a float.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{Stat, Timespec, Timestamps, UTIME_OMIT, fstat, futimens};

use super::stamp::FileTime;

/// What becomes of the mtime of a file that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mtime {
    /// It becomes another one, a later one where that can be.
    Moves,
    /// The same in whole seconds, for what is served with an `ETag` made of second and size.
    MovesBySeconds,
    /// It stays: the bytes are the same.
    Stays,
}

/// The modification time of a file.
pub(super) fn mtime(stat: &Stat) -> FileTime {
    FileTime {
        seconds: stat.st_mtime,
        nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
    }
}

/// Gives the staged file an mtime that readers tell from the old one (or do not, where it must stay): its own if that
/// is later, else the old one moved on by the smallest step that the file system keeps, else moved back.
pub(super) fn set_mtime(staged: &OwnedFd, old: FileTime, how: Mtime) -> rustix::io::Result<()> {
    const STEPS: [Duration; 4] = [
        Duration::from_micros(1),
        Duration::from_millis(1),
        Duration::from_secs(1),
        Duration::from_secs(2),
    ];
    let differs = |new: FileTime| match how {
        Mtime::MovesBySeconds => new.seconds != old.seconds,
        _ => new.python().total_cmp(&old.python()).is_ne(),
    };
    if how == Mtime::Stays {
        return futimens(staged, &modified(old));
    }
    let own = mtime(&fstat(staged)?);
    if differs(own) && own > old {
        return Ok(());
    }
    let later = STEPS.iter().map(|step| (old.checked_add(*step), true));
    let earlier = STEPS.iter().map(|step| (old.checked_sub(*step), false));
    for (candidate, forward) in later.chain(earlier) {
        let Some(candidate) = candidate.filter(|time| differs(*time)) else {
            continue;
        };
        futimens(staged, &modified(candidate))?;
        let new = mtime(&fstat(staged)?);
        if differs(new) && (!forward || new > old) {
            return Ok(());
        }
    }
    Ok(())
}

fn modified(time: FileTime) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: time.seconds,
            tv_nsec: time.nanoseconds.into(),
        },
    }
}
