//! Everything that a PRIMARY service can answer, against a mirror that has nothing, one that has its file, and one whose
//! fallback is due.
//!
//! The answers are given by a server of these tests, and once more by the scripted service of the shared tools where
//! those are: another server, with connections that are kept.

mod service;

use std::time::Duration;

use horde_refd::category::Category;
use serde_json::{Value, json};

use self::service::{Fake, Ours, Says, Service, closes, cut, hangs, says, with};
use super::{Peer, said_of, upstream};
use crate::common::need::need_shared;
use crate::common::{Ran, World, until};

const CLIP: Category = Category::Clip;

const GOOD: &str = "{\"\u{e9}\":{\"name\":\"\u{e9}\",\"description\":\"primary\"}}";
/// The same as the package's replica leaves it.
const LAID_OUT: &str = "{\"\\u00e9\": {\"name\": \"\\u00e9\", \"description\": \"primary\"}}";

/// What becomes of an answer.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// The PRIMARY's body is published, as it is laid out here.
    Taken(&'static str),
    /// An answer, of which nothing is taken: no other upstream is asked.
    Refused(&'static str),
    /// The same where something is published; else it is published.
    Held(&'static str),
    /// A failure, or that it is not there: the fallback serves at once where nothing is published, else when it is due.
    Failed,
}

use Fate::{Failed, Held, Refused, Taken};

/// What a PRIMARY says, how often it is asked for it, and what becomes of that.
type Row = (&'static str, &'static [Says], usize, Fate);

const ROWS: &[Row] = &[
    ("an object", &[says(200, GOOD)], 1, Taken(LAID_OUT)),
    (
        "an object after a byte order mark",
        &[says(200, "\u{feff}{\"a\":{\"name\":\"a\"}}")],
        1,
        Taken("{\"a\": {\"name\": \"a\"}}"),
    ),
    (
        "an object with values that are no records",
        &[says(200, "{\"a\":1,\"b\":{}}")],
        1,
        Taken("{\"a\": 1, \"b\": {}}"),
    ),
    (
        "an object called text/html",
        &[Says {
            headers: &[("Content-Type", "text/html")],
            ..says(200, GOOD)
        }],
        1,
        Taken(LAID_OUT),
    ),
    ("an empty object", &[says(200, "{}")], 1, Held("{}")),
    ("an array", &[says(200, "[]")], 1, Refused("rejected")),
    ("a string", &[says(200, "\"x\"")], 1, Refused("rejected")),
    ("a number", &[says(200, "1")], 1, Refused("rejected")),
    ("null", &[says(200, "null")], 1, Refused("rejected")),
    (
        "NaN",
        &[says(200, "{\"a\":{\"name\":\"a\",\"x\":NaN}}")],
        1,
        Refused("rejected"),
    ),
    ("no JSON", &[says(200, "upstream connect error")], 1, Failed),
    (
        "half an object",
        &[says(200, "{\"a\":{\"name\":")],
        1,
        Failed,
    ),
    (
        "a web page",
        &[says(200, "<html>sign in</html>")],
        1,
        Failed,
    ),
    ("nothing", &[says(200, "")], 1, Failed),
    (
        "404",
        &[says(
            404,
            "{\"detail\":\"Model category 'clip' not found\"}",
        )],
        1,
        Failed,
    ),
    ("422", &[says(422, "{\"detail\":[]}")], 1, Failed),
    ("201", &[says(201, GOOD)], 1, Failed),
    ("204", &[with(204, &[])], 1, Failed),
    ("206", &[says(206, GOOD)], 1, Failed),
    ("301 to nowhere", &[with(301, &[])], 1, Failed),
    (
        "302 in a circle",
        &[with(302, &[("Location", "clip")])],
        4,
        Failed,
    ),
    ("304 unasked", &[with(304, &[])], 1, Failed),
    ("400", &[says(400, "")], 1, Failed),
    (
        "401",
        &[says(401, "{\"detail\":\"Unauthorized\"}")],
        1,
        Failed,
    ),
    ("403", &[says(403, "{\"detail\":\"Forbidden\"}")], 1, Failed),
    ("418", &[says(418, "")], 1, Failed),
    ("429", &[with(429, &[("Retry-After", "1")])], 1, Failed),
    ("500", &[says(500, "Internal Server Error")], 3, Failed),
    ("502", &[says(502, "<html>")], 3, Failed),
    ("503", &[with(503, &[("Retry-After", "0")])], 3, Failed),
    (
        "503, then an object",
        &[says(503, ""), says(200, GOOD)],
        2,
        Taken(LAID_OUT),
    ),
    (
        "500 twice, then an object",
        &[says(500, ""), says(500, ""), says(200, GOOD)],
        3,
        Taken(LAID_OUT),
    ),
    ("an end before the answer", &[closes()], 3, Failed),
    ("silence", &[hangs()], 3, Failed),
    ("an end within the body", &[cut()], 3, Failed),
    (
        "an end, then an object",
        &[closes(), says(200, GOOD)],
        2,
        Taken(LAID_OUT),
    ),
    (
        "a cut body, then an object",
        &[cut(), says(200, GOOD)],
        2,
        Taken(LAID_OUT),
    ),
];

/// A mirror of a PRIMARY and of the legacy files of a second upstream.
struct Mirror {
    world: World,
    github: Peer,
    primary: String,
}

impl Mirror {
    fn new(primary: &str) -> Self {
        let world = World::marked();
        let github = Peer::flat(&world);
        let primary = primary.to_owned();
        Self {
            world,
            github,
            primary,
        }
    }

    fn sync(&self, after: &str, categories: &[&str]) -> Ran {
        let config = self.world.path("config.toml");
        let http =
            "[http]\nretry_attempts = 3\nretry_backoff = \"20ms\"\nread_timeout = \"500ms\"\n";
        let text = http.to_owned()
            + &upstream("primary", &self.primary, "primary", "30m")
            + &upstream("github", &self.github.url(), "flat", after);
        std::fs::write(&config, text).unwrap();
        let mut command = self
            .world
            .command(&["sync", "--json", "-c", config.to_str().unwrap()]);
        Ran::of(command.args(categories))
    }

    fn v2(&self) -> String {
        std::fs::read_to_string(self.world.v2(CLIP)).unwrap_or_default()
    }

    /// What became of the category: outcome and source.
    #[track_caller]
    fn assert(&self, ran: &Ran, row: &str, outcome: &str, source: &Value, holds: &str) {
        let said = said_of(ran, CLIP);
        assert_eq!(said["outcome"], outcome, "{row}: {ran:#?}");
        assert_eq!(&said["source"], source, "{row}: {ran:#?}");
        let v2 = self.v2();
        let is_as_said = if holds.is_empty() {
            v2.is_empty()
        } else {
            v2.contains(holds)
        };
        assert!(is_as_said, "{row}: {v2}");
        let code = i32::from(!["updated", "unchanged"].contains(&outcome));
        assert_eq!(ran.code, Some(code), "{row}: {ran:#?}");
    }
}

/// Every row, in three mirrors each.
fn every_answer(service: &dyn Service) {
    for (number, (row, answers, times, fate)) in ROWS.iter().enumerate() {
        let place = |mirror: &str| format!("/{number}/{mirror}/api");
        let path = |mirror: &str| format!("{}/model_references/v2/clip", place(mirror));
        let count = |mirror: &str| {
            let path = path(mirror);
            service
                .asked()
                .iter()
                .filter(|asked| **asked == path)
                .count()
        };
        let primary = json!("primary");

        // Nothing is published.
        let mirror = Mirror::new(&(service.url() + &place("new")));
        service.say(&path("new"), answers);
        let ran = mirror.sync("1h", &["clip"]);
        assert_eq!(count("new"), *times, "{row}: {ran:#?}");
        match *fate {
            Taken(body) | Held(body) => mirror.assert(&ran, row, "updated", &primary, body),
            Refused(outcome) => mirror.assert(&ran, row, outcome, &Value::Null, ""),
            Failed => mirror.assert(&ran, row, "updated", &json!("github"), "upstream"),
        }

        // The PRIMARY's file is published, and the fallback is due in an hour, then at once.
        let mirror = Mirror::new(&(service.url() + &place("old")));
        service.say(&path("old"), &[says(200, "{\"old\":{\"name\":\"old\"}}")]);
        mirror.sync("1h", &["clip"]).expect(0);
        let before = mirror.world.published();
        service.say(&path("old"), answers);
        // A sequence of the shared tool counts from the service's start.
        if answers.len() > 1 {
            continue;
        }
        let seen = count("old");
        let ran = mirror.sync("1h", &["clip"]);
        assert_eq!(count("old") - seen, *times, "{row}: {ran:#?}");
        match *fate {
            Taken(body) => mirror.assert(&ran, row, "updated", &primary, body),
            Held(_) => mirror.assert(&ran, row, "held", &primary, "old"),
            Refused(outcome) => mirror.assert(&ran, row, outcome, &primary, "old"),
            Failed => mirror.assert(&ran, row, "failed", &primary, "old"),
        }
        if *fate == Failed {
            assert_eq!(mirror.world.published(), before, "{row}");
            assert!(ran.error(CLIP).starts_with("v2 lane: "), "{row}: {ran:#?}");
        }
        let ran = mirror.sync("0s", &["clip"]);
        match *fate {
            Taken(body) => mirror.assert(&ran, row, "unchanged", &primary, body),
            Held(_) => mirror.assert(&ran, row, "held", &primary, "old"),
            Refused(outcome) => mirror.assert(&ran, row, outcome, &primary, "old"),
            Failed => {
                mirror.assert(&ran, row, "updated", &json!("github"), "upstream");
                assert_eq!(
                    said_of(&ran, CLIP)["instead_of"],
                    json!(["primary"]),
                    "{row}"
                );
            }
        }

        // It is taken back as soon as it answers.
        if *fate == Failed {
            service.say(&path("old"), &[says(200, GOOD)]);
            // A rate limit of a second is waited for.
            let since = std::time::Instant::now();
            until(&format!("{row}: it is taken back"), || {
                let ran = mirror.sync("0s", &["clip"]);
                let is_back = said_of(&ran, CLIP)["source"] == "primary";
                assert!(
                    is_back || *row == "429" && since.elapsed() < Duration::from_secs(20),
                    "{row}: {ran:#?}"
                );
                is_back
            });
            assert_eq!(mirror.v2(), LAID_OUT, "{row}");
        }
    }
    // Nothing but categories, in v2, is ever asked for: no legacy view, no side catalogue, no pending models.
    for path in service.asked() {
        assert!(path.ends_with("/api/model_references/v2/clip"), "{path}");
    }
}

#[test]
fn whatever_a_primary_answers_becomes_what_the_contract_says() {
    every_answer(&Ours::start());
}

#[test]
fn the_scripted_service_of_the_shared_tools_is_answered_alike() {
    let shared = need_shared!();
    let scratch = World::empty();
    every_answer(&Fake::start(&shared, scratch.path("service")));
}

#[test]
fn a_primary_that_is_not_there_at_all_is_a_failure_of_its_own_only() {
    let refused = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/api", probe.local_addr().unwrap())
    };
    for primary in [refused.as_str(), "http://no-such-host.invalid/api"] {
        let mirror = Mirror::new(primary);
        let ran = mirror.sync("1h", &["clip"]);
        mirror.assert(&ran, primary, "updated", &json!("github"), "upstream");
        assert_eq!(
            said_of(&ran, CLIP)["instead_of"],
            json!(["primary"]),
            "{primary}"
        );
        // A conversion that is published goes on being served, by the rule for what is published.
        let ran = mirror.sync("0s", &["clip"]).expect(0);
        mirror.assert(&ran, primary, "unchanged", &json!("github"), "upstream");
    }
}

#[test]
fn a_category_without_a_legacy_file_has_no_fallback() {
    let service = Ours::start();
    let mirror = Mirror::new(&(service.url() + "/api"));
    let path = "/api/model_references/v2/lora";
    let lora = |ran: &Ran| said_of(ran, Category::Lora);
    // Empty, as the service makes it at its first start; then with a model; then gone, and worse.
    service.say(path, &[says(200, "{}")]);
    assert_eq!(
        lora(&mirror.sync("0s", &["lora"]).expect(0))["outcome"],
        "updated"
    );
    service.say(path, &[says(200, GOOD)]);
    assert_eq!(lora(&mirror.sync("0s", &["lora"]).expect(0))["models"], 1);
    for (answer, outcome) in [
        (says(404, ""), "failed"),
        (says(500, ""), "failed"),
        (closes(), "failed"),
        (says(200, ""), "failed"),
        (says(200, "[]"), "rejected"),
        (says(200, "{}"), "held"),
    ] {
        service.say(path, &[answer]);
        let ran = mirror.sync("0s", &["lora"]).expect(1);
        assert_eq!(lora(&ran)["outcome"], outcome, "{ran:#?}");
        assert_eq!(
            std::fs::read_to_string(mirror.world.v2(Category::Lora)).unwrap(),
            LAID_OUT
        );
    }
    // The second upstream was never asked for what it cannot have, and no empty legacy file was left.
    assert_eq!(mirror.github.server.requests().len(), 0);
    assert!(!mirror.world.mirror().join("legacy/lora.json").exists());
}
