//! `sync --dry-run` and `diff --incoming`: the same way as a sync, and nothing is done.

use std::fs;
use std::path::Path;

use horde_refd::category::Category;
use serde_json::{Value, json};

use super::{CLIP, ONE, THREE, TWO, publish};
use crate::common::need::{is_root, need, skip};
use crate::common::scripted::header;
use crate::common::{PROGRAM, Ran, World, bare, edit, program_under, sha256};

/// `sync --dry-run --json` from the directory upstream.
fn rehearse(world: &World, args: &[&str]) -> Ran {
    world.sync(&[&["--dry-run"], args].concat())
}

fn incoming(world: &World, args: &[&str]) -> Ran {
    let upstream = world.upstream();
    let from = ["--layout", "flat", "--upstream", upstream.to_str().unwrap()];
    world.run(&[&["diff", "clip", "--incoming"], &from[..], args].concat())
}

/// The outcome, the digest and the changes of clip.
fn clip(ran: &Ran) -> (String, Value, Value) {
    let json = ran.json();
    assert_eq!(json["dry_run"], true, "{json}");
    let clip = &json["categories"]["clip"];
    let outcome = clip["outcome"].as_str().unwrap();
    (
        outcome.to_owned(),
        clip["v2_sha256"].clone(),
        clip["changes"].clone(),
    )
}

#[test]
fn what_it_says_is_what_a_sync_then_does() {
    let world = World::new();
    // Nothing is there yet, nor will be.
    let first = rehearse(&world, &[]).expect(0);
    first.all("updated", "downloaded");
    assert!(!world.mirror().exists());
    let done = world.sync(&[]).expect(0);
    let without_times = |ran: &Ran| {
        let mut json = ran.json();
        for key in ["elapsed_seconds", "dry_run"] {
            json.as_object_mut().unwrap().remove(key);
        }
        json
    };
    assert_eq!(without_times(&first), without_times(&done));

    let before = world.tree();
    rehearse(&world, &[])
        .expect(0)
        .all("unchanged", "not_modified");
    rehearse(&world, &["--force"])
        .expect(0)
        .all("unchanged", "downloaded");
    fs::write(world.sent(CLIP), ONE).unwrap();
    let dry = rehearse(&world, &["clip"]).expect(0);
    let twice = rehearse(&world, &["clip"]).expect(0);
    assert_eq!(clip(&dry), clip(&twice));
    assert_eq!(world.tree(), before);
    let done = world.sync(&["clip"]).expect(0);
    assert_eq!(without_times(&dry), without_times(&done));
    assert_eq!(clip(&dry).1, sha256(&fs::read(world.v2(CLIP)).unwrap()));
}

#[test]
fn what_would_go_wrong_is_said_and_exits_with_1() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.tree();
    fs::write(world.sent(CLIP), "{\"a\": {\"type\": \"clip\"}}").unwrap();
    fs::remove_file(world.sent(Category::Blip)).unwrap();
    let ran = rehearse(&world, &[]).expect(1);
    assert_eq!(ran.fared(CLIP).0, "rejected");
    assert!(ran.error(CLIP).contains("model 'a'"), "{ran:?}");
    assert_eq!(ran.fared(Category::Blip).0, "failed");
    let text = Ran::of(
        world
            .command(&["sync", "--dry-run", "--layout", "flat", "--upstream"])
            .arg(world.upstream()),
    );
    assert!(
        text.stdout.ends_with("dry run: nothing was written\n"),
        "{text:?}"
    );
    // There is nothing to compare where nothing would be published.
    let ran = incoming(&world, &[]).expect(1);
    assert!(
        ran.stderr.contains("nothing new can be had for clip: "),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("model 'a'"), "{ran:?}");
    assert_eq!(world.tree(), before);
}

#[test]
fn a_damaged_or_edited_file_is_seen_and_left_as_it_is() {
    let world = World::empty();
    publish(&world, ONE);
    fs::write(world.v2(CLIP), "damaged").unwrap();
    let before = world.tree();
    let (outcome, sha256_of_v2, _) = clip(&rehearse(&world, &["clip"]).expect(0));
    assert_eq!(outcome, "updated");
    assert_eq!(
        sha256_of_v2,
        world.manifest()["categories"]["clip"]["v2"]["sha256"]
    );
    assert_eq!(world.tree(), before);
    world.sync(&["clip"]).expect(0);
    // An edit gives way to the upstream's file; where that is gone it would be published.
    edit(&world.legacy(CLIP), "first", "edited");
    let before = world.tree();
    let same = json!({"added": [], "removed": [], "changed": {}});
    assert_eq!(incoming(&world, &["--json"]).expect(0).json(), same);
    fs::remove_file(world.sent(CLIP)).unwrap();
    let ran = incoming(&world, &["--json"]).expect(0);
    assert_eq!(ran.json()["changed"]["a"]["description"]["to"], "edited");
    assert!(ran.stderr.contains("does not exist"), "{ran:?}");
    assert_eq!(world.tree(), before);
}

