//! `sync --dry-run` and `diff --incoming` from a PRIMARY, from another mirror, and with files beside the references: they
//! say what a sync then does, and write nothing.

use std::fs;
use std::sync::{Arc, Mutex};

use horde_refd::category::Category;
use serde_json::{Value, json};

use super::{Peer, said_of, sync_with, upstream};
use crate::common::{Ran, World, sha256};

const CLIP: Category = Category::Clip;
const PREFIX: &str = "api/model_references/v2/";

/// What `sync --json` says, without what each run has of its own.
fn said(ran: &Ran) -> Value {
    let mut json = ran.json();
    for key in ["elapsed_seconds", "dry_run"] {
        json.as_object_mut().unwrap().remove(key);
    }
    json
}

/// `diff CATEGORY --incoming` with the configuration that was last synced with.
fn incoming(world: &World, category: Category) -> Ran {
    let config = world.path("config.toml");
    let mut command = world.command(&["diff", category.name(), "--incoming", "--json", "-c"]);
    Ran::of(command.arg(config))
}

/// What a rehearsal and `diff --incoming` of these categories say, without writing; then the same of a real sync.
#[track_caller]
fn comes_true(
    sync: impl Fn(&[&str]) -> Ran,
    world: &World,
    exit: i32,
    categories: &[Category],
) -> Value {
    let before = world.tree();
    let dry = sync(&["--dry-run"]).expect(exit);
    assert_eq!(dry.json()["dry_run"], true);
    let diffs: Vec<Value> = categories
        .iter()
        .map(|category| incoming(world, *category).expect(0).json())
        .collect();
    assert_eq!(world.tree(), before, "something was written");
    let olds = categories.iter().map(|category| world.v2(*category));
    let olds: Vec<Vec<u8>> = olds.map(|path| fs::read(path).unwrap()).collect();
    let done = sync(&[]).expect(exit);
    assert_eq!(said(&dry), said(&done));
    for ((category, diff), old) in categories.iter().zip(&diffs).zip(&olds) {
        assert_ne!(&fs::read(world.v2(*category)).unwrap(), old, "{category}");
        let made = world.run(&["diff", category.name(), "--json"]).expect(0);
        assert_eq!(&made.json(), diff, "{category}");
    }
    said(&dry)
}

/// A PRIMARY that serves clip and lora with the mark that it has now, and legacy files behind it.
struct Service {
    world: World,
    mark: Arc<Mutex<&'static str>>,
    primary: Peer,
    github: Peer,
}

impl Service {
    fn new() -> Self {
        let world = World::marked();
        let github = Peer::flat(&world);
        let mark = Arc::new(Mutex::new("one"));
        let serves = Arc::clone(&mark);
        let primary = Peer::bare(move |path| {
            let category = path.strip_prefix(PREFIX)?;
            let mark = *serves.lock().unwrap();
            let body =
                format!("{{\"m\":{{\"name\":\"m\",\"description\":\"{category} {mark}\"}}}}");
            ["clip", "lora"]
                .contains(&category)
                .then(|| body.into_bytes())
        });
        Self {
            world,
            mark,
            primary,
            github,
        }
    }

    fn sync(&self, after: &str, args: &[&str]) -> Ran {
        let primary = format!("{}/api", self.primary.url());
        let upstreams = [
            upstream("primary", &primary, "primary", "30m"),
            upstream("github", &self.github.url(), "flat", after),
        ];
        sync_with(&self.world, &upstreams, args)
    }
}

#[test]
fn from_a_primary_they_say_what_a_sync_then_does() {
    let service = Service::new();
    let world = &service.world;
    // Nothing is there, nor will be.
    let dry = service.sync("1h", &["--dry-run"]).expect(0);
    assert_eq!(said_of(&dry, CLIP)["source"], "primary");
    assert_eq!(said_of(&dry, Category::Esrgan)["source"], "github");
    assert!(!world.mirror().exists());
    assert_eq!(said(&dry), said(&service.sync("1h", &[]).expect(0)));
    let sync = |args: &[&str]| service.sync("1h", args);
    let nothing = comes_true(sync, world, 0, &[]);
    assert_eq!(nothing["categories"]["clip"]["outcome"], "unchanged");

    // The PRIMARY's v2 file and GitHub's legacy file change, each in its own lane.
    *service.mark.lock().unwrap() = "two";
    world.publish("clip.json", "edited upstream");
    world.publish("esrgan.json", "edited upstream");
    let all = [CLIP, Category::Lora, Category::Esrgan];
    let said = comes_true(sync, world, 0, &all);
    let clip = &said["categories"]["clip"];
    assert_eq!(clip["source"], "primary");
    assert_eq!(
        clip["changes"],
        json!({"added": 0, "removed": 0, "changed": 1})
    );
    assert_eq!(
        clip["v2_sha256"],
        sha256(&fs::read(world.v2(CLIP)).unwrap())
    );
    assert_eq!(said["categories"]["lora"]["outcome"], "updated");
    let compared = world.run(&["diff", "lora", "--json"]).expect(0).json();
    let description = json!({"from": "lora one", "to": "lora two"});
    assert_eq!(compared["changed"]["m"]["description"], description);
}

#[test]
fn a_primary_that_is_down_is_rehearsed_with_its_fallback() {
    let service = Service::new();
    let world = &service.world;
    service.sync("1h", &[]).expect(0);
    service.primary.down();
    world.publish("clip.json", "the fallback's");
    // Not due yet: the file stays, and that is what is said.
    let before = world.tree();
    let dry = service.sync("1h", &["--dry-run", "clip"]).expect(1);
    assert_eq!(said_of(&dry, CLIP)["outcome"], "failed");
    let ran = incoming(world, CLIP).expect(1);
    assert!(
        ran.stderr.contains("nothing new can be had for clip"),
        "{ran:?}"
    );
    assert_eq!(world.tree(), before);
    // Due at once.
    let said = comes_true(
        |args| service.sync("0s", &[&["clip"], args].concat()),
        world,
        0,
        &[CLIP],
    );
    let clip = &said["categories"]["clip"];
    assert_eq!(
        (&clip["source"], &clip["instead_of"]),
        (&json!("github"), &json!(["primary"]))
    );
}

