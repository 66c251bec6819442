//! `horde-refd refresh`: asks the running daemon for a forced refresh, and waits for it if told to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::Exit;
use super::args::{Common, RefreshArgs};
use super::output;
use crate::clock;
use crate::ledger::status::{self, Status};
use crate::mirror::{Layout, lock};

/// How often the status file is looked at; it is written once a cycle.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn main(common: &Common, args: &RefreshArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let runtime_directory = std::env::var_os("RUNTIME_DIRECTORY");
    let located = status::locate(runtime_directory.as_deref(), &config.base_path);
    let Some(path) = located.found else {
        let mirror = config.base_path.display();
        if lock::is_held(&Layout::new(&config.base_path).lock()) {
            let paths: Vec<_> = located
                .looked_at
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            bail!(
                "a writer holds the mirror {mirror}, but its status file is missing (looked for {}), so nothing says which process to ask; send SIGHUP to the daemon, or use `systemctl reload`",
                paths.join(" and ")
            );
        }
        bail!(
            "no daemon has run on the mirror {mirror}; start one with `horde-refd run`, or refresh once with `horde-refd sync`"
        );
    };
    let status = Status::read(&path)?;
    if !status.is_alive(clock::now()) {
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
    let asked_us = clock::monotonic_us();
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
    let begun = clock::instant();
    loop {
        let status = Status::read(path);
        if let Ok(status) = &status {
            if let Some(forced) = status
                .last_forced
                .filter(|forced| forced.began_monotonic_us >= asked_us)
            {
                return Ok(outcome(status, forced.exit_code));
            }
            if !status.is_alive(clock::now()) {
                bail!(
                    "the daemon (process {}) ended before the refresh did",
                    status.process.pid
                );
            }
        }
        if let Some(timeout) = timeout.filter(|timeout| clock::since(begun) > *timeout) {
            bail!("the refresh was not over after {timeout:?}; it goes on in the daemon");
        }
        std::thread::sleep(LOOK);
    }
}

/// How the forced cycle ended; what is not as it was asked for is told on stderr.
fn outcome(status: &Status, exit_code: u8) -> Exit {
    const LOCKED: u8 = Exit::Locked as u8;
    match exit_code {
        0 => Exit::Done,
        LOCKED => {
            output::complain(&anyhow!(
                "this daemon stands by: another writer holds the mirror, and nothing was asked of the upstream"
            ));
            Exit::Locked
        }
        _ => {
            let now = clock::now();
            let mut lines = vec!["the refresh is over, and not all is well".to_owned()];
            lines.extend(status.complaints(now));
            let limited = status.upstreams.iter();
            let limited =
                limited.filter_map(|(name, upstream)| Some((name, upstream.limited_until?)));
            for (host, until) in limited.filter(|(_, until)| *until > now) {
                lines.push(format!("{host} asked to be left alone until {until:.0}"));
            }
            output::complain(&anyhow!(lines.join("\n  ")));
            Exit::Failed
        }
    }
}
