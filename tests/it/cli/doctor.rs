//! `horde-refd doctor`: each check, with the one thing broken for real that it is about.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::need::{is_root, need, skip};
use crate::common::scripted::{Action, Scripted, answer_with};
use crate::common::{PROGRAM, Ran, World, bare, program, until};

/// A mirror that every user can read, of a `sync` from a directory that every user can read.
struct Host {
    world: World,
    base: PathBuf,
}

impl Host {
    fn new() -> Self {
        let host = Self::unseeded();
        let ran = Ran::of(host.command("sync").arg("-q"));
        ran.expect(0);
        host
    }

    fn unseeded() -> Self {
        let world = World::new();
        for path in [world.root().to_owned(), world.upstream()] {
            mode(&path, 0o755);
        }
        let base = world.path("horde_model_reference");
        Self { world, base }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = program();
        command.arg(subcommand).arg("--base-path").arg(&self.base);
        command.arg("--upstream").arg(self.world.upstream());
        command
    }

    fn doctor(&self) -> Checks {
        Checks::of(self.command("doctor").arg("--json"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }
}

/// What `doctor --json` says.
#[derive(Debug)]
struct Checks {
    code: Option<i32>,
    list: Vec<Value>,
}

impl Checks {
    fn of(command: &mut Command) -> Self {
        let ran = Ran::of(command);
        let json = ran.json();
        let list = json.as_array().unwrap().clone();
        for check in &list {
            let keys: Vec<_> = check.as_object().unwrap().keys().collect();
            assert!(check["check"].is_string() && check["found"].is_string());
            let expected: &[&str] = match check["ok"].as_bool().unwrap() {
                true => &["check", "ok", "found"],
                false => &["check", "ok", "found", "cure"],
            };
            assert_eq!(keys, expected);
        }
        Self {
            code: ran.code,
            list,
        }
    }

    fn crosses(&self) -> Vec<&str> {
        let wrong = self.list.iter().filter(|check| check["ok"] == false);
        wrong
            .map(|check| check["check"].as_str().unwrap())
            .collect()
    }

    /// This check alone is a cross, with these words in what was found and in the cure.
    #[track_caller]
    fn only(&self, name: &str, found: &str, cure: &str) {
        assert_eq!(self.crosses(), [name], "{self:#?}");
        self.has(name, found, cure);
    }

    #[track_caller]
    fn has(&self, name: &str, found: &str, cure: &str) {
        let check = self.list.iter().find(|check| check["check"] == name);
        let check = check.unwrap_or_else(|| panic!("{name}: {self:#?}"));
        assert_eq!(check["ok"], false, "{check:#}");
        assert!(
            check["found"].as_str().unwrap().contains(found),
            "{check:#}"
        );
        assert!(check["cure"].as_str().unwrap().contains(cure), "{check:#}");
        assert_eq!(self.code, Some(1));
    }

    #[track_caller]
    fn well(&self) {
        assert_eq!(self.crosses(), [""; 0], "{self:#?}");
        assert_eq!(self.code, Some(0));
    }

    fn cure(&self, name: &str) -> String {
        let check = self.list.iter().find(|check| check["check"] == name);
        check.unwrap()["cure"].as_str().unwrap().to_owned()
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs a cure as it stands.
#[track_caller]
fn cure(command: &str) {
    let mut shell = bare("sh");
    Ran::of(shell.args(["-e", "-c", command])).expect(0);
}

#[test]
fn a_good_mirror_has_a_tick_everywhere_and_nothing_is_changed() {
    let host = Host::new();
    let before = crate::common::tree(host.world.root());
    host.doctor().well();
    let text = Ran::of(&mut host.command("doctor")).expect(0).stdout;
    assert!(text.lines().count() > 14, "{text}");
    assert!(text.lines().all(|line| line.starts_with("✓ ")), "{text}");
    assert_eq!(
        Ran::of(host.command("doctor").arg("-q")).expect(0).stdout,
        ""
    );
    assert_eq!(crate::common::tree(host.world.root()), before);
}

#[test]
fn readers_of_another_user_must_pass_and_read_and_the_cure_lets_them() {
    let host = Host::new();
    mode(host.world.root(), 0o750);
    mode(&host.file("clip.json"), 0o600);
    let checks = host.doctor();
    let closed = format!("may not pass {} (0750", host.world.root().display());
    checks.only("read access", &closed, "chmod o+x /");
    checks.has("read access", "clip.json (0600", "chmod o+r /");
    let shown = Ran::of(&mut host.command("doctor")).expect(1).stdout;
    let mut lines = shown
        .lines()
        .skip_while(|line| !line.starts_with("✗ read access"));
    assert!(
        lines.nth(1).unwrap().trim().starts_with("cure: chmod o+x"),
        "{shown}"
    );
    cure(&checks.cure("read access"));
    host.doctor().well();
}

#[test]
fn the_directory_that_python_clients_make_must_be_there() {
    let host = Host::new();
    fs::remove_dir(host.file("audit")).unwrap();
    let checks = host.doctor();
    checks.only("audit directory", "is missing", "mkdir -m 0755 /");
    cure(&checks.cure("audit directory"));
    host.doctor().well();
    fs::remove_dir(host.file("audit")).unwrap();
    fs::write(host.file("audit"), "").unwrap();
    host.doctor()
        .only("audit directory", "is no directory", "mv ");
}

#[test]
fn a_mirror_of_another_user_is_no_place_to_write() {
    if !is_root() {
        skip!("giving files to another user needs root");
    }
    need!("setpriv");
    let host = Host::new();
    // Asked by the user that the daemon would run as.
    let asked = || {
        let mut command = bare("setpriv");
        command.args([
            "--reuid",
            "4242",
            "--regid",
            "4242",
            "--clear-groups",
            PROGRAM,
        ]);
        command
            .args(["doctor", "--json", "--base-path"])
            .arg(&host.base);
        Checks::of(command.arg("--upstream").arg(host.world.upstream()))
    };
    let checks = asked();
    checks.only(
        "write access",
        "user 4242 may not write in",
        "chown -R 4242 /",
    );
    cure(&checks.cure("write access"));
    asked().well();
    // Root ran once: the lock is root's.
    let lock = host.file(".horde-refd/lock");
    chown(&lock, Some(0), Some(0)).unwrap();
    let checks = asked();
    checks.only(
        "write access",
        ".horde-refd/lock (0644, root)",
        "chown 4242 ",
    );
    cure(&checks.cure("write access"));
    asked().well();
}

#[test]
fn a_full_or_read_only_file_system_is_named_with_its_mount_point() {
    if !is_root() {
        skip!("mounting needs root");
    }
    let host = Host::new();
    let at = host.world.path("small");
    fs::create_dir(&at).unwrap();
    let mount = |options: &str| {
        let mut command = bare("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&at);
        Ran::of(&mut command).expect(0);
    };
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
    }
    mount("size=64m,nr_inodes=5000,mode=0755");
    let _mounted = Mounted(at.clone());
    let base = at.join("horde_model_reference");
    let host = Host { base, ..host };
    Ran::of(host.command("sync").arg("-q")).expect(0);
    host.doctor().well();
    let full = format!("df -h {}", at.display());
    mount("remount,size=8m");
    host.doctor()
        .only("free bytes", "that may be needed", &full);
    mount("remount,size=64m,nr_inodes=120");
    host.doctor()
        .only("free inodes", "less than 200", "df -i /");
    mount("remount,nr_inodes=5000,ro");
    let remount = format!("mount -o remount,rw {}", at.display());
    let checks = host.doctor();
    checks.only("write access", "is mounted read-only", &remount);
    cure(&checks.cure("write access"));
    host.doctor().well();
}

#[test]
fn inotify_that_is_blind_or_full_is_said() {
    let host = Host::new();
    let config = host.world.path("config.toml");
    let upstream = host.world.upstream();
    let text = format!(
        "base_path = {:?}\n[watch]\nbackend = \"inotify\"\n[[upstream]]\nurl = {upstream:?}\n",
        host.base
    );
    fs::write(&config, text).unwrap();
    let mut unshare = bare("unshare");
    let script =
        "echo 0 >/proc/sys/user/max_inotify_instances; exec \"$0\" doctor --json -c \"$1\"";
    unshare.args([
        "--user",
        "--map-root-user",
        "sh",
        "-e",
        "-c",
        script,
        PROGRAM,
    ]);
    let works = bare("unshare")
        .args(["--user", "--map-root-user", "true"])
        .status();
    if !works.is_ok_and(|status| status.success()) {
        skip!("unshare(1) makes no user namespace here");
    }
    let checks = Checks::of(unshare.arg(&config));
    checks.has(
        "inotify limits",
        "no room",
        "sysctl -w fs.inotify.max_user_watches=",
    );
    if !is_root() {
        return;
    }
    need!("bindfs");
    let mounted = host.world.path("fuse");
    fs::create_dir(&mounted).unwrap();
    Ran::of(bare("bindfs").arg(host.world.root()).arg(&mounted)).expect(0);
    let through = mounted.join("horde_model_reference");
    edit_base(&config, &host.base, &through);
    let checks = Checks::of(program().args(["doctor", "--json", "-c"]).arg(&config));
    let _ = Command::new("umount").arg("-l").arg(&mounted).status();
    checks.has(
        "file system",
        "fuse: inotify sees only what this host changes",
        "sed -i ",
    );
}

fn edit_base(config: &Path, from: &Path, to: &Path) {
    let text = fs::read_to_string(config).unwrap();
    let text = text.replacen(from.to_str().unwrap(), to.to_str().unwrap(), 1);
    fs::write(config, text).unwrap();
}

#[test]
fn a_daemon_that_is_stopped_or_gone_or_without_its_lock_is_said() {
    let host = Host::unseeded();
    let setup = host.world.setup().text("base_path", &host.base);
    let setup = setup.set("schedule.cron", "\"0 0 * * * *\"");
    let daemon = setup.set("stale_after", "\"2h\"").started();
    mode(&host.world.path("run"), 0o755);
    let asked = || {
        let output = daemon.command(&["doctor", "--json"]);
        let ran = Ran::from(output);
        let list = ran.json().as_array().unwrap().clone();
        Checks {
            code: ran.code,
            list,
        }
    };
    asked().well();
    daemon.signal(Signal::STOP);
    let stopped = || asked().crosses().contains(&"lock");
    until("it is stopped", stopped);
    let checks = asked();
    checks.only(
        "lock",
        "which is stopped",
        &format!("kill -CONT {}", daemon.pid()),
    );
    cure(&checks.cure("lock"));
    until("it goes on", || !stopped());
    // The configuration has changed since it was read.
    let config = host.world.path("run/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("# changed\n{text}")).unwrap();
    // Prepared long ago, and copied into place with its time.
    let file = fs::File::options().write(true).open(&config).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    asked().only(
        "configuration in use",
        "was changed",
        &format!("kill {}", daemon.pid()),
    );
    let refresh = daemon.command(&["refresh", "--wait"]);
    let said = String::from_utf8(refresh.stderr).unwrap();
    assert!(
        said.contains("config.toml was changed") && said.contains("restart it"),
        "{said}"
    );
    daemon.kill();
    let mut after = program();
    after.args(["doctor", "--json", "-c"]).arg(&config);
    after.env("RUNTIME_DIRECTORY", host.world.path("run"));
    let checks = Checks::of(&mut after);
    checks.only("daemon", "is not running", "horde-refd sync --base-path");
    cure(
        &checks
            .cure("daemon")
            .replace("horde-refd ", &format!("{PROGRAM} "))
            .replace(
                "sync",
                &format!("sync -q --upstream {}", host.world.upstream().display()),
            ),
    );
    host.doctor().well();
}

#[test]
fn a_published_file_that_is_gone_is_said_and_a_sync_brings_it_back() {
    let host = Host::new();
    fs::remove_file(host.file("clip.json")).unwrap();
    let checks = host.doctor();
    checks.only("categories", "clip is absent", "horde-refd sync ");
    // It asks whom this mirror's own commands ask.
    let sync = checks.cure("categories");
    assert!(sync.contains(" --upstream "), "{sync}");
    cure(&sync.replace("horde-refd ", &format!("{PROGRAM} ")));
    host.doctor().well();
}

#[test]
fn orders_that_cannot_be_read_are_named_and_moved_away_by_the_cure() {
    let host = Host::new();
    let intent = host.file(".horde-refd/intent.json");
    fs::write(&intent, "{\"pin").unwrap();
    let checks = host.doctor();
    checks.only("orders", "no pin holds", "mv -- /");
    cure(&checks.cure("orders"));
    host.doctor().well();
    assert!(!intent.exists());
}

#[test]
fn leftovers_are_named_and_removed_by_the_cure() {
    let host = Host::new();
    let left = host.file(".horde-refd/generations/.x-1.tmp");
    fs::write(&left, "").unwrap();
    let checks = host.doctor();
    checks.only("leftovers", left.to_str().unwrap(), "rm -r -- /");
    cure(&checks.cure("leftovers"));
    host.doctor().well();
}

#[test]
fn an_upstream_that_cannot_be_reached_names_the_step_that_failed() {
    let host = Host::new();
    let at = |url: &str| {
        let mut command = program();
        command
            .args(["doctor", "--json", "--base-path"])
            .arg(&host.base);
        Checks::of(command.args(["--layout", "flat", "--upstream", url]))
    };
    let name = "upstream flat";
    at("http://nowhere.invalid").only(name, "nowhere.invalid has no address", "getent hosts ");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    at(&format!("http://{address}")).only(name, "no connection to 127.0.0.1", "curl -svo");
    at(host.world.path("gone").to_str().unwrap()).only(name, "does not exist", "ls -l");
    let server = |status: u16, headers: &'static [(&str, &str)]| {
        Scripted::start(move |_, _| Action::Send(answer_with(status, headers, b"")))
    };
    let missing = server(404, &[]);
    at(&missing.url()).only(name, "does not exist (404)", "horde-refd config");
    assert_eq!(missing.requests().len(), 1);
    assert!(
        missing.requests()[0].starts_with("HEAD /"),
        "{:?}",
        missing.requests()
    );
    at(&server(503, &[]).url()).only(name, "answered 503", "curl -sI http://");
    at(&server(501, &[]).url()).well();
    // A server that speaks no TLS.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad\r\n\r\n");
        }
    });
    at(&secure).only(name, "cannot connect", "curl -sI https://");
    // A proxy that answers for nothing.
    let mut command = program();
    command.args([
        "doctor",
        "--json",
        "--layout",
        "flat",
        "--upstream",
        "http://far.invalid",
    ]);
    command.arg("--base-path").arg(&host.base);
    let proxy = server(407, &[]);
    command.env("HTTP_PROXY", proxy.url());
    let checks = Checks::of(&mut command);
    checks.only(name, "the proxy on the way", "export HTTPS_PROXY=");
    // PRIMARY has a heartbeat.
    let primary = Scripted::start(|_, _| Action::Send(answer_with(200, &[], b"{}")));
    let mut command = program();
    command
        .args(["doctor", "--json", "--layout", "primary", "--base-path"])
        .arg(&host.base);
    let api = format!("{}/api", primary.url());
    Checks::of(command.args(["--upstream", &api])).well();
    assert!(primary.requests()[0].starts_with("GET /api/heartbeat "));
}

#[test]
fn a_host_that_asked_to_be_left_alone_is_left_alone() {
    let host = Host::new();
    let limits = |_: &str, _| Action::Send(answer_with(429, &[("Retry-After", "3600")], b""));
    let server = Scripted::start(limits);
    let ask = |subcommand: &str| {
        let mut command = program();
        command.args([
            subcommand,
            "--json",
            "--layout",
            "flat",
            "--upstream",
            &server.url(),
        ]);
        Ran::of(command.arg("--base-path").arg(&host.base))
    };
    ask("sync").expect(1);
    let asked = server.requests().len();
    let ran = ask("doctor").expect(1);
    assert_eq!(server.requests().len(), asked);
    let list = ran.json().as_array().unwrap().clone();
    let checks = Checks {
        code: ran.code,
        list,
    };
    checks.has(
        "upstream flat",
        "asked to be left alone until",
        "status --watch",
    );
}

#[test]
fn a_clock_that_is_wrong_is_seen_by_the_upstream_and_by_what_was_written() {
    let host = Host::new();
    let date = [("Date", "Thu, 01 Jan 2015 00:00:00 GMT")];
    let server = Scripted::start(move |_, _| Action::Send(answer_with(200, &date, b"")));
    let mut command = program();
    command
        .args(["doctor", "--json", "--layout", "flat", "--base-path"])
        .arg(&host.base);
    let checks = Checks::of(command.args(["--upstream", &server.url()]));
    checks.only("clock", "ahead of that of flat", "timedatectl set-ntp true");
    need!("faketime");
    // The sync that filled the mirror ran under a clock that was ahead.
    let ahead = Host::unseeded();
    let mut sync = bare("faketime");
    sync.args(["-f", "+9y", PROGRAM, "sync", "-q", "--base-path"])
        .arg(&ahead.base);
    Ran::of(sync.arg("--upstream").arg(ahead.world.upstream())).expect(0);
    let checks = ahead.doctor();
    checks.has("clock", "in the future", "timedatectl");
}

#[test]
fn a_worker_must_be_sent_to_this_mirror_and_offline() {
    let host = Host::new();
    let home = host.world.root().to_str().unwrap().to_owned();
    let with = |variables: &[(&str, &str)]| {
        let mut command = host.command("doctor");
        command.arg("--json").envs(variables.iter().copied());
        Checks::of(&mut command)
    };
    let (cache, offline) = ("AIWORKER_CACHE_HOME", "HORDE_MODEL_REFERENCE_OFFLINE");
    with(&[(cache, &home), (offline, "true")]).well();
    let name = "worker environment";
    let checks = with(&[(cache, "/elsewhere"), (offline, "true")]);
    let right = format!("export AIWORKER_CACHE_HOME={home}");
    checks.only(
        name,
        "makes workers read /elsewhere/horde_model_reference",
        &right,
    );
    let checks = with(&[(cache, &home)]);
    checks.only(
        name,
        "downloads and converts for itself",
        "export HORDE_MODEL_REFERENCE_OFFLINE=true",
    );
    // The file that a container gets, and the cure that adds what it lacks.
    let file = host.world.path("worker.env");
    fs::write(&file, format!("{cache}=\"{home}\"\n")).unwrap();
    let from_file = || {
        Checks::of(
            host.command("doctor")
                .arg("--json")
                .arg("--env-file")
                .arg(&file),
        )
    };
    let checks = from_file();
    checks.only(name, "which docker keeps", "worker.env");
    cure(&checks.cure(name));
    from_file().well();
    for format in ["sh", "systemd", "docker"] {
        let printed = Ran::of(host.command("env").args(["--format", format])).expect(0);
        fs::write(&file, printed.stdout).unwrap();
        from_file().well();
    }
    fs::remove_file(&file).unwrap();
    from_file().only(name, "cannot be read", "ls -l");
}

#[test]
fn a_category_that_is_not_well_is_a_cross_with_its_cause() {
    let host = Host::new();
    let upstream = host.world.upstream();
    let sync = || Ran::of(host.command("sync").arg("-q"));
    fs::rename(upstream.join("clip.json"), upstream.join("away")).unwrap();
    sync().expect(1);
    let checks = host.doctor();
    let found = "clip is failing, last success ";
    checks.has("categories", found, "horde-refd status --base-path ");
    checks.has("categories", "does not exist", "");
    fs::rename(upstream.join("away"), upstream.join("clip.json")).unwrap();
    sync().expect(0);
    host.doctor().well();
    // The last success is too long ago, and no daemon is there that would try again.
    let status = host.file(".horde-refd/status.json");
    let mut old: Value = serde_json::from_slice(&fs::read(&status).unwrap()).unwrap();
    old["categories"]["clip"]["last_success"] = "2020-01-01T00:00:00Z".into();
    fs::write(&status, old.to_string()).unwrap();
    let checks = host.doctor();
    checks.only(
        "categories",
        "clip is stale, last success",
        "horde-refd sync --base-path ",
    );
}

#[test]
fn a_warning_of_the_configuration_is_a_cross() {
    let host = Host::new();
    let config = host.world.path("config.toml");
    fs::write(&config, "metrics_file = \"/tmp/x.txt\"\n").unwrap();
    let checks = Checks::of(host.command("doctor").arg("--json").arg("-c").arg(&config));
    checks.only("configuration", "does not end in .prom", "config.toml");
}

#[test]
fn the_metrics_need_a_directory_that_the_daemon_may_write() {
    let host = Host::new();
    let directory = host.world.path("textfiles");
    let config = host.world.path("config.toml");
    let file = directory.join("horde-refd.prom");
    let (base, upstream) = (&host.base, host.world.upstream());
    let text = format!(
        "base_path = {base:?}\nmetrics_file = {file:?}\n[[upstream]]\nurl = {upstream:?}\n"
    );
    fs::write(&config, text).unwrap();
    let doctor = || Checks::of(program().args(["doctor", "--json", "-c"]).arg(&config));
    let checks = doctor();
    checks.only("metrics file", "textfiles does not exist", "install -d -o ");
    cure(&checks.cure("metrics file"));
    doctor().well();
    mode(&directory, 0o555);
    if !is_root() {
        let checks = doctor();
        checks.only("metrics file", "may not write in ", "chmod u+wx ");
        cure(&checks.cure("metrics file"));
        doctor().well();
        skip!("root alone can look at another user's daemon");
    }
    // The daemon is another user's: the owner of the mirror.
    for path in crate::common::tree(base).into_keys() {
        chown(base.join(path), Some(65534), Some(65534)).unwrap();
    }
    let checks = doctor();
    checks.only("metrics file", "may not write in ", "chgrp ");
    cure(&checks.cure("metrics file"));
    doctor().well();
    mode(&directory, 0o555);
    chown(&directory, Some(65534), None).unwrap();
    let checks = doctor();
    checks.only("metrics file", "may not write in ", "chmod u+wx ");
    cure(&checks.cure("metrics file"));
    doctor().well();
}

#[test]
fn a_mirror_that_is_not_there_yet_is_made_by_the_cure() {
    let host = Host::unseeded();
    let checks = host.doctor();
    checks.has(
        "mirror",
        "does not exist yet",
        "horde-refd sync --base-path",
    );
    checks.has("daemon", "no daemon has run", "horde-refd sync --base-path");
    assert!(!host.base.exists());
}

/// Runs `doctor` where systemd's directories are these, in a mount namespace of its own.
fn under_systemd(host: &Host, etc: &Path, before: &str) -> Option<Checks> {
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/system /etc/systemd/system
         mount --bind \"$1\" /etc/systemd/system
         {before}
         exec \"$0\" doctor --json -c \"$2\""
    );
    let mut command = bare("unshare");
    command.args([
        "--mount",
        "--user",
        "--map-root-user",
        "--propagation",
        "private",
    ]);
    if is_root() {
        command = bare("unshare");
        command.args(["--mount", "--propagation", "private"]);
    }
    command.args(["sh", "-e", "-c", &script, PROGRAM]);
    command.arg(etc).arg(host.world.path("config.toml"));
    let output: Child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ran = Ran::from(output.wait_with_output().unwrap());
    if ran.stdout.is_empty() {
        eprintln!("{ran:?}");
        return None;
    }
    let list = ran.json().as_array().unwrap().clone();
    Some(Checks {
        code: ran.code,
        list,
    })
}

