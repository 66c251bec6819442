//! Readers during rewrites see whole versions only, and an mtime that moves with each.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};
use horde_refd::convert::convert;
use horde_refd::depth::Depth;
use horde_refd::disk::{self, Links, Placement, Replacement};
use horde_refd::item::OnInvalidRecord;
use serde_json::Value;

use crate::common::need::need;
use crate::common::{World, legacy};

/// What a Python worker does, as fast as it can: read the bytes, parse them.
const WORKER: &str = r#"
import json, pathlib, sys
path, stop = map(pathlib.Path, sys.argv[1:])
read = 0
while not stop.exists():
    data = json.loads(path.read_bytes())
    assert data["filler"] == str(data["version"]) * data["length"], data["version"]
    read += 1
    if read == 1:
        print("reading", flush=True)
print(read)
"#;

/// A version that no mixture of two versions can pass for; its length differs from its neighbours'.
fn version(number: usize) -> Vec<u8> {
    let length = 1000 + number * 7919 % 20_000;
    let filler = number.to_string().repeat(length);
    format!("{{\"version\": {number}, \"length\": {length}, \"filler\": \"{filler}\"}}\n")
        .into_bytes()
}

fn number_of(bytes: &[u8]) -> usize {
    let text = std::str::from_utf8(bytes).unwrap();
    let rest = text.strip_prefix("{\"version\": ").unwrap();
    rest[..rest.find(',').unwrap()].parse().unwrap()
}

fn read_until(path: &Path, stop: &AtomicBool, reads: &AtomicUsize) {
    let mut last = 0;
    while !stop.load(Ordering::Relaxed) {
        let bytes = std::fs::read(path).unwrap();
        let number = number_of(&bytes);
        assert!(bytes == version(number), "a mixture around {number}");
        assert!(number >= last, "{number} came after {last}");
        last = number;
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn readers_during_1000_rewrites_see_whole_versions_only_and_every_mtime_is_new() {
    need!("python3");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stable_diffusion.json");
    let previous = directory.path().join("previous.json");
    let placement = Placement {
        mode: 0o644,
        previous: Some(&previous),
        durable: true,
    };
    disk::replace(&path, &version(1), placement).unwrap();
    let end = directory.path().join("end");
    let mut worker = Command::new("python3")
        .args(["-c", WORKER])
        .args([&path, &end])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(worker.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "reading\n");
    let (stop, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| read_until(&path, &stop, &reads));
        }
        let mut mtime = disk::stamp(&path, Links::Refuse).unwrap().unwrap().mtime();
        for number in 2..=1001 {
            let replaced = disk::replace(&path, &version(number), placement).unwrap();
            assert_eq!(replaced, Replacement::Written(Some(version(number - 1))));
            let now = disk::stamp(&path, Links::Refuse).unwrap().unwrap().mtime();
            assert!(now > mtime, "rewrite {number}: {now} is not after {mtime}");
            mtime = now;
        }
        stop.store(true, Ordering::Relaxed);
    });
    std::fs::write(&end, "").unwrap();
    let mut complaint = String::new();
    let mut stderr = worker.stderr.take().unwrap();
    stderr.read_to_string(&mut complaint).unwrap();
    assert!(worker.wait().unwrap().success(), "{complaint}");
    line.clear();
    said.read_line(&mut line).unwrap();
    let by_python: usize = line.trim().parse().unwrap();
    let by_threads = reads.into_inner();
    assert!(
        by_python > 10 && by_threads > 100,
        "{by_python}, {by_threads}"
    );
    assert_eq!(std::fs::read(&previous).unwrap(), version(1000));
}

/// How many forced cycles readers watch; `just readers` asks for more.
fn cycles() -> usize {
    std::env::var("HORDE_REFD_CYCLES").map_or(300, |count| count.parse().unwrap())
}

