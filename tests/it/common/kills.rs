//! SIGKILL at random moments, as the tests share it: how often, when, and what may be read meanwhile.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use horde_refd::category::Category;
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;
use serde_json::Value;

use super::legacy;

/// What is killed: `sync`, `run`, `rollback` and `unpin`, `accept`.
const COMMANDS: usize = 4;

/// How often each of them is killed: `HORDE_REFD_KILLS` is for all of them, and `just crash` asks for more.
pub fn rounds() -> usize {
    let all = std::env::var("HORDE_REFD_KILLS").map_or(2000, |count| count.parse().unwrap());
    usize::max(all / COMMANDS, 1)
}

/// A moment between a process's beginning and a little after its end, as `whole`, the time of one that is not killed, says.
///
/// Chance, not synchronisation: the moment of death is the point.
pub fn wait_for_a_moment(whole: Duration, chance: &mut fastrand::Rng) {
    std::thread::sleep(whole.mul_f64(chance.f64() * 1.2));
}

/// A legacy file and its v2 file.
pub type Version = (Vec<u8>, Vec<u8>);

/// A version that takes longer to convert is killed in its conversion nearly always.
const SHORT: usize = 64 << 10;

/// Two versions of a category: real ones where they are at hand and short, else the marked sample.
pub fn two_versions(category: Category) -> [Version; 2] {
    let file = category.legacy_file();
    if let Some(shared) = std::env::var_os("HORDE_REFD_SHARED") {
        let history = Path::new(&shared).join("corpus/history").join(file);
        let entries = std::fs::read_dir(&history).unwrap();
        let mut v2: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        v2.retain(|path| path.extension().is_some_and(|kind| kind == "v2"));
        v2.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
        let read = |path: &PathBuf| std::fs::read(path).unwrap();
        let versions = v2
            .iter()
            .map(|path| (read(&path.with_extension("legacy")), read(path)));
        let mut versions: Vec<Version> = versions
            .filter(|(_, v2)| (4..SHORT).contains(&v2.len()))
            .collect();
        versions.dedup_by(|one, other| one.1 == other.1);
        if let [first, second, ..] = &versions[..] {
            return [first.clone(), second.clone()];
        }
    }
    ["one", "another"].map(|mark| {
        let sent = legacy(file, mark);
        let converted = convert(category, &sent, OnInvalidRecord::Reject).unwrap();
        (sent, converted.v2)
    })
}

/// Ends the readers when dropped: also where the test fails, since a scope waits for its threads.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `act` beside a reader of these files that parses each, and holds it to be one of its versions; how many it read.
pub fn beside_a_reader(files: &[(PathBuf, Vec<Vec<u8>>)], act: impl FnOnce()) -> usize {
    let (stop, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (path, versions) in files {
                    let bytes = std::fs::read(path).unwrap();
                    let shown = path.display();
                    assert!(versions.contains(&bytes), "{shown} is a mixture");
                    // What is one of them is parsed once in a while: a torn file is none of them.
                    if reads.fetch_add(1, Ordering::Relaxed) % 16 == 0 {
                        serde_json::from_slice::<Value>(&bytes).unwrap();
                    }
                }
                // The cores are for what is killed.
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        {
            let _end = EndOf(&stop);
            act();
        }
        reader.join().expect("a reader saw less than a whole file");
    });
    reads.into_inner()
}
