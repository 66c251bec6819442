//! A mirror and an upstream of its own for one test, and the real binary run on them.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use horde_refd::category::Category;
use serde_json::Value;

use super::scripted::{self, Action, Scripted, answer_with};

/// The sample upstream, in GitHub's layout, and what a mirror of it holds.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Upstreams with the v2 files they must become: the sample, and the real corpus where there is one.
pub fn corpora() -> Vec<(PathBuf, PathBuf)> {
    let mut roots = vec![fixtures()];
    if let Some(shared) = std::env::var_os("HORDE_REFD_SHARED") {
        roots.push(PathBuf::from(shared).join("corpus"));
    }
    roots
        .into_iter()
        .map(|root| (root.join("upstream"), root.join("expected")))
        .inspect(|(upstream, _)| assert!(upstream.is_dir(), "{} is missing", upstream.display()))
        .collect()
}

/// Where a legacy file lies in GitHub's layout.
pub fn github(category: Category) -> PathBuf {
    let repository = match category {
        Category::TextGeneration => "AI-Horde-text-model-reference",
        _ => "AI-Horde-image-model-reference",
    };
    Path::new("Haidra-Org")
        .join(repository)
        .join("refs/heads/main")
        .join(category.legacy_file())
}

/// A temporary directory with `upstream/` (a copy of the sample, flat) and `mirror/`.
pub struct Scratch {
    directory: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        Self::with(&fixtures().join("upstream"))
    }

    /// With a flat copy of an upstream in GitHub's layout.
    pub fn with(upstream: &Path) -> Self {
        let scratch = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(scratch.upstream()).unwrap();
        for category in Category::with_legacy() {
            std::fs::copy(upstream.join(github(category)), scratch.sent(category)).unwrap();
        }
        scratch
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn upstream(&self) -> PathBuf {
        self.root().join("upstream")
    }

    pub fn mirror(&self) -> PathBuf {
        self.root().join("mirror")
    }

    /// The upstream's file.
    pub fn sent(&self, category: Category) -> PathBuf {
        self.upstream().join(category.legacy_file())
    }

    /// The mirror's legacy file.
    pub fn legacy(&self, category: Category) -> PathBuf {
        self.mirror().join("legacy").join(category.legacy_file())
    }

    /// The mirror's v2 file.
    pub fn v2(&self, category: Category) -> PathBuf {
        self.mirror().join(category.v2_file())
    }

    pub fn private(&self) -> PathBuf {
        self.mirror().join(".horde-refd")
    }

    /// Changes the upstream's file.
    pub fn edit(&self, category: Category, from: &str, to: &str) {
        edit(&self.sent(category), from, to);
    }

    /// The binary with nothing in its environment that a test did not put there.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = binary();
        command.arg("--base-path").arg(self.mirror()).args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&mut self.command(args))
    }

    /// `sync --json` from the directory `upstream/`.
    pub fn sync(&self, args: &[&str]) -> Ran {
        let upstream = self.upstream();
        self.sync_from(upstream.to_str().unwrap(), args)
    }

    /// `sync --json` from a flat upstream anywhere.
    pub fn sync_from(&self, upstream: &str, args: &[&str]) -> Ran {
        let mut command = self.command(&["sync", "--json", "--layout", "flat"]);
        Ran::of(command.arg("--upstream").arg(upstream).args(args))
    }

    /// Serves `upstream/` with an `ETag` a body, and answers conditional requests as they deserve.
    pub fn serve(&self) -> Scripted {
        let upstream = self.upstream();
        Scripted::start(move |head, _| {
            let file = upstream.join(scripted::target(head).trim_start_matches('/'));
            Action::Send(answer(head, &std::fs::read(file).unwrap()))
        })
    }

    /// Every file and directory of the mirror.
    pub fn tree(&self) -> BTreeMap<PathBuf, Entry> {
        tree(&self.mirror())
    }

    pub fn manifest(&self) -> Value {
        json(&self.mirror().join("manifest.json"))
    }

    pub fn state(&self) -> Value {
        json(&self.private().join("state.json"))
    }

    /// Temporary files anywhere in the mirror.
    pub fn temporary(&self) -> Vec<PathBuf> {
        let names = self.tree().into_keys();
        names
            .filter(|path| path.to_string_lossy().ends_with(".tmp"))
            .collect()
    }
}

/// 200 with an `ETag`, or 304 to whoever has it.
pub fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let tag = format!("\"{}\"", horde_refd::mirror::Digest::of(body));
    if scripted::header(head, "if-none-match") == Some(&tag) {
        answer_with(304, &[("ETag", &tag)], b"")
    } else {
        answer_with(200, &[("ETag", &tag)], body)
    }
}

pub fn binary() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("horde-refd"));
    command.env_clear().env("HOME", "/nonexistent");
    command.env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    // The first wait between attempts; nothing here is about its length.
    command.env(
        "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_BACKOFF_SECONDS",
        "1",
    );
    command
}

pub fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}

pub fn json(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub inode: u64,
    pub mode: u32,
    pub size: u64,
    pub mtime: (i64, i64),
    pub ctime: (i64, i64),
}

pub fn tree(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
        let entry = Entry {
            inode: metadata.ino(),
            mode: metadata.mode() & 0o7777,
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        };
        entries.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
    }
    entries
}

/// How the binary ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// With these bytes on stdin.
    pub fn fed(command: &mut Command, input: &[u8]) -> Self {
        use std::io::Write;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let feeding = std::thread::spawn(move || {
            // Who refuses its arguments does not read.
            let _ = stdin.write_all(&input);
        });
        let ran = Self::from(child.wait_with_output().unwrap());
        feeding.join().unwrap();
        ran
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// `(outcome, upstream)` of a category, from `sync --json`.
    #[track_caller]
    pub fn fared(&self, category: Category) -> (String, String) {
        let json = self.json();
        let entry = &json["categories"][category.name()];
        let word = |key: &str| entry[key].as_str().unwrap().to_owned();
        (word("outcome"), word("upstream"))
    }

    #[track_caller]
    pub fn error(&self, category: Category) -> String {
        let json = self.json();
        let error = &json["categories"][category.name()]["error"];
        error.as_str().unwrap().to_owned()
    }

    /// Asserts that every category with a legacy format fared so.
    #[track_caller]
    pub fn all(&self, outcome: &str, upstream: &str) {
        let expected = (outcome.to_owned(), upstream.to_owned());
        for category in Category::with_legacy() {
            assert_eq!(self.fared(category), expected, "{category}: {self:#?}");
        }
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
