//! A world of its own for each test: an upstream, a mirror, and the real binary run on them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use horde_refd::category::Category;
use serde_json::Value;

use super::scripted::{self, Action, Scripted, answer_with};
use super::until;

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

/// Category, legacy and v2 name of every category with a legacy file.
pub const FILES: [(&str, &str, &str); 10] = [
    ("blip", "blip.json", "blip.json"),
    ("clip", "clip.json", "clip.json"),
    ("codeformer", "codeformer.json", "codeformer.json"),
    ("controlnet", "controlnet.json", "controlnet.json"),
    ("esrgan", "esrgan.json", "esrgan.json"),
    ("gfpgan", "gfpgan.json", "gfpgan.json"),
    (
        "safety_checker",
        "safety_checker.json",
        "safety_checker.json",
    ),
    (
        "image_generation",
        "stable_diffusion.json",
        "stable_diffusion.json",
    ),
    ("text_generation", "models.csv", "text_generation.json"),
    ("miscellaneous", "miscellaneous.json", "miscellaneous.json"),
];

/// Words of each sample file that its v2 file has too.
const WORDS: [(&str, &str); 10] = [
    ("blip.json", "Writes captions"),
    ("clip.json", "another name inside"),
    ("codeformer.json", "Mends"),
    ("controlnet.json", "Lines."),
    ("esrgan.json", "Twice as large"),
    ("gfpgan.json", "Restores"),
    ("safety_checker.json", "Guards."),
    ("stable_diffusion.json", "Meadows, in every style"),
    ("models.csv", "A bird"),
    ("miscellaneous.json", "the key is empty"),
];

/// The sample of a legacy file, with `mark` in a description; the mark shows up in the v2 file.
pub fn legacy(file: &str, mark: &str) -> Vec<u8> {
    let category = Category::with_legacy().find(|category| category.legacy_file() == file);
    let sample = fixtures().join("upstream").join(github(category.unwrap()));
    let text = std::fs::read_to_string(sample).unwrap();
    let (_, words) = WORDS.iter().find(|(name, _)| *name == file).unwrap();
    assert_eq!(text.matches(words).count(), 1, "{file}");
    text.replace(words, mark).into_bytes()
}

/// How many models the v2 file of the sample has.
pub fn models(v2: &str) -> usize {
    let expected = json(&fixtures().join("expected").join(v2));
    expected.as_object().unwrap().len()
}

/// A file of the mirror: by its name, or as the one of a category.
pub trait Named {
    fn legacy_name(&self) -> &str;
    fn v2_name(&self) -> &str;
}

impl Named for Category {
    fn legacy_name(&self) -> &str {
        self.legacy_file()
    }

    fn v2_name(&self) -> &str {
        self.v2_file()
    }
}

impl Named for str {
    fn legacy_name(&self) -> &str {
        self
    }

    fn v2_name(&self) -> &str {
        self
    }
}

impl<T: Named + ?Sized> Named for &T {
    fn legacy_name(&self) -> &str {
        (*self).legacy_name()
    }

    fn v2_name(&self) -> &str {
        (*self).v2_name()
    }
}

/// A directory with everything that one test needs; it goes with the test.
///
/// `upstream/` is a flat upstream, `mirror/` is what the program makes of it, `run/` is a daemon's runtime directory.
pub struct World {
    root: tempfile::TempDir,
}

impl World {
    /// The upstream has the sample.
    pub fn new() -> Self {
        Self::with(&fixtures().join("upstream"))
    }

    /// The upstream has a flat copy of an upstream in GitHub's layout.
    pub fn with(upstream: &Path) -> Self {
        Self::empty().filled(upstream)
    }

    fn filled(self, upstream: &Path) -> Self {
        for category in Category::with_legacy() {
            std::fs::copy(upstream.join(github(category)), self.sent(category)).unwrap();
        }
        self
    }

    /// The upstream has the sample, marked `upstream`.
    pub fn marked() -> Self {
        let world = Self::empty();
        for (_, file, _) in FILES {
            world.publish(file, "upstream");
        }
        world
    }

