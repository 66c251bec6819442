//! Another mirror as the upstream: one request a poll, only what changed, and nothing of a stranger's word trusted.

use horde_refd::category::Category;
use serde_json::{Value, json};

use super::{Peer, said_of, sync_with, upstream};
use crate::common::scripted::{Action, answer_with};
use crate::common::{Ran, World, answer, sha256};

const CLIP: Category = Category::Clip;

/// A mirror that is made of the sample, and served; and a leaf of it.
struct Tree {
    root: World,
    leaf: World,
    peer: Peer,
}

impl Tree {
    fn new() -> Self {
        let root = World::marked();
        root.sync(&[]).expect(0);
        let peer = serving(&root);
        let leaf = World::empty();
        Self { root, leaf, peer }
    }

    fn sync(&self, args: &[&str]) -> Ran {
        let upstreams = [upstream("mirror", &self.peer.url(), "mirror", "30m")];
        sync_with(&self.leaf, &upstreams, args)
    }

    fn requests(&self) -> usize {
        self.peer.server.requests().len()
    }
}

/// Serves a mirror's directory.
fn serving(world: &World) -> Peer {
    let mirror = world.mirror();
    Peer::start(move |path| std::fs::read(mirror.join(path)).ok())
}

#[track_caller]
fn assert_same(one: &World, other: &World) {
    for category in Category::with_legacy() {
        let read = |path| std::fs::read(path).unwrap();
        assert_eq!(
            read(one.v2(category)),
            read(other.v2(category)),
            "{category}"
        );
        assert_eq!(
            read(one.legacy(category)),
            read(other.legacy(category)),
            "{category}"
        );
    }
}

#[test]
fn a_leaf_takes_both_lanes_and_asks_once_a_poll_when_nothing_is_new() {
    let tree = Tree::new();
    let ran = tree.sync(&[]).expect(0);
    ran.all("updated", "downloaded");
    assert_eq!(said_of(&ran, CLIP)["source"], "mirror");
    assert_eq!(said_of(&ran, Category::Lora)["outcome"], "skipped");
    assert_same(&tree.root, &tree.leaf);
    tree.leaf.assert_whole();
    assert_eq!(tree.requests(), 21);
    let digest = tree.root.manifest()["categories"]["clip"]["v2"]["sha256"].clone();
    assert_eq!(
        tree.leaf.manifest()["categories"]["clip"]["made_from"],
        json!({"form": "v2", "sha256": digest, "on_invalid_record": null})
    );
    let before = tree.leaf.published();
    for _ in 0..2 {
        let seen = tree.requests();
        let ran = tree.sync(&[]).expect(0);
        ran.all("unchanged", "not_modified");
        assert_eq!(tree.peer.paths_after(seen), ["/manifest.json"]);
        let head = tree.peer.server.requests().pop().unwrap();
        assert!(crate::common::origin::is_conditional(&head), "{head}");
        assert_eq!(tree.leaf.published(), before);
    }
    // Only what changed.
    tree.root.publish("clip.json", "changed");
    tree.root.sync(&[]).expect(0);
    let seen = tree.requests();
    let ran = tree.sync(&[]).expect(0);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "updated");
    assert_eq!(said_of(&ran, Category::Blip)["outcome"], "unchanged");
    let mut paths = tree.peer.paths_after(seen);
    paths.sort();
    assert_eq!(paths, ["/clip.json", "/legacy/clip.json", "/manifest.json"]);
    assert_same(&tree.root, &tree.leaf);
    // A file that is gone or edited here is had again, although the manifest is the same.
    std::fs::write(tree.leaf.legacy(CLIP), "{}").unwrap();
    tree.sync(&[]).expect(0);
    assert_same(&tree.root, &tree.leaf);
    let seen = tree.requests();
    tree.sync(&[]).expect(0);
    assert_eq!(tree.peer.paths_after(seen), ["/manifest.json"]);
}

#[test]
fn a_leaf_of_a_leaf_and_a_mirror_in_a_directory() {
    let tree = Tree::new();
    tree.sync(&[]).expect(0);
    let leaf = serving(&tree.leaf);
    let second = World::empty();
    let upstreams = [upstream("leaf", &leaf.url(), "mirror", "30m")];
    sync_with(&second, &upstreams, &[]).expect(0);
    assert_same(&tree.root, &second);
    let third = World::empty();
    let directory = second.mirror();
    let upstreams = [upstream(
        "dir",
        directory.to_str().unwrap(),
        "mirror",
        "30m",
    )];
    sync_with(&third, &upstreams, &[])
        .expect(0)
        .all("updated", "downloaded");
    sync_with(&third, &upstreams, &[])
        .expect(0)
        .all("unchanged", "not_modified");
    assert_same(&tree.root, &third);
}

#[test]
fn a_sync_of_one_category_leaves_the_others_to_be_asked_for() {
    let tree = Tree::new();
    let ran = tree.sync(&["clip"]).expect(0);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "updated");
    assert_eq!(tree.requests(), 3);
    let ran = tree.sync(&[]).expect(0);
    assert_eq!(said_of(&ran, Category::Blip)["outcome"], "updated");
    assert_same(&tree.root, &tree.leaf);
}

