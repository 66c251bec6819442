//! Guards and pins where upstreams give v2 ready-made, fall back to a conversion, or are mirrors themselves.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{CLIP, clip, models, send, v2_of, waiting};
use crate::common::{Ran, World, sha256};
use crate::upstreams::{Peer, sync_with, upstream};

/// A v2 file as PRIMARY sends it and as the package's replica leaves it: the same bytes.
fn ready(numbers: std::ops::Range<u32>, mark: &str) -> Vec<u8> {
    let one =
        |number| format!("\"m{number}\": {{\"name\": \"m{number}\", \"description\": \"{mark}\"}}");
    let all: Vec<String> = numbers.map(one).collect();
    format!("{{{}}}", all.join(", ")).into_bytes()
}

/// PRIMARY with a v2 file of the test's own, and a flat upstream behind it.
struct Pair {
    world: World,
    primary: Peer,
    flat: Peer,
    body: Arc<Mutex<Vec<u8>>>,
}

impl Pair {
    fn new() -> Self {
        let world = World::empty();
        let body = Arc::new(Mutex::new(ready(0..40, "first")));
        let sent = Arc::clone(&body);
        let primary = Peer::start(move |path| {
            path.ends_with("/clip")
                .then(|| sent.lock().unwrap().clone())
        });
        let flat = Peer::flat(&world);
        Self {
            world,
            primary,
            flat,
            body,
        }
    }

    fn send(&self, body: &[u8]) {
        *self.body.lock().unwrap() = body.to_vec();
    }

    fn sync(&self, args: &[&str]) -> Ran {
        let primary = format!("{}/api", self.primary.url());
        let upstreams = [
            upstream("primary", &primary, "primary", "30m"),
            upstream("flat", &self.flat.url(), "flat", "0s"),
        ];
        sync_with(&self.world, &upstreams, &[&["clip"], args].concat())
    }

    /// A command of the operator, with the same configuration.
    fn order(&self, args: &[&str]) -> Ran {
        let config = self.world.path("config.toml");
        Ran::of(self.world.command(args).arg("-c").arg(config))
    }

    #[track_caller]
    fn assert_has(&self, v2: &[u8], legacy: &[u8]) {
        let read = |path| String::from_utf8(fs::read(path).unwrap()).unwrap();
        assert_eq!(read(self.world.v2(CLIP)), String::from_utf8_lossy(v2));
        assert_eq!(
            read(self.world.legacy(CLIP)),
            String::from_utf8_lossy(legacy)
        );
        self.world.assert_whole();
    }
}

#[test]
fn a_ready_made_file_is_held_and_accepted_and_the_legacy_lane_goes_on() {
    let pair = Pair::new();
    let (first, other) = (models(0..40, "flat"), models(0..3, "another"));
    send(&pair.world, &first);
    pair.sync(&[]).expect(0);
    let good = ready(0..40, "first");
    pair.assert_has(&good, &first);
    let less = ready(0..5, "less");
    pair.send(&less);
    // The legacy file is not what readers of v2 get: it is stored as it comes.
    send(&pair.world, &other);
    let said = clip(&pair.sync(&[]).expect(1));
    assert_eq!(
        (&said["outcome"], &said["held"]["removed"]),
        (&json!("held"), &json!(35))
    );
    pair.assert_has(&good, &other);
    let again = clip(&pair.sync(&[]).expect(1));
    assert_eq!(
        (&again["held"], &again["upstream"]),
        (&said["held"], &json!("not_modified"))
    );
    pair.order(&["accept", "clip"]).expect(0);
    pair.assert_has(&less, &other);
    assert_eq!(
        pair.world.manifest()["categories"]["clip"]["made_from"]["form"],
        "v2"
    );
    pair.sync(&[]).expect(0);
    // A PRIMARY that lost its data.
    pair.send(b"{}");
    let said = clip(&pair.sync(&["--force"]).expect(1));
    assert_eq!(
        (&said["held"]["models"], &said["held"]["until"]),
        (&json!(0), &Value::Null)
    );
    pair.send(&good);
    pair.sync(&[]).expect(0);
    pair.assert_has(&good, &other);
    assert!(!waiting(&pair.world).exists());
}

#[test]
fn a_fallback_that_would_empty_is_held_like_everything_else() {
    let pair = Pair::new();
    send(&pair.world, &models(0..40, "flat"));
    pair.sync(&[]).expect(0);
    let good = ready(0..40, "first");
    pair.primary.down();
    send(&pair.world, b"{}\n");
    for args in [&[][..], &["--force"]] {
        let said = clip(&pair.sync(args).expect(1));
        assert_eq!(
            (&said["outcome"], &said["held"]["removed"]),
            (&json!("held"), &json!(40))
        );
        pair.assert_has(&good, &models(0..40, "flat"));
    }
    // The preferred one is back: nothing is held any more.
    pair.primary.well();
    let said = clip(&pair.sync(&[]).expect(0));
    assert_eq!(said["held"], Value::Null, "{said}");
    assert_eq!(fs::read(pair.world.v2(CLIP)).unwrap(), good);
}