/// A mirror with an extra file and a view, served; and a leaf that takes all of it.
struct Tree {
    root: World,
    leaf: World,
    peer: Peer,
}

const EXTRA: &str = "extra_files = [\"text:db.json\"]\n";

impl Tree {
    fn new() -> Self {
        let root = World::marked();
        fs::write(root.upstream().join("db.json"), "{\"a\": 1}").unwrap();
        let mirror = root.mirror();
        let peer = Peer::start(move |path| fs::read(mirror.join(path)).ok());
        let leaf = World::empty();
        let tree = Self { root, leaf, peer };
        tree.sync_root(&[]).expect(0);
        tree
    }

    fn sync_root(&self, args: &[&str]) -> Ran {
        let url = self.root.upstream().display().to_string();
        let lines = [EXTRA.to_owned(), upstream("flat", &url, "flat", "30m")];
        sync_with(&self.root, &lines, args)
    }

    fn sync_leaf(&self, args: &[&str]) -> Ran {
        let lines = [
            EXTRA.to_owned(),
            upstream("mirror", &self.peer.url(), "mirror", "30m"),
        ];
        sync_with(&self.leaf, &lines, args)
    }
}

#[test]
fn from_another_mirror_they_say_what_a_sync_then_does() {
    let tree = Tree::new();
    let dry = tree.sync_leaf(&["--dry-run"]).expect(0);
    assert!(!tree.leaf.mirror().exists());
    dry.all("updated", "downloaded");
    let file = &dry.json()["files"]["legacy/db.json"];
    assert_eq!(file["outcome"], "updated");
    assert_eq!(said(&dry), said(&tree.sync_leaf(&[]).expect(0)));
    let leaf = |args: &[&str]| tree.sync_leaf(args);
    let seen = tree.peer.server.requests().len();
    comes_true(leaf, &tree.leaf, 0, &[]);
    let asked = tree.peer.paths_after(seen);
    assert_eq!(asked, ["/manifest.json", "/manifest.json"], "one a run");

    tree.root.publish("clip.json", "changed");
    fs::write(tree.root.upstream().join("db.json"), "{\"a\": 2}").unwrap();
    tree.sync_root(&[]).expect(0);
    let said = comes_true(leaf, &tree.leaf, 0, &[CLIP]);
    assert_eq!(said["categories"]["clip"]["source"], "mirror");
    assert_eq!(said["categories"]["blip"]["outcome"], "unchanged");
    assert_eq!(said["files"]["legacy/db.json"]["outcome"], "updated");

    // What was accepted there is held by no guard here.
    fs::write(tree.root.sent(CLIP), "{}").unwrap();
    tree.sync_root(&["clip"]).expect(1);
    let mut accept = tree.root.command(&["accept", "clip", "-c"]);
    Ran::of(accept.arg(tree.root.path("config.toml"))).expect(0);
    let said = comes_true(leaf, &tree.leaf, 0, &[CLIP]);
    assert_eq!(said["categories"]["clip"]["models"], 0);

    // A file that is not what the manifest says is no file.
    tree.root.publish("clip.json", "changed again");
    tree.sync_root(&[]).expect(0);
    fs::write(tree.root.v2(CLIP), "{\"another\": {}}").unwrap();
    let before = tree.leaf.tree();
    let dry = tree.sync_leaf(&["--dry-run", "clip"]).expect(1);
    assert_eq!(said_of(&dry, CLIP)["outcome"], "failed");
    incoming(&tree.leaf, CLIP).expect(1);
    assert_eq!(tree.leaf.tree(), before);
}

#[test]
fn files_beside_the_references_are_rehearsed_like_them() {
    let world = World::new();
    let lines = format!(
        "extra_files = [\"text:db.json\", \"image:notes.txt\"]\n[publish]\ntext_legacy_json = true\n[[upstream]]\nurl = {:?}\n",
        world.upstream()
    );
    let sync = |args: &[&str]| sync_with(&world, std::slice::from_ref(&lines), args);
    let file = |name: &str| world.upstream().join(name);
    fs::write(file("db.json"), "{\"a\": 1}").unwrap();
    fs::write(file("notes.txt"), "words").unwrap();
    let dry = sync(&["--dry-run"]).expect(0);
    assert!(!world.mirror().exists());
    assert_eq!(said(&dry), said(&sync(&[]).expect(0)));
    comes_true(sync, &world, 0, &[]);
    // One changes, one is cut, and the view changes with its file.
    fs::write(file("notes.txt"), "other words").unwrap();
    fs::write(file("db.json"), "{\"a\": ").unwrap();
    let csv = "name,parameters_bn\nwriters/New,7\n";
    fs::write(world.sent(Category::TextGeneration), csv).unwrap();
    let said = comes_true(sync, &world, 1, &[Category::TextGeneration]);
    let outcomes = [
        "legacy/db.json",
        "legacy/notes.txt",
        "legacy/text_generation.json",
    ]
    .map(|path| said["files"][path]["outcome"].as_str().unwrap().to_owned());
    assert_eq!(outcomes, ["failed", "updated", "updated"]);
    assert_eq!(
        fs::read(world.mirror().join("legacy/db.json")).unwrap(),
        b"{\"a\": 1}"
    );
}
