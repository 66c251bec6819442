//! What can be asked of the kept generations, end to end.

mod diff;
mod list;
mod rehearsal;

use std::fs;

use horde_refd::category::Category;

use crate::common::{World, sha256};

pub(crate) const CLIP: Category = Category::Clip;

/// Publishes this legacy file of clip; the id of the generation.
pub(crate) fn publish(world: &World, legacy: &str) -> String {
    fs::write(world.sent(CLIP), legacy).unwrap();
    world.sync(&["clip"]).expect(0);
    sha256(&fs::read(world.v2(CLIP)).unwrap())[..12].to_owned()
}

pub(crate) const ONE: &str = r#"{"a": {"name": "a", "description": "first"}, "b": {"name": "b"}}"#;
pub(crate) const TWO: &str = r#"{"a": {"name": "a", "description": "second"}, "b": {"name": "b"}}"#;
pub(crate) const THREE: &str =
    r#"{"a": {"name": "a", "description": "second"}, "c": {"name": "c"}}"#;
