//! The first process of a container gets every process whose parent ends, and has to wait for them.
//!
//! 1. Only as process 1, and only what is not a hook: its own task waits for that.
//! 2. It wakes when a child ends (SIGCHLD), never by the clock.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use signal_hook::consts::SIGCHLD;
use tokio::task::JoinHandle;

/// The processes that are waited for elsewhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Own(Arc<Mutex<BTreeSet<i32>>>);

impl Own {
    /// Starts a process that is waited for by its starter until [`Own::waited_for`].
    pub(super) fn start<C>(
        &self,
        spawn: impl FnOnce() -> std::io::Result<(C, Option<Pid>)>,
    ) -> std::io::Result<(C, Option<Pid>)> {
        // Held meanwhile, so that one that ends at once is known before it is looked for.
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (child, pid) = spawn()?;
        own.extend(pid.map(|pid| pid.as_raw_nonzero().get()));
        Ok((child, pid))
    }

    pub(super) fn waited_for(&self, pid: Option<Pid>) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = pid {
            own.remove(&pid.as_raw_nonzero().get());
        }
    }

    /// Waits for every child that has ended and is not one of these.
    fn reap_others(&self) {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ended = ended
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| !own.contains(pid) && is_ended_child(*pid));
        for pid in ended {
            // ECHILD: it is none of ours any more, which is what was wanted.
            let _ = waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
        }
    }
}

/// Starts the task, in process 1.
pub(super) fn start(own: Own) -> Option<JoinHandle<()>> {
    if !getpid().is_init() {
        return None;
    }
    let mut ended = match signal_hook_tokio::Signals::new([SIGCHLD]) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::warn!(%error, "processes that hooks leave behind will stay as zombies");
            return None;
        }
    };
    Some(tokio::spawn(async move {
        own.reap_others();
        while ended.next().await.is_some() {
            own.reap_others();
        }
    }))
}

fn is_ended_child(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    is_ended_child_of(&stat, getpid().as_raw_nonzero().get())
}

/// Whether `/proc/PID/stat` is that of a zombie of `parent`: the name, in parentheses, may itself hold some.
fn is_ended_child_of(stat: &str, parent: i32) -> bool {
    let mut fields = stat.rsplit_once(") ").map_or("", |it| it.1).split(' ');
    fields.next() == Some("Z") && fields.next() == Some(parent.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_is_known_by_its_line() {
        for (stat, expected) in [
            ("17 (sleep) Z 1 1 0 0", true),
            ("17 (sleep) S 1 1 0 0", false),
            ("17 (sleep) Z 9 1 0 0", false),
            ("17 (a) S 1 (b) Z 1 1 0 0", true),
            ("17 (a) Z 1 (b) S 1 1 0 0", false),
            ("", false),
        ] {
            assert_eq!(is_ended_child_of(stat, 1), expected, "{stat}");
        }
    }
}
