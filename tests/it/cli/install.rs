//! `packaging/install.sh`, for those who have no package: from an unpacked archive into a directory of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::need::need;
use crate::common::{PROGRAM, Ran, World, bare};

/// An archive as it is unpacked: the program beside what is shipped with it.
fn archive(world: &World) -> PathBuf {
    let archive = world.path("horde-refd-0.1.0");
    fs::create_dir(&archive).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "config.example.toml",
        "packaging",
        "systemd",
    ] {
        let mut copy = bare("cp");
        copy.arg("-r").arg(repository.join(name)).arg(&archive);
        Ran::of(&mut copy).expect(0);
    }
    fs::copy(PROGRAM, archive.join("horde-refd")).unwrap();
    archive
}

/// A place to install into, and the archive to do it from.
struct Site {
    world: World,
    archive: PathBuf,
}

impl Site {
    fn new() -> Self {
        let world = World::empty();
        let archive = archive(&world);
        Self { world, archive }
    }

    fn root(&self) -> PathBuf {
        self.world.path("root")
    }

    fn install(&self, arguments: &[&str]) -> Ran {
        let mut command = bare(self.archive.join("packaging/install.sh"));
        command.args(arguments).env("DESTDIR", self.root());
        Ran::of(&mut command).expect(0)
    }

    /// Every file below the root, by its path there.
    fn files(&self) -> BTreeSet<String> {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![self.root()]);
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let below = path.strip_prefix(self.root()).unwrap();
                found.insert(below.display().to_string());
            }
        }
        found
    }
}

const CONFIGURATION: &str = "etc/horde-refd/config.toml";

#[test]
fn a_checkout_or_archive_is_installed_used_and_taken_away_but_for_the_configuration() {
    need!("install");
    let site = Site::new();
    site.install(&["/opt/refd"]);
    let files = site.files();
    for file in [
        CONFIGURATION,
        "etc/sysusers.d/horde-refd.conf",
        "etc/tmpfiles.d/horde-refd.conf",
        "opt/refd/bin/horde-refd",
        "opt/refd/lib/systemd/system/horde-refd.service",
        "opt/refd/lib/systemd/system/horde-refd-sync.timer",
        "opt/refd/share/bash-completion/completions/horde-refd",
        "opt/refd/share/doc/horde-refd/examples/nginx/horde-refd-mirror.conf",
        "opt/refd/share/doc/horde-refd/examples/systemd/no-user-namespaces.conf",
        "opt/refd/share/doc/horde-refd/horde-refd.cdx.json",
        "opt/refd/share/fish/vendor_completions.d/horde-refd.fish",
        "opt/refd/share/man/man1/horde-refd.1",
        "opt/refd/share/man/man5/horde-refd.toml.5",
        "opt/refd/share/zsh/site-functions/_horde-refd",
    ] {
        assert!(files.contains(file), "{file} of {files:#?}");
    }

    // What runs is the program where it was put, and it accepts the configuration that was put beside it.
    let unit = site
        .root()
        .join("opt/refd/lib/systemd/system/horde-refd.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert!(
        unit.contains("\nExecStart=/opt/refd/bin/horde-refd run\n"),
        "{unit}"
    );
    assert!(
        !unit.contains("/usr/bin") && !unit.contains("/usr/share"),
        "{unit}"
    );
    let mut command = bare(site.root().join("opt/refd/bin/horde-refd"));
    command
        .args(["config", "-c"])
        .arg(site.root().join(CONFIGURATION));
    Ran::of(&mut command).expect(0);

    let ran = site.install(&["--uninstall", "/opt/refd"]);
    assert!(ran.stdout.contains("Left: "), "{ran:#?}");
    assert_eq!(site.files(), BTreeSet::from([CONFIGURATION.to_owned()]));
}

#[test]
fn a_second_installation_keeps_an_edited_configuration_and_puts_everything_else_anew() {
    need!("install");
    let site = Site::new();
    site.install(&[]);
    let (configuration, program) = (
        site.root().join(CONFIGURATION),
        site.root().join("usr/local/bin/horde-refd"),
    );
    let edited = "# edited\nbase_path = \"/srv/horde_model_reference\"\n";
    fs::write(&configuration, edited).unwrap();
    fs::write(&program, "an older one").unwrap();
    let before = site.files();
    site.install(&[]);
    assert_eq!(fs::read_to_string(&configuration).unwrap(), edited);
    assert_eq!(fs::read(&program).unwrap(), fs::read(PROGRAM).unwrap());
    assert_eq!(site.files(), before);
}

#[test]
fn a_word_that_install_does_not_know_installs_nothing() {
    let site = Site::new();
    let mut command = bare(site.archive.join("packaging/install.sh"));
    let ran = Ran::of(command.arg("--help").env("DESTDIR", site.root())).expect(2);
    assert!(ran.stderr.contains("--uninstall"), "{ran:#?}");
    assert!(!site.root().exists());
}
