//! The unit that the daemon runs under: whether its sandbox lets the mirror be written, and whether it can start at all.
//!
//! 1. A unit counts when the running daemon is in it, when the mirror lies in its state directory, or when it reads the
//!    configuration that is asked about. Another mirror's unit is no matter of this one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::people::User;
use super::process;
use super::unit_file::{DIRECTORIES, UnitFile};
use super::{Check, Scene, quoted};
use crate::config::{DEFAULT_FILE, Effective};

/// The unit that we ship.
const SHIPPED: &str = "horde-refd.service";
/// For a service manager that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The daemon's unit.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    file: UnitFile,
}

impl Unit {
    /// The unit of a mirror (invariant 1).
    pub(super) fn about(effective: &Effective, pid: Option<u32>) -> Option<Self> {
        if !Path::new("/run/systemd/system").is_dir() {
            return None;
        }
        let running = pid.and_then(process::unit);
        let name = running.clone().unwrap_or_else(|| SHIPPED.to_owned());
        let file = UnitFile::read(&name, &DIRECTORIES)?;
        let unit = Self { name, file };
        let base = &effective.config.base_path;
        let own = unit
            .own_directories()
            .iter()
            .any(|own| base.starts_with(own));
        let reads = unit.configuration();
        let configured = effective.file.as_deref() == Some(reads.as_path());
        (running.is_some() || own || configured).then_some(unit)
    }

    /// Whom it runs as.
    pub(super) fn user(&self) -> Option<&str> {
        self.file.last("User")
    }

    /// The configuration file that it reads.
    fn configuration(&self) -> PathBuf {
        let words: Vec<_> = self.file.words("ExecStart").collect();
        let mut pairs = words.iter().zip(words.iter().skip(1));
        let named = pairs.find(|(flag, _)| ["-c", "--config"].contains(flag));
        named.map_or_else(|| DEFAULT_FILE.into(), |(_, file)| PathBuf::from(file))
    }

    /// The directories that systemd makes for it.
    fn own_directories(&self) -> Vec<PathBuf> {
        let kinds = [
            ("StateDirectory", "/var/lib"),
            ("CacheDirectory", "/var/cache"),
            ("LogsDirectory", "/var/log"),
            ("RuntimeDirectory", "/run"),
        ];
        let own = kinds.iter().flat_map(|(key, root)| {
            let names = self.file.words(key);
            names.map(|name| Path::new(root).join(name))
        });
        own.collect()
    }

    /// Why the sandbox keeps a directory from being written.
    fn forbids(&self, path: &Path) -> Option<String> {
        let file = &self.file;
        let plain = |word: &str| PathBuf::from(word.trim_start_matches(['-', '+']));
        let mut open: Vec<_> = file.words("ReadWritePaths").map(plain).collect();
        open.extend(self.own_directories());
        // A bound path is `source[:target[:options]]`.
        let bound: Vec<_> = file
            .words("BindPaths")
            .map(|word| {
                let mut parts = word.split(':');
                let source = parts.next().unwrap_or_default();
                plain(parts.next().unwrap_or(source))
            })
            .collect();
        let lies_in = |roots: &[PathBuf]| roots.iter().any(|root| path.starts_with(root));
        let at_home = ["/home", "/root", "/run/user"].map(PathBuf::from);
        let home = file.last("ProtectHome").unwrap_or("no");
        if lies_in(&at_home) && !lies_in(&bound) && home != "no" && home != "false" {
            let opened = home == "read-only" && lies_in(&open);
            if !opened {
                return Some(format!("ProtectHome={home} hides it"));
            }
        }
        let protected = match file.last("ProtectSystem").unwrap_or("no") {
            "strict" => true,
            "full" => lies_in(&["/usr", "/boot", "/efi", "/etc"].map(PathBuf::from)),
            "yes" | "true" => lies_in(&["/usr", "/boot", "/efi"].map(PathBuf::from)),
            _ => false,
        };
        let closed = protected && !lies_in(&open) && !lies_in(&bound);
        closed.then(|| {
            let how = file.last("ProtectSystem").unwrap_or_default();
            format!("ProtectSystem={how} makes it read-only")
        })
    }

    /// The command that adds lines to the unit and takes them into use.
    fn drop_in(&self, file: &str, lines: &str) -> String {
        let name = &self.name;
        let directory = format!("/etc/systemd/system/{name}.d");
        format!(
            "mkdir -p {directory} && printf '[Service]\\n{lines}\\n' >{directory}/{file} && systemctl daemon-reload && systemctl restart {name}"
        )
    }
}

