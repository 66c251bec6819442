//! The HTTP upstream against a server that misbehaves on purpose.
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::scripted::{Action, Gate, Scripted, answer_with, header, raw, target};
use horde_refd::category::Category;
use horde_refd::config::{Layout, Origin, RepositoryConfig, UpstreamConfig};
use horde_refd::upstream::{Class, Fetched, Upstream, UpstreamError, Validators};
use jiff::Timestamp;

const BODY: &[u8] = b"{\"a model\": {\"name\": \"a model\"}}\n";
const FILE: Category = Category::Clip;

fn config(url: &str) -> UpstreamConfig {
    let repository = |name: &str| RepositoryConfig {
        owner: "Haidra-Org".to_owned(),
        name: name.to_owned(),
        branch: "main".to_owned(),
    };
    UpstreamConfig {
        origin: Origin::Http(url.parse().unwrap()),
        layout: Layout::Flat,
        proxy_url: None,
        concurrency: 4,
        connect_timeout: Duration::from_secs(20),
        read_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(40),
        retry_attempts: 3,
        retry_backoff: Duration::from_millis(2),
        max_body_bytes: 1 << 20,
        image: repository("AI-Horde-image-model-reference"),
        text: repository("AI-Horde-text-model-reference"),
    }
}

fn upstream(config: &UpstreamConfig) -> Upstream {
    Upstream::new(config, BTreeMap::new()).unwrap()
}

/// One fetch of the file from a server that always does the same.
async fn fetch(server: &Scripted) -> Result<Fetched, UpstreamError> {
    upstream(&config(&server.url())).fetch(FILE, None).await
}

fn always(answer: Vec<u8>) -> Scripted {
    Scripted::start(move |_, _| Action::Send(answer.clone()))
}

fn ok() -> Vec<u8> {
    answer_with(200, &[("Content-Type", "text/plain; charset=utf-8")], BODY)
}

fn body(fetched: Fetched) -> Vec<u8> {
    match fetched {
        Fetched::New { body, .. } => body,
        Fetched::NotModified => panic!("not modified"),
    }
}

/// Lets the other tasks run until they have brought this about.
async fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::task::yield_now().await;
    }
}

/// The error with its causes, as a person sees it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

#[tokio::test]
async fn a_request_names_us_and_always_accepts_the_same_encoding() {
    let server = always(ok());
    let upstream = upstream(&config(&server.url()));
    let validators = Validators {
        etag: Some("W/\"a \"".to_owned()),
        last_modified: Some("Sun, 22 Nov 2026 12:00:00 GMT".to_owned()),
    };
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    upstream.fetch(FILE, Some(&validators)).await.unwrap();
    upstream
        .fetch(Category::TextGeneration, None)
        .await
        .unwrap();

    let requests = server.requests();
    for request in &requests {
        let agent = header(request, "User-Agent").unwrap();
        assert!(
            agent.starts_with(concat!(
                "horde-refd/",
                env!("CARGO_PKG_VERSION"),
                " (+https://"
            )),
            "{agent}"
        );
        assert_eq!(header(request, "Accept-Encoding"), Some("gzip"));
        assert_eq!(header(request, "Referer"), None);
    }
    assert_eq!(target(&requests[0]), "/clip.json");
    assert_eq!(target(&requests[2]), "/models.csv");
    assert_eq!(header(&requests[0], "If-None-Match"), None);
    assert_eq!(header(&requests[0], "If-Modified-Since"), None);
    assert_eq!(header(&requests[1], "If-None-Match"), Some("W/\"a \""));
    assert_eq!(
        header(&requests[1], "If-Modified-Since"),
        Some("Sun, 22 Nov 2026 12:00:00 GMT")
    );
}

#[tokio::test]
async fn validators_are_kept_byte_for_byte() {
    let (etag, date) = ("W/\"AbC-+/=:~!\"", "sun,  22 nov 2026 12:00:00 +0000");
    let server = always(answer_with(
        200,
        &[("ETag", etag), ("Last-Modified", date)],
        BODY,
    ));
    let Fetched::New { validators, .. } = fetch(&server).await.unwrap() else {
        panic!("not modified");
    };
    assert_eq!(validators.etag.as_deref(), Some(etag));
    assert_eq!(validators.last_modified.as_deref(), Some(date));
}

#[tokio::test]
async fn a_damaged_validator_is_left_out_and_the_request_becomes_unconditional() {
    let server = always(ok());
    let validators = Validators {
        etag: Some("a\nb: c".to_owned()),
        last_modified: Some(String::new()),
    };
    upstream(&config(&server.url()))
        .fetch(FILE, Some(&validators))
        .await
        .unwrap();
    let requests = server.requests();
    assert_eq!(header(&requests[0], "If-None-Match"), None);
    assert_eq!(header(&requests[0], "If-Modified-Since"), None);
}

