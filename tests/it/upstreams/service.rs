//! Against the real PRIMARY service of the reference package, and against its real replica.

use std::path::{Path, PathBuf};
use std::process::Command;

use horde_refd::category::Category;
use serde_json::Value;

use super::{said_of, sync_with, upstream};
use crate::common::need::{need_shared, skip_in_ci_too};
use crate::common::{World, bare, until};

/// The environment that the service runs in; made by hand, since it is large.
fn environment() -> Option<PathBuf> {
    let given = std::env::var_os("PRIMARY_VENV").map(PathBuf::from);
    let cache =
        || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/horde-refd-test/primary"));
    let directory = given.or_else(cache)?;
    directory.join("bin/uvicorn").is_file().then_some(directory)
}

/// The service on a data directory; stopped with it.
struct Service {
    tools: PathBuf,
    data: PathBuf,
    environment: PathBuf,
    url: String,
}

impl Service {
    fn seeded(shared: &Path, environment: PathBuf, data: PathBuf) -> Self {
        let tools = shared.join("tools/primary");
        std::fs::create_dir_all(&data).unwrap();
        let python = environment.join("bin/python");
        let seeded = Command::new(python)
            .arg(tools.join("seed_primary.py"))
            .arg(&data)
            .arg(shared.join("corpus/expected"))
            .arg(shared.join("corpus/upstream"))
            .arg("--v2-only")
            .output()
            .unwrap();
        assert!(seeded.status.success(), "{seeded:?}");
        let mut service = Self {
            tools,
            data,
            environment,
            url: String::new(),
        };
        service.start("0");
        service
    }

    fn script(&self) -> Command {
        let mut command = bare(self.tools.join("start_primary.sh"));
        command
            .env("PRIMARY_VENV", &self.environment)
            .env("HOME", &self.data);
        command
    }

    fn start(&mut self, port: &str) {
        let started = self.script().arg(&self.data).arg(port).output().unwrap();
        assert!(started.status.success(), "{started:?}");
        let text = String::from_utf8(started.stdout).unwrap();
        text.trim()
            .rsplit(' ')
            .next()
            .unwrap()
            .clone_into(&mut self.url);
    }

    fn stop(&self) {
        self.script()
            .arg("--stop")
            .arg(&self.data)
            .output()
            .unwrap();
    }

    fn port(&self) -> String {
        let url: url::Url = self.url.parse().unwrap();
        url.port().unwrap().to_string()
    }

    /// What the real client finds, as JSON; `home` is its directory.
    fn read(&self, home: &Path, offline: bool) -> Value {
        let mut command = bare(self.environment.join("bin/python"));
        command
            .arg(self.tools.join("replica_read.py"))
            .env("AIWORKER_CACHE_HOME", home)
            .env("HORDE_MODEL_REFERENCE_PRIMARY_API_URL", &self.url)
            .env("HORDE_MODEL_REFERENCE_ENABLE_GITHUB_FALLBACK", "false");
        if offline {
            command.env("HORDE_MODEL_REFERENCE_OFFLINE", "true");
        }
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        serde_json::from_slice(&ran.stdout).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn all_files_are_those_that_the_replica_leaves_and_readers_find_the_same_records() {
    let shared = need_shared!();
    let Some(environment) = environment() else {
        skip_in_ci_too!("PRIMARY_VENV names no environment with the PRIMARY service");
    };
    let world = World::with(&shared.join("corpus/upstream"));
    let mut service = Service::seeded(&shared, environment, world.path("primary"));
    let github = world.upstream();
    let upstreams = |url: &str, after: &str| {
        [
            upstream("primary", url, "primary", "30m"),
            upstream("github", github.to_str().unwrap(), "flat", after),
        ]
    };
    let ran = sync_with(&world, &upstreams(&service.url, "1h"), &[]).expect(0);
    let home = world.path("replica");
    let replica = service.read(&home, false);
    assert_eq!(replica["error"], Value::Null, "{replica:#}");
    for category in Category::ALL {
        let theirs = home.join("horde_model_reference").join(category.v2_file());
        let theirs = std::fs::read(theirs).unwrap();
        assert!(
            theirs == std::fs::read(world.v2(category)).unwrap(),
            "{category}"
        );
        assert_eq!(said_of(&ran, category)["source"], "primary", "{category}");
    }
    // The offline client on our mirror has what the replica has.
    let link = world.path("offline");
    std::fs::create_dir(&link).unwrap();
    std::os::unix::fs::symlink(world.mirror(), link.join("horde_model_reference")).unwrap();
    let ours = service.read(&link, true);
    assert_eq!(ours["error"], Value::Null, "{ours:#}");
    assert_eq!(ours["digest"], replica["digest"], "{ours:#} {replica:#}");
    // A model that is added there appears.
    let clip = service.data.join("horde_model_reference/clip.json");
    let mut models: Value = serde_json::from_slice(&std::fs::read(&clip).unwrap()).unwrap();
    let mut added = models.as_object().unwrap().values().next().unwrap().clone();
    added["name"] = "an added one".into();
    models["an added one"] = added;
    std::fs::write(&clip, models.to_string()).unwrap();
    until("the added model", || {
        sync_with(&world, &upstreams(&service.url, "1h"), &["clip"]).expect(0);
        let v2 = std::fs::read_to_string(world.v2(Category::Clip)).unwrap();
        v2.contains("an added one")
    });
    // Killed: nothing changes, until the conversion's time has come; taken back when it is up.
    let port = service.port();
    service.stop();
    let before = world.published();
    let ran = sync_with(&world, &upstreams(&service.url, "1s"), &[]).expect(1);
    assert_eq!(said_of(&ran, Category::Clip)["outcome"], "failed");
    assert_eq!(world.published(), before);
    until("the conversion serves", || {
        let ran = sync_with(
            &world,
            &upstreams(&service.url, "1s"),
            &["clip", "text_generation"],
        );
        ran.code == Some(0) && said_of(&ran, Category::Clip)["source"] == "github"
    });
    let expected = shared.join("corpus/expected/text_generation.json");
    assert!(
        std::fs::read(expected).unwrap()
            == std::fs::read(world.v2(Category::TextGeneration)).unwrap()
    );
    service.start(&port);
    let ran = sync_with(&world, &upstreams(&service.url, "1s"), &[]).expect(0);
    assert_eq!(said_of(&ran, Category::Clip)["source"], "primary");
}
