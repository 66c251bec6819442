//! How fast the conversion is, against the least that any conversion has to do, measured in the same run.
//!
//! The floor of a JSON category: `serde_json` reads the same legacy bytes into a `Value`, and the finished v2 bytes
//! are copied into a fresh vector. The floor of text generation: the `csv` crate's records, and the same copy.
//! Both sides take turns, so that a busy machine hurts both; the smallest and the median time of each are compared.
//!
//! Then text and image generation at 1, 10 and 100 times their real size, each in a process of its own: time per
//! model and peak memory.
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

const ROUNDS: usize = 300;
const SCALES: [usize; 3] = [1, 10, 100];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo bench` passes flags of its own.
    if let [_, mode, category, scale] = arguments.as_slice()
        && mode == "scale"
    {
        return one_scale(category.parse().unwrap(), scale.parse().unwrap());
    }
    against_the_floor();
    println!();
    for category in [Category::TextGeneration, Category::ImageGeneration] {
        for scale in SCALES {
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["scale", category.name(), &scale.to_string()])
                .output()
                .unwrap();
            assert!(child.status.success(), "{child:?}");
            print!("{}", String::from_utf8(child.stdout).unwrap());
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
        let converted = convert(category, &legacy).unwrap();
        let (mut floors, mut conversions) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(timed(|| floor(category, &legacy, &converted.v2)));
            conversions.push(timed(|| {
                black_box(convert(category, black_box(&legacy)).unwrap());
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

fn one_scale(category: Category, scale: usize) {
    // The file is made in a child again, so that its making does not count as our memory.
    let path = std::env::temp_dir().join(format!("horde-refd-bench-{}", std::process::id()));
    if std::env::var_os("HORDE_REFD_BENCH_FILE").is_none() {
        std::fs::write(&path, repeated(category, &legacy(category), scale)).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["scale", category.name(), &scale.to_string()])
            .env("HORDE_REFD_BENCH_FILE", &path)
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(child.status.success(), "{child:?}");
        print!("{}", String::from_utf8(child.stdout).unwrap());
        return;
    }
    let legacy = std::fs::read(std::env::var_os("HORDE_REFD_BENCH_FILE").unwrap()).unwrap();
    let mut models = 0;
    let rounds = (400 / scale).max(7);
    let times = (0..rounds)
        .map(|_| {
            timed(|| models = black_box(convert(category, black_box(&legacy)).unwrap()).models)
        })
        .collect();
    let (min, median) = summary(times);
    println!(
        "{:<18} x{scale:<4} {models:>6} models, {:>9} B legacy: {:>8.1} ns/model min, {:>8.1} ns/model median, peak {:>7} kB",
        category.name(),
        legacy.len(),
        min * 1e3 / models as f64,
        median * 1e3 / models as f64,
        peak_kilobytes(),
    );
}

fn peak_kilobytes() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .map_or_else(
            || "unknown".to_owned(),
            |peak| peak.trim().trim_end_matches(" kB").to_owned(),
        )
}
