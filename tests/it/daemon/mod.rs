//! The daemon end to end: the real binary as a child, seen by its files, its log and its signals.
//!
//! Nothing here sleeps to let something happen: every wait is for an observed state and ends in a failure after a
//! bound. That something does *not* happen is shown by a barrier ([`crate::common::Daemon::cycles_caused_by`]): an event
//! that is known to cause one cycle, after which exactly one was added.

mod hooks;
mod metrics;
mod mount;
mod news;
mod notify;
mod refresh;
mod restart;
mod schedule;
mod signals;
mod standby;
mod status;
mod stop;
mod watch;
