//! Who writes the mirror: the lock, the daemon that speaks in the status file, what it says, and the configuration it read.

use std::time::Duration;

use jiff::Timestamp;

use super::process::{state, stuck};
use super::{Check, Scene, listed, quoted};
use crate::disk::mount_point;
use crate::inspect::daemon::{Daemon, FindError, Life};
use crate::inspect::newer::newer_configuration;
use crate::inspect::status::{age, ago, span};
use crate::ledger::State;
use crate::ledger::status::{Role, Status};
use crate::mirror::lock::Held;
use crate::text::escaped;

/// The process that writes: the one that holds the lock, else the daemon of the status file, where it is seen here.
pub(super) fn pid(held: Option<Held>, daemon: Option<&Daemon>, now: Timestamp) -> Option<u32> {
    let of_status = || match daemon?.life(now) {
        Life::Here(pid) => Some(pid),
        _ => None,
    };
    held.and_then(|held| held.pid).or_else(of_status)
}

/// The warnings of the configuration, and whether the daemon has read it as it is.
pub(super) fn configuration(scene: &Scene<'_>) -> Vec<Check> {
    let effective = scene.around.effective;
    let file = effective.file.as_deref();
    let from = file.map_or_else(
        || "no file; defaults, environment and command line".to_owned(),
        |file| file.display().to_string(),
    );
    let edit = file.map_or_else(
        || "horde-refd config".to_owned(),
        |file| format!("${{EDITOR:-vi}} {}", quoted(file)),
    );
    let warnings = effective.warnings.iter();
    let wrong = warnings.map(|warning| (warning.clone(), edit.clone()));
    let mut checks = vec![Check::of("configuration", wrong.collect(), || from)];
    if let (Some(file), Ok(daemon)) = (file, &scene.daemon) {
        let name = "configuration in use";
        checks.push(match newer_configuration(daemon, file, scene.now()) {
            Some(words) => Check::bad(name, words, restart(scene)),
            None => Check::good(name, "it has not changed since the daemon started"),
        });
    }
    checks
}

/// The command that starts the running daemon anew.
fn restart(scene: &Scene<'_>) -> String {
    match (&scene.unit, scene.pid) {
        (Some(unit), _) => format!("systemctl restart {}", unit.name),
        (None, Some(pid)) => format!("kill {pid} && horde-refd run"),
        (None, None) => "systemctl restart horde-refd".to_owned(),
    }
}

/// Whether there is a mirror at all.
pub(super) fn mirror(scene: &Scene<'_>) -> Vec<Check> {
    let base = scene.base();
    let (name, at) = ("mirror", base.display());
    if base.is_dir() {
        let models = scene.manifest.iter().flat_map(|it| it.categories.values());
        let (mut files, mut all) = (0, 0);
        for entry in models {
            files += 1;
            all += entry.v2.models;
        }
        let found = format!("{at}: {files} categories, {all} models");
        if files > 0 {
            return vec![Check::good(name, found)];
        }
        let found = format!("{at} is empty: nothing was published yet");
        return vec![Check::bad(name, found, scene.start("start"))];
    }
    // An operator who asks without an environment looks at another mirror than the service keeps.
    let elsewhere = Status::read(std::path::Path::new("/run/horde-refd/status.json"));
    let (found, cure) = match elsewhere {
        Ok(status) if status.base_path.as_path() != base => {
            let other = &status.base_path;
            let found = format!(
                "{at} does not exist; the service here keeps {}",
                other.display()
            );
            (
                found,
                format!("horde-refd doctor --base-path {}", quoted(other)),
            )
        }
        _ if base.exists() => {
            let at = quoted(base);
            (format!("{at} is no directory"), format!("mv {at} {at}.old"))
        }
        _ => (format!("{at} does not exist yet"), scene.start("start")),
    };
    vec![Check::bad(name, found, cure)]
}

pub(super) fn checks(scene: &Scene<'_>) -> Vec<Check> {
    let mut checks = vec![lock(scene), daemon(scene)];
    checks.extend(categories(scene));
    checks
}

