//! The warnings: what is allowed and rarely meant is named once and never refused.

use std::time::Duration;

use super::{Config, Layout, Origin, ReplicateMode, Value};

/// GitHub's raw host caches for this long, so asking more often cannot find anything newer.
const FASTEST_USEFUL: Duration = Duration::from_mins(5);

pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut warn = |text: String| found.push(text);
    let show = |duration| Value::Duration(duration).to_string().replace('"', "");

    let mut upstreams = config.upstreams.iter();
    let asks_servers = upstreams.any(|upstream| matches!(upstream.origin, Origin::Http(_)));
    if let Some((interval, longest)) = config.schedule.cron.intervals() {
        if interval < FASTEST_USEFUL && asks_servers {
            warn(format!(
                "schedule.cron polls every {}: GitHub's raw host caches for 5m, so more finds nothing newer and spends the rate limit",
                show(interval)
            ));
        }
        if config.schedule.splay >= interval {
            warn(format!(
                "schedule.splay ({}) is not shorter than the schedule's interval ({}): polls will be skipped",
                show(config.schedule.splay),
                show(interval)
            ));
        }
        if config.stale_after < longest {
            warn(format!(
                "stale_after ({}) is shorter than the schedule's longest interval ({}): categories will count as stale between polls",
                show(config.stale_after),
                show(longest)
            ));
        }
    }
    if config.replicate_mode == ReplicateMode::Replica && config.seed {
        warn("seed has no effect: replicate_mode is replica, which always downloads".to_owned());
    }
    for (key, mode, needed) in [
        ("file_mode", config.file_mode, 0o004),
        ("directory_mode", config.directory_mode, 0o005),
    ] {
        if mode & needed != needed {
            warn(format!(
                "{key} is {mode:04o}: users outside its owner and group cannot read the mirror"
            ));
        }
    }
    for upstream in &config.upstreams {
        if let (Origin::Directory(path), Some(_)) = (&upstream.origin, &upstream.proxy_url) {
            let path = path.display();
            warn(format!(
                "upstream.proxy_url has no effect: upstream.url is a directory ({path})"
            ));
        }
    }
    let passes = |layout| layout != Layout::Primary;
    let mut upstreams = config.upstreams.iter();
    let served = config.upstreams.is_empty() || upstreams.any(|upstream| passes(upstream.layout));
    if !config.extra_files.is_empty() && !served {
        warn("extra_files: no upstream serves them; layouts github, flat and mirror do".to_owned());
    }
    let metrics = config.metrics_file.as_deref();
    if metrics.is_some_and(|path| path.extension().is_none_or(|end| end != "prom")) {
        warn("metrics_file does not end in .prom: node_exporter will not read it".to_owned());
    }
    found
}
