//! `horde-refd sync`, end to end: the real program, real directories, a real nginx, and a server that misbehaves.

mod again;
mod crash;
pub(crate) mod durability;
mod first;
mod generations;
mod limits;
mod people;
mod readers;
mod refused;
mod repair;
mod skip;
mod trouble;
