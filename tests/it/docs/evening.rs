//! The operator's evening: `docs/evening.sh` runs again, and prints what docs/evening.md shows.
//!
//! 1. The `console` blocks of the page are the script's, in its order. Each run has its own times, ages, process ids, port
//!    and directory, and each host its own sizes beside a tick of `doctor`; everything else is compared word by word.
//! 2. `BLESS=1` writes what the script prints into the page.

use std::path::{Path, PathBuf};

use crate::common::need::need;
use crate::common::{PROGRAM, Ran, World, bare};

/// Where the page has the script's directory.
const SCRATCH: &str = "/srv";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evening.md")
}

/// The page with each `console` block replaced by the next of these; what the blocks were.
fn with_blocks(page: &str, blocks: &[String]) -> (String, Vec<String>) {
    let (mut text, mut shown) = (String::new(), Vec::new());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("```console\n") {
        let (block, after) = after.split_once("```\n").expect("a fence is closed");
        let new = blocks.get(shown.len()).map_or(block, String::as_str);
        text = text + before + "```console\n" + new + "```\n";
        shown.push(block.to_owned());
        rest = after;
    }
    (text + rest, shown)
}

/// Runs the script; its blocks, with a directory and a port that are good to read.
fn run() -> Vec<String> {
    let world = World::empty();
    let bin = world.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(PROGRAM, bin.join("horde-refd")).unwrap();
    let mut command = bare("bash");
    command.arg(page().with_extension("sh"));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display()));
    let ran = Ran::of(&mut command).expect(0);
    assert_eq!(ran.stderr, "", "{}", ran.stdout);
    let user = String::from_utf8(bare("id").arg("-un").output().unwrap().stdout).unwrap();
    let text = ran
        .stdout
        .replace(&format!(", {})", user.trim()), ", root)");
    let blocks = text.split("----\n").skip(1);
    blocks.map(readable).collect()
}

fn readable(block: &str) -> String {
    let text = block.split("/tmp/evening.").enumerate();
    let text: String = text
        .map(|(at, part)| match at {
            0 => part.to_owned(),
            _ => SCRATCH.to_owned() + &part[6..],
        })
        .collect();
    let text = text.split("127.0.0.1:").enumerate();
    text.map(|(at, part)| {
        let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
        match (at, part.len() - after.len()) {
            (0, _) => part.to_owned(),
            (_, 0) => format!("127.0.0.1:{part}"),
            _ => format!("127.0.0.1:8000{after}"),
        }
    })
    .collect()
}

/// The words of a line that every run has (invariant 1).
fn words(line: &str) -> Vec<String> {
    if let Some(tick) = line.strip_prefix("✓ ") {
        return vec![tick.split("  ").next().unwrap_or_default().to_owned()];
    }
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let core = word.trim_matches(['(', ')', ',', ':']);
        let digits = core.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_number = |text: &str| !text.is_empty() && text.parse::<u64>().is_ok();
        let after = |of: &[&str]| words.last().is_some_and(|last| of.contains(&last.as_str()));
        let word = if core.parse::<jiff::Timestamp>().is_ok() {
            word.replace(core, "TIME")
        } else if is_number(digits) && ["s", "m", "h", "d"].contains(&&core[digits.len()..]) {
            if after(&["AGE"]) {
                continue;
            }
            word.replace(core, "AGE")
        } else if is_number(core) && after(&["pid", "process", "cycles"]) {
            word.replace(core, "N")
        } else {
            word.to_owned()
        };
        words.push(word);
    }
    words
}

#[test]
fn the_evening_goes_as_the_page_tells_it() {
    need!("bash", "jq", "python3");
    let printed = run();
    let text = std::fs::read_to_string(page()).unwrap();
    let (blessed, shown) = with_blocks(&text, &printed);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(page(), blessed).unwrap();
        return;
    }
    assert_eq!(
        shown.len(),
        printed.len(),
        "the page has another number of blocks"
    );
    for (shown, printed) in shown.iter().zip(&printed) {
        let lines = |text: &str| text.lines().map(words).collect::<Vec<_>>();
        assert_eq!(
            lines(shown),
            lines(printed),
            "the page has\n{shown}\nnow it is\n{printed}"
        );
    }
}

#[test]
fn the_evening_is_compared_without_what_each_run_has_of_its_own() {
    let same = [
        ("up 1m 4s", "up 12s"),
        (
            "until 2026-11-29T08:40:36Z, or",
            "until 2026-11-30T18:00:00Z, or",
        ),
        ("(2026-11-29T08:40:36Z) -> a", "(2026-11-29T08:40:37Z) -> a"),
        ("writer, pid 12, up 0s", "writer, pid 13, up 1h 3m"),
        (
            "✓ free bytes            41.1 GiB free",
            "✓ free bytes  4 GiB free",
        ),
    ];
    for (one, other) in same {
        assert_eq!(words(one), words(other));
    }
    let another = [
        (
            "text_generation: 26925183359e (4 models)",
            "text_generation: 26925183359f (4 models)",
        ),
        ("+1 -0 ~40", "+1 -0 ~41"),
        ("exit 1", "exit 0"),
        ("✗ lock  x", "✓ lock  x"),
        (
            "clip  fresh  office  3  0s of 1h 0m",
            "clip  fresh  office  4  0s of 1h 0m",
        ),
    ];
    for (one, other) in another {
        assert_ne!(words(one), words(other));
    }
    let at = |text: &str| readable(text);
    assert_eq!(
        at("at http://127.0.0.1:3412/clip.json"),
        "at http://127.0.0.1:8000/clip.json"
    );
    assert_eq!(at("in /tmp/evening.aB3dE6/horde:"), "in /srv/horde:");
}
