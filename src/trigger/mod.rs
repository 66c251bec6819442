//! Why a cycle should run.

/// Weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Look at the files, no network unless one is missing
    Disk,
    /// Conditional requests
    Schedule,
    /// Unconditional
    Force,
}
