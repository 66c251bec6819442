//! The shipped nginx sites: what they serve, what they do not, and what an outage looks like.

use std::os::unix::fs::PermissionsExt;

use horde_refd::category::Category;

use super::{Cached, tool};
use crate::common::need::{is_root, need};
use crate::common::site::{Sites, get, status};
use crate::common::{FILES, Ran, fixtures, json, program};

fn served() -> (Cached, Sites) {
    let cached = Cached::of(&fixtures().join("upstream"));
    let sites = Sites::serve(&cached.mirror());
    (cached, sites)
}

#[test]
fn every_published_file_is_served_whole_and_a_second_time_not_at_all() {
    need!("nginx", "curl", "gzip");
    let (cached, sites) = served();
    let mut asked = vec![(format!("{}/manifest.json", sites.files()), "manifest.json")];
    let legacy: Vec<String> = FILES
        .map(|(_, file, _)| format!("legacy/{file}"))
        .into_iter()
        .collect();
    for ((category, _, v2), legacy) in FILES.into_iter().zip(&legacy) {
        asked.push((format!("{}/{v2}", sites.files()), v2));
        asked.push((format!("{}/{legacy}", sites.files()), legacy));
        asked.push((
            format!("{}/model_references/v2/{category}", sites.api()),
            v2,
        ));
        let v1 = match category {
            "text_generation" => "legacy/text_generation.json",
            _ => legacy,
        };
        asked.push((
            format!("{}/model_references/v1/{category}", sites.api()),
            v1,
        ));
    }
    for (url, file) in &asked {
        let bytes = std::fs::read(cached.mirror().join(file)).unwrap();
        let whole = get(url, &[]);
        assert_eq!((whole.status, &whole.body), (200, &bytes), "{url}");
        let kind = if file.ends_with(".csv") {
            "text/csv"
        } else {
            "application/json"
        };
        assert_eq!(whole.header("content-type"), Some(kind), "{url}");
        assert_eq!(whole.header("cache-control"), Some("no-cache"), "{url}");
        let etag = whole.header("etag").unwrap();
        let packed = get(url, &["Accept-Encoding: gzip"]);
        if bytes.len() >= 256 {
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{url}");
            assert_eq!(packed.header("vary"), Some("Accept-Encoding"), "{url}");
            let unpacked = gunzip(&packed.body);
            assert_eq!(unpacked, bytes, "{url}");
        }
        // The strong form, and the weak one that a compressed answer has.
        for known in [etag, packed.header("etag").unwrap()] {
            let header = format!("If-None-Match: {known}");
            let again = get(url, &[&header, "Accept-Encoding: gzip"]);
            assert_eq!((again.status, again.body.len()), (304, 0), "{url}");
        }
    }
    let browser = get(&asked[0].0, &["Origin: https://frontend.example"]);
    assert_eq!(browser.header("access-control-allow-origin"), Some("*"));
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = tool("gzip")
        .arg("-dc")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let fed = bytes.to_vec();
    let feeding = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &fed));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    output.stdout
}

