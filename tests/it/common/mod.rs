//! What several themes need: a world to work in, the program run in it, servers to fetch from.

mod daemon;
pub mod kills;
pub mod need;
pub mod nginx;
pub mod origin;
pub mod prometheus;
pub mod scripted;
pub mod site;
pub mod terminal;
mod world;

pub use daemon::*;
pub use world::*;
