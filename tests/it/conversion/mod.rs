//! Bytes in, bytes out: recorded cases, the executable specification, and what holds for every input.

mod conformance;
mod oracle;
mod properties;
mod skip;
