mod rules;

use super::*;

use std::collections::HashMap;
use std::time::Duration;

use crate::config::{Origin, ReplicateMode};

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

/// Where a key's value came from; that of a key of `[[upstream]]` in the first one.
fn origin(effective: &Effective, key: &str) -> String {
    let settings = effective.settings();
    let found = settings.iter().find(|setting| setting.key.name == key);
    found.unwrap().source.to_string()
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
fn the_stronger_layer_wins_and_says_so() {
    let mut case = Case::new("base_path = \"/file\"\nttl = \"2m\"\n\n[http]\nretry_attempts = 5\n")
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
    assert_eq!(config.http.retry_attempts, 5);
    assert_eq!(config.http.retry_backoff, Duration::from_millis(500));
    assert_eq!(config.replicate_mode, ReplicateMode::Primary);
    assert!(config.seed);
    assert_eq!(config.github.text.branch, "feature/x");
    assert_eq!(config.github.image.branch, "main");
    let proxy = config.upstreams[0].proxy_url.as_ref().unwrap();
    assert_eq!(proxy.as_str(), "https://proxy.example/raw");
    assert!(origin(&effective, "base_path").ends_with("config.toml:1"));
    assert!(origin(&effective, "http.retry_attempts").ends_with("config.toml:5"));
    assert_eq!(
        origin(&effective, "github.text.branch"),
        "environment: HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH"
    );

    case.overrides.base_path = Some("mirror".into());
    case.overrides.upstream = Some("./up/../up".into());
    let effective = case.load().unwrap();
    assert_eq!(effective.config.base_path, Path::new("/cwd/mirror"));
    assert_eq!(
        effective.config.upstreams[0].origin,
        Origin::Directory("/cwd/up/../up".into())
    );
    assert_eq!(effective.config.upstreams[0].layout, Layout::Flat);
    assert_eq!(origin(&effective, "upstream.url"), "--upstream");
    // The prefix of the environment is for GitHub's layout on a server.
    assert_eq!(effective.config.upstreams[0].proxy_url, None);
    assert_eq!(effective.warnings, [""; 0]);

    case.overrides.layout = Some(Layout::Github);
    let upstream = case.load().unwrap().config.upstreams.remove(0);
    assert_eq!(upstream.layout, Layout::Github);
    assert_eq!(upstream.proxy_url, None);
}

#[test]
fn every_problem_is_reported_at_once() {
    let case = Case::new(
        "base_path = \"relative\"\nbogus = 1\nttl = 60\nready = \"now\"\n[[upstream]]\nurl = \"ftp://x\"\n[http]\nconcurrency = 0\n[github.image]\nowner = \"\"\n[schedule]\ncron = \"*/15 * * * *\"\n",
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
            "f:3: ttl: must be a duration with a unit, like \"50ms\", \"60s\" or \"1h 30m\", or \"never\", is 60",
            "f:4: ready: must be one of \"settled\" or \"complete\", is \"now\"",
            "f:6: upstream.url: must be an http:// or https:// URL, a file:// URL, or an absolute path of a directory, is \"ftp://x\"",
            "f:8: http.concurrency: must be a whole number from 1 to 64, is 0",
            "f:10: github.image.owner: must be a GitHub name: letters, digits, '-', '_', '.', and not empty, is \"\"",
            "f:12: schedule.cron: must be a cron expression of six fields, seconds first, like \"0 */15 * * * *\"; it has 5, is \"*/15 * * * *\"",
        ]
    );
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

#[test]
fn the_old_upstream_table_is_refused_with_the_new_place_of_each_key() {
    let case = Case::new(
        "[upstream]\nurl = \"/srv/x\"\nconcurrency = 2\ntimeout = \"5s\"\n[upstream.image]\nowner = \"me\"\n",
    );
    assert_eq!(
        case.problems(),
        [
            "f:1: upstream: must be a list of tables: write [[upstream]]",
            "f:3: upstream.concurrency: is not a known key; did you mean http.concurrency?",
            "f:4: upstream.timeout: is not a known key; did you mean http.timeout?",
            "f:5: upstream.image: is not a known key; did you mean [github.image]?",
        ]
    );
}

#[test]
fn the_upstreams_of_the_command_line_replace_those_of_the_file() {
    let mut case = Case::new("[[upstream]]\nname = \"a\"\nurl = \"/a\"\nlayout = \"github\"\n");
    let effective = case.load().unwrap();
    assert_eq!(effective.config.upstreams[0].name, "a");
    assert!(origin(&effective, "upstream.url").ends_with("config.toml:3"));
    assert_eq!(origin(&effective, "upstream.fallback_after"), "default");

    case.overrides.upstream = Some("/b".into());
    let effective = case.load().unwrap();
    let expected = UpstreamConfig::new(Origin::Directory("/b".into()), Layout::Flat);
    assert_eq!(effective.config.upstreams, [expected]);
    assert_eq!(origin(&effective, "upstream.url"), "--upstream");
    assert_eq!(origin(&effective, "upstream.name"), "default");

    case.overrides.layout = Some(Layout::Primary);
    let problems = case.problems();
    assert!(
        problems[0].starts_with("--upstream: upstream.url: must be an http"),
        "{problems:?}"
    );

    case.overrides = Overrides {
        layout: Some(Layout::Flat),
        ..Overrides::default()
    };
    let problems = case.problems();
    assert!(
        problems[0].starts_with("--layout: needs --upstream"),
        "{problems:?}"
    );
}

#[test]
fn a_prefix_of_the_environment_is_for_github_and_weaker_than_the_file() {
    let proxied = |text: &str| {
        let case = Case::new(text).env("GITHUB_PROXY_URL_BASE", "https://env.example/");
        let effective = case.load().unwrap();
        let proxy = effective.config.upstreams[0].proxy_url.clone();
        (
            proxy.map(String::from).unwrap_or_default(),
            origin(&effective, "upstream.proxy_url"),
        )
    };
    let environment = "environment: GITHUB_PROXY_URL_BASE";
    let table = [
        ("", "https://env.example/", environment),
        (
            "[[upstream]]\nname = \"x\"",
            "https://env.example/",
            environment,
        ),
        (
            "[[upstream]]\nurl = \"https://h\"\nlayout = \"flat\"",
            "",
            "default",
        ),
        (
            "[[upstream]]\nurl = \"/srv\"\nlayout = \"github\"",
            "",
            "default",
        ),
    ];
    for (text, proxy, source) in table {
        assert_eq!(
            proxied(text),
            (proxy.to_owned(), source.to_owned()),
            "{text}"
        );
    }
    let (proxy, source) = proxied("[[upstream]]\nproxy_url = \"https://file.example/\"");
    assert_eq!(proxy, "https://file.example/");
    assert!(source.ends_with("config.toml:2"), "{source}");

    let case = Case::new("[[upstream]]\nurl = \"/x\"").env("GITHUB_PROXY_URL_BASE", "nonsense");
    assert!(
        case.problems()[0].starts_with("environment: GITHUB_PROXY_URL_BASE: upstream.proxy_url")
    );
}

#[test]
fn a_rule_between_keys_is_reported_beside_others() {
    let case = Case::new("ttl = 1\n[[upstream]]\nlayout = \"flat\"\n[[upstream]]\nurl = \"x\"\n");
    let problems = case.problems();
    for expected in [
        "f:1: ttl: ",
        "f:2: upstream.url: must be set: layout flat has no default",
        "f:5: upstream.url: must be an http://",
    ] {
        let found = problems.iter().any(|problem| problem.starts_with(expected));
        assert!(found, "{expected}: {problems:?}");
    }
}

#[test]
fn a_mirror_whose_path_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;

    let mut case = Case::new("");
    case.overrides.base_path = Some(std::ffi::OsStr::from_bytes(b"/m\xff").into());
    let problems = case.problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("--base-path: base_path: must be UTF-8"),
        "{problems:?}"
    );
}

#[test]
fn a_cache_home_that_no_shell_read_is_a_warning() {
    let case = Case::new("").env("AIWORKER_CACHE_HOME", "~/models");
    let warnings = case.load().unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("AIWORKER_CACHE_HOME") && warnings[0].contains("/cwd/~/models"));
    // It does not matter where something stronger names the mirror.
    let case = Case::new("base_path = \"/m\"").env("AIWORKER_CACHE_HOME", "~/models");
    assert_eq!(case.load().unwrap().warnings, [""; 0]);
}
