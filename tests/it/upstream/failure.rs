//! What fails, how it is said, and whether it is asked again.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use horde_refd::upstream::{Class, UpstreamError};

use super::{BODY, FILE, always, body, chain, config, fetch, ok, until, upstream};
use crate::common::scripted::{Action, Scripted, answer_with, raw};

#[tokio::test]
async fn a_refused_connection_is_retried_and_said_plainly() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = upstream(&config(&url));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(
        chain(&error),
        format!(
            "cannot connect to {url}/clip.json (3 attempts): Connection refused (os error 111)"
        )
    );
    assert_eq!(
        upstream.requests(),
        BTreeMap::from([("error".to_owned(), 3)])
    );
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_said_plainly() {
    let mut config = config("http://no-such-host.invalid");
    config.http.retry_attempts = 1;
    let error = upstream(&config).fetch(FILE, None).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    let text = chain(&error);
    assert!(
        text.starts_with("cannot connect to http://no-such-host.invalid/clip.json: dns error: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_connection_that_closes_without_a_word_is_retried() {
    let server = Scripted::start(|_, n| {
        if n == 0 {
            Action::Close
        } else {
            Action::Send(ok())
        }
    });
    assert_eq!(body(fetch(&server).await.unwrap()), BODY);
    assert!(server.requests().len() >= 2);
}

/// Fetches with small timeouts from a server that takes its time, and answers with the message.
async fn timed_out(server: &Scripted, read: u64, total: u64) -> String {
    let mut config = config(&server.url());
    config.http.read_timeout = Duration::from_millis(read);
    config.http.timeout = Duration::from_millis(total);
    config.http.retry_attempts = 2;
    let upstream = upstream(&config);
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(
        matches!(error.last(), UpstreamError::Timeout { .. }),
        "{}",
        chain(&error)
    );
    assert_eq!(
        upstream.requests(),
        BTreeMap::from([("timeout".to_owned(), 2)])
    );
    chain(&error)
}

#[tokio::test]
async fn headers_that_never_come_time_out() {
    let server = Scripted::start(|_, _| Action::Stall(Vec::new()));
    let text = timed_out(&server, 200, 20_000).await;
    assert!(text.contains("waiting for the answer"), "{text}");
}

#[tokio::test]
async fn headers_that_stop_half_way_time_out() {
    let server = Scripted::start(|_, _| Action::Stall(b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec()));
    timed_out(&server, 200, 20_000).await;
}

#[tokio::test]
async fn a_body_that_stalls_times_out() {
    let server =
        Scripted::start(|_, _| Action::Stall(raw(200, &[("Content-Length", "1000")], b"{\"a\":")));
    let text = timed_out(&server, 200, 20_000).await;
    assert!(text.contains("reading the body"), "{text}");
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_total_timeout() {
    let server = Scripted::start(|_, _| {
        Action::Drip(
            raw(200, &[("Content-Length", "100000")], &[b' '; 100_000]),
            Duration::from_millis(5),
        )
    });
    timed_out(&server, 20_000, 500).await;
}

#[tokio::test]
async fn a_server_error_that_passes_is_retried() {
    let server = Scripted::start(|_, n| {
        Action::Send(if n < 2 {
            answer_with(500, &[], b"oops")
        } else {
            ok()
        })
    });
    let upstream = upstream(&config(&server.url()));
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    assert_eq!(
        upstream.requests(),
        BTreeMap::from([("200".to_owned(), 1), ("500".to_owned(), 2)])
    );
}

#[tokio::test]
async fn a_server_error_that_stays_is_asked_exactly_as_often_as_configured() {
    for attempts in [1, 2, 5] {
        let server = always(answer_with(503, &[], b""));
        let mut config = config(&server.url());
        config.http.retry_attempts = attempts;
        let error = upstream(&config).fetch(FILE, None).await.unwrap_err();
        assert_eq!(error.class(), Class::Transient);
        let said = match attempts {
            1 => "/clip.json answered 503 Service Unavailable".to_owned(),
            n => format!("/clip.json answered 503 Service Unavailable ({n} attempts)"),
        };
        assert!(error.to_string().ends_with(&said), "{error}");
        assert_eq!(server.requests().len(), attempts as usize);
    }
}

#[tokio::test]
async fn a_server_error_that_asks_for_a_long_wait_is_waited_for() {
    let server = always(answer_with(503, &[("Retry-After", "120")], b""));
    let upstream = Arc::new(upstream(&config(&server.url())));
    let fetch = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    // The one thread goes from the count to the wait, or to the end, without a pause.
    until(|| !upstream.requests().is_empty()).await;
    assert!(!fetch.is_finished(), "it gave up");
    upstream.end_backoff();
    let error = fetch.await.unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_missing_file_is_asked_for_once_and_named() {
    let server = always(answer_with(404, &[], b"404: Not Found"));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.class(), Class::NotThere);
    let url = server.url();
    assert!(
        error
            .to_string()
            .starts_with(&format!("{url}/clip.json does not exist (404); check")),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn other_client_errors_and_odd_answers_fail_at_once() {
    for status in [204, 206, 300, 400, 401, 403, 407, 410, 418, 451] {
        let server = always(answer_with(status, &[], b"nothing about limits"));
        let upstream = upstream(&config(&server.url()));
        let error = upstream.fetch(FILE, None).await.unwrap_err();
        let class = match status {
            410 => Class::NotThere,
            _ => Class::Permanent,
        };
        assert_eq!(error.class(), class, "{status}: {error}");
        assert_eq!(server.requests().len(), 1, "{status}");
        assert!(upstream.limits().is_empty());
        assert_eq!(
            upstream.requests(),
            BTreeMap::from([(status.to_string(), 1)])
        );
    }
}
