//! Waits between attempts, and who ends them.

use std::sync::Arc;
use std::time::Duration;

use horde_refd::category::Category;
use horde_refd::upstream::UpstreamError;

use super::{FILE, always, config, until, upstream};
use crate::common::scripted::{Action, Gate, Scripted, answer_with, target};

#[tokio::test]
async fn a_rate_limit_ends_the_waits_of_others() {
    let server = Scripted::start(|request, _| {
        Action::Send(if target(request) == "/clip.json" {
            answer_with(500, &[], b"")
        } else {
            answer_with(429, &[("Retry-After", "60")], b"")
        })
    });
    let mut config = config(&server.url());
    config.http.retry_backoff = Duration::from_secs(3600);
    let upstream = Arc::new(upstream(&config));
    let waiting = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !upstream.requests().is_empty()).await;
    upstream.fetch(Category::Blip, None).await.unwrap_err();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, UpstreamError::Limited { .. }), "{error}");
}

#[tokio::test]
async fn ending_the_backoff_answers_with_the_last_error_at_once() {
    let server = always(answer_with(502, &[], b""));
    let mut config = config(&server.url());
    config.http.retry_backoff = Duration::from_secs(3600);
    let upstream = Arc::new(upstream(&config));
    let waiting = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !upstream.requests().is_empty()).await;
    upstream.end_backoff();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(
        error.to_string().ends_with("answered 502 Bad Gateway"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn ending_the_backoff_during_an_attempt_skips_the_wait_after_it() {
    let gate = Arc::new(Gate::default());
    let server = Scripted::start({
        let gate = Arc::clone(&gate);
        move |_, _| Action::Gated(Arc::clone(&gate), answer_with(502, &[], b""))
    });
    let mut config = config(&server.url());
    config.http.retry_backoff = Duration::from_secs(3600);
    let upstream = Arc::new(upstream(&config));
    let fetch = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !server.requests().is_empty()).await;
    upstream.end_backoff();
    gate.open();
    fetch.await.unwrap().unwrap_err();
    assert_eq!(server.requests().len(), 1);
}
