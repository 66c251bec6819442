//! Marks a category as stale, fetches it again, and says how a mirror is.
//!
//! ```sh
//! cargo run --example health -- ./mirror tests/fixtures/upstream clip
//! ```
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::time::Duration;

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mirror = arguments.next().ok_or("which mirror?")?;
    let upstream = arguments.next().ok_or("which upstream?")?;
    let category: Category = arguments.next().ok_or("which category?")?.parse()?;

    let mut config = Config::default_for(mirror.into());
    let origin = Origin::Directory(upstream.into());
    config.upstreams = vec![UpstreamConfig::new(origin, Layout::Github)];
    // Nothing grows old by itself here: only a mark, or another file, makes it stale.
    config.ttl = Duration::MAX;
    let backend = GithubBackend::open(config)?;
    backend.warm_cache().await;

    // Another program may know better than any TTL.
    backend.mark_stale(category);
    println!(
        "{category} needs a refresh: {}",
        backend.needs_refresh(category)
    );
    let stale = match backend.fetch_category(category, false).await? {
        Some(reference) => reference.is_stale(),
        None => return Err(format!("{category} has no reference").into()),
    };
    println!("{category} was fetched again, stale: {stale}");

    let health = backend.health();
    println!("healthy: {}", health.healthy);
    for (category, health) in &health.categories {
        if let Some(error) = &health.last_error {
            println!("{category}: {error}");
        }
    }
    Ok(())
}
