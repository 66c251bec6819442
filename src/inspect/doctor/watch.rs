//! Whether changes in the mirror are noticed: the kind of its file system, and room in the tables of inotify.

use std::fs;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{Check, Scene};
use crate::config::{Config, DEFAULT_FILE, Value, WatchBackend};
use crate::trigger::watch::cure;
use crate::trigger::watch::filesystem::{self, Visibility};

pub(super) fn checks(scene: &Scene<'_>) -> Vec<Check> {
    let effective = scene.around.effective;
    let config = &effective.config;
    let file = effective.file.as_deref();
    let file = file.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    let (kind, visibility) = match filesystem::of(scene.base()) {
        Ok(found) => found,
        Err(error) => {
            let cure = format!("stat -f {}", super::quoted(scene.base()));
            return vec![Check::bad("file system", format!("unknown: {error}"), cure)];
        }
    };
    vec![
        file_system(config, file, kind, visibility),
        inotify_limits(scene, visibility),
    ]
}

fn file_system(config: &Config, file: &Path, kind: &str, visibility: Visibility) -> Check {
    let name = "file system";
    let backend = config.watch.backend;
    let every = Value::Duration(config.watch.poll_interval).to_string();
    let every = every.replace('"', "");
    match (backend, visibility) {
        (WatchBackend::Inotify, Visibility::Partial) => Check::bad(
            name,
            format!(
                "{kind}: inotify sees only what this host changes there, and watch.backend is \"inotify\""
            ),
            format!(
                "sed -i 's/^backend = \"inotify\"/backend = \"auto\"/' {} && systemctl restart horde-refd",
                super::quoted(file)
            ),
        ),
        (WatchBackend::Off, _) => Check::good(
            name,
            format!("{kind}; changes are found by polls alone (watch.backend is \"off\")"),
        ),
        (WatchBackend::Poll, _) | (_, Visibility::Partial) => Check::good(
            name,
            format!("{kind}: the directory is looked at every {every}"),
        ),
        (_, Visibility::Full) => Check::good(name, format!("{kind}: inotify sees every change")),
    }
}

fn inotify_limits(scene: &Scene<'_>, visibility: Visibility) -> Check {
    let name = "inotify limits";
    let backend = scene.around.effective.config.watch.backend;
    let used = match (backend, visibility) {
        (WatchBackend::Inotify, _) | (WatchBackend::Auto, Visibility::Full) => true,
        (WatchBackend::Poll | WatchBackend::Off, _) | (_, Visibility::Partial) => false,
    };
    if !used {
        return Check::good(name, "inotify is not used for this mirror");
    }
    let limit = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let (watches, instances) = (limit("max_user_watches"), limit("max_user_instances"));
    let in_use = instances_of(scene.user.uid);
    let shown = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let found = format!(
        "{} watches and {} instances for a user; {} has {in_use} instances",
        shown(watches),
        shown(instances),
        scene.user.name
    );
    // The words around the command are for a log line.
    let cure = cure();
    let cure = cure
        .split('`')
        .nth(1)
        .unwrap_or(&cure)
        .replace("sysctl ", "sysctl -w ");
    let full = instances.is_some_and(|most| in_use >= most) || watches.is_some_and(|it| it < 8);
    // A daemon that runs has its instance already.
    let starts = scene.pid.is_some() || can_watch(scene);
    if full || !starts {
        return Check::bad(name, format!("no room: {found}"), cure);
    }
    Check::good(name, found)
}

/// Whether this process gets an instance and a watch, which end with it.
fn can_watch(scene: &Scene<'_>) -> bool {
    let Ok(instance) = inotify::init(CreateFlags::CLOEXEC) else {
        return false;
    };
    let there = scene.base().ancestors().find(|path| path.is_dir());
    let Some(there) = there else { return true };
    let watched = inotify::add_watch(&instance, there, WatchFlags::MOVED_TO);
    !matches!(watched, Err(rustix::io::Errno::NOSPC))
}

/// How many instances the processes of a user have, as far as they are shown.
fn instances_of(uid: u32) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = processes.filter(|process| {
        let is_process = process.file_name().to_string_lossy().parse::<u32>().is_ok();
        is_process && process.metadata().is_ok_and(|it| it.uid() == uid)
    });
    let files = own.flat_map(|process| {
        let files = fs::read_dir(process.path().join("fd"));
        files.into_iter().flatten().flatten()
    });
    let instances = files.filter(|file| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        target.to_string_lossy() == "anon_inode:inotify"
    });
    instances.count() as u64
}
