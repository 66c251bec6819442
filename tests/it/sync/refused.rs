//! Bad input: a clear error, nothing published, the last good data stays, the others go on.

use horde_refd::category::Category;

use crate::common::need::need;
use crate::common::nginx::Nginx;
use crate::common::{Ran, World, temporary};

/// Syncs well, spoils one upstream file, changes another, syncs again: only the spoilt one may be the worse for it.
#[track_caller]
fn spoilt(category: Category, spoil: impl Fn(&World)) -> (World, Ran) {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.tree();
    let old = std::fs::read(world.v2(category)).unwrap();
    spoil(&world);
    world.edit(Category::SafetyChecker, "Guards.", "Watches.");
    let ran = world.sync(&[]).expect(1);
    let name = std::path::Path::new(category.v2_file());
    assert_eq!(world.tree()[name], before[name], "the v2 file was touched");
    assert_eq!(std::fs::read(world.v2(category)).unwrap(), old);
    assert_eq!(ran.fared(Category::SafetyChecker).0, "updated");
    for other in Category::with_legacy() {
        if ![category, Category::SafetyChecker].contains(&other) {
            assert_eq!(ran.fared(other).0, "unchanged", "{other}");
        }
    }
    // The people's form says the same on stderr.
    let upstream = world.upstream();
    let mut command = world.command(&["sync", "--upstream"]);
    let shown = Ran::of(command.arg(upstream)).expect(1);
    assert!(shown.stderr.contains(&ran.error(category)), "{shown:#?}");
    assert!(temporary(&world.mirror()).is_empty());
    (world, ran)
}

#[test]
fn a_record_that_cannot_be_converted_rejects_its_category_and_names_model_field_and_reason() {
    let category = Category::ImageGeneration;
    let (world, ran) = spoilt(category, |world| {
        world.edit(category, "\"inpainting\": true", "\"inpainting\": [1]");
    });
    let (outcome, upstream) = ran.fared(category);
    assert_eq!((&*outcome, &*upstream), ("rejected", "downloaded"));
    let error = ran.error(category);
    let file = world.legacy(category);
    for word in [
        file.to_str().unwrap(),
        "'Lantern XL'",
        "inpainting",
        "must be",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
    // It parses, so it is stored: the next sync need not fetch it, and rejects it again.
    let sent = std::fs::read(world.sent(category)).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), sent);
    let again = world.sync(&[]).expect(1);
    assert_eq!(again.fared(category).0, "rejected");
    // Once it is right again, so is the mirror.
    world.edit(category, "\"inpainting\": [1]", "\"inpainting\": true");
    world.sync(&[]).expect(0);
}

#[test]
fn what_is_no_legacy_file_is_refused_and_not_stored() {
    let half = |text: &str| text.get(..text.len() / 2).unwrap().as_bytes().to_vec();
    type Spoil = Box<dyn Fn(&str) -> Vec<u8>>;
    let table: Vec<(Category, Spoil, &str)> = vec![
        (
            Category::Clip,
            Box::new(|_| b"neither JSON nor anything\n".to_vec()),
            "Expecting value",
        ),
        (
            Category::Clip,
            Box::new(|_| b"<!DOCTYPE html><html><body>Sign in".to_vec()),
            "page",
        ),
        (Category::Clip, Box::new(half), "Unterminated"),
        (Category::Clip, Box::new(|_| b"[]".to_vec()), "found a list"),
        (
            Category::Clip,
            Box::new(|_| b"{\"a\": {\"name\": \"\xff\"}}".to_vec()),
            "UTF-8",
        ),
        (
            Category::Clip,
            Box::new(|_| b"\xef\xbb\xbf{}".to_vec()),
            "BOM",
        ),
        (
            Category::TextGeneration,
            Box::new(|text| text.as_bytes().strip_suffix(b"\n").unwrap().to_vec()),
            "cut off",
        ),
        (Category::TextGeneration, Box::new(half), "cut off"),
        (
            Category::TextGeneration,
            Box::new(|text| text.replacen("name,", "title,", 1).into_bytes()),
            "header changed",
        ),
        // A link of a checkout, as git writes it where links are off; it was called cut off.
        (
            Category::TextGeneration,
            Box::new(|_| b"../elsewhere/models.csv".to_vec()),
            "header changed",
        ),
        (
            Category::TextGeneration,
            Box::new(|_| b"<!DOCTYPE html><html><body>Sign in".to_vec()),
            "page",
        ),
    ];
    for (category, spoil, reason) in table {
        let (world, ran) = spoilt(category, |world| {
            let text = std::fs::read_to_string(world.sent(category)).unwrap();
            std::fs::write(world.sent(category), spoil(&text)).unwrap();
        });
        let (outcome, upstream) = ran.fared(category);
        // What the way has damaged is no word of the upstream; what it sent whole is.
        let is_damage = !["found a list", "BOM", "header changed"].contains(&reason);
        let expected = match is_damage {
            true => ("failed", "failed"),
            false => ("rejected", "downloaded"),
        };
        assert_eq!((&*outcome, &*upstream), expected, "{reason}");
        let error = ran.error(category);
        let sent = world.sent(category);
        assert!(error.contains(sent.to_str().unwrap()), "{error}");
        assert!(error.contains(reason), "{reason}: {error}");
        let stored = std::fs::read(world.legacy(category)).unwrap();
        assert_ne!(stored, std::fs::read(sent).unwrap(), "it was stored");
    }
}

