//! `horde-refd sync`, end to end: the real binary, real directories, a real nginx, and a server that misbehaves.
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod again;
#[path = "../common/mod.rs"]
mod common;
mod crash;
mod first;
mod limits;
mod readers;
mod refused;
mod repair;
mod trouble;