#[test]
fn a_file_with_another_digest_is_asked_for_again_with_the_manifest_and_then_fails() {
    let tree = Tree::new();
    tree.peer.script(|_, path| {
        (path == "clip.json").then(|| Action::Send(answer_with(200, &[], b"{}")))
    });
    let ran = tree.sync(&[]).expect(1);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "failed", "{ran:#?}");
    assert!(ran.error(CLIP).contains("SHA-256"), "{ran:#?}");
    assert!(!tree.leaf.v2(CLIP).exists());
    let paths = tree.peer.paths_after(0);
    let count = |path: &str| paths.iter().filter(|it| *it == path).count();
    assert_eq!((count("/clip.json"), count("/manifest.json")), (4, 4));
    assert_eq!(said_of(&ran, Category::Blip)["outcome"], "updated");
    // It was not all taken: the manifest is asked for whole.
    tree.peer.well();
    let seen = tree.requests();
    tree.sync(&[]).expect(0);
    let heads = tree.peer.server.requests().split_off(seen);
    assert!(
        !crate::common::origin::is_conditional(&heads[0]),
        "{heads:#?}"
    );
    assert_same(&tree.root, &tree.leaf);
}

#[test]
fn a_mirror_that_is_just_publishing_is_followed() {
    let tree = Tree::new();
    tree.sync(&[]).expect(0);
    // The new file is there before the manifest names it; the second look at both agrees.
    let old = std::fs::read(tree.root.mirror().join("manifest.json")).unwrap();
    tree.root.publish("clip.json", "new");
    tree.root.sync(&[]).expect(0);
    let new = std::fs::read(tree.root.mirror().join("manifest.json")).unwrap();
    std::fs::write(tree.leaf.legacy(CLIP), "{}").unwrap();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    tree.peer.script(move |_, path| {
        (path == "manifest.json").then(|| {
            let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            Action::Send(answer_with(200, &[], if first { &old } else { &new }))
        })
    });
    tree.sync(&[]).expect(0);
    tree.peer.well();
    tree.sync(&[]).expect(0);
    assert_same(&tree.root, &tree.leaf);
}

#[test]
fn a_manifest_that_is_not_there_or_no_manifest_fails_every_category() {
    for (status, body) in [(404, &b"no"[..]), (200, b"{}"), (200, b"[]"), (500, b"")] {
        let tree = Tree::new();
        tree.sync(&[]).expect(0);
        let before = tree.leaf.published();
        tree.peer.always(status, &[], body);
        let ran = tree.sync(&[]).expect(1);
        for category in Category::with_legacy() {
            assert_eq!(
                said_of(&ran, category)["outcome"],
                "failed",
                "{status} {category}"
            );
        }
        assert_eq!(tree.leaf.published(), before);
    }
}

#[test]
fn names_of_a_stranger_are_trusted_for_nothing() {
    let body = b"{\"a\": {\"name\": \"a\"}}";
    let digest = sha256(body);
    for (category, file) in [
        ("clip", "../../outside.json"),
        ("clip", "/etc/outside.json"),
        ("clip", ".horde-refd/state.json"),
        ("clip", "blip.json"),
        ("../clip", "clip.json"),
    ] {
        let leaf = World::empty();
        let manifest = json!({"format": 2, "categories": {category: {
            "v2": {"file": file, "sha256": digest, "bytes": body.len()},
            "legacy": {"file": file, "sha256": digest},
        }}, "files": {file: {"sha256": digest}}});
        let sent = manifest.to_string();
        let peer = Peer::start(move |path| match path {
            "manifest.json" => Some(sent.clone().into_bytes()),
            _ => Some(body.to_vec()),
        });
        let upstreams = [upstream("mirror", &peer.url(), "mirror", "30m")];
        let ran = sync_with(&leaf, &upstreams, &[]).expect(0);
        for category in Category::ALL {
            assert_eq!(said_of(&ran, category)["outcome"], "skipped", "{file}");
        }
        assert_eq!(peer.paths_after(0), ["/manifest.json"], "{file}");
    }
}

#[test]
fn what_a_mirror_no_longer_names_is_a_failure_and_the_next_upstream_takes_its_place() {
    let tree = Tree::new();
    let github = Peer::flat(&tree.root);
    let sync = |after: &str| {
        let upstreams = [
            upstream("mirror", &tree.peer.url(), "mirror", "30m"),
            upstream("github", &github.url(), "flat", after),
        ];
        sync_with(&tree.leaf, &upstreams, &[])
    };
    sync("1h").expect(0).all("updated", "downloaded");
    let mut manifest = tree.root.manifest();
    manifest["categories"]
        .as_object_mut()
        .unwrap()
        .remove("clip");
    let sent = manifest.to_string();
    tree.peer.script(move |head, path| {
        (path == "manifest.json").then(|| Action::Send(answer(head, sent.as_bytes())))
    });
    let ran = sync("1h").expect(1);
    assert_eq!(said_of(&ran, CLIP)["outcome"], "failed", "{ran:#?}");
    assert_eq!(said_of(&ran, Category::Blip)["outcome"], "unchanged");
    let ran = sync("0s").expect(0);
    let said = said_of(&ran, CLIP);
    assert_eq!(said["source"], "github", "{ran:#?}");
    assert_eq!(said["instead_of"], Value::from(vec!["mirror"]));
    tree.peer.well();
    let ran = sync("1h").expect(0);
    assert_eq!(said_of(&ran, CLIP)["source"], "mirror");
    assert_same(&tree.root, &tree.leaf);
}