pub(super) async fn checks(scene: &Scene<'_>) -> Vec<Check> {
    let Some(unit) = &scene.unit else {
        let found = "no unit of this host runs this mirror";
        return vec![Check::good("unit", found)];
    };
    let mut wrong = sandbox(scene, unit);
    wrong.extend(program(unit));
    wrong.extend(user(unit));
    wrong.extend(manager(unit).await);
    let files = unit
        .file
        .files
        .iter()
        .map(|path| path.display().to_string());
    let files: Vec<_> = files.collect();
    vec![
        Check::of("unit", wrong, || files.join(", ")),
        namespaces(unit).await,
    ]
}

fn sandbox(scene: &Scene<'_>, unit: &Unit) -> Vec<(String, String)> {
    let config = &scene.around.effective.config;
    let metrics = config.metrics_file.as_deref().and_then(Path::parent);
    let places = [Some(scene.base()), metrics].into_iter().flatten();
    let wrong = places.filter_map(|path| {
        let why = unit.forbids(path)?;
        let at = path.display();
        let lines = if why.starts_with("ProtectHome") {
            format!("ProtectHome=tmpfs\\nBindPaths={at}")
        } else {
            format!("ReadWritePaths={at}")
        };
        let cure = unit.drop_in("mirror.conf", &lines);
        Some((format!("the unit cannot write {at}: {why}"), cure))
    });
    wrong.collect()
}

fn program(unit: &Unit) -> Option<(String, String)> {
    let program = unit.file.words("ExecStart").next()?;
    let program = Path::new(program.trim_start_matches(['-', '@', '+', '!', ':']));
    (!program.is_file()).then(|| {
        let me = std::env::current_exe().unwrap_or_default();
        (
            format!("{} does not exist", program.display()),
            format!("install -m 0755 {} {}", quoted(&me), quoted(program)),
        )
    })
}

fn user(unit: &Unit) -> Option<(String, String)> {
    let name = unit.user()?;
    let known = User::named(name).is_some() || unit.file.is_on("DynamicUser");
    (!known).then(|| {
        let found = format!("its user {name} does not exist");
        (found, format!("useradd --system --user-group {name}"))
    })
}

/// What the service manager says of the unit; nothing where it is not asked or does not answer.
async fn manager(unit: &Unit) -> Option<(String, String)> {
    let name = &unit.name;
    let shown = Command::new("systemctl")
        .args([
            "show",
            name,
            "--property=NeedDaemonReload,ActiveState,Result",
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let shown = timeout(PATIENCE, shown).await.ok()?.ok()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let value = |key: &str| {
        let mut lines = shown.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value)
    };
    if value("NeedDaemonReload") == Some("yes") {
        let found = "the unit was changed and not loaded again".to_owned();
        return Some((
            found,
            format!("systemctl daemon-reload && systemctl restart {name}"),
        ));
    }
    (value("ActiveState") == Some("failed")).then(|| {
        let result = value("Result").unwrap_or("unknown");
        (
            format!("it has failed ({result})"),
            format!("journalctl -u {name} -n 50 --no-pager; systemctl restart {name}"),
        )
    })
}

/// `PrivateUsers=` needs user namespaces, which a kernel or a container may not give.
async fn namespaces(unit: &Unit) -> Check {
    let name = "user namespaces";
    if !unit.file.is_on("PrivateUsers") {
        return Check::good(name, "the unit does without (PrivateUsers= is off)");
    }
    let limit = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").ok();
    let none = limit.as_deref().map(str::trim) == Some("0");
    let refused = none || !Path::new("/proc/self/ns/user").exists() || is_refused().await;
    if refused {
        let found = "there are none here (user.max_user_namespaces=0, or a container that refuses them), and PrivateUsers=yes keeps the unit from starting";
        return Check::bad(name, found, unit.drop_in("users.conf", "PrivateUsers=no"));
    }
    Check::good(name, "there are, as PrivateUsers= needs")
}

/// Only root, as the service manager is, learns more than what is refused to users.
async fn is_refused() -> bool {
    if !User::me().is_root() {
        return false;
    }
    let tried = Command::new("unshare")
        .args(["--user", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    matches!(timeout(PATIENCE, tried).await, Ok(Ok(status)) if !status.success())
}
