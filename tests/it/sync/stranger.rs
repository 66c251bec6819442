//! A mirror read as the workers read it: by the reference package's own offline client, under another user id.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::need::{is_root, need, skip, skip_in_ci_too};
use crate::common::{FILES, Ran, World, bare, corpora, program};

/// Imports the package while it may (an interpreter below `/root` is closed to others), then becomes `nobody` and reads
/// everything. What it prints: the backend, and how many records each category has.
const WORKER: &str = r#"
import json, os, sys
os.environ["HORDE_MODEL_REFERENCE_OFFLINE"] = "true"
os.environ["AIWORKER_CACHE_HOME"] = sys.argv[1]
from loguru import logger
logger.remove()
from horde_model_reference import ModelReferenceManager
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
manager = ModelReferenceManager()
found = manager.get_all_model_references_or_none()
records = {category.value: None if records is None else len(records) for category, records in found.items()}
print(json.dumps({"backend": type(manager.backend).__name__, "records": records}))
"#;

/// A Python that has the reference package; `tests/run` makes one.
fn python() -> Option<String> {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python");
    std::env::var("HORDE_REFD_PYTHON")
        .ok()
        .or_else(|| Path::new(made).exists().then(|| made.to_owned()))
}

/// The worker on a cache directory in which the mirror lies; on a read-only mount of it when so asked.
fn worker(python: &str, cache: &Path, read_only: bool) -> Command {
    let mount = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
    let mut command = bare(if read_only { "unshare" } else { python });
    if read_only {
        command.args(["--mount", "sh", "-c", mount, "sh"]);
        command.arg(cache).arg(python);
    }
    command.args(["-c", WORKER]).arg(cache);
    command
}

#[test]
fn a_worker_of_another_user_reads_every_category_and_needs_no_right_to_write() {
    if !is_root() {
        skip!("only root can become another user and mount");
    }
    need!("unshare", "mount");
    let Some(python) = python() else {
        skip_in_ci_too!("no Python 3.12 with the reference package; tests/run makes one");
    };
    for (upstream, expected) in corpora() {
        let world = World::with(&upstream);
        let cache = world.path("cache");
        let mirror = cache.join("horde_model_reference");
        let sync = || {
            let mut command = program();
            command.args(["sync", "--layout", "flat", "--base-path"]);
            command.arg(&mirror).arg("--upstream").arg(world.upstream());
            Ran::of(&mut command).expect(0)
        };
        sync();
        // The temporary directory itself is closed to others.
        let reachable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(world.root(), reachable).unwrap();
        for read_only in [false, true] {
            let ran = Ran::of(&mut worker(&python, &cache, read_only)).expect(0);
            assert_eq!(ran.json()["backend"], "LocalReadOnlyBackend");
            for (category, _, v2) in FILES {
                let v2 = std::fs::read(expected.join(v2)).unwrap();
                let v2: Value = serde_json::from_slice(&v2).unwrap();
                let records = v2.as_object().unwrap().len();
                assert_eq!(ran.json()["records"][category], records, "{category}");
            }
        }
        // Without audit/ the same client does not start, and the next cycle makes it again.
        std::fs::remove_dir(mirror.join("audit")).unwrap();
        let ran = Ran::of(&mut worker(&python, &cache, false)).expect(1);
        assert!(ran.stderr.contains("audit"), "{}", ran.stderr);
        sync();
        Ran::of(&mut worker(&python, &cache, true)).expect(0);
    }
}
