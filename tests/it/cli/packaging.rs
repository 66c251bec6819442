//! `env`, `man` and `completions`: what packages, units and workers are given.

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
