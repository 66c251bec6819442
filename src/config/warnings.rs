//! What is allowed and rarely meant: said once, never refused. And the few rules that take more than one key.

use std::time::Duration;

use super::{Config, Origin, ReplicateMode, Value};

/// GitHub's raw host caches for this long, so asking more often cannot find anything newer.
const FASTEST_USEFUL: Duration = Duration::from_mins(5);

/// Rules between keys that are broken: the key at fault and the message.
pub(super) fn contradictions(config: &Config) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Origin::Directory(directory) = &config.upstream.origin
        && directory.starts_with(&config.base_path)
    {
        found.push((
            "upstream.url",
            "must not be the mirror itself or a directory in it".to_owned(),
        ));
    }
    if config.metrics_file.as_deref() == Some(config.base_path.as_path()) {
        found.push(("metrics_file", "must not be the mirror itself".to_owned()));
    }
    found
}

pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut warn = |text: String| found.push(text);
    let show = |duration| Value::Duration(duration).to_string().replace('"', "");

    if let Some((interval, longest)) = config.schedule.cron.intervals() {
        if interval < FASTEST_USEFUL && matches!(config.upstream.origin, Origin::Http(_)) {
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
    if let (Origin::Directory(_), Some(_)) = (&config.upstream.origin, &config.upstream.proxy_url) {
        warn("upstream.proxy_url has no effect: upstream.url is a directory".to_owned());
    }
    let metrics = config.metrics_file.as_deref();
    if metrics.is_some_and(|path| path.extension().is_none_or(|end| end != "prom")) {
        warn("metrics_file does not end in .prom: node_exporter will not read it".to_owned());
    }
    found
}
