//! How fast the conversion is, against the least that any conversion has to do, measured in the same run.
//!
//! The floor of a JSON category: `serde_json` reads the same legacy bytes into a `Value`, and the finished v2 bytes
//! are copied into a fresh vector. The floor of text generation: the `csv` crate's records, and the same copy.
//! Both sides take turns, so that a busy machine hurts both; the smallest and the median time of each are compared.
//!
//! Then text and image generation at 1, 10 and 100 times their real size: time per model and peak memory. The
//! daemon converts a file once a quarter of an hour at most, with caches and heap as cold as they get, so each
//! measurement is the first conversion of a new process. That makes the sizes comparable, too: a process that
//! converts a small file again and again gets its memory from its own heap, and a large one from the kernel.
//!
//! The files come from `$HORDE_REFD_SHARED/corpus`, else from the fixtures.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and fails on anything unexpected"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use horde_refd::category::{Category, Repository};
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;

const ROUNDS: usize = 300;
const SCALES: [usize; 3] = [1, 10, 100];
const PROCESSES: usize = 15;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo bench` passes flags of its own.
    if let [_, mode, category, file] = arguments.as_slice()
        && mode == "once"
    {
        return once(category.parse().unwrap(), file);
    }
    against_the_floor();
    println!();
    for category in [Category::TextGeneration, Category::ImageGeneration] {
        let mut smallest = None;
        for scale in SCALES {
            let time = at_scale(category, scale);
            let smallest = *smallest.get_or_insert(time);
            println!("    {:.2} times the time per model at x1", time / smallest);
        }
    }
}

fn legacy(category: Category) -> Vec<u8> {
    let root = match std::env::var_os("HORDE_REFD_SHARED") {
        Some(shared) => PathBuf::from(shared).join("corpus"),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"),
    };
    let repository = match category.repository() {
        Some(Repository::Text) => "AI-Horde-text-model-reference",
        _ => "AI-Horde-image-model-reference",
    };
    let file = root
        .join("upstream/Haidra-Org")
        .join(repository)
        .join("refs/heads/main")
        .join(category.legacy_file());
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn floor(category: Category, legacy: &[u8], v2: &[u8]) {
    if category == Category::TextGeneration {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(legacy);
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        black_box(records);
    } else {
        black_box(serde_json::from_slice::<serde_json::Value>(legacy).unwrap());
    }
    black_box(v2.to_vec());
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The smallest and the median.
fn summary(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let micros = |time: Option<&Duration>| time.unwrap().as_secs_f64() * 1e6;
    (micros(times.first()), micros(times.get(times.len() / 2)))
}

fn against_the_floor() {
    println!(
        "category              legacy B     v2 B  models | floor us   min    median | convert us min   median | ratio min  median"
    );
    let mut totals = [0.0; 4];
    for category in Category::with_legacy() {
        let legacy = legacy(category);
        let converted = convert(category, &legacy, OnInvalidRecord::Reject).unwrap();
        let (mut floors, mut conversions) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(timed(|| floor(category, &legacy, &converted.v2)));
            conversions.push(timed(|| {
                black_box(convert(category, black_box(&legacy), OnInvalidRecord::Reject).unwrap());
            }));
        }
        let (floor, convert) = (summary(floors), summary(conversions));
        let row = [floor.0, floor.1, convert.0, convert.1];
        for (total, time) in totals.iter_mut().zip(row) {
            *total += time;
        }
        let sizes = format!(
            "{:<18} {:>10} {:>9} {:>7}",
            category.name(),
            legacy.len(),
            converted.v2.len(),
            converted.models
        );
        print_row(&sizes, row);
    }
    print_row(&format!("{:<47}", "total"), totals);
}

fn print_row(name: &str, [floor_min, floor_median, convert_min, convert_median]: [f64; 4]) {
    println!(
        "{name} | {floor_min:>14.1} {floor_median:>9.1} | {convert_min:>14.1} {convert_median:>8.1} | {:>9.2} {:>7.2}",
        convert_min / floor_min,
        convert_median / floor_median,
    );
}

/// The file with its records repeated under new names.
fn repeated(category: Category, legacy: &[u8], scale: usize) -> Vec<u8> {
    let text = std::str::from_utf8(legacy).unwrap();
    let mut out = String::new();
    if category == Category::TextGeneration {
        let mut reader = csv::Reader::from_reader(legacy);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(reader.headers().unwrap()).unwrap();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        for copy in 0..scale {
            for record in &records {
                let name = record.get(0).unwrap();
                let name = if copy == 0 {
                    name.to_owned()
                } else {
                    format!("{name}-n{copy}")
                };
                writer
                    .write_record(std::iter::once(name.as_str()).chain(record.iter().skip(1)))
                    .unwrap();
            }
        }
        return writer.into_inner().unwrap();
    }
    let records: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    for copy in 0..scale {
        for (name, record) in &records {
            let separator = if out.is_empty() { "{" } else { "," };
            let name = if copy == 0 {
                name.clone()
            } else {
                format!("{name} n{copy}")
            };
            let mut record = record.clone();
            if let Some(inner) = record.get_mut("name") {
                *inner = name.clone().into();
            }
            let body = serde_json::to_string_pretty(&record).unwrap();
            write!(
                out,
                "{separator}\n{}: {body}",
                serde_json::Value::from(name)
            )
            .unwrap();
        }
    }
    out.push_str("\n}\n");
    out.into_bytes()
}

/// The smallest nanoseconds per model over many processes.
fn at_scale(category: Category, scale: usize) -> f64 {
    let path = std::env::temp_dir().join(format!("horde-refd-bench-{}", std::process::id()));
    let legacy = repeated(category, &legacy(category), scale);
    std::fs::write(&path, &legacy).unwrap();
    let runs: Vec<[usize; 3]> = (0..PROCESSES)
        .map(|_| {
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["once", category.name()])
                .arg(&path)
                .output()
                .unwrap();
            assert!(child.status.success(), "{child:?}");
            let text = String::from_utf8(child.stdout).unwrap();
            let numbers: Vec<usize> = text
                .split_whitespace()
                .map(|n| n.parse().unwrap())
                .collect();
            numbers.try_into().unwrap()
        })
        .collect();
    std::fs::remove_file(&path).unwrap();
    let [_, models, peak] = *runs.first().unwrap();
    let times = runs
        .iter()
        .map(|[nanos, ..]| Duration::from_nanos(*nanos as u64));
    let (min, median) = summary(times.collect());
    let per_model = |micros: f64| micros * 1e3 / models as f64;
    println!(
        "{:<18} x{scale:<4} {models:>6} models, {:>9} B legacy: {:>8.1} ns/model min, {:>8.1} ns/model median, peak {peak:>7} kB",
        category.name(),
        legacy.len(),
        per_model(min),
        per_model(median),
    );
    per_model(min)
}

/// In a process of its own: nanoseconds, models, peak memory in kB.
fn once(category: Category, file: &str) {
    let legacy = std::fs::read(file).unwrap();
    let start = Instant::now();
    let converted =
        black_box(convert(category, black_box(&legacy), OnInvalidRecord::Reject).unwrap());
    let nanos = start.elapsed().as_nanos();
    println!("{nanos} {} {}", converted.models, peak_kilobytes());
}

fn peak_kilobytes() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .map_or_else(
            || "0".to_owned(),
            |peak| peak.trim().trim_end_matches(" kB").to_owned(),
        )
}
