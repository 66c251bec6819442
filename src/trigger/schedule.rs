//! The clock: ticks of a cron expression, each followed by a random delay, as [`Reason::Schedule`].
//!
//! tokio-cron-scheduler is a source of ticks and nothing else, because its jobs overlap, its wall clock jumps and its
//! repeated jobs die after one long delay (issue 113 there).
//!
//! 1. The only job is a cron job in UTC whose body is a `try_send` on a channel of one: ticks never pile up.
//! 2. A tick that comes while the delay of the one before runs is skipped.
//! 3. If the time in which two ticks were due has passed on the monotonic clock without one, a poll is asked for
//!    all the same, the fact is counted and logged, and the source is started anew: after a step of the wall clock to
//!    the past the old one would stay silent for as long as the step was wide.
//! 4. The first poll, at start, is the caller's business.
//!
//! [`Reason::Schedule`]: super::Reason::Schedule

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::Trigger;
use crate::config::ScheduleConfig;

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
    /// When the expression is wrong or the scheduler refuses it.
    pub async fn start(config: &ScheduleConfig, trigger: Trigger) -> Result<Self, ScheduleError> {
        let occurrences = Occurrences::parse(&config.cron)?;
        let source = Source::start(&config.cron).await?;
        let (announce, next) = watch::channel(occurrences.next_two(Timestamp::now()).map(|t| t.0));
        let fallbacks = Arc::new(AtomicU64::new(0));
        let ticker = Ticker {
            occurrences,
            source,
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

/// When an expression comes true, read exactly as the scheduler reads it.
struct Occurrences {
    cron: Cron,
    expression: String,
}

impl Occurrences {
    fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(expression)
            .map_err(|source| ScheduleError::Expression {
                expression: expression.to_owned(),
                source,
            })?;
        let occurrences = Self {
            cron,
            expression: expression.to_owned(),
        };
        match occurrences.next_two(Timestamp::now()) {
            Some(_) => Ok(occurrences),
            None => Err(ScheduleError::Never {
                expression: occurrences.expression,
            }),
        }
    }

    /// The next two times after `now`; the first one twice when it is the last.
    fn next_two(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let now: DateTime<Utc> = DateTime::from_timestamp(now.as_second(), 0)?;
        let first = self.cron.find_next_occurrence(&now, false).ok()?;
        let second = self
            .cron
            .find_next_occurrence(&first, false)
            .unwrap_or(first);
        let stamp = |time: DateTime<Utc>| Timestamp::from_second(time.timestamp()).ok();
        Some((stamp(first)?, stamp(second)?))
    }

    /// How long to wait for a tick, on a clock that never jumps, before it counts as missed.
    fn patience(&self, now: Timestamp) -> Duration {
        // An expression that has come true for the last time leaves nothing to be missed.
        self.next_two(now).map_or(Duration::MAX, |(_, second)| {
            Duration::try_from(second.duration_since(now))
                .unwrap_or_default()
                .saturating_add(GRACE)
        })
    }
}

/// The scheduler with its one job.
struct Source {
    scheduler: JobScheduler,
    ticks: mpsc::Receiver<()>,
}

impl Source {
    async fn start(expression: &str) -> Result<Self, ScheduleError> {
        let failed = |source| ScheduleError::Start {
            expression: expression.to_owned(),
            source,
        };
        let (sender, ticks) = mpsc::channel(1);
        // The default of 200 slots per channel is for many jobs; this is one.
        let scheduler = JobScheduler::new_with_channel_size(8)
            .await
            .map_err(failed)?;
        let job = Job::new_async_tz(expression, Utc, move |_, _| {
            // Full means that a tick is waiting already: this one is skipped.
            let _ = sender.try_send(());
            Box::pin(std::future::ready(()))
        })
        .map_err(failed)?;
        scheduler.add(job).await.map_err(failed)?;
        scheduler.start().await.map_err(failed)?;
        Ok(Self { scheduler, ticks })
    }
}

/// Turns ticks into requests.
struct Ticker {
    occurrences: Occurrences,
    source: Source,
    trigger: Trigger,
    splay: Duration,
    announce: watch::Sender<Option<Timestamp>>,
    fallbacks: Arc<AtomicU64>,
}

impl Ticker {
    async fn run(mut self) -> ScheduleError {
        loop {
            let now = Timestamp::now();
            self.announce
                .send_replace(self.occurrences.next_two(now).map(|times| times.0));
            let patience = self.occurrences.patience(now);
            match tokio::time::timeout(patience, self.source.ticks.recv()).await {
                Ok(Some(())) => self.delay().await,
                Ok(None) => {
                    return ScheduleError::Died {
                        expression: self.occurrences.expression,
                    };
                }
                Err(_) => {
                    if let Err(error) = self.restart().await {
                        return error;
                    }
                }
            }
            if !self.trigger.tick() {
                tracing::debug!("a poll is running, this tick is skipped");
            }
        }
    }

    /// Waits for a random part of the splay; ticks that come meanwhile are skipped (invariant 2).
    async fn delay(&mut self) {
        let splay = u64::try_from(self.splay.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(fastrand::u64(0..=splay));
        if delay.is_zero() {
            return;
        }
        let due = Timestamp::now().checked_add(delay).ok();
        self.announce.send_replace(due);
        tokio::time::sleep_until(Instant::now() + delay).await;
        while self.source.ticks.try_recv().is_ok() {}
    }

    /// Replaces a source that has been silent for too long (invariant 3).
    async fn restart(&mut self) -> Result<(), ScheduleError> {
        let count = self.fallbacks.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            cron = self.occurrences.expression,
            count,
            "the scheduler missed its ticks, polling all the same"
        );
        let fresh = Source::start(&self.occurrences.expression).await?;
        let mut silent = std::mem::replace(&mut self.source, fresh);
        // A loop that cannot hear this is the silent one that is being replaced.
        let _ = silent.scheduler.shutdown().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Reason;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

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

    #[test]
    fn the_next_times_are_in_utc_and_patience_covers_two_of_them() {
        for (cron, now, first, patience) in [
            (
                "0 */15 * * * *",
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:15:00Z",
                30 * 60,
            ),
            (
                "0 */15 * * * *",
                "2026-11-22T10:14:59.5Z",
                "2026-11-22T10:15:00Z",
                15 * 60,
            ),
            (
                "0 0 9-17 * * *",
                "2026-11-22T16:30:00Z",
                "2026-11-22T17:00:00Z",
                (16 * 60 + 30) * 60,
            ),
            (
                "* * * * * *",
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:00:01Z",
                2,
            ),
        ] {
            let occurrences = Occurrences::parse(cron).unwrap();
            assert_eq!(
                occurrences.next_two(at(now)).unwrap().0,
                at(first),
                "{cron}"
            );
            assert_eq!(
                occurrences.patience(at(now)).as_secs(),
                patience + GRACE.as_secs(),
                "{cron}"
            );
        }
    }

    #[tokio::test]
    async fn a_wrong_expression_is_refused_by_name() {
        for cron in ["", "hourly", "*/15 * * * *", "0 99 * * * *"] {
            let error = Schedule::start(&config(cron, Duration::ZERO), Trigger::new())
                .await
                .unwrap_err();
            assert!(
                matches!(error, ScheduleError::Expression { .. }),
                "{cron}: {error}"
            );
            assert!(error.to_string().contains(cron));
        }
        assert!(matches!(
            Schedule::start(&config("0 0 0 30 2 *", Duration::ZERO), Trigger::new()).await,
            Err(ScheduleError::Never { .. } | ScheduleError::Expression { .. })
        ));
    }

    #[tokio::test]
    async fn invariant_1_a_blocked_runtime_leaves_one_tick_and_the_schedule_lives_on() {
        let trigger = Trigger::new();
        let schedule = Schedule::start(&config("* * * * * *", Duration::ZERO), trigger.clone())
            .await
            .unwrap();
        assert_eq!(within(5, trigger.next()).await, Reason::Schedule);
        std::thread::sleep(Duration::from_millis(3500));
        // One tick for the time that was blocked, and then the usual ones.
        for _ in 0..3 {
            assert_eq!(within(5, trigger.next()).await, Reason::Schedule);
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
        .await
        .unwrap();
        let mut next = schedule.next();
        within(
            5,
            next.wait_for(|due| {
                due.is_some_and(|due| due > Timestamp::now() + Duration::from_secs(3))
            }),
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
            source,
            trigger: trigger.clone(),
            splay: Duration::ZERO,
            announce: watch::channel(None).0,
            fallbacks: Arc::clone(&fallbacks),
        };
        let task = tokio::spawn(ticker.run());
        for _ in 0..2 {
            assert_eq!(within(10, trigger.next()).await, Reason::Schedule);
        }
        assert_eq!(fallbacks.load(Ordering::Relaxed), 1);
        task.abort();
    }

    #[tokio::test]
    async fn a_dead_source_is_an_error() {
        let (sender, ticks) = mpsc::channel(1);
        drop(sender);
        let mut source = Source::start("* * * * * *").await.unwrap();
        source.ticks = ticks;
        let ticker = Ticker {
            occurrences: Occurrences::parse("* * * * * *").unwrap(),
            source,
            trigger: Trigger::new(),
            splay: Duration::ZERO,
            announce: watch::channel(None).0,
            fallbacks: Arc::default(),
        };
        assert!(matches!(
            within(5, ticker.run()).await,
            ScheduleError::Died { .. }
        ));
    }
}
