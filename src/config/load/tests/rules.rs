use super::Case;

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
            "[[upstream]]\nurl = \"raw.githubusercontent.com\"",
            "absolute path",
        ),
        ("[[upstream]]\nurl = \"file:///srv/x\"", ""),
        (
            "[[upstream]]\nurl = \"file://other/srv/x\"",
            "absolute path",
        ),
        ("[[upstream]]\nurl = \"http://\"", "empty host"),
        ("[[upstream]]\nurl = \"https://h/?q\"", "query"),
        ("[[upstream]]\nurl = \"https://user:pw@h:8443/x\"", ""),
        ("[[upstream]]\nurl = \"\"", "absolute path"),
        ("[[upstream]]\nurl = [\"https://h\"]", "must be an http"),
        (
            "[[upstream]]\nlayout = \"nested\"",
            "\"github\", \"flat\", \"primary\" or \"mirror\"",
        ),
        ("[[upstream]]\nproxy_url = \"proxy.example\"", "http://"),
        ("[[upstream]]\nproxy_url = \"https://p/?url=\"", ""),
        ("http.concurrency = 65", "1 to 64"),
        ("http.concurrency = 2.5", "is 2.5"),
        ("http.retry_attempts = 11", "1 to 10"),
        ("http.retry_backoff = \"0s\"", ""),
        ("http.retry_backoff = \"6m\"", "from 0s to 5m"),
        ("http.timeout = \"0ms\"", "from 1ms"),
        ("http.max_body_bytes = -1", "whole number"),
        (
            "http.max_body_bytes = 99999999999999999999",
            "beyond 64 bits",
        ),
        ("github.text.branch = \"release/1.0\"", ""),
        ("github.text.branch = \"../x\"", "GitHub name"),
        ("github.text.name = \"a/b\"", "GitHub name"),
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
            "base_path = \"/m\"\n[[upstream]]\nurl = \"/m/legacy\"",
            "must not be the mirror",
        ),
    ];
    rules_hold(&table);
}

/// Each row is a file, and what its one problem says; nothing where it is good.
fn rules_hold(table: &[(&str, &str)]) {
    for &(line, problem) in table {
        let case = Case::new(line);
        if case.load().is_ok() {
            assert_eq!(problem, "", "{line} was accepted");
            continue;
        }
        let problems = case.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            !problem.is_empty() && problems[0].contains(problem),
            "{problems:?}"
        );
    }
}

#[test]
fn rules_of_the_upstreams_hold_and_what_has_no_effect_yet_is_refused() {
    rules_hold(&[
        ("on_invalid_record = \"Reject\"", ""),
        ("on_invalid_record = \"skip\"", ""),
        ("on_invalid_record = \"keep\"", "\"reject\" or \"skip\""),
        ("history.keep = 1", ""),
        ("history.keep = 0", "from 1 to 1000"),
        ("history.keep = \"10\"", "whole number"),
        ("base_path = \"~/mirror\"", "\"~\" is not expanded"),
        ("[[upstream]]\nname = \"at home\"", "must be a name"),
        ("[[upstream]]\nname = \"\"", "must be a name"),
        ("[[upstream]]\nname = \"hub.1\"", ""),
        ("[[upstream]]\nfallback_after = \"0s\"", ""),
        ("[[upstream]]\nfallback_after = 30", "with a unit"),
        (
            "[[upstream]]\nlayout = \"flat\"",
            "upstream.url: must be set",
        ),
        ("[[upstream]]\nlayout = \"GitHub\"", ""),
        ("[[upstream]]", ""),
        ("upstream = [{ url = \"/srv/x\" }]", ""),
        ("upstream = []", ""),
        (
            "upstream = \"/srv/x\"",
            "write [[upstream]], is of type string",
        ),
        ("upstream = [\"/srv/x\"]", "has an entry of type string"),
        ("[upstream]\nurl = \"/srv/x\"", "write [[upstream]]"),
        ("upstream.url = \"/srv/x\"", "write [[upstream]]"),
        (
            "[[upstream]]\nlayout = \"primary\"\nurl = \"https://h\"",
            "",
        ),
        ("[[upstream]]\nlayout = \"mirror\"\nurl = \"https://h\"", ""),
        (
            "[[upstream]]\nurl = \"/a\"\n[[upstream]]\nurl = \"/b\"\nname = \"b\"",
            "",
        ),
        (
            "[[upstream]]\nurl = \"/a\"\n[[upstream]]\nurl = \"/b\"",
            "f:3: upstream.name: must be another name",
        ),
        ("[[upstream]]\ncategories = [\"clip\"]", ""),
        (
            "[[upstream]]\ncategories = [\"lora\"]",
            "lora has no legacy file",
        ),
        (
            "[[upstream]]\ncategories = [\"clips\"]",
            "did you mean clip?",
        ),
        ("[[upstream]]\ntoken_file = \"/t\"", ""),
        ("[[upstream]]\ntoken_file = \"t\"", ""),
        (
            "[[upstream]]\ntoken_file = \"$CREDENTIALS_DIRECTORY/t\"",
            "",
        ),
        ("[[upstream]]\ntoken_file = \"t/u\"", "absolute path"),
        ("[[upstream]]\ntoken_file = \"../t\"", "absolute path"),
        ("[[upstream]]\ntoken_file = \"\"", "absolute path"),
        ("guard.max_removed = 1.5", "a number from 0 to 1"),
        ("publish.text_legacy_json = true", ""),
        ("publish.text_legacy_json = 1", "true or false"),
        ("extra_files = [\"text:db.json\"]", ""),
        (
            "seed = false\nextra_files = [\"text:manifest.json\"]",
            "f:2: extra_files: must be a list of files",
        ),
        ("hooks.on_trouble = [\"true\"]", ""),
    ]);
}
