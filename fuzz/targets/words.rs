//! What people and servers write: the configuration, cron expressions, header values, the proxy's variables.

use std::path::Path;

use horde_refd::config::{ConfigFile, Cron, Overrides, load, parse_duration};
use horde_refd::upstream::{Upstream, fuzzed};
use jiff::Timestamp;
use url::Url;

use super::kind;

/// A configuration file: what is accepted can be used.
pub(super) fn configuration(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else {
        return String::new();
    };
    let (_, problems) = ConfigFile::parse(Path::new("/etc/config.toml"), text);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.toml");
    std::fs::write(&path, text).expect("a file");
    let overrides = Overrides {
        config_file: Some(path),
        ..Overrides::default()
    };
    match load(&overrides, &|_| None, Path::new("/")) {
        Err(errors) => {
            assert!(!errors.problems.is_empty());
            let words = errors.problems.iter().map(ToString::to_string);
            let words = words.map(|words| words.rsplit(": ").next().map(kind));
            let words: std::collections::BTreeSet<_> = words.flatten().take(2).collect();
            words.into_iter().collect::<Vec<_>>().join("; ")
        }
        Ok(effective) => {
            assert!(problems.is_empty(), "{problems:?}");
            let config = &effective.config;
            for upstream in &config.upstreams {
                let usable = Upstream::new(upstream, &config.github);
                assert!(usable.is_ok(), "accepted, and of no use: {usable:?}");
            }
            let set = effective.settings().into_iter();
            let set: Vec<_> = set
                .filter(|setting| setting.source != &horde_refd::config::Source::Default)
                .map(|setting| {
                    let _ = setting.value.to_string();
                    setting.key.name
                })
                .collect();
            format!("accepted with {} keys", set.len())
        }
    }
}

/// A schedule, and a duration: what is accepted comes due again and again.
pub(super) fn cron(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else {
        return String::new();
    };
    let _ = parse_duration(text);
    match Cron::parse(text) {
        Err(why) => kind(&why),
        Ok(cron) => {
            let now: Timestamp = "2026-11-29T12:00:00Z".parse().expect("a time");
            let (first, second) = cron.next_two(now).expect("it comes due");
            assert!(first > now && second >= first, "{text}: {first} {second}");
            let _ = cron.intervals();
            let hours = (second.as_second() - first.as_second()) / 3600;
            format!("every {} hours", hours.min(100))
        }
    }
}

/// The fields of an answer, a line each, then its body.
pub(super) fn headers(data: &[u8]) -> String {
    let mut parts = data.splitn(6, |byte| *byte == b'\n');
    let mut field = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let [retry, reset, modified, date, coding] = [field(), field(), field(), field(), field()];
    let body = parts.next().unwrap_or_default().to_vec();
    let now: Timestamp = "2026-11-29T12:00:00Z".parse().expect("a time");
    let mut asks = None;
    for now in [Timestamp::MIN, now, Timestamp::MAX] {
        let (asked, until) = fuzzed::retry_after(&retry, Some(&reset), now);
        assert!(
            until >= now,
            "{retry:?}: left alone until {until}, before {now}"
        );
        let hours = until.as_second() - now.as_second();
        assert!(hours <= 6 * 3600, "{retry:?}: left alone for {hours} s");
        let _ = fuzzed::validators(Some(&retry), Some(&modified), Some(&date), now);
        asks = asked;
    }
    let limit = 1 << 16;
    let decoded = fuzzed::decode(&[&coding], body.clone(), limit);
    let what = match &decoded {
        Ok((bytes, confirmed)) => {
            let grown = bytes.len() as u64 <= limit || *bytes == body;
            assert!(grown, "{} bytes of {}", bytes.len(), body.len());
            format!("decoded {confirmed} {}", *bytes == body)
        }
        Err(why) => kind(why),
    };
    let (validators, due) = fuzzed::validators(None, Some(&modified), Some(&date), now);
    format!("{} {what} {} {due}", asks.is_some(), validators.weak_date)
}

/// `NO_PROXY`, `ALL_PROXY` and a host, a line each.
pub(super) fn no_proxy(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else {
        return String::new();
    };
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (except, all, host) = (line(), line(), line());
    let Ok(url) = format!("http://{host}/").parse::<Url>() else {
        return "no host".to_owned();
    };
    let (proxy, hint) = fuzzed::proxy(all, except, &url);
    let (without, _) = fuzzed::proxy(all, "", &url);
    let (everything, _) = fuzzed::proxy(all, &format!("{except},*"), &url);
    assert_eq!(everything, None, "`*` is everything");
    assert!(proxy.is_none() || proxy == without, "another proxy");
    if let Some(proxy) = &proxy {
        let proxy: Url = proxy.parse().expect("a proxy is a URL");
        let secret = proxy.password().filter(|secret| secret.len() > 8);
        // A host may have the password's letters of its own.
        let beside_host = hint.replace(proxy.host_str().unwrap_or_default(), "");
        assert!(
            secret.is_none_or(|secret| !beside_host.contains(secret)),
            "{hint}"
        );
    }
    let scheme = without.and_then(|url| Some(url.split_once(':')?.0.to_owned()));
    format!("{scheme:?} {} {}", proxy.is_some(), url.host().is_some())
}
