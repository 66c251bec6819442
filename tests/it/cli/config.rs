//! `horde-refd config` and the program's frame, through the real binary.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::{Ran, program};

fn stdout(command: &mut Command) -> String {
    Ran::of(command).expect(0).stdout
}

fn stderr(command: &mut Command, code: i32) -> String {
    Ran::of(command).expect(code).stderr
}

#[test]
fn config_says_where_each_value_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    std::fs::write(
        &file,
        "ttl = \"2m\"\n[http]\nconcurrency = 2\n[[upstream]]\nname = \"near\"\n",
    )
    .unwrap();
    let args = ["config", "--base-path", "m", "--json", "-c", "config.toml"];
    let mut command = program();
    command.current_dir(directory.path()).args(args);
    command.env("HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH", "beta");
    command.env("GITHUB_PROXY_URL_BASE", "https://proxy.example/");
    // On such hosts it names the front end that reads this mirror.
    command.env(
        "HORDE_MODEL_REFERENCE_PRIMARY_API_URL",
        "https://front.example",
    );
    let json: serde_json::Value = serde_json::from_str(&stdout(&mut command)).unwrap();
    let cwd = directory.path().canonicalize().unwrap();
    let file = cwd.join("config.toml").display().to_string();
    let table = [
        (
            "base_path",
            cwd.join("m").display().to_string().into(),
            "flag",
            Some("--base-path".to_owned()),
            None,
        ),
        ("ttl", "2m".into(), "file", Some(file.clone()), Some(1)),
        (
            "http.concurrency",
            2.into(),
            "file",
            Some(file.clone()),
            Some(3),
        ),
        (
            "github.text.branch",
            "beta".into(),
            "environment",
            Some("HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH".to_owned()),
            None,
        ),
        ("seed", false.into(), "default", None, None),
        (
            "metrics_file",
            serde_json::Value::Null,
            "default",
            None,
            None,
        ),
    ];
    for (key, value, source, from, line) in table {
        let expected =
            serde_json::json!({"value": value, "source": source, "from": from, "line": line});
        assert_eq!(json["values"][key], expected, "{key}");
    }
    let upstreams = json["upstreams"].as_array().unwrap();
    assert_eq!(upstreams.len(), 1);
    assert_eq!(
        upstreams[0]["name"],
        serde_json::json!({"value": "near", "source": "file", "from": file, "line": 5})
    );
    assert_eq!(upstreams[0]["layout"]["value"], "github");
    assert_eq!(upstreams[0]["layout"]["source"], "default");
    let proxy = &upstreams[0]["proxy_url"];
    assert_eq!(proxy["value"], "https://proxy.example/");
    assert_eq!(proxy["from"], "GITHUB_PROXY_URL_BASE");
    assert_eq!(json["warnings"], serde_json::json!([]));
}

#[test]
fn config_prints_a_file_that_gives_the_same_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("printed.toml");
    let first = stdout(program().args(["config", "--upstream", "/srv/legacy"]));
    std::fs::write(&file, &first).unwrap();
    let second = stdout(program().arg("config").arg("-c").arg(&file));
    let values = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split("  #").next().unwrap_or_default());
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(values(&first), values(&second));
    assert!(first.contains("layout = \"flat\""), "{first}");
}

#[test]
fn default_configuration_ignores_files_and_environment() {
    let mut command = program();
    command.env("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "nonsense");
    let text = stdout(command.args(["config", "--default", "-c", "/missing.toml"]));
    assert!(text.contains("ttl = \"60s\""), "{text}");
    assert!(
        text.lines()
            .all(|line| !line.contains(" = ") || line.ends_with("# default")),
        "{text}"
    );
}

#[test]
fn a_wrong_configuration_exits_2_and_names_every_problem() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    std::fs::write(&file, "tttl = \"2m\"\nttl = 60\nbase_path = \"x\"\n").unwrap();
    let mut command = program();
    let text = stderr(command.arg("config").arg("-c").arg(&file), 2);
    let file = file.display();
    for line in [
        format!("{file}:1: tttl: is not a known key; did you mean ttl?"),
        format!(
            "{file}:2: ttl: must be a duration with a unit, like \"50ms\", \"60s\" or \"1h 30m\", or \"never\", is 60"
        ),
        format!("{file}:3: base_path: must be an absolute path, is \"x\""),
    ] {
        assert!(text.contains(&line), "{text}");
    }
    let text = stderr(program().args(["config", "-c", "/missing.toml"]), 2);
    assert!(text.contains("/missing.toml: cannot be read"), "{text}");
    stderr(program().arg("sink"), 2);
}

