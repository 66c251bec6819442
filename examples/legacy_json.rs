//! Prints the names of a category's legacy records, as programs that still read the legacy format want them.
//!
//! ```sh
//! cargo run --example legacy_json -- ./mirror text_generation
//! ```
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::Config;
use horde_refd::python::json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mirror = arguments.next().ok_or("which mirror?")?;
    let category: Category = arguments.next().ok_or("which category?")?.parse()?;

    let backend = GithubBackend::open_reader(Config::default_for(mirror.into()))?;
    // models.csv comes as its JSON view; the numbers of all records are as exact as the bytes.
    let legacy = backend.legacy_json(category, false).await;
    let Some(Value::Object(records)) = legacy.as_deref() else {
        println!("{category} has no legacy file");
        return Ok(());
    };
    for name in records.keys() {
        println!("{name}");
    }
    Ok(())
}
