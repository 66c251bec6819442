//! horde-refd keeps one directory of AI-Horde model references correct, fresh and safe to read.

pub mod category;
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod disk;
pub mod error;

pub mod backend;
pub mod convert;
pub mod freshness;
pub mod legacy;
pub mod mirror;
pub mod pipeline;
pub mod trigger;
pub mod upstream;
