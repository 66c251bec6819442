//! tokio-cron-scheduler, shut into a thread that ends with it.
//!
//! 1. The only job is a cron job in UTC whose body is a `try_send` on a channel of one: ticks never pile up.
//! 2. The scheduler looks at the clock every 500 ms, which costs four wake-ups a second, and leaves eleven tasks behind when it is
//!    shut down (measured with 0.15.1). So it has a runtime of its own, and dropping that leaves nothing.
//! 3. When the thread dies, the channel closes.

use std::time::Duration;

use chrono::Utc;
use tokio::sync::{mpsc, oneshot};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::ScheduleError;

/// Plenty for a loop that compares two times.
const STACK_BYTES: usize = 512 * 1024;

/// A running scheduler; its thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) ticks: mpsc::Receiver<()>,
    /// Dropped, it ends the thread.
    _running: oneshot::Sender<()>,
}

impl Source {
    /// Starts the thread and waits until the job is in place.
    pub(super) async fn start(expression: &str) -> Result<Self, ScheduleError> {
        let (sender, ticks) = mpsc::channel(1);
        let (running, stopped) = oneshot::channel::<()>();
        let (tell, started) = oneshot::channel();
        let cron = expression.to_owned();
        std::thread::Builder::new()
            .name("schedule".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(&cron, sender, tell, stopped))
            .map_err(|source| ScheduleError::Thread { source })?;
        match started.await {
            Ok(Ok(())) => Ok(Self {
                ticks,
                _running: running,
            }),
            Ok(Err(Failure::Runtime(source))) => Err(ScheduleError::Thread { source }),
            Ok(Err(Failure::Scheduler(source))) => Err(ScheduleError::Start {
                expression: expression.to_owned(),
                source,
            }),
            Err(_) => Err(ScheduleError::Died {
                expression: expression.to_owned(),
            }),
        }
    }
}

enum Failure {
    Runtime(std::io::Error),
    Scheduler(JobSchedulerError),
}

fn serve(
    cron: &str,
    ticks: mpsc::Sender<()>,
    tell: oneshot::Sender<Result<(), Failure>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            // Whoever waits for the answer may have gone; so does this thread.
            let _ = tell.send(Err(Failure::Runtime(error)));
            return;
        }
    };
    runtime.block_on(async {
        match schedule(cron, ticks).await {
            Ok(_scheduler) => {
                if tell.send(Ok(())).is_ok() {
                    // An error is the sender's end, which is the signal.
                    let _ = stopped.await;
                }
            }
            Err(error) => {
                let _ = tell.send(Err(Failure::Scheduler(error)));
            }
        }
    });
    // Whatever a task is stuck in, it does not hold the thread.
    runtime.shutdown_timeout(Duration::ZERO);
}

async fn schedule(cron: &str, ticks: mpsc::Sender<()>) -> Result<JobScheduler, JobSchedulerError> {
    // The default of 200 slots per channel is for many jobs; this is one.
    let scheduler = JobScheduler::new_with_channel_size(8).await?;
    let job = Job::new_async_tz(cron, Utc, move |_, _| {
        // Full means that a tick is waiting already: this one is skipped.
        let _ = ticks.try_send(());
        Box::pin(std::future::ready(()))
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn invariant_1_ticks_do_not_pile_up() {
        let mut source = Source::start("* * * * * *").await.unwrap();
        // The scheduler ticks on in its thread while this runtime is blocked.
        std::thread::sleep(Duration::from_millis(3500));
        assert!(source.ticks.try_recv().is_ok());
        assert!(source.ticks.try_recv().is_err());
        source.ticks.recv().await.unwrap();
    }

    #[tokio::test]
    async fn invariant_2_the_thread_ends_with_its_source() {
        let mut source = Source::start("0 0 0 1 1 *").await.unwrap();
        let (_, other) = mpsc::channel(1);
        let mut ticks = std::mem::replace(&mut source.ticks, other);
        drop(source);
        let closed = tokio::time::timeout(Duration::from_secs(10), ticks.recv()).await;
        assert_eq!(closed, Ok(None), "the job and its sender are gone");
    }

    #[tokio::test]
    async fn an_expression_it_refuses_is_an_error() {
        assert!(matches!(
            Source::start("hourly").await,
            Err(ScheduleError::Start { .. })
        ));
    }
}
