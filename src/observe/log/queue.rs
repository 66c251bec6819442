//! A bounded queue before a thread that writes: a log that cannot be written holds nothing else.
//!
//! 1. [`Queue::push`] never blocks. What finds the queue full is dropped and counted, and so is what cannot be written.
//! 2. When lines flow again, one line says how many were dropped; at most one of these in a minute.
//! 3. The thread also says what `calm` has counted, when it is time.
//! 4. [`Queue::flush`] waits until all that was pushed before is written, for a bounded time.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::calm;
use crate::clock;

/// How many lines wait at most.
const LINES: usize = 1024;
/// Between two lines that say what was dropped.
const PAUSE: Duration = Duration::from_mins(1);

/// The end that is written to.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    lines: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    /// How many lines were pushed and not yet written.
    waiting: Mutex<u64>,
    written: Condvar,
}

impl Queue {
    /// Starts the thread that hands each line to `write`, and what was dropped to `report`, which may push.
    pub(super) fn start(
        write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (lines, taken) = sync_channel(LINES);
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            taken,
            shared: Arc::clone(&shared),
            reported: None,
            broken: false,
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.run(write, report))?;
        Ok(Self { lines, shared })
    }

    /// Puts a line behind the others, or drops and counts it.
    pub(super) fn push(&self, line: Vec<u8>) {
        *self.shared.waiting() += 1;
        if self.lines.try_send(line).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.shared.done();
        }
    }

    /// Waits until everything is written, for at most `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let waiting = self.shared.waiting();
        // Whether it has run out changes nothing for the caller.
        let _ = self
            .shared
            .written
            .wait_timeout_while(waiting, patience, |waiting| *waiting > 0);
    }
}

impl io::Write for Queue {
    /// One call, one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, u64> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self) {
        let mut waiting = self.waiting();
        *waiting = waiting.saturating_sub(1);
        if *waiting == 0 {
            self.written.notify_all();
        }
    }
}

struct Writer {
    taken: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    /// When dropped lines were last reported.
    reported: Option<Instant>,
    /// The last line could not be written.
    broken: bool,
}

impl Writer {
    fn run(mut self, mut write: impl FnMut(&[u8]) -> io::Result<()>, report: impl Fn(u64)) {
        loop {
            let line = match self.until_needed() {
                None => self
                    .taken
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => self.taken.recv_timeout(wait),
            };
            match line {
                Ok(line) => {
                    self.broken = write(&line).is_err();
                    if self.broken {
                        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    }
                    // With room in the queue for the line that says so.
                    let room = *self.shared.waiting() <= LINES as u64 / 2;
                    if room && self.until_report().is_some_and(|wait| wait.is_zero()) {
                        self.report(&report);
                    }
                    self.shared.done();
                    if room && calm::due().is_some_and(|at| at <= clock::instant()) {
                        calm::look();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.until_report().is_some_and(|wait| wait.is_zero()) {
                        self.report(&report);
                    }
                    calm::look();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long until there is something to do without a line; nothing when a line comes first.
    fn until_needed(&self) -> Option<Duration> {
        let counted = calm::due().map(|at| at.saturating_duration_since(clock::instant()));
        self.until_report().into_iter().chain(counted).min()
    }

    /// How long until dropped lines may be reported; nothing when there are none, or no line flows.
    fn until_report(&self) -> Option<Duration> {
        if self.broken || self.shared.dropped.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let next = self.reported.map(|at| at + PAUSE);
        Some(next.map_or(Duration::ZERO, |at| {
            at.saturating_duration_since(clock::instant())
        }))
    }

    fn report(&mut self, report: impl Fn(u64)) {
        self.reported = Some(clock::instant());
        report(self.shared.dropped.swap(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn lines(range: std::ops::Range<usize>) -> impl Iterator<Item = Vec<u8>> {
        range.map(|number| format!("{number}\n").into_bytes())
    }

    #[test]
    fn invariants_1_and_2_a_writer_that_is_stuck_stops_no_caller_and_the_gap_is_reported_when_it_flows()
     {
        let (gate, closed) = channel::<()>();
        let (written, seen) = channel();
        let (report, reports) = channel();
        let mut stuck = true;
        let queue = Queue::start(
            move |line| {
                if stuck {
                    closed.recv().unwrap();
                    stuck = false;
                }
                written.send(line.to_vec()).unwrap();
                Ok(())
            },
            move |count| report.send(count).unwrap(),
        )
        .unwrap();
        let sent = 3 * LINES;
        lines(0..sent).for_each(|line| queue.push(line));
        queue.flush(Duration::from_millis(10));
        assert!(seen.try_recv().is_err());
        gate.send(()).unwrap();
        let dropped = reports.recv().unwrap();
        queue.flush(Duration::from_secs(10));
        let kept: Vec<_> = seen.try_iter().collect();
        // The writer may have taken the first line out of the queue before it was full.
        assert_eq!(kept.len() as u64 + dropped, sent as u64);
        assert!((LINES..=LINES + 1).contains(&kept.len()), "{}", kept.len());
        let full: Vec<_> = lines(0..LINES).collect();
        assert_eq!(kept[..LINES], full);
    }

    #[test]
    fn invariant_2_lines_that_cannot_be_written_are_counted_until_one_can() {
        let (report, reports) = channel();
        let mut left = 3;
        let queue = Queue::start(
            move |_| {
                left -= 1;
                if left >= 0 {
                    Err(io::Error::other("full"))
                } else {
                    Ok(())
                }
            },
            move |count| report.send(count).unwrap(),
        )
        .unwrap();
        lines(0..3).for_each(|line| queue.push(line));
        queue.flush(Duration::from_secs(10));
        assert!(reports.try_recv().is_err());
        queue.push(b"works\n".to_vec());
        assert_eq!(reports.recv(), Ok(3));
    }

    #[test]
    fn invariant_4_a_flush_waits_for_what_was_pushed() {
        let (written, seen) = channel();
        let queue = Queue::start(
            move |line| written.send(line.to_vec()).map_err(io::Error::other),
            |_| (),
        )
        .unwrap();
        lines(0..100).for_each(|line| queue.push(line));
        queue.flush(Duration::from_secs(10));
        assert_eq!(seen.try_iter().count(), 100);
    }
}
