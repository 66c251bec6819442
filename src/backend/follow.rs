//! Staleness noticed without being asked: the files are watched and the TTL is timed for as long as the backend is followed.

use std::time::Duration;

use super::GithubBackend;
use crate::clock;
use crate::trigger::Trigger;
use crate::trigger::watch::{Names, Watch, WatchError};

impl GithubBackend {
    /// Announces every staleness when it happens, until the future is dropped; without it, staleness is noticed when
    /// it is asked about. Needs a tokio runtime with time and, for inotify, I/O enabled.
    ///
    /// # Errors
    /// Watching cannot start, or has died; that is the only way this ends by itself.
    pub async fn follow(&self) -> WatchError {
        let trigger = Trigger::new();
        let directories = vec![
            self.layout.base().to_owned(),
            self.layout.legacy_directory(),
        ];
        let extra = self.config.extra_files.iter();
        let names = Names::new(extra.map(|file| file.file.as_str()));
        let mut watch = match Watch::start(directories, names, &self.config.watch, trigger.clone())
        {
            Ok(watch) => watch,
            Err(error) => return error,
        };
        loop {
            // First of all what changed before anybody watched.
            self.check();
            let expiry = self.cache().next_expiry();
            let expired = async {
                match expiry {
                    // One millisecond past: an age equal to the TTL is still fresh.
                    Some(at) => {
                        let left = at.saturating_duration_since(clock::instant());
                        tokio::time::sleep(left + Duration::from_millis(1)).await;
                    }
                    None => {
                        // Loads are not announced, so a load meanwhile is found at the next look.
                        tokio::time::sleep(self.config.ttl.max(Duration::from_millis(1))).await;
                    }
                }
            };
            tokio::select! {
                _ = trigger.next() => {}
                () = expired => {}
                error = watch.failed() => return error,
            }
        }
    }
}
