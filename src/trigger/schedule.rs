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
mod tests;