    /// The upstream has nothing.
    pub fn empty() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    /// The upstream has the sample, and all is in memory where there is a file system for that: for tests whose many rounds
    /// wait for no disk.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self::at(root.unwrap()).filled(&fixtures().join("upstream"))
    }

    fn at(root: tempfile::TempDir) -> Self {
        for directory in ["upstream", "run", "scratch"] {
            std::fs::create_dir(root.path().join(directory)).unwrap();
        }
        Self { root }
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn upstream(&self) -> PathBuf {
        self.path("upstream")
    }

    pub fn mirror(&self) -> PathBuf {
        self.path("mirror")
    }

    /// The upstream's file.
    pub fn sent(&self, file: impl Named) -> PathBuf {
        self.upstream().join(file.legacy_name())
    }

    /// The mirror's legacy file.
    pub fn legacy(&self, file: impl Named) -> PathBuf {
        self.mirror().join("legacy").join(file.legacy_name())
    }

    /// The mirror's v2 file.
    pub fn v2(&self, file: impl Named) -> PathBuf {
        self.mirror().join(file.v2_name())
    }

    pub fn private(&self) -> PathBuf {
        self.mirror().join(".horde-refd")
    }

    /// Puts a marked legacy file into the upstream, atomically.
    pub fn publish(&self, file: &str, mark: &str) {
        self.rename_into(&self.sent(file), &legacy(file, mark));
    }

    /// Writes elsewhere and renames into place: one event for a watcher.
    pub fn rename_into(&self, target: &Path, bytes: &[u8]) {
        replace(&self.path("scratch"), target, bytes);
    }

    /// Waits until the v2 file has this mark in it.
    pub fn wait_v2(&self, file: &str, mark: &str) {
        let path = self.v2(file);
        until(&format!("{file} with {mark:?}"), || {
            let Ok(bytes) = std::fs::read(&path) else {
                return false;
            };
            String::from_utf8(bytes).unwrap().contains(mark)
        });
    }

    /// Changes the upstream's file.
    pub fn edit(&self, category: Category, from: &str, to: &str) {
        edit(&self.sent(category), from, to);
    }

    /// The program on this mirror.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        // The first wait between attempts; nothing here is about its length.
        command.env(
            "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_BACKOFF_SECONDS",
            "1",
        );
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

    /// The same without what a cycle writes that changes nothing: state and status, and the directory that they lie in.
    pub fn published(&self) -> BTreeMap<PathBuf, Entry> {
        let mut tree = self.tree();
        for path in ["", "/state.json", "/status.json"] {
            tree.remove(Path::new(&format!(".horde-refd{path}")));
        }
        tree
    }

    pub fn manifest(&self) -> Value {
        json(&self.mirror().join("manifest.json"))
    }

    pub fn state(&self) -> Value {
        json(&self.private().join("state.json"))
    }

    /// Every file is whole, in the manifest, and as it says; no temporary file is left. How many categories there are.
    #[track_caller]
    pub fn assert_whole(&self) -> usize {
        assert_whole(&self.mirror())
    }
}

/// See [`World::assert_whole`].
#[track_caller]
pub fn assert_whole(mirror: &Path) -> usize {
    let manifest = json(&mirror.join("manifest.json"));
    let categories = manifest["categories"].as_object().unwrap();
    for (category, _, v2) in FILES {
        let published = mirror.join(v2).exists();
        assert_eq!(published, categories.contains_key(category), "{category}");
    }
    for (category, entry) in categories {
        for format in ["v2", "legacy"] {
            let entry = &entry[format];
            let bytes = std::fs::read(mirror.join(entry["file"].as_str().unwrap())).unwrap();
            let digest = sha256(&bytes);
            assert_eq!(entry["sha256"], digest, "{category} {format}");
            assert_eq!(entry["bytes"], bytes.len(), "{category} {format}");
            if format == "v2" {
                serde_json::from_slice::<Value>(&bytes).unwrap();
            }
        }
    }
    // A daemon that lives may be writing its status at this moment: a leftover is a temporary file that stays. Each has a
    // name of its own, so one that is gone does not come back.
    let mut leftovers = temporary(mirror);
    super::until("the temporary files are renamed or removed", || {
        leftovers.retain(|path| mirror.join(path).exists());
        leftovers.is_empty()
    });
    categories.len()
}

/// Temporary files anywhere in the mirror.
pub fn temporary(mirror: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = tree(mirror).into_keys().collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".tmp"));
    paths
}

/// As `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes the bytes to a file in `scratch` and renames it to `target`.
pub fn replace(scratch: &Path, target: &Path, bytes: &[u8]) {
    let staged = tempfile::NamedTempFile::new_in(scratch).unwrap();
    std::fs::write(staged.path(), bytes).unwrap();
    staged.persist(target).unwrap();
}

/// 200 with an `ETag`, or 304 to a client that has it.
pub fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let tag = format!("\"{}\"", sha256(body));
    if scripted::header(head, "if-none-match") == Some(&tag) {
        answer_with(304, &[("ETag", &tag)], b"")
    } else {
        answer_with(200, &[("ETag", &tag)], body)
    }
}

/// The program that is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_horde-refd");

/// The program with nothing in its environment that a test did not put there, and nothing to read.
pub fn program() -> Command {
    bare(PROGRAM)
}

/// The same program started by another one that is given before it, like `setpriv` or `sh -c`.
pub fn program_under(prefix: &[&str]) -> Command {
    let mut command = bare(prefix[0]);
    command.args(&prefix[1..]).arg(PROGRAM);
    command
}

/// Any program with nothing in its environment but what every program needs, and nothing to read.
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("TZ", "UTC")
        .stdin(Stdio::null());
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
        let metadata = match std::fs::symlink_metadata(&path) {
            // A daemon beside it replaces its own files at any moment.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != root => continue,
            metadata => metadata.unwrap(),
        };
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
            // A program that refuses its arguments does not read.
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
