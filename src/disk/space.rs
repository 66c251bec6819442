//! How much room a file system has.

/// What is left on a file system for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that may still be written.
    pub bytes: u64,
    /// Files that may still be made; `None` where the file system has no such limit.
    pub inodes: Option<u64>,
}
