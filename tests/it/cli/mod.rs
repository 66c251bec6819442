//! What the command line answers, through the real binary.

mod check;
mod config;
mod filters;
mod startup;
mod status;
