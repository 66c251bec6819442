//! `horde-refd refresh`: asks the running daemon for a forced refresh, and waits for it if told to.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use super::Exit;
use super::args::{Common, RefreshArgs};
use crate::observe::status::{self, Status};

/// How often the status file is looked at; it is written once a cycle.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn main(common: &Common, args: &RefreshArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let runtime_directory = std::env::var_os("RUNTIME_DIRECTORY");
    let located = status::locate(runtime_directory.as_deref(), &config.base_path);
    let path = located.found.with_context(|| {
        format!(
            "no daemon has run on the mirror {}; start one with `horde-refd run`, or refresh once with `horde-refd sync`",
            config.base_path.display()
        )
    })?;
    let status = Status::read(&path)?;
    if !status.is_alive(Timestamp::now()) {
        bail!(
            "the daemon of the mirror {} (process {}) is not running; start it with `horde-refd run`, or refresh once with `horde-refd sync`",
            config.base_path.display(),
            status.process.pid
        );
    }
    let pid = i32::try_from(status.process.pid)
        .ok()
        .and_then(Pid::from_raw)
        .context("the status file names no process")?;
    let asked_us = crate::daemon::monotonic_us();
    kill_process(pid, Signal::HUP)
        .map_err(std::io::Error::from)
        .with_context(|| {
            format!(
                "cannot signal the daemon (process {}); run this as its user or as root",
                status.process.pid
            )
        })?;
    if !args.wait {
        return Ok(Exit::Done);
    }
    wait(&path, asked_us, args.timeout)
}

/// Waits for the end of a forced cycle that began after `asked_us`.
fn wait(path: &Path, asked_us: u64, timeout: Option<Duration>) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    loop {
        let status = Status::read(path);
        if let Ok(status) = &status {
            if let Some(forced) = status
                .last_forced
                .filter(|forced| forced.began_monotonic_us >= asked_us)
            {
                return Ok(if forced.exit_code == 0 {
                    Exit::Done
                } else {
                    Exit::Failed
                });
            }
            if !status.is_alive(Timestamp::now()) {
                bail!(
                    "the daemon (process {}) ended before the refresh did",
                    status.process.pid
                );
            }
        }
        if let Some(timeout) = timeout.filter(|timeout| begun.elapsed() > *timeout) {
            bail!("the refresh was not over after {timeout:?}; it goes on in the daemon");
        }
        std::thread::sleep(LOOK);
    }
}
