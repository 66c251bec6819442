//! tokio-cron-scheduler as a source of ticks.
//!
//! 1. The only job is a cron job in UTC whose body is a `try_send` on a channel of one: ticks never pile up.
//! 2. The scheduler looks at the wall clock every 500 ms, so a tick is late by that at most. Its loop ends with the source;
//!    the tasks that wait for its channels end with the runtime.

use std::sync::atomic::Ordering;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::config::Cron;

/// A running scheduler with one job.
pub(super) struct Source {
    scheduler: JobScheduler,
    job: Job,
    ticks: mpsc::Receiver<()>,
}

impl Source {
    /// Starts the scheduler in the runtime of the caller.
    pub(super) async fn start(cron: &Cron) -> Result<Self, JobSchedulerError> {
        // The default of 200 slots per channel is for many jobs; this is one.
        let scheduler = JobScheduler::new_with_channel_size(8).await?;
        let (job, ticks) = job(cron)?;
        scheduler.add(job.clone()).await?;
        scheduler.start().await?;
        Ok(Self {
            scheduler,
            job,
            ticks,
        })
    }

    /// Waits for a tick; nothing when the scheduler has dropped its job. Cancel-safe.
    pub(super) async fn tick(&mut self) -> Option<()> {
        self.ticks.recv().await
    }

    /// Forgets a tick that has come already.
    pub(super) fn skip(&mut self) {
        // Empty, or closed, which the next wait finds out.
        let _ = self.ticks.try_recv();
    }

    /// Puts a new job in the place of the old one, whose next time was computed by a wall clock that has jumped since.
    pub(super) async fn renew(&mut self, cron: &Cron) -> Result<(), JobSchedulerError> {
        let (job, ticks) = job(cron)?;
        self.scheduler.remove(&self.job.guid()).await?;
        self.scheduler.add(job.clone()).await?;
        (self.job, self.ticks) = (job, ticks);
        Ok(())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Ok(scheduler) = self.scheduler.scheduler.try_read() {
            scheduler.shutdown.store(true, Ordering::Relaxed);
        }
    }
}

fn job(cron: &Cron) -> Result<(Job, mpsc::Receiver<()>), JobSchedulerError> {
    let (sender, ticks) = mpsc::channel(1);
    let job = Job::new_async_tz(cron, Utc, move |_, _| {
        // Full means that a tick is waiting already: this one is skipped.
        let _ = sender.try_send(());
        Box::pin(std::future::ready(()))
    })?;
    Ok((job, ticks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    fn cron(text: &str) -> Cron {
        Cron::parse(text).unwrap()
    }

    #[tokio::test]
    async fn invariant_1_ticks_do_not_pile_up() {
        let mut source = Source::start(&cron("* * * * * *")).await.unwrap();
        // The scheduler ticks on while nothing takes its ticks.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(source.ticks.try_recv().is_ok());
        assert!(source.ticks.try_recv().is_err());
        assert_eq!(source.tick().await, Some(()));
    }

    #[tokio::test]
    async fn a_renewed_job_ticks_and_the_old_one_does_not() {
        let mut source = Source::start(&cron("0 0 0 1 1 *")).await.unwrap();
        let old = source.job.guid();
        source.renew(&cron("* * * * * *")).await.unwrap();
        let tick = tokio::time::timeout(Duration::from_secs(10), source.tick()).await;
        assert_eq!(tick, Ok(Some(())));
        let mut scheduler = source.scheduler.clone();
        assert!(!matches!(
            scheduler.next_tick_for_job(old).await,
            Ok(Some(_))
        ));
    }

    /// What the configuration and its warnings compute is what the scheduler does.
    #[tokio::test]
    async fn the_scheduler_and_the_configuration_agree_on_the_next_time() {
        for text in [
            "0 */15 * * * *",
            "*/7 3,5 */2 * * *",
            "0 0 3 * * MON-FRI",
            "0 0 0 * * 7",
            "0 0 0 * * 0",
            "0 0 0 * * 1#1",
            "0 0 0 L * *",
            "0 0 0 15W * *",
            "0 0 0 29 2 *",
            // Both fields: crontab would take either one.
            "0 0 4 1,15 * MON",
            "0 0 0 1 * MON",
        ] {
            let cron = cron(text);
            let ours = cron.next(clock::now());
            let mut source = Source::start(&cron).await.unwrap();
            let id = source.job.guid();
            let theirs = source.scheduler.next_tick_for_job(id).await.unwrap();
            let seconds = theirs.map(|time| time.timestamp());
            // Unless a second began between the two looks.
            if ours == cron.next(clock::now()) {
                assert_eq!(ours.map(jiff::Timestamp::as_second), seconds, "{text}");
            }
        }
    }
}
