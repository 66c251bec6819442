//! What is said to be done is on the disk: the order of the system calls of a real run, as strace recorded it.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use horde_refd::category::Category;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::need::need;
use crate::common::{PROGRAM, Ran, World, bare, json, until};

/// The calls that the promise is about; a name that this machine's kernel does not have is passed over.
const CALLS: &str = "trace=write,?writev,?pwrite64,fsync,fdatasync,close,?renameat,?renameat2,sendto,?sendmsg,execve,exit_group";

/// One system call that matters, in the order of the recording.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Write(PathBuf),
    Sync(PathBuf),
    Close(PathBuf),
    Rename(PathBuf, PathBuf),
    Ready,
    Program(String),
    Exit,
}

/// What a call's descriptor is, as `strace -y` names it: `4</mirror/a.json>, ...`.
fn descriptor(arguments: &str) -> Option<PathBuf> {
    let named = arguments.trim_start_matches(|c: char| c.is_ascii_digit());
    let (path, _) = named.strip_prefix('<')?.split_once('>')?;
    Some(path.into())
}

/// The two names of a rename, each `4</directory>, "name"`.
fn names(arguments: &str) -> (PathBuf, PathBuf) {
    let mut names = arguments.split('<').skip(1).map(|one| {
        let (directory, name) = one.split_once(">, \"").unwrap();
        Path::new(directory).join(name.split_once('"').unwrap().0)
    });
    (names.next().unwrap(), names.next().unwrap())
}

