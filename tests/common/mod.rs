//! What several test programs need: servers to fetch from. Each test program uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "every test program compiles this module for itself, uses only a part of it, and fails by panicking"
)]

pub mod nginx;
pub mod prometheus;
pub mod scratch;
pub mod scripted;
