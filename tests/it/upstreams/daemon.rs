//! What a running daemon says of its upstreams: a line a cause, a line a change of source, and the status and metrics.

use std::process::{Child, Stdio};

use serde_json::Value;

use super::{Peer, upstream};
use horde_refd::category::Category;

use crate::common::scripted::{Action, answer_with};
use crate::common::{FILES, Ran, World, json, until};

struct Running {
    child: Child,
    world: World,
    log: std::path::PathBuf,
}

impl Running {
    fn start(world: World, upstreams: &[String]) -> Self {
        let config = world.path("config.toml");
        let metrics = world.path("horde-refd.prom");
        let text = format!(
            "metrics_file = {metrics:?}\n[schedule]\ncron = \"0 0 0 1 1 *\"\nsplay = \"0s\"\n[http]\nretry_attempts = 1\n{}",
            upstreams.concat()
        );
        std::fs::write(&config, text).unwrap();
        let log = world.path("log");
        let child = Self::spawn(&world, &log);
        let running = Self { child, world, log };
        until("the first cycle is over", || {
            let status = running.world.private().join("status.json");
            status.exists() && json(&status)["cycles"].as_u64() >= Some(1)
        });
        running
    }

    fn spawn(world: &World, log: &std::path::Path) -> Child {
        let config = world.path("config.toml");
        let mut command = world.command(&["run", "-c", config.to_str().unwrap()]);
        let stderr = std::fs::File::create(log).unwrap();
        command
            .stderr(stderr)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Starts it again after its end, with a new log.
    fn restart(&mut self) {
        self.child = Self::spawn(&self.world, &self.log);
    }

    fn refresh(&self) -> Ran {
        self.world.run(&["refresh", "--wait", "--timeout", "30s"])
    }

    fn status(&self) -> Value {
        json(&self.world.private().join("status.json"))
    }

    fn lines(&self, words: &str) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn one_cause_is_one_line_and_a_change_of_source_is_one_line() {
    let world = World::marked();
    let github = Peer::flat(&world);
    let primary = Peer::bare(|path| {
        let category = path.strip_prefix("api/model_references/v2/")?;
        Some(format!("{{\"m\": {{\"name\": \"m\", \"of\": \"{category}\"}}}}").into_bytes())
    });
    let upstreams = [
        upstream(
            "primary",
            &format!("{}/api", primary.url()),
            "primary",
            "30m",
        ),
        upstream("github", &github.url(), "flat", "1s"),
    ];
    let running = Running::start(world, &upstreams);
    let status = running.status();
    assert_eq!(
        status["categories"].as_object().unwrap().len(),
        15,
        "{status:#}"
    );
    assert_eq!(status["categories"]["ti"]["source"], "primary");
    // A PRIMARY that is down fails fifteen categories, and is one line.
    primary.down();
    running.refresh().expect(1);
    let failing = running.lines("cannot be refreshed");
    assert_eq!(failing.len(), 1, "{failing:#?}");
    assert!(failing[0].contains("15 items"), "{failing:#?}");
    until("the conversion serves", || {
        running.refresh().expect(1);
        running.status()["categories"]["clip"]["source"] == "github"
    });
    let status = running.status();
    assert_eq!(status["categories"]["clip"]["state"], "fresh");
    assert_eq!(
        status["categories"]["clip"]["instead_of"],
        serde_json::json!(["primary"])
    );
    assert_eq!(status["categories"]["lora"]["state"], "failing");
    assert_eq!(status["upstreams"]["primary"]["up"], false);
    let moved = running.lines("now served by github instead of primary");
    assert_eq!(moved.len(), 1, "{moved:#?}");
    assert!(
        moved[0].contains(&format!("{} items", FILES.len())),
        "{moved:#?}"
    );
    assert!(moved[0].contains("connection closed"), "{moved:#?}");
    let metrics = std::fs::read_to_string(running.world.path("horde-refd.prom")).unwrap();
    for line in [
        "horde_refd_upstream_up{upstream=\"primary\"} 0",
        "horde_refd_upstream_up{upstream=\"github\"} 1",
        "horde_refd_served_by{category=\"clip\",upstream=\"github\"} 1",
        "horde_refd_served_by{category=\"lora\",upstream=\"primary\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let table = running.world.run(&["status"]).expect(0).stdout;
    assert!(table.contains("upstream  primary: down"), "{table}");
    assert!(table.contains("SOURCE"), "{table}");
    primary.well();
    running.refresh().expect(0);
    let back = running.lines("now served by primary instead of github: primary answers again");
    assert_eq!(back.len(), 1, "{back:#?}");
    assert_eq!(running.lines("now served by").len(), 2);
}

#[test]
fn a_server_that_hangs_costs_the_time_of_one_series_and_no_other() {
    let world = World::marked();
    let github = Peer::flat(&world);
    let primary = Peer::bare(|_| None);
    primary.script(|_, _| Some(Action::Stall(Vec::new())));
    let mut upstreams = [
        upstream(
            "primary",
            &format!("{}/api", primary.url()),
            "primary",
            "30m",
        ),
        upstream("github", &github.url(), "flat", "30m"),
    ];
    upstreams[1] += "[http]\nread_timeout = \"300ms\"\nretry_attempts = 1\n";
    let config = world.path("config.toml");
    std::fs::write(&config, upstreams.concat()).unwrap();
    let mut command = world.command(&["sync", "--json", "-c", config.to_str().unwrap()]);
    let ran = Ran::of(&mut command).expect(1);
    for (category, _, _) in FILES {
        let said = ran.json()["categories"][category].clone();
        assert_eq!(said["outcome"], "updated", "{category} {ran:#?}");
        assert_eq!(said["source"], "github", "{category}");
    }
    // One file found out, another made sure.
    assert_eq!(primary.server.requests().len(), 2);
    assert!(ran.json()["elapsed_seconds"].as_f64().unwrap() < 10.0);
    let causes: Vec<_> = ran.stderr.lines().collect();
    assert!(causes.len() <= 1, "{causes:#?}");
    primary.script(|_, _| Some(Action::Send(answer_with(503, &[("Retry-After", "1")], b""))));
    let ran = Ran::of(&mut command).expect(1);
    assert_eq!(ran.json()["categories"]["clip"]["outcome"], "failed");
}

#[test]
fn legacy_files_deleted_in_a_loop_are_fetched_a_few_times() {
    let world = World::marked();
    let github = Peer::flat(&world);
    let primary = Peer::bare(|path| {
        path.ends_with("/clip")
            .then(|| b"{\"m\": {\"name\": \"m\"}}".to_vec())
    });
    let upstreams = [
        upstream(
            "primary",
            &format!("{}/api", primary.url()),
            "primary",
            "30m",
        ),
        upstream("github", &github.url(), "flat", "30m"),
    ];
    let running = Running::start(world, &upstreams);
    let seen = github.server.requests().len();
    let path = running.world.legacy(Category::Clip);
    for round in 0..3 {
        std::fs::remove_file(&path).unwrap();
        until(&format!("it is fetched, round {round}"), || path.exists());
    }
    std::fs::remove_file(&path).unwrap();
    // What else changes is done meanwhile.
    let v2 = running.world.v2(Category::Clip);
    let good = std::fs::read(&v2).unwrap();
    for _ in 0..3 {
        std::fs::write(&v2, "{").unwrap();
        until("it is brought back", || {
            std::fs::read(&v2).is_ok_and(|read| read == good)
        });
    }
    assert!(!path.exists());
    assert_eq!(github.server.requests().len() - seen, 3);
    // A poll brings it.
    running.refresh().expect(0);
    assert!(path.exists());
}

/// A standby that took over once asked the limited host again: the writer had shown the limit in the middle of a cycle,
/// and was killed before that cycle's end, at which alone the limit was kept.
#[test]
fn a_rate_limit_outlives_a_kill_in_the_middle_of_the_cycle_that_met_it() {
    let world = World::marked();
    let (first, second) = (Peer::flat(&world), Peer::flat(&world));
    let mut upstreams = [
        upstream("first", &first.url(), "flat", "30m"),
        upstream("second", &second.url(), "flat", "30m"),
    ];
    upstreams[0] += "categories = [\"clip\"]\n";
    upstreams[1] += "categories = [\"blip\"]\n";
    let mut running = Running::start(world, &upstreams);
    first.always(429, &[("Retry-After", "3600")], b"");
    second.script(|_, _| Some(Action::Stall(Vec::new())));
    let (asked, hung) = (
        first.server.requests().len(),
        second.server.requests().len(),
    );
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    until("the limit is shown", || {
        running.status()["categories"]["clip"]["state"] == "limited"
    });
    // The other upstream still hangs: the cycle is not over.
    assert_eq!(running.status()["categories"]["blip"]["state"], "fresh");
    assert_eq!(second.server.requests().len(), hung + 1);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert_eq!(first.server.requests().len(), asked + 1);
    running.restart();
    second
        .server
        .wait_for(hung + 2, std::time::Duration::from_secs(20));
    until("it is limited still", || {
        let status = running.status();
        status["pid"] == running.child.id() && status["categories"]["clip"]["state"] == "limited"
    });
    assert_eq!(first.server.requests().len(), asked + 1, "nothing was sent");
}