/// Every published file of a mirror, and the two versions that it may have.
fn either(world: &World, marks: [&str; 2]) -> Vec<(PathBuf, [Vec<u8>; 2])> {
    let mut files = Vec::new();
    for category in Category::with_legacy() {
        let sent = marks.map(|mark| legacy(category.legacy_file(), mark));
        let v2 = |sent: &Vec<u8>| convert(category, sent, OnInvalidRecord::Reject).unwrap().v2;
        files.push((world.v2(category), [v2(&sent[0]), v2(&sent[1])]));
        files.push((world.legacy(category), sent));
    }
    files
}

/// Reads and parses everything until the end; each file is one of its two versions, and the manifest names only those.
fn watch(files: &[(PathBuf, [Vec<u8>; 2])], manifest: &Path, stop: &AtomicBool) -> usize {
    let mut reads = 0;
    let known: Vec<String> = files
        .iter()
        .flat_map(|(_, versions)| {
            versions
                .each_ref()
                .map(|bytes| crate::common::sha256(bytes))
        })
        .collect();
    while !stop.load(Ordering::Relaxed) {
        for (path, versions) in files {
            let bytes = std::fs::read(path).unwrap();
            assert!(versions.contains(&bytes), "a mixture: {}", path.display());
            if path.extension().is_some_and(|kind| kind == "json") {
                serde_json::from_slice::<Value>(&bytes).unwrap();
            }
        }
        let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
        let categories = manifest["categories"].as_object().unwrap();
        assert_eq!(categories.len(), 10);
        for form in categories
            .values()
            .flat_map(|entry| [&entry["v2"], &entry["legacy"]])
        {
            let sha256 = form["sha256"].as_str().unwrap();
            assert!(known.iter().any(|known| known == sha256), "{sha256}");
        }
        reads += 1;
    }
    reads
}

#[test]
fn readers_during_forced_cycles_between_two_upstream_versions_see_whole_versions_only() {
    let marks = [
        "the first of two versions",
        "another one, which is longer than the first",
    ];
    let world = World::empty();
    // Two upstreams at rest, and a link that turns from one to the other.
    let upstream = world.path("turning");
    let ways = ["one", "two"].map(|name| world.path(name));
    for (way, mark) in ways.iter().zip(marks) {
        std::fs::create_dir(way).unwrap();
        for category in Category::with_legacy() {
            let name = category.legacy_file();
            std::fs::write(way.join(name), legacy(name, mark)).unwrap();
        }
    }
    let turn_to = |way: &Path| {
        let link = world.path("turning.new");
        std::os::unix::fs::symlink(way, &link).unwrap();
        std::fs::rename(&link, &upstream).unwrap();
    };
    turn_to(&ways[0]);
    let mut config = Config::default_for(world.mirror());
    let origin = Origin::Directory(upstream.clone());
    config.upstreams = vec![UpstreamConfig::new(origin, Layout::Flat)];
    let backend = GithubBackend::open_writer(config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let force = || {
        let cycle = backend.refresh(Depth::Force, &Category::ALL, &());
        assert!(runtime.block_on(cycle).is_complete());
    };
    force();
    let files = either(&world, marks);
    let manifest = world.mirror().join("manifest.json");
    let stop = AtomicBool::new(false);
    let reads: Vec<usize> = std::thread::scope(|scope| {
        let watching = || watch(&files, &manifest, &stop);
        let readers = [scope.spawn(watching), scope.spawn(watching)];
        for cycle in 1..=cycles() {
            turn_to(&ways[cycle % 2]);
            force();
            for (path, versions) in &files {
                assert!(
                    std::fs::read(path).unwrap() == versions[cycle % 2],
                    "cycle {cycle}: {}",
                    path.display()
                );
            }
            // A reader that failed ends the test at once.
            assert!(
                readers.iter().all(|reader| !reader.is_finished()),
                "a reader failed in cycle {cycle}"
            );
        }
        stop.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().unwrap()).to_vec()
    });
    println!(
        "{} forced cycles, {reads:?} times everything was read",
        cycles()
    );
    assert!(reads.iter().all(|reads| *reads > 5), "{reads:?}");
    assert_eq!(world.assert_whole(), 10);
}
