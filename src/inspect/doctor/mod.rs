//! Everything that can be wrong around the daemon, each with what was found and the cure.
//!
//! 1. Nothing is changed: files are looked at, the lock is looked at, servers are asked as a poll asks them.
//! 2. A cure is a command to copy: what it names is quoted for a shell.
//! 3. A check that cannot be made says why, and is a cross only where that itself is wrong.
//! 4. What is asked for is judged for the user that the daemon runs as, and for readers under any other user id,
//!    whichever user asks.

mod access;
mod clock;
mod env_file;
mod leftovers;
mod metrics;
mod orders;
mod owner;
mod people;
mod process;
mod reach;
mod space;
mod unit;
mod unit_file;
mod watch;
mod worker;
mod writer;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use self::people::User;
use self::unit::Unit;
use super::daemon::{Daemon, FindError};
use crate::config::{Effective, Source, Value};
use crate::mirror::Layout;
use crate::mirror::lock::{self, Held};
use crate::mirror::manifest::{Manifest, read_manifest};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What puts it right: a command to copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Check {
    fn good(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            ok: true,
            found: found.into(),
            cure: None,
        }
    }

    fn bad(check: impl Into<String>, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            ok: false,
            found: found.into(),
            cure: Some(cure.into()),
        }
    }

    /// Good where nothing was found wrong; else all of it, with all cures in one line.
    fn of(check: &str, wrong: Vec<(String, String)>, good: impl FnOnce() -> String) -> Self {
        if wrong.is_empty() {
            return Self::good(check, good());
        }
        let found: Vec<_> = wrong.iter().map(|(found, _)| found.as_str()).collect();
        let found = found.join("; ");
        let mut cures: Vec<String> = Vec::new();
        for (_, cure) in wrong {
            if !cures.contains(&cure) {
                cures.push(cure);
            }
        }
        Self::bad(check, found, cures.join(" && "))
    }
}

/// What a process knows before it looks.
pub struct Surroundings<'a> {
    /// The configuration, and where it came from.
    pub effective: &'a Effective,
    /// `$RUNTIME_DIRECTORY`
    pub runtime_directory: Option<OsString>,
    /// The environment of this process.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// The file with a worker's environment, instead of this process's.
    pub env_file: Option<PathBuf>,
    /// The time.
    pub now: Timestamp,
}

/// What several checks look at.
struct Scene<'a> {
    around: &'a Surroundings<'a>,
    layout: Layout,
    held: Option<Held>,
    daemon: Result<Daemon, FindError>,
    manifest: Option<Manifest>,
    /// The process of the daemon, or of another writer, where it is seen here.
    pid: Option<u32>,
    unit: Option<Unit>,
    /// Whom the daemon runs as, or would.
    user: User,
}

impl<'a> Scene<'a> {
    fn of(around: &'a Surroundings<'a>) -> Self {
        let base = &around.effective.config.base_path;
        let layout = Layout::new(base);
        let daemon = Daemon::find(around.runtime_directory.as_deref(), base);
        let held = lock::look(&layout.lock());
        let pid = writer::pid(held, daemon.as_ref().ok(), around.now);
        let unit = Unit::about(around.effective, pid);
        let user = owner::writer(pid, unit.as_ref(), base);
        Self {
            manifest: read_manifest(&layout.manifest()),
            around,
            layout,
            held,
            daemon,
            pid,
            unit,
            user,
        }
    }

    fn base(&self) -> &Path {
        self.layout.base()
    }

    fn now(&self) -> Timestamp {
        self.around.now
    }

    /// The command that starts the daemon, or makes one refresh where there is no unit.
    fn start(&self, verb: &str) -> String {
        match &self.unit {
            Some(unit) => format!("systemctl {verb} {}", unit.name),
            None => self.command("sync"),
        }
    }

    /// One of our commands on this mirror, configured as this process is.
    fn command(&self, verb: &str) -> String {
        let base = quoted(self.base());
        let effective = self.around.effective;
        let file = effective.file.as_deref();
        let file = file.map(|file| format!("-c {}", quoted(file)));
        let flags = effective.settings().into_iter().filter_map(|setting| {
            let Source::Flag(flag) = setting.source else {
                return None;
            };
            match setting.value {
                _ if *flag == "--base-path" => None,
                Value::Path(path) => Some(format!("{flag} {}", quoted(&path))),
                // A masked password is none.
                Value::Text(text) if text.contains(":***@") => None,
                Value::Text(text) => Some(format!("{flag} {}", word(&text))),
                _ => None,
            }
        });
        let words = [format!("horde-refd {verb} --base-path {base}")];
        let words = words.into_iter().chain(file).chain(flags);
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Looks at everything.
pub async fn examine(around: &Surroundings<'_>) -> Vec<Check> {
    let scene = Scene::of(around);
    let mut checks = writer::configuration(&scene);
    checks.extend(writer::mirror(&scene));
    checks.extend(access::checks(&scene));
    checks.extend(metrics::check(&scene));
    checks.extend(space::checks(&scene));
    checks.extend(watch::checks(&scene));
    checks.extend(writer::checks(&scene));
    checks.push(orders::check(&scene));
    checks.push(leftovers::check(&scene));
    checks.extend(unit::checks(&scene).await);
    let (reached, dates) = reach::checks(&scene).await;
    checks.push(clock::check(&scene, &dates));
    checks.extend(reached);
    checks.push(worker::check(&scene));
    checks
}

/// A path as one word of a shell's command line.
fn quoted(path: &Path) -> String {
    word(&path.display().to_string())
}

/// A text as one word of a shell's command line.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The first of these, and how many more there are.
fn listed(texts: &[String], most: usize) -> String {
    let shown = texts.iter().take(most).cloned().collect::<Vec<_>>();
    let shown = shown.join(", ");
    match texts.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        for (path, expected) in [
            ("/var/lib/horde-refd", "/var/lib/horde-refd"),
            ("/a b", "'/a b'"),
            ("/it's", r"'/it'\''s'"),
            ("", "''"),
            ("/$HOME", "'/$HOME'"),
        ] {
            assert_eq!(word(path), expected);
        }
    }

    #[test]
    fn what_is_wrong_in_one_check_has_each_cure_once() {
        let wrong = vec![
            ("a is closed".to_owned(), "chmod o+x /a".to_owned()),
            ("b is closed".to_owned(), "chmod o+x /a".to_owned()),
            ("c is gone".to_owned(), "mkdir /c".to_owned()),
        ];
        let check = Check::of("read access", wrong, String::new);
        assert_eq!(check.found, "a is closed; b is closed; c is gone");
        assert_eq!(check.cure.as_deref(), Some("chmod o+x /a && mkdir /c"));
        let good = Check::of("read access", Vec::new(), || "all".to_owned());
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(json, r#"{"check":"read access","ok":true,"found":"all"}"#);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(listed(&names, 3), "a, b, c");
        assert_eq!(listed(&names, 1), "a and 2 more");
    }
}
