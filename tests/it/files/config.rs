//! Names that are none of an extra file are refused with the rule and the line.

use crate::common::World;

use super::sync;

#[test]
fn a_wrong_name_is_exit_2_with_the_rule_and_the_line() {
    let world = World::new();
    for (name, why) in [
        ("db.json", "begins with neither image: nor text:"),
        ("audio:db.json", "begins with neither image: nor text:"),
        ("text:sub/db.json", "is no file name"),
        ("text:../db.json", "is no file name"),
        ("text:.horde-refd", "begins with a dot"),
        ("text:models.csv", "is the file of a category"),
        ("image:clip.json", "is the file of a category"),
        ("text:text_generation.json", "is the file of a category"),
        ("image:lora.json", "is the file of a category"),
        ("text:manifest.json", "is a file of the mirror itself"),
        ("text:state.json", "is a file of the mirror itself"),
    ] {
        let lines = format!("seed = false\nextra_files = [{name:?}]\n");
        let ran = sync(&world, &lines, &[]).expect(2);
        let config = world.path("config.toml").display().to_string();
        let place = format!("{config}:2: extra_files: must be a list of files");
        assert!(ran.stderr.contains(&place), "{name}: {ran:#?}");
        assert!(ran.stderr.contains(why), "{name}: {ran:#?}");
        assert!(!world.mirror().exists());
    }
    let twice = "extra_files = [\"text:db.json\", \"image:db.json\"]\n";
    let ran = sync(&world, twice, &[]).expect(2);
    assert!(ran.stderr.contains("is there twice"), "{ran:#?}");
}
