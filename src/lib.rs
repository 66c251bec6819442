//! horde-refd keeps one directory of AI-Horde model references correct, fresh and safe to read.
//!
//! # The way of the data
//!
//! One direction, values all the way, effects at the two ends:
//!
//! ```text
//! trigger            cron tick · file event · SIGHUP · start · command line -> a depth
//!   -> plan          whom to ask for what, and how                             pure
//!   -> upstream      bodies that say where they came from and in which form    network
//!   -> draft         legacy: parse, convert                                    pure
//!   -> verdict       publish, equal, held, pinned, refused                     pure
//!   -> mirror        legacy, v2, generation, then the manifest                 the only writer
//!   -> ledger        facts per item; status, metrics, log, hooks are read from them
//! ```
//!
//! The modules below stand in that order, and a module uses only what stands before it (`tests/architecture.rs` holds
//! that), so each rule has one place and is found where this picture says:
//!
//! - [`trigger`] says *that* a cycle should run and how deep ([`depth`]), never *which* file changed.
//! - [`upstream`] brings a body of an [`item`], or says why not; it knows nothing of mirrors.
//! - [`python`], [`legacy`] and [`convert`] are pure: bytes in, bytes out, no clock, no file, no network. They are what
//!   the reference's runtime does, what a legacy record is, and what v2 looks like, byte for byte as
//!   `horde_model_reference` 8.6.2 has it (docs/conversion.md).
//! - [`draft`] makes of a body what would be published, and [`verdict`] says what becomes of it. Both are pure.
//! - [`mirror`] is the published directory; [`disk`] is the only code that writes a file.
//! - [`cycle`] is one cycle, top to bottom: [`cycle::plan`] decides whom to ask, and its `apply` is the only caller of
//!   what writes in the mirror.
//! - [`ledger`] folds what a cycle says into facts, and everything that anybody is shown is read from there.
//! - [`backend`] is the front door of the library, with [`freshness`] deciding what may be served as fresh.
//! - [`inspect`] answers what people and programs ask without changing anything.
//! - [`observe`] shows the world what the ledger has, and [`daemon`] is the loop that owns all of it.
//!
//! # Why it is so
//!
//! - **A file edited on disk takes the same road as a download.** The look at the disk is one more place that a body
//!   comes from. Two roads would drift apart, and the one that is used once a year would be the broken one.
//! - **A trigger names no file.** Every cycle compares everything with what was left, so a restart, a lost event and an
//!   overflow take the path that is always used. Hints of *what* changed would save milliseconds and cost that.
//! - **Decisions are values.** A plan, a draft and a verdict can be printed, tested as tables and thrown away; a dry run
//!   is the same road without its last steps. Code that decides while it writes can be none of that.
//! - **Orders are state.** What an operator wants kept stands in a file that every cycle reads, not in a message that a
//!   restart loses.
//! - **One ledger.** A fact that stood in six structs was wrong in one of them; now a new fact is one field, read by
//!   status, metrics, log, tables and hooks alike.
//! - **The manifest says what each v2 file was made from.** So a damaged file is brought back to *that*, and a cycle with
//!   nothing new converts nothing.
//!
//! What was tried or weighed and rejected stands in `docs/why.md`.
//!
//! # Invariants
//!
//! 1. A reader of the mirror sees the old file or the new file, whole; it needs no lock, no network and no retry.
//! 2. A file's mtime changes exactly when its bytes do.
//! 3. Whatever fails, the last good v2 file stays; a failure of one category is no failure of another.
//! 4. Data that could not be refreshed is never called fresh.
//! 5. There is one writer per mirror, by its lock.
//! 6. What is said to be done (exit code, READY, hook, status) is on the disk: files, then their directories, each once a
//!    cycle, then the manifest, the state and their directories.
//!
//! # The contract with readers
//!
//! Open `<base_path>/<v2 file>` and read it to its end; read it again when its mtime is not the one you saw. Files
//! of different categories change one after the other: `manifest.json` changes last and names what belongs together.
//! A replaced file stays readable through a handle opened before, and for a while below `.horde-refd/generations/`.
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
pub mod digest;

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

pub mod draft;

pub mod verdict;

pub mod mirror;

pub mod cycle;

pub mod ledger;

pub mod freshness;

pub mod backend;

pub mod blocking;

pub mod inspect;

pub mod observe;

pub mod daemon;

pub mod cli;

/// The README's Rust code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeCode;
