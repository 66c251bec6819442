//! The schedule: ticks of a cron expression, each followed by a random delay, as [`Depth::Poll`].
//!
//! tokio-cron-scheduler is a source of ticks and nothing else, because its jobs overlap, its wall clock jumps and its
//! repeated jobs die after one long delay (issue 113 there).
//!
//! 1. The scheduler wakes four times a second; nothing else of the schedule wakes between two ticks.
//! 2. Ticks never queue. One that comes while the delay of the one before runs is skipped; of all that were due while
//!    the host was suspended, or that the wall clock jumped over, one is made up for at once.
//! 3. If the time in which two ticks were due has passed on the monotonic clock without one, a poll is asked for
//!    all the same, the fact is counted and logged, and the next time is computed anew: after a step of the wall clock
//!    to the past the old one may be far away.
//! 4. The first poll, at start, is the caller's business.
//!
//! [`Depth::Poll`]: crate::depth::Depth::Poll

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_cron_scheduler::JobSchedulerError;

use self::source::Source;
use super::Trigger;
use crate::clock;
use crate::config::{Cron, ScheduleConfig};

mod source;

/// What the scheduler's own loop (every 500 ms) may be late by before a tick counts as missed.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait for a tick when the wall clock is at a time for which none can be computed.
const NO_TIME: Duration = Duration::from_hours(1);

/// Why the schedule has ended.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The scheduler does not take the job.
    #[error("cannot schedule polls by the cron expression {cron:?}")]
    Scheduler {
        /// As configured.
        cron: String,
        /// What the scheduler says.
        #[source]
        source: JobSchedulerError,
    },
    /// The scheduler, or the task that serves it, is gone.
    #[error("the scheduler for the cron expression {cron:?} has died")]
    Died {
        /// As configured.
        cron: String,
    },
}

/// A running schedule; it stops when this is dropped.
#[derive(Debug)]
pub struct Schedule {
    task: JoinHandle<ScheduleError>,
    next: watch::Receiver<Option<Timestamp>>,
    fallbacks: Arc<AtomicU64>,
    cron: Cron,
}

impl Schedule {
    /// Starts ticking into `trigger`, in the runtime of the caller.
    #[must_use]
    pub fn start(config: &ScheduleConfig, trigger: Trigger) -> Self {
        let cron = config.cron.clone();
        let (announce, next) = watch::channel(cron.next(clock::now()));
        let fallbacks = Arc::new(AtomicU64::new(0));
        let ticker = Ticker {
            cron: cron.clone(),
            trigger,
            splay: config.splay,
            announce,
            fallbacks: Arc::clone(&fallbacks),
        };
        let task = tokio::spawn(async move {
            match Source::start(&ticker.cron).await {
                Ok(source) => ticker.run(source).await,
                Err(source) => ticker.refused(source),
            }
        });
        Self {
            task,
            next,
            fallbacks,
            cron,
        }
    }

    /// When the next poll is due: the next time of the expression, and once its delay is drawn, that included.
    #[must_use]
    pub fn next(&self) -> watch::Receiver<Option<Timestamp>> {
        self.next.clone()
    }

    /// The time between two polls, as the expression has it after a time; the longest there is where it names no two.
    #[must_use]
    pub fn interval(&self, now: Timestamp) -> Duration {
        let times = self
            .cron
            .next_two(now)
            .filter(|(first, second)| first < second);
        let between = times.map(|(first, second)| second.duration_since(first));
        between
            .and_then(|between| Duration::try_from(between).ok())
            .unwrap_or(Duration::MAX)
    }

