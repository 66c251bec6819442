//! Readers during rewrites see whole versions only, and an mtime that moves with each.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::need::need;
use horde_refd::disk::{self, Links, Placement, Replacement};

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
