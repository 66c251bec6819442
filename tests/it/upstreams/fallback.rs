//! Two upstreams of legacy files: whose failure counts, when the second takes its place, and when the first is back.

use std::time::Duration;

use horde_refd::category::Category;
use serde_json::json;

use super::{Peer, said_of, sync_with, upstream};
use crate::common::scripted::{Action, answer_with, raw};
use crate::common::{World, until};

const CLIP: Category = Category::Clip;

/// A world with one category, and two servers that have it; the second one's is another.
struct Two {
    world: World,
    first: Peer,
    second: Peer,
}

impl Two {
    fn new() -> Self {
        let world = World::marked();
        let first = Peer::flat(&world);
        let second = Peer::start(|path| {
            (path == CLIP.legacy_file()).then(|| crate::common::legacy(path, "second"))
        });
        Self {
            world,
            first,
            second,
        }
    }

    fn sync(&self, after: &str) -> crate::common::Ran {
        let upstreams = [
            upstream("first", &self.first.url(), "flat", "30m"),
            upstream("second", &self.second.url(), "flat", after),
        ];
        sync_with(&self.world, &upstreams, &["clip"])
    }

    fn holds(&self, mark: &str) -> bool {
        let v2 = std::fs::read_to_string(self.world.v2(CLIP)).unwrap_or_default();
        v2.contains(mark)
    }
}

/// Makes a peer fail.
type Failure = Box<dyn Fn(&Peer)>;

/// Every way of failing, as a script for the first one.
fn failures() -> Vec<(&'static str, Failure)> {
    let cut = || raw(200, &[("Content-Length", "100000")], b"{\"a\": ");
    vec![
        ("closes", Box::new(|peer: &Peer| peer.down())),
        ("500", Box::new(|peer: &Peer| peer.always(500, &[], b""))),
        ("401", Box::new(|peer: &Peer| peer.always(401, &[], b""))),
        ("403", Box::new(|peer: &Peer| peer.always(403, &[], b""))),
        (
            "a web page",
            Box::new(|peer: &Peer| peer.always(200, &[], b"<html>sign in</html>")),
        ),
        (
            "cut",
            Box::new(move |peer: &Peer| peer.script(move |_, _| Some(Action::Send(cut())))),
        ),
        (
            "0 bytes",
            Box::new(|peer: &Peer| peer.always(200, &[], b"")),
        ),
        (
            "no JSON",
            Box::new(|peer: &Peer| peer.always(200, &[], b"{\"a\": {\"name\": \"a\"")),
        ),
        (
            "no gzip",
            Box::new(|peer: &Peer| {
                peer.always(200, &[("Content-Encoding", "gzip")], b"\x1f\x8b\x08\x00cut")
            }),
        ),
    ]
}

#[test]
fn whatever_the_first_fails_with_the_second_serves_at_once_where_nothing_is_published() {
    for (name, fail) in failures() {
        let two = Two::new();
        fail(&two.first);
        let ran = two.sync("1h").expect(0);
        let said = said_of(&ran, CLIP);
        assert_eq!(said["outcome"], "updated", "{name}: {ran:#?}");
        assert_eq!(said["source"], "second", "{name}");
        assert_eq!(said["instead_of"], json!(["first"]), "{name}");
        assert!(two.holds("second"), "{name}");
    }
    // A missing file is no failure, and the second one serves all the same.
    let two = Two::new();
    two.first.always(404, &[], b"");
    let said = said_of(&two.sync("1h").expect(0), CLIP);
    assert_eq!(said["source"], "second");
    assert_eq!(said["instead_of"], json!(null));
}

#[test]
fn what_is_published_stays_until_the_first_has_failed_for_long_enough() {
    for (name, fail) in failures() {
        let two = Two::new();
        let said = said_of(&two.sync("1h").expect(0), CLIP);
        assert_eq!(said["source"], "first", "{name}");
        fail(&two.first);
        let said = said_of(&two.sync("1h").expect(1), CLIP);
        assert_eq!(said["outcome"], "failed", "{name}");
        assert_eq!(said["upstream"], "failed", "{name}");
        assert_eq!(said["source"], "first", "{name}");
        assert!(two.holds("upstream"), "{name}");
        assert_eq!(two.second.server.requests().len(), 0, "{name}");
        let said = said_of(&two.sync("0s").expect(0), CLIP);
        assert_eq!(said["outcome"], "updated", "{name}");
        assert_eq!(said["source"], "second", "{name}");
        assert_eq!(said["instead_of"], json!(["first"]), "{name}");
        assert!(two.holds("second"), "{name}");
        two.first.well();
        let said = said_of(&two.sync("1h").expect(0), CLIP);
        assert_eq!(said["source"], "first", "{name}");
        assert_eq!(said["instead_of"], json!(null), "{name}");
        assert!(two.holds("upstream"), "{name}");
    }
}

