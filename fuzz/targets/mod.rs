//! What is fuzzed: everything that reads bytes which another program may have written.
//!
//! 1. A target takes bytes and gives the kind of their outcome in a few words; it fails by panicking.
//! 2. It also asserts what holds for every input, so that a wrong answer is found, not only a panic.
//!
//! `fuzz_targets/` hands these to cargo-fuzz; `tests/it/fuzz/` runs them under stable Rust for a bounded time.

mod mirror;
mod notes;
mod references;
mod words;

use std::path::Path;

use tempfile::TempDir;

/// A target by its name, which is that of its corpus below `fuzz/corpus/`.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What runs it.
    pub run: fn(&[u8]) -> String,
    /// Signs and words that its inputs are made of.
    pub dictionary: &'static [&'static str],
}

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "false",
    "NaN",
    "-Infinity",
    "-0",
    "1e999",
    "1E-400",
    "18446744073709551616",
    "9007199254740993",
    "0.1",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\\\"",
    "\u{feff}",
    "\n",
    "\u{2028}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
];

const ORDERS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "\"pin\":",
    "\"accept\":",
    "\"clip\":",
    "\"blip\":",
    "\"image_generation\":",
    "\"0000000000000000000000000000000000000000000000000000000000000000\"",
    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
    "\"E3B0\"",
    "\\u0063",
    "1e999",
    "\u{feff}",
    "\n",
    " ",
];

const RECORD: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "false",
    "NaN",
    "-0",
    "1e999",
    "18446744073709551616",
    "\\ud800",
    "\\u0130",
    "\"name\":",
    "\"baseline\":",
    "\"stable diffusion 1\"",
    "\"flux_1\"",
    "\"nsfw\":",
    "\"inpainting\":",
    "\"description\":",
    "\"version\":",
    "\"style\":",
    "\"tags\":",
    "\"config\":",
    "\"files\":",
    "\"download\":",
    "\"path\":",
    "\"sha256sum\":",
    "\"file_name\":",
    "\"file_url\":",
    "\"file_path\":",
    "\"requirements\":",
    "\"min_steps\":",
    "\"size_on_disk_bytes\":",
    "\"showcases\":",
    "\"homepage\":",
    "\"license\":",
    "\"optimization\":",
    "\"features_not_supported\":",
    "\"trigger\":",
    "\"type\":",
    "\"available\":",
    "\"https://huggingface.co/a/b\"",
    "\"Apache-2.0 OR (MIT AND GPL-3.0+ WITH x)\"",
    "\"2024-01-01\"",
];

const CSV: &[&str] = &[
    "name,parameters_bn,display_name,url,baseline,description,style,tags,instruct_format,settings\n",
    "\"",
    "\"\"",
    ",",
    "\r\n",
    "\n",
    "\r",
    "\u{feff}",
    "\0",
    "{\"temperature\": 1}",
    "\"{\"\"a\"\": 1}\"",
    "aphrodite/",
    "koboldcpp/",
    "org/Model-7B-Q4_K_M",
    "7",
    "1e400",
    "inf",
    "nan",
    "0x10",
    "1_0",
    "٣",
    " 7 ",
    "-7",
    "https://huggingface.co/a/b",
    "a,b,c",
    "name",
    "parameters_bn",
    "#",
];

const TOML: &[&str] = &[
    "base_path = \"/m\"\n",
    "[[upstream]]\n",
    "url = \"https://u.test\"\n",
    "layout = \"github\"\n",
    "name = \"a\"\n",
    "[http]\n",
    "[schedule]\n",
    "cron = \"0 */15 * * * *\"\n",
    "splay = \"0s\"\n",
    "[guard]\n",
    "max_removed = 0.75\n",
    "[history]\n",
    "keep = 10\n",
    "[log]\n",
    "[hooks]\non_change = [\"true\"]\n",
    "[watch]\n",
    "categories = [\"clip\"]\n",
    "extra_files = []\n",
    "file_mode = \"0640\"\n",
    "\"",
    "'",
    "=",
    "[",
    "]",
    "99999999999999999999h",
    "1h 30m",
    "-1s",
    "1e400",
    "inf",
    "nan",
    "1979-05-27T07:32:00Z",
    "#",
    "\n",
    "\u{7f}",
    "\\u0000",
    "= [[",
    "{",
];

const CRON: &[&str] = &[
    "*", "/", "-", ",", "?", "L", "W", "#", "0", "59", "60", "31", "2", "FEB", "MON", "SUN", "7",
    "@hourly", "@daily", "@reboot", " ", "*/15", "0-59/7", "29", "30", "1970", "2099",
];

const HEADERS: &[&str] = &[
    "120",
    "-1",
    "99999999999999999999",
    "Sun, 22 Nov 2026 12:01:00 GMT",
    "Sun Nov 22 12:01:00 2026",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "gzip",
    "x-gzip",
    "identity",
    "br",
    "aws-chunked",
    "UTF-8",
    ",",
    "\n",
    "W/\"x\"",
    "\"\"",
    "\u{1f}\u{8b}",
    "\0",
];

const PROXY: &[&str] = &[
    "*",
    ".",
    ",",
    ":",
    "/",
    "[",
    "]",
    "::1",
    "[::1]:80",
    "127.0.0.1",
    "10.0.0.0/8",
    "fd00::/8",
    "/0",
    "/32",
    "/128",
    "/129",
    ":80",
    ":99999",
    "x.test",
    "*.x.test",
    ".x.test",
    "%41",
    "%",
    "@",
    "#",
    "http://",
    "socks5://",
    "socks://",
    "me:se#c/r?et@p.test",
    "::ffff:10.0.0.1",
    "\n",
    "xn--",
    "ü.test",
];

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "legacy_json",
        run: references::legacy_json,
        dictionary: RECORD,
    },
    Target {
        name: "legacy_csv",
        run: references::legacy_csv,
        dictionary: CSV,
    },
    Target {
        name: "v2",
        run: references::v2,
        dictionary: RECORD,
    },
    Target {
        name: "json",
        run: references::json,
        dictionary: JSON,
    },
    Target {
        name: "manifest",
        run: notes::manifest,
        dictionary: JSON,
    },
    Target {
        name: "state",
        run: notes::state,
        dictionary: JSON,
    },
    Target {
        name: "intent",
        run: notes::intent,
        dictionary: ORDERS,
    },
    Target {
        name: "status",
        run: notes::status,
        dictionary: JSON,
    },
    Target {
        name: "mirror",
        run: mirror::mirror,
        dictionary: JSON,
    },
    Target {
        name: "configuration",
        run: words::configuration,
        dictionary: TOML,
    },
    Target {
        name: "cron",
        run: words::cron,
        dictionary: CRON,
    },
    Target {
        name: "headers",
        run: words::headers,
        dictionary: HEADERS,
    },
    Target {
        name: "no_proxy",
        run: words::no_proxy,
        dictionary: PROXY,
    },
];

/// Runs the target of this name: what a program of `fuzz_targets/` does.
#[allow(dead_code, reason = "the driver under stable goes through the table")]
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(data);
}

/// In memory where there is a file system for that: this is not about disks.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    directory.expect("a directory")
}

/// The kind of an outcome: its words without those that differ from input to input.
fn kind(words: &str) -> String {
    let mut plain = String::new();
    let mut quoted = None;
    for character in words.chars() {
        match quoted {
            Some(end) if character == end => quoted = None,
            Some(_) => {}
            None if character == '"' || character == '`' => quoted = Some(character),
            None => plain.push(character),
        }
    }
    let words = plain.split_whitespace();
    let words = words.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    words.take(8).collect::<Vec<_>>().join(" ")
}
