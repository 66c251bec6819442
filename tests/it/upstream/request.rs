//! What is asked, of whom, and how often at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use horde_refd::config::Layout;
use horde_refd::upstream::{Class, UpstreamError, Validators, What};

use super::{BODY, FILE, always, body, chain, config, fetch, ok, until, upstream};
use crate::common::scripted::{Action, Gate, Scripted, answer_with, header, target};

#[tokio::test]
async fn a_request_names_us_and_always_accepts_the_same_encoding() {
    let server = always(ok());
    let upstream = upstream(&config(&server.url()));
    let validators = Validators {
        etag: Some("W/\"a \"".to_owned()),
        last_modified: Some("Sun, 22 Nov 2026 12:00:00 GMT".to_owned()),
        ..Validators::default()
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
    let What::Body { validators, .. } = fetch(&server).await.unwrap() else {
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
        ..Validators::default()
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
        ..Validators::default()
    };
    let conditional = upstream.fetch(FILE, Some(&validators)).await.unwrap();
    assert_eq!(conditional, What::NotModified);
    assert_eq!(server.requests().len(), 1);

    for none in [None, Some(&Validators::default())] {
        let error = upstream.fetch(FILE, none).await.unwrap_err();
        assert!(
            matches!(error, UpstreamError::NotModifiedUnasked { .. }),
            "{error}"
        );
        assert_eq!(error.class(), Class::Permanent);
    }
    // One request each: a broken cache gives the same answer again.
    assert_eq!(upstream.requests(), BTreeMap::from([("304".to_owned(), 3)]));
    assert_eq!(upstream.traffic().downloaded_bytes, 0);
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
        config.http.concurrency = most;
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
    config.http.concurrency = 1;
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