#[test]
fn a_warning_goes_to_stderr_and_leaves_stdout_a_configuration() {
    let mut command = program();
    command.env("HORDE_MODEL_REFERENCE_GITHUB_SEED_ENABLED", "yes");
    let text = stderr(command.arg("config"), 0);
    assert!(text.starts_with("warning: seed has no effect"), "{text}");
    for value in ["\"/data\"", "~/models"] {
        let mut command = program();
        let text = stderr(command.env("AIWORKER_CACHE_HOME", value).arg("config"), 0);
        assert!(text.starts_with("warning: AIWORKER_CACHE_HOME ("), "{text}");
    }
}

#[test]
fn what_run_would_refuse_config_refuses() {
    use std::os::unix::ffi::OsStrExt;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let table = [
        ("[upstream]\nurl = \"/srv/up\"\n", "write [[upstream]]"),
        (
            "[[upstream]]\nurl = \"/a\"\n[[upstream]]\nurl = \"/b\"\n",
            ":3: upstream.name: must be another name",
        ),
        (
            "[[upstream]]\nurl = \"/srv\"\nlayout = \"primary\"\n",
            ":2: upstream.url: must be an http:// or https:// URL with layout primary",
        ),
        (
            "[[upstream]]\nlayout = \"flat\"\n",
            ":1: upstream.url: must be set",
        ),
    ];
    for (text, problem) in table {
        std::fs::write(&file, text).unwrap();
        for subcommand in ["config", "run", "sync"] {
            let mut command = program();
            command.env("HOME", directory.path());
            let text = stderr(command.arg(subcommand).arg("-c").arg(&file), 2);
            assert!(text.contains(problem), "{subcommand}: {text}");
        }
    }
    let no_text = std::ffi::OsStr::from_bytes(b"/tmp/m\xff");
    for subcommand in ["config", "run"] {
        let mut command = program();
        let text = stderr(command.arg(subcommand).arg("--base-path").arg(no_text), 2);
        assert!(text.contains("must be UTF-8"), "{text}");
    }
    let text = stderr(program().args(["config", "--layout", "flat"]), 2);
    assert!(text.contains("--layout: needs --upstream"), "{text}");
}

#[test]
fn an_upstream_appended_to_the_example_is_the_only_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let example = include_str!("../../../config.example.toml");
    let appended = "\n[[upstream]]\nurl = \"/srv/up\"\nlayout = \"github\"\n";
    std::fs::write(&file, format!("{example}{appended}")).unwrap();
    let mut command = program();
    command.args(["config", "--json", "-c"]).arg(&file);
    let json: serde_json::Value = serde_json::from_str(&stdout(&mut command)).unwrap();
    let upstreams = json["upstreams"].as_array().unwrap();
    assert_eq!(upstreams.len(), 1);
    assert_eq!(upstreams[0]["url"]["value"], "/srv/up");
}

#[test]
fn a_wrong_flag_need_not_be_absolute() {
    let text = stderr(program().args(["config", "--upstream", "ftp://x"]), 2);
    assert!(text.contains("or the path of a directory"), "{text}");
    assert!(!text.contains("absolute"), "{text}");
    let text = stderr(program().args(["config", "--base-path", ""]), 2);
    assert!(!text.contains("absolute"), "{text}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = program()
        .args(["config", "--default"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaint)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(complaint, "");
}
