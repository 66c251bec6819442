//! horde-refd keeps one directory of AI-Horde model references correct, fresh and safe to read.

pub mod category;
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod convert;
pub mod legacy;
pub mod observe;
pub mod upstream;
