//! The mirror among its real readers: the reference package in two versions, nginx with the shipped sites, jq and curl.

mod nginx;
mod offline;
mod plain;
mod replica;

use std::path::{Path, PathBuf};
use std::process::Command;

use horde_refd::category::Category;
use serde_json::Value;

use crate::common::need::program_path;
use crate::common::{FILES, Ran, World, bare, json, program};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/read.py");

/// A Python that has this version of the reference package; `tests/run` makes both.
fn python(version: &str) -> Option<PathBuf> {
    let (variable, made) = match version {
        "8.6.2" => ("HORDE_REFD_PYTHON", "python"),
        _ => ("HORDE_REFD_PYTHON_3_0_0", "python-3.0.0"),
    };
    let target = option_env!("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let made = target.join(made).join("bin/python");
    std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| made.exists().then_some(made))
}

/// The same; ends the test where there is none.
macro_rules! need_python {
    ($version:literal) => {
        match super::python($version) {
            Some(python) => python,
            None => crate::common::need::skip_in_ci_too!(
                "no Python 3.12 with horde_model_reference {}; tests/run makes one",
                $version
            ),
        }
    };
}
use need_python;

/// A mirror where the package looks for one: `cache/horde_model_reference`, of what `upstream/` has.
struct Cached {
    world: World,
}

impl Cached {
    fn of(upstream: &Path) -> Self {
        let world = World::with(upstream);
        // The temporary directory itself is closed to others.
        let reachable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(world.root(), reachable).unwrap();
        // v1 readers want the JSON view of models.csv.
        let config = "publish.text_legacy_json = true\n";
        std::fs::write(world.path("config.toml"), config).unwrap();
        let cached = Self { world };
        cached.sync();
        cached
    }

    fn cache(&self) -> PathBuf {
        self.world.path("cache")
    }

    fn mirror(&self) -> PathBuf {
        self.cache().join("horde_model_reference")
    }

    fn sync(&self) -> Ran {
        let mut command = program();
        command.args(["sync", "--json", "--layout", "flat", "-c"]);
        command.arg(self.world.path("config.toml"));
        command.arg("--base-path").arg(self.mirror());
        command.arg("--upstream");
        Ran::of(command.arg(self.world.upstream())).expect(0)
    }

    /// Version 3.0.0 takes no image model of a baseline that it has never heard of; the sample has one.
    fn without_unknown_baselines(&self) {
        let file = self.world.sent(Category::ImageGeneration);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, text.replace("hydra_9", "stable diffusion 1")).unwrap();
        self.sync();
    }

    /// How many models the v2 file of a category has.
    fn models(&self, category: Category) -> usize {
        let file = json(&self.mirror().join(category.v2_file()));
        file.as_object().unwrap().len()
    }
}

/// The package's own client on a directory of its own, with the offline setting.
fn offline(python: &Path, cache: &Path) -> Command {
    let mut command = bare(python);
    command.arg(READER).current_dir("/");
    command
        .env("AIWORKER_CACHE_HOME", cache)
        .env("HORDE_MODEL_REFERENCE_OFFLINE", "true");
    command
}

/// Every category has its number of typed records.
#[track_caller]
fn assert_all_read(read: &Value, cached: &Cached) {
    for (name, _, _) in FILES {
        let category: Category = name.parse().unwrap();
        assert_eq!(read["records"][name], cached.models(category), "{name}");
        let types = read["types"][name].as_array().unwrap();
        assert_eq!(types.len(), 1, "{name}: {types:?}");
        let typed = types[0].as_str().unwrap();
        assert!(typed.ends_with("Record"), "{name}: {typed}");
    }
}

/// A program of Debian that must be there: `need!` has been said.
fn tool(name: &str) -> Command {
    bare(program_path(name).unwrap())
}
