//! The targets of `fuzz/` under stable Rust: mutations of a kept corpus, from a seed, for a bounded time.
//!
//! 1. An input whose outcome is of a new kind joins the corpus of the run; `HORDE_REFD_FUZZ_KEEP` writes it to
//!    `fuzz/corpus/` too.
//! 2. An input that a target fails on is written below `fuzz/findings/`, and runs first from then on.
//!
//! `HORDE_REFD_FUZZ_SECONDS` is how long each target runs, `HORDE_REFD_FUZZ_SEED` where the mutations begin.

mod mutate;
#[path = "../../../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::targets::{TARGETS, Target};
use crate::common::sha256;

/// No input may take longer, of the processor's time in a build that is not optimised. An expression that never comes due
/// takes the longest: every day up to the year 5000 is looked at, in 0.2 s when optimised.
const SLOW: Duration = Duration::from_secs(20);
/// How many new inputs a run keeps at most.
const MOST_KEPT: usize = 40;
/// How many kinds of outcome a run tells apart: messages that quote their input are of a new kind each time, and an hour of
/// those would fill the memory.
const MOST_KINDS: usize = 20_000;
/// The largest input.
const MOST: usize = 16 << 10;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn below_fuzz(kind: &str, target: &Target) -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    fuzz.join(kind).join(target.name)
}

fn inputs(directory: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What this thread has used of the processor.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap()
}

/// The outcome of an input; one that fails is kept, and ends the test.
fn outcome(target: &Target, input: &[u8]) -> String {
    let begun = processor_time();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let slow = processor_time() - begun > SLOW;
    match outcome {
        Ok(outcome) if !slow => outcome,
        _ => {
            let directory = below_fuzz("findings", target);
            fs::create_dir_all(&directory).unwrap();
            let path = directory.join(&sha256(input)[..12]);
            fs::write(&path, input).unwrap();
            let shown = input.escape_ascii().to_string();
            panic!(
                "{} (slow: {slow}): {} with {shown}",
                target.name,
                path.display()
            );
        }
    }
}

/// Runs a target; what it did, in a line.
fn fuzz(name: &str) -> String {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seconds = setting("HORDE_REFD_FUZZ_SECONDS", 2);
    let seed = setting("HORDE_REFD_FUZZ_SEED", 1);
    let keep = std::env::var_os("HORDE_REFD_FUZZ_KEEP").is_some();
    for finding in inputs(&below_fuzz("findings", target)) {
        outcome(target, &finding);
    }
    let mut corpus = inputs(&below_fuzz("corpus", target));
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let mut kinds: BTreeSet<_> = corpus.iter().map(|input| outcome(target, input)).collect();
    let known = kinds.len();
    let mut chance = fastrand::Rng::with_seed(seed);
    let (begun, mut executions) = (Instant::now(), corpus.len());
    while begun.elapsed() < Duration::from_secs(seconds) {
        let input = mutate::mutated(&corpus, target.dictionary, MOST, &mut chance);
        let kind = outcome(target, &input);
        executions += 1;
        if kinds.len() < MOST_KINDS && kinds.insert(kind) {
            if keep && kinds.len() < known + MOST_KEPT {
                let path = below_fuzz("corpus", target).join(&sha256(&input)[..12]);
                fs::write(path, &input).unwrap();
            }
            corpus.push(input);
        }
    }
    format!(
        "fuzz {name}: {executions} executions in {seconds} s from seed {seed}, {} kinds of outcome, {} of them new",
        kinds.len(),
        kinds.len() - known
    )
}

macro_rules! fuzz {
    ($($test:ident $target:literal)*) => {$(
        #[test]
        fn $test() {
            println!("{}", fuzz($target));
        }
    )*};
}

fuzz! {
    any_legacy_json_is_converted_or_refused "legacy_json"
    any_models_csv_is_converted_or_refused "legacy_csv"
    any_v2_from_elsewhere_is_laid_out_or_refused "v2"
    any_json_is_read_and_written_or_refused "json"
    any_manifest_is_read_or_refused "manifest"
    any_state_is_read_or_refused "state"
    any_orders_are_changed_or_refused_whole "intent"
    any_status_is_read_or_refused "status"
    any_notes_of_a_mirror_end_in_true_ones "mirror"
    any_configuration_is_usable_or_refused "configuration"
    any_cron_expression_comes_due_or_is_refused "cron"
    any_header_values_are_taken_or_passed_over "headers"
    any_no_proxy_is_read "no_proxy"
}

/// Every target has its test and its program for cargo-fuzz.
#[test]
fn every_target_is_run_here_and_by_cargo_fuzz() {
    let tests = include_str!("mod.rs");
    for target in TARGETS {
        let name = target.name;
        assert!(tests.contains(&format!(" \"{name}\"\n")), "{name}");
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(
            fuzz.join("fuzz_targets")
                .join(format!("{name}.rs"))
                .is_file()
        );
    }
}
