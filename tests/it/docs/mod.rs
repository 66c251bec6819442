//! What README and docs/ say to type is typed: each `sh` block runs, each `toml` block is a configuration.
//!
//! 1. The blocks of a document run in order, each in a shell of its own, in one scratch directory that has `tests/` and
//!    `packaging/` as the repository has them. `cargo run --` is the program that is tested.
//! 2. A block that cannot run has a comment before it: `<!-- not run: WHY -->`.
//! 3. A `console` block after a block that runs is what that one prints: word by word, with `...` for any lines, and any
//!    number of seconds.

mod evening;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::common::need::need;
use crate::common::{PROGRAM, Ran, World, bare, program};

struct Block {
    line: usize,
    language: String,
    text: String,
    /// Why it does not run.
    not_run: Option<String>,
}

fn documents() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![repository.join("README.md")];
    for entry in std::fs::read_dir(repository.join("docs")).unwrap() {
        all.push(entry.unwrap().path());
    }
    all.retain(|path| path.extension().is_some_and(|name| name == "md"));
    all.sort();
    all
}

fn blocks(document: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(document).unwrap();
    let (mut blocks, mut before) = (Vec::new(), "");
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            before = line.trim();
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let mut text = String::new();
        loop {
            let (_, line) = lines.next().expect("a fence is closed");
            if line.trim() == "```" {
                break;
            }
            text += line.get(indent..).unwrap_or("");
            text.push('\n');
        }
        let reason = before
            .strip_prefix("<!-- not run: ")
            .and_then(|rest| rest.strip_suffix(" -->"));
        blocks.push(Block {
            line: number + 1,
            language: language.to_owned(),
            text,
            not_run: reason.map(str::to_owned),
        });
        before = "";
    }
    blocks
}

/// A directory in which the documents' words are true.
fn scratch() -> World {
    let world = World::empty();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (bin, home) = (world.path("bin"), world.path("home"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&home).unwrap();
    for name in ["tests", "packaging"] {
        symlink(repository.join(name), home.join(name)).unwrap();
    }
    symlink(PROGRAM, bin.join("horde-refd")).unwrap();
    let cargo = "#!/bin/sh\n[ \"$1 $2\" = 'run --' ] || exit 2\nshift 2\nexec horde-refd \"$@\"\n";
    std::fs::write(bin.join("cargo"), cargo).unwrap();
    std::fs::set_permissions(bin.join("cargo"), PermissionsExt::from_mode(0o755)).unwrap();
    world
}

/// Runs a block; what it printed on stdout.
fn run(world: &World, block: &Block) -> Ran {
    let path = std::env::var("PATH").unwrap();
    let mut command = bare("bash");
    command.args(["-euo", "pipefail", "-c", &block.text]);
    command.current_dir(world.path("home"));
    command.env("PATH", format!("{}:{path}", world.path("bin").display()));
    Ran::of(&mut command)
}

/// The words of a line; seconds pass.
fn words(line: &str) -> Vec<String> {
    let words = line.split_whitespace();
    let seconds = |word: &str| {
        word.strip_suffix('s')
            .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    words
        .map(|word| if seconds(word) { "Ns" } else { word }.to_owned())
        .collect()
}

fn alike(shown: &str, printed: &str) -> bool {
    fn rest(shown: &[Vec<String>], printed: &[Vec<String>]) -> bool {
        match shown.split_first() {
            None => printed.is_empty(),
            Some((line, after)) if line.len() == 1 && line[0] == "..." => {
                (0..=printed.len()).any(|skipped| rest(after, &printed[skipped..]))
            }
            Some((line, after)) => printed
                .split_first()
                .is_some_and(|(first, others)| first == line && rest(after, others)),
        }
    }
    let lines = |text: &str| text.lines().map(words).collect::<Vec<_>>();
    rest(&lines(shown), &lines(printed))
}

#[test]
fn every_command_block_runs_or_says_why_not() {
    need!("jq", "rclone", "promtool", "sha256sum");
    let (mut ran, mut shown) = (0, 0);
    for document in documents() {
        let name = document.file_name().unwrap().to_str().unwrap();
        let world = scratch();
        let mut printed: Option<String> = None;
        for block in blocks(&document) {
            let at = format!("{name}, line {}", block.line);
            let known = [
                "sh",
                "console",
                "toml",
                "text",
                "ini",
                "nginx",
                "json",
                "csv",
                "mermaid",
                "rust,no_run",
                "rust",
                "python",
            ];
            assert!(
                known.contains(&&*block.language) || block.not_run.is_some(),
                "{at}: commands are `sh`, not {:?}",
                block.language
            );
            match &*block.language {
                "sh" if block.not_run.is_some() => printed = None,
                "sh" => {
                    let result = run(&world, &block);
                    assert_eq!(result.code, Some(0), "{at}\n{}\n{result:#?}", block.text);
                    printed = Some(result.stdout);
                    ran += 1;
                }
                "console" => {
                    if let Some(printed) = printed.take() {
                        let same = alike(&block.text, &printed);
                        assert!(same, "{at}: it is now\n{printed}");
                        shown += 1;
                    }
                }
                _ => {}
            }
        }
    }
    assert!(ran >= 10, "{ran} blocks ran");
    assert!(shown >= 2, "{shown} outputs were compared");
}

#[test]
fn every_configuration_is_accepted() {
    let world = World::empty();
    let mut count = 0;
    for document in documents() {
        for block in blocks(&document) {
            if block.language != "toml" || block.not_run.is_some() {
                continue;
            }
            let file = world.path("config.toml");
            std::fs::write(&file, &block.text).unwrap();
            let ran = Ran::of(program().args(["config", "-c"]).arg(&file));
            let at = format!("{}, line {}", document.display(), block.line);
            assert_eq!(ran.code, Some(0), "{at}: {ran:#?}");
            count += 1;
        }
    }
    assert!(count >= 3, "{count} blocks");
}

#[test]
fn every_file_that_is_linked_is_there() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.contains(char::is_whitespace) {
                continue;
            }
            let file = document.parent().unwrap().join(path);
            assert!(file.exists(), "{}: {target}", document.display());
        }
    }
}

#[test]
fn output_is_compared_by_words() {
    let printed = "a 1s\nb   2\nc\n";
    for (shown, same) in [
        ("a 12s\nb 2\nc", true),
        ("a 1s\n...\n", true),
        ("...\nc", true),
        ("a 1s\nb 2", false),
        ("a 1m\n...", false),
        ("...\nb 3\n...", false),
    ] {
        assert_eq!(alike(shown, printed), same, "{shown}");
    }
}
