//! What several test programs need: servers to fetch from. Each test program uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "every test program compiles this module for itself and uses only a part of it"
)]

pub mod nginx;
pub mod scripted;