#[tokio::test]
async fn not_modified_is_an_answer_only_to_a_conditional_request() {
    let server = always(answer_with(304, &[("ETag", "\"x\"")], b""));
    let upstream = upstream(&config(&server.url()));
    let validators = Validators {
        etag: Some("\"x\"".to_owned()),
        last_modified: None,
    };
    let conditional = upstream.fetch(FILE, Some(&validators)).await.unwrap();
    assert_eq!(conditional, Fetched::NotModified);
    assert_eq!(server.requests().len(), 1);

    for none in [None, Some(&Validators::default())] {
        let error = upstream.fetch(FILE, none).await.unwrap_err();
        assert!(
            matches!(error, UpstreamError::NotModifiedUnasked { .. }),
            "{error}"
        );
        assert_eq!(error.class(), Class::Transient);
    }
    assert_eq!(
        upstream.traffic().requests,
        BTreeMap::from([("304".to_owned(), 7)])
    );
    assert_eq!(upstream.traffic().downloaded_bytes, 0);
}

#[tokio::test]
async fn a_compressed_body_is_decoded_and_counted_decoded() {
    let body_bytes = BODY.repeat(100);
    let packed = gzip(&body_bytes);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let upstream = upstream(&config(&server.url()));
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), body_bytes);
    assert_eq!(upstream.traffic().downloaded_bytes, body_bytes.len() as u64);
}

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
        format!("cannot connect to {url}/clip.json: Connection refused (os error 111)")
    );
    assert_eq!(
        upstream.traffic().requests,
        BTreeMap::from([("error".to_owned(), 3)])
    );
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_said_plainly() {
    let mut config = config("http://no-such-host.invalid");
    config.retry_attempts = 1;
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
    config.read_timeout = Duration::from_millis(read);
    config.timeout = Duration::from_millis(total);
    config.retry_attempts = 2;
    let upstream = upstream(&config);
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(
        matches!(error, UpstreamError::Timeout { .. }),
        "{}",
        chain(&error)
    );
    assert_eq!(
        upstream.traffic().requests,
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
async fn a_body_shorter_than_announced_is_damaged() {
    let server = always(raw(
        200,
        &[("Content-Length", "100"), ("Connection", "close")],
        b"{}\n",
    ));
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Body { .. }), "{error}");
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_chunked_body_without_its_end_is_damaged() {
    let headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")];
    let server = always(raw(200, &headers, b"3\r\n{}\n\r\n"));
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Body { .. }), "{error}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_truncated_gzip_body_is_damaged_even_when_its_length_is_right() {
    let mut packed = gzip(&BODY.repeat(100));
    packed.truncate(packed.len() - 9);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Body { .. }), "{error}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_corrupt_gzip_body_is_damaged() {
    let mut packed = gzip(&BODY.repeat(100));
    let end = packed.len();
    packed[end - 6] ^= 1;
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Body { .. }), "{error}");
}

#[tokio::test]
async fn a_gzip_bomb_ends_at_the_limit() {
    let packed = gzip(&vec![b' '; 64 << 20]);
    assert!(packed.len() < 1 << 20);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let upstream = upstream(&config(&server.url()));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { .. }), "{error}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(upstream.traffic().downloaded_bytes < (1 << 20) + (1 << 17));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_plain_body_over_the_limit_is_refused_and_one_at_the_limit_taken() {
    let server = always(answer_with(200, &[], BODY));
    for (spare, taken) in [(0, true), (-1_i64, false)] {
        let mut config = config(&server.url());
        config.max_body_bytes = (BODY.len() as i64 + spare) as u64;
        assert_eq!(upstream(&config).fetch(FILE, None).await.is_ok(), taken);
    }
    let server = always(raw(200, &[("Connection", "close")], &BODY.repeat(1000)));
    let mut config = config(&server.url());
    config.max_body_bytes = BODY.len() as u64;
    let error = upstream(&config).fetch(FILE, None).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn an_encoding_nobody_asked_for_is_refused() {
    let server = always(answer_with(200, &[("Content-Encoding", "br")], BODY));
    let error = fetch(&server).await.unwrap_err();
    assert!(error.to_string().contains("'br'"), "{error}");
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test]
async fn an_empty_body_is_never_taken() {
    let packed = gzip(b"");
    for answer in [
        answer_with(200, &[], b""),
        answer_with(200, &[("Content-Encoding", "gzip")], &packed),
        answer_with(200, &[("Content-Encoding", "gzip")], b""),
    ] {
        let server = always(answer);
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Empty { .. }), "{error}");
        assert_eq!(error.class(), Class::Transient);
    }
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
        upstream.traffic().requests,
        BTreeMap::from([("200".to_owned(), 1), ("500".to_owned(), 2)])
    );
}

