//! Rate limits: the whole host is left alone for as long as it asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use horde_refd::category::Category;
use horde_refd::upstream::Class;
use jiff::Timestamp;

use super::{Asker, BODY, FILE, always, body, chain, config, ok, upstream};
use crate::common::scripted::{Action, Scripted, answer_with};

/// Asks once, expects a rate limit, and answers with the seconds that the host is held.
async fn held_for(status: u16, headers: &[(&str, &str)], page: &[u8]) -> i64 {
    let server = always(answer_with(status, headers, page));
    let upstream = upstream(&config(&server.url()));
    let before = Timestamp::now();
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    let Class::Limited { until } = error.class() else {
        panic!("{}", chain(&error));
    };
    assert_eq!(
        upstream.limits(),
        BTreeMap::from([(server.address().to_string(), until)])
    );

    // The whole host is left alone, for every file.
    for category in [FILE, Category::TextGeneration] {
        let error = upstream.fetch(category, None).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("not asking for http://127.0.0.1:"),
            "{text}"
        );
        assert!(text.contains(&format!("until {until:.0};")), "{text}");
        assert_eq!(error.class(), Class::Limited { until });
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        upstream.requests(),
        BTreeMap::from([(status.to_string(), 1)])
    );

    // The next run knows it as well.
    let next = Asker::new(&config(&server.url()), upstream.limits());
    assert_eq!(
        next.fetch(FILE, None).await.unwrap_err().class(),
        Class::Limited { until }
    );
    assert_eq!(server.requests().len(), 1);
    // Half a second of slack for the time between the two readings of the clock.
    (until.as_millisecond() - before.as_millisecond() + 500) / 1000
}

#[tokio::test]
async fn a_rate_limit_holds_the_host_as_long_as_it_asks() {
    assert_eq!(held_for(429, &[("Retry-After", "90")], b"").await, 90);
}

#[tokio::test]
async fn a_rate_limit_may_name_a_date() {
    let date = std::time::SystemTime::now() + Duration::from_secs(600);
    let date = httpdate::fmt_http_date(date);
    let seconds = held_for(429, &[("Retry-After", &date)], b"").await;
    assert!((598..=601).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn an_absurd_rate_limit_is_clamped() {
    assert_eq!(
        held_for(429, &[("Retry-After", "9999999999999999999999")], b"").await,
        6 * 3600
    );
}

#[tokio::test]
async fn a_rate_limit_without_a_time_holds_for_half_an_hour() {
    assert_eq!(held_for(429, &[], b"").await, 30 * 60);
}

#[tokio::test]
async fn a_rate_limit_may_name_the_reset_of_its_window() {
    let reset = (Timestamp::now().as_second() + 700).to_string();
    let seconds = held_for(
        403,
        &[
            ("X-RateLimit-Remaining", "0"),
            ("X-RateLimit-Reset", &reset),
        ],
        b"",
    )
    .await;
    assert!((698..=701).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_403_is_a_rate_limit_when_anything_says_so() {
    assert_eq!(held_for(403, &[("Retry-After", "60")], b"").await, 60);
    assert_eq!(
        held_for(403, &[("x-ratelimit-remaining", "0")], b"").await,
        30 * 60
    );
    let page = b"You have exceeded a secondary Rate Limit.";
    assert_eq!(held_for(403, &[], page).await, 30 * 60);
}

#[tokio::test]
async fn a_hold_ends() {
    let server = Scripted::start(|_, n| {
        Action::Send(if n == 0 {
            answer_with(429, &[("Retry-After", "0")], b"")
        } else {
            ok()
        })
    });
    let upstream = upstream(&config(&server.url()));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    let Class::Limited { until } = error.class() else {
        panic!("{error}")
    };
    let left = until.as_millisecond() - Timestamp::now().as_millisecond();
    assert!((0..=1000).contains(&left), "{left}");
    tokio::time::sleep(Duration::from_millis(left as u64 + 2)).await;
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    assert!(upstream.limits().is_empty());
}

#[tokio::test]
async fn requests_that_queue_behind_a_rate_limit_never_leave() {
    let server = always(answer_with(429, &[("Retry-After", "60")], b""));
    let mut config = config(&server.url());
    config.http.concurrency = 1;
    let upstream = Arc::new(upstream(&config));
    let fetches: Vec<_> = Category::with_legacy()
        .map(|category| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move { upstream.fetch(category, None).await })
        })
        .collect();
    for fetch in fetches {
        let error = fetch.await.unwrap().unwrap_err();
        assert!(matches!(error.class(), Class::Limited { .. }), "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}
