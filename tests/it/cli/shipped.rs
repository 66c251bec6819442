//! What is shipped beside the program says the same everywhere: units, packages, the copyright.

use std::collections::BTreeSet;
use std::path::Path;

fn shipped(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn manifest() -> toml::Table {
    shipped("Cargo.toml").parse().unwrap()
}

/// The value at a dotted path of `[package]`.
fn of_package<'manifest>(
    manifest: &'manifest toml::Table,
    path: &[&str],
) -> &'manifest toml::Value {
    let mut value = manifest.get("package").unwrap();
    for name in path {
        value = value
            .get(name)
            .unwrap_or_else(|| panic!("{name} of {path:?}"));
    }
    value
}

/// The settings of a unit that make its sandbox: what stands below `User=`, without remarks.
fn sandbox(unit: &str) -> Vec<&str> {
    let (_, rest) = unit.split_once("\nUser=").unwrap();
    let (service, _) = rest.split_once("\n[Install]").unwrap_or((rest, ""));
    let setting = |line: &&str| !line.is_empty() && !line.starts_with('#');
    service.lines().filter(setting).collect()
}

#[test]
fn the_daemon_and_the_timer_have_the_same_sandbox() {
    let [daemon, once] = ["horde-refd.service", "horde-refd-sync.service"]
        .map(|unit| shipped(&format!("systemd/{unit}")));
    let daemon = sandbox(&daemon);
    assert!(daemon.len() > 40, "{daemon:#?}");
    assert_eq!(sandbox(&once), daemon);
}

#[test]
fn no_unit_runs_anything_but_the_program_and_nothing_as_root() {
    for unit in ["horde-refd.service", "horde-refd-sync.service"] {
        let text = shipped(&format!("systemd/{unit}"));
        let commands = text.lines().filter(|line| line.starts_with("Exec"));
        let commands: Vec<_> = commands
            .map(|line| line.split_once('=').unwrap().1)
            .collect();
        assert!(!commands.is_empty());
        for command in commands {
            assert!(
                command.starts_with("/usr/bin/horde-refd "),
                "{unit}: {command}"
            );
        }
        assert!(text.contains("\nUser=horde-refd\n"), "{unit}");
    }
}

#[test]
fn a_unit_opens_the_directory_where_the_example_has_the_metrics() {
    let example = shipped("config.example.toml");
    let file = example
        .lines()
        .find_map(|line| line.strip_prefix("# metrics_file = \""))
        .unwrap();
    let directory = Path::new(file.trim_end_matches('"')).parent().unwrap();
    let open = format!("ReadWritePaths=-{}", directory.display());
    for unit in ["horde-refd.service", "horde-refd-sync.service"] {
        let unit = shipped(&format!("systemd/{unit}"));
        assert!(sandbox(&unit).contains(&open.as_str()), "{open}");
    }
}

#[test]
fn what_a_unit_mentions_is_shipped() {
    let examples: BTreeSet<String> = std::fs::read_dir("systemd/examples")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for unit in ["horde-refd.service", "horde-refd-sync.service"] {
        let text = shipped(&format!("systemd/{unit}"));
        let mentioned = text.split("examples/systemd/").skip(1);
        for rest in mentioned {
            let name = rest.split([' ', '.', '\n']).next().unwrap();
            assert!(
                name.is_empty() || examples.contains(&format!("{name}.conf")),
                "{unit}: {name}"
            );
        }
    }
}

/// Where a package has each source file, by the ways of its distribution.
fn assets(manifest: &toml::Table, package: &str) -> BTreeSet<(String, String)> {
    let assets = of_package(manifest, &["metadata", package, "assets"]);
    let text = |value: &toml::Value| value.as_str().unwrap().trim_start_matches('/').to_owned();
    let pair = |asset: &toml::Value| match asset {
        toml::Value::Array(fields) => (text(&fields[0]), text(&fields[1])),
        fields => (text(&fields["source"]), text(&fields["dest"])),
    };
    assets.as_array().unwrap().iter().map(pair).collect()
}

/// What one distribution has and the other has not: changelogs, licences, the check of the package.
const OF_ONE: [&str; 5] = [
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "packaging/debian/copyright",
    "packaging/debian/lintian-overrides",
];

#[test]
fn the_two_packages_have_the_same_files() {
    let manifest = manifest();
    let common = |package: &str| -> BTreeSet<(String, String)> {
        let assets = assets(&manifest, package).into_iter();
        assets
            .filter(|(source, _)| !OF_ONE.contains(&source.as_str()))
            .map(|(source, dest)| {
                (
                    source,
                    dest.replace("zsh/vendor-completions", "zsh/site-functions"),
                )
            })
            .collect()
    };
    assert!(common("deb").len() > 10);
    assert_eq!(common("deb"), common("generate-rpm"));
}

#[test]
fn the_debian_changelog_is_of_this_version() {
    let manifest = manifest();
    let version = of_package(&manifest, &["version"]).as_str().unwrap();
    let first = format!("horde-refd ({version}-1) ");
    let changelog = shipped("packaging/debian/changelog");
    assert!(changelog.starts_with(&first), "{first:?} comes first there");
}

#[test]
fn the_copyright_has_the_licence_whole() {
    let licence = shipped("LICENSE-MIT");
    let copyright = shipped("packaging/debian/copyright");
    for line in licence.lines().skip(4).filter(|line| !line.is_empty()) {
        assert!(copyright.contains(line), "{line}");
    }
}
