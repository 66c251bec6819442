//! A mirror read as the workers read it: by the reference package's own offline client, under another user id.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Cached, assert_all_read, need_python, offline};
use crate::common::need::{is_root, need, skip};
use crate::common::{Ran, bare, corpora, fixtures};

/// The same program on a read-only mount of its cache.
fn read_only(cache: &Path, reader: &Command) -> Command {
    let mount = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
    let mut command = bare("unshare");
    command.args(["--mount", "sh", "-c", mount, "sh"]);
    command.arg(cache).arg(reader.get_program());
    command.args(reader.get_args());
    command.envs(
        reader
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

#[test]
fn a_worker_of_another_user_reads_every_category_and_needs_no_right_to_write() {
    if !is_root() {
        skip!("only root can become another user and mount");
    }
    need!("unshare", "mount");
    let python = need_python!("8.6.2");
    for (upstream, _) in corpora() {
        let cached = Cached::of(&upstream);
        let cache = cached.cache();
        let mut worker = offline(&python, &cache);
        worker.arg("--as-stranger");
        for ran in [
            Ran::of(&mut worker),
            Ran::of(&mut read_only(&cache, &worker)),
        ] {
            let read = ran.expect(0).json();
            assert_eq!(read["backend"], "LocalReadOnlyBackend");
            assert_eq!(read["version"], "8.6.2");
            assert_eq!(read["user"], 65534);
            assert_all_read(&read, &cached);
        }
        // Without audit/ the same client does not start, and the next cycle makes it again.
        std::fs::remove_dir(cached.mirror().join("audit")).unwrap();
        let ran = Ran::of(&mut worker).expect(1);
        assert!(ran.stderr.contains("audit"), "{}", ran.stderr);
        cached.sync();
        Ran::of(&mut read_only(&cache, &worker)).expect(0);
    }
}

#[test]
fn a_running_worker_notices_an_update_by_its_mtime() {
    let python = need_python!("8.6.2");
    let cached = Cached::of(&fixtures().join("upstream"));
    let mut worker = offline(&python, &cached.cache());
    // Its cache would be good for a quarter of an hour: only the mtime can tell it.
    worker.env("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "900");
    worker.arg("--each-line");
    worker.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = worker.spawn().unwrap();
    let mut answers = BufReader::new(worker.stdout.take().unwrap());
    let mut line = String::new();
    let mut read = || -> Value {
        line.clear();
        answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let first = read();
    let mut stdin = worker.stdin.take().unwrap();
    let mut ask = || stdin.write_all(b"again\n").unwrap();
    ask();
    assert_eq!(read(), first);
    cached
        .world
        .edit("clip".parse().unwrap(), "another name inside", "news");
    cached.sync();
    ask();
    let second = read();
    let news = second["descriptions"]["clip"].to_string();
    assert!(news.contains("news"), "{news}");
    // What did not change reads as before.
    let (mut before, mut after) = (first["digests"].clone(), second["digests"].clone());
    assert_ne!(before["clip"].take(), after["clip"].take());
    assert_eq!(before, after);
    drop(stdin);
    assert!(worker.wait().unwrap().success());
}

#[test]
fn the_oldest_version_still_in_use_accepts_the_files() {
    let python = need_python!("3.0.0");
    for (upstream, _) in corpora() {
        let cached = Cached::of(&upstream);
        cached.without_unknown_baselines();
        let mut command = bare(&python);
        command.args(["-c", STRICT]).arg(cached.mirror());
        command.env("AIWORKER_CACHE_HOME", cached.cache());
        let read = Ran::of(command.current_dir("/")).expect(0).json();
        for (category, _, _) in crate::common::FILES {
            let models = cached.models(category.parse().unwrap());
            assert_eq!(read[category], models, "{category}");
        }
    }
}

/// Each record of each file, through the record class of its category: a refusal raises.
const STRICT: &str = r#"
import json, pathlib, sys
from loguru import logger
logger.remove()
from horde_model_reference import MODEL_REFERENCE_CATEGORY as Category
from horde_model_reference.model_reference_records import MODEL_RECORD_TYPE_LOOKUP, GenericModelRecord
counts = {}
for name in ("blip", "clip", "codeformer", "controlnet", "esrgan", "gfpgan", "safety_checker", "image_generation",
             "text_generation", "miscellaneous"):
    file = "stable_diffusion" if name == "image_generation" else name
    records = json.loads((pathlib.Path(sys.argv[1]) / f"{file}.json").read_text(encoding="utf-8"))
    kind = MODEL_RECORD_TYPE_LOOKUP.get(Category(name), GenericModelRecord)
    counts[name] = len([kind.model_validate(record) for record in records.values()])
print(json.dumps(counts))
"#;
