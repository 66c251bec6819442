//! horde-refd keeps one directory of AI-Horde model references correct, fresh and safe to read.
//!
//! # The way of the data
//!
//! One direction, one owner at a time:
//!
//! ```text
//! trigger            cron tick, file event, SIGHUP, start, command line
//!   -> upstream      fetch one legacy file, conditionally -> new bytes | not modified | error
//!   -> legacy        parse and check it -> records + issues | rejected
//!   -> convert       records -> v2 bytes
//!   -> mirror        publish the legacy file, then the v2 file, then the manifest
//!   -> observe       log, status, metrics, callbacks, hooks
//! ```
//!
//! The modules below stand in that order. A module uses only what stands before it (`tests/architecture.rs` holds
//! that), so each rule has one place and can be read from left to right:
//!
//! - [`trigger`] says *that* a cycle should run and how hard it should ask, never *which* file changed.
//! - [`upstream`] brings the bytes of one legacy file, or says why not; it knows nothing of mirrors.
//! - [`python`], [`legacy`] and [`convert`] are pure: bytes in, bytes out, no clock, no file, no network. Together
//!   they are what `horde_model_reference` 8.6.2 does, byte for byte, as `docs/conversion.md` has it: what its
//!   runtime does (knows no category), what a legacy record is, what v2 looks like.
//! - [`mirror`] is the published directory; [`disk::replace`] is the only function that writes a file.
//! - [`pipeline`] is one cycle, top to bottom. Every trigger takes it, and it compares everything each time, so a
//!   restart, a lost event and an overflow take the path that is always used.
//! - [`backend`] is the front door of the library, with [`freshness`] deciding what may be served as fresh.
//! - [`observe`] tells the world, and [`daemon`] is the loop that owns all of it.
//!
//! # Invariants
//!
//! 1. A reader of the mirror sees the old file or the new file, whole; it needs no lock, no network and no retry.
//! 2. A file's mtime changes exactly when its bytes do.
//! 3. Whatever fails, the last good v2 file stays; a failure of one category is no failure of another.
//! 4. Data that could not be refreshed is never called fresh.
//! 5. There is one writer per mirror, by its lock.
//!
//! # The contract with readers
//!
//! Open `<base_path>/<v2 file>` and read it to its end; read it again when its mtime is not the one you saw. Files
//! of different categories change one after the other: `manifest.json` changes last and names what belongs together.
//! A replaced file stays readable through a handle opened before, and for one more generation below
//! `.horde-refd/previous/`.
//!
//! # As a library
//!
//! [`backend::GithubBackend`] is the same backend that the daemon runs on, asynchronous, with a thin [`blocking`]
//! form. `examples/` has a program for each way to use it.

// Every way to write a file is disallowed (clippy.toml), except in `disk`; tests may do as they like.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod category;

pub mod item;

pub mod depth;

pub mod clock;

pub mod text;

pub mod repeat;

pub mod config;

pub mod disk;

pub mod error;

pub mod trigger;

pub mod upstream;

pub mod python;

pub mod legacy;

pub mod convert;

pub mod mirror;

pub mod freshness;

pub mod pipeline;

pub mod backend;

pub mod blocking;

pub mod observe;

pub mod daemon;

#[doc(hidden)]
pub mod cli;

/// The README's Rust code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeCode;
