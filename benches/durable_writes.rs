//! The floor of a cold sync: a program that only reads an upstream and durably writes the files of a mirror.
//!
//! usage: `durable_writes UPSTREAM MIRROR TARGET`
//!
//! It reads every file below UPSTREAM, then writes each published file of MIRROR into TARGET as a publication must:
//! temporary file, fsync, close, rename; each changed directory is fsynced once before the manifest and base and
//! `.horde-refd/` once after it. No JSON is parsed, nothing hashed. `benches/sync.py` compares it with `sync`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking"
)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn write(target: &Path, bytes: &[u8]) {
    let name = target.file_name().unwrap().to_string_lossy();
    let staged = target.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create_new(&staged).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
    drop(file);
    fs::rename(&staged, target).unwrap();
}

fn sync(directory: &Path) {
    File::open(directory).unwrap().sync_all().unwrap();
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    // `cargo bench` passes its own flag and no directories: there is nothing to measure then.
    let Some(upstream) = arguments.next().filter(|first| first != "--bench") else {
        println!("usage: durable_writes UPSTREAM MIRROR TARGET; benches/sync.py runs it");
        return;
    };
    let mirror = PathBuf::from(arguments.next().expect("MIRROR"));
    let target = PathBuf::from(arguments.next().expect("TARGET"));
    for file in files(Path::new(&upstream)) {
        std::hint::black_box(fs::read(file).unwrap());
    }
    let private = target.join(".horde-refd");
    let legacy = target.join("legacy");
    for directory in [&target, &legacy, &private] {
        fs::create_dir(directory).unwrap();
    }
    sync(target.parent().unwrap());
    for directory in [&legacy, &target] {
        let from = if *directory == legacy {
            mirror.join("legacy")
        } else {
            mirror.clone()
        };
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() && file.file_name().unwrap() != "manifest.json" {
                let name = file.file_name().unwrap();
                write(&directory.join(name), &fs::read(&file).unwrap());
            }
        }
        sync(directory);
    }
    for name in ["manifest.json", ".horde-refd/state.json"] {
        write(&target.join(name), &fs::read(mirror.join(name)).unwrap());
    }
    sync(&target);
    sync(&private);
}
