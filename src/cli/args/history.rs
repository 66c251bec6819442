//! The arguments of the commands that look at kept generations.

use super::category::category;
use crate::category::Category;

/// `history`
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Only this category [default: all]
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub category: Option<Category>,
}

/// `diff`
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// Compare the present version with what a sync would publish if nothing held it; nothing is written
    #[arg(long, conflicts_with = "from")]
    pub incoming: bool,

    /// Exit with 1 when they differ
    #[arg(long)]
    pub exit_code: bool,

    /// The category to compare
    #[arg(value_name = "CATEGORY", value_parser = category(), hide_possible_values = true)]
    pub category: Category,

    /// The older generation: at least 4 of its digits [default: the next older one]
    #[arg(value_name = "FROM")]
    pub from: Option<String>,

    /// The newer generation [default: the present one]
    #[arg(value_name = "TO")]
    pub to: Option<String>,
}
