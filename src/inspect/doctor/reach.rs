//! Whether each upstream can be reached: its name, a connection, an answer, or its directory.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::people::{ENTER, READ};
use super::{Check, Scene, listed, quoted, word};
use crate::category::Category;
use crate::config::{Origin, UpstreamConfig};
use crate::error::chain;
use crate::item::{Form, Item};
use crate::mirror::state::State;
use crate::upstream::{Hosts, Probe, Round, Trouble, Upstream, UpstreamError};

/// A check an upstream, and the clocks of those that answered.
pub(super) async fn checks(scene: &Scene<'_>) -> (Vec<Check>, Vec<(String, Timestamp)>) {
    let config = &scene.around.effective.config;
    // What another process was asked holds for this one as well.
    let state: Option<State> = fs::read(scene.layout.state())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let limits = state.map(|state| state.rate_limits).unwrap_or_default();
    let hosts = Arc::new(Hosts::new(&config.http, limits));
    let (mut checks, mut dates) = (Vec::new(), Vec::new());
    for configured in &config.upstreams {
        let name = format!("upstream {}", configured.name);
        let upstream = match Upstream::new(configured, &config.github) {
            Ok(upstream) => upstream,
            Err(error) => {
                checks.push(Check::bad(name, chain(&error), "horde-refd config"));
                continue;
            }
        };
        let Some((item, form)) = sample(scene, &upstream) else {
            checks.push(Check::good(
                name,
                "it serves none of the configured categories",
            ));
            continue;
        };
        let check = match &configured.origin {
            Origin::Directory(path) => {
                let wrong = directory(scene, path);
                let read = Round::new(&hosts).fetch(&upstream, &item, form, None).await;
                judge_directory(name, path, wrong, read.map(drop))
            }
            Origin::Http(_) => {
                let Some(probe) = hosts.probe(&upstream, &item, form).await else {
                    continue;
                };
                if let Some(date) = probe.date {
                    dates.push((configured.name.clone(), date));
                }
                judge(name, configured, &probe)
            }
        };
        checks.push(check);
    }
    (checks, dates)
}

/// What is asked for: a file that this upstream gave before, else the first that it serves.
fn sample(scene: &Scene<'_>, upstream: &Upstream) -> Option<(Item, Form)> {
    let forms = [Form::Legacy, Form::V2];
    let all = forms.into_iter().flat_map(|form| {
        let items = Category::ALL.into_iter().map(Item::from);
        items.map(move |item| (item, form))
    });
    let served: Vec<_> = all
        .filter(|(item, form)| upstream.serves(item, *form))
        .collect();
    let gave = |item: &Item| {
        let entry = scene.manifest.as_ref()?.categories.get(&item.category()?)?;
        Some(entry.source.upstream == upstream.name())
    };
    let known = served.iter().find(|(item, _)| gave(item) == Some(true));
    known.or(served.first()).cloned()
}

fn directory(scene: &Scene<'_>, path: &std::path::Path) -> Option<(String, String)> {
    let (user, at) = (&scene.user, path.display());
    let closed = path.ancestors().find(|part| {
        let wanted = if *part == path { READ | ENTER } else { ENTER };
        let metadata = fs::metadata(part);
        metadata.is_ok_and(|metadata| metadata.is_dir() && !user.may(wanted, &metadata))
    });
    closed.map(|closed| {
        let letters = if closed == path { "rx" } else { "x" };
        let found = format!("the daemon's user {} may not read {at}", user.name);
        (found, format!("chmod a+{letters} {}", quoted(closed)))
    })
}

fn judge_directory(
    name: String,
    path: &std::path::Path,
    wrong: Option<(String, String)>,
    read: Result<(), UpstreamError>,
) -> Check {
    if let Some((found, cure)) = wrong {
        return Check::bad(name, found, cure);
    }
    match read {
        Ok(()) => Check::good(name, format!("{} is there and can be read", path.display())),
        Err(error) => {
            let cure = match &error {
                UpstreamError::NoDirectory { path } => format!("ls -ld {}", quoted(path)),
                UpstreamError::Read { path, .. } => format!("chmod a+r {}", quoted(path)),
                _ => format!("ls -l {}", quoted(path)),
            };
            Check::bad(name, chain(&error), cure)
        }
    }
}

fn judge(name: String, configured: &UpstreamConfig, probe: &Probe) -> Check {
    let seconds = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
    let mut way = Vec::new();
    if let Some(proxy) = &probe.proxy {
        way.push(format!("through the proxy {proxy}"));
    }
    let is_name = probe
        .host
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .is_err();
    if is_name && !probe.addresses.is_empty() {
        let addresses: Vec<_> = probe.addresses.iter().map(ToString::to_string).collect();
        way.push(format!("{} is {}", probe.host, listed(&addresses, 2)));
    }
    if let Some(connected) = probe.connected {
        way.push(format!("connected in {}", seconds(connected)));
    }
    if let Some((status, took)) = probe.answered {
        let tls = if probe.place.starts_with("https:") {
            ", TLS"
        } else {
            ""
        };
        way.push(format!("answered {status} in {}{tls}", seconds(took)));
    }
    let way = way.join(", ");
    let Some(trouble) = &probe.trouble else {
        return Check::good(name, format!("{}: {way}", probe.place));
    };
    let (place, host) = (word(&probe.place), word(&probe.host));
    let (why, cure) = match trouble {
        Trouble::Limited(until) => (
            format!("{host} asked to be left alone until {until:.0}; it was not asked"),
            "horde-refd status --watch".to_owned(),
        ),
        Trouble::Name(error) => (
            format!(
                "{}: the name {host} has no address here: {error}",
                probe.place
            ),
            format!("getent hosts {host}; cat /etc/resolv.conf"),
        ),
        Trouble::Connection(error) => (
            format!("{}: no connection to {host}: {error}", probe.place),
            format!("curl -svo /dev/null {place}"),
        ),
        Trouble::Answer(error) => (chain(error), answer_cure(configured, error, &place)),
    };
    let found = if way.is_empty() {
        why
    } else {
        format!("{why} ({way})")
    };
    Check::bad(name, found, cure)
}

fn answer_cure(configured: &UpstreamConfig, error: &UpstreamError, place: &str) -> String {
    match error {
        UpstreamError::Roots { .. } => "apt-get install ca-certificates".to_owned(),
        UpstreamError::Certificate { .. } => {
            "cp authority.crt /usr/local/share/ca-certificates/ && update-ca-certificates"
                .to_owned()
        }
        UpstreamError::Proxy { .. } => {
            "export HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT".to_owned()
        }
        UpstreamError::Token { path, .. } | UpstreamError::TokenForm { path, .. } => {
            format!("ls -l {}", quoted(path))
        }
        UpstreamError::Missing { .. } => "horde-refd config | grep -A8 upstream".to_owned(),
        UpstreamError::Status { status, .. }
            if status.as_u16() == 401 || status.as_u16() == 403 =>
        {
            match &configured.token_file {
                Some(path) => format!("cat {}", quoted(path)),
                None => format!("curl -sI {place}"),
            }
        }
        UpstreamError::RateLimited { .. } => "horde-refd status --watch".to_owned(),
        _ => format!("curl -sI {place}"),
    }
}
