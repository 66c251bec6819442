//! A second program that rewrites, cuts, renames and deletes our files as fast as it can, beside readers that look all
//! the time.
//!
//! Ten seconds of it; `HORDE_REFD_NEIGHBOUR_SECONDS=60` (`just neighbours`) is the full minute.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use rustix::process::Signal;

use super::Peer;
use crate::common::{Daemon, Ran, World, until};

/// What the other program writes.
const THEIRS: &str =
    "{\"theirs\": {\"name\": \"theirs\", \"description\": \"of another program\"}}";
/// What it leaves of a file that it cuts.
const CUT: usize = 7;

fn seconds() -> u64 {
    let given = std::env::var("HORDE_REFD_NEIGHBOUR_SECONDS").ok();
    given.map_or(10, |given| given.parse().unwrap())
}

/// Rewrites, cuts, renames and deletes until it is stopped; how often.
fn neighbour(paths: &[PathBuf], aside: &[PathBuf], stop: &AtomicBool) -> usize {
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        for (number, path) in paths.iter().enumerate() {
            // A file that we are just replacing, or that is gone, is as good a moment as any.
            let _ = match (done / paths.len() + number) % 5 {
                0 => fs::write(path, THEIRS),
                1 => fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .and_then(|file| file.set_len(CUT as u64)),
                2 => fs::rename(path, &aside[number]),
                3 => fs::rename(&aside[number], path),
                _ => fs::remove_file(path),
            };
            done += 1;
        }
    }
    done
}

/// The processor time of a process, in seconds.
fn cpu(pid: u32) -> f64 {
    let mut total = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let stat = fs::read_to_string(task.unwrap().path().join("schedstat"));
        let nanoseconds = stat
            .ok()
            .and_then(|stat| stat.split(' ').next()?.parse::<f64>().ok());
        total += nanoseconds.unwrap_or_default() / 1e9;
    }
    total
}

/// How many programs want a processor: what takes its time then is not the daemon's doing.
fn load() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap().parse().unwrap()
}

/// The lines that an operator sees.
fn said(daemon: &Daemon) -> Vec<String> {
    let mut lines = daemon.log();
    lines.retain(|line| !line.contains(" DEBUG "));
    lines
}

/// Whether the other program can have left these bytes: its text or a part of it, or a file that it cut, which a reader that
/// reads at that moment finds filled up with zeros.
fn is_theirs(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| *byte != 0);
    let text = end.map_or(&[][..], |end| &bytes[..=end]);
    text.len() <= CUT || THEIRS.as_bytes().starts_with(text)
}

/// Every version of every published file that we have had, which is all that a reader may see of us.
struct Ours(BTreeSet<Vec<u8>>);

impl Ours {
    /// What is published, and what becomes of the other program's text where it lies in a legacy file: an edit.
    fn of(world: &World, paths: &[PathBuf]) -> Self {
        let mut versions: BTreeSet<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        for category in Category::with_legacy() {
            let mut convert = world.command(&["convert", category.name()]);
            let ran = Ran::fed(&mut convert, THEIRS.as_bytes());
            if ran.code == Some(0) {
                versions.insert(ran.stdout.into_bytes());
            }
        }
        Self(versions)
    }

    fn has(&self, bytes: &[u8]) -> bool {
        self.0.contains(bytes)
    }

    /// Panics unless the bytes are a whole version of ours, or what the other program can have left.
    fn check(&self, path: &Path, bytes: &[u8]) {
        let theirs = is_theirs(bytes);
        let whole = || self.has(bytes);
        assert!(
            theirs || whole(),
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(bytes)
        );
    }
}

