//! Bytes in, bytes out: recorded cases, the executable specification, and what holds for every input.

mod conformance;
mod oracle;
mod properties;
mod skip;

use horde_refd::legacy::{Issues, Rejected};
use serde_json::Value;

fn issues_json(issues: &Issues) -> Value {
    issues
        .iter()
        .map(|(key, messages)| {
            (
                key.to_owned(),
                messages.map(String::from).collect::<Value>(),
            )
        })
        .collect()
}

/// A lone surrogate escape, or nesting beyond our limit: the two inputs that we may refuse.
fn may_be_refused(rejected: &Rejected) -> bool {
    rejected.reason.contains("Lone surrogate") || rejected.reason.contains("Nesting deeper")
}
