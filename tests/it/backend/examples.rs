//! The programs in `examples/`, run on the sample upstream. `cargo test` builds them; so does `cargo build --examples`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{PROGRAM, Ran, World, bare, fixtures};
use horde_refd::category::Category;

fn example(name: &str) -> Command {
    let path = Path::new(PROGRAM).with_file_name("examples").join(name);
    assert!(path.exists(), "{}: cargo build --examples", path.display());
    bare(path)
}

#[test]
fn read_category_prints_the_models_of_a_mirror() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.tree();
    let mut command = example("read_category");
    let ran = Ran::of(command.arg(world.mirror()).arg("image_generation")).expect(0);
    let expected = "Meadow Diffusion: Meadows, in every style. Invented for tests.\nLantern XL: -\nUnheard Of: -\n";
    assert_eq!(ran.stdout, expected);
    let ran = Ran::of(example("read_category").arg(world.mirror()).arg("lora")).expect(0);
    assert_eq!(ran.stdout, "lora has no reference\n");
    assert_eq!(world.tree(), before, "a reader writes nothing");
}

#[test]
fn subscribe_tells_of_a_change_and_reads_it() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let mut child = example("subscribe")
        .arg(world.mirror())
        .arg("1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "following 10 categories");
    world.edit(
        Category::Clip,
        "\"Invented/Duo\": {",
        "\"new\": {\"name\": \"new\", \"type\": \"clip\"}, \"Invented/Duo\": {",
    );
    world.sync(&[]).expect(0);
    assert_eq!(lines.next().unwrap().unwrap(), "clip is stale: FileChanged");
    assert_eq!(lines.next().unwrap().unwrap(), "clip has 3 models");
    assert!(child.wait().unwrap().success());
}

#[test]
fn blocking_keeps_a_mirror_of_its_own() {
    let world = World::new();
    let mut command = example("blocking");
    let ran = Ran::of(command.arg(world.mirror()).arg(fixtures().join("upstream"))).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "10 categories are fresh");
    assert!(lines.contains(&"text_generation: 4 models"), "{lines:?}");
    assert_eq!(lines[lines.len() - 1], "10 fetches came from memory");
    assert!(world.v2(Category::Clip).exists());
}

#[test]
fn legacy_json_names_the_records_of_a_legacy_file() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let names = |category: &str| {
        let mut command = example("legacy_json");
        Ran::of(command.arg(world.mirror()).arg(category))
            .expect(0)
            .stdout
    };
    let text = names("text_generation");
    assert!(
        text.lines()
            .any(|name| name == "koboldcpp/tiny-0.5B-2024-10"),
        "{text}"
    );
    assert_eq!(names("lora"), "lora has no legacy file\n");
}

#[test]
fn health_says_what_is_wrong_with_a_mirror() {
    let world = World::new();
    let run = |upstream: &Path| {
        let mut command = example("health");
        let command = command.arg(world.mirror()).arg(upstream).arg("clip");
        Ran::of(command).expect(0).stdout
    };
    assert_eq!(
        run(&fixtures().join("upstream")),
        "clip needs a refresh: true\nclip was fetched again, stale: false\nhealthy: true\n"
    );
    let away = run(Path::new("/nowhere"));
    assert!(
        away.contains("clip was fetched again, stale: true\nhealthy: false\n"),
        "{away}"
    );
    assert!(
        away.contains("clip: ") && away.contains("/nowhere"),
        "{away}"
    );
}