#[test]
fn names_that_begin_with_a_dot_are_denied_however_they_are_written() {
    need!("nginx", "curl");
    let (cached, sites) = served();
    let secret = cached.mirror().join("legacy/.secret.json.tmp");
    std::fs::write(secret, "{}").unwrap();
    let state = cached.mirror().join(".horde-refd/state.json");
    assert!(state.exists());
    std::fs::set_permissions(state.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    let api = sites.api().replace("/api", "");
    for path in [
        "/.horde-refd/state.json",
        "/.horde-refd",
        "/.horde-refd/",
        "/%2ehorde-refd/state.json",
        "/.horde-refd%2fstate.json",
        "//.horde-refd//state.json",
        "/legacy/../.horde-refd/state.json",
        "/legacy/.secret.json.tmp",
        "/legacy/%2Esecret.json.tmp",
        "/api/model_references/v1/.secret",
        "/api/model_references/v2/../../../.horde-refd/state.json",
    ] {
        for base in [&sites.files(), &api] {
            assert_eq!(status(&format!("{base}{path}")), 404, "{base}{path}");
        }
    }
    // Nor is a directory listed, or anything beneath the root but what the API names.
    for path in ["/", "/legacy/", "/legacy", "/audit/", "/no.json"] {
        assert_eq!(status(&format!("{}{path}", sites.files())), 404, "{path}");
        assert_eq!(status(&format!("{api}{path}")), 404, "{path}");
    }
    assert_eq!(status(&format!("{api}/manifest.json")), 404);
    let outside = status(&format!("{}/../../etc/passwd", sites.files()));
    assert!([400, 404].contains(&outside), "{outside}");
}

#[test]
fn the_api_answers_for_names_and_probes_as_the_real_service() {
    need!("nginx", "curl");
    let (cached, sites) = served();
    let url = |rest: &str| format!("{}/{rest}", sites.api());
    let view = std::fs::read(cached.mirror().join("legacy/text_generation.json")).unwrap();
    for name in ["text_generation", "text_generation.json", "db", "db.json"] {
        let answer = get(&url(&format!("model_references/v1/{name}")), &[]);
        assert_eq!((answer.status, answer.body), (200, view.clone()), "{name}");
    }
    for name in ["stable_diffusion", "image_generation.json"] {
        let answer = get(&url(&format!("model_references/v1/{name}")), &[]);
        let file = cached.mirror().join("legacy/stable_diffusion.json");
        assert_eq!(answer.body, std::fs::read(file).unwrap(), "{name}");
    }
    assert_eq!(get(&url("model_references/v1/lora"), &[]).body, b"{}");
    for absent in [
        "model_references/v2/lora",
        "model_references/v2/stable_diffusion",
        "model_references/v2/image_generation.json",
        "model_references/v2/licensing/export",
        "model_references/v2/image_generation/baselines/export",
        "model_references/v2/text_generation/guidance/export",
        "model_references/v2/nonsense",
    ] {
        let answer = get(&url(absent), &[]);
        assert_eq!(answer.status, 404, "{absent}");
        assert_eq!(answer.body, br#"{"detail":"Not Found"}"#, "{absent}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    // A category that a PRIMARY upstream gave, and the side catalogues, need no change of the site.
    let mirror = cached.mirror();
    for directory in ["baselines", "text_guidance", "licensing"] {
        std::fs::create_dir(mirror.join(directory)).unwrap();
    }
    for (file, path) in [
        ("lora.json", "lora"),
        (
            "baselines/catalog.json",
            "image_generation/baselines/export",
        ),
        (
            "text_guidance/catalog.json",
            "text_generation/guidance/export",
        ),
        ("licensing/export.json", "licensing/export"),
    ] {
        std::fs::write(mirror.join(file), "{}").unwrap();
        assert_eq!(
            status(&url(&format!("model_references/v2/{path}"))),
            200,
            "{path}"
        );
    }
    for (path, key, value) in [
        ("heartbeat", "status", "ok"),
        ("replicate_mode", "replicate_mode", "REPLICA"),
    ] {
        let answer: serde_json::Value = serde_json::from_slice(&get(&url(path), &[]).body).unwrap();
        assert_eq!(answer[key], value);
    }
}

#[test]
fn an_outage_is_a_503_on_a_port_that_stays_open() {
    need!("nginx", "curl");
    let (cached, sites) = served();
    let urls = [
        format!("{}/clip.json", sites.files()),
        format!("{}/manifest.json", sites.files()),
        format!("{}/legacy/clip.json", sites.files()),
        format!("{}/model_references/v2/clip", sites.api()),
        format!("{}/model_references/v1/clip", sites.api()),
        format!("{}/model_references/v2/lora", sites.api()),
        format!("{}/heartbeat", sites.api()),
    ];
    let all = |status_then: u16, urls: &[String]| {
        for url in urls {
            assert_eq!(status(url), status_then, "{url}");
        }
    };
    let away = cached.world.path("away");
    std::fs::rename(cached.mirror(), &away).unwrap();
    all(503, &urls);
    // A mount that is not there is an empty directory.
    std::fs::create_dir(cached.mirror()).unwrap();
    all(503, &urls);
    std::fs::remove_dir(cached.mirror()).unwrap();
    std::fs::rename(&away, cached.mirror()).unwrap();
    let good: Vec<String> = urls
        .iter()
        .filter(|url| !url.ends_with("lora"))
        .cloned()
        .collect();
    all(200, &good);
    // What nginx may not read is no answer either. As root only its workers are kept out.
    if is_root() {
        let file = cached.mirror().join("clip.json");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(status(&urls[0]), 503);
        assert_eq!(status(&urls[3]), 503);
        assert_eq!(status(&urls[1]), 200);
    }
}

#[test]
fn a_reload_refuses_no_request() {
    need!("nginx", "curl");
    let (_cached, sites) = served();
    let url = format!("{}/model_references/v2/clip", sites.api());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut count = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(status(&url), 200);
                count += 1;
            }
            count
        });
        for _ in 0..5 {
            sites.reload();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    });
}

#[test]
fn a_leaf_follows_the_mirror_site_and_moves_no_body_twice() {
    need!("nginx", "curl");
    let (cached, sites) = served();
    let leaf = cached.world.path("leaf");
    let url = format!("{}/legacy", sites.files());
    let sync = || {
        let mut command = program();
        command.args(["sync", "--json", "--layout", "flat", "--upstream", &url]);
        Ran::of(command.arg("--base-path").arg(&leaf)).expect(0)
    };
    sync().all("updated", "downloaded");
    let before = sites.log().len();
    sync().all("unchanged", "not_modified");
    let polled = sites.log().split_off(before);
    assert_eq!(polled.len(), 10);
    assert!(polled.iter().all(|line| line.ends_with(" 304")));
    cached
        .world
        .edit(Category::Clip, "another name inside", "news");
    cached.sync();
    let ran = sync();
    assert_eq!(ran.fared(Category::Clip).0, "updated");
    assert_eq!(ran.fared(Category::Blip).1, "not_modified");
    same(&cached, &leaf);
}

#[test]
fn a_leaf_of_layout_mirror_makes_one_request_a_poll() {
    need!("nginx", "curl");
    let (cached, sites) = served();
    let leaf = cached.world.path("leaf");
    let sync = || {
        let mut command = program();
        command.args(["sync", "--json", "--layout", "mirror"]);
        command.arg("--upstream").arg(sites.files());
        Ran::of(command.arg("--base-path").arg(&leaf)).expect(0);
    };
    sync();
    same(&cached, &leaf);
    let before = sites.log().len();
    sync();
    assert_eq!(sites.log()[before..], ["GET /manifest.json 304"]);
    cached
        .world
        .edit(Category::Clip, "another name inside", "news");
    cached.sync();
    let before = sites.log().len();
    sync();
    let mut asked = sites.log().split_off(before);
    asked.sort();
    let expected = ["/clip.json", "/legacy/clip.json", "/manifest.json"];
    assert_eq!(asked, expected.map(|path| format!("GET {path} 200")));
    same(&cached, &leaf);
}

/// The leaf has what the mirror has.
#[track_caller]
fn same(cached: &Cached, leaf: &std::path::Path) {
    let digests = [&*cached.mirror(), leaf].map(|mirror| {
        let manifest = json(&mirror.join("manifest.json"));
        Category::with_legacy()
            .map(|category| manifest["categories"][category.name()]["v2"]["sha256"].clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(digests[0], digests[1]);
}