#[test]
fn what_comes_in_is_compared_with_what_is_present() {
    let world = World::empty();
    fs::write(world.sent(CLIP), TWO).unwrap();
    let ran = incoming(&world, &[]).expect(1);
    assert!(ran.stderr.contains("no clip is published yet"), "{ran:?}");
    assert!(!world.mirror().exists());
    publish(&world, TWO);
    let text = incoming(&world, &["--exit-code"]).expect(0).stdout;
    assert!(text.contains(" have the same models"), "{text}");
    fs::write(world.sent(CLIP), THREE).unwrap();
    let before = world.tree();
    let expected = json!({"added": ["c"], "removed": ["b"], "changed": {}});
    assert_eq!(incoming(&world, &["--json"]).expect(0).json(), expected);
    incoming(&world, &["--exit-code"]).expect(1);
    assert_eq!(world.tree(), before);
    publish(&world, THREE);
    let diff = world.run(&["diff", "clip", "--json"]).expect(0).json();
    assert_eq!(diff, expected);
}

#[test]
fn the_upstream_is_asked_only_for_what_it_has_new() {
    let world = World::new();
    let server = world.serve();
    let url = server.url();
    world.sync_from(&url, &[]).expect(0);
    let asked = server.requests().len();
    world
        .sync_from(&url, &["--dry-run"])
        .expect(0)
        .all("unchanged", "not_modified");
    let heads = server.requests();
    assert!(heads.len() > asked);
    for head in &heads[asked..] {
        assert!(header(head, "if-none-match").is_some(), "{head}");
    }
}

#[test]
fn it_works_beside_a_daemon() {
    let world = World::new();
    let daemon = world.started();
    fs::write(world.sent(CLIP), ONE).unwrap();
    let before = world.published();
    let (outcome, _, changes) = clip(&rehearse(&world, &["clip"]).expect(0));
    assert_eq!(outcome, "updated");
    assert_eq!(changes["removed"], 2);
    let json = incoming(&world, &["--json"]).expect(0).json();
    assert_eq!(json["added"], json!(["a", "b"]));
    assert_eq!(world.published(), before);
    drop(daemon);
}

