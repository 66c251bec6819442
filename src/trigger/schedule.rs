//! The clock: ticks of a cron expression, each followed by a random delay, as [`Depth::Poll`].
//!
//! tokio-cron-scheduler is a source of ticks and nothing else, because its jobs overlap, its wall clock jumps and its
//! repeated jobs die after one long delay (issue 113 there).
//!
//! 1. The scheduler runs only around the times at which a tick is due, in a thread of its own: its loop wakes
//!    four times a second, more than an idle daemon may. In between, one nap of half a minute follows the other.
//! 2. Ticks never queue. One that comes while the delay of the one before runs is skipped; of all that were due while
//!    the host was suspended, or that the wall clock jumped over, one is made up for at once.
//! 3. If the time in which two ticks were due has passed on the monotonic clock without one, a poll is asked for
//!    all the same, the fact is counted and logged, and the next time is computed anew: after a step of the wall clock
//!    to the past the old one may be far away.
//! 4. The first poll, at start, is the caller's business.
//!
//! [`Depth::Poll`]: super::Depth::Poll

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_cron_scheduler::JobSchedulerError;

use self::occurrences::Occurrences;
use self::source::Source;
use super::Trigger;
use crate::clock;
use crate::config::ScheduleConfig;

mod occurrences;
mod source;

/// How long before a tick is due the scheduler is started, and how far the next one must be for it to be stopped.
const LEAD: Duration = Duration::from_secs(3);
/// How long to sleep without a look at the wall clock.
const NAP: Duration = Duration::from_secs(30);
/// What the scheduler's own loop (every 500 ms) may be late by before a tick counts as missed.
const GRACE: Duration = Duration::from_secs(2);

/// Why the schedule cannot start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The expression does not parse.
    #[error("cannot read the cron expression {expression:?}")]
    Expression {
        /// As configured.
        expression: String,
        /// What is wrong with it.
        #[source]
        source: croner::errors::CronError,
    },
    /// The expression never comes true again.
    #[error("the cron expression {expression:?} has no next time")]
    Never {
        /// As configured.
        expression: String,
    },
    /// The source of ticks cannot be started.
    #[error("cannot start the scheduler for the cron expression {expression:?}")]
    Start {
        /// As configured.
        expression: String,
        /// What the scheduler says.
        #[source]
        source: JobSchedulerError,
    },
    /// The scheduler's thread cannot be started.
    #[error("cannot start the scheduler's thread")]
    Thread {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The source of ticks, or the task that serves it, is gone.
    #[error("the scheduler for the cron expression {expression:?} has died")]
    Died {
        /// As configured.
        expression: String,
    },
}

/// A running schedule; it stops when this is dropped.
#[derive(Debug)]
pub struct Schedule {
    task: JoinHandle<ScheduleError>,
    next: watch::Receiver<Option<Timestamp>>,
    fallbacks: Arc<AtomicU64>,
    expression: String,
}

impl Schedule {
    /// Starts ticking into `trigger`.
    ///
    /// # Errors
    /// When the expression is wrong.
    pub fn start(config: &ScheduleConfig, trigger: Trigger) -> Result<Self, ScheduleError> {
        let occurrences = Occurrences::parse(&config.cron)?;
        let (announce, next) = watch::channel(occurrences.next_two(clock::now()).map(|t| t.0));
        let fallbacks = Arc::new(AtomicU64::new(0));
        let ticker = Ticker {
            occurrences,
            source: None,
            trigger,
            splay: config.splay,
            announce,
            fallbacks: Arc::clone(&fallbacks),
        };
        Ok(Self {
            task: tokio::spawn(ticker.run()),
            next,
            fallbacks,
            expression: config.cron.clone(),
        })
    }

    /// When the next poll is due: the next time of the expression, and once its delay is drawn, that included.
    #[must_use]
    pub fn next(&self) -> watch::Receiver<Option<Timestamp>> {
        self.next.clone()
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
                expression: self.expression.clone(),
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
    occurrences: Occurrences,
    source: Option<Source>,
    trigger: Trigger,
    splay: Duration,
    announce: watch::Sender<Option<Timestamp>>,
    fallbacks: Arc<AtomicU64>,
}

impl Ticker {
    async fn run(mut self) -> ScheduleError {
        loop {
            let now = clock::now();
            let due = self.occurrences.next_two(now).map(|times| times.0);
            self.announce.send_replace(due);
            let Some(due) = due else {
                return ScheduleError::Never {
                    expression: self.occurrences.expression,
                };
            };
            match timeout(self.occurrences.patience(now), self.tick(due)).await {
                Ok(Ok(())) => self.delay().await,
                Ok(Err(error)) => return error,
                Err(_) => self.stand_in(),
            }
            if !self.trigger.tick() {
                tracing::debug!("a poll is running, this tick is skipped");
            }
        }
    }

    /// Waits for the tick that is due then.
    async fn tick(&mut self, due: Timestamp) -> Result<(), ScheduleError> {
        while let Some(rest) = until(due).checked_sub(LEAD).filter(|rest| !rest.is_zero()) {
            sleep(rest.min(NAP)).await;
        }
        let source = match &mut self.source {
            Some(source) => source,
            none => {
                let source = none.insert(Source::start(&self.occurrences.expression).await?);
                if until(due).is_zero() {
                    // Slept through, or jumped over: the scheduler waits for the next one.
                    return Ok(());
                }
                source
            }
        };
        source
            .ticks
            .recv()
            .await
            .ok_or_else(|| ScheduleError::Died {
                expression: self.occurrences.expression.clone(),
            })
    }

