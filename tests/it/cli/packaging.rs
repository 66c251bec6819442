//! `env`, `man` and `completions`: what packages, units and workers are given; and what the packages ship.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::common::{PROGRAM, Ran, bare, program};

#[test]
fn a_shell_that_evals_env_has_what_a_worker_needs() {
    let script = r#"eval "$("$0" env --base-path "$1")" && printf %s "$AIWORKER_CACHE_HOME $HORDE_MODEL_REFERENCE_OFFLINE""#;
    let home = "/srv/it's 100% \"mine\"";
    let mut command = bare("sh");
    command.args(["-c", script, PROGRAM]);
    command.arg(format!("{home}/horde_model_reference"));
    assert_eq!(
        Ran::of(&mut command).expect(0).stdout,
        format!("{home} true")
    );
}

#[test]
fn env_is_for_a_unit_and_for_docker_too() {
    let env = |format: &str| {
        let mut command = program();
        command.args(["env", "--format", format]);
        command.args(["--base-path", "/var/lib/horde-refd/horde_model_reference"]);
        Ran::of(&mut command).expect(0).stdout
    };
    assert_eq!(
        env("systemd"),
        "Environment=\"AIWORKER_CACHE_HOME=/var/lib/horde-refd\"\n\
         Environment=\"HORDE_MODEL_REFERENCE_OFFLINE=true\"\n"
    );
    assert_eq!(
        env("docker"),
        "AIWORKER_CACHE_HOME=/var/lib/horde-refd\nHORDE_MODEL_REFERENCE_OFFLINE=true\n"
    );
}

#[test]
fn env_refuses_a_mirror_that_the_package_cannot_be_pointed_at() {
    let mut command = program();
    let ran = Ran::of(command.args(["env", "--base-path", "/srv/mirror"])).expect(2);
    assert_eq!(ran.stdout, "");
    for word in ["/srv/mirror", "must end in horde_model_reference"] {
        assert!(ran.stderr.contains(word), "{ran:#?}");
    }
}

#[test]
fn the_man_pages_are_written_whole_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    for _ in ["new", "there already"] {
        Ran::of(program().args(["man", "--out"]).arg(&out)).expect(0);
    }
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.contains(&"horde-refd.1".to_owned()), "{names:?}");
    assert!(
        names.contains(&"horde-refd-refresh.1".to_owned()),
        "{names:?}"
    );
    assert!(
        !names
            .iter()
            .any(|name| name.contains("completions") || name.ends_with(".tmp")),
        "{names:?}"
    );
    let page = std::fs::read_to_string(out.join("horde-refd.1")).unwrap();
    assert_eq!(Ran::of(program().arg("man")).expect(0).stdout, page);
}

#[test]
fn bash_reads_its_completions() {
    let script = Ran::of(program().args(["completions", "bash"]))
        .expect(0)
        .stdout;
    let mut command = bare("bash");
    command.arg("-n").stdin(Stdio::piped());
    let ran = Ran::fed(&mut command, script.as_bytes()).expect(0);
    assert_eq!(ran.stderr, "");
    Ran::of(program().args(["completions", "csh"])).expect(2);
}

/// The contents of a directory's files, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}

/// Compares what the repository has with what the program writes; with BLESS=1 it is written there first.
fn assert_shipped(directory: &str, written: &BTreeMap<String, String>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    if std::env::var_os("BLESS").is_some() {
        let _absent = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in written {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let shipped = files(&directory);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&shipped),
        names(written),
        "`just generated` writes them anew"
    );
    for (name, text) in written {
        let same = shipped.get(name) == Some(text);
        assert!(same, "{name} has changed: `just generated` writes it anew");
    }
}

#[test]
fn the_shipped_man_pages_are_the_ones_that_the_program_writes() {
    let directory = tempfile::tempdir().unwrap();
    Ran::of(program().args(["man", "--out"]).arg(directory.path())).expect(0);
    assert_shipped("packaging/man", &files(directory.path()));
}

#[test]
fn the_shipped_completions_are_the_ones_that_the_program_writes() {
    let written = ["bash", "zsh", "fish"].map(|shell| {
        let script = Ran::of(program().args(["completions", shell])).expect(0);
        (format!("horde-refd.{shell}"), script.stdout)
    });
    assert_shipped("packaging/completions", &BTreeMap::from(written));
}