#[tokio::test]
async fn a_server_error_that_stays_is_asked_exactly_as_often_as_configured() {
    for attempts in [1, 2, 5] {
        let server = always(answer_with(503, &[], b""));
        let mut config = config(&server.url());
        config.retry_attempts = attempts;
        let error = upstream(&config).fetch(FILE, None).await.unwrap_err();
        assert_eq!(error.class(), Class::Transient);
        assert!(
            error
                .to_string()
                .ends_with("/clip.json answered 503 Service Unavailable"),
            "{error}"
        );
        assert_eq!(server.requests().len(), attempts as usize);
    }
}

#[tokio::test]
async fn a_server_error_that_asks_for_more_than_a_poll_is_not_asked_again() {
    let server = always(answer_with(503, &[("Retry-After", "120")], b""));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_missing_file_is_asked_for_once_and_named() {
    let server = always(answer_with(404, &[], b"404: Not Found"));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
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
        assert_eq!(error.class(), Class::Permanent, "{status}: {error}");
        assert_eq!(server.requests().len(), 1, "{status}");
        assert!(upstream.holds().is_empty());
        assert_eq!(
            upstream.traffic().requests,
            BTreeMap::from([(status.to_string(), 1)])
        );
    }
}

/// Asks once, expects a rate limit, and answers with the seconds that the host is held.
async fn held_for(status: u16, headers: &[(&str, &str)], page: &[u8]) -> i64 {
    let server = always(answer_with(status, headers, page));
    let upstream = upstream(&config(&server.url()));
    let before = Timestamp::now();
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    let Class::RateLimited { until } = error.class() else {
        panic!("{}", chain(&error));
    };
    assert_eq!(
        upstream.holds(),
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
        assert_eq!(error.class(), Class::RateLimited { until });
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        upstream.traffic().requests,
        BTreeMap::from([(status.to_string(), 1)])
    );

    // The next run knows it as well.
    let next = Upstream::new(&config(&server.url()), upstream.holds()).unwrap();
    assert_eq!(
        next.fetch(FILE, None).await.unwrap_err().class(),
        Class::RateLimited { until }
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
    let Class::RateLimited { until } = error.class() else {
        panic!("{error}")
    };
    let left = until.as_millisecond() - Timestamp::now().as_millisecond();
    assert!((0..=1000).contains(&left), "{left}");
    tokio::time::sleep(Duration::from_millis(left as u64 + 2)).await;
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    assert!(upstream.holds().is_empty());
}

#[tokio::test]
async fn requests_that_queue_behind_a_rate_limit_never_leave() {
    let server = always(answer_with(429, &[("Retry-After", "60")], b""));
    let mut config = config(&server.url());
    config.concurrency = 1;
    let upstream = Arc::new(upstream(&config));
    let fetches: Vec<_> = Category::with_legacy()
        .map(|category| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move { upstream.fetch(category, None).await })
        })
        .collect();
    for fetch in fetches {
        let error = fetch.await.unwrap().unwrap_err();
        assert!(
            matches!(error.class(), Class::RateLimited { .. }),
            "{error}"
        );
    }
    assert_eq!(server.requests().len(), 1);
}

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
    config.retry_backoff = Duration::from_secs(3600);
    let upstream = Arc::new(upstream(&config));
    let waiting = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !upstream.traffic().requests.is_empty()).await;
    upstream.fetch(Category::Blip, None).await.unwrap_err();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, UpstreamError::Held { .. }), "{error}");
}

#[tokio::test]
async fn ending_the_backoff_answers_with_the_last_error_at_once() {
    let server = always(answer_with(502, &[], b""));
    let mut config = config(&server.url());
    config.retry_backoff = Duration::from_secs(3600);
    let upstream = Arc::new(upstream(&config));
    let waiting = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !upstream.traffic().requests.is_empty()).await;
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
    config.retry_backoff = Duration::from_secs(3600);
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

