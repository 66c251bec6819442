//! Follows a mirror: says which category went stale and why, and reads it again, until so many events were seen.
//!
//! ```sh
//! cargo run --example subscribe -- ./mirror 1
//! ```
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use horde_refd::backend::{GithubBackend, Invalidation};
use horde_refd::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mirror = arguments.next().ok_or("which mirror?")?;
    let events: usize = arguments.next().ok_or("how many events?")?.parse()?;

    let backend = GithubBackend::open_reader(Config::default_for(mirror.into()))?;
    let mut stale = backend.subscribe();
    let loaded = backend.warm_cache().await;
    println!("following {loaded} categories");

    let report = async {
        for _ in 0..events {
            let Invalidation { category, cause } = stale.recv().await?;
            println!("{category} is stale: {cause:?}");
            if let Some(reference) = backend.fetch_category(category, false).await? {
                println!("{category} has {} models", reference.records()?.len());
            }
        }
        Ok::<(), Box<dyn Error>>(())
    };
    // Following watches the files and times the TTL for as long as its future lives.
    tokio::select! {
        reported = report => reported,
        died = backend.follow() => Err(died.into()),
    }
}
