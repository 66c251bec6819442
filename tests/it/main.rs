//! Everything that is tested from outside, end to end: the real binary, real directories, real servers; and the
//! library as other programs use it. One program, so that it is linked once; a directory a theme.
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod backend;
mod cli;
mod common;
mod conversion;
mod daemon;
mod docs;
mod faults;
mod files;
mod fuzz;
mod history;
mod interop;
mod monitors;
mod observe;
mod operator;
mod soak;
mod sync;
mod trigger;
mod upstream;
mod upstreams;
