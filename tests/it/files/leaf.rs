//! Extra files and the view from every layout that has them: a mirror, a mirror of a mirror, GitHub; and beside a PRIMARY,
//! which has none.

use std::fs;
use std::path::PathBuf;

use horde_refd::category::Category;
use serde_json::json;

use crate::common::scripted::{Action, answer_with, target};
use crate::common::{World, sha256};
use crate::upstreams::{Peer, upstream};

use super::{entry, from_directory, said, sync};

const DB: &str = "legacy/db.json";
const NOTES: &str = "legacy/notes.txt";
const VIEW: &str = "legacy/text_generation.json";
const EXTRA: &str = "extra_files = [\"text:db.json\", \"image:notes.txt\"]\n";
const VIEW_TOO: &str = "publish.text_legacy_json = true\n";

fn origin() -> World {
    let world = World::marked();
    fs::write(world.upstream().join("db.json"), "{ \"b\":1}\n").unwrap();
    fs::write(world.upstream().join("notes.txt"), "any words").unwrap();
    let lines = from_directory(&world, &(EXTRA.to_owned() + VIEW_TOO));
    sync(&world, &lines, &[]).expect(0);
    world
}

fn file(world: &World, path: &str) -> PathBuf {
    world.mirror().join(path)
}

fn served(world: &World) -> Peer {
    let mirror = world.mirror();
    Peer::start(move |path| fs::read(mirror.join(path)).ok())
}

#[track_caller]
fn assert_same(one: &World, other: &World, paths: &[&str]) {
    for path in paths {
        let bytes = fs::read(file(one, path)).unwrap();
        assert!(bytes == fs::read(file(other, path)).unwrap(), "{path}");
        assert_eq!(entry(other, path)["sha256"], sha256(&bytes), "{path}");
    }
}

#[test]
fn a_leaf_of_a_leaf_has_the_files_and_makes_the_view_for_itself() {
    let origin = origin();
    let (leaf, last) = (World::empty(), World::empty());
    let (of_origin, of_leaf) = (served(&origin), served(&leaf));
    let lines = |peer: &Peer, name: &str| {
        EXTRA.to_owned() + VIEW_TOO + &upstream(name, &peer.url(), "mirror", "30m")
    };
    let (first, second) = (lines(&of_origin, "origin"), lines(&of_leaf, "leaf"));
    let both = |code: i32| {
        let ran = sync(&leaf, &first, &[]).expect(code);
        (ran, sync(&last, &second, &[]).expect(code))
    };
    let (ran, again) = both(0);
    for ran in [ran, again] {
        for path in [DB, NOTES, VIEW] {
            assert_eq!(said(&ran, path).0, "updated", "{path}: {ran:#?}");
        }
    }
    assert_same(&origin, &leaf, &[DB, NOTES, VIEW]);
    assert_same(&leaf, &last, &[DB, NOTES, VIEW]);
    assert_eq!(entry(&last, DB)["source"]["upstream"], "leaf");
    // The view is made of what the leaf has, and never fetched.
    for peer in [&of_origin, &of_leaf] {
        let asked = peer.paths_after(0);
        assert!(!asked.contains(&format!("/{VIEW}")), "{asked:?}");
        assert_eq!(asked.len(), 1 + 2 * 10 + 2, "{asked:?}");
    }
    // With nothing new each of them is one request.
    let seen = [&of_origin, &of_leaf].map(|peer| peer.server.requests().len());
    let before = [leaf.published(), last.published()];
    both(0);
    assert_eq!(of_origin.paths_after(seen[0]), ["/manifest.json"]);
    assert_eq!(of_leaf.paths_after(seen[1]), ["/manifest.json"]);
    assert_eq!([leaf.published(), last.published()], before);
    // A change runs through both, and costs the file that it is in.
    fs::write(origin.upstream().join("db.json"), "[2]").unwrap();
    origin.publish("models.csv", "changed");
    let all = from_directory(&origin, &(EXTRA.to_owned() + VIEW_TOO));
    sync(&origin, &all, &[]).expect(0);
    let seen = [&of_origin, &of_leaf].map(|peer| peer.server.requests().len());
    both(0);
    assert_same(&origin, &leaf, &[DB, NOTES, VIEW]);
    assert_same(&leaf, &last, &[DB, NOTES, VIEW]);
    assert!(
        fs::read_to_string(file(&last, VIEW))
            .unwrap()
            .contains("changed")
    );
    for (peer, seen) in [(&of_origin, seen[0]), (&of_leaf, seen[1])] {
        let mut asked = peer.paths_after(seen);
        asked.sort();
        let expected = [
            "/legacy/db.json",
            "/legacy/models.csv",
            "/manifest.json",
            "/text_generation.json",
        ];
        assert_eq!(asked, expected);
    }
}

#[test]
fn a_leaf_that_names_no_extra_file_takes_none_and_one_without_the_view_has_none() {
    let origin = origin();
    let peer = served(&origin);
    let leaf = World::empty();
    let ran = sync(
        &leaf,
        &upstream("origin", &peer.url(), "mirror", "30m"),
        &[],
    )
    .expect(0);
    assert_eq!(ran.json()["files"], json!({}));
    for path in [DB, NOTES, VIEW] {
        assert!(!file(&leaf, path).exists(), "{path}");
        assert!(entry(&leaf, path).is_null(), "{path}");
    }
    // The view alone needs nothing of the other mirror but models.csv.
    let lines = VIEW_TOO.to_owned() + &upstream("origin", &peer.url(), "mirror", "30m");
    let ran = sync(&leaf, &lines, &[]).expect(0);
    assert_eq!(said(&ran, VIEW).0, "updated");
    assert_same(&origin, &leaf, &[VIEW]);
}

