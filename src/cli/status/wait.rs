//! `horde-refd status --wait D`: for units of workers and init containers, which start when there is something to read.
//!
//! 1. It ends when no listed category is absent: none of those that the daemon lists, or that the configured upstreams
//!    serve where no daemon has said anything yet; each has a file in the mirror.
//! 2. Neither mirror nor daemon need exist when it begins, nor need the status file be readable at each look.

use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use crate::category::Category;
use crate::cli::output;
use crate::clock;
use crate::config::Config;
use crate::inspect::status::{State, StatusError, View, span};
use crate::mirror::Layout;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for at most `patience`; whether it was enough.
pub(super) fn wait(
    config: &Config,
    patience: Duration,
    look: impl Fn() -> Result<View, StatusError>,
) -> bool {
    let begun = clock::instant();
    loop {
        let absent = absent(config, look().ok().as_ref());
        if absent.is_empty() {
            return true;
        }
        let left = patience.saturating_sub(clock::since(begun));
        if left.is_zero() {
            let names: Vec<_> = absent.iter().map(|category| category.name()).collect();
            output::complain(&anyhow!(
                "after {} still not published in {}: {}",
                span(patience),
                config.base_path.display(),
                names.join(", ")
            ));
            return false;
        }
        thread::sleep(left.min(LOOK));
    }
}

/// The listed categories that cannot be read.
fn absent(config: &Config, view: Option<&View>) -> Vec<Category> {
    let layout = Layout::new(&config.base_path);
    let served = |category: &Category| {
        let mut upstreams = config.upstreams.iter();
        upstreams.any(|upstream| upstream.categories.contains(category))
    };
    let expected = || Category::with_legacy().filter(served).collect();
    let missing = |category: &Category| !layout.v2(*category).is_file();
    match view {
        Some(View::Daemon(daemon)) if !daemon.status().categories.is_empty() => {
            let listed = daemon.status().categories.iter();
            let absent = listed
                .filter(|(category, status)| status.state == State::Absent || missing(category));
            absent.map(|(category, _)| *category).collect()
        }
        _ => {
            let mut expected: Vec<_> = expected();
            expected.retain(missing);
            expected
        }
    }
}
