//! How deep a cycle goes: the one thing that a trigger says.

/// How deep a cycle goes, shallowest first; a deeper one does all that a shallower one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Depth {
    /// Look at the files; no network unless one is missing.
    Disk = 1,
    /// Ask the upstreams, conditionally.
    Poll = 2,
    /// Ask the upstreams for everything, unconditionally.
    Force = 3,
}

impl Depth {
    /// The name used in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Poll => "poll",
            Self::Force => "force",
        }
    }

    /// The depth with this number; `None` for 0, which stands for no cycle at all.
    #[must_use]
    pub const fn from_rank(rank: u8) -> Option<Self> {
        match rank {
            1 => Some(Self::Disk),
            2 => Some(Self::Poll),
            3 => Some(Self::Force),
            _ => None,
        }
    }
}
