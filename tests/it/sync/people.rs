//! What `sync` tells people: the table on stdout, the warnings on stderr.

use horde_refd::category::Category;

use crate::common::scripted::{Action, Scripted, answer_with};
use crate::common::{Ran, World, edit, fixtures};

fn sync(world: &World, upstream: &str, args: &[&str]) -> Ran {
    let mut command = world.command(&["sync", "--upstream", upstream]);
    Ran::of(command.args(args))
}

/// The row of a category, with single spaces.
#[track_caller]
fn row(ran: &Ran, category: Category) -> String {
    let mut rows = ran.stdout.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    let start = format!("{category} ");
    rows.find(|row| row.starts_with(&start)).unwrap()
}

#[test]
fn one_cause_is_one_warning() {
    let world = World::new();
    let ran = sync(&world, "/nowhere/at/all", &[]).expect(1);
    let about = ran
        .stderr
        .lines()
        .filter(|line| line.contains("/nowhere/at/all"));
    let about: Vec<&str> = about.collect();
    assert_eq!(about.len(), 1, "{ran:#?}");
    for category in Category::with_legacy() {
        assert!(about[0].contains(category.name()), "{category}: {ran:#?}");
    }
}

#[test]
fn a_dead_host_is_one_line_although_each_file_has_its_own_address() {
    let world = World::new();
    // A port that was free a moment ago, and that no program listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    let mut command = world.command(&["sync", "--upstream", &url]);
    command.env(
        "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_MAX_ATTEMPTS",
        "1",
    );
    let ran = Ran::of(&mut command).expect(1);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{ran:#?}");
    assert!(lines[0].contains(&format!("{url}/…")), "{ran:#?}");
    for category in Category::with_legacy() {
        assert!(lines[0].contains(category.name()), "{category}: {ran:#?}");
    }
}

#[test]
fn quiet_means_no_table_and_troubles_all_the_same() {
    let world = World::new();
    let upstream = world.upstream();
    for _ in ["first", "nothing new"] {
        let ran = sync(&world, upstream.to_str().unwrap(), &["-q"]).expect(0);
        assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
    }
    let ran = sync(&world, "/nowhere", &["-q"]).expect(1);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:#?}");
    let json = sync(&world, upstream.to_str().unwrap(), &["-q", "--json"]).expect(0);
    assert_eq!(json.fared(Category::Blip).0, "unchanged");
}

#[test]
fn without_any_published_file_no_old_data_is_claimed() {
    let world = World::new();
    let upstream = world.upstream();
    let upstream = upstream.to_str().unwrap();
    let ran = sync(&world, "/nowhere", &["blip"]).expect(1);
    let shown = row(&ran, Category::Blip);
    assert_eq!(shown, "blip failed - - - nothing published, see below");
    sync(&world, upstream, &["blip"]).expect(0);
    let ran = sync(&world, "/nowhere", &["blip"]).expect(1);
    let shown = row(&ran, Category::Blip);
    assert!(shown.ends_with("old data stays, see below"), "{shown}");
}

#[test]
fn a_published_edit_is_counted_although_the_upstream_failed() {
    let world = World::new();
    let upstream = world.upstream();
    sync(&world, upstream.to_str().unwrap(), &[]).expect(0);
    edit(
        &world.legacy(Category::SafetyChecker),
        "Guards.",
        "Watches.",
    );
    std::fs::write(world.sent(Category::SafetyChecker), "[]").unwrap();
    let ran = sync(&world, upstream.to_str().unwrap(), &[]).expect(1);
    let shown = row(&ran, Category::SafetyChecker);
    assert!(shown.ends_with("+0 -0 ~1, but see below"), "{shown}");
    edit(&world.legacy(Category::SafetyChecker), "Watches.", "Looks.");
    std::fs::remove_file(world.sent(Category::SafetyChecker)).unwrap();
    let ran = sync(&world, upstream.to_str().unwrap(), &[]).expect(1);
    let shown = row(&ran, Category::SafetyChecker);
    assert!(
        shown.ends_with("+0 -0 ~1, upstream failed, see below"),
        "{shown}"
    );
}

#[test]
fn a_directory_in_the_other_layout_is_named_with_its_cure() {
    let world = World::new();
    let github = fixtures().join("upstream");
    let ran = sync(&world, github.to_str().unwrap(), &["blip"]).expect(1);
    assert!(ran.stderr.contains("use --layout github"), "{ran:#?}");
    let flat = world.upstream();
    let ran = sync(
        &world,
        flat.to_str().unwrap(),
        &["blip", "--layout", "github"],
    )
    .expect(1);
    assert!(ran.stderr.contains("use --layout flat"), "{ran:#?}");
}

#[test]
fn requests_are_shown_with_v_and_attempts_are_counted() {
    let world = World::new();
    let server = Scripted::start(|_, _| Action::Send(answer_with(500, &[], b"")));
    let config = world.root().join("config.toml");
    let text = "[http]\nretry_backoff = \"0s\"\nretry_attempts = 2\n";
    std::fs::write(&config, text).unwrap();
    let args = [
        "blip",
        "-v",
        "--layout",
        "flat",
        "-c",
        config.to_str().unwrap(),
    ];
    let ran = sync(&world, &server.url(), &args).expect(1);
    let url = format!("{}/blip.json", server.url());
    for attempt in 1..=2 {
        let line = format!("url={url} status=500 attempt={attempt} elapsed_ms=");
        assert!(ran.stderr.contains(&line), "{line}: {ran:#?}");
    }
    let error = format!("blip: {url} answered 500 Internal Server Error (2 attempts)");
    assert!(ran.stderr.contains(&error), "{ran:#?}");
}
