//! Ends without warning: Ctrl-C while the upstream hangs, and SIGKILL at any moment.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::kills::rounds;
use crate::common::scripted::{Action, Scripted, answer_with, target};
use crate::common::{World, answer, temporary};

const LONG: Duration = Duration::from_secs(30);
/// How many models a file has: enough that writing it takes a moment.
const MODELS: usize = 60;

fn start(world: &World, server: &Scripted) -> Child {
    let sync = world.command(&["sync", "--layout", "flat", "--upstream", &server.url()]);
    // A job in the background of a shell ignores SIGINT, and so would what it starts.
    let mut command = Command::new("env");
    command
        .arg("--default-signal=INT")
        .arg(sync.get_program())
        .args(sync.get_args());
    for (name, value) in sync.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn ctrl_c_while_the_upstream_hangs_leaves_nothing_half_written() {
    for signal in [Signal::INT, Signal::TERM] {
        let world = World::new();
        world.sync(&[]).expect(0);
        let upstream = world.upstream();
        // Half of one file, then silence.
        let server = Scripted::start(move |head, _| {
            let name = target(head).trim_start_matches('/');
            let body = std::fs::read(upstream.join(name)).unwrap();
            let whole = answer_with(200, &[], &body);
            if name == "models.csv" {
                Action::Stall(whole[..whole.len() - body.len() / 2].to_vec())
            } else {
                Action::Send(whole)
            }
        });
        let before = std::fs::read(world.v2(Category::TextGeneration)).unwrap();
        world.edit(Category::TextGeneration, "patient", "restless");
        let mut child = start(&world, &server);
        server.wait_for(10, LONG);
        let asked = Instant::now();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "it lingered");
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert_eq!(
            std::fs::read(world.v2(Category::TextGeneration)).unwrap(),
            before
        );
        assert_eq!(temporary(&world.mirror()), Vec::<std::path::PathBuf>::new());
        world.sync(&[]).expect(0);
    }
}

/// Version `number` of a legacy file: each model names the version.
fn legacy(category: Category, number: u64) -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::new();
    if category == Category::TextGeneration {
        text.push_str("name,parameters_bn,display_name,url,baseline,description,style,tags,instruct_format,settings\n");
        for model in 0..MODELS {
            writeln!(text, "a/m{model},7,,,,version {number},,,,").unwrap();
        }
        return text.into_bytes();
    }
    for model in 0..MODELS {
        let comma = if model == 0 { '{' } else { ',' };
        let baseline = "\"baseline\": \"stable diffusion 1\", \"inpainting\": false";
        let tail = "\"version\": \"1\", \"style\": \"other\", \"nsfw\": false";
        write!(text, "{comma}\"m{model}\": {{\"name\": \"m{model}\", \"description\": \"version {number}\", {baseline}, {tail}}}").unwrap();
    }
    text.push_str("}\n");
    text.into_bytes()
}

/// Reads every v2 file again and again: each is JSON with all of its models, which are of one version.
fn watch(files: &[std::path::PathBuf], stop: &AtomicBool) -> usize {
    let mut reads = 0;
    while !stop.load(Ordering::Relaxed) {
        for file in files {
            // Before the first publication there is none.
            let Ok(bytes) = std::fs::read(file) else {
                continue;
            };
            let models: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert!(
                models.as_object().unwrap().len() >= MODELS,
                "{}",
                file.display()
            );
            let version = format!("version {}\"", number_in(&bytes));
            let text = String::from_utf8(bytes).unwrap();
            let same = text.matches(&version).count();
            assert_eq!(
                same,
                text.matches("\"version ").count(),
                "{}",
                file.display()
            );
            reads += 1;
            // The cores are for what is killed.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    reads
}

fn number_in(bytes: &[u8]) -> u64 {
    let text = std::str::from_utf8(bytes).unwrap();
    let rest = text.split("version ").nth(1).unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    rest[..end].parse().unwrap()
}

#[test]
fn killed_at_any_moment_every_file_is_whole_and_the_next_sync_sweeps() {
    let world = World::in_memory();
    let version = Arc::new(AtomicU64::new(1));
    let current = Arc::clone(&version);
    let server = Scripted::start(move |head, _| {
        let name = target(head).trim_start_matches('/').to_owned();
        let category = Category::with_legacy().find(|category| category.legacy_file() == name);
        // Every answer is another one.
        let number = current.fetch_add(1, Ordering::SeqCst);
        Action::Send(answer(head, &legacy(category.unwrap(), number)))
    });
    let mut last = std::collections::BTreeMap::<Category, (u64, Vec<u8>)>::new();
    let (mut whole, mut moved) = (0, 0);
    let mut fortune = fastrand::Rng::with_seed(7);
    let files: Vec<_> = Category::with_legacy()
        .map(|category| world.v2(category))
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&stop);
    let reading = std::thread::spawn(move || watch(&files, &ended));
    for round in 0..rounds() {
        let asked = server.requests().len();
        let mut child = start(&world, &server);
        server.wait_for(asked + fortune.usize(1..=10), LONG);
        // Chance, not synchronisation: the moment of death is anywhere between here and the end.
        std::thread::sleep(Duration::from_micros(fortune.u64(0..90_000)));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        whole += usize::from(ended.success());
        for category in Category::with_legacy() {
            let Ok(stored) = std::fs::read(world.legacy(category)) else {
                assert!(!world.v2(category).exists(), "v2 before its legacy file");
                continue;
            };
            let stored_number = number_in(&stored);
            assert!(stored == legacy(category, stored_number), "{category}");
            let Ok(v2) = std::fs::read(world.v2(category)) else {
                continue;
            };
            let number = number_in(&v2);
            assert!(number <= stored_number, "{category} is ahead of its source");
            let before = last.get(&category);
            if before.is_some_and(|(_, before)| *before == v2) {
                continue;
            }
            let converted =
                convert(category, &legacy(category, number), OnInvalidRecord::Reject).unwrap();
            assert!(v2 == converted.v2, "round {round}: {category} is torn");
            assert!(
                before.is_none_or(|(before, _)| number > *before),
                "{category} went back"
            );
            last.insert(category, (number, v2));
            moved += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let reads = reading.join().unwrap();
    assert!(reads > rounds(), "{reads} reads");
    println!(
        "{} rounds of sync, {whole} ended before the kill, {moved} files published, {reads} read",
        rounds()
    );
    assert!(whole < rounds(), "nothing was ever killed in time");
    // One round in peace.
    world.sync_from(&server.url(), &[]).expect(0);
    assert_eq!(world.assert_whole(), 10);
    for category in Category::with_legacy() {
        let stored = std::fs::read(world.legacy(category)).unwrap();
        let v2 = std::fs::read(world.v2(category)).unwrap();
        assert!(
            v2 == convert(category, &stored, OnInvalidRecord::Reject)
                .unwrap()
                .v2,
            "{category}"
        );
    }
}
