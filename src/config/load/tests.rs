use super::*;

use std::collections::HashMap;
use std::time::Duration;

use crate::config::{KEYS, Origin, ReplicateMode};

struct Case {
    directory: tempfile::TempDir,
    env: HashMap<&'static str, &'static str>,
    overrides: Overrides,
}

impl Case {
    /// A configuration file with this text, and a home so that there is a mirror.
    fn new(file: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        write(&path, file);
        Self {
            directory,
            env: HashMap::from([("HOME", "/home/me")]),
            overrides: Overrides::default(),
        }
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.insert(name, value);
        self
    }

    fn load(&self) -> Result<Effective, ConfigErrors> {
        let env = |name: &str| self.env.get(name).map(OsString::from);
        let file = self.directory.path().join("config.toml");
        load_with(&self.overrides, &env, Path::new("/cwd"), &file)
    }

    /// The problems, with the file called `f`.
    fn problems(&self) -> Vec<String> {
        let file = self.directory.path().join("config.toml");
        let file = file.to_str().unwrap();
        let errors = self.load().expect_err("the configuration is wrong");
        let problems = errors.problems.iter();
        problems.map(|p| p.to_string().replace(file, "f")).collect()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn origin(effective: &Effective, key: &str) -> String {
    effective.origin(Key::named(key).unwrap()).to_string()
}

#[test]
fn nothing_configured_gives_the_defaults() {
    let case = Case::new("");
    std::fs::remove_file(case.directory.path().join("config.toml")).unwrap();
    let effective = case.load().unwrap();
    let base_path = PathBuf::from("/home/me/.cache/horde_model_reference");
    assert_eq!(effective.config, Config::default_for(base_path));
    assert_eq!(effective.warnings, [""; 0]);
    assert_eq!(origin(&effective, "base_path"), "environment: HOME");
    assert_eq!(origin(&effective, "ttl"), "default");
}

#[test]
fn the_example_uncommented_is_the_defaults() {
    let example = include_str!("../../../config.example.toml");
    let is_key = |line: &str| {
        let name = line.split_once(" = ").map(|(name, _)| name);
        name.is_some_and(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let mut live = String::new();
    for line in example.lines() {
        let shown = line.strip_prefix("# ").filter(|rest| is_key(rest));
        assert!(
            shown.is_some() || line.starts_with(['#', '[']) || line.is_empty(),
            "{line}"
        );
        live.push_str(shown.unwrap_or(line));
        live.push('\n');
    }
    let (file, problems) = ConfigFile::parse(Path::new("config.example.toml"), &live);
    assert_eq!(problems, []);
    let shown: Vec<_> = file.values.iter().map(|(key, ..)| key.name).collect();
    let known: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(shown, known, "every key, in the order of the table");

    let effective = Case::new(&live).load().unwrap();
    let mut config = effective.config;
    // These three are off, or found in the environment; the example shows what they look like.
    assert!(config.metrics_file.take().is_some());
    assert!(config.upstream.proxy_url.take().is_some());
    assert_eq!(config, Config::default_for(config.base_path.clone()));
    assert_eq!(effective.warnings, [""; 0]);
}

#[test]
fn the_stronger_layer_wins_and_says_so() {
    let mut case =
        Case::new("base_path = \"/file\"\nttl = \"2m\"\n\n[upstream]\nretry_attempts = 5\n")
            .env("AIWORKER_CACHE_HOME", "/cache")
            .env("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "30")
            .env(
                "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_BACKOFF_SECONDS",
                "0.5",
            )
            .env("HORDE_MODEL_REFERENCE_REPLICATE_MODE", "PRIMARY")
            .env("HORDE_MODEL_REFERENCE_GITHUB_SEED_ENABLED", "True")
            .env(
                "HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH",
                "feature/x",
            )
            .env("GITHUB_PROXY_URL_BASE", "https://proxy.example/raw");
    let effective = case.load().unwrap();
    let config = &effective.config;
    assert_eq!(config.base_path, Path::new("/file"));
    assert_eq!(config.ttl, Duration::from_mins(2));
    assert_eq!(config.upstream.retry_attempts, 5);
    assert_eq!(config.upstream.retry_backoff, Duration::from_millis(500));
    assert_eq!(config.replicate_mode, ReplicateMode::Primary);
    assert!(config.seed);
    assert_eq!(config.upstream.text.branch, "feature/x");
    assert_eq!(config.upstream.image.branch, "main");
    let proxy = config.upstream.proxy_url.as_ref().unwrap();
    assert_eq!(proxy.as_str(), "https://proxy.example/raw");
    assert!(origin(&effective, "base_path").ends_with("config.toml:1"));
    assert!(origin(&effective, "upstream.retry_attempts").ends_with("config.toml:5"));
    assert_eq!(
        origin(&effective, "upstream.text.branch"),
        "environment: HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH"
    );

    case.overrides.base_path = Some("mirror".into());
    case.overrides.upstream = Some("./up/../up".into());
    let effective = case.load().unwrap();
    assert_eq!(effective.config.base_path, Path::new("/cwd/mirror"));
    assert_eq!(
        effective.config.upstream.origin,
        Origin::Directory("/cwd/up/../up".into())
    );
    assert_eq!(effective.config.upstream.layout, Layout::Flat);
    assert_eq!(origin(&effective, "upstream.url"), "--upstream");
    assert_eq!(
        effective.warnings.len(),
        1,
        "a proxy before a directory: {:?}",
        effective.warnings
    );

    case.overrides.layout = Some(Layout::Github);
    assert_eq!(case.load().unwrap().config.upstream.layout, Layout::Github);
}

#[test]
fn every_problem_is_reported_at_once() {
    let case = Case::new(
        "base_path = \"relative\"\nbogus = 1\nttl = 60\nready = \"now\"\n[upstream]\nurl = \"ftp://x\"\nconcurrency = 0\n[upstream.image]\nowner = \"\"\n[schedule]\ncron = \"*/15 * * * *\"\n",
    )
    .env("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "soon")
    .env("HORDE_MODEL_REFERENCE_REPLICATE_MODE", "both");
    assert_eq!(
        case.problems(),
        [
            "environment: HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS: ttl: must be a number of seconds, without a unit, not negative, is \"soon\"",
            "environment: HORDE_MODEL_REFERENCE_REPLICATE_MODE: replicate_mode: must be one of \"replica\" or \"primary\", is \"both\"",
            "f:2: bogus: is not a known key",
            "f:1: base_path: must be an absolute path, is \"relative\"",
            "f:3: ttl: must be a duration with a unit, like \"50ms\", \"60s\" or \"1h 30m\", is 60",
            "f:4: ready: must be one of \"settled\" or \"complete\", is \"now\"",
            "f:6: upstream.url: must be an http:// or https:// URL, a file:// URL, or an absolute path of a directory, is \"ftp://x\"",
            "f:7: upstream.concurrency: must be a whole number from 1 to 64, is 0",
            "f:9: upstream.image.owner: must be a GitHub name: letters, digits, '-', '_', '.', and not empty, is \"\"",
            "f:11: schedule.cron: must be a cron expression of six fields, seconds first, like \"0 */15 * * * *\"; it has 5, is \"*/15 * * * *\"",
        ]
    );
}

#[test]
fn single_rules_hold() {
    // A line, and what its problem says; nothing where it is good.
    let table = [
        ("ttl = \"0s\"", "from 1s to 720h"),
        ("ttl = \"-5s\"", "not negative"),
        ("ttl = \"60\"", "with a unit"),
        ("ttl = \"1 month\"", "no fixed length"),
        ("ttl = \"1h 30m\"", ""),
        ("stale_after = \"7d\"", ""),
        ("stale_after = \"5000d\"", "from 1s"),
        ("seed = \"yes\"", "true or false"),
        ("replicate_mode = \"REPLICA\"", ""),
        ("on_locked = 3", "\"standby\" or \"exit\""),
        ("file_mode = \"0640\"", ""),
        ("file_mode = 0o644", "in quotes"),
        ("file_mode = \"0888\"", "octal"),
        ("file_mode = \"0444\"", "owner"),
        ("directory_mode = \"2775\"", ""),
        ("directory_mode = \"+755\"", "octal"),
        ("metrics_file = \"x.prom\"", "absolute"),
        (
            "upstream.url = \"raw.githubusercontent.com\"",
            "absolute path",
        ),
        ("upstream.url = \"file:///srv/x\"", ""),
        ("upstream.url = \"file://other/srv/x\"", "absolute path"),
        ("upstream.url = \"http://\"", "empty host"),
        ("upstream.url = \"https://h/?q\"", "query"),
        ("upstream.url = \"https://user:pw@h:8443/x\"", ""),
        ("upstream.url = \"\"", "absolute path"),
        ("upstream.url = [\"https://h\"]", "must be an http"),
        ("upstream.layout = \"nested\"", "\"github\" or \"flat\""),
        ("upstream.proxy_url = \"proxy.example\"", "http://"),
        ("upstream.proxy_url = \"https://p/?url=\"", ""),
        ("upstream.concurrency = 65", "1 to 64"),
        ("upstream.concurrency = 2.5", "is a float"),
        ("upstream.retry_attempts = 11", "1 to 10"),
        ("upstream.retry_backoff = \"0s\"", ""),
        ("upstream.retry_backoff = \"6m\"", "from 0s to 5m"),
        ("upstream.timeout = \"0ms\"", "from 1ms"),
        ("upstream.max_body_bytes = -1", "whole number"),
        (
            "upstream.max_body_bytes = 99999999999999999999",
            "beyond 64 bits",
        ),
        ("upstream.text.branch = \"release/1.0\"", ""),
        ("upstream.text.branch = \"../x\"", "GitHub name"),
        ("upstream.text.name = \"a/b\"", "GitHub name"),
        ("schedule.cron = \"0 0 0 30 2 *\"", "come due"),
        ("schedule.splay = \"0s\"", ""),
        (
            "watch.backend = \"fanotify\"",
            "\"auto\", \"inotify\", \"poll\" or \"off\"",
        ),
        ("watch.poll_interval = \"0s\"", "from 10ms"),
        (
            "hooks.on_change = [\"systemctl\", \"reload\", \"nginx\"]",
            "",
        ),
        ("hooks.on_change = [\"\"]", "name of a program"),
        ("hooks.on_change = [\"bin/x\"]", "absolute path"),
        ("hooks.on_change = \"x\"", "list of strings"),
        ("hooks.on_change = [\"x\", 1]", "list of strings"),
        (
            "log.format = \"xml\"",
            "\"auto\", \"journald\", \"text\" or \"json\"",
        ),
        ("log.level = \"verbose\"", "must be error"),
        ("log.level = \"WARN\"", ""),
        ("log.level = \"info,horde_refd=debug\"", ""),
        ("log.level = \"horde_refd=loud\"", "must be error"),
        (
            "base_path = \"/m\"\nupstream.url = \"/m/legacy\"",
            "must not be the mirror",
        ),
    ];
    for (line, problem) in table {
        match Case::new(line).load() {
            Ok(_) => assert_eq!(problem, "", "{line} was accepted"),
            Err(errors) => {
                assert_eq!(errors.problems.len(), 1, "{errors}");
                assert!(
                    !problem.is_empty() && errors.to_string().contains(problem),
                    "{errors}"
                );
            }
        }
    }
}

#[test]
fn what_is_rarely_meant_is_a_warning() {
    let table = [
        (
            "schedule.cron = \"0 * * * * *\"\nschedule.splay = \"10s\"",
            "polls every 60s",
        ),
        ("schedule.splay = \"15m\"", "schedule.splay (15m)"),
        ("stale_after = \"10m\"", "stale_after (10m)"),
        ("seed = true", "seed has no effect"),
        ("file_mode = \"0640\"", "file_mode is 0640"),
        ("directory_mode = \"0750\"", "directory_mode is 0750"),
        ("metrics_file = \"/x/metrics\"", ".prom"),
    ];
    for (text, warning) in table {
        let effective = Case::new(text).load().unwrap();
        assert_eq!(effective.warnings.len(), 1, "{:?}", effective.warnings);
        assert!(
            effective.warnings[0].contains(warning),
            "{:?}",
            effective.warnings
        );
    }
}

#[test]
fn a_named_file_must_exist_and_be_readable() {
    let mut case = Case::new("");
    case.overrides.config_file = Some("missing.toml".into());
    let problems = case.problems();
    assert!(
        problems[0].starts_with("/cwd/missing.toml: cannot be read"),
        "{problems:?}"
    );

    case.overrides.config_file = Some(case.directory.path().into());
    assert!(case.problems()[0].contains("cannot be read"));

    let latin = case.directory.path().join("latin.toml");
    std::fs::write(&latin, b"# \xe9\n").unwrap();
    case.overrides.config_file = Some(latin);
    assert!(case.problems()[0].contains("UTF-8"));
}

#[test]
fn without_any_home_the_mirror_must_be_named() {
    let mut case = Case::new("");
    case.env.clear();
    assert!(case.problems()[0].starts_with("base_path: must be set"));
    case.overrides.base_path = Some("".into());
    assert_eq!(
        case.problems(),
        ["--base-path: base_path: must be the path of a directory, is \"\""]
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let case = Case::new("").env("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "");
    assert_eq!(case.load().unwrap().config.ttl, Duration::from_mins(1));
}
