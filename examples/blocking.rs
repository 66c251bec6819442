//! Keeps a mirror of one's own, without an async runtime: fetches what is missing, then serves from memory.
//!
//! ```sh
//! cargo run --example blocking -- ./mirror tests/fixtures/upstream
//! ```
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use horde_refd::blocking::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mirror = arguments.next().ok_or("which mirror?")?;
    let mut config = Config::default_for(mirror.into());
    if let Some(directory) = arguments.next() {
        let origin = Origin::Directory(directory.into());
        config.upstreams = vec![UpstreamConfig::new(origin, Layout::Github)];
    }

    let backend = GithubBackend::open(config)?;
    println!("{} categories are fresh", backend.warm_cache());
    for category in Category::with_legacy() {
        if let Some(reference) = backend.fetch_category(category, false)? {
            println!("{category}: {} models", reference.records()?.len());
        }
    }
    // What needs no waiting is asked of the backend itself.
    let statistics = backend.inner().statistics();
    println!("{} fetches came from memory", statistics.cache_hits);
    Ok(())
}
