//! Reads one category of a mirror that another program keeps fresh.
//!
//! ```sh
//! cargo run --example read_category -- ./mirror image_generation
//! ```
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mirror = arguments.next().ok_or("which mirror?")?;
    let category: Category = arguments.next().ok_or("which category?")?.parse()?;

    // A reader takes no lock, asks no upstream and writes nothing.
    let backend = GithubBackend::open_reader(Config::default_for(mirror.into()))?;
    let Some(reference) = backend.fetch_category(category, false).await? else {
        println!("{category} has no reference");
        return Ok(());
    };
    for (model, record) in reference.records()? {
        let description = record.get("description").and_then(|text| text.as_str());
        println!("{model}: {}", description.unwrap_or("-"));
    }
    Ok(())
}
