//! What the command line answers, through the real binary.

mod check;
mod config;
mod doctor;
mod filters;
mod packaging;
mod shipped;
mod startup;
mod status;
mod terminal;
