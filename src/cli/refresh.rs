//! `horde-refd refresh`: asks the running daemon for a forced refresh; with `--wait` it returns when that is over.

use anyhow::anyhow;

use super::args::{Common, RefreshArgs};
use super::output;
use super::{Exit, runtime_directory};
use crate::clock;
use crate::inspect::daemon::{Daemon, Refreshed};
use crate::inspect::newer::newer_configuration;

pub(super) fn main(common: &Common, args: &RefreshArgs) -> anyhow::Result<Exit> {
    let effective = common.load()?;
    let base_path = &effective.config.base_path;
    let daemon = Daemon::find(runtime_directory().as_deref(), base_path)?;
    let newer = effective
        .file
        .and_then(|file| newer_configuration(&daemon, &file, clock::now()));
    if let Some(newer) = newer {
        output::warn(format_args!(
            "{newer}; restart it to take the change into use"
        ));
    }
    let asked = daemon.refresh()?;
    if !args.wait {
        return Ok(Exit::Done);
    }
    Ok(outcome(&asked.wait(args.timeout)?))
}

/// The exit code of the forced cycle; what is not as it was asked for goes to stderr.
fn outcome(refreshed: &Refreshed) -> Exit {
    const LOCKED: u8 = Exit::Locked as u8;
    match refreshed.exit_code {
        0 => Exit::Done,
        LOCKED => {
            output::complain(&anyhow!(
                "this daemon stands by: another writer holds the mirror, and nothing was asked of the upstream"
            ));
            Exit::Locked
        }
        _ => {
            let now = clock::now();
            let status = &refreshed.status;
            let mut lines = vec!["the refresh is over, and not all is well".to_owned()];
            lines.extend(status.complaints(now));
            for (name, upstream) in &status.upstreams {
                if let Some(until) = upstream.limited_until.filter(|until| *until > now) {
                    lines.push(format!("{name} asked to be left alone until {until:.0}"));
                }
            }
            output::complain(&anyhow!(lines.join("\n  ")));
            Exit::Failed
        }
    }
}