#[test]
fn a_rollback_of_a_ready_made_file_pins_the_v2_lane_only() {
    let pair = Pair::new();
    let [one, two] = ["one", "two"].map(|mark| models(0..40, mark));
    send(&pair.world, &one);
    let [a, b] = ["first", "second"].map(|mark| ready(0..40, mark));
    pair.sync(&[]).expect(0);
    pair.send(&b);
    pair.sync(&[]).expect(0);
    pair.assert_has(&b, &one);
    pair.order(&["rollback", "clip"]).expect(0);
    pair.assert_has(&a, &one);
    send(&pair.world, &two);
    for args in [&[][..], &["--force"], &[]] {
        let said = clip(&pair.sync(args).expect(0));
        assert_eq!(
            (&said["pinned"], &said["v2_sha256"]),
            (&json!(true), &json!(sha256(&a)))
        );
        pair.assert_has(&a, &two);
    }
    // PRIMARY is down, and a conversion would be due.
    pair.primary.down();
    pair.sync(&[]);
    pair.assert_has(&a, &two);
    pair.order(&["unpin", "clip"]).expect(0);
    pair.assert_has(&b, &two);
    pair.primary.well();
    pair.sync(&[]).expect(0);
    pair.assert_has(&b, &two);
}

#[test]
fn a_rollback_to_a_conversion_pins_both_lanes() {
    let pair = Pair::new();
    let [one, two] = ["one", "two"].map(|mark| models(0..40, mark));
    send(&pair.world, &one);
    pair.primary.down();
    pair.sync(&[]).expect(0);
    pair.assert_has(&v2_of(&one), &one);
    pair.primary.well();
    send(&pair.world, &two);
    pair.sync(&[]).expect(0);
    let ready = ready(0..40, "first");
    pair.assert_has(&ready, &two);
    pair.order(&["rollback", "clip"]).expect(0);
    pair.assert_has(&v2_of(&one), &one);
    for args in [&[][..], &["--force"]] {
        pair.sync(args).expect(0);
        pair.assert_has(&v2_of(&one), &one);
    }
    pair.order(&["unpin", "clip"]).expect(0);
    pair.assert_has(&ready, &two);
}

#[test]
fn a_leaf_takes_what_its_mirror_publishes_and_keeps_its_own_pins() {
    let root = super::world(&models(0..40, "first"));
    let mirror = root.mirror();
    let peer = Peer::start(move |path| fs::read(mirror.join(path)).ok());
    let leaf = World::empty();
    let sync = |args: &[&str]| {
        let upstreams = [upstream("mirror", &peer.url(), "mirror", "30m")];
        sync_with(&leaf, &upstreams, args)
    };
    sync(&[]).expect(0);
    // What was accepted there was judged there.
    send(&root, b"{}\n");
    root.sync(&[]).expect(1);
    super::order(&root, &["accept", "clip"]).expect(0);
    let said = clip(&sync(&[]).expect(0));
    assert_eq!(
        (&said["outcome"], &said["models"]),
        (&json!("updated"), &json!(0))
    );
    let config = leaf.path("config.toml");
    let order = |args: &[&str]| Ran::of(leaf.command(args).arg("-c").arg(&config)).expect(0);
    order(&["rollback", "clip"]);
    assert_eq!(
        fs::read(leaf.v2(CLIP)).unwrap(),
        v2_of(&models(0..40, "first"))
    );
    // A new version waits, once it is taken it is not asked for again: one request a poll.
    let next = models(0..41, "next");
    send(&root, &next);
    root.sync(&[]).expect(0);
    sync(&[]).expect(0);
    for _ in 0..2 {
        let seen = peer.server.requests().len();
        let said = clip(&sync(&[]).expect(0));
        assert_eq!(
            (&said["pinned"], &said["held"]["models"]),
            (&json!(true), &json!(41))
        );
        assert_eq!(peer.paths_after(seen), ["/manifest.json"]);
        assert_eq!(
            fs::read(leaf.v2(CLIP)).unwrap(),
            v2_of(&models(0..40, "first"))
        );
    }
    order(&["unpin", "clip"]);
    assert_eq!(fs::read(leaf.v2(CLIP)).unwrap(), v2_of(&next));
    sync(&[]).expect(0);
    assert_eq!(leaf.assert_whole(), 10);
}

#[test]
fn the_v2_file_of_an_origin_without_a_legacy_format_is_guarded_and_not_lost() {
    let world = World::new();
    let config = world.path("config.toml");
    fs::write(&config, "replicate_mode = \"primary\"\nseed = true\n").unwrap();
    let lora = horde_refd::category::Category::Lora;
    let sync = |args: &[&str]| {
        let mut command = world.command(&["sync", "--json", "--layout", "flat", "-c"]);
        command.arg(&config).arg("--upstream").arg(world.upstream());
        Ran::of(command.args(args))
    };
    sync(&[]).expect(0);
    let (full, more) = (v2_of(&models(0..40, "full")), v2_of(&models(0..41, "more")));
    let file = world.v2(lora);
    for version in [&full, &more] {
        world.rename_into(&file, version);
        sync(&["lora"]).expect(0);
        assert_eq!(fs::read(&file).unwrap(), *version);
    }
    world.rename_into(&file, b"{}\n");
    let ran = sync(&["lora"]).expect(1);
    assert_eq!(
        ran.json()["categories"]["lora"]["held"]["removed"],
        41,
        "{ran:#?}"
    );
    assert_eq!(
        fs::read(&file).unwrap(),
        more,
        "readers have the last good one"
    );
    let order = |args: &[&str]| Ran::of(world.command(args).arg("-c").arg(&config)).expect(0);
    order(&["accept", "lora"]);
    assert_eq!(fs::read(&file).unwrap(), b"{}\n");
    order(&["rollback", "lora", "--to", &sha256(&full)[..12]]);
    assert_eq!(fs::read(&file).unwrap(), full);
    world.rename_into(&file, &more);
    sync(&["lora"]).expect(0);
    assert_eq!(fs::read(&file).unwrap(), full);
    order(&["unpin", "lora"]);
    assert_eq!(fs::read(&file).unwrap(), more, "the edit waited");
}
