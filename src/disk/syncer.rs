//! Files that are written ahead of their turn are synced by a thread, while the one that writes goes on.
//!
//! 1. What the thread says of a file is waited for before the file gets its name ([`Dir::publish`](super::Dir::publish)).
//! 2. A file that went before its sync began is passed over, and the thread ends with its [`Syncer`]: what is given up
//!    holds neither room nor a descriptor.
//! 3. Where the system gives no thread, or few descriptors, there is none, and a file is synced in its turn.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use rustix::fs::fsync;
use rustix::io::retry_on_intr;
use rustix::process::{Resource, getrlimit};

/// How many files a process may have open where some are written ahead: those of all references, and many more.
const DESCRIPTORS: u64 = 128;

/// Waits until a file's bytes are on the disk.
pub(super) fn sync(file: &OwnedFd) -> rustix::io::Result<()> {
    retry_on_intr(|| fsync(file))
}

/// What is heard of a sync.
pub(super) type Synced = Receiver<rustix::io::Result<()>>;

/// A file to be synced, and where the answer goes.
type Job = (Weak<OwnedFd>, Sender<rustix::io::Result<()>>);

/// The thread.
#[derive(Debug)]
pub struct Syncer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Starts the thread; `None` as invariant 3 has it.
    #[must_use]
    pub fn start() -> Option<Self> {
        let limit = getrlimit(Resource::Nofile).current;
        if limit.is_some_and(|limit| limit < DESCRIPTORS) {
            return None;
        }
        let (queue, jobs) = channel::<Job>();
        let work = move || {
            for (file, done) in jobs {
                let Some(file) = file.upgrade() else {
                    continue;
                };
                let synced = sync(&file);
                // The last holder closes the file, and that is the one that waits for the answer.
                drop(file);
                let _ = done.send(synced);
            }
        };
        let thread = thread::Builder::new().name("sync".to_owned()).spawn(work);
        Some(Self {
            queue: Some(queue),
            thread: Some(thread.ok()?),
        })
    }

    /// Has a file synced; `None` where the thread is gone.
    pub(super) fn begin(&self, file: &Arc<OwnedFd>) -> Option<Synced> {
        let (done, synced) = channel();
        let queue = self.queue.as_ref()?;
        queue.send((Arc::downgrade(file), done)).ok()?;
        Some(synced)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It ends early only by a panic, which ends the process.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::disk::{Dir, Syncer, Write};

    const HOW: Write<'_> = Write::published(0o644);

    #[test]
    fn what_is_written_ahead_gets_its_name_in_its_turn_or_goes() {
        let root = tempfile::tempdir().unwrap();
        let directory = Dir::open(root.path()).unwrap();
        let syncer = Syncer::start().unwrap();
        fs::write(root.path().join("b"), "before").unwrap();
        let mut staged: Vec<_> = ["a", "b", "c"]
            .iter()
            .map(|name| directory.stage(name, b"ahead", 0o644).unwrap())
            .collect();
        for file in &mut staged {
            file.sync_by(&syncer);
        }
        assert!(!root.path().join("a").exists());
        assert_eq!(fs::read(root.path().join("b")).unwrap(), b"before");
        drop(staged.pop());
        // What is in the queue is heard of all the same.
        drop(syncer);
        for file in staged {
            assert!(directory.publish(file, &HOW).unwrap().stamp.is_some());
        }
        for name in ["a", "b"] {
            assert_eq!(fs::read(root.path().join(name)).unwrap(), b"ahead");
        }
        assert_eq!(directory.names().unwrap().len(), 2);
    }

    #[test]
    fn invariant_2_what_is_given_up_is_closed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Dir::open(root.path()).unwrap();
        let syncer = Syncer::start().unwrap();
        let mut staged: Vec<_> = (0..20)
            .map(|number| {
                directory
                    .stage(&number.to_string(), b"ahead", 0o644)
                    .unwrap()
            })
            .collect();
        for file in &mut staged {
            file.sync_by(&syncer);
        }
        drop(staged);
        drop(syncer);
        assert_eq!(directory.names().unwrap().len(), 0);
        let open = fs::read_dir("/proc/self/fd").unwrap();
        let links = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        let below = links.filter(|link| link.starts_with(root.path()) && link != root.path());
        assert_eq!(below.count(), 0);
    }
}
