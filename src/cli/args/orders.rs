//! The arguments of the operator's orders.

use std::time::Duration;

use super::category::category;
use crate::category::Category;
use crate::config::parse_duration;

/// `accept`
#[derive(Debug, clap::Args)]
pub struct AcceptArgs {
    /// The categories whose held update is published
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true, required = true)]
    pub categories: Vec<Category>,

    /// Give up waiting for a daemon after this long; the order stays written
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,
}

/// `rollback`
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// The category to put back
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub category: Category,

    /// The generation, by 4 or more of its first digits [default: the next older one]
    #[arg(long, value_name = "GENERATION")]
    pub to: Option<String>,

    /// Give up waiting for a daemon after this long; the order stays written
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,
}

/// `unpin`
#[derive(Debug, clap::Args)]
pub struct UnpinArgs {
    /// The categories that follow the upstream again
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true, required = true)]
    pub categories: Vec<Category>,

    /// Give up waiting for a daemon after this long; the order stays written
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,
}
