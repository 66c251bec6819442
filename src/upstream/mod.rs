//! Where legacy files come from: an HTTP(S) server or a directory, asked conditionally.

pub mod validators;

pub use validators::Validators;
