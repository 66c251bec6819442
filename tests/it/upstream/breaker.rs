//! A host that is down costs one series of attempts a cycle, whatever is asked of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use horde_refd::item::{Form, Item};
use horde_refd::upstream::{Answer, BreakerState, Class, Hosts, Round, Upstream, UpstreamError};

use super::{BODY, Config, config, ok};
use crate::common::scripted::{Action, Scripted, answer_with, target};

type Ended = Vec<(Category, Result<Answer, UpstreamError>)>;

/// Asks for all legacy files in one cycle, as they are asked for in the daemon: at once.
async fn cycle(round: &Arc<Round>, upstream: &Upstream) -> Ended {
    let mut files = tokio::task::JoinSet::new();
    for category in Category::with_legacy() {
        let (round, upstream) = (Arc::clone(round), upstream.clone());
        files.spawn(async move {
            let item = Item::from(category);
            let ended = round.fetch(&upstream, &item, Form::Legacy, None).await;
            (category, ended)
        });
    }
    files.join_all().await
}

fn hosts(config: &Config) -> Arc<Hosts> {
    Arc::new(Hosts::new(&config.http, std::collections::BTreeMap::new()))
}

fn paths(server: &Scripted) -> BTreeSet<String> {
    let requests = server.requests();
    requests
        .iter()
        .map(|head| target(head).to_owned())
        .collect()
}

#[tokio::test]
async fn a_refused_connection_is_tried_with_one_file() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let config = config(&format!("http://{address}"));
    let (hosts, upstream) = (hosts(&config), config.upstream("gone"));
    let round = Arc::new(Round::new(&hosts));
    let ended = cycle(&round, &upstream).await;
    let dead = |error: &UpstreamError| matches!(error, UpstreamError::Dead { .. });
    let errors: Vec<_> = ended.into_iter().map(|(_, end)| end.unwrap_err()).collect();
    assert_eq!(errors.iter().filter(|error| !dead(error)).count(), 1);
    assert!(errors.iter().all(|error| error.class() == Class::Transient));
    assert_eq!(hosts.traffic().requests()["error"], 3, "one series");
    assert!(round.is_troubled());
    let host = upstream.host().unwrap();
    assert_eq!(hosts.breaker(&host), BreakerState::Open);
    // The next cycle asks anew.
    let ended = cycle(&Arc::new(Round::new(&hosts)), &upstream).await;
    assert!(ended.iter().all(|(_, end)| end.is_err()));
    assert_eq!(hosts.traffic().requests()["error"], 6);
}

#[tokio::test]
async fn a_silent_host_is_tried_with_one_other_file_and_costs_one_series() {
    let server = Scripted::start(|_, _| Action::Stall(Vec::new()));
    let mut config = config(&server.url());
    config.http.timeout = Duration::from_millis(400);
    let (hosts, upstream) = (hosts(&config), config.upstream("silent"));
    let begun = Instant::now();
    let ended = cycle(&Arc::new(Round::new(&hosts)), &upstream).await;
    assert!(ended.iter().all(|(_, end)| end.is_err()));
    // Three attempts of 0.4 s, and the second file begins when the first has met silence once.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(paths(&server).len(), 2);
}

#[tokio::test]
async fn one_file_that_hangs_keeps_no_other() {
    let server = Scripted::start(|head, _| match target(head) {
        "/blip.json" => Action::Stall(Vec::new()),
        _ => Action::Send(ok()),
    });
    let mut config = config(&server.url());
    config.http.timeout = Duration::from_millis(300);
    let (hosts, upstream) = (hosts(&config), config.upstream("slow"));
    let ended = cycle(&Arc::new(Round::new(&hosts)), &upstream).await;
    for (category, end) in ended {
        assert_eq!(end.is_err(), category == Category::Blip, "{category}");
    }
    let host = upstream.host().unwrap();
    assert_eq!(hosts.breaker(&host), BreakerState::Closed);
}

#[tokio::test]
async fn any_status_lets_all_go() {
    for (status, troubled) in [(404, false), (403, false), (500, true)] {
        let server = Scripted::start(move |_, _| Action::Send(answer_with(status, &[], b"")));
        let mut config = config(&server.url());
        config.http.retry_attempts = 1;
        let (hosts, upstream) = (hosts(&config), config.upstream("down"));
        let round = Arc::new(Round::new(&hosts));
        cycle(&round, &upstream).await;
        assert_eq!(server.requests().len(), 10, "{status}");
        assert_eq!(round.is_troubled(), troubled, "{status}");
    }
}

#[tokio::test]
async fn a_dripping_host_has_failed_when_the_time_of_one_series_is_over() {
    let answer = answer_with(200, &[], BODY);
    let server =
        Scripted::start(move |_, _| Action::Drip(answer.clone(), Duration::from_millis(100)));
    let mut config = config(&server.url());
    config.http.concurrency = 1;
    config.http.timeout = Duration::from_millis(600);
    config.http.retry_attempts = 2;
    let (hosts, upstream) = (hosts(&config), config.upstream("drip"));
    let begun = Instant::now();
    let round = Arc::new(Round::new(&hosts));
    let ended = cycle(&round, &upstream).await;
    let took = begun.elapsed();
    // Ten files of two attempts each would take twelve seconds.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(ended.iter().all(|(_, end)| end.is_err()));
    assert!(
        ended
            .iter()
            .any(|(_, end)| matches!(end, Err(UpstreamError::OutOfTime { .. }))),
        "{ended:#?}"
    );
}

#[tokio::test]
async fn upstreams_that_share_a_host_share_its_slots_and_its_breaker() {
    let server = Scripted::start(|_, _| Action::Drip(ok(), Duration::from_millis(1)));
    let mut config = config(&server.url());
    config.http.concurrency = 2;
    let hosts = hosts(&config);
    let round = Arc::new(Round::new(&hosts));
    let (one, other) = (config.upstream("one"), config.upstream("other"));
    let (first, second) = tokio::join!(cycle(&round, &one), cycle(&round, &other));
    assert!(first.iter().chain(&second).all(|(_, end)| end.is_ok()));
    assert!(server.most_in_flight() <= 2, "{}", server.most_in_flight());
    let traffic = hosts.traffic();
    assert_eq!(traffic.by_upstream["one"]["200"], 10);
    assert_eq!(traffic.by_upstream["other"]["200"], 10);
    let answer = first.into_iter().find_map(|(_, end)| end.ok()).unwrap();
    assert_eq!(answer.source.upstream, "one");
}
