//! What is published counts only when the manifest says so; the state is another matter.

use std::fs;
use std::path::PathBuf;

use horde_refd::category::Category;

use super::{can_mount, run};
use crate::common::World;

/// A file that nothing can replace: another one is mounted over it.
struct Immovable(PathBuf);

impl Immovable {
    fn hold(path: PathBuf) -> Self {
        let path_text = path.to_str().unwrap();
        run("mount", &["--bind", path_text, path_text]);
        Self(path)
    }
}

impl Drop for Immovable {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

#[test]
fn a_manifest_that_cannot_be_written_fails_every_category_that_it_misses_and_heals() {
    if !can_mount("a manifest that cannot be replaced") {
        return;
    }
    let world = World::new();
    world.sync(&[]).expect(0);
    let path = world.mirror().join("manifest.json");
    let held = Immovable::hold(path.clone());
    world.edit(Category::Clip, "another name", "a new name");
    for round in ["published now", "published before, and still not noted"] {
        let ran = world.sync(&[]).expect(1);
        for category in Category::with_legacy() {
            let expected = if category == Category::Clip {
                "failed"
            } else {
                "unchanged"
            };
            assert_eq!(ran.fared(category).0, expected, "{round}: {category}");
        }
        let error = ran.error(Category::Clip);
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(
            fs::read_to_string(world.v2(Category::Clip))
                .unwrap()
                .contains("a new name")
        );
    }
    drop(held);
    world.sync(&[]).expect(0);
    world.assert_whole();
}

#[test]
fn a_state_that_cannot_be_written_is_one_message_and_fails_no_category() {
    if !can_mount("a state that cannot be replaced") {
        return;
    }
    let world = World::new();
    world.sync(&[]).expect(0);
    let path = world.private().join("state.json");
    let held = Immovable::hold(path.clone());
    world.edit(Category::Clip, "another name", "a new name");
    let ran = world.sync(&[]).expect(1);
    assert_eq!(ran.fared(Category::Clip).0, "updated");
    assert_eq!(ran.fared(Category::Blip).0, "unchanged");
    let about = ran.stderr.matches(path.to_str().unwrap()).count();
    let lines = ran
        .stderr
        .lines()
        .filter(|line| line.contains("state.json"));
    assert!(about > 0 && lines.count() == 1, "{ran:#?}");
    world.assert_whole();
    drop(held);
    world.sync(&[]).expect(0);
}
