//! The shape of the source, as `src/lib.rs` tells it: who may use whom, who may write files, how long a file may be.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The way of the data. A module uses what stands before it, and what stands beside it in the foundation.
const FOUNDATION: [&str; 10] = [
    "category", "item", "depth", "clock", "digest", "text", "repeat", "config", "disk", "error",
];
const WAY: [&str; 17] = [
    "trigger",
    "upstream",
    "python",
    "legacy",
    "convert",
    "draft",
    "verdict",
    "mirror",
    "cycle",
    "ledger",
    "freshness",
    "backend",
    "blocking",
    "inspect",
    "observe",
    "daemon",
    "cli",
];

/// One source file without its tests and comments.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The top-level module it belongs to; `None` for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<String> {
        let below = self.path.strip_prefix(root().join("src")).unwrap();
        let first = below.components().next().unwrap();
        let name = Path::new(&first).file_stem().unwrap().to_str().unwrap();
        (!["lib", "main"].contains(&name)).then(|| name.to_owned())
    }

    fn code(&self) -> String {
        let tests = self.text.find("\nmod tests {");
        let text = self.text.get(..tests.unwrap_or(self.text.len())).unwrap();
        text.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |code, line| code + line + "\n")
    }

    /// Whether the whole file is tests: they stand at its margin.
    fn is_tests(&self) -> bool {
        self.text.contains("\n#[test]\n") || self.text.contains("\n#[tokio::test")
    }

    fn shown(&self) -> String {
        let below = self.path.strip_prefix(root()).unwrap();
        below.display().to_string()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut directories = vec![root().join("src")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 40, "the sources are not where they were");
    sources
}