#[test]
fn an_empty_or_missing_file_fails_its_category() {
    for (remove, word) in [(false, "empty"), (true, "does not exist")] {
        let category = Category::Esrgan;
        let (world, ran) = spoilt(category, |world| {
            if remove {
                std::fs::remove_file(world.sent(category)).unwrap();
            } else {
                std::fs::write(world.sent(category), "").unwrap();
            }
        });
        let (outcome, upstream) = ran.fared(category);
        assert_eq!((&*outcome, &*upstream), ("failed", "failed"));
        let error = ran.error(category);
        assert!(
            error.contains(world.sent(category).to_str().unwrap()),
            "{error}"
        );
        assert!(error.contains(word), "{word}: {error}");
        assert_ne!(std::fs::read(world.legacy(category)).unwrap(), b"");
    }
}

#[test]
fn an_empty_file_at_a_first_sync_publishes_no_empty_reference() {
    let world = World::new();
    std::fs::write(world.sent(Category::Clip), "").unwrap();
    let ran = world.sync(&[]).expect(1);
    assert_eq!(ran.fared(Category::Clip).0, "failed");
    assert!(!world.v2(Category::Clip).exists());
    assert!(!world.legacy(Category::Clip).exists());
    assert!(world.manifest()["categories"]["clip"].is_null());
}

#[test]
fn a_404_fails_at_once_and_costs_the_others_nothing() {
    need!("nginx", "openssl");
    let world = World::new();
    std::fs::remove_file(world.sent(Category::Clip)).unwrap();
    let nginx = Nginx::serve(&world.upstream());
    let ran = world.sync_from(&nginx.url(), &[]).expect(1);
    assert_eq!(
        ran.fared(Category::Clip),
        ("failed".to_owned(), "failed".to_owned())
    );
    let error = ran.error(Category::Clip);
    assert!(error.contains("404"), "{error}");
    assert!(error.contains("/clip.json"), "{error}");
    assert_eq!(ran.fared(Category::Blip).0, "updated");
    // Not retried.
    let log = nginx.access_log_of(10);
    let asked = log.iter().filter(|line| line.contains("clip.json"));
    assert_eq!(asked.count(), 1, "{log:#?}");
    // The captive portal's way: HTML with status 200.
    let html = World::new();
    let portal = Nginx::serve_with(
        &html.upstream(),
        "location = /clip.json { default_type text/html; return 200 '<html>sign in</html>'; }",
    );
    let ran = html.sync_from(&portal.url(), &[]).expect(1);
    assert!(!html.legacy(Category::Clip).exists());
    assert!(ran.error(Category::Clip).contains("a web page"), "{ran:#?}");
}

#[test]
fn a_missing_upstream_directory_is_named_and_the_mirror_stays() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.published();
    let ran = world.sync_from("/nowhere/at/all", &[]).expect(1);
    ran.all("failed", "failed");
    let error = ran.error(Category::Blip);
    assert!(error.contains("/nowhere/at/all"), "{error}");
    let after = world.tree();
    for (path, entry) in before {
        assert_eq!(after[&path], entry, "{}", path.display());
    }
}
