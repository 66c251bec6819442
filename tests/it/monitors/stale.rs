//! A category goes stale, and a real Prometheus with the shipped rules says so.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{packaging, queries};
use crate::common::need::{need, program_path};
use crate::common::nginx::free_port;
use crate::common::{Ran, World, bare, until};

/// A process that ends with the test.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(log).spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// node_exporter with nothing but the textfile collector, on this directory.
fn collector(directory: &Path, address: SocketAddr, log: &Path) -> Server {
    let mut command = bare(program_path("prometheus-node-exporter").unwrap());
    command.args(["--collector.disable-defaults", "--collector.textfile"]);
    let directory = directory.display();
    command.arg(format!("--collector.textfile.directory={directory}"));
    command.arg(format!("--web.listen-address={address}"));
    Server::start(&mut command, log)
}

/// Prometheus with the shipped rules, only that what has to last for minutes has to last for a second.
fn prometheus(home: &Path, address: SocketAddr, target: SocketAddr) -> Server {
    let rules = fs::read_to_string(packaging("prometheus/horde-refd.rules.yml")).unwrap();
    let rules: Vec<&str> = rules
        .lines()
        .map(|line| match line.trim().starts_with("for: ") {
            true => "        for: 1s",
            false => line,
        })
        .collect();
    fs::write(home.join("horde-refd.rules.yml"), rules.join("\n")).unwrap();
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
         rule_files: [horde-refd.rules.yml]\n\
         scrape_configs: [{{ job_name: node, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
    );
    fs::write(home.join("prometheus.yml"), config).unwrap();
    let mut command = bare(program_path("prometheus").unwrap());
    command.current_dir(home);
    command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
    command.arg(format!("--web.listen-address={address}"));
    Server::start(&mut command, &home.join("prometheus.log"))
}

/// A question of Prometheus's API; `None` while there is no answer.
fn ask(address: SocketAddr, path: &str, query: &str) -> Option<Value> {
    let mut command = bare("curl");
    command.args(["-sS", "--max-time", "10", "-G", "--data-urlencode"]);
    command.arg(format!("query={query}"));
    let ran = Ran::of(command.arg(format!("http://{address}/api/v1/{path}")));
    (ran.code == Some(0)).then(|| serde_json::from_str(&ran.stdout).ok())?
}

/// The names of the alerts that fire for a category.
fn firing(address: SocketAddr, category: &str) -> Vec<String> {
    let answer = ask(address, "alerts", "").unwrap_or_default();
    let alerts = answer["data"]["alerts"].as_array().cloned();
    alerts
        .unwrap_or_default()
        .iter()
        .filter(|alert| alert["state"] == "firing" && alert["labels"]["category"] == category)
        .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_category_that_goes_stale_fires_an_alert() {
    need!("prometheus", "prometheus-node-exporter", "curl");
    let world = World::marked();
    let textfiles = world.path("node-exporter");
    fs::create_dir(&textfiles).unwrap();
    let metrics = textfiles.join("horde-refd.prom");
    let setup = world.setup().text("metrics_file", &metrics);
    let setup = setup.set("schedule.cron", "\"* * * * * *\"");
    let daemon = setup.set("stale_after", "\"5s\"").started();
    let [exporter, address] = [free_port(), free_port()];
    let _collector = collector(&textfiles, exporter, &world.path("exporter.log"));
    let _prometheus = prometheus(world.root(), address, exporter);
    let count = |query: &str| {
        let answer = ask(address, "query", query).unwrap_or_default();
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    };
    until("the metrics are collected", || {
        count("horde_refd_stale") == 10
    });
    until("the file has a time", || {
        count("node_textfile_mtime_seconds") == 1
    });
    // What the dashboard asks, as Grafana would ask it.
    for query in queries() {
        if query.starts_with("label_values") {
            continue;
        }
        let query = query
            .replace("$instance", ".*")
            .replace("$category", ".*")
            .replace("$__rate_interval", "1m");
        until(&query, || {
            let answer = ask(address, "query", &query).unwrap_or_default();
            assert_ne!(answer["status"], "error", "{query}: {answer}");
            let result = answer["data"]["result"].as_array().map_or(0, Vec::len);
            // Changes are none until something changes.
            result > 0 || (query.contains("> 0") && answer["status"] == "success")
        });
    }
    // One category is no longer there to be had; the other nine go on.
    fs::remove_file(world.sent("clip.json")).unwrap();
    daemon.wait_state("clip", "stale");
    until("the alert", || {
        firing(address, "clip").contains(&"HordeRefdStale".to_owned())
    });
    // It passes when the file is back.
    world.publish("clip.json", "back");
    daemon.wait_state("clip", "fresh");
    until("the alert is over", || firing(address, "clip").is_empty());
}
