//! One cycle, top to bottom.

mod event;

pub use self::event::{
    Answered, Breaker, Event, Held, ItemError, ItemReport, Origin, Outcome, Report, UpstreamReport,
};