    /// How often the monotonic clock had to stand in for the scheduler.
    #[must_use]
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }

    /// Resolves when the schedule has died, which ends the daemon. Cancel-safe.
    pub async fn failed(&mut self) -> ScheduleError {
        match (&mut self.task).await {
            Ok(error) => error,
            Err(_) => ScheduleError::Died {
                cron: self.cron.to_string(),
            },
        }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Turns ticks into requests.
struct Ticker {
    cron: Cron,
    trigger: Trigger,
    splay: Duration,
    announce: watch::Sender<Option<Timestamp>>,
    fallbacks: Arc<AtomicU64>,
}

impl Ticker {
    async fn run(self, mut source: Source) -> ScheduleError {
        loop {
            let now = clock::now();
            let times = self.cron.next_two(now);
            self.announce.send_replace(times.map(|times| times.0));
            match timeout(patience(times, now), source.tick()).await {
                Ok(Some(())) => self.delay(&mut source).await,
                Ok(None) => {
                    return ScheduleError::Died {
                        cron: self.cron.to_string(),
                    };
                }
                Err(_) => {
                    self.stand_in();
                    if let Err(error) = source.renew(&self.cron).await {
                        return self.refused(error);
                    }
                }
            }
            if !self.trigger.tick() {
                tracing::debug!("a poll is running, this tick is skipped");
            }
        }
    }

    /// Waits for a random part of the splay; a tick that comes meanwhile is skipped (invariant 2).
    async fn delay(&self, source: &mut Source) {
        let splay = u64::try_from(self.splay.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(fastrand::u64(0..=splay));
        if !delay.is_zero() {
            self.announce
                .send_replace(clock::now().checked_add(delay).ok());
            sleep(delay).await;
            source.skip();
        }
    }

    /// Counts a tick that the scheduler has missed (invariant 3).
    fn stand_in(&self) {
        let count = self.fallbacks.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            cron = %self.cron,
            count,
            "the scheduler missed its ticks, polling all the same"
        );
    }

    fn refused(self, source: JobSchedulerError) -> ScheduleError {
        ScheduleError::Scheduler {
            cron: self.cron.to_string(),
            source,
        }
    }
}

/// How long to wait for a tick, on a clock that never jumps, before it counts as missed.
fn patience(times: Option<(Timestamp, Timestamp)>, now: Timestamp) -> Duration {
    times.map_or(NO_TIME, |(_, second)| {
        Duration::try_from(second.duration_since(now))
            .unwrap_or_default()
            .saturating_add(GRACE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::Depth;

    fn config(cron: &str, splay: Duration) -> ScheduleConfig {
        ScheduleConfig {
            cron: Cron::parse(cron).unwrap(),
            splay,
        }
    }

    async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(seconds), future)
            .await
            .expect("in time")
    }

    #[test]
    fn patience_covers_two_ticks() {
        for (cron, now, minutes, seconds) in [
            ("0 */15 * * * *", "2026-11-22T10:00:00Z", 30, 0),
            ("0 */15 * * * *", "2026-11-22T10:14:59.5Z", 15, 0),
            ("0 0 9-17 * * *", "2026-11-22T16:30:00Z", 16 * 60 + 30, 0),
            ("* * * * * *", "2026-11-22T10:00:00Z", 0, 2),
            ("* * * * * *", "9999-12-30T00:00:00Z", 0, 3598),
        ] {
            let (cron, now) = (Cron::parse(cron).unwrap(), now.parse().unwrap());
            let waits = patience(cron.next_two(now), now).as_secs();
            let expected = minutes * 60 + seconds + GRACE.as_secs();
            assert_eq!(waits, expected, "{cron} at {now}");
        }
    }

    #[tokio::test]
    async fn invariant_2_a_blocked_runtime_leaves_one_tick_and_the_schedule_lives_on() {
        let trigger = Trigger::new();
        let schedule = Schedule::start(&config("* * * * * *", Duration::ZERO), trigger.clone());
        assert_eq!(within(60, trigger.next()).await, Depth::Poll);
        std::thread::sleep(Duration::from_millis(3500));
        // One tick for the time that was blocked, and then the usual ones.
        for _ in 0..3 {
            assert_eq!(within(60, trigger.next()).await, Depth::Poll);
        }
        assert!(schedule.next().borrow().is_some());
    }

    #[tokio::test]
    async fn invariant_2_ticks_within_the_delay_are_skipped_and_the_delay_is_announced() {
        let trigger = Trigger::new();
        let days = Duration::from_hours(100);
        let schedule = Schedule::start(&config("* * * * * *", days), trigger.clone());
        let mut next = schedule.next();
        within(
            60,
            next.wait_for(|due| due.is_some_and(|due| due > clock::now() + Duration::from_secs(3))),
        )
        .await
        .unwrap();
        assert_eq!(trigger.pending(), None);
    }

    fn ticker(cron: &str) -> Ticker {
        Ticker {
            cron: Cron::parse(cron).unwrap(),
            trigger: Trigger::new(),
            splay: Duration::ZERO,
            announce: watch::channel(None).0,
            fallbacks: Arc::default(),
        }
    }

    #[tokio::test]
    async fn invariant_3_a_silent_scheduler_is_stood_in_for_and_its_job_renewed() {
        // Ticks on the first of January only: silent as far as the ticker can tell.
        let silent = Cron::parse("0 0 0 1 1 *").unwrap();
        let source = Source::start(&silent).await.unwrap();
        let ticker = ticker("* * * * * *");
        let (trigger, fallbacks) = (ticker.trigger.clone(), Arc::clone(&ticker.fallbacks));
        let task = tokio::spawn(ticker.run(source));
        for _ in 0..3 {
            assert_eq!(within(60, trigger.next()).await, Depth::Poll);
        }
        assert_eq!(fallbacks.load(Ordering::Relaxed), 1);
        task.abort();
    }

    #[tokio::test]
    async fn a_schedule_whose_task_is_gone_has_failed() {
        let mut schedule = Schedule::start(&config("* * * * * *", Duration::ZERO), Trigger::new());
        schedule.task.abort();
        let error = within(60, schedule.failed()).await;
        assert!(matches!(error, ScheduleError::Died { .. }), "{error}");
    }
}