#[test]
fn a_leaf_takes_an_extra_file_only_with_the_digest_that_the_manifest_has() {
    let origin = origin();
    let peer = served(&origin);
    let leaf = World::empty();
    let lines = EXTRA.to_owned() + &upstream("origin", &peer.url(), "mirror", "30m");
    sync(&leaf, &lines, &[]).expect(0);
    let before = fs::read(file(&leaf, DB)).unwrap();
    fs::write(origin.upstream().join("db.json"), "[2]").unwrap();
    let all = from_directory(&origin, &(EXTRA.to_owned() + VIEW_TOO));
    sync(&origin, &all, &[]).expect(0);
    // A cache in between keeps the old file, then sends another one.
    for stale in [before.clone(), b"[\"another\"]".to_vec()] {
        peer.script(move |_, path| {
            (path == DB).then(|| Action::Send(answer_with(200, &[], &stale)))
        });
        let ran = sync(&leaf, &lines, &[]).expect(1);
        let (outcome, error) = said(&ran, DB);
        assert_eq!(outcome, "failed", "{ran:#?}");
        assert!(error.contains("SHA-256"), "{error}");
        assert_eq!(fs::read(file(&leaf, DB)).unwrap(), before);
        ran.all("unchanged", "not_modified");
    }
    peer.well();
    let ran = sync(&leaf, &lines, &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated");
    assert_same(&origin, &leaf, &[DB]);
}

#[test]
fn an_extra_file_that_a_mirror_names_no_more_is_a_failure_and_the_next_upstream_serves_it() {
    let origin = origin();
    let (peer, other) = (served(&origin), Peer::flat(&origin));
    let leaf = World::empty();
    let lines = |after: &str| {
        let first = upstream("origin", &peer.url(), "mirror", "30m");
        EXTRA.to_owned() + &first + &upstream("hub", &other.url(), "flat", after)
    };
    sync(&leaf, &lines("1h"), &[]).expect(0);
    assert_eq!(entry(&leaf, DB)["source"]["upstream"], "origin");
    let fewer = from_directory(&origin, "extra_files = [\"image:notes.txt\"]\n");
    sync(&origin, &fewer, &[]).expect(0);
    let ran = sync(&leaf, &lines("1h"), &[]).expect(1);
    assert_eq!(said(&ran, DB).0, "failed", "{ran:#?}");
    assert!(said(&ran, DB).1.contains("does not name"), "{ran:#?}");
    assert_eq!(said(&ran, NOTES).0, "unchanged");
    let ran = sync(&leaf, &lines("0s"), &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "unchanged", "{ran:#?}");
    fs::write(origin.upstream().join("db.json"), "[3]").unwrap();
    let ran = sync(&leaf, &lines("0s"), &[]).expect(0);
    assert_eq!(said(&ran, DB).0, "updated", "{ran:#?}");
    assert_eq!(entry(&leaf, DB)["source"]["upstream"], "hub");
    assert_eq!(fs::read(file(&leaf, DB)).unwrap(), b"[3]");
}

#[test]
fn github_has_each_file_in_the_repository_that_it_is_named_with() {
    let world = World::empty();
    let hub = Peer::start(|path| {
        let file = path.rsplit('/').next()?;
        match file {
            "db.json" => path
                .contains("/texts/refs/heads/next/")
                .then(|| b"[1]".to_vec()),
            "notes.txt" => path
                .contains("-image-model-reference/refs/heads/main/")
                .then(|| b"words".to_vec()),
            file => Category::with_legacy()
                .any(|one| one.legacy_file() == file)
                .then(|| crate::common::legacy(file, "hub")),
        }
    });
    // A PRIMARY has no extra files, and is not asked for any.
    let primary = Peer::bare(|_| Some(b"{\"m\": {\"name\": \"m\"}}".to_vec()));
    let lines = EXTRA.to_owned()
        + "github.text.owner = \"elsewhere\"\ngithub.text.name = \"texts\"\ngithub.text.branch = \"next\"\n"
        + &upstream(
            "primary",
            &format!("{}/api", primary.url()),
            "primary",
            "30m",
        )
        + &upstream("hub", &hub.url(), "github", "30m");
    let ran = sync(&world, &lines, &[]).expect(0);
    for path in [DB, NOTES] {
        assert_eq!(said(&ran, path).0, "updated", "{path}: {ran:#?}");
        assert_eq!(entry(&world, path)["source"]["upstream"], "hub");
    }
    let asked = hub.paths_after(0);
    for path in [
        "/elsewhere/texts/refs/heads/next/db.json",
        "/Haidra-Org/AI-Horde-image-model-reference/refs/heads/main/notes.txt",
    ] {
        assert!(asked.iter().any(|asked| asked == path), "{asked:#?}");
    }
    for head in primary.server.requests() {
        assert!(
            target(&head).starts_with("/api/model_references/v2/"),
            "{head}"
        );
    }
    assert_eq!(primary.server.requests().len(), 15);
}

#[test]
fn a_primary_alone_has_no_extra_file_and_that_is_said() {
    let world = World::empty();
    let primary = Peer::bare(|_| Some(b"{\"m\": {\"name\": \"m\"}}".to_vec()));
    let url = format!("{}/api", primary.url());
    let lines = EXTRA.to_owned() + &upstream("primary", &url, "primary", "30m");
    let ran = sync(&world, &lines, &[]).expect(1);
    assert!(ran.stderr.contains("no upstream serves them"), "{ran:#?}");
    for path in [DB, NOTES] {
        assert_eq!(said(&ran, path).0, "failed", "{ran:#?}");
        assert!(!file(&world, path).exists());
    }
    // It fails alone.
    assert_eq!(ran.json()["categories"]["clip"]["outcome"], "updated");
    assert_eq!(primary.server.requests().len(), 15);
}