#[test]
fn a_published_file_that_its_origin_has_lost_is_a_failure() {
    let two = Two::new();
    two.sync("1h").expect(0);
    two.first.always(404, &[], b"");
    let ran = two.sync("1h").expect(1);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "failed");
    assert!(ran.error(CLIP).contains("404"), "{ran:#?}");
    let said = said_of(&two.sync("0s").expect(0), CLIP);
    assert_eq!(said["source"], "second");
}

#[test]
fn the_time_of_the_first_failure_is_kept_across_processes() {
    let two = Two::new();
    two.sync("1s").expect(0);
    two.first.down();
    two.sync("1s").expect(1);
    let state = two.world.state();
    let failing = state["failing"].as_object().unwrap();
    assert_eq!(failing.len(), 1, "{state:#}");
    let since = std::time::Instant::now();
    until("the second one has taken its place", || {
        let ran = two.sync("1s");
        assert!(ran.code == Some(0) || since.elapsed() < Duration::from_secs(10));
        ran.code == Some(0)
    });
    assert!(two.holds("second"));
    two.first.well();
    two.sync("1s").expect(0);
    assert_eq!(two.world.state()["failing"], json!({}));
}

#[test]
fn a_whole_body_that_is_rejected_is_an_answer() {
    let two = Two::new();
    two.sync("0s").expect(0);
    two.first.always(200, &[], b"{\"a\": {\"name\": [1]}}\n");
    let ran = two.sync("0s").expect(1);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "rejected", "{ran:#?}");
    assert_eq!(two.second.server.requests().len(), 0);
    assert!(two.holds("upstream"));
}

#[test]
fn a_csv_whose_end_was_not_announced_is_not_taken_where_it_lacks_models() {
    let world = World::marked();
    let whole = std::fs::read_to_string(world.sent(Category::TextGeneration)).unwrap();
    let server = Peer::flat(&world);
    let upstreams = [upstream("first", &server.url(), "flat", "30m")];
    sync_with(&world, &upstreams, &["text_generation"]).expect(0);
    let published = std::fs::read(world.v2(Category::TextGeneration)).unwrap();
    let rows = whole.trim_end().rfind('\n').unwrap() + 1;
    let cut = whole.as_bytes()[..rows].to_vec();
    let sent = cut.clone();
    server.script(move |_, _| Some(Action::Send(raw(200, &[("Connection", "close")], &sent))));
    for _ in 0..2 {
        let ran = sync_with(&world, &upstreams, &["text_generation"]).expect(1);
        let said = said_of(&ran, Category::TextGeneration);
        assert_eq!(said["outcome"], "failed", "{ran:#?}");
        assert!(ran.error(Category::TextGeneration).contains("cut off"));
    }
    let stored = std::fs::read(world.legacy(Category::TextGeneration)).unwrap();
    assert_eq!(stored, whole.as_bytes());
    assert_eq!(
        std::fs::read(world.v2(Category::TextGeneration)).unwrap(),
        published
    );
    // With its length it is what the upstream has.
    server.script(move |_, _| Some(Action::Send(answer_with(200, &[], &cut))));
    sync_with(&world, &upstreams, &["text_generation"]).expect(0);
    // One that lacks nothing is taken whether or not its end was announced.
    let more = whole.clone();
    server.script(move |_, _| {
        Some(Action::Send(raw(
            200,
            &[("Connection", "close")],
            more.as_bytes(),
        )))
    });
    sync_with(&world, &upstreams, &["text_generation"]).expect(0);
    assert_eq!(
        std::fs::read(world.v2(Category::TextGeneration)).unwrap(),
        published
    );
}

#[test]
fn upstreams_are_asked_for_their_categories_alone_and_with_their_tokens() {
    let world = World::marked();
    let (first, second) = (Peer::flat(&world), Peer::flat(&world));
    let token = world.path("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let credentials = world.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("second"), "0ther").unwrap();
    let mut upstreams = [
        upstream("first", &first.url(), "flat", "30m"),
        upstream("second", &second.url(), "flat", "30m"),
    ];
    upstreams[0] += &format!("categories = [\"clip\", \"blip\"]\ntoken_file = {token:?}\n");
    upstreams[1] += "token_file = \"second\"\n";
    let config = world.path("config.toml");
    std::fs::write(&config, upstreams.concat()).unwrap();
    let mut command = world.command(&["sync", "--json", "-c", config.to_str().unwrap()]);
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let ran = crate::common::Ran::of(&mut command).expect(0);
    assert_eq!(said_of(&ran, CLIP)["source"], "first");
    assert_eq!(said_of(&ran, Category::Esrgan)["source"], "second");
    let mut paths = first.paths_after(0);
    paths.sort();
    assert_eq!(paths, ["/blip.json", "/clip.json"]);
    assert_eq!(second.server.requests().len(), 8);
    let has = |peer: &Peer, token: &str| {
        let requests = peer.server.requests();
        requests.iter().all(|head| {
            crate::common::scripted::header(head, "authorization")
                == Some(&format!("Bearer {token}"))
        })
    };
    assert!(has(&first, "s3cret") && has(&second, "0ther"));
}