    /// Waits for a random part of the splay; ticks that come meanwhile are skipped (invariant 2).
    async fn delay(&mut self) {
        let splay = u64::try_from(self.splay.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(fastrand::u64(0..=splay));
        let now = clock::now();
        if let Some((next, _)) = self.occurrences.next_two(now)
            && until(next) > 2 * LEAD
        {
            self.source = None;
        }
        if delay.is_zero() {
            return;
        }
        self.announce.send_replace(now.checked_add(delay).ok());
        sleep(delay).await;
        if let Some(source) = &mut self.source {
            while source.ticks.try_recv().is_ok() {}
        }
    }

    /// Does without a source that has been silent for too long (invariant 3).
    fn stand_in(&mut self) {
        self.source = None;
        let count = self.fallbacks.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            cron = self.occurrences.expression,
            count,
            "the scheduler missed its ticks, polling all the same"
        );
    }
}

/// How long until `due` by the wall clock; zero when it is past.
fn until(due: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(clock::now())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::Depth;

    fn config(cron: &str, splay: Duration) -> ScheduleConfig {
        ScheduleConfig {
            cron: cron.to_owned(),
            splay,
        }
    }

    async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(seconds), future)
            .await
            .expect("in time")
    }

    #[tokio::test]
    async fn a_wrong_expression_is_refused_by_name() {
        for cron in ["", "hourly", "*/15 * * * *", "0 99 * * * *"] {
            let error = Schedule::start(&config(cron, Duration::ZERO), Trigger::new()).unwrap_err();
            assert!(
                matches!(error, ScheduleError::Expression { .. }),
                "{cron}: {error}"
            );
            assert!(error.to_string().contains(cron));
        }
        assert!(matches!(
            Schedule::start(&config("0 0 0 30 2 *", Duration::ZERO), Trigger::new()),
            Err(ScheduleError::Never { .. } | ScheduleError::Expression { .. })
        ));
    }

    #[tokio::test]
    async fn invariant_1_a_blocked_runtime_leaves_one_tick_and_the_schedule_lives_on() {
        let trigger = Trigger::new();
        let schedule =
            Schedule::start(&config("* * * * * *", Duration::ZERO), trigger.clone()).unwrap();
        assert_eq!(within(5, trigger.next()).await, Depth::Poll);
        std::thread::sleep(Duration::from_millis(3500));
        // One tick for the time that was blocked, and then the usual ones.
        for _ in 0..3 {
            assert_eq!(within(5, trigger.next()).await, Depth::Poll);
        }
        assert!(schedule.next().borrow().is_some());
    }

    #[tokio::test]
    async fn invariant_2_ticks_within_the_delay_are_skipped_and_the_delay_is_announced() {
        let trigger = Trigger::new();
        let schedule = Schedule::start(
            &config("* * * * * *", Duration::from_hours(1)),
            trigger.clone(),
        )
        .unwrap();
        let mut next = schedule.next();
        within(
            5,
            next.wait_for(|due| due.is_some_and(|due| due > clock::now() + Duration::from_secs(3))),
        )
        .await
        .unwrap();
        assert_eq!(trigger.pending(), None);
    }

    #[tokio::test]
    async fn invariant_3_a_silent_source_is_replaced_and_the_poll_still_comes() {
        let trigger = Trigger::new();
        let occurrences = Occurrences::parse("* * * * * *").unwrap();
        // Ticks on the first of January only: silent as far as the ticker can tell.
        let source = Source::start("0 0 0 1 1 *").await.unwrap();
        let fallbacks = Arc::new(AtomicU64::new(0));
        let ticker = Ticker {
            occurrences,
            source: Some(source),
            trigger: trigger.clone(),
            splay: Duration::ZERO,
            announce: watch::channel(None).0,
            fallbacks: Arc::clone(&fallbacks),
        };
        let task = tokio::spawn(ticker.run());
        for _ in 0..2 {
            assert_eq!(within(10, trigger.next()).await, Depth::Poll);
        }
        assert_eq!(fallbacks.load(Ordering::Relaxed), 1);
        task.abort();
    }

    fn ticker(cron: &str, source: Option<Source>) -> Ticker {
        Ticker {
            occurrences: Occurrences::parse(cron).unwrap(),
            source,
            trigger: Trigger::new(),
            splay: Duration::ZERO,
            announce: watch::channel(None).0,
            fallbacks: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_dead_source_is_an_error() {
        let mut source = Source::start("* * * * * *").await.unwrap();
        source.ticks = tokio::sync::mpsc::channel(1).1;
        let ticker = ticker("* * * * * *", Some(source));
        assert!(matches!(
            within(5, ticker.run()).await,
            ScheduleError::Died { .. }
        ));
    }

    #[tokio::test]
    async fn invariant_1_the_scheduler_runs_only_while_a_tick_is_near() {
        let mut far = ticker("0 0 0 1 1 *", None);
        far.delay().await;
        let due = clock::now() + Duration::from_mins(1);
        assert!(timeout(LEAD / 10, far.tick(due)).await.is_err());
        assert!(far.source.is_none());
        let near = clock::now() + LEAD * 9 / 10;
        assert!(timeout(LEAD, far.tick(near)).await.is_err());
        assert!(far.source.is_some());
        far.delay().await;
        assert!(far.source.is_none());
        let mut dense = ticker("* * * * * *", None);
        let next = clock::now() + LEAD / 2;
        within(5, dense.tick(next)).await.unwrap();
        dense.delay().await;
        assert!(dense.source.is_some());
    }

    #[tokio::test]
    async fn invariant_2_a_tick_that_was_slept_through_is_made_up_for() {
        let mut ticker = ticker("0 0 0 1 1 *", None);
        let past = clock::now() - Duration::from_mins(5);
        within(5, ticker.tick(past)).await.unwrap();
    }
}