/// Ends the threads of a test when it does.
struct Ends<'a>([&'a AtomicBool; 2]);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        for flag in self.0 {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_neighbour_at_full_speed_costs_readers_nothing_of_ours_and_the_upstream_nothing() {
    let world = World::marked();
    let peer = Peer::flat(&world);
    let daemon = world.setup().text("upstream.url", peer.url()).started();
    let v2: Vec<_> = Category::with_legacy().map(|one| world.v2(one)).collect();
    let legacy: Vec<_> = Category::with_legacy()
        .map(|one| world.legacy(one))
        .collect();
    let all: Vec<_> = v2.iter().chain(&legacy).cloned().collect();
    let aside: Vec<_> = (0..all.len())
        .map(|number| world.path(&format!("aside-{number}")))
        .collect();
    let good: Vec<_> = v2.iter().map(|path| fs::read(path).unwrap()).collect();
    let ours = Ours::of(&world, &v2);
    let (stop, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let (reads, whole) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (requests, lines) = (peer.server.requests().len(), said(&daemon).len());
    let (began, before) = (Instant::now(), cpu(daemon.pid()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                for path in &v2 {
                    let Ok(bytes) = fs::read(path) else { continue };
                    ours.check(path, &bytes);
                    reads.fetch_add(1, Ordering::Relaxed);
                    whole.fetch_add(usize::from(!is_theirs(&bytes)), Ordering::Relaxed);
                }
            }
        });
        // Also where an assertion fails.
        let _ends = Ends([&stop, &ended]);
        let changes = scope.spawn(|| neighbour(&all, &aside, &stop));
        std::thread::sleep(Duration::from_secs(seconds()));
        stop.store(true, Ordering::Relaxed);
        let changes = changes.join().unwrap();
        let stopped = Instant::now();
        let (took, used) = (began.elapsed().as_secs_f64(), cpu(daemon.pid()) - before);
        until("every file is ours again", || {
            let is_ours = |path: &PathBuf| fs::read(path).is_ok_and(|bytes| ours.has(&bytes));
            v2.iter().all(is_ours)
        });
        let calm = stopped.elapsed();
        ended.store(true, Ordering::Relaxed);
        let asked = peer.server.requests().len() - requests;
        let said = said(&daemon).split_off(lines);
        eprintln!(
            "{took:.0} s: {changes} changes, {} reads ({} of ours), {:.1} % of a core, {asked} requests, {} lines, calm after {calm:?}",
            reads.load(Ordering::Relaxed),
            whole.load(Ordering::Relaxed),
            used / took * 100.0,
            said.len(),
        );
        assert!(used < took, "{used} s of {took} s");
        // Few at once, then a line a minute for each thing that goes on.
        let minutes = usize::try_from(seconds() / 60).unwrap();
        assert!(said.len() <= 30 + 30 * minutes, "{said:#?}");
        let noticed = |line: &&String| line.contains("another program goes on changing");
        // An edit that is converted is none of what had to be brought back.
        assert!(said.iter().filter(noticed).count() <= 1, "{said:#?}");
        // Nothing of the schedule came due: these are the fetches of legacy files that were changed and then removed.
        assert!(asked <= 10 * (3 + 2 * minutes), "{asked} requests");
        assert!(
            calm < Duration::from_secs(if load() < 4.0 { 2 } else { 15 }),
            "{calm:?}"
        );
    });
    assert_eq!(daemon.cycles_caused_by(|| {}), 0, "nothing goes on");
    // The edits that it left in legacy files give way, and all is the upstream's again.
    daemon.signal(Signal::HUP);
    daemon.wait_status("all is fresh", |status| {
        let mut all = status["categories"].as_object().unwrap().values();
        all.all(|category| category["state"] == "fresh")
    });
    for (path, before) in v2.iter().zip(good) {
        assert!(fs::read(path).unwrap() == before, "{}", path.display());
    }
}

/// An edit makes no generation: what was edited and then removed or cut was waited for until an upstream was asked again,
/// and the v2 file that was damaged meanwhile stayed so.
#[test]
fn what_is_left_of_an_edit_gives_way_to_the_last_good_version_without_a_request() {
    let world = World::marked();
    let peer = Peer::flat(&world);
    let daemon = world.setup().text("upstream.url", peer.url()).started();
    let (legacy, v2) = (world.legacy("clip.json"), world.v2("clip.json"));
    let good = [&legacy, &v2].map(|path| fs::read(path).unwrap());
    let is_good = || [&legacy, &v2].map(|path| fs::read(path).unwrap_or_default()) == good;
    let seen = peer.server.requests().len();
    let edit = || {
        world.rename_into(&legacy, &crate::common::legacy("clip.json", "edited"));
        world.wait_v2("clip.json", "edited");
    };
    // The edited file is removed.
    edit();
    fs::remove_file(&legacy).unwrap();
    until("the upstream's files are back", is_good);
    let digest = crate::common::sha256(&good[1]);
    let is_named = || world.manifest()["categories"]["clip"]["v2"]["sha256"] == digest;
    until("the manifest names them", is_named);
    world.assert_whole();
    // It is cut, and so is what was made of it.
    edit();
    world.rename_into(&legacy, b"{\"cut");
    daemon.wait_state("clip", "rejected");
    assert!(fs::read_to_string(&v2).unwrap().contains("edited"));
    for damage in [Some("{\"cut"), Some(""), None] {
        match damage {
            Some(text) => fs::write(&v2, text).unwrap(),
            None => fs::remove_file(&v2).unwrap(),
        }
        until("the last good version is back", || {
            fs::read(&v2).is_ok_and(|bytes| bytes == good[1])
        });
    }
    until("the manifest names it", is_named);
    assert_eq!(peer.server.requests().len(), seen, "nothing was asked for");
    daemon.signal(Signal::HUP);
    until("all is the upstream's", is_good);
    daemon.wait_state("clip", "fresh");
}