fn lock(scene: &Scene<'_>) -> Check {
    let name = "lock";
    let lives = match &scene.daemon {
        Ok(daemon) if daemon.status().role == Role::Writer => daemon.life(scene.now()),
        _ => Life::Once,
    };
    match (scene.held, lives) {
        (Some(Held { pid: Some(pid) }), _) => match state(pid).and_then(stuck) {
            Some(how) => Check::bad(
                name,
                format!("held by process {pid}, which {how}"),
                format!("kill -CONT {pid}"),
            ),
            None => Check::good(name, format!("held by process {pid}, which lives")),
        },
        (Some(Held { pid: None }), _) => Check::good(
            name,
            "held by a process that is not seen here: another host, or another PID namespace",
        ),
        (None, Life::Here(pid)) => Check::bad(
            name,
            format!(
                "the daemon (process {pid}) lives, and {} is not locked: the file was replaced or removed",
                scene.layout.lock().display()
            ),
            restart(scene),
        ),
        (None, _) => Check::good(name, "free: no process writes this mirror"),
    }
}

fn daemon(scene: &Scene<'_>) -> Check {
    let name = "daemon";
    let daemon = match &scene.daemon {
        Ok(daemon) => daemon,
        Err(FindError::Status(error)) => {
            let at = daemon_file(error);
            let cure = at.map_or_else(
                || restart(scene),
                |at| format!("rm {at} && {}", restart(scene)),
            );
            return Check::bad(name, crate::error::chain(error), cure);
        }
        Err(error) => return Check::bad(name, error.to_string(), scene.start("start")),
    };
    let (status, now) = (daemon.status(), scene.now());
    let pid = status.process.pid;
    let spoke = ago(status.updated_at, now);
    let life = daemon.life(now);
    if let (Some(late), true) = (status.overdue(now), life != Life::Gone) {
        // What it lies on may be full: then it works, and cannot say so.
        let at = daemon.file().parent().map(mount_point);
        let full = at.map_or_else(String::new, |at| format!(" && df -h {}", quoted(&at)));
        return Check::bad(
            name,
            format!(
                "process {pid} has said nothing for {}, although it promised a poll: it hangs, or cannot write {}",
                span(late),
                daemon.file().display()
            ),
            format!("{}{full}", restart(scene)),
        );
    }
    match life {
        Life::Here(pid) => {
            let role = status.role.as_str();
            Check::good(name, format!("{role}, process {pid}; last cycle {spoke}"))
        }
        Life::Elsewhere => {
            let host = escaped(&status.process.host);
            Check::good(name, format!("process {pid} on {host}; last cycle {spoke}"))
        }
        Life::Once => Check::good(name, format!("none; the last sync was {spoke}")),
        Life::Gone => Check::bad(
            name,
            format!("process {pid} is not running; last cycle {spoke}"),
            scene.start("start"),
        ),
    }
}

/// The status file that an error is about.
fn daemon_file(error: &crate::ledger::status::StatusError) -> Option<String> {
    use crate::ledger::status::StatusError::{Format, Parse, Read};
    match error {
        Parse { path, .. } | Format { path, .. } => Some(quoted(path)),
        Read { .. } => None,
    }
}

/// What `status --check` complains of, in one check.
fn categories(scene: &Scene<'_>) -> Option<Check> {
    let name = "categories";
    let status = scene.daemon.as_ref().ok()?.status();
    let complaints = status.complaints(scene.now());
    if complaints.is_empty() {
        let count = status.categories.len();
        return Some(Check::good(name, format!("all {count} are healthy")));
    }
    let oldest = status.categories.values().filter_map(|it| it.last_success);
    let old = oldest.min().and_then(|then| age(then, scene.now()));
    let stale = old.is_some_and(|old| old > status.stale_after().max(Duration::from_secs(1)));
    let mut all = status.categories.values();
    let gone = all.any(|it| it.state == State::Absent && it.bytes.is_some());
    let cure = if (stale || gone) && status.role == Role::Once {
        scene.command("sync")
    } else {
        scene.command("status")
    };
    Some(Check::bad(name, listed(&complaints, 3), cure))
}
