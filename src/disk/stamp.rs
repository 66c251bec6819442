//! What identifies one state of a file without reading it, and arithmetic on times that come from outside.
//!
//! 1. A file's time may be anything that 64 bits of seconds can hold: no operation here can overflow.

use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Statx};

/// A time that a file system reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime {
    /// Seconds since 1970, any at all.
    pub seconds: i64,
    /// Below a thousand million.
    pub nanoseconds: u32,
}

impl FileTime {
    const SECOND: i128 = 1_000_000_000;

    /// The time in seconds, as Python's `st_mtime` shows it to readers, who compare it for equality.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the loss is the point: readers see a double"
    )]
    pub fn python(self) -> f64 {
        self.seconds as f64 + 1e-9 * f64::from(self.nanoseconds)
    }

    fn total(self) -> i128 {
        i128::from(self.seconds) * Self::SECOND + i128::from(self.nanoseconds)
    }

    fn from_total(total: i128) -> Option<Self> {
        Some(Self {
            seconds: total.div_euclid(Self::SECOND).try_into().ok()?,
            nanoseconds: total.rem_euclid(Self::SECOND).try_into().ok()?,
        })
    }

    /// The time this much later, if there is one.
    #[must_use]
    pub fn checked_add(self, step: Duration) -> Option<Self> {
        Self::from_total(self.total() + i128::try_from(step.as_nanos()).ok()?)
    }

    /// The time this much earlier, if there is one.
    #[must_use]
    pub fn checked_sub(self, step: Duration) -> Option<Self> {
        Self::from_total(self.total() - i128::try_from(step.as_nanos()).ok()?)
    }

    /// How long before `now` it was; `None` when it lies in the future.
    #[must_use]
    pub fn age(self, now: SystemTime) -> Option<Duration> {
        let age = Self::from(now).total() - self.total();
        let seconds = u64::try_from(age.div_euclid(Self::SECOND)).ok()?;
        let nanoseconds = u32::try_from(age.rem_euclid(Self::SECOND)).ok()?;
        Some(Duration::new(seconds, nanoseconds))
    }
}

impl From<SystemTime> for FileTime {
    /// Times beyond what a file can have become the nearest that it can.
    fn from(time: SystemTime) -> Self {
        let (total, limit) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (i128::try_from(after.as_nanos()).ok(), i64::MAX),
            Err(before) => {
                let before = i128::try_from(before.duration().as_nanos());
                (before.ok().map(|total| -total), i64::MIN)
            }
        };
        total.and_then(Self::from_total).unwrap_or(Self {
            seconds: limit,
            nanoseconds: 0,
        })
    }
}

/// What identifies one state of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    owner: (u32, u32),
    mtime: FileTime,
    ctime: FileTime,
}

impl Stamp {
    /// The modification time in seconds, as Python's `st_mtime` shows it to readers.
    #[must_use]
    pub fn mtime(&self) -> f64 {
        self.mtime.python()
    }

    /// The modification time as the file system keeps it.
    #[must_use]
    pub fn modified(&self) -> FileTime {
        self.mtime
    }

    /// The size in bytes, as the file claims it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The permission bits, special ones included.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// The user id of its owner.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.owner.0
    }

    /// Whether the permission bits are those asked for; special bits beside them do not matter.
    #[must_use]
    pub fn has_mode(&self, mode: u32) -> bool {
        with_special_bits(self.mode, mode) == self.mode
    }

    /// Whether it is the same file, whatever became of its contents.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    /// How long ago the file last changed in any way, by the kernel's stamp, which no program can set; `None` when that lies
    /// in the future.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        self.ctime.age(now)
    }

    /// The longest time for which two changes may leave the same stamp: a clock tick, or two seconds where whole
    /// seconds hint at a file system that keeps no finer ones.
    #[must_use]
    pub fn granularity(&self) -> Duration {
        if self.mtime.nanoseconds == 0 {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(20)
        }
    }

    /// Whether an equal stamp later proves that the file is still this one.
    #[must_use]
    pub fn is_conclusive(&self, now: SystemTime) -> bool {
        self.age(now).is_some_and(|age| age > self.granularity())
    }

    /// The stamp of a file that would have been written at this time.
    pub(super) fn imagined(size: u64, mode: u32, now: SystemTime) -> Self {
        let now = FileTime::from(now);
        Self {
            device: 0,
            inode: 0,
            size,
            mode,
            owner: (0, 0),
            mtime: now,
            ctime: now,
        }
    }

    pub(super) fn of(found: &Statx) -> Self {
        let time = |time: &rustix::fs::StatxTimestamp| FileTime {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        };
        Self {
            device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            size: found.stx_size,
            mode: u32::from(found.stx_mode) & 0o7777,
            owner: (found.stx_uid, found.stx_gid),
            mtime: time(&found.stx_mtime),
            ctime: time(&found.stx_ctime),
        }
    }
}

/// The permission bits `wanted` beside the special bits (setuid, setgid, sticky) that are there.
pub(super) fn with_special_bits(present: u32, wanted: u32) -> u32 {
    present & 0o7000 | wanted & 0o7777
}

/// What stands at a name, in words; `None` for a regular file.
pub(super) fn other_than_file(mode: u32) -> Option<&'static str> {
    Some(match FileType::from_raw_mode(mode) {
        FileType::RegularFile => return None,
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_1_no_time_overflows() {
        let at = |seconds, nanoseconds| FileTime {
            seconds,
            nanoseconds,
        };
        let extremes = [
            at(i64::MAX, 999_999_999),
            at(i64::MAX, 0),
            at(0, 0),
            at(i64::MIN, 0),
            at(15_032_385_535, 0),
        ];
        let now = SystemTime::now();
        for time in extremes {
            for step in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                let _ = (time.checked_add(step), time.checked_sub(step));
            }
            assert_eq!(time.age(now).is_some(), time <= FileTime::from(now));
            assert!(time.python().is_finite());
        }
        assert_eq!(
            at(i64::MAX, 999_999_999).checked_add(Duration::from_nanos(1)),
            None
        );
        assert_eq!(at(i64::MIN, 0).checked_sub(Duration::from_nanos(1)), None);
        assert_eq!(
            at(-1, 999_999_999).checked_add(Duration::from_nanos(1)),
            Some(at(0, 0))
        );
        assert_eq!(
            at(0, 0).checked_sub(Duration::from_nanos(1)),
            Some(at(-1, 999_999_999))
        );
    }

    #[test]
    fn the_age_of_a_file() {
        let now = SystemTime::UNIX_EPOCH + Duration::new(100, 5);
        let age = |seconds, nanoseconds| {
            FileTime {
                seconds,
                nanoseconds,
            }
            .age(now)
        };
        assert_eq!(age(100, 5), Some(Duration::ZERO));
        assert_eq!(age(99, 6), Some(Duration::from_nanos(999_999_999)));
        assert_eq!(age(-1, 0), Some(Duration::new(101, 5)));
        assert_eq!(age(100, 6), None);
    }

    #[test]
    fn special_bits_stay() {
        for (present, wanted, expected) in [
            (0o2755, 0o755, 0o2755),
            (0o755, 0o2775, 0o2775),
            (0o4600, 0o644, 0o4644),
            (0o600, 0o644, 0o644),
        ] {
            assert_eq!(with_special_bits(present, wanted), expected);
        }
    }
}
