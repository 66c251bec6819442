//! horde-refd keeps one directory of AI-Horde model references correct, fresh and safe to read.

pub mod category;
pub mod config;
pub mod disk;

pub mod trigger;
pub mod upstream;
pub mod legacy;
pub mod convert;
pub mod mirror;
pub mod freshness;
pub mod pipeline;
pub mod backend;