#[test]
fn a_unit_whose_sandbox_closes_the_mirror_is_said_with_the_drop_in_that_opens_it() {
    if !is_root() {
        skip!("a mount over /etc/systemd/system needs root");
    }
    let host = Host::new();
    let config = host.world.path("config.toml");
    let (base, upstream) = (&host.base, host.world.upstream());
    let text = format!("base_path = {base:?}\n[[upstream]]\nurl = {upstream:?}\n");
    fs::write(&config, text).unwrap();
    let etc = host.world.path("etc");
    fs::create_dir(&etc).unwrap();
    let shipped = fs::read_to_string("systemd/horde-refd.service").unwrap();
    let run = format!("ExecStart={PROGRAM} run -c {}", config.display());
    let shipped = shipped.replace("ExecStart=/usr/bin/horde-refd run", &run);
    let shipped = shipped.replace("User=horde-refd", "User=root");
    let write = |text: &str| fs::write(etc.join("horde-refd.service"), text).unwrap();
    write(&shipped);
    let checks = under_systemd(&host, &etc, "").unwrap();
    let open = format!("ReadWritePaths={}", base.display());
    checks.only("unit", "ProtectSystem=strict makes it read-only", &open);
    // The cure up to what needs a service manager.
    let cured = checks.cure("unit");
    let (written, _) = cured.split_once(" && systemctl").unwrap();
    let checks = under_systemd(&host, &etc, written).unwrap();
    checks.well();
    assert!(etc.join("horde-refd.service.d/mirror.conf").exists());
    write(
        &shipped
            .replace(PROGRAM, "/nowhere/horde-refd")
            .replace("User=root", "User=none"),
    );
    let checks = under_systemd(&host, &etc, "").unwrap();
    checks.only(
        "unit",
        "/nowhere/horde-refd does not exist",
        "install -m 0755 ",
    );
    checks.has("unit", "its user none does not exist", "useradd --system");
    // No user namespaces: in one of its own, whose number of further ones is none.
    write(&shipped);
    let none = "exec unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec \"$0\" doctor --json -c \"$1\"' \"$0\" \"$2\"";
    let checks = under_systemd(&host, &etc, none).unwrap();
    checks.has(
        "user namespaces",
        "PrivateUsers=yes keeps the unit from starting",
        "PrivateUsers=no",
    );
}
