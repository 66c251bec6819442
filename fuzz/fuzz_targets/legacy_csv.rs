//! `cargo fuzz run legacy_csv`
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("legacy_csv", data));