/// The calls of a run that change something, or open something to change it.
fn changing_calls(world: &World, args: &[&str]) -> Vec<String> {
    let trace = world.path("trace");
    let calls = "trace=openat,openat2,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,\
                 linkat,symlink,symlinkat,truncate,ftruncate,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,\
                 utimensat,fsync,fdatasync,flock,mknod,mknodat,setxattr,fallocate";
    let mut strace = bare("strace");
    strace
        .args(["-f", "-qq", "-e", calls, "-o"])
        .arg(&trace)
        .arg(PROGRAM);
    strace.arg("--base-path").arg(world.mirror()).args(args);
    let ran = Ran::of(
        strace
            .arg("--layout")
            .arg("flat")
            .arg("--upstream")
            .arg(world.upstream()),
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let traced = fs::read_to_string(&trace).unwrap();
    assert!(traced.contains("clip.json"), "{traced}");
    let reads = |line: &&str| {
        let opens = line.contains(" open");
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
        opens && !writes.iter().any(|flag| line.contains(flag))
    };
    let is_call = |line: &&str| line.contains('(') && !line.contains(" --- ");
    let lines = traced.lines().filter(|line| is_call(line) && !reads(line));
    lines.map(str::to_owned).collect()
}

#[test]
fn no_call_changes_anything() {
    need!("strace");
    let world = World::new();
    let nothing = [""; 0];
    let dry = ["sync", "--dry-run", "-q"];
    assert_eq!(changing_calls(&world, &dry), nothing);
    world.sync(&[]).expect(0);
    fs::write(world.sent(CLIP), ONE).unwrap();
    edit(&world.legacy(Category::Blip), "Writes captions", "edited");
    fs::remove_file(world.v2(Category::Esrgan)).unwrap();
    fs::remove_file(world.legacy(Category::Gfpgan)).unwrap();
    fs::remove_dir(world.mirror().join("audit")).unwrap();
    fs::remove_file(world.mirror().join("manifest.json")).unwrap();
    let before = world.tree();
    assert_eq!(changing_calls(&world, &dry), nothing);
    assert_eq!(
        changing_calls(&world, &["diff", "clip", "--incoming"]),
        nothing
    );
    assert_eq!(changing_calls(&world, &["history"]), nothing);
    assert_eq!(
        changing_calls(&world, &["diff", "blip", "--incoming"]),
        nothing
    );
    assert_eq!(world.tree(), before);
    // What does something is seen.
    let done = changing_calls(&world, &["sync", "-q"]);
    let seen = |call: &str| done.iter().any(|line| line.contains(call));
    assert!(
        seen("O_CREAT") && seen("rename") && seen("flock"),
        "{done:?}"
    );
}

#[test]
fn a_mirror_that_may_only_be_read_will_do() {
    need!("setpriv");
    if !is_root() {
        skip!("root alone can become another user");
    }
    let world = World::new();
    world.sync(&[]).expect(0);
    fs::write(world.sent(CLIP), ONE).unwrap();
    open_to_all(world.root());
    let prefix = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let mut command = program_under(&prefix);
    command
        .arg("--base-path")
        .arg(world.mirror())
        .args(["sync", "--dry-run", "--json", "clip"]);
    command
        .args(["--layout", "flat", "--upstream"])
        .arg(world.upstream());
    let ran = Ran::of(&mut command).expect(0);
    assert_eq!(clip(&ran).0, "updated");
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A legacy file with so many models.
fn many(count: usize) -> String {
    let models = (0..count).map(|at| format!("\"m{at:02}\": {{\"name\": \"m{at:02}\"}}"));
    format!("{{{}}}", models.collect::<Vec<_>>().join(", "))
}

#[test]
fn what_a_guard_would_hold_is_compared_all_the_same() {
    let world = World::empty();
    publish(&world, &many(40));
    fs::write(world.sent(CLIP), many(2)).unwrap();
    let before = world.tree();
    // Held for the first time by this very look, whose bytes are nowhere on the disk.
    let ran = rehearse(&world, &["clip"]).expect(1);
    let held = ran.json()["categories"]["clip"]["held"].clone();
    assert_eq!(
        (clip(&ran).0.as_str(), &held["removed"]),
        ("held", &json!(38))
    );
    let compared = incoming(&world, &["--json"]).expect(0).json();
    assert_eq!(compared["removed"].as_array().unwrap().len(), 38);
    assert_eq!(world.tree(), before);
    // And held already: the upstream says the same again.
    world.sync(&["clip"]).expect(1);
    let before = world.tree();
    assert_eq!(incoming(&world, &["--json"]).expect(0).json(), compared);
    assert_eq!(world.tree(), before);
    fs::write(world.sent(CLIP), many(41)).unwrap();
    let compared = incoming(&world, &["--json"]).expect(0).json();
    assert_eq!(
        compared,
        json!({"added": ["m40"], "removed": [], "changed": {}})
    );
}

#[test]
fn what_a_pin_keeps_out_is_compared_with_the_pinned_version() {
    let world = World::empty();
    let [one, two] = [ONE, TWO].map(|legacy| publish(&world, legacy));
    world.run(&["rollback", "clip"]).expect(0);
    let list = world.run(&["history", "clip", "--json"]).expect(0).json()["clip"].clone();
    let marks = |at: usize| {
        let one = &list[at];
        (
            one["generation"].clone(),
            one["current"].clone(),
            one["pinned"].clone(),
        )
    };
    // A rollback does not change the order.
    assert_eq!(marks(0), (json!(two), json!(false), json!(false)));
    assert_eq!(marks(1), (json!(one), json!(true), json!(true)));
    let before = world.tree();
    let description = json!({"description": {"from": "first", "to": "second"}});
    let compared = incoming(&world, &["--json"]).expect(0).json();
    assert_eq!(compared["changed"], json!({"a": description}));
    fs::write(world.sent(CLIP), THREE).unwrap();
    let compared = incoming(&world, &["--json"]).expect(0).json();
    assert_eq!(
        (&compared["added"], &compared["removed"]),
        (&json!(["c"]), &json!(["b"]))
    );
    let ran = rehearse(&world, &["clip"]).expect(0);
    assert_eq!(ran.json()["categories"]["clip"]["pinned"], true);
    assert_eq!(clip(&ran).0, "unchanged");
    assert_eq!(world.tree(), before);
}