#[tokio::test]
async fn a_web_page_is_not_a_reference() {
    for content_type in [
        "text/html",
        "Text/HTML; charset=utf-8",
        "application/xhtml+xml",
    ] {
        let server = always(answer_with(
            200,
            &[("Content-Type", content_type)],
            b"<html>Log in</html>",
        ));
        let error = fetch(&server).await.unwrap_err();
        assert!(error.to_string().contains("captive portal"), "{error}");
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn three_redirects_are_followed_and_not_four() {
    let hop = |request: &str, _: usize| {
        let left: u32 = target(request)
            .trim_start_matches("/hop")
            .parse()
            .unwrap_or(3);
        let location = format!("/hop{}", left.saturating_sub(1));
        Action::Send(match left {
            0 => ok(),
            _ => answer_with(302, &[("Location", &location)], b""),
        })
    };
    let server = Scripted::start(hop);
    assert_eq!(body(fetch(&server).await.unwrap()), BODY);
    assert_eq!(server.requests().len(), 4);

    let server = Scripted::start(|_, n| {
        Action::Send(answer_with(302, &[("Location", &format!("/hop{n}"))], b""))
    });
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    let url = server.url();
    assert_eq!(
        chain(&error),
        format!("{url}/clip.json redirects to where we do not follow: more than 3 redirects")
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_an_odd_scheme_is_not_followed() {
    let server = always(answer_with(302, &[("Location", "file:///etc/passwd")], b""));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{}", chain(&error));
}

#[tokio::test]
async fn a_proxy_prefix_comes_before_the_whole_file_url() {
    let server = always(ok());
    let mut config = config("https://raw.githubusercontent.com");
    config.layout = Layout::Github;
    config.proxy_url = Some(format!("{}/gh/", server.url()).parse().unwrap());
    let upstream = upstream(&config);
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    let file = "https://raw.githubusercontent.com/Haidra-Org/AI-Horde-image-model-reference/refs/heads/main/clip.json";
    assert_eq!(target(&server.requests()[0]), format!("/gh/{file}"));
    assert_eq!(upstream.address(FILE).as_deref(), Some(file));
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_configured() {
    for most in [1, 4] {
        let gate = Arc::new(Gate::default());
        let server = Scripted::start({
            let gate = Arc::clone(&gate);
            move |_, _| Action::Gated(Arc::clone(&gate), ok())
        });
        let mut config = config(&server.url());
        config.concurrency = most;
        let upstream = Arc::new(upstream(&config));
        let fetches: Vec<_> = Category::with_legacy()
            .map(|category| {
                let upstream = Arc::clone(&upstream);
                tokio::spawn(async move { upstream.fetch(category, None).await })
            })
            .collect();
        until(|| server.requests().len() >= most).await;
        gate.open();
        for fetch in fetches {
            fetch.await.unwrap().unwrap();
        }
        assert_eq!(server.requests().len(), 10);
        assert_eq!(server.most_in_flight(), most);
    }
}

#[tokio::test]
async fn a_category_without_a_legacy_file_is_not_asked_for() {
    let server = always(ok());
    let upstream = upstream(&config(&server.url()));
    assert_eq!(upstream.address(Category::Lora), None);
    let error = upstream.fetch(Category::Lora, None).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_fetch_that_is_dropped_gives_its_slot_back() {
    let server = Scripted::start(|_, n| {
        if n == 0 {
            Action::Stall(Vec::new())
        } else {
            Action::Send(ok())
        }
    });
    let mut config = config(&server.url());
    config.concurrency = 1;
    let upstream = Arc::new(upstream(&config));
    let hanging = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { upstream.fetch(FILE, None).await }
    });
    until(|| !server.requests().is_empty()).await;
    let started = Instant::now();
    hanging.abort();
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Runs one of the ignored tests below in another environment; a process cannot change its own safely.
fn in_a_child(test: &str, environment: &[(&str, &str)]) {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    for name in names {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    let output = command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let proxy = always(ok());
    let environment = [
        ("HTTP_PROXY", proxy.url()),
        ("TEST_URL", "http://upstream.invalid".to_owned()),
    ];
    in_a_child(
        "child_fetches",
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    assert_eq!(
        target(&proxy.requests()[0]),
        "http://upstream.invalid/clip.json"
    );
}

#[test]
fn no_proxy_is_honoured() {
    let (proxy, server) = (always(answer_with(404, &[], b"")), always(ok()));
    let environment = [
        ("HTTP_PROXY", proxy.url()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
        ("TEST_URL", server.url()),
    ];
    in_a_child(
        "child_fetches",
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_said_plainly() {
    let proxy = always(answer_with(407, &[], b""));
    let environment = [
        ("HTTPS_PROXY", proxy.url()),
        ("TEST_URL", "https://upstream.invalid".to_owned()),
    ];
    in_a_child(
        "child_is_refused_by_its_proxy",
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    assert!(proxy.requests()[0].starts_with("CONNECT upstream.invalid:443 "));
}

#[tokio::test]
#[ignore = "run by the tests of the environment"]
async fn child_fetches() {
    let upstream = upstream(&config(&std::env::var("TEST_URL").unwrap()));
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
}

#[tokio::test]
#[ignore = "run by a_proxy_that_refuses_is_said_plainly"]
async fn child_is_refused_by_its_proxy() {
    let upstream = upstream(&config(&std::env::var("TEST_URL").unwrap()));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.starts_with("cannot connect to https://upstream.invalid/clip.json (a proxy is set"),
        "{text}"
    );
    assert!(text.contains("proxy auth"), "{text}");
}
