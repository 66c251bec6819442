//! `horde-refd run`: the daemon.

use super::args::Common;
use super::startup::runtime;
use super::{Audience, Exit};
use crate::daemon;
use crate::trigger::signals::Signals;

pub(super) fn main(common: &Common) -> anyhow::Result<Exit> {
    // First of all, before any thread: a SIGHUP that comes early must not kill.
    let signals = Signals::register()?;
    let effective = common.start(Audience::Service)?;
    let runtime_directory = std::env::var_os("RUNTIME_DIRECTORY");
    let runtime = runtime()?;
    let ended = runtime.block_on(daemon::run(effective.config, signals, runtime_directory));
    // A stuck name lookup must not keep the process: nothing of ours runs on the runtime's other threads.
    runtime.shutdown_background();
    ended?;
    Ok(Exit::Done)
}