fn parse(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    // A call that another thread's line interrupts: a sync counts from its end, all else from its beginning.
    let mut unfinished: Vec<(&str, PathBuf)> = Vec::new();
    for line in trace.lines() {
        let (pid, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        if line.starts_with("<... f") && line.contains("sync resumed>") {
            assert!(line.ends_with("= 0"), "{line}");
            let waiting = unfinished.iter().position(|(thread, _)| *thread == pid);
            calls.push(Call::Sync(unfinished.remove(waiting.unwrap()).1));
            continue;
        }
        let Some((name, arguments)) = line.split_once('(') else {
            continue;
        };
        if line.contains(") = -1 ") {
            continue;
        }
        let file = descriptor(arguments);
        match name {
            "fsync" | "fdatasync" if line.contains("<unfinished") => {
                unfinished.push((pid, file.unwrap()));
            }
            "fsync" | "fdatasync" => calls.push(Call::Sync(file.unwrap())),
            "write" | "writev" | "pwrite64" => calls.extend(file.map(Call::Write)),
            "close" => calls.extend(file.map(Call::Close)),
            "renameat" | "renameat2" => {
                let (from, to) = names(arguments);
                calls.push(Call::Rename(from, to));
            }
            "sendto" | "sendmsg" if arguments.contains("READY=1") => calls.push(Call::Ready),
            "execve" => calls.push(Call::Program(arguments.to_owned())),
            "exit_group" => calls.push(Call::Exit),
            _ => {}
        }
    }
    calls
}

/// Every place of a call.
fn all(calls: &[Call], wanted: impl Fn(&Call) -> bool) -> Vec<usize> {
    (0..calls.len()).filter(|&at| wanted(&calls[at])).collect()
}

/// The one place of a call.
#[track_caller]
fn one(calls: &[Call], what: &str, wanted: impl Fn(&Call) -> bool) -> usize {
    let found = all(calls, wanted);
    assert_eq!(found.len(), 1, "{what}: {found:?} of {calls:#?}");
    found[0]
}

/// Holds a recording against the promise, and gives the place where the cycle is over and how many files it published.
#[track_caller]
fn assert_durable(calls: &[Call], base: &Path) -> (usize, usize) {
    let (legacy, private) = (base.join("legacy"), base.join(".horde-refd"));
    let to = |target: &Path| {
        one(
            calls,
            &target.display().to_string(),
            |call| matches!(call, Call::Rename(_, to) if to == target),
        )
    };
    let manifest = to(&base.join("manifest.json"));
    let state = to(&private.join("state.json"));
    assert!(manifest < state, "state.json came before the manifest");
    let mut published = 0;
    let mut changed = BTreeSet::new();
    for (at, call) in calls.iter().enumerate() {
        let Call::Rename(from, target) = call else {
            continue;
        };
        let directory = target.parent().unwrap();
        let is_noted = at == manifest || at == state;
        if !is_noted && directory != base && directory != legacy {
            continue;
        }
        assert_eq!(from.parent(), Some(directory), "{call:?}");
        let synced = one(calls, "its fsync", |call| *call == Call::Sync(from.clone()));
        let written = all(calls, |call| *call == Call::Write(from.clone()));
        let closed = one(calls, "its close", |call| {
            *call == Call::Close(from.clone())
        });
        assert!(!written.is_empty(), "{call:?} was never written");
        assert!(written.iter().all(|&write| write < synced), "{call:?}");
        assert!(synced < closed && closed < at, "{call:?}");
        if !is_noted {
            assert!(at < manifest, "{call:?} came after the manifest");
            published += 1;
            changed.insert((directory, at));
        }
    }
    for directory in [base, &legacy] {
        let renames: Vec<_> = changed.iter().filter(|(of, _)| *of == directory).collect();
        let synced = all(&calls[..manifest], |call| {
            *call == Call::Sync(directory.into())
        });
        assert_eq!(synced.len(), usize::from(!renames.is_empty()), "{calls:#?}");
        assert!(renames.iter().all(|(_, at)| *at < synced[0]), "{calls:#?}");
    }
    let mut over = state;
    for directory in [base, &private] {
        let rest = &calls[manifest..];
        let synced = manifest
            + one(rest, "the last fsync", |call| {
                *call == Call::Sync(directory.into())
            });
        assert!(
            synced > state,
            "{} was synced too early",
            directory.display()
        );
        over = over.max(synced);
    }
    // The status says what is done: not before it is.
    let status = private.join("status.json");
    let said = all(
        &calls[..over],
        |call| matches!(call, Call::Rename(_, to) if *to == status),
    );
    assert!(
        said.is_empty() || said.iter().all(|&at| at < manifest),
        "{calls:#?}"
    );
    (over, published)
}

/// Both files of a category are written before the first of them gets its name.
fn assert_ahead(calls: &[Call], base: &Path) {
    for category in Category::with_legacy() {
        let legacy = base.join("legacy").join(category.legacy_file());
        let v2 = base.join(category.v2_file());
        let renamed = |target: &Path| {
            one(
                calls,
                "its rename",
                |call| matches!(call, Call::Rename(_, to) if to == target),
            )
        };
        let Call::Rename(from, _) = &calls[renamed(&v2)] else {
            unreachable!()
        };
        let written = all(calls, |call| *call == Call::Write(from.clone()));
        let first = renamed(&legacy);
        assert!(!written.is_empty(), "{category}");
        assert!(written.iter().all(|&at| at < first), "{category}");
    }
}

/// What a `sync` of this world calls.
pub(crate) fn recorded(world: &World) -> Vec<Call> {
    recorded_of(world, &["sync"])
}

/// What a command on this world calls.
pub(crate) fn recorded_of(world: &World, args: &[&str]) -> Vec<Call> {
    let trace = world.path("trace");
    let sync = world.command(&[args, &["--layout", "flat", "--upstream"]].concat());
    let mut strace = bare("strace");
    strace.args(["-f", "-y", "-e", CALLS, "-o"]).arg(&trace);
    strace
        .arg(sync.get_program())
        .args(sync.get_args())
        .arg(world.upstream());
    Ran::of(&mut strace).expect(0);
    parse(&std::fs::read_to_string(&trace).unwrap())
}

#[test]
fn a_sync_ends_only_when_files_names_manifest_and_state_are_on_the_disk() {
    need!("strace");
    let world = World::new();
    // A new mirror: its own name is on the disk before anything in it.
    let calls = recorded(&world);
    let (over, published) = assert_durable(&calls, &world.mirror());
    assert_eq!(published, 20);
    let parent = one(&calls, "the parent's fsync", |call| {
        *call == Call::Sync(world.root().into())
    });
    let first = all(&calls, |call| matches!(call, Call::Rename(..)))[0];
    assert!(parent < first && over < one(&calls, "the end", |call| *call == Call::Exit));
    // 22 files; legacy/, the private directory and the parent once, base twice.
    assert_eq!(all(&calls, |call| matches!(call, Call::Sync(_))).len(), 27);

    assert_ahead(&calls, &world.mirror());

    // Two categories change.
    world.edit(Category::TextGeneration, "patient", "restless");
    world.edit(Category::Clip, "another name inside", "a third name inside");
    let calls = recorded(&world);
    let (over, published) = assert_durable(&calls, &world.mirror());
    assert_eq!(published, 4);
    assert!(over < one(&calls, "the end", |call| *call == Call::Exit));

    // Nothing does: nothing that is published is synced or renamed.
    let calls = recorded(&world);
    let private = world.private();
    for call in &calls {
        if let Call::Rename(_, target) = call {
            assert_eq!(target.parent(), Some(&*private), "{call:?}");
        }
    }
    assert!(all(&calls, |call| *call == Call::Sync(world.mirror())).is_empty());
}

/// What a daemon on this world calls from its start until it is ready and `done`, with a hook `/bin/true "the hook"` for
/// each change.
pub(crate) fn recorded_of_run(world: &World, done: impl Fn() -> bool) -> Vec<Call> {
    let socket = world.path("notify");
    let _manager = UnixDatagram::bind(&socket).unwrap();
    let (runtime, trace, config) = (world.path("run"), world.path("trace"), world.path("config"));
    let keys = format!(
        "base_path = {:?}\nschedule.cron = \"0 0 0 1 1 *\"\nhooks.on_change = [\"/bin/true\", \"the hook\"]\n[[upstream]]\nurl = {:?}\nlayout = \"flat\"\n",
        world.mirror(),
        world.upstream()
    );
    std::fs::write(&config, keys).unwrap();
    let mut strace: Command = bare("strace");
    strace
        .args(["-f", "-y", "-e", CALLS, "-o"])
        .arg(&trace)
        .args([PROGRAM, "run", "-c"])
        .arg(&config);
    strace
        .env("NOTIFY_SOCKET", &socket)
        .env("RUNTIME_DIRECTORY", &runtime);
    let mut strace = strace.spawn().unwrap();
    let read = || std::fs::read_to_string(&trace).unwrap_or_default();
    until("READY, the hook and the status", || {
        let trace = read();
        let hook = trace.contains("\"the hook\"");
        done() && trace.contains("READY=1") && hook && runtime.join("status.json").exists()
    });
    let pid = json(&runtime.join("status.json"))["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(strace.wait().unwrap().success());
    parse(&read())
}

#[test]
fn a_daemon_says_ready_and_starts_its_hook_only_after_that() {
    need!("strace");
    let world = World::new();
    let calls = recorded_of_run(&world, || true);
    let ready = all(&calls, |call| *call == Call::Ready)[0];
    let hook = |call: &Call| matches!(call, Call::Program(what) if what.contains("\"the hook\""));
    let hook = one(&calls, "the hook", hook);
    // What comes later (the files looked at once more) belongs to another cycle.
    let (over, published) = assert_durable(&calls[..ready.max(hook)], &world.mirror());
    assert_eq!(published, 20);
    assert!(over < ready && over < hook, "{over}, {ready}, {hook}");
}
