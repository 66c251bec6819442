//! What several themes need: servers to fetch from, directories to work in.

pub mod base64;
pub mod nginx;
pub mod prometheus;
pub mod scratch;
pub mod scripted;