/// Every top-level module that is named after `prefix`, also inside braces: `crate::{a, b::c}`.
fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text.get(..end.unwrap_or(text.len())).unwrap().to_owned()
    };
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = code.get(at + prefix.len()..).unwrap();
        let Some(group) = rest.strip_prefix('{') else {
            named.insert(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut starts = true;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => starts = true,
                c if starts && !c.is_whitespace() => {
                    named.insert(word(group.get(at..).unwrap()));
                    starts = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    named
}

fn place(module: &str) -> Option<usize> {
    WAY.iter().position(|name| *name == module)
}

/// What `module` uses although it does not stand before it.
fn misplaced(module: &str, code: &str) -> Vec<String> {
    let allowed = |used: &str| {
        used == module
            || FOUNDATION.contains(&used)
            || match (place(used), place(module)) {
                (Some(used), Some(module)) => used < module,
                (Some(_), None) => false,
                // Not a module: a macro, or an item of the crate's root.
                (None, _) => true,
            }
    };
    let used = named_after(code, "crate::");
    used.into_iter().filter(|used| !allowed(used)).collect()
}

#[test]
fn the_modules_are_those_that_the_way_of_the_data_names() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let expected: Vec<&str> = FOUNDATION.into_iter().chain(WAY).collect();
    assert_eq!(declared, expected);
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_tests()) {
        let Some(module) = source.module() else {
            continue;
        };
        for used in misplaced(&module, &source.code()) {
            wrong.push(format!("{}: {module} uses {used}", source.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_use_against_the_way_would_be_found() {
    let table = [
        ("mirror", "use crate::cycle::Cycle;", vec!["cycle"]),
        ("disk", "let x = crate::mirror::open();", vec!["mirror"]),
        (
            "legacy",
            "use crate::{\n  disk, convert::{convert, mirror}, cli,\n};",
            vec!["cli", "convert"],
        ),
        ("cli", "use crate::{daemon, disk};", vec![]),
        ("mirror", "use crate::mirror::Lock;", vec![]),
    ];
    for (module, code, expected) in table {
        assert_eq!(misplaced(module, code), expected, "{module}: {code}");
    }
}

#[test]
fn the_conversion_knows_no_clock_no_file_and_no_network() {
    let forbidden = [
        "std::fs",
        "TcpStream",
        "ToSocketAddrs",
        "std::time",
        "std::env",
        "Instant::now",
        "Timestamp::now",
        "SystemTime",
        "tokio",
        "reqwest",
        "crate::disk",
        "crate::config",
    ];
    for source in sources().iter().filter(|source| !source.is_tests()) {
        if !matches!(
            source.module().as_deref(),
            Some("python" | "legacy" | "convert")
        ) {
            continue;
        }
        let code = source.code();
        for word in forbidden {
            assert!(!code.contains(word), "{}: {word}", source.shown());
        }
    }
}

#[test]
fn python_knows_no_category_nor_anything_else_of_the_crate() {
    for source in sources().iter().filter(|source| !source.is_tests()) {
        if source.module().as_deref() != Some("python") {
            continue;
        }
        let used = named_after(&source.code(), "crate::");
        let others: Vec<_> = used.iter().filter(|used| *used != "python").collect();
        assert!(others.is_empty(), "{} uses {others:?}", source.shown());
    }
}

#[test]
fn a_module_with_parts_is_a_mod_rs() {
    for source in sources() {
        let inner = source.path.with_extension("");
        let Ok(entries) = std::fs::read_dir(&inner) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let module = path.extension().is_some_and(|kind| kind == "rs");
            assert!(!module, "{} beside {}", source.shown(), path.display());
        }
    }
}

/// Words that the house style retired, with the files in which they are a name: a value of `ready`, a user.
const RETIRED: [(&str, &[&str]); 7] = [
    (
        "settle",
        &[
            "src/config/defaults.rs",
            "src/config/keys/table.rs",
            "src/config/load/tests/mod.rs",
            "src/config/mod.rs",
            "src/daemon/ready.rs",
        ],
    ),
    ("settling", &[]),
    ("standing", &[]),
    ("told", &[]),
    ("whoever", &[]),
    ("somebody", &[]),
    (
        "nobody",
        &[
            "src/disk/cure.rs",
            "tests/it/faults/owners.rs",
            "tests/it/interop/offline.rs",
            "tests/it/operator/beside.rs",
            "tests/it/sync/stranger.rs",
        ],
    ),
];

/// The retired words of a line; parts of identifiers are words too.
fn retired(line: &str, file: &str) -> Vec<&'static str> {
    let line = line.to_ascii_lowercase();
    let words: BTreeSet<&str> = line.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let is = |word: &str| {
        let forms = [word.to_owned(), format!("{word}s"), format!("{word}d")];
        forms.iter().any(|form| words.contains(form.as_str()))
    };
    let found = RETIRED
        .iter()
        .filter(|(word, names)| is(word) && !names.contains(&file));
    found.map(|(word, _)| *word).collect()
}

#[test]
fn no_retired_word_comes_back() {
    let mut wrong = Vec::new();
    let mut directories = vec![root().join("src"), root().join("tests/it")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let file = path.strip_prefix(root()).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate() {
                for word in retired(line, &file) {
                    wrong.push(format!("{file}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_retired_word_would_be_found() {
    for (line, found) in [
        ("/// What it was told.", vec!["told"]),
        ("fn files_settle_down() {", vec!["settle"]),
        ("// Nobody settled it.", vec!["settle", "nobody"]),
        ("an understanding, untold", vec![]),
    ] {
        assert_eq!(retired(line, "src/x.rs"), found, "{line}");
    }
    assert!(retired("Ready::Settled", "src/daemon/ready.rs").is_empty());
}

#[test]
fn the_ledger_knows_no_clock_no_file_no_network_and_no_log() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "Instant::now",
        "Timestamp::now",
        "SystemTime",
        "clock::",
        "tokio",
        "reqwest",
        "tracing",
        "crate::disk",
    ];
    // Finding and reading the status file, and whether its writer lives, are the ledger's only effects.
    let effects = ["process.rs", "status/file.rs", "status/locate.rs"];
    let ledger = sources()
        .into_iter()
        .filter(|source| source.module().as_deref() == Some("ledger") && !source.is_tests());
    let pure: Vec<Source> = ledger
        .filter(|source| !effects.iter().any(|file| source.path.ends_with(file)))
        .collect();
    assert!(pure.iter().any(|source| source.path.ends_with("fold.rs")));
    for source in pure {
        let code = source.code();
        for word in forbidden {
            assert!(!code.contains(word), "{}: {word}", source.shown());
        }
    }
}

#[test]
fn only_disk_writes_files() {
    // clippy.toml disallows these too; this test also sees what a local allow would hide.
    let ways = [
        "fs::write",
        "fs::copy",
        "fs::rename",
        "fs::hard_link",
        "fs::remove",
        "fs::create_dir",
        "fs::set_permissions",
        "File::create",
        "File::options",
        "OpenOptions",
        "DirBuilder",
        ".set_len(",
        ".set_modified(",
        "tempfile",
        "openat",
        "renameat",
        "linkat",
        "mkdirat",
        "chmodat",
        "chownat",
        "fchmod",
        "fchown",
        "futimens",
        "disallowed_methods",
    ];
    for source in sources().iter().filter(|source| !source.is_tests()) {
        match source.module().as_deref() {
            Some("disk" | "clock") | None => continue,
            Some(_) => {}
        }
        let code = source.code();
        for way in ways {
            assert!(!code.contains(way), "{}: {way}", source.shown());
        }
    }
    let disk = std::fs::read_to_string(root().join("src/disk/write.rs")).unwrap();
    assert!(disk.contains("renameat("), "disk no longer is the writer");
}

#[test]
fn only_clock_asks_a_clock() {
    // clippy.toml disallows these too; this test also sees what a local allow would hide.
    let calls = [
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "Utc::now",
        "clock_gettime",
        "usec_now",
        ".elapsed()",
    ];
    for source in sources().iter().filter(|source| !source.is_tests()) {
        if source.module().as_deref() == Some("clock") {
            continue;
        }
        let code = source.code();
        for call in calls {
            assert!(!code.contains(call), "{}: {call}", source.shown());
        }
    }
}

#[test]
fn every_file_opens_with_what_it_is_for_and_is_short() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", source.shown());
        let first = source.text.lines().next().expect("an empty source file");
        assert!(
            source.is_tests() || first.starts_with("//! "),
            "{} opens with {first:?}",
            source.shown()
        );
    }
}

#[test]
fn main_only_hands_over_to_the_command_line() {
    let main = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 30, "main.rs has grown");
    let used = named_after(&main, "horde_refd::");
    assert_eq!(used, BTreeSet::from(["cli".to_owned()]));
}

/// Each program is linked for itself, which takes longer than most of its tests.
#[test]
fn the_tests_are_two_programs() {
    let mut programs = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let is_program = path.extension().is_some_and(|kind| kind == "rs");
        if is_program || path.join("main.rs").exists() {
            programs.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    let expected = ["architecture.rs", "it"].map(str::to_owned);
    assert_eq!(programs, BTreeSet::from(expected));
}

#[test]
fn plan_draft_and_verdict_know_no_clock_no_file_and_no_network() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "Instant",
        "Timestamp::now",
        "SystemTime",
        "clock::",
        "tokio",
        "reqwest",
        "tracing",
        "crate::disk",
        "crate::mirror::Mirror",
    ];
    let pure = |source: &Source| {
        let module = source.module().unwrap_or_default();
        let plan = ["cycle/plan.rs", "cycle/need.rs"];
        let plan = plan.iter().any(|file| source.path.ends_with(file));
        plan || ["draft", "verdict"].contains(&module.as_str())
    };
    let pure: Vec<Source> = sources().into_iter().filter(pure).collect();
    assert!(pure.len() >= 4, "the decisions are not where they were");
    for source in pure {
        let code = source.code();
        for word in forbidden {
            assert!(!code.contains(word), "{}: {word}", source.shown());
        }
    }
}

#[test]
fn apply_alone_calls_what_writes_in_the_mirror() {
    let writers = [
        ".write(&item",
        "mirror.write(item",
        "mirror.enter_file(",
        "mirror.retain_files(",
        ".keep(category",
        ".enter(category",
        "mirror.commit()",
        "mirror.stage(",
        "mirror.unstage(",
        "mirror\n            .write(",
    ];
    let mut callers = Vec::new();
    for source in sources() {
        if source.module().as_deref() == Some("mirror") || source.is_tests() {
            continue;
        }
        let code = source.code();
        if writers.iter().any(|call| code.contains(call)) {
            callers.push(source.shown());
        }
    }
    assert_eq!(callers, ["src/cycle/apply.rs"], "what writes in the mirror");
}
